//! `jubao admin check` finds exactly what was spoilt by hand, and nothing in what was not.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream;
use gateway::inspect::Finding;
use jubao::demo::identity::MERCHANT;
use kernel::id::{Id, Sn};
use serde_json::{Value, json};

use super::moved::Moved;
use super::spoilt::{Traded, open, traded};
use crate::foreign::{Outcome, run};
use crate::holds::findings;
use crate::operator::Beside;
use crate::place;

/// Copies of a server's database that are looked at together.
const LOOKS_AT_ONCE: usize = 3;

/// One way to spoil a database: a name, the invariants that are then found broken, of what, a word of
/// what is found, and how it is done.
#[derive(Debug)]
struct Spoil {
    name: &'static str,
    invariants: &'static str,
    subject: &'static str,
    says: &'static str,
    sql: &'static str,
}

/// All of them, as they are done to a file.
fn spoils() -> Vec<Spoil> {
    read(include_str!("spoils.sql"))
}

/// All of them, as they are done to a server: some in other words.
fn spoils_of_server() -> Vec<Spoil> {
    let mut other = read(include_str!("spoils_of_server.sql"));
    let all = spoils().into_iter().map(|one| {
        let at = other.iter().position(|found| found.name == one.name);
        at.map_or(one, |at| other.swap_remove(at))
    });
    let all = all.collect();
    assert!(other.is_empty(), "{other:?}");
    all
}

fn read(text: &'static str) -> Vec<Spoil> {
    let read = |text: &'static str| {
        let mut lines = text.splitn(3, '\n');
        let mut comment = || lines.next().unwrap().strip_prefix("-- ").unwrap();
        let (name, cells) = (comment(), comment());
        let [invariants, subject, says] = cells.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{name}: {cells}");
        };
        Spoil { name, invariants, subject, says, sql: lines.next().unwrap() }
    };
    text.split("\n\n").skip(1).map(read).collect()
}

/// The way of that name.
fn how(name: &str) -> &'static str {
    spoils().into_iter().find(|one| one.name == name).unwrap().sql
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_spoilt_is_found_and_nothing_else() {
    let traded = traded().await;
    assert_eq!(found(&traded, "whole", "").await, []);
    let spoils = spoils();
    assert!(spoils.len() > 45, "{}", spoils.len());
    for one in spoils {
        let all = found(&traded, one.name, one.sql).await;
        is_found(&traded, &one, &all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_spoilt_on_a_server_is_found_and_nothing_else() {
    let traded = traded().await;
    let server = Moved::from(&traded, pgtest::Database::fresh().await).await;
    assert_eq!(server.found("").await, []);
    let looks = spoils_of_server().into_iter().map(async |one| {
        let all = server.found(&traded.named(one.sql)).await;
        is_found(&traded, &one, &all);
    });
    let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).count().await;
    assert_eq!(looks, spoils().len());
}

/// Of what a partitioned database has that another has not: keys of several tables' parts, and guards.
const IN_PARTS: [&str; 8] = [
    "a posting made twice",
    "an attempt that was counted and is not known",
    "a line of the ledger without an order",
    "a gap in the feed",
    "an order that is gone",
    "two orders of one number",
    "refunds whose numbers nothing keeps apart",
    "books that can be changed",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_moved_into_a_partitioned_database_and_whatever_is_spoilt_there_is_found() {
    let traded = traded().await;
    let parts = pgtest::Database::fresh_from("gateway_in_parts", place::lay_out).await;
    let server = Moved::from(&traded, parts).await;
    assert_eq!(server.found("").await, []);
    let spoils = spoils_of_server().into_iter().filter(|one| IN_PARTS.contains(&one.name));
    let spoils: Vec<_> = spoils.collect();
    assert_eq!(spoils.len(), IN_PARTS.len());
    for one in spoils {
        let all = server.found(&traded.named(one.sql)).await;
        is_found(&traded, &one, &all);
    }
    // A guard that is off on one part is no guard.
    let off = format!("alter table ledger_entries_{}_0 disable trigger all", place::PARTS);
    let found = server.found_guarded(&off).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].what, "ledger_entries_no_change is missing");
}

/// What was found is what was spoilt.
fn is_found(traded: &Traded, one: &Spoil, all: &[Finding]) {
    let invariants: BTreeSet<_> = all.iter().map(|finding| finding.invariant).collect();
    let invariants: Vec<_> = invariants.iter().map(ToString::to_string).collect();
    assert_eq!(invariants.join(" "), one.invariants, "{}: {all:#?}", one.name);
    let subject = subject(traded, one.subject);
    let is_its = |finding: &Finding| subject.is_empty() || finding.subject == subject;
    assert!(all.iter().all(is_its), "{}: {all:#?}", one.name);
    let is_said = all.iter().any(|finding| finding.what.contains(one.says));
    assert!(is_said, "{}: {all:#?}", one.name);
}

async fn found(traded: &Traded, name: &str, sql: &str) -> Vec<Finding> {
    let path = traded.spoilt(&name.replace(' ', "-"), sql);
    findings(&open(&path), None).await.unwrap().1
}

fn subject(traded: &Traded, name: &str) -> String {
    let sn = |sn: &Sn| sn.as_str().to_owned();
    match name {
        ":paid" => sn(&traded.paid),
        ":refunded" => sn(&traded.refunded),
        ":surplus" => sn(&traded.surplus),
        ":waiting" => sn(&traded.waiting),
        // There is no order of these ids; they would be the first and the last.
        "seven" => Id(7).sn().into_string(),
        "last" => Id((1 << 53) - 1).sn().into_string(),
        "merchant" => "merchant 10502105689001".to_owned(),
        "several" => String::new(),
        other => other.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_off_is_found_by_the_head_that_an_earlier_check_printed() {
    let traded = traded().await;
    let whole = check(&traded.spoilt("whole", ""), &["--json"]).await;
    assert_eq!(whole.code, 0, "{whole:?}");
    let head = last(&whole)["audit_head"].as_str().unwrap().to_owned();
    let cut = traded.spoilt("cut", include_str!("cut_audit.sql"));
    assert_eq!(check(&cut, &[]).await.code, 0, "by itself a shorter chain is whole");
    let found = check(&cut, &["--audit-head", &head]).await;
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.said.contains("I12  audit  the chain breaks at entry"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_a_line_with_its_number_and_the_orders_sn_and_ends_with_one() {
    let traded = traded().await;
    let path = traded.spoilt("spoilt", how("a posting never made"));
    let text = check(&path, &[]).await;
    assert_eq!(text.code, 1, "{text:?}");
    let line = format!("I3   {}  channel_receivable holds 0", traded.paid);
    assert!(text.said.lines().any(|said| said.starts_with(&line)), "{text:?}");
    assert!(text.said.contains("orders of 1 merchants checked: 3 findings"), "{text:?}");
    let json = check(&path, &["--json"]).await;
    let lines: Vec<Value> = lines(&json);
    assert_eq!((json.code, lines.len()), (1, 4), "{json:?}");
    assert_eq!(lines[0]["invariant"], "I3");
    assert_eq!(lines[0]["subject"], traded.paid.as_str());
    assert_eq!(lines[3]["findings"], 3);
    assert_eq!(lines[3]["not_judged"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_ends_with_two_and_is_no_finding() {
    let traded = traded().await;
    let missing = traded.folder.path().join("nowhere.db");
    let rubbish = traded.folder.path().join("rubbish.db");
    std::fs::write(&rubbish, "no database".repeat(1_000)).unwrap();
    for (path, says) in [(&missing, "there is no store"), (&rubbish, "not a database")] {
        let outcome = check(path, &[]).await;
        assert_eq!((outcome.code, outcome.said.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.complained.contains(says), "{outcome:?}");
    }
    assert!(!missing.exists(), "looking makes nothing");
    let wrong = run(&["admin", "check", "--database", "mysql://x"], "").await;
    assert!(wrong.code == 2 && wrong.complained.contains("sqlite:PATH"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_at_work_is_checked_beside_its_server() {
    let beside = Beside::start().await;
    let order = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 1, "body": "茶",
    });
    let work = async {
        for _ in 0..200 {
            assert_eq!(beside.call("/payment/pay", &order, MERCHANT.key).await["code"], 200);
        }
    };
    let looks = async {
        let mut seen = 0;
        for _ in 0..3 {
            let looked = beside.command(&["admin", "check", "--json"]).await;
            let summary = last(&looked);
            assert_eq!((&summary["findings"], &summary["not_judged"]), (&json!(0), &json!([])));
            seen = summary["orders"].as_u64().unwrap();
        }
        seen
    };
    let ((), seen) = tokio::join!(work, looks);
    assert!(seen > 0, "orders came while it looked");
    assert_eq!(last(&beside.command(&["admin", "check", "--json"]).await)["orders"], 200);
}

async fn check(path: &Path, more: &[&str]) -> Outcome {
    let database = format!("sqlite:{}", path.display());
    run(&[&["admin", "check", "--database", &database], more].concat(), "").await
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn last(outcome: &Outcome) -> Value {
    lines(outcome).pop().unwrap()
}

//! `jubao admin check`: the invariants of docs/INVARIANTS.md over a whole database.

use clap::Args;
use gateway::inspect::{self, Finding, News, Walked};
use serde_json::{Value, json};
use store::audit::Head;
use store::{Database, Store, StoreError, upkeep};

use crate::admin::place::DatabaseArguments;
use crate::cli::{Failure, print_line};

/// After so many orders a line says how far it is.
const PROGRESS_EVERY: u64 = 20_000;

/// What stands below the help.
pub const HELP: &str = "\
Each finding is a line: the invariant's number in docs/INVARIANTS.md, the order's sn (or what else it is \
about), and what is so instead. Checked is what a database alone can tell: I1 to I12, I14 and I15, each as \
far as rows tell it; what upstreams hold (I3), their bills (I13) and what merchants have heard (I9) are \
compared by the tests.

The database may be at work meanwhile, and nothing is written to it: one that an earlier version wrote is \
refused, and checked once it is migrated. Exit code 0: everything holds; 1: there are findings; 2: it cannot be \
read.";

/// Arguments of `admin check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The database.
    #[command(flatten)]
    pub place: DatabaseArguments,
    /// Where the audit log ended at an earlier check, as that printed it; what was cut off since is found.
    #[arg(long, value_name = "SEQ:HASH")]
    pub audit_head: Option<String>,
    /// Print JSON: an object for each finding, and one at the end that sums up.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(arguments: CheckArguments) -> Result<(), Failure> {
    let known = arguments.audit_head.as_deref().map(head).transpose()?;
    let store = open(arguments.place.present()?).await?;
    let mut told_at = 0;
    let tell = |news| match news {
        News::Found(finding) => print_line(line(&finding, arguments.json)),
        News::Judged(orders) => {
            if orders / PROGRESS_EVERY > told_at / PROGRESS_EVERY {
                eprintln!("jubao: {orders} orders checked");
            }
            told_at = orders;
        }
    };
    let walked = inspect::walk(&store, known, tell).await.map_err(unreadable)?;
    print_line(summary(&walked, arguments.json));
    if walked.findings == 0 { Ok(()) } else { Err(Failure::Verdict) }
}

/// Opens a database that has this version's schema already: opening it would migrate any other.
async fn open(database: Database) -> Result<Store, Failure> {
    let work = move || {
        let plan = upkeep::plan(&database).map_err(unreadable)?;
        if plan.pending.is_empty() {
            return Store::open(&database).map_err(unreadable);
        }
        let (schema, newest) = (plan.schema, plan.schema + plan.pending.len());
        Err(Failure::Input(match schema {
            0 => format!("{database}: there is no store in it"),
            _ => format!(
                "{database}: its schema is {schema}, not {newest}, and checking changes nothing: run \
                 `jubao admin migrate` (on a copy, if it is to stay as it is), then check again"
            ),
        }))
    };
    let opened = tokio::task::spawn_blocking(work).await;
    opened.map_err(|error| Failure::Machine(error.to_string()))?
}

fn line(finding: &Finding, is_json: bool) -> String {
    let Finding { invariant, subject, what } = finding;
    if is_json {
        let invariant = invariant.to_string();
        return json!({ "invariant": invariant, "subject": subject, "what": what }).to_string();
    }
    format!("{invariant:<4} {subject}  {what}", invariant = invariant.to_string())
}

fn summary(walked: &Walked, is_json: bool) -> String {
    let Walked { merchants, orders, restless, findings, audit_head } = walked;
    let head = audit_head.as_ref().map(|head| format!("{}:{}", head.seq, head.hash));
    let restless: Vec<_> = restless.iter().map(|id| id.sn().into_string()).collect();
    if is_json {
        return json!({
            "merchants": merchants, "orders": orders, "findings": findings,
            "not_judged": restless, "audit_head": head.map_or(Value::Null, Value::from),
        })
        .to_string();
    }
    let mut text = format!("{orders} orders of {merchants} merchants checked: {findings} findings");
    if !restless.is_empty() {
        text += &format!("\nchanged each time they were read, not judged: {}", restless.join(", "));
    }
    if let Some(head) = head {
        text += &format!("\naudit head: {head}");
    }
    text
}

fn head(text: &str) -> Result<Head, Failure> {
    let wrong =
        || Failure::Input(format!("--audit-head {text}: write SEQ:HASH, as check printed it"));
    let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
    let seq = seq.parse().map_err(|_| wrong())?;
    Ok(Head { seq, hash: hash.to_owned() })
}

/// Not a finding: nothing is known of what cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unreadable(error: StoreError) -> Failure {
    Failure::Input(error.to_string())
}

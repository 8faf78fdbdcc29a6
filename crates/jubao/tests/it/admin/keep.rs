//! `jubao admin backup`, `restore` and `migrate`: copies are whole and for the owner alone, nothing that is
//! there is lost, and several processes migrate as one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use jubao::data_dir::{DATABASE_NAME, KEY_NAME};
use jubao::demo::identity::MERCHANT;
use rusqlite::Connection;
use serde_json::json;

use super::earlier::old;
use super::spoilt::{open, traded};
use crate::foreign::{Outcome, run};
use crate::holds::all_holds;
use crate::leaks::TestFolder;
use crate::operator::Beside;

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

async fn back_up(from: &Path, to: &Path, more: &[&str]) -> Outcome {
    let (from, to) = (sqlite(from), to.display().to_string());
    run(&[&["admin", "backup", "--database", &from, "--to", &to], more].concat(), "").await
}

async fn restore(from: &Path, to: &Path) -> Outcome {
    let (from, to) = (from.display().to_string(), sqlite(to));
    run(&["admin", "restore", "--database", &to, "--from", &from], "").await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_at_work_is_whole_and_comes_back() {
    let beside = Beside::start().await;
    let order = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 1, "body": "茶",
    });
    let kept = TestFolder::make();
    let copies: Vec<PathBuf> =
        (0..5).map(|number| kept.path().join(format!("{number}.db"))).collect();
    let work = async {
        for _ in 0..300 {
            assert_eq!(beside.call("/payment/pay", &order, MERCHANT.key).await["code"], 200);
        }
    };
    let keep = async {
        for copy in &copies {
            let to = copy.display().to_string();
            let said = beside.command(&["admin", "backup", "--to", &to, "--json"]).await.json();
            assert_eq!(said["bytes"].as_u64().unwrap(), copy.metadata().unwrap().len());
        }
    };
    tokio::join!(work, keep);
    let mut counts = Vec::new();
    for (number, copy) in copies.iter().enumerate() {
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let back = kept.path().join(format!("back-{number}")).join(DATABASE_NAME);
        let restored = restore(copy, &back).await;
        assert_eq!(restored.code, 0, "{restored:?}");
        assert!(restored.said.contains("Put its master.key beside it"), "{restored:?}");
        assert_eq!(back.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let store = open(&back);
        all_holds(&store).await;
        counts.push(store::orders::count(&store, MERCHANT.mch_id).await.unwrap());
    }
    assert!(counts.is_sorted() && counts.first() < counts.last(), "{counts:?}");
    let partial = |name: &String| name.contains("partial");
    assert!(!names(kept.path()).iter().any(partial), "{:?}", names(kept.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_there_is_written_over() {
    let traded = traded().await;
    let folder = traded.folder.path();
    let (copy, precious) = (folder.join("copy.db"), folder.join("precious"));
    std::fs::write(&precious, "precious").unwrap();
    let refused = back_up(&traded.database(), &precious, &[]).await;
    assert!(refused.code == 2 && refused.complained.contains("--force"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(back_up(&traded.database(), &precious, &["--force"]).await.code, 0);
    all_holds(&open(&precious)).await;

    assert_eq!(back_up(&traded.database(), &copy, &[]).await.code, 0);
    let refused = restore(&copy, &traded.database()).await;
    assert!(refused.code == 1 && refused.complained.contains("move it away"), "{refused:?}");
    // A log that was left would be taken for the new file's.
    let elsewhere = folder.join("elsewhere.db");
    std::fs::write(folder.join("elsewhere.db-wal"), "a log").unwrap();
    let refused = restore(&copy, &elsewhere).await;
    assert!(refused.code == 1 && refused.complained.contains("is the log"), "{refused:?}");
    assert!(!elsewhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_server_has_open_is_not_brought_back_over() {
    let beside = Beside::start().await;
    let kept = TestFolder::make();
    let copy = kept.path().join("copy.db").display().to_string();
    beside.command(&["admin", "backup", "--to", &copy]).await;
    let data = beside.data();
    let refused = run(&["admin", "restore", "--from", &copy, "--data", &data], "").await;
    assert!(
        refused.code == 1 && refused.complained.contains("a server has it open"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_store_or_is_torn_is_neither_kept_nor_brought_back() {
    let traded = traded().await;
    let folder = traded.folder.path();
    let to = folder.join("to.db");
    let (rubbish, torn) = (folder.join("rubbish.db"), folder.join("torn.db"));
    std::fs::write(&rubbish, "no database".repeat(1_000)).unwrap();
    assert_eq!(back_up(&traded.database(), &torn, &[]).await.code, 0);
    let mut bytes = std::fs::read(&torn).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0xA5);
    std::fs::write(&torn, bytes).unwrap();
    for bad in [&rubbish, &torn] {
        for outcome in [back_up(bad, &to, &[]).await, restore(bad, &to).await] {
            assert_eq!(outcome.code, 1, "{bad:?} {outcome:?}");
        }
        assert!(!to.exists(), "{bad:?}");
    }
    let partial = |name: &String| name.contains("partial");
    assert!(!names(folder).iter().any(partial), "{:?}", names(folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_not_in_a_copy() {
    let traded = traded().await;
    let copy = traded.folder.path().join("copy.db");
    assert_eq!(back_up(&traded.database(), &copy, &[]).await.code, 0);
    let key = std::fs::read(traded.folder.path().join(KEY_NAME)).unwrap();
    let key = key.trim_ascii();
    let bytes = std::fs::read(&copy).unwrap();
    assert!(!bytes.windows(key.len()).any(|window| window == key));
    let help = run(&["admin", "backup", "--help"], "").await;
    assert!(help.said.contains("is not in the copy"), "{help:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_every_statement_and_writes_nothing() {
    let folder = TestFolder::make();
    let path = folder.path().join("old.db");
    old(&path);
    let before = std::fs::read(&path).unwrap();
    let database = sqlite(&path);
    let dry = run(&["admin", "migrate", "--database", &database, "--dry-run"], "").await;
    assert_eq!(dry.code, 0, "{dry:?}");
    for says in ["-- schema 1; nothing was written", "-- migration 2", "refunds_number"] {
        assert!(dry.said.contains(says), "{says}: {dry:?}");
    }
    assert!(!dry.said.contains("-- migration 1\n"), "{dry:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // What it told is all that is done: by hand it makes the same schema.
    let by_hand = folder.path().join("by_hand.db");
    std::fs::copy(&path, &by_hand).unwrap();
    Connection::open(&by_hand).unwrap().execute_batch(&dry.said).unwrap();
    let done = run(&["admin", "migrate", "--database", &database], "").await;
    assert!(done.said.starts_with("migrated from schema 1 to "), "{done:?}");
    assert_eq!(schema(&path), schema(&by_hand));
    let again = run(&["admin", "migrate", "--database", &database, "--dry-run"], "").await;
    assert!(again.said.contains("nothing to do"), "{again:?}");
    all_holds(&open(&path)).await;
    let nowhere = sqlite(&folder.path().join("nowhere.db"));
    let refused = run(&["admin", "migrate", "--database", &nowhere], "").await;
    assert!(refused.code == 2 && refused.complained.contains("there is no store"), "{refused:?}");
}

/// What the file's tables, indexes and triggers are.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(include_str!("schema.sql")).unwrap();
    let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    found.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_that_migrate_at_once_do_it_once() {
    let folder = TestFolder::make();
    let path = folder.path().join("old.db");
    old(&path);
    let database = sqlite(&path);
    let arguments = ["admin", "migrate", "--database", &database, "--json"];
    let outcomes = join_all((0..6).map(|_| run(&arguments, ""))).await;
    for outcome in &outcomes {
        assert_eq!(outcome.code, 0, "{outcome:?}");
    }
    let store = open(&path);
    all_holds(&store).await;
    assert_eq!(store::orders::count(&store, MERCHANT.mch_id).await.unwrap(), 0);
}

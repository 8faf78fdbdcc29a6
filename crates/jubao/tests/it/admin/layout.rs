//! `jubao admin migrate --partition`: a database with orders is laid out, and stays what it was.

use super::spoilt::traded;
use crate::app::TestApp;
use crate::foreign::{Outcome, Running, jubao};
use crate::holds::all_holds;
use crate::leaks::{self, Kind};
use store::{Database, Store};

async fn laid_out(database: &str, more: &[&str]) -> Outcome {
    let mut command = jubao(&["admin", "migrate", "--database", database]);
    command.args(more);
    Running::start(&mut command).outcome(b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_laid_out_by_merchant_and_what_was_interrupted_goes_on() {
    for password in pgtest::Database::passwords() {
        leaks::secret(Kind::Password, "a database's", password.as_bytes());
    }
    let (traded, server) = (traded().await, pgtest::Database::fresh().await);
    let from = format!("sqlite:{}", traded.database().display());
    let mut moving = jubao(&["admin", "move", "--from", &from]);
    let moved = Running::start(moving.args(["--to", &server.url()])).outcome(b"").await;
    assert_eq!(moved.code, 0, "{moved:?}");
    let before = server.count("orders").await;
    for (count, is_so) in [("4", false), ("4", true), ("8", false)] {
        let done = laid_out(&server.url(), &["--partition", count]).await;
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(done.said.contains("orders: is so already"), is_so, "{done:?}");
        let found = server.raw().await.query_one(include_str!("parts.sql"), &[]).await.unwrap();
        assert_eq!(found.get::<_, i64>(0).to_string(), count);
        assert_eq!(server.count("orders").await, before);
    }
    let database = Database::parse(&server.url()).unwrap();
    let store = tokio::task::spawn_blocking(move || Store::open(&database)).await.unwrap().unwrap();
    all_holds(&store).await;
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_laid_out_is_refused_with_the_cure() {
    let app = TestApp::spawn().await;
    let file = format!("sqlite:{}/jubao.db", app.folder.path().display());
    let server = pgtest::Database::fresh().await;
    for (database, more, says) in [
        (&file, &["--partition", "4"][..], "jubao admin move"),
        (&server.url(), &["--partition", "4", "--distribute"], "Citus"),
        (&server.url(), &["--distribute"], "--partition"),
        (&server.url(), &["--partition", "1"], "2..=256"),
        (&server.url(), &["--partition", "4", "--dry-run"], "cannot be used with"),
    ] {
        let refused = laid_out(database, more).await;
        assert_ne!(refused.code, 0, "{more:?}: {refused:?}");
        assert!(refused.complained.contains(says), "{more:?}: {refused:?}");
    }
    // It was left as it is.
    app.place(304).await;
    app.finish().await;
}

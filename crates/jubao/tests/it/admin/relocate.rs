//! `jubao admin move`: everything arrives, however often the move is killed; while it lasts neither side can
//! be opened; and what did not arrive as it was is found.

use std::ops::ControlFlow;
use std::path::Path;

use gateway::inspect::Walked;
use jubao::data_dir::KEY_NAME;
use jubao::demo::identity::MERCHANT;
use store::upkeep::{self, Moved, Moving, Step};
use store::{Database, Store, StoreError};

use super::spoilt::{Traded, traded};
use crate::foreign::{Running, jubao};
use crate::holds::findings;
use crate::leaks::{self, Kind};
use crate::operator::Beside;

/// An empty database on a server.
async fn target() -> (pgtest::Database, Database) {
    let database = pgtest::Database::fresh().await;
    for password in pgtest::Database::passwords() {
        leaks::secret(Kind::Password, "a database's", password.as_bytes());
    }
    let url = Database::parse(&database.url()).unwrap();
    (database, url)
}

fn source(traded: &Traded) -> Database {
    Database::Sqlite(traded.database())
}

/// Moves until `stop` says so.
async fn moved(
    from: &Database,
    to: &Database,
    mut stop: impl FnMut(&Moving) -> bool + Send + 'static,
) -> Result<Moved, StoreError> {
    let (from, to) = (from.clone(), to.clone());
    let work = move || {
        upkeep::start(&from, &to, &mut |moving| match stop(&moving) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn opened(database: &Database) -> Result<Store, StoreError> {
    let database = database.clone();
    tokio::task::spawn_blocking(move || Store::open(&database)).await.unwrap()
}

async fn walked(database: &Database) -> Walked {
    let store = opened(database).await.unwrap();
    let (walked, found) = findings(&store, None).await.unwrap();
    assert!(found.is_empty(), "{found:#?}");
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
    walked
}

fn says(answer: Result<impl std::fmt::Debug, StoreError>, words: &str) {
    let why = answer.unwrap_err().to_string();
    assert!(why.contains(words), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_arrives_whole_and_is_the_store_from_then_on() {
    let traded = traded().await;
    let (from, (keep, to)) = (source(&traded), target().await);
    let before = walked(&from).await;
    let done = moved(&from, &to, |_| false).await.unwrap();
    assert!(done.tables > 20 && done.rows > 100, "{done:?}");
    assert_eq!(
        walked(&to).await,
        before,
        "as many of everything, and the same end of the audit log"
    );
    says(opened(&from).await, "away, to postgres://");
    says(moved(&from, &to, |_| false).await, "it has been moved");
    says(given_up(&from).await, "that is the store now");
    // The same key opens what it sealed.
    let config = config(&traded);
    let mut show = jubao(&["order", "show", traded.paid.as_str(), "--config", &config]);
    let shown = Running::start(show.env("JUBAO_DATABASE", keep.url())).outcome(b"").await;
    assert!(shown.code == 0 && shown.said.contains("SUCCESS"), "{shown:?}");
}

fn config(traded: &Traded) -> String {
    let path = traded.folder.path().join("moved.toml");
    let key = traded.folder.path().join(KEY_NAME);
    let text = format!("master_key_file = '{}'\n", key.display());
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

async fn given_up(from: &Database) -> Result<(), StoreError> {
    let from = from.clone();
    tokio::task::spawn_blocking(move || upkeep::give_up(&from)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_ended_after_every_page_goes_on_and_nothing_is_there_twice() {
    let traded = traded().await;
    let (from, (_keep, to)) = (source(&traded), target().await);
    let before = walked(&from).await;
    let (mut runs, mut pages) = (0, 0);
    let rows = loop {
        runs += 1;
        pages += 3;
        // Some pages more than the time before, so that it ends everywhere.
        let mut left = pages;
        let ended = moved(&from, &to, move |_| {
            left -= 1;
            left == 0
        });
        match ended.await {
            Ok(done) => break done.rows,
            Err(StoreError::Unavailable(why)) if why.contains("ended where it was") => {}
            Err(other) => panic!("{other}"),
        }
        says(opened(&from).await, "moving");
        says(opened(&to).await, "moving");
        assert!(runs < 500);
    };
    assert!(runs > 10 && rows > 100, "{runs} {rows}");
    assert_eq!(walked(&to).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_it_moves_is_started_again() {
    let traded = traded().await;
    let (keep, to) = target().await;
    let from = source(&traded).to_string();
    let mut command = jubao(&["admin", "move", "--from", &from]);
    let mut killed = Running::start(command.env("JUBAO_MOVE_TO", keep.url()));
    killed.complaint(|line| line.contains("copying")).await;
    killed.signal_if_alive("-KILL");
    killed.end().await;
    let mut command = jubao(&["admin", "move", "--from", &from, "--json"]);
    let again = Running::start(command.env("JUBAO_MOVE_TO", keep.url())).outcome(b"").await;
    // It may have been done before it was killed.
    let is_done = again.code == 0 || again.complained.contains("it has been moved");
    assert!(is_done, "{again:?}");
    assert!(!format!("{again:?}").contains(&keep.url()), "{again:?}");
    assert!(walked(&to).await.orders >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_as_it_was_is_found_and_the_target_stays_closed() {
    let traded = traded().await;
    let (from, (keep, to)) = (source(&traded), target().await);
    let ended = moved(&from, &to, |moving| moving.step == Step::Compare).await;
    says(ended, "ended where it was");
    keep.raw().await.batch_execute(include_str!("change_a_row.sql")).await.unwrap();
    says(moved(&from, &to, |_| false).await, "which are not the same");
    says(opened(&to).await, "moving");
    given_up(&from).await.unwrap();
    assert!(walked(&from).await.orders >= 5, "it is what it was");
    says(moved(&from, &to, |_| false).await, "which are not the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_neither_moved_nor_moved_to() {
    let traded = traded().await;
    let (from, (_keep, to)) = (source(&traded), target().await);
    let beside = Beside::start().await;
    let open = Database::Sqlite(Path::new(&beside.data()).join("jubao.db"));
    says(moved(&open, &to, |_| false).await, "a server has it open");
    // The demo goes on as if nothing had been.
    beside.command(&["admin", "check"]).await;
    let other = {
        let (_keep, other) = target().await;
        drop(opened(&other).await.unwrap());
        let store = opened(&other).await.unwrap();
        let batch = store::merchants::add(&a_merchant());
        assert!(store.write(batch).await.unwrap().is_done());
        tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
        says(moved(&from, &other, |_| false).await, "holds other data");
        _keep
    };
    drop(other);
    given_up(&from).await.unwrap();
    // Another store's half is no place either.
    assert!(moved(&from, &to, |_| true).await.is_err());
    let second = traded.spoilt("second", "");
    let second = Database::Sqlite(second);
    says(moved(&second, &to, |_| false).await, "the target is being filled from sqlite:");
}

fn a_merchant() -> store::merchants::NewMerchant {
    store::merchants::NewMerchant {
        mch_id: MERCHANT.mch_id,
        name: "茶".into(),
        fee_rate_ppm: 0,
        application: store::applications::NewApplication {
            app_id: kernel::id::AppId(1_000_258),
            key_sealed: "sealed".into(),
            settings: kernel::application::Settings::default(),
        },
        shops: Vec::new(),
        created_at: kernel::time::Timestamp::from_seconds(1_795_320_000),
    }
}

//! What only a server can do to a store: cut it off at a COMMIT, set two groups against each other, be
//! set to lose data.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use futures_util::future::join_all;
use kernel::id::MchId;
use kernel::order::Order;
use pgtest::{Cut, Moment, Proxy, Server};

use super::refunds::a_refund;
use super::{MCH, a_change, a_message, a_paying_change, an_attempt, an_order, blocking, migrate};
use crate::db::postgres::words;
use crate::standings::Which;
use crate::{
    Batch, Database, Store, StoreError, Written, attempts, meta, notices, orders, standings,
};

/// Every moment at which a COMMIT can be cut.
const MOMENTS: [Moment; 3] = [Moment::Before, Moment::InFlight, Moment::After];

/// Runs a test whose proxy lives on other threads than the one that opens stores.
fn on_threads<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(test)
}

async fn fresh() -> pgtest::Database {
    pgtest::Database::fresh_from("store", migrate).await
}

/// A store that reaches its database through a proxy.
async fn behind_a_proxy(database: &pgtest::Database) -> (Store, Proxy) {
    let url = database.url();
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    let proxy = Proxy::before(port.parse().unwrap()).await;
    let store = open(&proxy.url(&url));
    (store, proxy)
}

fn open(url: &str) -> Store {
    Store::open(&Database::parse(url).unwrap()).unwrap()
}

fn placing(sequence: u32) -> Batch {
    let order = an_order(sequence);
    let messages = [a_message(&order, 20_000 + sequence)];
    orders::place(&order, &[an_attempt(&order, 1)], &messages)
}

fn paying(sequence: u32) -> Batch {
    orders::settle(&a_paying_change(&an_order(sequence), 30_000 + 2 * sequence))
}

/// Writes all at once.
async fn write_all(
    store: &Store,
    batches: impl Iterator<Item = Batch>,
) -> Vec<Result<Written, StoreError>> {
    join_all(batches.map(|batch| store.write(batch))).await
}

fn are_done(answers: &[Result<Written, StoreError>]) -> bool {
    answers.iter().all(|answer| answer.as_ref().is_ok_and(Written::is_done))
}

#[test]
fn whoever_is_cut_off_at_a_commit_hears_what_became_of_it() {
    const ORDERS: u32 = 60;
    for moment in MOMENTS {
        on_threads(async {
            let database = fresh().await;
            let (store, proxy) = behind_a_proxy(&database).await;
            proxy.cut(Cut { moment, of: "", every: 2, times: 12 });
            // One after the other, and then many together: alone and as sets.
            for sequence in 0..6 {
                assert!(are_done(&write_all(&store, [placing(sequence)].into_iter()).await));
            }
            for group in 0..3 {
                let mine = (6..ORDERS).filter(|sequence| sequence % 3 == group);
                let placed = write_all(&store, mine.map(placing)).await;
                assert!(are_done(&placed), "{moment:?}: {placed:?}");
            }
            let paid = write_all(&store, (0..ORDERS).map(paying)).await;
            assert!(are_done(&paid), "{moment:?}: {paid:?}");
            let names = (0..12).map(|one| meta::add(&format!("fact {one}"), "1"));
            let added = write_all(&store, names).await;
            assert!(are_done(&added), "{moment:?}: {added:?}");
            assert!(proxy.counts().cut_at_commit() >= 8, "{:?}", proxy.counts());
            for (table, rows) in [
                ("orders", ORDERS),
                ("order_events", 2 * ORDERS),
                ("attempts", ORDERS),
                ("messages", ORDERS),
                ("ledger_entries", 3 * ORDERS),
                ("notices", ORDERS),
                ("feed", ORDERS),
                ("audit", ORDERS),
            ] {
                assert_eq!(database.count(table).await, i64::from(rows), "{moment:?}: {table}");
            }
            let twice = store.write(placing(3)).await.unwrap();
            assert!(!twice.is_done(), "a number is used once");
        });
    }
}

#[test]
fn a_claim_takes_what_is_due_as_the_index_has_it_and_sorts_nothing() {
    on_threads(async {
        let database = fresh().await;
        let raw = database.raw().await;
        // Of a table without rows every way would be as cheap.
        raw.batch_execute("set enable_seqscan = off; set enable_bitmapscan = off").await.unwrap();
        let mut claim = words::of(notices::CLAIM).into_owned();
        for (at, value) in (1..).zip(["1", "'a'", "5", "9", "256"]) {
            claim = claim.replace(&format!("${at}"), value);
        }
        let rows = raw.query(&format!("explain {claim}"), &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("notices_lane") && !plan.contains("Sort"), "{plan}");
    });
}

#[test]
fn an_order_that_moves_is_read_with_what_hung_on_it_then() {
    const CHANGES: u32 = 150;
    on_threads(async {
        let database = fresh().await;
        let store = open(&database.url());
        for batch in [placing(1), paying(1)] {
            assert!(store.write(batch).await.unwrap().is_done());
        }
        let mut order = orders::by_id(&store, MCH, an_order(1).id).await.unwrap().unwrap();
        let paid_rev = order.rev;
        let is_over = AtomicBool::new(false);
        let write = async {
            for at in 0..CHANGES {
                let mut change = a_change(&order, 40_000 + 2 * at);
                change.new_refunds = vec![a_refund(&order, 50_000 + at, &format!("R{at}"))];
                assert!(store.write(orders::settle(&change)).await.unwrap().is_done());
                order.rev += 1;
            }
            is_over.store(true, Ordering::Relaxed);
        };
        let (id, looks) = (an_order(1).id, AtomicI64::new(0));
        let look = async || {
            while !is_over.load(Ordering::Relaxed) {
                let found = standings::find(&store, MCH, Which::Id(id)).await.unwrap().unwrap();
                let refunds = i64::try_from(found.refunds.len()).unwrap();
                assert_eq!(refunds, found.order.rev - paid_rev, "a refund for each change");
                looks.fetch_add(1, Ordering::Relaxed);
            }
        };
        tokio::join!(write, look(), look(), look());
        assert!(looks.into_inner() > 20);
    });
}

#[test]
fn all_connections_cut_at_once_come_back_and_nothing_is_guessed() {
    on_threads(async {
        let database = fresh().await;
        let (store, proxy) = behind_a_proxy(&database).await;
        for round in 0..5 {
            let placing = write_all(&store, (round * 40..(round + 1) * 40).map(placing));
            let (placed, ()) = tokio::join!(placing, async { proxy.cut_all() });
            assert!(are_done(&placed), "{placed:?}");
        }
        assert_eq!(database.count("orders").await, 200);
        let found = join_all((0..20).map(|_| orders::by_out_trade_no(&store, MCH, "T7"))).await;
        assert!(found.iter().filter(|found| found.is_ok()).count() >= 12, "{found:?}");
        assert!(orders::by_out_trade_no(&store, MCH, "T7").await.unwrap().is_some());
    });
}

#[test]
fn one_that_fails_in_a_set_does_not_harm_its_neighbours() {
    on_threads(async {
        let database = fresh().await;
        let store = open(&database.url());
        let batches = (0..80).map(|sequence| match sequence {
            // An attempt's number twice; a number that another in the same set has used.
            7 => placing(7).and(attempts::insert(&an_attempt(&an_order(7), 1))),
            9 => {
                let order = Order { out_trade_no: "T8".into(), ..an_order(9) };
                orders::place(&order, &[], &[])
            }
            _ => placing(sequence),
        });
        let placed = write_all(&store, batches).await;
        for (at, answer) in placed.iter().enumerate() {
            match (at, answer) {
                (7, Err(StoreError::Defect(_))) | (9, Ok(Written::Missed)) => {}
                (_, Ok(Written::Done(_))) if at != 7 && at != 9 => {}
                (_, _) => panic!("{at}: {answer:?}"),
            }
        }
        let batches = (0..40).map(|sequence| match sequence {
            7 | 9 => meta::set("a", "1"),
            8 => {
                let mut change = a_paying_change(&an_order(8), 50_000);
                change.attempts = vec![(an_attempt(&an_order(8), 1), 5)];
                orders::settle(&change)
            }
            _ => paying(sequence),
        });
        let paid = write_all(&store, batches).await;
        assert!(matches!(paid[8], Err(StoreError::Defect(_))), "{:?}", paid[8]);
        assert_eq!(paid.iter().filter(|answer| answer.is_ok()).count(), 39);
        assert_eq!(database.count("ledger_entries").await, 3 * 37);
    });
}

#[test]
fn groups_of_two_processes_that_want_the_same_rows_all_come_through() {
    const MERCHANTS: u32 = 16;
    on_threads(async {
        let database = fresh().await;
        let stores = [open(&database.url()), open(&database.url())];
        let of_merchant = |sequence: u32| {
            let mut order = an_order(sequence);
            order.mch_id = MchId(MCH.0 + i64::from(sequence % MERCHANTS));
            order
        };
        let placing = (0..800).map(|sequence| orders::place(&of_merchant(sequence), &[], &[]));
        assert!(are_done(&write_all(&stores[0], placing).await));
        let paying = |sequence: u32| {
            let mut change = a_paying_change(&of_merchant(sequence), 30_000 + 2 * sequence);
            if let Some(notice) = &mut change.notice {
                notice.mch_id = change.order.mch_id;
            }
            orders::settle(&change)
        };
        let (ascending, descending) = tokio::join!(
            write_all(&stores[0], (0..800).filter(|one| one % 2 == 0).map(paying)),
            write_all(&stores[1], (0..800).rev().filter(|one| one % 2 == 1).map(paying)),
        );
        assert!(are_done(&ascending), "{ascending:?}");
        assert!(are_done(&descending), "{descending:?}");
        let gaps = "select count(*) from (select mch_id from feed group by mch_id
            having count(*) <> max(seq) or count(distinct seq) <> count(*)) as gaps";
        let raw = database.raw().await;
        let found: i64 = raw.query_one(gaps, &[]).await.unwrap().get(0);
        assert_eq!(found, 0, "each merchant's events are numbered without gaps");
    });
}

#[test]
fn a_server_that_would_lose_data_is_refused() {
    let database = blocking(fresh());
    let url = Database::parse(&database.url()).unwrap();
    assert!(Store::open(&url).is_ok());
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    let off = format!("alter database {name} set synchronous_commit = off");
    blocking(async { database.raw().await.batch_execute(&off).await.unwrap() });
    let refused = Store::open(&url).map(drop);
    let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("synchronous_commit is off"), "{why}");
    for name in ["fsync", "full_page_writes"] {
        let server = blocking(Server::make_with(&format!("{name} = off")));
        let url = Database::parse(&blocking(server.create_database("loses"))).unwrap();
        let refused = Store::open(&url).map(drop);
        let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains(&format!("{name} is off")), "{why}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_of_without_its_password() {
    let url = Database::parse("postgres://jubao:hidden@127.0.0.1:1/pay").unwrap();
    let refused = Store::open(&url).map(drop);
    let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(!why.contains("hidden"), "{why}");
}

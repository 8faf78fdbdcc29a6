//! The writer: groups, neighbours, full queues, closing and opening, two processes.

use std::fs;

use kernel::order::Order;
use rusqlite::Connection;

use super::{
    MCH, Place, TestStore, a_paying_change, an_order, blocking, options, run, run_on_file, runtime,
};
use crate::batch::Statement;
use crate::writer::{GROUP_MAX, WRITE_QUEUE_MAX};
use crate::{Batch, Store, StoreError, attempts, meta, orders};

/// Keeps every writer waiting until [`release`].
fn hold(test: &TestStore) -> Connection {
    let raw = test.raw();
    raw.execute_batch("begin immediate").unwrap();
    raw
}

fn release(held: &Connection) {
    held.execute_batch("rollback").unwrap();
}

fn place(order: &Order) -> Batch {
    orders::place(order, &[], &[])
}

#[test]
fn what_waits_together_is_committed_together_and_answered_after() {
    run_on_file(async || {
        let test = TestStore::new();
        let before = test.store.counters();
        let held = hold(&test);
        let orders: Vec<Order> = (0..1_000).map(an_order).collect();
        let submit = |order: &Order| test.store.submit(place(order)).unwrap();
        let mut waiting: Vec<_> = orders.iter().map(submit).collect();
        for answer in &mut waiting {
            assert!(answer.try_told().is_none(), "nothing is durable");
        }
        release(&held);
        let fresh = test.raw();
        for (order, answer) in orders.iter().zip(waiting) {
            assert!(answer.told().await.unwrap().is_done());
            let sql = "select count(*) from orders where id = ?1";
            let found: i64 = fresh.query_row(sql, [order.id.0], |row| row.get(0)).unwrap();
            assert_eq!(found, 1);
        }
        let after = test.store.counters();
        assert_eq!(after.batches - before.batches, 1_000);
        let commits = after.commits - before.commits;
        assert!((2..=4).contains(&commits), "{commits} commits, at most {GROUP_MAX} in each");
    });
}

#[test]
fn one_alone_is_one_commit() {
    run(async || {
        let test = TestStore::new();
        for sequence in 0..3 {
            test.done(place(&an_order(sequence))).await;
        }
        let counters = test.store.counters();
        assert_eq!((counters.commits, counters.batches), (3, 3));
    });
}

#[test]
fn a_batch_that_fails_half_way_does_not_harm_its_neighbours() {
    run_on_file(async || {
        let test = TestStore::new();
        let held = hold(&test);
        let mut broken = place(&an_order(2));
        broken.then.push(attempts::update(&super::an_attempt(&an_order(2), 1), 0));
        let mut nonsense = place(&an_order(3));
        nonsense.then.push(Statement::new("insert into nowhere values ($1)", vec![1.into()]));
        let batches = [
            place(&an_order(1)),
            broken,
            place(&an_order(1)),
            nonsense,
            orders::settle(&a_paying_change(&an_order(1), 100)),
            place(&an_order(4)),
        ];
        let waiting = batches.map(|batch| test.store.submit(batch).unwrap());
        release(&held);
        let mut answers = Vec::new();
        for answer in waiting {
            answers.push(match answer.told().await {
                Ok(written) if written.is_done() => "done",
                Ok(_) => "missed",
                Err(StoreError::Defect(_)) => "defect",
                Err(other) => panic!("{other}"),
            });
        }
        assert_eq!(answers, ["done", "defect", "missed", "defect", "done", "done"]);
        assert_eq!((test.count("orders"), test.count("ledger_entries")), (2, 3));
        assert_eq!(test.count("order_events"), 3);
    });
}

#[test]
fn a_full_queue_is_busy_at_once_and_loses_nothing_it_took() {
    run_on_file(async || {
        let test = TestStore::new();
        let held = hold(&test);
        let mut waiting = Vec::new();
        let refusal = loop {
            match test.store.submit(meta::set(&format!("n{}", waiting.len()), "1")) {
                Ok(answer) => waiting.push(answer),
                Err(error) => break error,
            }
            assert!(waiting.len() <= WRITE_QUEUE_MAX + GROUP_MAX, "the queue has no bound");
        };
        assert_eq!(refusal, StoreError::Busy);
        assert!(waiting.len() >= WRITE_QUEUE_MAX);
        release(&held);
        let taken = i64::try_from(waiting.len()).unwrap();
        for answer in waiting {
            assert!(answer.told().await.unwrap().is_done());
        }
        assert_eq!(test.count("meta"), taken + 1, "and the schema's number");
    });
}

#[test]
fn a_nul_is_refused_before_it_is_queued() {
    run(async || {
        let test = TestStore::new();
        let mut order = an_order(1);
        order.attach = "a\0b".into();
        let mut entry = super::an_audit_entry("x");
        entry.detail = "\0".into();
        for batch in [place(&order), meta::set("a", "1").audited(entry)] {
            let answer = test.store.write(batch).await;
            assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        }
        assert_eq!(test.store.counters().batches, 0);
    });
}

#[test]
fn closing_finishes_the_queue_and_reopening_finds_everything() {
    run_on_file(async || {
        let mut test = TestStore::new();
        let waiting: Vec<_> =
            (0..200).map(|one| test.store.submit(place(&an_order(one))).unwrap()).collect();
        test.done(orders::settle(&a_paying_change(&an_order(5), 1_000))).await;
        test = test.reopened();
        for answer in waiting {
            assert!(answer.told().await.unwrap().is_done());
        }
        assert_eq!((test.count("orders"), test.count("notices")), (200, 1));
        let found = orders::by_id(&test.store, MCH, an_order(5).id).await.unwrap().unwrap();
        assert_eq!(found.rev, 1);
        assert!(crate::audit::verify(&test.store, None).await.unwrap().is_ok());
    });
}

#[test]
fn a_clone_keeps_the_store_open() {
    run(async || {
        let test = TestStore::new();
        let clone = test.store.clone();
        drop(test.store);
        assert!(clone.write(place(&an_order(1))).await.unwrap().is_done());
    });
}

#[test]
fn two_stores_in_one_place_both_write_and_share_one_audit_chain() {
    run(async || {
        let test = TestStore::new();
        let other = Store::open(&test.place.database()).unwrap();
        let mut waiting = Vec::new();
        for sequence in 0..100 {
            let store = if sequence % 2 == 0 { &test.store } else { &other };
            let batch = place(&an_order(sequence)).audited(super::an_audit_entry("order"));
            waiting.push(store.submit(batch).unwrap());
        }
        for answer in waiting {
            assert!(answer.told().await.unwrap().is_done());
        }
        let found = orders::by_out_trade_no(&other, MCH, "T2").await.unwrap();
        assert!(found.is_some(), "one reads what the other wrote");
        assert_eq!(test.count("orders"), 100);
        let head = crate::audit::verify(&other, None).await.unwrap().unwrap();
        assert_eq!(head.seq, 100);
        let twice = other.write(place(&an_order(2))).await.unwrap();
        assert!(!twice.is_done(), "a number is used once, whoever writes it");
    });
}

#[test]
fn processes_that_start_together_agree_on_one_schema() {
    let places = [
        Place::Folder(tempfile::tempdir().unwrap()),
        Place::Server(blocking(pgtest::Database::fresh())),
    ];
    for database in places.each_ref().map(Place::database) {
        let opened = std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| Store::open(&database));
            let threads: Vec<_> = (0..8).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        for store in opened {
            let written = runtime().block_on(store.unwrap().write(place(&an_order(1))));
            assert!(written.is_ok(), "{database}: {written:?}");
        }
    }
}

#[test]
fn a_later_schema_is_refused_and_left_alone() {
    run(async || {
        let test = TestStore::new();
        test.done(meta::set("schema", "99")).await;
        let TestStore { store, place } = test;
        let Err(StoreError::Unavailable(why)) = Store::open(&place.database()) else {
            panic!("a later schema must be refused")
        };
        assert!(why.contains("schema 99"), "{why}");
        assert_eq!(meta::value(&store, "schema").await, Ok(Some("99".into())));
    });
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    fs::create_dir_all(options.file().unwrap().parent().unwrap()).unwrap();
    fs::write(options.file().unwrap(), "this is a letter to my aunt, not a database. ".repeat(200))
        .unwrap();
    let answer = Store::open(&options);
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
}

#[test]
fn a_place_that_cannot_be_made_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "").unwrap();
    let answer = Store::open(&options(&folder));
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

#[cfg(unix)]
#[test]
fn the_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestStore::new();
    let path = options(test.folder()).file().unwrap().clone();
    for name in ["jubao.db", "jubao.db-wal"] {
        let mode = fs::metadata(path.with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn a_reader_cannot_write() {
    run(async || {
        let test = TestStore::new();
        let write = async |reader: &mut crate::Reader<'_>| {
            reader.run("insert into meta (name, value) values ('a', 'b')", &[]).await.map(|_| ())
        };
        let before = test.count("meta");
        assert!(test.store.read(write).await.is_err());
        assert_eq!(test.count("meta"), before);
    });
}

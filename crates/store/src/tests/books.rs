//! What is only ever added to: ledger, history and audit.

use super::{Place, TestStore, a_paying_change, an_audit_entry, an_order, run};
use crate::audit::{self, Broken, Head};
use crate::{meta, orders};

/// A store with a paid order and `extra` entries in its audit.
async fn with_books(extra: usize) -> TestStore {
    let test = TestStore::new();
    let order = an_order(1);
    test.done(orders::place(&order, &[], &[])).await;
    test.done(orders::settle(&a_paying_change(&order, 100))).await;
    for number in 0..extra {
        let entry = an_audit_entry(&format!("extra {number}"));
        test.done(meta::set("extra", "1").audited(entry)).await;
    }
    test
}

#[test]
fn rows_of_the_books_are_never_changed_or_deleted() {
    run(async || {
        let test = with_books(0).await;
        for (table, column) in
            [("ledger_entries", "amount"), ("order_events", "event"), ("audit", "actor")]
        {
            let before = test.count(table);
            assert!(before > 0, "{table}");
            for sql in
                [format!("update {table} set {column} = {column}"), format!("delete from {table}")]
            {
                let text = test.execute(&sql).err().unwrap_or_else(|| "done".into());
                assert!(text.contains("never changed or deleted"), "{sql}: {text}");
            }
            assert_eq!(test.count(table), before, "{table}");
        }
    });
}

#[test]
fn a_whole_chain_verifies_and_its_head_can_be_kept_outside() {
    run(async || {
        let test = with_books(0).await;
        let first = audit::verify(&test.store, None).await.unwrap().unwrap();
        assert_eq!(first.seq, 1);
        test.done(meta::set("a", "1").audited(an_audit_entry("a")).audited(an_audit_entry("b")))
            .await;
        let head = audit::verify(&test.store, Some(first)).await.unwrap().unwrap();
        assert_eq!((head.seq, head.hash.len()), (3, 64));
        let latest = audit::latest(&test.store, 2).await.unwrap();
        assert_eq!(latest.iter().map(|row| row.seq).collect::<Vec<_>>(), [3, 2]);
        assert_eq!((latest[0].entry.subject.as_str(), &latest[0].hash), ("b", &head.hash));
    });
}

#[test]
fn an_empty_chain_verifies() {
    run(async || {
        let head = audit::verify(&TestStore::new().store, None).await.unwrap().unwrap();
        assert_eq!(head.seq, 0);
    });
}

#[test]
fn a_chain_longer_than_one_page_verifies() {
    run(async || {
        let test = TestStore::new();
        let mut batch = meta::set("a", "1");
        batch.audit = (0..1_005).map(|number| an_audit_entry(&number.to_string())).collect();
        test.done(batch).await;
        let head = audit::verify(&test.store, None).await.unwrap().unwrap();
        assert_eq!(head.seq, 1_005);
    });
}

/// Does `sql` behind the triggers' back, and says where the chain is then found broken.
async fn broken_by(sql: &str, known: Option<Head>) -> Option<i64> {
    let test = with_books(4).await;
    let unguard = match test.place {
        Place::Folder(_) => "drop trigger audit_no_update; drop trigger audit_no_delete;",
        Place::Server(_) => "drop trigger audit_no_change on audit;",
    };
    test.execute(unguard).unwrap();
    test.execute(sql).unwrap();
    match audit::verify(&test.store, known).await.unwrap() {
        Ok(_) => None,
        Err(Broken { seq }) => Some(seq),
    }
}

#[test]
fn what_is_done_to_the_chain_is_found() {
    run(async || {
        for column in ["actor", "action", "subject", "detail", "prev_hash", "hash"] {
            let sql = format!("update audit set {column} = {column} || 'x' where seq = 3");
            assert_eq!(broken_by(&sql, None).await, Some(3), "{column}");
        }
        assert_eq!(broken_by("update audit set at = at + 1 where seq = 2", None).await, Some(2));
        assert_eq!(broken_by("delete from audit where seq = 2", None).await, Some(2));
        let swap = "update audit set actor = 'operato', action = 'rtest' where seq = 4";
        assert_eq!(broken_by(swap, None).await, Some(4), "lengths are hashed too");
    });
}

#[test]
fn a_chain_that_was_cut_off_is_found_by_a_head_kept_outside() {
    run(async || {
        let cut = "delete from audit where seq = 5";
        assert_eq!(broken_by(cut, None).await, None, "by itself a shorter chain is whole");
        let known = Head { seq: 5, hash: "f".repeat(64) };
        assert_eq!(broken_by(cut, Some(known)).await, Some(5));
    });
}

//! Reading a whole store page by page, while others write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::id::{Id, MchId};

use super::{MCH, TestStore, a_change, a_paying_change, an_attempt, an_order, run};
use crate::inspect::{self, PAGE_MAX};
use crate::{Store, orders};

/// Two pages and a half.
const ORDERS: u32 = 450;

async fn walked(store: &Store, mch_id: MchId) -> (Vec<Id>, Vec<Id>) {
    let (mut seen, mut unreadable, mut first) = (Vec::new(), Vec::new(), Id(i64::MIN));
    loop {
        let page = inspect::page(store, mch_id, first).await.unwrap();
        assert!(i64::try_from(page.dossiers.len()).unwrap() <= PAGE_MAX);
        seen.extend(page.dossiers.iter().map(|dossier| dossier.order.id));
        unreadable.extend(page.unreadable.into_iter().map(|(id, _)| id));
        assert!(page.restless.is_empty());
        if page.is_last {
            return (seen, unreadable);
        }
        first = Id(page.stretch.last.0 + 1);
    }
}

#[test]
fn every_order_is_seen_once_with_all_that_belongs_to_it() {
    run(async || {
        let test = TestStore::new();
        for sequence in 0..ORDERS {
            let order = an_order(sequence);
            test.done(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
        }
        let (order, paid) = (an_order(7), a_paying_change(&an_order(7), 1_000));
        test.done(orders::settle(&paid)).await;
        let (seen, _) = walked(&test.store, MCH).await;
        let expect: Vec<Id> = (0..ORDERS).map(|sequence| an_order(sequence).id).collect();
        assert_eq!(seen, expect);
        let dossier = inspect::dossier(&test.store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!((dossier.order.rev, dossier.history.len()), (1, 2));
        assert_eq!((dossier.attempts.len(), dossier.lines.len(), dossier.notices.len()), (1, 3, 1));
        assert_eq!(inspect::merchant_after(&test.store, None).await.unwrap(), Some(MCH));
        assert_eq!(inspect::merchant_after(&test.store, Some(MCH)).await.unwrap(), None);
    });
}

#[test]
fn a_row_that_we_never_write_is_told_and_hides_no_other() {
    run(async || {
        let test = TestStore::new();
        for sequence in 0..ORDERS {
            test.done(orders::place(&an_order(sequence), &[], &[])).await;
        }
        let wrong = [an_order(3).id, an_order(333).id];
        let spoil =
            format!("update orders set state = 'PAID' where id in ({}, {})", wrong[0], wrong[1]);
        test.execute(&spoil).unwrap();
        let (seen, unreadable) = walked(&test.store, MCH).await;
        assert_eq!(
            (seen.len(), unreadable),
            (usize::try_from(ORDERS).unwrap() - 2, wrong.to_vec())
        );
    });
}

/// Orders move while they are read: none is seen half before and half after a change.
#[test]
fn an_order_that_moves_is_read_as_it_stood_at_one_revision() {
    run(async || {
        let test = TestStore::new();
        let placed: Vec<_> = (0..20).map(an_order).collect();
        for order in &placed {
            test.done(orders::place(order, &[an_attempt(order, 1)], &[])).await;
        }
        let is_over = AtomicBool::new(false);
        let write = async {
            let mut batch = 1_000;
            for rev in 0..40 {
                for order in &placed {
                    batch += 1;
                    let mut change = a_change(order, batch);
                    change.expected_rev = rev;
                    change.new_attempts = vec![an_attempt(order, rev + 2)];
                    test.done(orders::settle(&change)).await;
                }
            }
            is_over.store(true, Ordering::Relaxed);
        };
        let look = async {
            let mut revisions = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                let page = inspect::page(&test.store, MCH, Id(i64::MIN)).await.unwrap();
                for dossier in page.dossiers {
                    let rev = dossier.order.rev;
                    revisions.insert(rev);
                    let last = dossier.history.last().map(|event| event.rev);
                    let attempts = i64::try_from(dossier.attempts.len()).unwrap();
                    assert_eq!((last, attempts), (Some(rev), rev + 1), "torn");
                }
            }
            revisions
        };
        let ((), revisions) = tokio::join!(write, look);
        assert!(revisions.len() > 1, "nothing moved while it was read: {revisions:?}");
    });
}

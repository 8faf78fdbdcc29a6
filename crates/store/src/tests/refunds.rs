//! Refunds and barcodes: numbers that are used once, and changes that only the revision which was read allows.

use kernel::id::MchId;
use kernel::money::{Currency, Money};
use kernel::order::Order;
use kernel::refund::{Refund, RefundCause, RefundDone, RefundState};

use super::{MCH, TestStore, a_change, an_attempt, an_order, at, id, run};
use crate::{StoreError, attempts, orders, pay_codes, refunds};

pub(super) fn a_refund(order: &Order, sequence: u32, number: &str) -> Refund {
    Refund {
        id: id(sequence),
        mch_id: order.mch_id,
        app_id: order.app_id,
        order_id: order.id,
        attempt_no: 1,
        out_refund_no: number.into(),
        cause: RefundCause::Merchant,
        state: RefundState::Asking,
        rev: 0,
        amount: Money::new(500, Currency::Cny),
        reason: "少了一件".into(),
        sign_form: order.sign_form,
        done: None,
        created_at: at(7),
    }
}

/// An order with one refund.
async fn refunding(test: &TestStore) -> (Order, Refund) {
    let mut order = an_order(1);
    test.done(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
    let refund = a_refund(&order, 50, "R1");
    let mut change = a_change(&order, 100);
    change.new_refunds = vec![refund.clone()];
    test.done(orders::settle(&change)).await;
    order.rev = 1;
    (order, refund)
}

#[test]
fn a_refund_is_found_by_either_number_and_by_its_order() {
    run(async || {
        let test = TestStore::new();
        let (order, refund) = refunding(&test).await;
        let store = &test.store;
        let found = refunds::by_number(store, MCH, "R1").await.unwrap();
        assert_eq!(found.as_ref(), Some(&refund));
        assert_eq!(refunds::by_id(store, MCH, refund.id).await.unwrap().as_ref(), Some(&refund));
        assert_eq!(
            refunds::of_order(store, MCH, order.id).await.unwrap(),
            std::slice::from_ref(&refund)
        );
        let stranger = MchId(MCH.0 + 1);
        assert_eq!(refunds::by_number(store, stranger, "R1").await.unwrap(), None);
        assert_eq!(refunds::by_id(store, stranger, refund.id).await.unwrap(), None);
        assert_eq!(refunds::of_order(store, stranger, order.id).await.unwrap(), []);
    });
}

#[test]
fn a_number_of_a_refund_is_used_once_and_a_second_use_writes_nothing() {
    run(async || {
        let test = TestStore::new();
        let (order, refund) = refunding(&test).await;
        let mut second = a_change(&order, 200);
        second.new_refunds = vec![a_refund(&order, 51, "R1")];
        let answer = test.store.write(orders::settle(&second)).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        let kept = refunds::of_order(&test.store, MCH, order.id).await.unwrap();
        assert_eq!(kept, [refund]);
        let standing = orders::by_id(&test.store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!(standing.rev, 1);
    });
}

#[test]
fn a_refund_that_is_over_when_it_is_written_keeps_its_end() {
    run(async || {
        let test = TestStore::new();
        let (order, _) = refunding(&test).await;
        let end = RefundDone {
            upstream_no: String::new(),
            cash: Money::new(12, Currency::Hkd),
            rate: String::new(),
            at: at(9),
        };
        let gone = Refund {
            state: RefundState::Done,
            done: Some(end),
            ..a_refund(&order, 77, "reversal x")
        };
        let mut change = a_change(&order, 200);
        change.new_refunds = vec![gone.clone()];
        test.done(orders::settle(&change)).await;
        assert_eq!(refunds::by_id(&test.store, MCH, gone.id).await.unwrap(), Some(gone));
    });
}

#[test]
fn a_refund_changes_over_the_revision_that_was_read_or_not_at_all() {
    run(async || {
        let test = TestStore::new();
        let (order, refund) = refunding(&test).await;
        let done = Refund {
            state: RefundState::Done,
            done: Some(RefundDone {
                upstream_no: "5030".into(),
                cash: Money::new(460, Currency::Hkd),
                rate: "0.92".into(),
                at: at(9),
            }),
            ..refund.clone()
        };
        let mut stale = a_change(&order, 200);
        stale.refunds = vec![(done.clone(), 3)];
        let answer = test.store.write(orders::settle(&stale)).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        let kept = refunds::by_id(&test.store, MCH, refund.id).await.unwrap();
        assert_eq!(kept, Some(refund));

        let mut change = a_change(&order, 300);
        change.refunds = vec![(done.clone(), 0)];
        test.done(orders::settle(&change)).await;
        let kept = refunds::by_id(&test.store, MCH, done.id).await.unwrap();
        assert_eq!(kept, Some(Refund { rev: 1, ..done }));
    });
}

#[test]
fn an_attempt_keeps_the_number_of_its_payment() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
        let mut paid = an_attempt(&order, 1);
        paid.transaction_id = "4200001".into();
        let mut change = a_change(&order, 100);
        change.attempts = vec![(paid.clone(), 0)];
        test.done(orders::settle(&change)).await;
        let kept = attempts::of_order(&test.store, MCH, order.id).await.unwrap();
        paid.rev = 1;
        assert_eq!(kept, [paid]);
    });
}

#[test]
fn a_barcode_is_remembered_for_the_order_that_used_it_first() {
    run(async || {
        let test = TestStore::new();
        for sequence in [1, 2] {
            let order = an_order(sequence);
            let remembered = pay_codes::insert(MCH, "d1gest", order.id);
            test.done(orders::place(&order, &[], &[]).and(remembered)).await;
        }
        let found = pay_codes::find(&test.store, MCH, "d1gest").await.unwrap();
        assert_eq!(found, Some(an_order(1).id));
        assert_eq!(pay_codes::find(&test.store, MCH, "other").await.unwrap(), None);
        let stranger = MchId(MCH.0 + 1);
        assert_eq!(pay_codes::find(&test.store, stranger, "d1gest").await.unwrap(), None);
    });
}

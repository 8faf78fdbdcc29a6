//! Placing orders, and finding them.

use std::slice;

use super::{MCH, TestStore, a_message, an_attempt, an_order, at, id, run};
use crate::{StoreError, attempts, messages, order_events, orders};
use kernel::id::MchId;
use kernel::money::Currency;
use kernel::order::SignForm;
use kernel::product::Product;
use kernel::state::TradeState;

#[test]
fn a_placed_order_is_read_back_with_all_that_came_with_it() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        let attempt = an_attempt(&order, 1);
        let message = a_message(&order, 9);
        let batch = orders::place(&order, slice::from_ref(&attempt), slice::from_ref(&message));
        test.done(batch).await;
        let store = &test.store;
        assert_eq!(orders::by_id(store, MCH, order.id).await.unwrap(), Some(order.clone()));
        let by_number = orders::by_out_trade_no(store, MCH, "T1").await.unwrap();
        assert_eq!(by_number, Some(order.clone()));
        assert_eq!(attempts::of_order(store, MCH, order.id).await.unwrap(), [attempt]);
        assert_eq!(messages::of_order(store, MCH, order.id).await.unwrap(), [message]);
        let events = order_events::of_order(store, MCH, order.id).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].from, events[0].to), (None, TradeState::NotPay));
        assert_eq!((events[0].rev, events[0].event.as_str()), (0, order_events::PLACED));
        assert_eq!((events[0].batch_id, events[0].at), (order.id.0, order.created_at));
    });
}

#[test]
fn every_word_of_an_order_is_read_back() {
    run(async || {
        let test = TestStore::new();
        let mut sequence = 0;
        for product in kernel::product::PRODUCTS {
            for (form, currency) in SignForm::ALL.into_iter().zip(Currency::ALL) {
                let mut order = an_order(sequence);
                order.product = product.product;
                order.sign_form = form.into();
                order.currency = currency;
                order.sweep_at = None;
                test.done(orders::place(&order, &[], &[])).await;
                let found = orders::by_id(&test.store, MCH, order.id).await.unwrap();
                assert_eq!(found, Some(order));
                sequence += 1;
            }
        }
    });
}

#[test]
fn a_number_used_before_leaves_nothing() {
    run(async || {
        let test = TestStore::new();
        let first = an_order(1);
        test.done(orders::place(&first, &[], &[])).await;
        let mut second = an_order(2);
        second.out_trade_no.clone_from(&first.out_trade_no);
        second.total_fee = 5;
        second.discount = 0;
        let batch = orders::place(&second, &[an_attempt(&second, 1)], &[a_message(&second, 9)]);
        test.missed(batch.audited(super::an_audit_entry("no"))).await;
        assert_eq!(orders::by_id(&test.store, MCH, second.id).await.unwrap(), None);
        for (table, expect) in
            [("orders", 1), ("order_events", 1), ("attempts", 0), ("messages", 0), ("audit", 0)]
        {
            assert_eq!(test.count(table), expect, "{table}");
        }
        let standing = orders::by_out_trade_no(&test.store, MCH, "T1").await.unwrap();
        assert_eq!(standing, Some(first));
    });
}

#[test]
fn another_merchant_may_use_the_same_number_and_sees_only_its_own() {
    run(async || {
        let test = TestStore::new();
        let ours = an_order(1);
        let mut theirs = an_order(2);
        theirs.mch_id = MchId(MCH.0 + 1);
        theirs.out_trade_no.clone_from(&ours.out_trade_no);
        test.done(orders::place(&ours, &[], &[])).await;
        test.done(orders::place(&theirs, &[], &[])).await;
        let found = orders::by_out_trade_no(&test.store, theirs.mch_id, "T1").await.unwrap();
        assert_eq!(found.as_ref(), Some(&theirs));
        assert_eq!(orders::by_id(&test.store, theirs.mch_id, ours.id).await.unwrap(), None);
    });
}

#[test]
fn a_taken_id_is_a_defect_and_not_a_duplicate() {
    run(async || {
        let test = TestStore::new();
        test.done(orders::place(&an_order(1), &[], &[])).await;
        let mut order = an_order(1);
        order.out_trade_no = "other".into();
        let answer = test.store.write(orders::place(&order, &[], &[])).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        assert_eq!(test.count("orders"), 1);
    });
}

#[test]
fn an_order_that_charges_nothing_cannot_be_written() {
    run(async || {
        let test = TestStore::new();
        let mut order = an_order(1);
        order.discount = order.total_fee;
        let answer = test.store.write(orders::place(&order, &[], &[])).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        assert_eq!(test.count("orders"), 0);
    });
}

#[test]
fn a_body_that_is_no_text_is_kept_byte_for_byte() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        let bodies: [&[u8]; 4] = [b"", b"\xff\xfe\x00<xml>", "中文".as_bytes(), b"a\0b"];
        for (sequence, body) in (10..).zip(bodies) {
            let mut message = a_message(&order, sequence);
            message.body = body.to_vec();
            message.status = None;
            test.done(messages::add(&[message])).await;
        }
        let kept = messages::of_order(&test.store, MCH, order.id).await.unwrap();
        assert_eq!(kept.iter().map(|message| &message.body[..]).collect::<Vec<_>>(), bodies);
    });
}

#[test]
fn nothing_is_found_where_nothing_is() {
    run(async || {
        let test = TestStore::new();
        let store = &test.store;
        assert_eq!(orders::by_id(store, MCH, id(1)).await.unwrap(), None);
        assert_eq!(orders::by_out_trade_no(store, MCH, "T1").await.unwrap(), None);
        assert_eq!(orders::by_transaction_id(store, MCH, "T1").await.unwrap(), None);
        assert_eq!(crate::sweeps::next_at(store).await.unwrap(), None);
        assert_eq!(crate::notices::next_due_at(store).await.unwrap(), None);
        let claim = crate::sweeps::Claim { now: at(0), lease_until: at(1), limit: 5 };
        assert_eq!(crate::sweeps::claim(store, claim).await.unwrap(), []);
    });
}

#[test]
fn a_mixed_code_has_no_provider_yet() {
    run(async || {
        let test = TestStore::new();
        let mut order = an_order(1);
        order.product = Product::MixedQr;
        test.done(orders::place(&order, &[], &[])).await;
        let found = orders::by_id(&test.store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!((found.provider, found.payment), (None, None));
    });
}

//! Changing orders: all of a change or nothing of it.

use super::{
    MCH, TestStore, a_change, a_message, a_paying_change, an_attempt, an_order, at, id, run,
};
use crate::sweeps::Claim;
use crate::{StoreError, attempts, ledger, notices, order_events, orders, sweeps};
use kernel::ledger::Book;
use kernel::order::AttemptState;
use kernel::state::TradeState;

#[test]
fn a_paid_order_has_its_books_its_notice_its_attempt_and_its_history() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
        let mut change = a_paying_change(&order, 100);
        change.order.payer_openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".into();
        let mut attempt = an_attempt(&order, 1);
        attempt.state = AttemptState::Paid;
        attempt.pay_text = "https://qr.example/1".into();
        change.attempts = vec![(attempt.clone(), 0)];
        change.new_attempts = vec![an_attempt(&order, 2)];
        change.messages = vec![a_message(&order, 200)];
        test.done(orders::settle(&change)).await;

        let store = &test.store;
        let mut expect = change.order.clone();
        expect.rev = 1;
        assert_eq!(orders::by_id(store, MCH, order.id).await.unwrap().as_ref(), Some(&expect));
        let number = &expect.payment.as_ref().unwrap().transaction_id;
        let found = orders::by_transaction_id(store, MCH, number).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expect));

        attempt.rev = 1;
        let kept = attempts::of_order(store, MCH, order.id).await.unwrap();
        assert_eq!(kept, [attempt, an_attempt(&order, 2)]);
        let events = order_events::of_order(store, MCH, order.id).await.unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].rev, 1);
        assert_eq!((events[1].from, events[1].to), (Some(TradeState::NotPay), TradeState::Success));
        assert_eq!((events[1].event.as_str(), events[1].batch_id), ("paid", id(100).0));
        let lines = ledger::of_order(store, MCH, order.id).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.entry).collect::<Vec<_>>(), change.postings);
        assert!(lines.iter().all(|line| line.business_date == "2026-11-22"));
        assert!(lines.iter().all(|line| line.posting_id == id(100).0 && line.kind == "paid"));
        let told = notices::of_order(store, MCH, order.id).await.unwrap();
        assert_eq!(told[0].notice, change.notice.unwrap());
        assert_eq!((test.count("messages"), test.count("audit")), (1, 1));
    });
}

#[test]
fn a_change_of_a_stale_revision_writes_nothing() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        test.done(orders::settle(&a_paying_change(&order, 100))).await;
        let mut late = a_paying_change(&order, 200);
        late.order.state = TradeState::Closed;
        late.messages = vec![a_message(&order, 300)];
        late.new_attempts = vec![an_attempt(&order, 1)];
        test.missed(orders::settle(&late)).await;
        let found = orders::by_id(&test.store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!((found.state, found.rev), (TradeState::Success, 1));
        for (table, expect) in [
            ("ledger_entries", 3),
            ("order_events", 2),
            ("notices", 1),
            ("audit", 1),
            ("messages", 0),
            ("attempts", 0),
        ] {
            assert_eq!(test.count(table), expect, "{table}");
        }
    });
}

#[test]
fn of_two_settles_that_read_the_same_revision_one_misses() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        let (first, second) = (a_paying_change(&order, 100), a_paying_change(&order, 200));
        let waiting = [&first, &second].map(|one| test.store.submit(orders::settle(one)).unwrap());
        let mut done = 0;
        for answer in waiting {
            done += i32::from(answer.told().await.unwrap().is_done());
        }
        assert_eq!((done, test.count("ledger_entries")), (1, 3));
    });
}

#[test]
fn an_attempt_that_changed_meanwhile_undoes_the_whole_change() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
        let mut change = a_paying_change(&order, 100);
        change.attempts = vec![(an_attempt(&order, 1), 5)];
        let answer = test.store.write(orders::settle(&change)).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        assert_eq!(test.count("ledger_entries") + test.count("notices") + test.count("audit"), 0);
        let found = orders::by_id(&test.store, MCH, order.id).await.unwrap();
        assert_eq!(found, Some(order));
    });
}

#[test]
fn surplus_money_is_booked_though_the_order_keeps_its_state() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        let mut paid = a_paying_change(&order, 100);
        test.done(orders::settle(&paid)).await;
        paid.order.rev = 1;
        let mut surplus = a_change(&paid.order, 200);
        surplus.event = "surplus".into();
        surplus.postings = kernel::ledger::surplus(order.pay_amount());
        test.done(orders::settle(&surplus)).await;
        let found = orders::by_id(&test.store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!((found.rev, found.state), (2, TradeState::Success));
        let lines = ledger::of_order(&test.store, MCH, order.id).await.unwrap();
        let due: i64 = lines
            .iter()
            .filter(|line| line.entry.book == Book::RefundDue && line.kind == "surplus")
            .map(|line| line.entry.amount.minor)
            .sum();
        assert_eq!(due, -order.pay_amount().minor);
        let totals = ledger::totals(&test.store).await.unwrap();
        assert_eq!(totals.len(), 4);
        assert_eq!(totals.iter().map(|total| total.amount.minor).sum::<i64>(), 0);
    });
}

#[test]
#[should_panic(expected = "must balance")]
fn a_posting_that_does_not_balance_never_becomes_a_batch() {
    let order = an_order(1);
    let mut change = a_paying_change(&order, 100);
    change.postings.pop();
    orders::settle(&change);
}

#[test]
fn what_was_agreed_when_it_was_placed_is_not_changed() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        let mut change = a_change(&order, 100);
        change.order.total_fee = 1_000_000;
        change.order.out_trade_no = "other".into();
        change.order.pay_text = "https://qr.example/1".into();
        test.done(orders::settle(&change)).await;
        let found = orders::by_id(&test.store, MCH, order.id).await.unwrap();
        let expect = kernel::order::Order { rev: 1, pay_text: change.order.pay_text, ..order };
        assert_eq!(found, Some(expect));
    });
}

fn claim(now: i64, lease_until: i64) -> Claim {
    Claim { now: at(now), lease_until: at(lease_until), limit: 2 }
}

#[test]
fn a_lease_keeps_other_sweepers_away_until_it_ends() {
    run(async || {
        let test = TestStore::new();
        for (sequence, due) in [(1, 30), (2, 10), (3, 20), (4, 500)] {
            let mut order = an_order(sequence);
            order.sweep_at = Some(at(due));
            test.done(orders::place(&order, &[], &[])).await;
        }
        let store = &test.store;
        let take = async |now, lease| {
            let mut taken = sweeps::claim(store, claim(now, lease)).await.unwrap();
            taken.sort_by_key(|sweep| sweep.order_id);
            taken.iter().map(|sweep| sweep.order_id).collect::<Vec<_>>()
        };
        assert_eq!(sweeps::next_at(store).await.unwrap(), Some(at(10)));
        assert_eq!(take(9, 100).await, []);
        assert_eq!(take(40, 100).await, [id(2), id(3)], "the longest waiting first");
        assert_eq!(take(40, 100).await, [id(1)]);
        assert_eq!(take(99, 200).await, []);
        assert_eq!(sweeps::next_at(store).await.unwrap(), Some(at(100)));
        assert_eq!(take(100, 200).await.len(), 2);
    });
}

#[test]
fn a_sweeper_without_its_lease_changes_nothing() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        let store = &test.store;
        let first = sweeps::claim(store, claim(60, 100)).await.unwrap()[0];
        let second = sweeps::claim(store, claim(100, 200)).await.unwrap()[0];
        test.missed(sweeps::put_off(first, None, 1)).await;
        assert_eq!(sweeps::next_at(store).await.unwrap(), Some(at(200)));
        test.done(sweeps::put_off(second, Some(at(300)), 2)).await;
        let found = orders::by_id(store, MCH, order.id).await.unwrap().unwrap();
        assert_eq!((found.sweep_at, found.sweeps), (Some(at(300)), 2));
        let third = sweeps::claim(store, claim(300, 400)).await.unwrap()[0];
        test.done(orders::settle(&a_paying_change(&order, 100))).await;
        test.missed(sweeps::put_off(third, Some(at(500)), 3)).await;
        assert_eq!(sweeps::next_at(store).await.unwrap(), None);
    });
}

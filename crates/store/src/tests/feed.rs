//! The feed: what becomes an event, and that a reader who goes on behind the last number misses none,
//! however writers race.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel::feed::{EventType, FeedEvent};
use kernel::id::MchId;
use kernel::json;
use kernel::order::Order;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;

use super::refunds::a_refund;
use super::{MCH, ON, On, TestStore, a_change, a_paying_change, an_order, at, run};
use crate::{Store, feed, orders};

async fn all(store: &Store) -> Vec<FeedEvent> {
    feed::after(store, MCH, 0, 1_000).await.unwrap()
}

fn types(events: &[FeedEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.event_type.word()).collect()
}

#[test]
fn an_event_has_its_facts_and_its_number_and_travels_with_its_change() {
    run(async || {
        let test = TestStore::new();
        let order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        assert_eq!((all(&test.store).await, feed::head(&test.store, MCH).await), (vec![], Ok(0)));
        let change = a_paying_change(&order, 100);
        test.done(orders::settle(&change)).await;
        test.missed(orders::settle(&change)).await;
        let events = all(&test.store).await;
        assert_eq!(events.len(), 1, "what is not written is no event");
        let event = &events[0];
        assert_eq!((event.mch_id, event.seq, event.order_id), (MCH, 1, order.id));
        assert_eq!((event.event_type, event.at), (EventType::OrderSuccess, at(6)));
        assert_eq!(event.sign_form, order.sign_form);
        let facts = json::object(&event.facts).unwrap();
        let has = |name: &str| facts.iter().any(|(its_name, _)| its_name == name);
        assert!(has("trade_state") && has("total_fee") && !has("sign"), "{}", event.facts);
        assert_eq!(feed::head(&test.store, MCH).await, Ok(1));
        let stranger = MchId(MCH.0 + 1);
        assert_eq!(feed::after(&test.store, stranger, 0, 10).await, Ok(vec![]));
        assert_eq!(feed::head(&test.store, stranger).await, Ok(0));
    });
}

#[test]
fn what_ends_is_an_event_once_and_what_was_never_the_merchants_is_none() {
    run(async || {
        let test = TestStore::new();
        let mut order = an_order(1);
        test.done(orders::place(&order, &[], &[])).await;
        // Looking changes nothing.
        test.done(orders::settle(&a_change(&order, 90))).await;
        order.rev = 1;
        test.done(orders::settle(&a_paying_change(&order, 100))).await;
        (order.rev, order.state) = (2, TradeState::Success);
        let mut asked = a_change(&order, 110);
        let refunds: Vec<_> = RefundCause::ALL
            .into_iter()
            .zip(50..)
            .map(|(cause, at)| Refund { cause, ..a_refund(&order, at, &format!("R{at}")) })
            .collect();
        asked.new_refunds = refunds.clone();
        test.done(orders::settle(&asked)).await;
        order.rev = 3;
        let mut done = a_change(&order, 120);
        let ended = |refund: &Refund| (Refund { state: RefundState::Done, ..refund.clone() }, 0);
        done.refunds = refunds.iter().map(ended).collect();
        done.order.state = TradeState::Refund;
        test.done(orders::settle(&done)).await;
        let events = all(&test.store).await;
        assert_eq!(types(&events), ["order.success", "refund.success", "order.refund"]);
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(events[1].facts.contains("\"out_refund_no\":\"R50\""), "{}", events[1].facts);
        assert!(!events[2].facts.contains("out_refund_no"), "{}", events[2].facts);
    });
}

/// Pays the orders of `sequences`, whose ids were allotted long before, one after the other.
async fn pay(store: Store, sequences: Vec<u32>) {
    for sequence in sequences {
        let change = a_paying_change(&an_order(sequence), 10_000 + 2 * sequence);
        let paid = store.write(orders::settle(&change)).await.unwrap();
        assert!(paid.is_done());
    }
}

/// Orders in the race.
const RACED: u32 = 600;
/// Writers, each through one of two processes' stores.
const WRITERS: u32 = 8;

async fn placed(test: &TestStore) -> Vec<Order> {
    let orders: Vec<_> = (1..=RACED).map(an_order).collect();
    for order in &orders {
        test.done(orders::place(order, &[], &[])).await;
    }
    orders
}

#[test]
fn a_reader_misses_nothing_while_writers_of_two_processes_race() {
    for on in [On::File, On::Server] {
        ON.set(on);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build();
        runtime.unwrap().block_on(race());
    }
    ON.set(On::File);
}

async fn race() {
    let test = TestStore::new();
    let orders = placed(&test).await;
    let other = Store::open(&test.place.database()).unwrap();
    let left = Arc::new(AtomicUsize::new(usize::try_from(WRITERS).unwrap()));
    for writer in 0..WRITERS {
        let store = if writer % 2 == 0 { test.store.clone() } else { other.clone() };
        // Some begin with the oldest ids, others with the newest.
        let mut mine: Vec<_> = (1..=RACED).filter(|at| at % WRITERS == writer).collect();
        if writer >= WRITERS / 2 {
            mine.reverse();
        }
        let left = left.clone();
        tokio::spawn(async move {
            pay(store, mine).await;
            left.fetch_sub(1, Ordering::Release);
        });
    }
    let (mut seen, mut cursor) = (BTreeSet::new(), 0);
    loop {
        let is_last = left.load(Ordering::Acquire) == 0;
        let page = feed::after(&other, MCH, cursor, 7).await.unwrap();
        if page.is_empty() && is_last {
            break;
        }
        for event in page {
            assert!(event.seq > cursor, "numbers ascend");
            cursor = event.seq;
            assert!(seen.insert(event.order_id), "{event:?} was told twice");
        }
        tokio::task::yield_now().await;
    }
    let expect: BTreeSet<_> = orders.iter().map(|order| order.id).collect();
    assert_eq!(seen, expect);
    assert_eq!(cursor, i64::from(RACED), "numbers have no gap");
}

#[test]
fn the_feed_is_read_by_its_key() {
    let test = TestStore::new();
    let raw = test.raw();
    let plan = format!("explain query plan {}", feed::AFTER.replace('$', "?"));
    let mut plan = raw.prepare(&plan).unwrap();
    let steps = plan.query_map([1, 1, 1], |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<_> = steps.collect::<Result<_, _>>().unwrap();
    assert_eq!(steps, ["SEARCH feed USING PRIMARY KEY (mch_id=? AND seq>?)"]);
}

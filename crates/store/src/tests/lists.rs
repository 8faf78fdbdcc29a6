//! Lists: what a page holds, how many rows are counted, and that no filter makes a statement scan.

use kernel::call::{ListCall, ListFilter};
use kernel::id::{Id, MchId};
use kernel::order::Order;
use kernel::product::Provider;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;

use super::refunds::a_refund;
use super::{MCH, TestStore, a_change, an_order, at, id, run};
use crate::lists::{self, Listed, Place, STEP_ROWS, Start, TOTAL_MAX, Total, Walk, shapes};
use crate::{StoreError, orders};

/// Another merchant with orders.
const STRANGER: MchId = MchId(MCH.0 + 1);

fn everything<S>(page: i64, limit: i64) -> ListCall<S> {
    ListCall {
        page,
        limit,
        filter: ListFilter {
            states: Vec::new(),
            provider: None,
            store_id: None,
            out_trade_no: None,
            ids: Id::range(0, i64::MAX),
        },
    }
}

/// The state, the wallet and the store of order number `sequence`: all combinations come up.
fn kind(sequence: u32) -> (TradeState, Option<Provider>, i64) {
    let at = usize::try_from(sequence).unwrap();
    let provider = [Some(Provider::Alipay), Some(Provider::Wechat), Some(Provider::Unionpay), None];
    (TradeState::ALL[at % 7], provider[at / 7 % 4], [0, 7, 9][at / 28 % 3])
}

/// Fills the table with orders 1, 2, … of the merchant, and as many of a stranger.
fn fill(test: &TestStore, count: u32) {
    let mut all =
        String::from("begin; create temp table one as select * from orders; delete from orders;\n");
    for sequence in 1..=count {
        let (state, provider, store_id) = kind(sequence);
        let wallet = provider.map_or("null".into(), |one| format!("'{}'", one.word()));
        for (mch_id, id) in [(MCH, id(2 * sequence)), (STRANGER, id(2 * sequence + 1))] {
            all.push_str(&format!(
                "update one set id = {id}, mch_id = {}, out_trade_no = 'T{sequence}', \
                 state = '{}', provider = {wallet}, store_id = {store_id};\n\
                 insert into orders select * from one;\n",
                mch_id.0,
                state.word()
            ));
        }
    }
    all.push_str("drop table one; commit;");
    test.execute(&all).unwrap();
}

async fn filled(count: u32) -> TestStore {
    let test = TestStore::new();
    test.done(orders::place(&an_order(1), &[], &[])).await;
    fill(&test, count);
    test
}

fn counted(place: Option<Place>) -> Start {
    Start { place, total: Total::Counted }
}

/// The page of a call, found as the gateway does from the top.
async fn listed(test: &TestStore, call: &ListCall<TradeState>) -> Listed<Order> {
    let walk = Walk::of_orders(MCH, &call.filter);
    let mut from = Some(walk.top());
    while let Some(place) = from.filter(|place| call.offset() - place.rows > STEP_ROWS) {
        from = walk.step(&test.store, place).await.unwrap();
    }
    lists::orders(&test.store, MCH, call, counted(from)).await.unwrap()
}

async fn refunds_of(
    test: &TestStore,
    mch_id: MchId,
    call: &ListCall<RefundState>,
) -> Listed<(Refund, Order)> {
    let top = Walk::of_refunds(mch_id, &call.filter).top();
    lists::refunds(&test.store, mch_id, call, counted(Some(top))).await.unwrap()
}

fn sequences(listed: &Listed<Order>) -> Vec<u32> {
    let number = |order: &Order| order.out_trade_no[1..].parse().unwrap();
    listed.items.iter().map(number).collect()
}

#[test]
fn twelve_thousand_orders_are_ten_thousand_and_the_deepest_page_has_the_first() {
    run(async || {
        let test = filled(12_050).await;
        let first = listed(&test, &everything(1, 10)).await;
        assert_eq!(sequences(&first), (12_041..=12_050).rev().collect::<Vec<_>>());
        assert_eq!(first.total, TOTAL_MAX);
        let deep = listed(&test, &everything(120, 100)).await;
        assert_eq!(sequences(&deep), (51..=150).rev().collect::<Vec<_>>());
        let last = listed(&test, &everything(121, 100)).await;
        assert_eq!(sequences(&last), (1..=50).rev().collect::<Vec<_>>());
        let beyond = listed(&test, &everything(122, 100)).await;
        assert_eq!((beyond.items, beyond.total), (Vec::new(), TOTAL_MAX));
        let mut of_state = everything(1, 10);
        of_state.filter.states = vec![TradeState::Success];
        let expect = (1..=12_050).filter(|one| kind(*one).0 == TradeState::Success).count();
        assert_eq!(usize::try_from(listed(&test, &of_state).await.total).unwrap(), expect);
        // A list that is known to be full is the same page, without a count.
        for (page, limit) in [(1, 10), (3, 100), (101, 100)] {
            let call = everything(page, limit);
            let place = Some(Walk::of_orders(MCH, &call.filter).top());
            let full = Start { place, total: Total::Full };
            let known = lists::orders(&test.store, MCH, &call, full).await.unwrap();
            assert_eq!(known, listed(&test, &call).await, "page {page} of {limit}");
        }
    });
}

#[test]
fn a_list_holds_another_only_where_no_row_of_it_can_ever_leave() {
    let of = |change: fn(&mut ListFilter<TradeState>)| {
        let mut filter = everything(1, 10).filter;
        filter.ids = (id(10), id(20));
        change(&mut filter);
        Walk::of_orders(MCH, &filter)
    };
    let whole = of(|_| ());
    let of_store = of(|filter| filter.store_id = Some(7));
    for (wide, narrow, holds) in [
        (&whole, &whole, true),
        (&whole, &of(|filter| filter.ids = (id(11), id(19))), true),
        (&whole, &of(|filter| filter.ids = (id(9), id(19))), false),
        (&whole, &of(|filter| filter.ids = (id(11), id(21))), false),
        (&whole, &of_store, true),
        (&of_store, &whole, false),
        (&of_store, &of_store, true),
        (&of_store, &of(|filter| filter.store_id = Some(9)), false),
        (&whole, &of(|filter| filter.states = vec![TradeState::NotPay]), false),
        (&whole, &of(|filter| filter.provider = Some(Provider::Alipay)), false),
        (&of(|filter| filter.provider = Some(Provider::Alipay)), &whole, false),
        (&whole, &Walk::of_orders(STRANGER, &everything(1, 10).filter), false),
        (&whole, &Walk::of_refunds(MCH, &everything(1, 10).filter), false),
    ] {
        assert_eq!(wide.holds(narrow), holds, "{wide:?}\n{narrow:?}");
    }
}

#[test]
fn a_page_goes_on_behind_the_last_row_of_the_one_before_and_no_further_than_a_step() {
    run(async || {
        let test = filled(60).await;
        for states in [Vec::new(), vec![TradeState::Success, TradeState::NotPay]] {
            let mut call = everything(3, 5);
            call.filter.states = states;
            let by_its_number = listed(&test, &call).await;
            call.page = 2;
            let before = listed(&test, &call).await;
            assert_eq!(before.end.unwrap().rows, 10);
            call.page = 3;
            let behind = lists::orders(&test.store, MCH, &call, counted(before.end)).await.unwrap();
            assert_eq!(behind, by_its_number);
            call.page = 1;
            let above = lists::orders(&test.store, MCH, &call, counted(before.end)).await;
            assert!(matches!(above, Err(StoreError::Defect(_))), "{above:?}");
            call.page = STEP_ROWS;
            let top = Walk::of_orders(MCH, &call.filter).top();
            let far = lists::orders(&test.store, MCH, &call, counted(Some(top))).await;
            assert!(matches!(far, Err(StoreError::Defect(_))), "{far:?}");
            let last = listed(&test, &everything(1, 100)).await;
            assert_eq!(last.end, None, "a page that is not full is the last");
        }
    });
}

#[test]
fn every_combination_of_filters_is_what_a_look_at_each_order_finds() {
    run(async || {
        const COUNT: u32 = 400;
        let test = filled(COUNT).await;
        let states = std::iter::once(None).chain(TradeState::ALL.map(Some));
        for state in states {
            for provider in std::iter::once(None).chain(Provider::ALL.map(Some)) {
                for store_id in [None, Some(7), Some(9), Some(8)] {
                    let mut call = everything(2, 3);
                    call.filter.states = state.into_iter().collect();
                    call.filter.provider = provider;
                    call.filter.store_id = store_id;
                    call.filter.ids = (id(2 * 20), id(2 * 390));
                    let is_wanted = |one: &u32| {
                        let (its_state, its_provider, its_store) = kind(*one);
                        state.is_none_or(|state| state == its_state)
                            && provider.is_none_or(|wallet| Some(wallet) == its_provider)
                            && store_id.is_none_or(|store| store == its_store)
                    };
                    let expect: Vec<_> = (20..=390).rev().filter(is_wanted).collect();
                    let found = listed(&test, &call).await;
                    let page: Vec<_> = expect.iter().copied().skip(3).take(3).collect();
                    assert_eq!(sequences(&found), page, "{call:?}");
                    assert_eq!(usize::try_from(found.total).unwrap(), expect.len(), "{call:?}");
                }
            }
        }
    });
}

#[test]
fn a_number_names_one_order_and_the_other_filters_still_count() {
    run(async || {
        let test = filled(30).await;
        let mut call = everything(1, 10);
        call.filter.out_trade_no = Some("T29".into());
        let found = listed(&test, &call).await;
        assert_eq!((sequences(&found), found.total), (vec![29], 1));
        assert!(found.items[0].mch_id == MCH);
        let (state, provider, _) = kind(29);
        call.filter.states = vec![state];
        call.filter.provider = provider;
        call.filter.store_id = Some(7);
        assert_eq!(listed(&test, &call).await.total, 1);
        type Alter = fn(&mut ListCall<TradeState>);
        let alterations: [Alter; 4] = [
            |call: &mut ListCall<TradeState>| call.filter.states = vec![TradeState::Closed],
            |call| call.filter.provider = Some(Provider::Unionpay),
            |call| call.filter.store_id = Some(9),
            |call| call.filter.ids = (id(100), id(200)),
        ];
        for alter in alterations {
            let mut other = call.clone();
            alter(&mut other);
            let found = listed(&test, &other).await;
            assert_eq!((found.items, found.total), (Vec::new(), 0));
        }
        call.page = 2;
        let second = listed(&test, &call).await;
        assert_eq!((second.items, second.total), (Vec::new(), 1));
    });
}

/// A refund of each state and cause of one order, the merchant's among them.
async fn refunding() -> (TestStore, Order, Vec<Refund>) {
    let test = TestStore::new();
    let mut order = an_order(1);
    order.provider = Some(Provider::Wechat);
    test.done(orders::place(&order, &[], &[])).await;
    let mut change = a_change(&order, 100);
    let states = RefundState::ALL.into_iter().zip(50..);
    for (state, sequence) in states {
        for (cause, more) in RefundCause::ALL.into_iter().zip([0, 10, 20]) {
            let number = format!("{} {}", cause.word(), state.word());
            change.new_refunds.push(Refund {
                state,
                cause,
                ..a_refund(&order, sequence + more, &number)
            });
        }
    }
    test.done(orders::settle(&change)).await;
    let order = orders::by_id(&test.store, MCH, order.id).await.unwrap().unwrap();
    let is_own = |refund: &Refund| refund.cause == RefundCause::Merchant;
    let mut own: Vec<_> = change.new_refunds.into_iter().filter(is_own).collect();
    own.reverse();
    (test, order, own)
}

#[test]
fn only_the_merchants_own_refunds_are_listed_each_with_its_order() {
    run(async || {
        let (test, order, own) = refunding().await;
        let with_order = |refunds: &[Refund]| {
            refunds.iter().map(|refund| (refund.clone(), order.clone())).collect::<Vec<_>>()
        };
        for number in [None, Some("T1".to_owned())] {
            let mut call = everything(1, 3);
            call.filter.out_trade_no = number;
            let found = refunds_of(&test, MCH, &call).await;
            assert_eq!(found, Listed { items: with_order(&own[..3]), total: 5, end: found.end });
            call.page = 2;
            let found = refunds_of(&test, MCH, &call).await;
            assert_eq!(found, Listed { items: with_order(&own[3..]), total: 5, end: None });
            call.page = 1;
            for (states, provider, store_id, expect) in [
                (vec![RefundState::Due, RefundState::Asking], None, None, 2),
                (vec![RefundState::Done], Some(Provider::Wechat), Some(7), 1),
                (Vec::new(), Some(Provider::Wechat), None, 5),
                (Vec::new(), None, Some(7), 5),
                (Vec::new(), Some(Provider::Alipay), None, 0),
                (Vec::new(), None, Some(9), 0),
                (vec![RefundState::Stuck], Some(Provider::Alipay), Some(7), 0),
            ] {
                (call.filter.states, call.filter.provider) = (states, provider);
                call.filter.store_id = store_id;
                let found = refunds_of(&test, MCH, &call).await;
                assert_eq!(found.total, expect, "{call:?}");
                let is_wanted = |refund: &&Refund| {
                    call.filter.states.is_empty() || call.filter.states.contains(&refund.state)
                };
                let wanted = own.iter().filter(is_wanted).take(3).count();
                let expect = wanted.min(usize::try_from(expect).unwrap());
                assert_eq!(found.items.len(), expect, "{call:?}");
            }
            let stranger = refunds_of(&test, STRANGER, &call).await;
            assert_eq!((stranger.items, stranger.total), (Vec::new(), 0));
        }
        let mut early = everything(1, 10);
        early.filter.ids = (Id(0), id(51));
        let found = refunds_of(&test, MCH, &early).await;
        assert_eq!(found.total, 2, "{:?}", at(0));
    });
}

#[test]
fn no_filter_makes_a_statement_read_what_it_does_not_want() {
    let test = TestStore::new();
    let raw = test.raw();
    let mut walks = 0;
    for (sql, _) in shapes::all() {
        let plan = format!("explain query plan {}", sql.replace('$', "?"));
        let mut plan = raw.prepare(&plan).unwrap();
        let count = plan.parameter_count();
        let steps = plan
            .query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3));
        let steps: Vec<_> = steps.unwrap().collect::<Result<_, _>>().unwrap();
        let of_tables = |step: &&String| step.contains(" orders") || step.contains(" refunds");
        for step in steps.iter().filter(of_tables) {
            // Every column that is filtered by stands in the index before the id.
            let (_, used) = step.split_once(" (").unwrap_or_else(|| panic!("{step}\n{sql}"));
            let is_walk = step.starts_with("SEARCH ") && step.contains("INDEX");
            assert!(is_walk && used.starts_with("mch_id=?"), "{step}\n{sql}");
            assert!(used.ends_with("AND id>? AND id<?)"), "{step}\n{sql}");
            assert_eq!(used.contains("state=?"), sql.contains("state ="), "{step}\n{sql}");
            assert_eq!(used.contains("store_id=?"), sql.contains("store_id ="), "{step}\n{sql}");
            let by_wallet = used.contains("<expr>=?") || used.contains("provider=?");
            assert_eq!(by_wallet, sql.contains("state ="), "{step}\n{sql}");
            walks += 1;
        }
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}\n{sql}");
    }
    // Each table: two statements without kinds twice, two with eight kinds twice.
    assert_eq!(walks, 2 * (2 * 2 + 2 * 2 * 8));
}

//! The invariants, at the end of a voyage and at moments of it. Their numbers are those of
//! docs/INVARIANTS.md. What the store alone can tell, `gateway::inspect` says; here it is compared with
//! what the shop heard and the upstreams have.

use jubao::demo::identity::MERCHANT;
use kernel::ledger::{Entry, is_balanced};
use kernel::notice::NoticeState;
use kernel::order::Order;
use kernel::refund::RefundState;
use kernel::state::TradeState;

use super::check_money::Case;
use super::sea::{Sea, Weather};
use super::shop::{ToldState, Wish};
use crate::holds::findings;

/// Whether everything has come right: what was paid is booked, what has expired is closed, what
/// happened is told.
pub async fn is_settled(sea: &Sea) -> bool {
    let (wishes, now) = (sea.shop.wishes().clone(), sea.clock.now());
    if wishes.values().any(|wish| now <= wish.expires_at) {
        return false;
    }
    let books = sea.upstreams.books(now);
    for (number, wish) in &wishes {
        let Some(order) = order_of(sea, number).await else { continue };
        let notices = store::notices::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
        let is_told = notices.iter().all(|one| one.notice.state == NoticeState::Delivered);
        let case = Case::of(sea, wish, order, &books).await;
        if !is_told || !case.wrongs(sea.late).is_empty() {
            return false;
        }
    }
    true
}

/// Everything that must hold, told to the sea where it does not.
pub async fn everything(sea: &Sea) {
    let wishes = sea.shop.wishes().clone();
    let books = sea.upstreams.books(sea.clock.now());
    let (mut stand, mut heard) = (0, 0);
    for (number, wish) in &wishes {
        let Some(order) = order_of(sea, number).await else {
            if wish.sn.is_some() {
                sea.wrong(format_args!("I1: {number} was acknowledged and is lost"));
            }
            continue;
        };
        let sn = order.sn();
        stand += 1;
        heard += usize::from(!sea.shop.heard_of(sn.as_str()).is_empty());
        if wish.sn.as_deref().is_some_and(|told| told != sn.as_str()) {
            sea.wrong(format_args!("I14: {number} is {sn}, and was called {wish:?}"));
        }
        let case = Case::of(sea, wish, order.clone(), &books).await;
        for wrong in case.wrongs(sea.late) {
            sea.wrong(format_args!("{number} {sn}: {wrong}; {case:?}"));
        }
        history(sea, wish, &order).await;
        notices(sea, &order).await;
    }
    refunds(sea).await;
    if store::orders::count(&sea.looking, MERCHANT.mch_id).await.unwrap() != stand {
        sea.wrong("I2: there are orders that nobody has placed");
    }
    if sea.shop.heard_count() != heard {
        sea.wrong("I10: the merchant was told of orders that do not stand");
    }
    let (walked, found) = findings(&sea.looking, None).await.unwrap();
    for wrong in found {
        sea.wrong(format_args!("{}: {}: {}", wrong.invariant, wrong.subject, wrong.what));
    }
    if !walked.restless.is_empty() {
        sea.wrong(format_args!("orders move when everything is over: {:?}", walked.restless));
    }
}

/// The books balance, whenever one looks.
pub async fn balance(sea: &Sea) {
    let totals = store::ledger::totals(&sea.looking).await.unwrap();
    let entries: Vec<_> =
        totals.iter().map(|total| Entry { book: total.book, amount: total.amount }).collect();
    if !is_balanced(&entries) {
        sea.wrong(format_args!("I4: the books do not balance: {entries:?}"));
    }
}

async fn order_of(sea: &Sea, number: &str) -> Option<Order> {
    store::orders::by_out_trade_no(&sea.looking, MERCHANT.mch_id, number).await.unwrap()
}

/// The history holds what answers said, in their order.
async fn history(sea: &Sea, wish: &Wish, order: &Order) {
    let history =
        store::order_events::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    let states: Vec<TradeState> = history.iter().map(|event| event.to).collect();
    if !follows(&states, &wish.told) {
        sea.wrong(format_args!("I9: {} was told as {:?}", order.sn(), wish.told));
    }
}

/// Whether answers follow the history: whoever asks after an answer was given hears of nothing older.
/// Of two that were under way at once either may be the older.
fn follows(history: &[TradeState], told: &[ToldState]) -> bool {
    let mut heard: Vec<(i64, usize)> = Vec::new();
    for one in told {
        let before = heard.iter().filter(|(answered_at, _)| *answered_at < one.asked_at);
        let from = before.map(|(_, at)| *at).max().unwrap_or(0);
        let found = history[from..].iter().position(|state| *state == one.state);
        let Some(found) = found else { return false };
        heard.push((one.answered_at, from + found));
    }
    true
}

/// A refund that was acknowledged stands, and what was last told of it is not taken back.
async fn refunds(sea: &Sea) {
    let wishes = sea.shop.refunds().clone();
    for (number, wish) in wishes.iter().filter(|(_, wish)| wish.refund_id.is_some()) {
        let found = store::refunds::by_number(&sea.looking, MERCHANT.mch_id, number).await;
        let Some(refund) = found.unwrap() else {
            sea.wrong(format_args!("I1: the refund {number} was acknowledged and is lost"));
            continue;
        };
        let is_same = wish.refund_id.as_deref() == Some(refund.refund_no().as_str())
            && wish.refund_fee.is_none_or(|fee| fee == refund.amount.minor);
        let was_done = wish.told.iter().any(|told| told == RefundState::Done.status());
        if !is_same || (was_done && refund.state != RefundState::Done) {
            sea.wrong(format_args!("I14: {number} is {refund:?}, and was called {wish:?}"));
        }
    }
}

/// Whatever the merchant heard of an order, it heard the same each time.
async fn notices(sea: &Sea, order: &Order) {
    let sn = order.sn();
    let notices = store::notices::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    let heard = sea.shop.heard_of(sn.as_str());
    for state in TradeState::ALL {
        let of_state: Vec<_> =
            heard.iter().filter(|facts| facts["trade_state"] == state.word()).collect();
        if of_state.windows(2).any(|pair| pair[0] != pair[1]) {
            sea.wrong(format_args!("I11: {sn}: {of_state:?}"));
        }
        let had: Vec<_> = notices.iter().filter(|one| one.notice.event == state).collect();
        let is_delivered = had.iter().all(|one| one.notice.state == NoticeState::Delivered);
        if !is_delivered || of_state.is_empty() != had.is_empty() {
            sea.wrong(format_args!("I10: {sn} {state:?} heard {} times: {had:?}", of_state.len()));
        }
        let Weather { shop, store, has_crashes, has_freezes, .. } = sea.weather;
        let is_calm = shop == 0 && store == 0 && !has_crashes && !has_freezes;
        if is_calm && of_state.len() > 1 {
            sea.wrong(format_args!("{sn} {state:?} was delivered {} times", of_state.len()));
        }
    }
}

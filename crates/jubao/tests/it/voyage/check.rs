//! The invariants, at the end of a voyage and at moments of it. Their numbers are those of
//! docs/INVARIANTS.md.

use std::collections::BTreeSet;

use jubao::demo::identity::MERCHANT;
use kernel::application::LatePayment;
use kernel::ledger::{Book, Entry, is_balanced};
use kernel::notice::NoticeState;
use kernel::order::{AttemptState, Order};
use kernel::state::TradeState;

use super::sea::{Sea, Weather};
use super::shop::Wish;
use super::upstreams::Taken;

/// The merchant's fee in millionths, rounded half up to the fen.
const FEE_PPM: i64 = 6_000;

/// Whether everything has come right: what was paid is booked, what has expired is closed, what
/// happened is told.
pub async fn is_settled(sea: &Sea) -> bool {
    let wishes = sea.shop.wishes().clone();
    for (number, wish) in &wishes {
        if sea.clock.now() <= wish.expires_at {
            return false;
        }
        let Some(order) = order_of(sea, number).await else { continue };
        let taken = sea.upstreams.taken_for(order.sn().as_str());
        let notices = store::notices::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
        let is_told = notices.iter().all(|one| one.notice.state == NoticeState::Delivered);
        if wrongs_of(sea, wish, &order, &taken).await.next().is_some() || !is_told {
            return false;
        }
    }
    true
}

/// Everything that must hold, told to the sea where it does not.
pub async fn everything(sea: &Sea) {
    let wishes = sea.shop.wishes().clone();
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
        let taken = sea.upstreams.taken_for(sn.as_str());
        for wrong in wrongs_of(sea, wish, &order, &taken).await {
            sea.wrong(format_args!("{number} {sn}: {wrong}; taken {taken:?}"));
        }
        history(sea, wish, &order).await;
        notices(sea, &order).await;
    }
    if store::orders::count(&sea.looking, MERCHANT.mch_id).await.unwrap() != stand {
        sea.wrong("I2: there are orders that nobody has placed");
    }
    if sea.shop.heard_count() != heard {
        sea.wrong("I10: the merchant was told of orders that do not stand");
    }
    books(sea).await;
    if let Err(broken) = store::audit::verify(&sea.looking, None).await.unwrap() {
        sea.wrong(format_args!("I12: the audit breaks at {broken:?}"));
    }
}

/// The books balance, whenever one looks.
pub async fn books(sea: &Sea) {
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

/// What is wrong with an order whose time is over.
async fn wrongs_of(
    sea: &Sea,
    wish: &Wish,
    order: &Order,
    taken: &[Taken],
) -> impl Iterator<Item = String> {
    let rows = store::ledger::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    let booked = |book: Book| -> i64 {
        let of_book = rows.iter().filter(|row| row.entry.book == book);
        of_book.map(|row| row.entry.amount.minor).sum()
    };
    let gross = order.pay_amount().minor;
    let count = i64::try_from(taken.len()).unwrap();
    let is_paid = order.state == TradeState::Success;
    let owed = -booked(Book::MerchantPayable) - booked(Book::FeeIncome);
    let kept = if is_paid { gross } else { 0 };
    let attempts = store::attempts::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    let in_doubt: Vec<_> = attempts.iter().filter(|attempt| attempt.state.is_live()).collect();
    let of_state = |state| attempts.iter().filter(|one| one.state == state).count();
    let is_late_wanted = sea.late == LatePayment::Honour;
    let known: BTreeSet<&str> = taken.iter().map(|one| one.transaction_id.as_str()).collect();
    let told = order.payment.as_ref().map(|payment| payment.transaction_id.as_str());
    [
        (wish.total_fee != order.total_fee, "I1: another amount stands".to_owned()),
        (
            !is_paid && order.state != TradeState::Closed,
            format!("I15: it is still {:?}", order.state),
        ),
        (!in_doubt.is_empty(), format!("I15: still in doubt: {in_doubt:?}")),
        (is_paid && count == 0, "I3: it is called paid, and nobody has paid".to_owned()),
        (!is_paid && is_late_wanted && count > 0, "I3: paid upstream, not with us".to_owned()),
        (is_paid != told.is_some(), "I3: state and payment differ".to_owned()),
        (told.is_some_and(|id| !known.contains(id)), "I3: a payment nobody made".to_owned()),
        (owed != kept, format!("I3: {owed} are owed to the merchant")),
        (
            -booked(Book::FeeIncome)
                != if is_paid { (gross * FEE_PPM + 500_000) / 1_000_000 } else { 0 },
            format!("I3: the fee is {}", -booked(Book::FeeIncome)),
        ),
        (booked(Book::RefundDue) != 0, format!("I3: {} are due back", -booked(Book::RefundDue))),
        (
            booked(Book::ChannelReceivable) != kept,
            format!("I3: {} are with upstreams", booked(Book::ChannelReceivable)),
        ),
        (of_state(AttemptState::Paid) != usize::from(is_paid), "I3: paid attempts".to_owned()),
        (
            taken.iter().any(|one| one.total != gross),
            "I3: the upstream took another amount".to_owned(),
        ),
    ]
    .into_iter()
    .filter_map(|(is_wrong, what)| is_wrong.then_some(what))
}

/// The history has no gap, moves along the table, and holds what answers said, in their order.
async fn history(sea: &Sea, wish: &Wish, order: &Order) {
    let history =
        store::order_events::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    for (rev, pair) in (1..).zip(history.windows(2)) {
        let is_gapless = (pair[1].rev, pair[1].from) == (rev, Some(pair[0].to));
        let (from, to) = (pair[0].to, pair[1].to);
        if !is_gapless || (from != to && !from.may_become(to)) {
            sea.wrong(format_args!("I8: {}: {pair:?}", order.sn()));
        }
    }
    if history.last().map(|event| event.to) != Some(order.state) {
        sea.wrong(format_args!("I8: {} is {:?}: {history:?}", order.sn(), order.state));
    }
    let mut rest = history.iter().map(|event| event.to).peekable();
    for told in &wish.states {
        while rest.peek().is_some_and(|state| state != told) {
            rest.next();
        }
        if rest.peek().is_none() {
            sea.wrong(format_args!("I9: {} was told as {:?}", order.sn(), wish.states));
            return;
        }
    }
}

/// A paid order has one notice; whatever the merchant heard of it, it heard the same each time.
async fn notices(sea: &Sea, order: &Order) {
    let sn = order.sn();
    let notices = store::notices::of_order(&sea.looking, order.mch_id, order.id).await.unwrap();
    let of_payment = notices.iter().filter(|one| one.notice.event == TradeState::Success).count();
    if of_payment != usize::from(order.state == TradeState::Success) {
        sea.wrong(format_args!("I10: {sn} has {of_payment} notices of its payment"));
    }
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

//! A walk through the kernel's decisions alone: every event in every state, those too that no
//! operation of the gateway brings about yet. And the count of what was tried.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::application::LatePayment;
use kernel::decide::{Decision, Event, decide, watch};
use kernel::ledger::{Book, Entry, is_balanced};
use kernel::order::{Order, Payment};
use kernel::product::Provider;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::dice::Dice;

/// Events of one walk.
const STEPS: usize = 24;
/// Every kind of event, by its number in the count.
const EVENTS: [&str; 7] = [
    "acting",
    "paid, late refunded",
    "paid, late honoured",
    "failed",
    "closed",
    "reversed",
    "refunded",
];

type Count = [[AtomicU64; EVENTS.len()]; TradeState::ALL.len()];

static OF_GATEWAY: Count =
    [const { [const { AtomicU64::new(0) }; EVENTS.len()] }; TradeState::ALL.len()];
static OF_WALKS: Count =
    [const { [const { AtomicU64::new(0) }; EVENTS.len()] }; TradeState::ALL.len()];

thread_local! {
    static WATCHED: Cell<Option<&'static Count>> = const { Cell::new(None) };
}

/// Counts what the gateway decides on this thread from here on.
pub fn count_gateway() {
    watch(count);
    WATCHED.set(Some(&OF_GATEWAY));
}

/// Counts nothing on this thread any more.
pub fn count_nothing() {
    WATCHED.set(None);
}

fn count(state: TradeState, event: Event) {
    let Some(count) = WATCHED.get() else { return };
    let row = TradeState::ALL.iter().position(|one| *one == state).unwrap();
    count[row][number(event)].fetch_add(1, Ordering::Relaxed);
}

fn number(event: Event) -> usize {
    match event {
        Event::PayerActing => 0,
        Event::Paid { late: LatePayment::Refund, .. } => 1,
        Event::Paid { late: LatePayment::Honour, .. } => 2,
        Event::Failed => 3,
        Event::Closed => 4,
        Event::Reversed => 5,
        Event::RefundedInFull => 6,
    }
}

/// What was tried: by the gateway, and by walks.
pub fn table() -> String {
    let mut text = format!("{:<12}", "state");
    EVENTS.iter().for_each(|event| text.push_str(&format!("{event:>22}")));
    for (row, state) in TradeState::ALL.iter().enumerate() {
        text.push_str(&format!("\n{:<12}", state.word()));
        for event in 0..EVENTS.len() {
            let of = |count: &Count| count[row][event].load(Ordering::Relaxed);
            text.push_str(&format!("{:>22}", format!("{} + {}", of(&OF_GATEWAY), of(&OF_WALKS))));
        }
    }
    text
}

/// How often the rarest pair of state and event was tried.
pub fn rarest() -> u64 {
    let of = |row: usize, event: usize| {
        let counts =
            [&OF_GATEWAY, &OF_WALKS].map(|count| count[row][event].load(Ordering::Relaxed));
        counts[0] + counts[1]
    };
    let pairs =
        (0..TradeState::ALL.len()).flat_map(|row| (0..EVENTS.len()).map(move |at| (row, at)));
    pairs.map(|(row, event)| of(row, event)).min().unwrap_or(0)
}

/// Walks an order, as it may be placed, through events of the dice; what is wrong is returned.
pub fn walk(seed: u64, order: &Order) -> Result<(), String> {
    watch(count);
    WATCHED.set(Some(&OF_WALKS));
    let mut dice = Dice::new(seed);
    for state in [TradeState::NotPay, TradeState::UserPaying, TradeState::UserPaying] {
        walk_once(&mut dice, Order { state, payment: None, ..order.clone() })?;
    }
    Ok(())
}

fn walk_once(dice: &mut Dice, mut order: Order) -> Result<(), String> {
    let (mut books, mut taken) = (Vec::<Entry>::new(), 0);
    for _ in 0..STEPS {
        let event = draw(dice, &order);
        let before = order.state;
        taken += i64::from(matches!(event, Event::Paid { .. }));
        let postings = match decide(&order, event) {
            Decision::Keep => continue,
            Decision::Surplus { postings } => postings,
            Decision::Move { to, postings } => {
                if !before.may_become(to) {
                    return Err(format!("I8: {before:?} became {to:?} by {event:?}"));
                }
                if matches!(event, Event::Paid { .. }) {
                    order.payment = Some(payment(&order));
                }
                order.state = to;
                postings
            }
        };
        if !is_balanced(&postings) {
            return Err(format!("I4: {postings:?}"));
        }
        books.extend(postings);
        check(&order, &books, taken)?;
    }
    Ok(())
}

fn draw(dice: &mut Dice, order: &Order) -> Event {
    let amount = order.pay_amount();
    dice.pick(&[
        Event::PayerActing,
        Event::Paid { amount, late: LatePayment::Refund },
        Event::Paid { amount, late: LatePayment::Honour },
        Event::Failed,
        Event::Closed,
        Event::Reversed,
        Event::RefundedInFull,
    ])
}

/// What the books say of every payment: it is the order's, it is due back, or it went back.
fn check(order: &Order, books: &[Entry], taken: i64) -> Result<(), String> {
    let booked = |book: Book| -> i64 {
        books.iter().filter(|entry| entry.book == book).map(|entry| entry.amount.minor).sum()
    };
    let gross = order.pay_amount().minor;
    let owed = -booked(Book::MerchantPayable) - booked(Book::FeeIncome);
    let expect = if order.state == TradeState::Success { gross } else { 0 };
    let went_back = if order.payment.is_some() && owed == 0 { gross } else { 0 };
    let held = owed - booked(Book::RefundDue);
    let is_right = owed == expect
        && booked(Book::ChannelReceivable) == held
        && held + went_back == taken * gross;
    if is_right { Ok(()) } else { Err(format!("I3: {order:?} after {taken} payments: {books:?}")) }
}

fn payment(order: &Order) -> Payment {
    Payment {
        provider: Provider::Alipay,
        transaction_id: "2026".into(),
        amount: order.pay_amount(),
        cash: order.pay_amount(),
        bank_type: String::new(),
        openid: String::new(),
        paid_at: Timestamp::from_seconds(1),
    }
}

//! A walk through the kernel's decisions alone: every event in every state, those too that no
//! operation of the gateway brings about yet. And the count of what was tried.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::application::LatePayment;
use kernel::decide::{Decision, Event, RefundEnd, decide, watch};
use kernel::ledger::{Book, Entry, is_balanced};
use kernel::money::Money;
use kernel::order::{Order, Payment};
use kernel::product::Provider;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::dice::Dice;

/// Events of one walk.
const STEPS: usize = 24;
/// Every kind of event, by its number in the count.
const EVENTS: [&str; 11] = [
    "acting",
    "paid, late refunded",
    "paid, late honoured",
    "failed",
    "closed",
    "reversed",
    "refund asked",
    "refund done",
    "refund closed",
    "refunded in full",
    "surplus returned",
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
        Event::RefundAsked { .. } => 6,
        Event::RefundDone { end: RefundEnd::Partial, .. } => 7,
        Event::RefundClosed { .. } => 8,
        Event::RefundDone { end: RefundEnd::Refunded | RefundEnd::Reversed, .. } => 9,
        Event::SurplusReturned { .. } => 10,
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

/// Events that no path of the gateway leads to in these states, and why.
const IMPOSSIBLE: [(&[TradeState], &[usize]); 3] = {
    use TradeState::{Closed, NotPay, PayError, Refund, Revoked, UserPaying};
    [
        // Only what is paid is refunded by its merchant: whoever asks is refused before anything is
        // decided, and the last refund that is done ends it.
        (&[NotPay, UserPaying, PayError, Refund, Closed, Revoked], &[6]),
        (&[NotPay, UserPaying, PayError, Closed], &[7, 8, 9]),
        // What an open order is paid it wants: there is no surplus to return.
        (&[NotPay, UserPaying], &[10]),
    ]
};

/// Pairs of [`IMPOSSIBLE`] that the gateway has met all the same.
pub fn met_although_impossible() -> Vec<(TradeState, &'static str)> {
    let pairs = IMPOSSIBLE.iter().flat_map(|(states, events)| {
        states.iter().flat_map(|state| events.iter().map(move |event| (*state, *event)))
    });
    let row = |state: TradeState| TradeState::ALL.iter().position(|one| *one == state).unwrap();
    let is_met = |(state, event): &(TradeState, usize)| {
        OF_GATEWAY[row(*state)][*event].load(Ordering::Relaxed) > 0
    };
    pairs.filter(is_met).map(|(state, event)| (state, EVENTS[event])).collect()
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
        walk_once(&mut dice, Order { state, payment: None, total_refund_fee: 0, ..order.clone() })?;
    }
    Ok(())
}

/// An order, what was posted for it, what its upstream has taken and given back, and what is reserved.
struct World {
    order: Order,
    books: Vec<Entry>,
    taken: i64,
    given: i64,
    returned: i64,
    reserved: Vec<i64>,
}

fn walk_once(dice: &mut Dice, order: Order) -> Result<(), String> {
    let (books, reserved) = (Vec::new(), Vec::new());
    let mut world = World { order, books, taken: 0, given: 0, returned: 0, reserved };
    for _ in 0..STEPS {
        let event = world.draw(dice);
        world.meet(event)?;
        world.check()?;
    }
    Ok(())
}

impl World {
    /// An event that can happen: of a paid order only what is reserved is done or closed.
    fn draw(&self, dice: &mut Dice) -> Event {
        let amount = self.order.pay_amount();
        let money = |minor| Money::new(minor, amount.currency);
        let most = u64::try_from(amount.minor - 1).unwrap();
        let some = money(1 + i64::try_from(dice.up_to(most)).unwrap());
        let reserved = self.reserved.last().copied().map_or(some, money);
        let is_last = self.given + reserved.minor == amount.minor;
        let end = match (is_last, dice.pick(&[RefundEnd::Refunded, RefundEnd::Reversed])) {
            (true, end) => end,
            (false, _) => RefundEnd::Partial,
        };
        let asked = dice.pick(&[some, amount, self.order.stays()]);
        let event = dice.pick(&[
            Event::PayerActing,
            Event::Paid { amount, late: LatePayment::Refund },
            Event::Paid { amount, late: LatePayment::Honour },
            Event::Failed,
            Event::Closed,
            Event::Reversed,
            Event::RefundAsked { amount: asked },
            Event::RefundDone { amount: reserved, end },
            Event::RefundDone { amount, end: RefundEnd::Refunded },
            Event::RefundClosed { amount: reserved },
            Event::SurplusReturned { amount },
        ]);
        let is_paid = self.order.state == TradeState::Success;
        match event {
            Event::RefundDone { .. } | Event::RefundClosed { .. }
                if is_paid && self.reserved.is_empty() =>
            {
                Event::RefundAsked { amount: some }
            }
            Event::RefundDone { .. } if is_paid => Event::RefundDone { amount: reserved, end },
            Event::SurplusReturned { .. } if self.surplus() == 0 && !self.order.state.is_open() => {
                Event::Paid { amount, late: LatePayment::Refund }
            }
            possible => possible,
        }
    }

    fn meet(&mut self, event: Event) -> Result<(), String> {
        let before = self.order.state;
        self.taken += i64::from(matches!(event, Event::Paid { .. }));
        let postings = match decide(&self.order, event) {
            Decision::Keep => return Ok(()),
            Decision::Surplus { postings } => postings,
            Decision::Refund { total_refund_fee, postings } => {
                self.order.total_refund_fee = total_refund_fee;
                postings
            }
            Decision::Move { to, postings } => {
                if !before.may_become(to) {
                    return Err(format!("I8: {before:?} became {to:?} by {event:?}"));
                }
                if matches!(event, Event::Paid { .. }) {
                    self.order.payment = Some(payment(&self.order));
                }
                self.order.state = to;
                postings
            }
        };
        match event {
            Event::RefundAsked { amount } => self.reserved.push(amount.minor),
            Event::RefundDone { .. } => self.given += self.reserved.pop().unwrap_or(0),
            Event::RefundClosed { .. } => _ = self.reserved.pop(),
            Event::SurplusReturned { .. } => self.returned += 1,
            Event::PayerActing
            | Event::Paid { .. }
            | Event::Failed
            | Event::Closed
            | Event::Reversed => {}
        }
        if !is_balanced(&postings) {
            return Err(format!("I4: {postings:?}"));
        }
        self.books.extend(postings);
        Ok(())
    }

    /// Payments that the order did not want and that have not gone back.
    fn surplus(&self) -> i64 {
        self.taken - i64::from(self.order.payment.is_some()) - self.returned
    }

    /// What the books say of every payment: it is the order's, it is due back, or it went back.
    fn check(&self) -> Result<(), String> {
        let booked = |book: Book| -> i64 {
            self.books.iter().filter(|one| one.book == book).map(|one| one.amount.minor).sum()
        };
        let gross = self.order.pay_amount().minor;
        let is_paid = self.order.payment.is_some();
        let stays = if is_paid { gross - self.order.total_refund_fee } else { 0 };
        let owed = -booked(Book::MerchantPayable) - booked(Book::FeeIncome);
        let due = self.reserved.iter().sum::<i64>() + self.surplus() * gross;
        let held = self.taken - self.returned;
        let is_right = owed == stays
            && -booked(Book::RefundDue) == due
            && booked(Book::ChannelReceivable) == held * gross - self.given;
        let is_within = (0..=gross).contains(&self.order.total_refund_fee);
        if is_right && is_within {
            return Ok(());
        }
        let Self { order, books, taken, given, .. } = self;
        Err(format!("I3, I7: {order:?} after {taken} payments, {given} given back: {books:?}"))
    }
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

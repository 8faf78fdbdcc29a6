//! What an event does to an order: the one place where states move and money is posted.
//!
//! [`decide`] is total: every event in every state has an answer, repeated and late ones too. It
//! performs nothing; the gateway commits the decision, and only then tells anybody.

#[cfg(debug_assertions)]
use std::sync::OnceLock;

use crate::application::LatePayment;
use crate::defect::{self, Defect};
use crate::ledger::{self, Entry};
use crate::money::Money;
use crate::order::Order;
use crate::state::TradeState;

/// A fact about an order, explicit enough to act on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The payer has begun (opened the page, is asked for a password).
    PayerActing,
    /// An upstream took `amount` through an attempt that had not paid before.
    Paid {
        /// What the upstream has taken: equal to the order's `pay_amount`.
        amount: Money,
        /// What the application wants done with money that comes too late.
        late: LatePayment,
    },
    /// The attempt failed for good (barcode payments).
    Failed,
    /// Every attempt is closed at its upstream and none is paid.
    Closed,
    /// The upstream reversed an order that was not paid: nothing is left to be paid there.
    Reversed,
    /// `amount` is to go back to the payer.
    RefundAsked {
        /// At most what is left.
        amount: Money,
    },
    /// The upstream has given `amount` back, which was reserved.
    RefundDone {
        /// As it was reserved.
        amount: Money,
        /// What becomes of the order when nothing of its payment stays.
        end: RefundEnd,
    },
    /// The upstream will not give `amount` back, which was reserved.
    RefundClosed {
        /// As it was reserved.
        amount: Money,
    },
    /// The upstream has given back money that the order did not want.
    SurplusReturned {
        /// As it was taken.
        amount: Money,
    },
}

/// What a refund makes of its order.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RefundEnd {
    /// Money of the payment stays, or is still on its way back.
    Partial,
    /// It was the last of a payment that has gone back in full.
    Refunded,
    /// The same, by a reversal.
    Reversed,
}

/// What a decision asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing changes: repeated, or not for this state.
    Keep,
    /// The order moves; what it posts and whether the merchant is told travel with the move.
    Move {
        /// The new state.
        to: TradeState,
        /// Entries of the ledger, balanced; empty if no money moved.
        postings: Vec<Entry>,
    },
    /// Money that the order does not want came, or went back: recorded, the order keeps its state.
    Surplus {
        /// Entries of the ledger, balanced.
        postings: Vec<Entry>,
    },
    /// The order keeps its state; what of it goes back changes.
    Refund {
        /// `total_refund_fee` from now on.
        total_refund_fee: i64,
        /// Entries of the ledger, balanced.
        postings: Vec<Entry>,
    },
}

/// Told of every decision: the state, and the event that met it.
pub type Watcher = fn(TradeState, Event);

#[cfg(debug_assertions)]
static WATCHER: OnceLock<Watcher> = OnceLock::new();

/// Tells `watcher` of every decision from here on, so that a simulation can say what it has tried.
/// Without debug assertions nobody is told.
pub fn watch(watcher: Watcher) {
    #[cfg(debug_assertions)]
    // The first one stays: a process has one simulation.
    let _ = WATCHER.set(watcher);
    #[cfg(not(debug_assertions))]
    let _ = watcher;
}

/// Decides what `event` does to `order`.
pub fn decide(order: &Order, event: Event) -> Decision {
    #[cfg(debug_assertions)]
    if let Some(watcher) = WATCHER.get() {
        watcher(order.state, event);
    }
    match event {
        Event::Paid { amount, late } => paid(order, amount, late),
        Event::PayerActing => move_to(order, TradeState::UserPaying),
        Event::Failed => move_unpaid(order, TradeState::PayError),
        Event::Closed => move_unpaid(order, TradeState::Closed),
        Event::Reversed => move_unpaid(order, TradeState::Revoked),
        Event::RefundAsked { amount } => refund_asked(order, amount),
        Event::RefundDone { amount, end } => refund_done(order, amount, end),
        Event::RefundClosed { amount } => refund_closed(order, amount),
        Event::SurplusReturned { amount } => surplus_returned(order, amount),
    }
}

fn refund_asked(order: &Order, amount: Money) -> Decision {
    let is_above_left =
        amount.minor > order.refundable() && !defect::is_seeded(Defect::RefundAboveLeft);
    if amount.minor < 1 || is_above_left {
        return Decision::Keep;
    }
    let postings = ledger::reserved(order.stays(), amount, order.fee_rule);
    Decision::Refund { total_refund_fee: order.total_refund_fee + amount.minor, postings }
}

fn refund_done(order: &Order, amount: Money, end: RefundEnd) -> Decision {
    if order.state != TradeState::Success || amount.minor > order.total_refund_fee {
        return Decision::Keep;
    }
    let postings = ledger::refunded(amount);
    match end {
        RefundEnd::Partial => {
            Decision::Refund { total_refund_fee: order.total_refund_fee, postings }
        }
        RefundEnd::Refunded => Decision::Move { to: TradeState::Refund, postings },
        RefundEnd::Reversed => Decision::Move { to: TradeState::Revoked, postings },
    }
}

fn refund_closed(order: &Order, amount: Money) -> Decision {
    if order.state != TradeState::Success || amount.minor > order.total_refund_fee {
        return Decision::Keep;
    }
    let postings = ledger::released(order.stays(), amount, order.fee_rule);
    Decision::Refund { total_refund_fee: order.total_refund_fee - amount.minor, postings }
}

/// What an open order is paid, it wants: it has no surplus.
fn surplus_returned(order: &Order, amount: Money) -> Decision {
    if order.state.is_open() {
        return Decision::Keep;
    }
    Decision::Surplus { postings: ledger::refunded(amount) }
}

fn paid(order: &Order, amount: Money, late: LatePayment) -> Decision {
    assert_eq!(amount, order.pay_amount(), "the amount is compared before it is decided on");
    let is_wanted = match order.state {
        TradeState::NotPay | TradeState::UserPaying => true,
        TradeState::Closed | TradeState::PayError | TradeState::Revoked => {
            late == LatePayment::Honour && order.payment.is_none()
        }
        TradeState::Success | TradeState::Refund => false,
    };
    if is_wanted {
        let postings = ledger::payment(amount, order.fee_rule);
        Decision::Move { to: TradeState::Success, postings }
    } else {
        Decision::Surplus { postings: ledger::surplus(amount) }
    }
}

fn move_unpaid(order: &Order, to: TradeState) -> Decision {
    if order.state.is_open() { move_to(order, to) } else { Decision::Keep }
}

fn move_to(order: &Order, to: TradeState) -> Decision {
    if order.state.may_become(to) {
        Decision::Move { to, postings: Vec::new() }
    } else {
        Decision::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Book;
    use crate::order::{Payment, tests::an_order};
    use crate::product::Provider;
    use crate::time::Timestamp;

    /// Sequences of this length are tried exhaustively.
    const LENGTH: usize = 6;

    fn events(amount: Money) -> [Event; 11] {
        let half = Money::new(amount.minor / 2, amount.currency);
        [
            Event::PayerActing,
            Event::Paid { amount, late: LatePayment::Refund },
            Event::Paid { amount, late: LatePayment::Honour },
            Event::Failed,
            Event::Closed,
            Event::Reversed,
            Event::RefundAsked { amount: half },
            Event::RefundDone { amount: half, end: RefundEnd::Partial },
            Event::RefundDone { amount: half, end: RefundEnd::Refunded },
            Event::RefundClosed { amount: half },
            Event::SurplusReturned { amount },
        ]
    }

    fn the_payment(order: &Order) -> Payment {
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

    /// An order, what was posted for it, and what its upstream has taken and given back.
    #[derive(Clone)]
    struct World {
        order: Order,
        books: Vec<Entry>,
        taken: i64,
        given: i64,
        surplus_given: i64,
    }

    impl World {
        /// Applies a decision as the gateway does, which knows what is reserved and what is done.
        fn apply(&mut self, event: Event) {
            let before = self.order.state;
            let half = self.order.pay_amount().minor / 2;
            let reserved = self.order.total_refund_fee - self.given;
            let is_possible = match event {
                Event::RefundDone { end: RefundEnd::Partial, .. } => {
                    reserved >= half && self.given == 0
                }
                Event::RefundDone { .. } => reserved >= half && self.given == half,
                Event::RefundClosed { .. } => reserved >= half,
                Event::SurplusReturned { .. } => before.is_open() || self.surplus() > 0,
                Event::PayerActing
                | Event::Paid { .. }
                | Event::Failed
                | Event::Closed
                | Event::Reversed
                | Event::RefundAsked { .. } => true,
            };
            if !is_possible {
                return;
            }
            let is_done = matches!(event, Event::RefundDone { .. });
            let postings = match decide(&self.order, event) {
                Decision::Keep => return,
                Decision::Surplus { postings } => postings,
                Decision::Refund { total_refund_fee, postings } => {
                    self.order.total_refund_fee = total_refund_fee;
                    postings
                }
                Decision::Move { to, postings } => {
                    assert!(before.may_become(to), "{before:?} to {to:?} by {event:?}");
                    if to == TradeState::Success {
                        self.order.payment = Some(the_payment(&self.order));
                    }
                    self.order.state = to;
                    postings
                }
            };
            self.given += if is_done { half } else { 0 };
            self.taken += i64::from(matches!(event, Event::Paid { .. }));
            self.surplus_given += i64::from(matches!(event, Event::SurplusReturned { .. }));
            assert!(ledger::is_balanced(&postings));
            self.books.extend(postings);
        }

        /// Payments that the order did not want and that have not gone back.
        fn surplus(&self) -> i64 {
            self.taken - i64::from(self.order.payment.is_some()) - self.surplus_given
        }

        fn in_book(&self, book: Book) -> i64 {
            self.books.iter().filter(|one| one.book == book).map(|one| one.amount.minor).sum()
        }

        /// The books say what the order says, whatever happened on the way.
        fn check(&self, sequence: &[Event]) {
            let gross = self.order.pay_amount().minor;
            let is_paid = self.order.payment.is_some();
            let stays = if is_paid { gross - self.order.total_refund_fee } else { 0 };
            let owed = -self.in_book(Book::MerchantPayable) - self.in_book(Book::FeeIncome);
            assert_eq!(owed, stays, "{sequence:?}");
            let due = self.order.total_refund_fee - self.given + self.surplus() * gross;
            assert_eq!(-self.in_book(Book::RefundDue), due, "{sequence:?}");
            let held = (self.taken - self.surplus_given) * gross - self.given;
            assert_eq!(self.in_book(Book::ChannelReceivable), held, "{sequence:?}");
            assert!((0..=gross).contains(&self.order.total_refund_fee), "{sequence:?}");
        }

        fn walk(&self, sequence: &mut Vec<Event>) {
            self.check(sequence);
            if sequence.len() == LENGTH {
                return;
            }
            for event in events(self.order.pay_amount()) {
                let mut next = self.clone();
                next.apply(event);
                sequence.push(event);
                next.walk(sequence);
                sequence.pop();
            }
        }
    }

    #[test]
    fn every_sequence_of_events_keeps_the_table_and_the_books() {
        let (order, books) = (an_order(), Vec::new());
        let world = World { order, books, taken: 0, given: 0, surplus_given: 0 };
        world.walk(&mut Vec::new());
    }

    #[test]
    fn no_refund_exceeds_what_is_left() {
        let mut order = an_order();
        let asked = |order: &Order, minor| {
            let amount = Money::new(minor, order.currency);
            decide(order, Event::RefundAsked { amount })
        };
        assert_eq!(asked(&order, 1), Decision::Keep, "it is not paid");
        order.state = TradeState::Success;
        order.total_refund_fee = 6_000;
        assert_eq!(asked(&order, 4_001), Decision::Keep);
        assert_eq!(asked(&order, 0), Decision::Keep);
        let Decision::Refund { total_refund_fee, .. } = asked(&order, 4_000) else {
            panic!("what is left can go back");
        };
        assert_eq!(total_refund_fee, 10_000);
    }

    #[test]
    fn late_money_follows_the_policy() {
        let mut order = an_order();
        order.state = TradeState::Closed;
        let amount = order.pay_amount();
        let paid = |late| decide(&order, Event::Paid { amount, late });
        assert!(matches!(paid(LatePayment::Refund), Decision::Surplus { .. }));
        let honoured = paid(LatePayment::Honour);
        assert!(matches!(honoured, Decision::Move { to: TradeState::Success, .. }));
    }

    #[test]
    fn a_second_payment_is_surplus() {
        let mut order = an_order();
        order.state = TradeState::Success;
        let event = Event::Paid { amount: order.pay_amount(), late: LatePayment::Honour };
        assert!(matches!(decide(&order, event), Decision::Surplus { .. }));
    }
}

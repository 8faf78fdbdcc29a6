//! What an event does to an order: the one place where states move and money is posted.
//!
//! [`decide`] is total: every event in every state has an answer, repeated and late ones too. It
//! performs nothing; the gateway commits the decision, and only then tells anybody.

#[cfg(debug_assertions)]
use std::sync::OnceLock;

use crate::application::LatePayment;
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
    /// The upstream reversed it: a paid order's money went back in full.
    Reversed,
    /// The whole amount has gone back to the payer.
    RefundedInFull,
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
    /// Money that the order does not want: recorded, the order keeps its state, the attempt is
    /// marked for refund.
    Surplus {
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
        Event::Reversed => move_with_reversal(order, TradeState::Revoked),
        Event::RefundedInFull => move_with_reversal(order, TradeState::Refund),
    }
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

fn move_with_reversal(order: &Order, to: TradeState) -> Decision {
    if order.state != TradeState::Success {
        return if to == TradeState::Revoked { move_unpaid(order, to) } else { Decision::Keep };
    }
    let postings = ledger::reversed(&ledger::payment(order.pay_amount(), order.fee_rule));
    Decision::Move { to, postings }
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

    fn events(amount: Money) -> [Event; 7] {
        [
            Event::PayerActing,
            Event::Paid { amount, late: LatePayment::Refund },
            Event::Paid { amount, late: LatePayment::Honour },
            Event::Failed,
            Event::Closed,
            Event::Reversed,
            Event::RefundedInFull,
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

    /// Applies a decision as the gateway does, and counts what was posted.
    fn apply(order: &mut Order, books: &mut Vec<Entry>, event: Event) {
        let before = order.state;
        let postings = match decide(order, event) {
            Decision::Keep => return,
            Decision::Surplus { postings } => postings,
            Decision::Move { to, postings } => {
                assert!(before.may_become(to), "{before:?} to {to:?} by {event:?}");
                if to == TradeState::Success {
                    order.payment = Some(the_payment(order));
                }
                order.state = to;
                postings
            }
        };
        assert!(ledger::is_balanced(&postings));
        books.extend(postings);
    }

    fn balance(books: &[Entry], book: Book) -> i64 {
        books.iter().filter(|entry| entry.book == book).map(|entry| entry.amount.minor).sum()
    }

    /// The books say what the state says, whatever happened on the way.
    fn check(order: &Order, books: &[Entry], paid: i64, sequence: &[Event]) {
        let gross = order.pay_amount().minor;
        let owed = -balance(books, Book::MerchantPayable) - balance(books, Book::FeeIncome);
        let expect = if order.state == TradeState::Success { gross } else { 0 };
        assert_eq!(owed, expect, "{sequence:?}");
        let given_back = if order.payment.is_some() && owed == 0 { gross } else { 0 };
        let held = owed - balance(books, Book::RefundDue);
        assert_eq!(balance(books, Book::ChannelReceivable), held, "{sequence:?}");
        assert_eq!(held + given_back, paid * gross, "every payment is booked once: {sequence:?}");
    }

    fn walk(order: &Order, books: &[Entry], paid: i64, sequence: &mut Vec<Event>) {
        check(order, books, paid, sequence);
        if sequence.len() == LENGTH {
            return;
        }
        for event in events(order.pay_amount()) {
            let (mut order, mut books) = (order.clone(), books.to_vec());
            apply(&mut order, &mut books, event);
            sequence.push(event);
            let has_paid = i64::from(matches!(event, Event::Paid { .. }));
            walk(&order, &books, paid + has_paid, sequence);
            sequence.pop();
        }
    }

    #[test]
    fn every_sequence_of_events_keeps_the_table_and_the_books() {
        walk(&an_order(), &[], 0, &mut Vec::new());
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

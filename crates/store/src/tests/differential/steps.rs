//! The writes that a sequence is made of.

use kernel::notice::Notice;
use kernel::order::{Attempt, AttemptState, Order};
use kernel::refund::{Refund, RefundState};
use kernel::state::TradeState;

use super::Own;
use super::model::Model;
use crate::nonces::{self, Nonce};
use crate::notices::{self, AttemptLog};
use crate::orders::Change;
use crate::tests::refunds::a_refund;
use crate::tests::{APP, a_change, a_notice, a_payment, an_attempt, an_order, at};
use crate::{Batch, meta, orders};

/// Merchant's numbers that orders compete for.
const NUMBERS: u32 = 5;

/// Numbers that look random and are the same for the same seed.
pub struct Dice {
    state: u64,
    /// Orders that were tried to be placed.
    placed: u32,
}

impl Dice {
    pub fn new(seed: u32) -> Self {
        Self { state: u64::from(seed) << 32 | 0x9E37_79B9, placed: 0 }
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        let multiplied = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = multiplied.wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.state >> 33).unwrap() % limit
    }

    fn is_once_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }
}

/// A write.
#[derive(Clone, Debug)]
pub enum Step {
    /// An order with its attempts.
    Place(Box<Order>, Vec<Attempt>),
    /// A change of one.
    Settle(Box<Change>),
    /// An attempt to tell, and whether it is acknowledged.
    EndAttempt(Box<Notice>, bool),
    /// A nonce is spent, now and until when.
    Spend(Nonce, i64),
    /// A fact that is set once.
    Add(String),
}

impl Step {
    /// The next write of a sequence that stands as the model says.
    pub fn draw(dice: &mut Dice, own: Own, model: &Model) -> Self {
        match dice.below(12) {
            0..3 => Self::place(dice, own),
            3..8 => Self::settle(dice, own, model),
            8..10 => Self::end_attempt(dice, own, model),
            10 => {
                let text = format!("n{}", dice.below(3));
                let nonce = Nonce { mch_id: own.mch_id(), app_id: APP, text };
                Self::Spend(nonce, i64::from(dice.below(4)) * 400)
            }
            _ => Self::Add(format!("fact {} {}", own.0, dice.below(3))),
        }
    }

    /// The write as the gateway makes it.
    pub fn batch(&self) -> Batch {
        let log = || AttemptLog {
            at: at(20),
            duration_ms: 5,
            encoding: "form".into(),
            outcome: "acknowledged".into(),
            http_status: Some(200),
            answer: "SUCCESS".into(),
        };
        match self {
            Self::Place(order, attempts) => orders::place(order, attempts, &[]),
            Self::Settle(change) => orders::settle(change),
            Self::EndAttempt(notice, true) => notices::delivered(notice, &log()),
            Self::EndAttempt(notice, false) => notices::retry(notice, at(100), &log()),
            Self::Spend(nonce, now) => nonces::spend(nonce, at(*now), at(now + 600)),
            Self::Add(name) => meta::add(name, "1"),
        }
    }

    fn place(dice: &mut Dice, own: Own) -> Self {
        let mut order = own_order(own, dice.placed);
        dice.placed += 1;
        order.out_trade_no = format!("T{}", dice.below(NUMBERS));
        // An attempt's number is taken twice only by a defect.
        let mut attempts: Vec<_> =
            (0..i64::from(dice.below(3))).map(|no| an_attempt(&order, no)).collect();
        if dice.is_once_in(8) {
            attempts.extend(attempts.first().cloned());
        }
        Self::Place(Box::new(order), attempts)
    }

    fn settle(dice: &mut Dice, own: Own, model: &Model) -> Self {
        let order = Self::order(dice, own, model);
        let number = 1_000 + 10 * dice.below(5_000);
        let mut change = a_change(&order, 1);
        change.batch_id = own.id(number).0;
        if dice.is_once_in(6) {
            change.expected_rev += i64::from(dice.below(3)) - 1;
        }
        match dice.below(5) {
            0 => {}
            1 => {
                change.order.state = TradeState::Success;
                change.order.payment = Some(a_payment(&order));
                change.postings = kernel::ledger::payment(order.pay_amount(), order.fee_rule);
                let notice = Notice { id: own.id(number + 1), ..a_notice(&order, 1) };
                change.notice = Some(notice);
            }
            2 => {
                let refund = a_refund(&order, 1, &format!("R{}", dice.below(4)));
                change.new_refunds = vec![Refund { id: own.id(number + 2), ..refund }];
                // More than was paid is refused by the table itself.
                change.order.total_refund_fee = [500, 20_000][usize::from(dice.is_once_in(4))];
            }
            3 => {
                let attempt = an_attempt(&order, i64::from(dice.below(3)));
                let state = AttemptState::Paid;
                let rev = i64::from(dice.below(2));
                change.attempts = vec![(Attempt { state, ..attempt }, rev)];
            }
            _ => {
                let no = i64::from(dice.below(4));
                change.new_attempts = vec![an_attempt(&order, no)];
                let state = RefundState::Done;
                if dice.is_once_in(2) {
                    let refund = a_refund(&order, 1, "R9");
                    let fresh = Refund { id: own.id(number + 3), ..refund };
                    change.new_refunds = vec![fresh.clone()];
                    change.refunds = vec![(Refund { state, ..fresh }, 7)];
                }
            }
        }
        Self::Settle(Box::new(change))
    }

    fn end_attempt(dice: &mut Dice, own: Own, model: &Model) -> Self {
        let notices: Vec<_> = model.notices.values().map(|(notice, _)| notice).collect();
        let nobody = a_notice(&own_order(own, 0), 1);
        let nobodys = Notice { id: own.id(999), ..nobody };
        let mut notice = (*pick(dice, &notices).unwrap_or(&&nobodys)).clone();
        if dice.is_once_in(5) {
            notice.tries += 1;
        }
        Self::EndAttempt(Box::new(notice), dice.is_once_in(2))
    }

    /// One of the orders, or one that there is not.
    fn order(dice: &mut Dice, own: Own, model: &Model) -> Order {
        let orders: Vec<_> = model.orders.values().collect();
        let found = pick(dice, &orders).filter(|_| !dice.is_once_in(12)).copied();
        found.cloned().unwrap_or_else(|| own_order(own, 900))
    }
}

fn pick<'a, T>(dice: &mut Dice, from: &'a [T]) -> Option<&'a T> {
    let count = u32::try_from(from.len()).unwrap();
    (count > 0).then(|| &from[usize::try_from(dice.below(count)).unwrap()])
}

fn own_order(own: Own, sequence: u32) -> Order {
    Order { id: own.id(sequence), mch_id: own.mch_id(), ..an_order(sequence) }
}

//! The simulated EasyLink's truth: payments and refunds, and the one place where they change. It
//! knows nothing of HTTP.

use std::collections::BTreeMap;

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::chinaums::sim::check::{Order, Refused};
use crate::legacy::sha256_hex;
use crate::sim::outbox::Outbox;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// How long a payment waits that does not say so itself.
const LIFE_MS: i64 = 24 * 60 * 60 * 1000;
/// How long a refund takes.
const REFUND_TAKES_MS: i64 = 5_000;
/// How long after its payment a refund may come: eleven months, as at UnionPay.
const REFUNDABLE_MS: i64 = 330 * 24 * 60 * 60 * 1000;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Books {
    /// By EasyLink's number.
    payments: BTreeMap<String, Payment>,
    /// EasyLink's number by the merchant's.
    orders: BTreeMap<String, String>,
    /// By the merchant's number.
    refunds: BTreeMap<String, Refund>,
    /// Notifications that are not acknowledged yet, by EasyLink's number.
    #[serde(default)]
    pub(super) outbox: Outbox<String>,
    /// Makes numbers unique; never falls.
    counter: u64,
}

/// A payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Payment {
    /// Grows with every payment.
    sequence: u64,
    pub(super) payment_id: String,
    pub(super) order_id: String,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) reserved: String,
    pub(super) callback_url: String,
    pub(super) frontend_url: String,
    expires_ms: i64,
    state: State,
}

/// Where a payment stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum State {
    Waiting,
    /// The payer is at it.
    Acting,
    /// The last attempt failed; another may follow.
    Failed,
    Paid {
        at_ms: i64,
    },
    Expired,
}

/// A refund, which is done after a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) refund_order_id: String,
    pub(super) refund_id: String,
    pub(super) payment_id: String,
    /// Minor units.
    pub(super) amount: i64,
    done_ms: i64,
}

impl Payment {
    pub(super) fn state_at(&self, now: Timestamp) -> State {
        match self.state {
            State::Waiting | State::Acting | State::Failed if now.millis() >= self.expires_ms => {
                State::Expired
            }
            state => state,
        }
    }

    fn check_payable(&self, now: Timestamp) -> Result<(), PayError> {
        match self.state_at(now) {
            State::Waiting | State::Acting | State::Failed => Ok(()),
            State::Paid { .. } => Err(PayError::NotPayable("already paid".to_owned())),
            State::Expired => Err(PayError::NotPayable("its time is over".to_owned())),
        }
    }
}

impl Refund {
    pub(super) fn is_done(&self, now: Timestamp) -> bool {
        now.millis() >= self.done_ms
    }
}

impl Books {
    /// Takes an order; the same number with the same amount finds the same payment, while it waits.
    pub(super) fn place(&mut self, order: Order, stamp: &Stamp) -> Result<&Payment, Refused> {
        if let Some(payment_id) = self.orders.get(&order.order_id) {
            let standing = self.payments.get(payment_id).ok_or(Refused::SYSTEM)?;
            let is_same =
                standing.amount == order.amount && standing.check_payable(stamp.now).is_ok();
            return is_same.then_some(standing).ok_or(Refused::DUPLICATE);
        }
        let sequence = self.next();
        let payment_id = number(stamp, sequence);
        let payment = Payment {
            sequence,
            payment_id: payment_id.clone(),
            order_id: order.order_id.clone(),
            amount: order.amount,
            reserved: order.reserved,
            callback_url: order.callback_url,
            frontend_url: order.frontend_url,
            expires_ms: order.expires_at.unwrap_or(stamp.now.plus_millis(LIFE_MS)).millis(),
            state: State::Waiting,
        };
        self.orders.insert(order.order_id, payment_id.clone());
        Ok(self.payments.entry(payment_id).or_insert(payment))
    }

    /// A payment by EasyLink's number.
    pub(super) fn payment(&self, payment_id: &str) -> Option<&Payment> {
        self.payments.get(payment_id)
    }

    /// A payment by the merchant's number.
    pub(super) fn order(&self, order_id: &str) -> Option<&Payment> {
        self.payment(self.orders.get(order_id)?)
    }

    /// The newest payable payment of the orders whose number begins with `number`.
    pub(super) fn newest(&self, number: &str, now: Timestamp) -> Result<String, PayError> {
        let orders = self.orders.range(number.to_owned()..);
        let named: Vec<&Payment> = orders
            .take_while(|(order_id, _)| order_id.starts_with(number))
            .filter_map(|(_, payment_id)| self.payment(payment_id))
            .collect();
        let is_payable = |payment: &&&Payment| payment.check_payable(now).is_ok();
        let newest = named.iter().filter(is_payable).max_by_key(|payment| payment.sequence);
        let newest = newest.or_else(|| named.iter().max_by_key(|payment| payment.sequence));
        newest.map(|payment| payment.payment_id.clone()).ok_or(PayError::NotFound)
    }

    /// The payer pays.
    pub(super) fn pay(
        &mut self,
        payment_id: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let payment = self.payments.get_mut(payment_id).ok_or(PayError::NotFound)?;
        payment.check_payable(stamp.now)?;
        payment.state = State::Paid { at_ms: stamp.now.millis() };
        let paid = PaidInSim {
            trade_no: payment.order_id.clone(),
            transaction_id: payment_id.to_owned(),
            total: payment.amount,
        };
        self.outbox.add(&payment_id.to_owned(), fault, stamp.now);
        Ok(paid)
    }

    /// The payer has begun, has failed, or has gone back.
    pub(super) fn set_state(&mut self, payment_id: &str, state: State, now: Timestamp) {
        if let Some(payment) = self.payments.get_mut(payment_id)
            && payment.check_payable(now).is_ok()
        {
            payment.state = state;
        }
    }

    /// Gives money back; the same number with the same amount is the same refund.
    pub(super) fn refund(
        &mut self,
        payment_id: &str,
        (refund_order_id, amount): (&str, i64),
        stamp: &Stamp,
    ) -> Result<&Refund, Refused> {
        let is_first = !self.refunds.contains_key(refund_order_id);
        if is_first {
            self.check_refundable(payment_id, amount, stamp.now)?;
            let sequence = self.next();
            let refund = Refund {
                refund_order_id: refund_order_id.to_owned(),
                refund_id: number(stamp, sequence),
                payment_id: payment_id.to_owned(),
                amount,
                done_ms: stamp.now.plus_millis(REFUND_TAKES_MS).millis(),
            };
            self.refunds.insert(refund_order_id.to_owned(), refund);
        }
        let refund = self.refund_of(payment_id, refund_order_id).ok_or(Refused::DUPLICATE)?;
        if refund.amount == amount { Ok(refund) } else { Err(Refused::DUPLICATE) }
    }

    /// A refund of a payment.
    pub(super) fn refund_of(&self, payment_id: &str, refund_order_id: &str) -> Option<&Refund> {
        self.refunds.get(refund_order_id).filter(|refund| refund.payment_id == payment_id)
    }

    fn check_refundable(
        &self,
        payment_id: &str,
        amount: i64,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let payment = self.payment(payment_id).ok_or(Refused::NOT_FOUND)?;
        let State::Paid { at_ms } = payment.state else { return Err(Refused::NOT_PAID) };
        let of_payment = self.refunds.values().filter(|refund| refund.payment_id == payment_id);
        let left = payment.amount - of_payment.map(|refund| refund.amount).sum::<i64>();
        match left {
            _ if now.millis() - at_ms > REFUNDABLE_MS => Err(Refused::TOO_LATE),
            0 => Err(Refused::NOTHING_LEFT),
            left if amount > left => Err(Refused::TOO_MUCH),
            _ => Ok(()),
        }
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
}

/// 32 hexadecimal digits.
fn number(stamp: &Stamp, sequence: u64) -> String {
    let digest = sha256_hex(format!("{}{sequence}", stamp.nonce).as_bytes());
    digest.get(..32).unwrap_or_default().to_owned()
}

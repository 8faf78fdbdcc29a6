//! What the simulated Demo Wallet holds, and the rules that orders move by.

use std::collections::BTreeMap;

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::sim::outbox::Outbox;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// Why something is not done, in Demo Wallet's words.
pub(super) type Word = &'static str;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Books {
    /// By the merchant's number.
    orders: BTreeMap<String, Order>,
    /// Notifications, by the order's number.
    pub(super) outbox: Outbox<String>,
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) asked: Asked,
    state: State,
    /// By the merchant's number: how much, and when.
    refunds: BTreeMap<String, (i64, i64)>,
}

/// An order as it was asked for: a repetition must equal it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) amount: i64,
    pub(super) subject: String,
    pub(super) notify_url: String,
    /// Seconds.
    pub(super) expires_at: i64,
}

/// Where an order stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum State {
    Open,
    Paid { at: i64 },
    Closed,
}

impl Order {
    pub(super) fn state(&self, now: Timestamp) -> State {
        let is_over = self.state == State::Open && now.seconds() >= self.asked.expires_at;
        if is_over { State::Closed } else { self.state }
    }

    /// When it was paid.
    pub(super) fn paid_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Paid { at } => Some(Timestamp::from_seconds(at)),
            State::Open | State::Closed => None,
        }
    }

    /// How much a refund gave back, and when, in seconds.
    pub(super) fn refund(&self, number: &str) -> Option<(i64, i64)> {
        self.refunds.get(number).copied()
    }
}

impl Books {
    pub(super) fn order(&self, number: &str) -> Option<&Order> {
        self.orders.get(number)
    }

    /// Takes an order; the same again is the same order.
    pub(super) fn place(&mut self, number: &str, asked: Asked) -> Result<(), Word> {
        let fresh = Order { asked: asked.clone(), state: State::Open, refunds: BTreeMap::new() };
        let order = self.orders.entry(number.to_owned()).or_insert(fresh);
        if order.asked == asked { Ok(()) } else { Err("NUMBER_USED") }
    }

    /// Closes an order, unless it is paid.
    pub(super) fn close(&mut self, number: &str) -> Result<(), Word> {
        let order = self.orders.get_mut(number).ok_or("NOT_FOUND")?;
        if order.state == State::Open {
            order.state = State::Closed;
        }
        Ok(())
    }

    /// Gives money back; the same number with the same amount is the same refund.
    pub(super) fn refund(
        &mut self,
        number: &str,
        (refund, amount): (&str, i64),
        now: Timestamp,
    ) -> Result<(), Word> {
        let order = self.orders.get_mut(number).ok_or("REFUSED")?;
        if let Some((known, _)) = order.refund(refund) {
            return if known == amount { Ok(()) } else { Err("NUMBER_USED") };
        }
        let given: i64 = order.refunds.values().map(|(amount, _)| amount).sum();
        match order.state {
            State::Open | State::Closed => Err("REFUSED"),
            State::Paid { .. } if amount > order.asked.amount.saturating_sub(given) => {
                Err("TOO_MUCH")
            }
            State::Paid { .. } => {
                order.refunds.insert(refund.to_owned(), (amount, now.seconds()));
                Ok(())
            }
        }
    }

    /// The newest payable order whose number begins with `number`.
    pub(super) fn newest(&self, number: &str, now: Timestamp) -> Result<String, PayError> {
        let begins = |(known, _): &(&String, &Order)| known.starts_with(number);
        let mut found = self.orders.iter().filter(begins).filter(|_| !number.is_empty()).rev();
        let mut last = None;
        let open = found.find(|(_, order)| {
            last = Some(order.state(now));
            order.state(now) == State::Open
        });
        match (open, last) {
            (Some((number, _)), _) => Ok(number.clone()),
            (None, None) => Err(PayError::NotFound),
            (None, Some(State::Paid { .. })) => Err(PayError::NotPayable("already paid".into())),
            (None, Some(State::Open | State::Closed)) => Err(PayError::NotPayable("closed".into())),
        }
    }

    /// Takes the payer's money, and lets the notifications begin.
    pub(super) fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let order = self.orders.get_mut(number).ok_or(PayError::NotFound)?;
        if order.state(stamp.now) != State::Open {
            return Err(PayError::NotPayable("over".into()));
        }
        order.state = State::Paid { at: stamp.now.seconds() };
        self.outbox.add(&number.to_owned(), fault, stamp.now);
        Ok(PaidInSim {
            trade_no: number.to_owned(),
            transaction_id: transaction(number),
            total: order.asked.amount,
        })
    }
}

/// Demo Wallet's own number of a payment.
pub(super) fn transaction(number: &str) -> String {
    format!("DW{number}")
}

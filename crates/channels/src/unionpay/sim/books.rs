//! The simulated UnionPay's truth: its orders and what was given back, and the one place where they
//! change. It knows nothing of HTTP. A refusal is a `respCode` of the manual.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::sim::CallbackFaultKind;
use crate::sim::outbox::Outbox;
use crate::unionpay::sim::notify::{self, News};

/// Whose transaction: `orderId` and `txnTime`.
pub(super) type Key = (String, String);

/// `respCode`.
pub(super) type Code = &'static str;

/// What an order's payer does.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Way {
    /// Scans the merchant's code (01/07).
    Qr,
    /// Pays on a page (01/01).
    Front,
    /// Shows a code (01/06).
    Barcode,
}

/// What a merchant orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) key: Key,
    pub(super) way: Way,
    /// Minor units of the currency.
    pub(super) total: i64,
    /// `currencyCode`.
    pub(super) currency: String,
    pub(super) goods: String,
    pub(super) back_url: String,
    pub(super) front_url: String,
    /// `signMethod`: what is sent is signed like it.
    pub(super) sign_method: String,
    /// `payTimeout` in milliseconds.
    pub(super) ends_at: Option<i64>,
}

/// How far an order is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum State {
    /// Nobody has come to pay it.
    Fresh,
    /// The payer is there; a code if a card was refused.
    Acting(Option<String>),
    /// Paid.
    Paid,
    /// Refused for good, with its code.
    Failed(String),
    /// Reversed.
    Reversed,
}

/// What becomes of a barcode by itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) at: i64,
    pub(super) is_paid: bool,
}

/// An order and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) order: Order,
    pub(super) state: State,
    /// Grows with every order: the newest has the highest.
    pub(super) sequence: u64,
    /// Its part of the addresses of its pages.
    pub(super) page: String,
    pub(super) query_id: String,
    /// When it was paid or refused, in milliseconds; 0 if it is not.
    pub(super) ended_at: i64,
    pub(super) plan: Option<Plan>,
}

impl Trade {
    /// Whether its payer may still pay.
    pub(super) fn is_payable(&self, now: Timestamp) -> bool {
        let is_open = matches!(self.state, State::Fresh | State::Acting(_));
        is_open && self.order.ends_at.is_none_or(|end| now.millis() < end)
    }

    /// `respCode` of the order (manual: query).
    pub(super) fn code(&self, now: Timestamp) -> &str {
        match &self.state {
            State::Fresh => "34",
            State::Acting(Some(code)) | State::Failed(code) => code,
            State::Acting(None) if self.is_payable(now) => "05",
            State::Acting(None) => "69",
            State::Paid => "00",
            State::Reversed => "01",
        }
    }
}

/// Money that goes back: a refund, or the undoing of a payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Return {
    pub(super) key: Key,
    /// The order that was paid.
    pub(super) of: Key,
    pub(super) is_undo: bool,
    pub(super) total: i64,
    pub(super) back_url: String,
    pub(super) sign_method: String,
    pub(super) query_id: String,
    /// When it is done, in milliseconds.
    pub(super) done_at: i64,
    pub(super) is_told: bool,
}

impl Return {
    /// `respCode` of the refund.
    pub(super) fn code(&self, now: Timestamp) -> Code {
        if self.done_at <= now.millis() { "00" } else { "05" }
    }
}

/// All orders, what was given back, and callbacks.
#[derive(Default)]
pub(super) struct Books {
    pub(super) trades: BTreeMap<Key, Trade>,
    pub(super) returns: BTreeMap<Key, Return>,
    /// Digests of the barcodes that were tried.
    pub(super) codes: BTreeSet<String>,
    pub(super) outbox: Outbox<News>,
    counter: u64,
}

/// What survives a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    trades: Vec<Trade>,
    returns: Vec<Return>,
    codes: BTreeSet<String>,
    #[serde(default)]
    outbox: Outbox<News>,
    counter: u64,
}

impl Books {
    /// The order whose pages have this name.
    pub(super) fn of_page(&self, page: &str) -> Option<&Trade> {
        self.trades.values().find(|trade| trade.page == page)
    }

    /// Orders whose number begins with `number`.
    pub(super) fn beginning_with(&self, number: &str) -> Vec<&Trade> {
        self.trades.values().filter(|trade| trade.order.key.0.starts_with(number)).collect()
    }

    /// Whether a number was used with this time.
    pub(super) fn is_used(&self, key: &Key) -> bool {
        self.trades.contains_key(key) || self.returns.contains_key(key)
    }

    /// Takes an order.
    pub(super) fn add(&mut self, order: Order, stamp: &Stamp) -> Result<&mut Trade, Code> {
        if self.is_used(&order.key) {
            return Err("12");
        }
        let sequence = self.next();
        let drawn = stamp.nonce.get(..16).unwrap_or("");
        let trade = Trade {
            state: State::Fresh,
            sequence,
            page: format!("62{sequence:05}{drawn}"),
            query_id: query_id(sequence, stamp),
            ended_at: 0,
            plan: None,
            order,
        };
        Ok(self.trades.entry(trade.order.key.clone()).or_insert(trade))
    }

    /// The payer comes, or a card of theirs is refused with `code`.
    pub(super) fn act(&mut self, key: &Key, code: Option<Code>, stamp: &Stamp) {
        if let Some(trade) = self.trades.get_mut(key).filter(|trade| trade.is_payable(stamp.now)) {
            trade.state = State::Acting(code.map(str::to_owned));
        }
    }

    /// The payer pays.
    pub(super) fn pay(
        &mut self,
        key: &Key,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<(), &'static str> {
        let trade = self.trades.get_mut(key).ok_or("unknown")?;
        match trade.state {
            State::Paid => return Err("already paid"),
            State::Failed(_) => return Err("refused"),
            State::Reversed => return Err("reversed"),
            State::Fresh | State::Acting(_) => {}
        }
        if !trade.is_payable(stamp.now) {
            return Err("its time is over");
        }
        trade.state = State::Paid;
        trade.plan = None;
        // UnionPay's clock shows whole seconds.
        trade.ended_at = Timestamp::from_seconds(stamp.now.seconds()).millis();
        notify::tell_trade(&mut self.outbox, trade, fault, stamp);
        Ok(())
    }

    /// A barcode is refused for good; back transactions tell that too.
    pub(super) fn fail(&mut self, key: &Key, code: Code, stamp: &Stamp) {
        if let Some(trade) = self.trades.get_mut(key) {
            trade.state = State::Failed(code.to_owned());
            trade.plan = None;
            trade.ended_at = stamp.now.millis();
            notify::tell_trade(&mut self.outbox, trade, None, stamp);
        }
    }

    /// Reverses a barcode's order (manual: 冲正); a second time is the same.
    pub(super) fn reverse(&mut self, key: &Key) -> Result<(), Code> {
        let has_returns = self.given_back(key) > 0;
        let trade = self.trades.get_mut(key).ok_or("34")?;
        match trade.state {
            _ if trade.order.way != Way::Barcode => return Err("35"),
            State::Paid if has_returns => return Err("45"),
            State::Failed(_) => return Err("35"),
            State::Paid | State::Fresh | State::Acting(_) | State::Reversed => {}
        }
        trade.state = State::Reversed;
        trade.plan = None;
        Ok(())
    }

    /// Enters what goes back, which was checked.
    pub(super) fn give_back(&mut self, given: Return) {
        self.returns.insert(given.key.clone(), given);
    }

    /// How much of an order has gone, or goes, back.
    pub(super) fn given_back(&self, of: &Key) -> i64 {
        self.returns.values().filter(|given| given.of == *of).map(|given| given.total).sum()
    }

    /// The next number of UnionPay's own.
    pub(super) fn next_query_id(&mut self, stamp: &Stamp) -> String {
        query_id(self.next(), stamp)
    }

    /// Does what happens by itself: payers act, refunds end.
    pub(super) fn settle(&mut self, stamp: &Stamp) {
        let now = stamp.now.millis();
        let is_due = |plan: &Plan| plan.at <= now;
        let due: Vec<(Key, Plan)> = self
            .trades
            .iter()
            .filter_map(|(key, trade)| Some((key.clone(), trade.plan.filter(is_due)?)))
            .collect();
        for (key, plan) in due {
            if plan.is_paid {
                // It is acting: nothing keeps it from being paid.
                let _ = self.pay(&key, None, stamp);
            } else {
                self.fail(&key, "01", stamp);
            }
        }
        for given in self.returns.values_mut().filter(|given| !given.is_told) {
            if let Some(trade) = self.trades.get(&given.of).filter(|_| given.done_at <= now) {
                given.is_told = true;
                notify::tell_return(&mut self.outbox, given, trade, stamp);
            }
        }
    }

    /// When something happens by itself next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let plans = self.trades.values().filter_map(|trade| trade.plan.map(|plan| plan.at));
        let refunds = self.returns.values().filter(|given| !given.is_told);
        let ends = refunds.map(|given| given.done_at);
        let all = plans.chain(ends).map(Timestamp::from_millis).chain(self.outbox.next_due());
        all.min()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            trades: self.trades.values().cloned().collect(),
            returns: self.returns.values().cloned().collect(),
            codes: self.codes.clone(),
            outbox: self.outbox.clone(),
            counter: self.counter,
        }
    }

    pub(super) fn restore(mut snapshot: Snapshot) -> Self {
        snapshot.outbox.send_again();
        let trades = snapshot.trades.into_iter().map(|trade| (trade.order.key.clone(), trade));
        let returns = snapshot.returns.into_iter().map(|given| (given.key.clone(), given));
        Self {
            trades: trades.collect(),
            returns: returns.collect(),
            codes: snapshot.codes,
            outbox: snapshot.outbox,
            counter: snapshot.counter,
        }
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
}

/// 21 digits: the second, and a number.
fn query_id(sequence: u64, stamp: &Stamp) -> String {
    format!("{}{:07}", stamp.now.compact(), sequence % 10_000_000)
}

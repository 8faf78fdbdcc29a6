//! The simulated MAPI's truth: its trades with their refunds, and the one place where they change.
//! It knows nothing of HTTP, and closes a trade by itself only when its time is over.

use std::collections::{BTreeMap, BTreeSet};

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::alipay_mapi::sim::notify::Callbacks;
use crate::sim::CallbackFaultKind;

/// How long after the payment a refund is taken (by contract; a year is usual).
const REFUND_WINDOW_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// How long a refund takes that is not asked for at once.
const REFUND_TAKES_MS: i64 = 5_000;

/// How far a trade is. Alipay knows none before the payer comes.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Status {
    /// A payer has come and has not paid.
    WaitBuyerPay,
    /// Paid.
    Finished,
    /// Closed unpaid, or refunded in full.
    Closed,
}

impl Status {
    /// `trade_status`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::Finished => "TRADE_FINISHED",
            Self::Closed => "TRADE_CLOSED",
        }
    }
}

/// What a merchant orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) out_trade_no: String,
    /// Minor units.
    pub(super) total: i64,
    /// ISO code.
    pub(super) currency: String,
    pub(super) subject: String,
    pub(super) notify_url: String,
    pub(super) return_url: String,
    /// `sign_type` of the request: what its notifications are signed with.
    pub(super) sign_type: String,
    /// How long it waits for the payer once they have come.
    pub(super) waits_ms: i64,
    /// When a payer may come at the latest, in milliseconds.
    pub(super) opens_until: Option<i64>,
}

impl Order {
    /// `amount` in major units.
    pub(super) fn decimal(&self, amount: i64) -> String {
        let currency = Currency::from_code(&self.currency).unwrap_or(Currency::Hkd);
        Money::new(amount, currency).decimal()
    }

    /// Whether a second order under the same number asks for the same.
    fn is_same(&self, other: &Self) -> bool {
        (self.total, &self.currency, &self.subject)
            == (other.total, &other.currency, &other.subject)
    }
}

/// Money that goes back, or has gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) out_return_no: String,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) notify_url: String,
    /// When it was taken on, and when it is done, in milliseconds.
    pub(super) created_at: i64,
    pub(super) done_at: i64,
}

/// An order and what became of it. Times are in milliseconds, 0 if not yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) order: Order,
    pub(super) status: Status,
    /// Grows with every trade: the newest has the highest.
    pub(super) sequence: u64,
    /// Alipay's number.
    pub(super) trade_no: String,
    pub(super) created_at: i64,
    pub(super) paid_at: i64,
    pub(super) closed_at: i64,
    /// When it is closed, if the payer has not paid by then.
    pub(super) ends_at: i64,
    pub(super) refunds: Vec<Refund>,
}

impl Trade {
    /// The refund of that number.
    pub(super) fn refund(&self, out_return_no: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.out_return_no == out_return_no)
    }

    /// What has gone back or is about to, in minor units.
    pub(super) fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }
}

/// Why something is not done, in Alipay's words.
pub(super) type Word = &'static str;

/// All trades, by the merchant's number, and callbacks.
#[derive(Default)]
pub(super) struct Books {
    trades: BTreeMap<String, Trade>,
    /// Alipay's numbers.
    names: BTreeMap<String, String>,
    /// When waiting trades end.
    ends: BTreeSet<(i64, String)>,
    pub(super) callbacks: Callbacks,
    counter: u64,
}

/// What survives a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    trades: Vec<Trade>,
    callbacks: Callbacks,
    counter: u64,
}

impl Books {
    pub(super) fn trade(&self, out_trade_no: &str) -> Option<&Trade> {
        self.trades.get(out_trade_no)
    }

    /// The trade of a number of Alipay's.
    pub(super) fn named(&self, trade_no: &str) -> Option<&Trade> {
        self.trades.get(self.names.get(trade_no)?)
    }

    /// Trades whose number begins with `number`.
    pub(super) fn beginning_with(&self, number: &str) -> Vec<&Trade> {
        let from = self.trades.range(number.to_owned()..);
        from.take_while(|(key, _)| key.starts_with(number)).map(|(_, trade)| trade).collect()
    }

    /// A payer comes with an order: the trade begins, or goes on. The answer is Alipay's number.
    pub(super) fn open(&mut self, order: Order, stamp: &Stamp) -> Result<String, Word> {
        if let Some(trade) = self.trades.get(&order.out_trade_no) {
            return match trade.status {
                Status::WaitBuyerPay if trade.order.is_same(&order) => Ok(trade.trade_no.clone()),
                Status::WaitBuyerPay => Err("TRADE_DATA_MATCH_ERROR"),
                Status::Finished => Err("REPEAT_OUT_TRADE_NO"),
                Status::Closed => Err("TRADE_NOT_ALLOWED_PAY"),
            };
        }
        let now = stamp.now.millis();
        if order.opens_until.is_some_and(|until| until <= now) {
            return Err("TRADE_NOT_ALLOWED_PAY");
        }
        let trade_no = self.next_number(stamp);
        self.insert(Trade {
            status: Status::WaitBuyerPay,
            sequence: self.counter,
            trade_no: trade_no.clone(),
            created_at: now,
            paid_at: 0,
            closed_at: 0,
            ends_at: now.saturating_add(order.waits_ms),
            refunds: Vec::new(),
            order,
        });
        Ok(trade_no)
    }

    /// The payer pays.
    pub(super) fn pay(
        &mut self,
        out_trade_no: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<(), Word> {
        let trade = self.trades.get_mut(out_trade_no).ok_or("TRADE_NOT_EXIST")?;
        match trade.status {
            Status::WaitBuyerPay => {}
            Status::Finished | Status::Closed => return Err("TRADE_NOT_ALLOWED_PAY"),
        }
        trade.status = Status::Finished;
        // Alipay's clock shows whole seconds.
        trade.paid_at = Timestamp::from_seconds(stamp.now.seconds()).millis();
        self.ends.remove(&(trade.ends_at, out_trade_no.to_owned()));
        self.callbacks.add_trade(trade, fault, stamp);
        Ok(())
    }

    /// Gives money back. The same number with the same amount is the same refund.
    pub(super) fn refund(
        &mut self,
        out_trade_no: &str,
        wish: Refund,
        is_sync: bool,
        stamp: &Stamp,
    ) -> Result<(), Word> {
        let now = stamp.now.millis();
        let trade = self.trades.get_mut(out_trade_no).ok_or("PURCHASE_TRADE_NOT_EXIST")?;
        if let Some(known) = trade.refund(&wish.out_return_no) {
            let is_same = known.amount == wish.amount;
            return if is_same { Ok(()) } else { Err("DUPLICATE_REFUND_REQUEST") };
        }
        if trade.paid_at == 0 {
            return Err("PURCHASE_TRADE_NOT_EXIST");
        }
        if now.saturating_sub(trade.paid_at) > REFUND_WINDOW_MS {
            return Err("REFUNDMENT_VALID_DATE_EXCEED");
        }
        if wish.amount > trade.order.total.saturating_sub(trade.refunded()) {
            return Err("RETURN_AMOUNT_EXCEED");
        }
        let done_at = if is_sync { now } else { now.saturating_add(REFUND_TAKES_MS) };
        let refund = Refund { created_at: now, done_at, ..wish };
        if !is_sync {
            self.callbacks.add_refund(trade, &refund, stamp);
        }
        trade.refunds.push(refund);
        if trade.refunded() == trade.order.total {
            trade.status = Status::Closed;
            trade.closed_at = done_at;
        }
        Ok(())
    }

    /// Closes the trades whose time is over.
    pub(super) fn advance(&mut self, stamp: &Stamp) {
        while let Some((ends_at, out_trade_no)) = self.ends.first().cloned() {
            if ends_at > stamp.now.millis() {
                return;
            }
            self.ends.pop_first();
            if let Some(trade) = self.trades.get_mut(&out_trade_no) {
                trade.status = Status::Closed;
                trade.closed_at = ends_at;
                self.callbacks.add_trade(trade, None, stamp);
            }
        }
    }

    /// When something happens by itself next: a callback, or the end of a trade.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let end = self.ends.first().map(|(at, _)| Timestamp::from_millis(*at));
        [end, self.callbacks.next_due()].into_iter().flatten().min()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            trades: self.trades.values().cloned().collect(),
            callbacks: self.callbacks.clone(),
            counter: self.counter,
        }
    }

    pub(super) fn restore(snapshot: Snapshot) -> Self {
        let mut books = Self { counter: snapshot.counter, ..Self::default() };
        books.callbacks = snapshot.callbacks;
        books.callbacks.send_again();
        for trade in snapshot.trades {
            books.insert(trade);
        }
        books
    }

    fn insert(&mut self, trade: Trade) {
        let key = trade.order.out_trade_no.clone();
        self.names.insert(trade.trade_no.clone(), key.clone());
        if trade.status == Status::WaitBuyerPay {
            self.ends.insert((trade.ends_at, key.clone()));
        }
        self.trades.insert(key, trade);
    }

    /// 28 digits: the day, the time, and digits that no other run of the simulator repeats.
    fn next_number(&mut self, stamp: &Stamp) -> String {
        self.counter += 1;
        let drawn = stamp.nonce.get(..6).and_then(|text| u32::from_str_radix(text, 16).ok());
        let (drawn, count) = (drawn.unwrap_or(0) % 1_000_000, self.counter % 100_000_000);
        format!("{}{drawn:06}{count:08}", stamp.now.compact())
    }
}

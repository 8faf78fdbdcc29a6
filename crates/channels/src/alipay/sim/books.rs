//! The simulated Alipay's truth: its trades, and the one place where they change. It knows nothing
//! of HTTP, and never pays, closes or forgets a trade by itself except when its time is over.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::alipay::sim::notify::Callbacks;
use crate::sim::CallbackFaultKind;

/// A QR nobody scans lives so long, unless the order says otherwise (manual: precreate).
const QR_LIFE_MS: i64 = 2 * 60 * 60 * 1000;
/// A trade waits so long, unless the order says otherwise.
const TRADE_LIFE_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// Whose trade, by which of its numbers: `app_id` and `out_trade_no`.
pub(super) type Key = (String, String);

/// How far a trade is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Status {
    /// There is a QR; no buyer has scanned it, so Alipay knows no trade.
    Coded,
    /// A buyer has come and has not paid.
    WaitBuyerPay,
    /// Paid.
    Success,
    /// Closed unpaid.
    Closed,
}

impl Status {
    /// `trade_status`; empty as long as there is no trade.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Coded => "",
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::Success => "TRADE_SUCCESS",
            Self::Closed => "TRADE_CLOSED",
        }
    }
}

/// What a merchant orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) app_id: String,
    pub(super) out_trade_no: String,
    /// Fen.
    pub(super) total: i64,
    pub(super) subject: String,
    pub(super) notify_url: String,
    pub(super) return_url: String,
    pub(super) quit_url: String,
    /// When it is over, in milliseconds (`time_expire`).
    pub(super) expires_at: Option<i64>,
}

impl Order {
    /// Its trade's key.
    pub(super) fn key(&self) -> Key {
        (self.app_id.clone(), self.out_trade_no.clone())
    }

    /// Whether a second order under the same number asks for the same.
    fn is_same(&self, other: &Self) -> bool {
        self.total == other.total && self.subject == other.subject
    }
}

/// An order and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) order: Order,
    pub(super) status: Status,
    /// Grows with every trade: the newest has the highest.
    pub(super) sequence: u64,
    /// The QR's own part; empty for a page.
    pub(super) code: String,
    /// Alipay's number; empty as long as there is no trade.
    pub(super) trade_no: String,
    /// Times in milliseconds, 0 if not yet.
    pub(super) created_at: i64,
    pub(super) paid_at: i64,
    pub(super) closed_at: i64,
    /// When the trade is closed, if the buyer has not paid by then.
    pub(super) ends_at: i64,
}

/// Why an order or a trade is not taken on, in Alipay's words.
pub(super) type SubCode = &'static str;

/// All trades and callbacks.
#[derive(Default)]
pub(super) struct Books {
    trades: BTreeMap<Key, Trade>,
    /// QR codes and Alipay's numbers.
    names: BTreeMap<String, Key>,
    /// When waiting trades end.
    ends: BTreeSet<(i64, Key)>,
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
    pub(super) fn trade(&self, key: &Key) -> Option<&Trade> {
        self.trades.get(key)
    }

    /// The trade of a QR code, or of a number of Alipay's.
    pub(super) fn named(&self, name: &str) -> Option<&Trade> {
        self.trades.get(self.names.get(name)?)
    }

    /// Trades of an app whose number begins with `number`.
    pub(super) fn beginning_with(&self, app_id: &str, number: &str) -> Vec<&Trade> {
        let from = (app_id.to_owned(), number.to_owned());
        let is_meant = |key: &Key| key.0 == app_id && key.1.starts_with(number);
        self.trades.range(from..).take_while(|(key, _)| is_meant(key)).map(|(_, t)| t).collect()
    }

    /// Takes an order for a QR, or finds it again; the answer is the QR's own part.
    pub(super) fn precreate(&mut self, order: Order, stamp: &Stamp) -> Result<String, SubCode> {
        if let Some(standing) = self.standing(&order)? {
            return Ok(standing.code.clone());
        }
        let life = stamp.now.millis().saturating_add(QR_LIFE_MS);
        let ends_at = order.expires_at.unwrap_or(life);
        let code =
            format!("bax{:05}{}", self.next() % 100_000, stamp.nonce.get(..16).unwrap_or(""));
        self.insert(Trade {
            order,
            status: Status::Coded,
            sequence: self.counter,
            code: code.clone(),
            trade_no: String::new(),
            created_at: 0,
            paid_at: 0,
            closed_at: 0,
            ends_at,
        });
        Ok(code)
    }

    /// A buyer opens the page of an order: the trade begins, or goes on. The answer is its number.
    pub(super) fn open_page(&mut self, order: Order, stamp: &Stamp) -> Result<String, SubCode> {
        let key = order.key();
        if self.standing(&order)?.is_none() {
            let ends_at = order.expires_at.unwrap_or(i64::MAX);
            let sequence = self.next();
            self.insert(Trade {
                order,
                status: Status::Coded,
                sequence,
                code: String::new(),
                trade_no: String::new(),
                created_at: 0,
                paid_at: 0,
                closed_at: 0,
                ends_at,
            });
        }
        self.begin(&key, stamp)
    }

    /// A buyer comes: what was only a code becomes a trade that waits.
    pub(super) fn begin(&mut self, key: &Key, stamp: &Stamp) -> Result<String, SubCode> {
        let now = stamp.now.millis();
        let number = self.trade_no(stamp);
        let trade = self.trades.get_mut(key).ok_or("ACQ.TRADE_NOT_EXIST")?;
        match trade.status {
            Status::Coded if trade.ends_at <= now => return Err("ACQ.TRADE_HAS_CLOSE"),
            Status::Coded => {}
            Status::WaitBuyerPay | Status::Success | Status::Closed => {
                return Ok(trade.trade_no.clone());
            }
        }
        trade.status = Status::WaitBuyerPay;
        trade.trade_no.clone_from(&number);
        trade.created_at = now;
        let life = now.saturating_add(TRADE_LIFE_MS);
        trade.ends_at = trade.order.expires_at.unwrap_or(life);
        self.ends.insert((trade.ends_at, key.clone()));
        self.names.insert(number.clone(), key.clone());
        Ok(number)
    }

    /// The buyer pays.
    pub(super) fn pay(
        &mut self,
        key: &Key,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<(), SubCode> {
        self.begin(key, stamp)?;
        let trade = self.trades.get_mut(key).ok_or("ACQ.TRADE_NOT_EXIST")?;
        match trade.status {
            Status::Success => return Err("ACQ.TRADE_HAS_SUCCESS"),
            Status::Closed | Status::Coded => return Err("ACQ.TRADE_HAS_CLOSE"),
            Status::WaitBuyerPay => {}
        }
        trade.status = Status::Success;
        // Alipay's clock shows whole seconds.
        trade.paid_at = Timestamp::from_seconds(stamp.now.seconds()).millis();
        self.ends.remove(&(trade.ends_at, key.clone()));
        self.callbacks.add(trade, fault, stamp);
        Ok(())
    }

    /// The merchant closes a trade that waits.
    pub(super) fn close(&mut self, key: &Key, stamp: &Stamp) -> Result<(), SubCode> {
        let trade = self.trades.get_mut(key).ok_or("ACQ.TRADE_NOT_EXIST")?;
        match trade.status {
            Status::Coded => return Err("ACQ.TRADE_NOT_EXIST"),
            Status::Success | Status::Closed => return Err("ACQ.TRADE_STATUS_ERROR"),
            Status::WaitBuyerPay => {}
        }
        trade.status = Status::Closed;
        trade.closed_at = stamp.now.millis();
        self.ends.remove(&(trade.ends_at, key.clone()));
        self.callbacks.add(trade, None, stamp);
        Ok(())
    }

    /// Closes the trades whose time is over.
    pub(super) fn expire(&mut self, stamp: &Stamp) {
        while let Some((ends_at, key)) = self.ends.first().cloned() {
            if ends_at > stamp.now.millis() {
                return;
            }
            self.ends.pop_first();
            if let Some(trade) = self.trades.get_mut(&key) {
                trade.status = Status::Closed;
                trade.closed_at = ends_at;
                self.callbacks.add(trade, None, stamp);
            }
        }
    }

    /// When something happens by itself next: a callback, or the end of a trade.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let end = self.ends.first().map(|(at, _)| *at);
        [end, self.callbacks.next_due()].into_iter().flatten().min().map(Timestamp::from_millis)
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
        books.callbacks.forget_flights();
        for trade in snapshot.trades {
            books.insert(trade);
        }
        books
    }

    /// The trade that holds an order's number already; an error if it is over, or another order.
    fn standing(&self, order: &Order) -> Result<Option<&Trade>, SubCode> {
        let Some(trade) = self.trades.get(&order.key()) else { return Ok(None) };
        match trade.status {
            Status::Success => Err("ACQ.TRADE_HAS_SUCCESS"),
            Status::Closed => Err("ACQ.TRADE_HAS_CLOSE"),
            Status::Coded | Status::WaitBuyerPay if trade.order.is_same(order) => Ok(Some(trade)),
            Status::Coded | Status::WaitBuyerPay => Err("ACQ.CONTEXT_INCONSISTENT"),
        }
    }

    fn insert(&mut self, trade: Trade) {
        let key = trade.order.key();
        for name in [&trade.code, &trade.trade_no] {
            if !name.is_empty() {
                self.names.insert(name.clone(), key.clone());
            }
        }
        if trade.status == Status::WaitBuyerPay {
            self.ends.insert((trade.ends_at, key.clone()));
        }
        self.trades.insert(key, trade);
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// 28 digits: the day, the time, and digits that no other run of the simulator repeats.
    fn trade_no(&mut self, stamp: &Stamp) -> String {
        let drawn = stamp.nonce.get(..6).and_then(|text| u32::from_str_radix(text, 16).ok());
        let (drawn, count) = (drawn.unwrap_or(0) % 1_000_000, self.next() % 100_000_000);
        format!("{}{drawn:06}{count:08}", stamp.now.compact())
    }
}

//! The simulated Alipay's truth: its trades, and the one place where they change. It knows nothing
//! of HTTP, and never pays, closes or forgets a trade by itself except when its time is over.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::alipay::sim::notify::{self, News};
use crate::alipay::sim::trade::{Key, Order, Status, Trade};
use crate::sim::CallbackFaultKind;
use crate::sim::outbox::Outbox;

/// A QR nobody scans lives so long, unless the order says otherwise (manual: precreate).
const QR_LIFE_MS: i64 = 2 * 60 * 60 * 1000;
/// A trade waits so long, unless the order says otherwise.
const TRADE_LIFE_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// Why an order or a trade is not taken on, in Alipay's words.
pub(super) type SubCode = &'static str;

/// All trades and callbacks.
#[derive(Default)]
pub(super) struct Books {
    pub(super) trades: BTreeMap<Key, Trade>,
    /// QR codes and Alipay's numbers.
    names: BTreeMap<String, Key>,
    /// When waiting trades end, or their payers confirm.
    turns: BTreeSet<(i64, Key)>,
    /// Barcodes that were shown.
    pub(super) codes: BTreeSet<String>,
    pub(super) outbox: Outbox<News>,
    counter: u64,
}

/// What survives a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    trades: Vec<Trade>,
    #[serde(default)]
    codes: BTreeSet<String>,
    #[serde(default)]
    outbox: Outbox<News>,
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
        match self.standing(&order)? {
            None => {}
            Some(standing) if standing.code.is_empty() => return Err("ACQ.CONTEXT_INCONSISTENT"),
            Some(standing) => return Ok(standing.code.clone()),
        }
        let life = stamp.now.millis().saturating_add(QR_LIFE_MS);
        let ends_at = order.expires_at.unwrap_or(life);
        let code =
            format!("bax{:05}{}", self.next() % 100_000, stamp.nonce.get(..16).unwrap_or(""));
        self.insert(Trade { code: code.clone(), ..Trade::new(order, self.counter, ends_at) });
        Ok(code)
    }

    /// A buyer opens the page of an order: the trade begins, or goes on. The answer is its number.
    pub(super) fn open_page(&mut self, order: Order, stamp: &Stamp) -> Result<String, SubCode> {
        let key = order.key();
        if self.standing(&order)?.is_none() {
            let ends_at = order.expires_at.unwrap_or(i64::MAX);
            let sequence = self.next();
            self.insert(Trade::new(order, sequence, ends_at));
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
        self.turns.insert((trade.ends_at, key.clone()));
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
        forget_turns(&mut self.turns, trade);
        notify::tell_trade(&mut self.outbox, trade, fault, stamp);
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
        forget_turns(&mut self.turns, trade);
        notify::tell_trade(&mut self.outbox, trade, None, stamp);
        Ok(())
    }

    /// The payer of a barcode will confirm by then.
    pub(super) fn confirm_at(&mut self, key: &Key, at: Timestamp) {
        let Some(trade) = self.trades.get_mut(key) else { return };
        trade.confirms_at = Some(at.millis());
        self.turns.insert((at.millis(), key.clone()));
    }

    /// Lets happen what is due by itself: payers confirm, trades whose time is over close.
    pub(super) fn expire(&mut self, stamp: &Stamp) {
        while let Some((at, key)) = self.turns.first().cloned() {
            if at > stamp.now.millis() {
                return;
            }
            self.turns.pop_first();
            let then = Stamp { now: Timestamp::from_millis(at), nonce: stamp.nonce.clone() };
            let confirms_at = self.trades.get(&key).and_then(|trade| trade.confirms_at);
            // Only a trade that waits has a turn, so neither is refused.
            let _ = if confirms_at == Some(at) {
                self.pay(&key, None, &then)
            } else {
                self.close(&key, &then)
            };
        }
    }

    /// When something happens by itself next: a callback, or a trade's turn.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let turn = self.turns.first().map(|(at, _)| Timestamp::from_millis(*at));
        [turn, self.outbox.next_due()].into_iter().flatten().min()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            trades: self.trades.values().cloned().collect(),
            codes: self.codes.clone(),
            outbox: self.outbox.clone(),
            counter: self.counter,
        }
    }

    pub(super) fn restore(snapshot: Snapshot) -> Self {
        let mut books = Self { counter: snapshot.counter, ..Self::default() };
        books.codes = snapshot.codes;
        books.outbox = snapshot.outbox;
        books.outbox.send_again();
        for trade in snapshot.trades {
            books.insert(trade);
        }
        books
    }

    /// The trade that holds an order's number already; an error if it is over, or another order.
    pub(super) fn standing(&self, order: &Order) -> Result<Option<&Trade>, SubCode> {
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
            let turns = [Some(trade.ends_at), trade.confirms_at];
            self.turns.extend(turns.into_iter().flatten().map(|at| (at, key.clone())));
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

/// A trade that waits no more has no turn.
fn forget_turns(turns: &mut BTreeSet<(i64, Key)>, trade: &Trade) {
    let key = trade.order.key();
    for at in [Some(trade.ends_at), trade.confirms_at].into_iter().flatten() {
        turns.remove(&(at, key.clone()));
    }
}

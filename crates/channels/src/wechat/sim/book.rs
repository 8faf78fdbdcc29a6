//! The orders that the simulated platform holds, and the rules they move by (manual: 开发指引, 关闭订单).
//!
//! An order is NOTPAY or USERPAYING, then either paid or closed, and that is its end.

use std::collections::BTreeMap;

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Reply;
use super::check::Order;
use crate::Stamp;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// How long an order lives that does not say so itself.
const LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Book {
    /// By the merchant's number.
    pub(super) trades: BTreeMap<String, Trade>,
    /// The merchant's number by the wallet page's.
    pages: BTreeMap<String, String>,
    /// Callbacks that are not acknowledged yet.
    pub(super) notices: BTreeMap<u64, Notice>,
    /// Makes numbers unique; never falls.
    counter: u64,
}

/// An order.
#[derive(Serialize, Deserialize)]
pub(super) struct Trade {
    /// Orders in which they came.
    sequence: u64,
    pub(super) out_trade_no: String,
    pub(super) page_id: String,
    pub(super) kind: TradeKind,
    /// The request as it was first asked: a repetition must equal it.
    asked: Value,
    pub(super) description: String,
    pub(super) attach: String,
    pub(super) total: i64,
    pub(super) notify_url: String,
    created_ms: i64,
    expires_ms: i64,
    state: TradeState,
    /// The serial that callbacks are signed as.
    pub(super) signs_as: String,
}

/// The product an order was placed with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum TradeKind {
    Native,
    H5,
}

/// Where an order stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum TradeState {
    NotPay,
    UserPaying,
    Paid { transaction_id: String, paid_ms: i64 },
    Closed,
}

/// A callback that waits for its acknowledgement.
#[derive(Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) out_trade_no: String,
    /// The envelope's `id`: the same at each attempt.
    pub(super) event_id: String,
    /// A word of [`CallbackFaultKind::ALL`].
    pub(super) fault: Option<String>,
    pub(super) attempts: usize,
    pub(super) due_ms: i64,
}

impl Trade {
    /// Where it stands at `now`: an order that expired is closed.
    pub(super) fn state_at(&self, now: Timestamp) -> TradeState {
        match &self.state {
            TradeState::NotPay | TradeState::UserPaying if now.millis() >= self.expires_ms => {
                TradeState::Closed
            }
            state => state.clone(),
        }
    }

    pub(super) fn prepay_id(&self) -> String {
        format!("wx{}{}", Timestamp::from_millis(self.created_ms).compact(), self.page_id)
    }
}

impl Book {
    /// Takes an order; the same order again is the same order.
    pub(super) fn place(
        &mut self,
        order: Order,
        signs_as: &str,
        stamp: &Stamp,
    ) -> Result<&Trade, Reply> {
        if let Some(trade) = self.trades.get(&order.out_trade_no) {
            check_repetition(trade, &order, stamp.now)?;
        }
        let sequence = self.next();
        let trade = Trade {
            sequence,
            out_trade_no: order.out_trade_no.clone(),
            page_id: format!("{}{sequence:04x}", first(&stamp.nonce, 16)),
            kind: order.kind,
            asked: order.asked,
            description: order.description,
            attach: order.attach,
            total: order.total,
            notify_url: order.notify_url,
            created_ms: stamp.now.millis(),
            expires_ms: order.expires_at.unwrap_or(stamp.now.plus_millis(LIFE_MS)).millis(),
            state: TradeState::NotPay,
            signs_as: signs_as.to_owned(),
        };
        let trade = self.trades.entry(order.out_trade_no).or_insert(trade);
        self.pages.insert(trade.page_id.clone(), trade.out_trade_no.clone());
        Ok(trade)
    }

    /// Closes an unpaid order.
    pub(super) fn close(&mut self, out_trade_no: &str, now: Timestamp) -> Result<(), Reply> {
        let trade = self.trades.get_mut(out_trade_no).ok_or_else(not_found)?;
        match trade.state_at(now) {
            TradeState::NotPay | TradeState::UserPaying => {
                trade.state = TradeState::Closed;
                Ok(())
            }
            TradeState::Paid { .. } => Err(paid()),
            TradeState::Closed => Err(closed()),
        }
    }

    /// Takes the payer's money, and lets the callbacks begin.
    pub(super) fn pay(
        &mut self,
        out_trade_no: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let number = self.next();
        let trade = self.trades.get_mut(out_trade_no).ok_or(PayError::NotFound)?;
        check_payable(trade, stamp.now)?;
        let transaction_id = transaction_id(number, stamp);
        trade.state = TradeState::Paid {
            transaction_id: transaction_id.clone(),
            paid_ms: stamp.now.millis(),
        };
        let paid =
            PaidInSim { trade_no: out_trade_no.to_owned(), transaction_id, total: trade.total };
        self.schedule(out_trade_no, fault, stamp);
        Ok(paid)
    }

    /// The payer has begun (the wallet asks for a password), or has gone back.
    pub(super) fn set_acting(&mut self, out_trade_no: &str, state: TradeState, now: Timestamp) {
        if let Some(trade) = self.trades.get_mut(out_trade_no)
            && check_payable(trade, now).is_ok()
        {
            trade.state = state;
        }
    }

    /// The newest payable order whose number is `number` or begins with it.
    pub(super) fn newest_payable(&self, number: &str, now: Timestamp) -> Result<String, PayError> {
        let from = self.trades.range(number.to_owned()..);
        let named: Vec<_> = from
            .map(|(_, trade)| trade)
            .take_while(|trade| trade.out_trade_no.starts_with(number))
            .collect();
        let newest = |trades: &mut dyn Iterator<Item = &&Trade>| {
            trades.max_by_key(|trade| trade.sequence).map(|trade| trade.out_trade_no.clone())
        };
        let mut payable = named.iter().filter(|trade| check_payable(trade, now).is_ok());
        newest(&mut payable).or_else(|| newest(&mut named.iter())).ok_or(PayError::NotFound)
    }

    /// The order of a wallet's page.
    pub(super) fn by_page(&self, page_id: &str) -> Option<&Trade> {
        self.trades.get(self.pages.get(page_id)?)
    }

    /// The order that was paid as `transaction_id`.
    pub(super) fn by_transaction(&self, transaction_id: &str) -> Option<&Trade> {
        self.trades.values().find(|trade| match &trade.state {
            TradeState::Paid { transaction_id: own, .. } => own == transaction_id,
            TradeState::NotPay | TradeState::UserPaying | TradeState::Closed => false,
        })
    }

    /// Twelve digits that no other seal of this key has.
    pub(super) fn aead_nonce(&mut self, stamp: &Stamp) -> String {
        let number = self.next() & 0xFF_FFFF;
        format!("{:0>6}{number:06x}", first(&stamp.nonce, 6))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        self.counter
    }
}

/// Whether the payer can pay it now.
pub(super) fn check_payable(trade: &Trade, now: Timestamp) -> Result<(), PayError> {
    match trade.state_at(now) {
        TradeState::NotPay | TradeState::UserPaying => Ok(()),
        TradeState::Paid { .. } => Err(PayError::NotPayable("订单已支付".to_owned())),
        TradeState::Closed => Err(PayError::NotPayable("订单已关闭".to_owned())),
    }
}

fn check_repetition(trade: &Trade, order: &Order, now: Timestamp) -> Result<(), Reply> {
    match trade.state_at(now) {
        TradeState::Paid { .. } => Err(paid()),
        TradeState::Closed => Err(closed()),
        TradeState::NotPay | TradeState::UserPaying if trade.kind != order.kind => {
            Err(Reply::error(403, "OUT_TRADE_NO_USED", "商户订单号重复"))
        }
        TradeState::NotPay | TradeState::UserPaying if trade.asked != order.asked => {
            Err(Reply::error(400, "INVALID_REQUEST", "201 商户订单号重复"))
        }
        TradeState::NotPay | TradeState::UserPaying => Ok(()),
    }
}

/// ORDER_NOT_EXIST.
pub(super) fn not_found() -> Reply {
    Reply::error(404, "ORDER_NOT_EXIST", "订单不存在")
}

fn paid() -> Reply {
    Reply::error(400, "ORDERPAID", "该订单已支付")
}

fn closed() -> Reply {
    Reply::error(400, "ORDER_CLOSED", "该订单已关闭")
}

/// 28 digits, as WeChat Pay's numbers have: the date, and what no other payment has.
fn transaction_id(number: u64, stamp: &Stamp) -> String {
    let date: String = stamp.now.compact().chars().take(8).collect();
    let random = u32::from_str_radix(&first(&stamp.nonce, 8), 16).unwrap_or(0);
    format!("42000{date}{random:010}{:05}", number % 100_000)
}

fn first(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

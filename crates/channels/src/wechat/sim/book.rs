//! What the simulated platform holds, and the rules that orders move by (manual: 开发指引, 关闭订单,
//! 撤销订单).
//!
//! An order is NOTPAY or USERPAYING, then paid, closed or failed, and that is its end; only a barcode's
//! can be reversed.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::Reply;
use super::check::Order;
use super::login::Login;
use super::notify::About;
use super::refunds::RefundRow;
use super::trade::{self, Trade, TradeKind, TradeState};
use crate::Stamp;
use crate::sim::outbox::Outbox;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// How long an order lives that does not say so itself.
const LIFE_MS: i64 = 7 * DAY_MS;
/// How long after its beginning an order can be reversed.
const REVERSAL_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Book {
    /// By the merchant's number.
    pub(super) trades: BTreeMap<String, Trade>,
    /// The merchant's number by the wallet page's.
    pages: BTreeMap<String, String>,
    /// Callbacks that are not acknowledged yet.
    #[serde(default)]
    pub(super) outbox: Outbox<About>,
    /// By the merchant's refund number.
    #[serde(default)]
    pub(super) refunds: BTreeMap<String, RefundRow>,
    /// Barcodes that were tried: each is good for one attempt.
    #[serde(default)]
    pub(super) tried_codes: BTreeSet<String>,
    /// Codes of the login page that are not exchanged yet.
    #[serde(default)]
    pub(super) logins: BTreeMap<String, Login>,
    /// Makes numbers unique; never falls.
    counter: u64,
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
        let trade = self.trades.get_mut(out_trade_no).ok_or_else(trade::not_found)?;
        match trade.state_at(now) {
            TradeState::NotPay
            | TradeState::UserPaying
            | TradeState::Acting { .. }
            | TradeState::PayError => {
                trade.state = TradeState::Closed;
                Ok(())
            }
            TradeState::Paid { .. } => Err(trade::paid()),
            TradeState::Closed => Err(trade::closed()),
            TradeState::Revoked => Err(trade::reversed()),
        }
    }

    /// Undoes a barcode's order: what was paid goes back, and what was not never will be. Again is the
    /// same.
    pub(super) fn reverse(&mut self, out_trade_no: &str, now: Timestamp) -> Result<(), Reply> {
        let is_refunded = self.is_refunded(out_trade_no, now);
        let trade = self.trades.get_mut(out_trade_no).ok_or_else(trade::not_found)?;
        if trade.kind != TradeKind::Barcode {
            return Err(Reply::error(400, "INVALID_REQUEST", "仅支持撤销付款码支付的订单"));
        }
        if is_refunded {
            return Err(Reply::error(403, "TRADE_ERROR", "订单已有退款，不能撤销"));
        }
        if now.millis() > trade.created_ms.saturating_add(REVERSAL_MS) {
            return Err(Reply::error(403, "REVERSE_EXPIRE", "订单撤销超期"));
        }
        if trade.state_at(now) == TradeState::Closed {
            return Err(trade::closed());
        }
        trade.state = TradeState::Revoked;
        Ok(())
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
        trade.check_payable(stamp.now)?;
        let transaction_id = transaction_id(number, stamp);
        trade.state = TradeState::Paid {
            transaction_id: transaction_id.clone(),
            paid_ms: stamp.now.millis(),
        };
        let paid =
            PaidInSim { trade_no: out_trade_no.to_owned(), transaction_id, total: trade.total };
        if !trade.notify_url.is_empty() {
            self.schedule(out_trade_no, fault, stamp);
        }
        Ok(paid)
    }

    /// What became of a barcode's order.
    pub(super) fn set_state(&mut self, out_trade_no: &str, state: TradeState) {
        if let Some(trade) = self.trades.get_mut(out_trade_no) {
            trade.state = state;
        }
    }

    /// The payer has begun (the wallet asks for a password), or has gone back.
    pub(super) fn set_acting(&mut self, out_trade_no: &str, state: TradeState, now: Timestamp) {
        if let Some(trade) = self.trades.get_mut(out_trade_no)
            && trade.check_payable(now).is_ok()
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
        let mut payable = named.iter().filter(|trade| trade.check_payable(now).is_ok());
        newest(&mut payable).or_else(|| newest(&mut named.iter())).ok_or(PayError::NotFound)
    }

    /// The order of a wallet's page.
    pub(super) fn by_page(&self, page_id: &str) -> Option<&Trade> {
        self.trades.get(self.pages.get(page_id)?)
    }

    /// The order that was paid as `transaction_id`.
    pub(super) fn by_transaction(&self, transaction_id: &str, now: Timestamp) -> Option<&Trade> {
        self.trades.values().find(|trade| {
            matches!(trade.state_at(now), TradeState::Paid { transaction_id: own, .. }
                if own == transaction_id)
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

fn check_repetition(trade: &Trade, order: &Order, now: Timestamp) -> Result<(), Reply> {
    match trade.state_at(now) {
        TradeState::Paid { .. } => return Err(trade::paid()),
        TradeState::Closed => return Err(trade::closed()),
        TradeState::Revoked => return Err(trade::reversed()),
        TradeState::NotPay
        | TradeState::UserPaying
        | TradeState::Acting { .. }
        | TradeState::PayError => {}
    }
    if trade.kind != order.kind {
        return Err(Reply::error(403, "OUT_TRADE_NO_USED", "商户订单号重复"));
    }
    if trade.asked != order.asked {
        return Err(Reply::error(400, "INVALID_REQUEST", "201 商户订单号重复"));
    }
    Ok(())
}

/// 28 digits, as WeChat Pay's numbers have: the date, and what no other payment has.
pub(super) fn transaction_id(number: u64, stamp: &Stamp) -> String {
    let date: String = stamp.now.compact().chars().take(8).collect();
    let random = u32::from_str_radix(&first(&stamp.nonce, 8), 16).unwrap_or(0);
    format!("42000{date}{random:010}{:05}", number % 100_000)
}

pub(super) fn first(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

//! The orders that the simulated platform holds, and the rules they move by (manual: 统一下单, 关闭订单,
//! 撤销订单).
//!
//! What happens by itself (a payer who is at it, the end of an order's time) happens in
//! [`Book::advance`], at its own moment, before anything else is done.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::Reply;
use super::check::Order;
use super::notify::About;
use super::refunds::Refund;
use crate::Stamp;
use crate::sim::outbox::Outbox;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// How long an order lives that does not say so itself.
const LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long after its order a payment can be reversed.
const REVERSE_WITHIN_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Characters of a page's number that are the order's nonce.
const NONCE_CHARS: usize = 14;
/// Characters before the page's number in a prepay number: `wx` and the time.
const PREPAY_HEAD_CHARS: usize = 16;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Book {
    /// By the merchant's number.
    pub(super) trades: BTreeMap<String, Trade>,
    /// The merchant's number by the wallet page's.
    pages: BTreeMap<String, String>,
    /// The merchant's number of the order by that of the refund.
    pub(super) refunds: BTreeMap<String, String>,
    /// Payers' codes that were shown before.
    pub(super) codes: BTreeSet<String>,
    /// When something happens to an order by itself, in milliseconds.
    alarms: BTreeSet<(i64, String)>,
    /// Callbacks that are not acknowledged yet.
    #[serde(default)]
    pub(super) outbox: Outbox<About>,
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
    /// NATIVE, MWEB, JSAPI, APP or MICROPAY.
    pub(super) trade_type: String,
    /// The request as it was first asked: a repetition must equal it.
    asked: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) attach: String,
    pub(super) total: i64,
    pub(super) notify_url: String,
    /// A word of `sign_type`, for callbacks.
    pub(super) sign_type: String,
    /// Names of the sub-merchant, which callbacks repeat.
    pub(super) sub_names: Vec<(String, String)>,
    pub(super) is_of_sub_app: bool,
    created_ms: i64,
    expires_ms: i64,
    pub(super) state: TradeState,
    /// When the payer who is at it is done, and whether they pay.
    plan: Option<(i64, bool)>,
    pub(super) refunds: Vec<Refund>,
}

/// Where an order stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum TradeState {
    NotPay,
    UserPaying,
    /// The payer went away, or their wallet refused (barcodes).
    PayError,
    Paid {
        transaction_id: String,
        paid_ms: i64,
    },
    Closed,
    Revoked,
}

impl Trade {
    pub(super) fn prepay_id(&self) -> String {
        format!("wx{}{}", Timestamp::from_millis(self.created_ms).compact(), self.page_id)
    }

    /// Whether the payer can pay it now.
    ///
    /// # Errors
    /// Why not, in words for a person.
    pub(super) fn check_payable(&self) -> Result<(), PayError> {
        let not = |why: &str| Err(PayError::NotPayable(why.to_owned()));
        match self.state {
            TradeState::NotPay | TradeState::UserPaying => Ok(()),
            TradeState::PayError => not("订单支付失败"),
            TradeState::Paid { .. } => not("订单已支付"),
            TradeState::Closed => not("订单已关闭"),
            TradeState::Revoked => not("订单已撤销"),
        }
    }
}

impl Book {
    /// Takes an order; the same order again is the same order.
    ///
    /// # Errors
    /// Its number has a history.
    pub(super) fn place(&mut self, order: Order, stamp: &Stamp) -> Result<&mut Trade, Reply> {
        if let Some(trade) = self.trades.get(&order.out_trade_no) {
            check_repetition(trade, &order)?;
        }
        let sequence = self.next();
        let nonce: String = stamp.nonce.chars().take(NONCE_CHARS).collect();
        let expires_at = order.expires_at.unwrap_or(stamp.now.plus_millis(LIFE_MS));
        let trade = Trade {
            sequence,
            out_trade_no: order.out_trade_no.clone(),
            page_id: format!("{nonce}{sequence:06x}"),
            trade_type: order.trade_type,
            asked: order.asked,
            body: order.body,
            attach: order.attach,
            total: order.total,
            notify_url: order.notify_url,
            sign_type: order.sign_type,
            is_of_sub_app: order.sub_names.iter().any(|(name, _)| name == "sub_appid"),
            sub_names: order.sub_names,
            created_ms: stamp.now.millis(),
            expires_ms: expires_at.millis(),
            state: TradeState::NotPay,
            plan: None,
            refunds: Vec::new(),
        };
        let trade = self.trades.entry(order.out_trade_no).or_insert(trade);
        self.pages.insert(trade.page_id.clone(), trade.out_trade_no.clone());
        self.alarms.insert((trade.expires_ms, trade.out_trade_no.clone()));
        Ok(trade)
    }

    /// Lets everything happen whose time has come.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some((at_ms, out_trade_no)) =
            self.alarms.first().filter(|(at_ms, _)| *at_ms <= now.millis()).cloned()
        {
            self.alarms.pop_first();
            let Some(trade) = self.trades.get_mut(&out_trade_no) else { continue };
            let is_open = trade.check_payable().is_ok();
            let is_planned = trade.state == TradeState::UserPaying;
            match trade.plan {
                Some((plan_ms, true)) if is_planned && plan_ms == at_ms => {
                    let at = Timestamp::from_millis(at_ms);
                    let stamp = Stamp { now: at, nonce: trade.page_id.clone() };
                    // It is payable, as was seen just now.
                    let _ = self.pay(&out_trade_no, None, &stamp);
                }
                Some((plan_ms, false)) if is_planned && plan_ms == at_ms => {
                    trade.state = TradeState::PayError;
                }
                _ if is_open && trade.expires_ms <= at_ms => trade.state = TradeState::Closed,
                Some(_) | None => {}
            }
        }
    }

    /// The payer is at it until `at`, and then pays or goes away.
    pub(super) fn plan(&mut self, out_trade_no: &str, at: Timestamp, is_paying: bool) {
        if let Some(trade) = self.trades.get_mut(out_trade_no) {
            trade.state = TradeState::UserPaying;
            trade.plan = Some((at.millis(), is_paying));
            self.alarms.insert((at.millis(), out_trade_no.to_owned()));
        }
    }

    /// Closes an unpaid order.
    ///
    /// # Errors
    /// It is not unpaid, or there is none.
    pub(super) fn close(&mut self, out_trade_no: &str) -> Result<(), Reply> {
        let trade = self.trades.get_mut(out_trade_no).ok_or_else(Reply::order_not_exist)?;
        match trade.state {
            TradeState::NotPay | TradeState::UserPaying => {
                trade.state = TradeState::Closed;
                Ok(())
            }
            TradeState::PayError => Err(Reply::fail("TRADE_STATE_ERROR", "订单状态错误")),
            TradeState::Paid { .. } => Err(Reply::fail("ORDERPAID", "订单已支付")),
            TradeState::Closed => Err(Reply::fail("ORDERCLOSED", "订单已关闭")),
            TradeState::Revoked => Err(Reply::fail("TRADE_STATE_ERROR", "订单已撤销")),
        }
    }

    /// Undoes an order: what is unpaid is closed, what is paid goes back.
    ///
    /// # Errors
    /// It is too late, refunds were made of it, or there is none.
    pub(super) fn reverse(&mut self, out_trade_no: &str, now: Timestamp) -> Result<(), Reply> {
        let refuse = |code, message| Err(Reply::fail_of_reverse(code, message, "N"));
        let Some(trade) = self.trades.get_mut(out_trade_no) else {
            return refuse("ORDERNOTEXIST", "订单不存在");
        };
        let is_late = now.millis().saturating_sub(trade.created_ms) > REVERSE_WITHIN_MS;
        match trade.state {
            TradeState::Closed | TradeState::Revoked => Ok(()),
            _ if is_late => refuse("REVERSE_EXPIRE", "订单无法撤销"),
            TradeState::Paid { .. } if !trade.refunds.is_empty() => {
                refuse("TRADE_ERROR", "订单已退款")
            }
            TradeState::Paid { .. }
            | TradeState::NotPay
            | TradeState::UserPaying
            | TradeState::PayError => {
                trade.state = TradeState::Revoked;
                Ok(())
            }
        }
    }

    /// Takes the payer's money, and lets the callbacks begin.
    ///
    /// # Errors
    /// Why it cannot be paid, in words for a person.
    pub(super) fn pay(
        &mut self,
        out_trade_no: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let number = self.next();
        let trade = self.trades.get_mut(out_trade_no).ok_or(PayError::NotFound)?;
        trade.check_payable()?;
        let transaction_id = number_of("42000", number, stamp);
        trade.state = TradeState::Paid {
            transaction_id: transaction_id.clone(),
            paid_ms: stamp.now.millis(),
        };
        let (trade_no, total) = (trade.out_trade_no.clone(), trade.total);
        if !trade.notify_url.is_empty() {
            self.outbox.add(&About::Payment(trade_no.clone()), fault, stamp.now);
        }
        Ok(PaidInSim { trade_no, transaction_id, total })
    }

    /// The payer has begun (the wallet asks for a password), or has gone back.
    pub(super) fn set_acting(&mut self, out_trade_no: &str, state: TradeState) {
        if let Some(trade) = self.trades.get_mut(out_trade_no)
            && trade.check_payable().is_ok()
        {
            trade.state = state;
        }
    }

    /// The newest payable order whose number is `number` or begins with it.
    ///
    /// # Errors
    /// There is none of that number.
    pub(super) fn newest_payable(&self, number: &str) -> Result<String, PayError> {
        let from = self.trades.range(number.to_owned()..);
        let named =
            from.map(|(_, trade)| trade).take_while(|trade| trade.out_trade_no.starts_with(number));
        let newest = named.max_by_key(|trade| (trade.check_payable().is_ok(), trade.sequence));
        newest.map(|trade| trade.out_trade_no.clone()).ok_or(PayError::NotFound)
    }

    /// The order of a wallet's page.
    pub(super) fn by_page(&self, page_id: &str) -> Option<&Trade> {
        self.trades.get(self.pages.get(page_id)?)
    }

    /// The order of a prepay number.
    pub(super) fn by_prepay(&self, prepay_id: &str) -> Option<&Trade> {
        let trade = self.by_page(prepay_id.get(PREPAY_HEAD_CHARS..)?)?;
        (trade.prepay_id() == prepay_id).then_some(trade)
    }

    /// The merchant's number of the order that was paid as `transaction_id`.
    pub(super) fn by_transaction(&self, transaction_id: &str) -> Option<String> {
        let is_it = |trade: &&Trade| match &trade.state {
            TradeState::Paid { transaction_id: own, .. } => own == transaction_id,
            TradeState::NotPay
            | TradeState::UserPaying
            | TradeState::PayError
            | TradeState::Closed
            | TradeState::Revoked => false,
        };
        self.trades.values().find(is_it).map(|trade| trade.out_trade_no.clone())
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        self.counter
    }
}

/// What the number of an order that was placed before allows.
fn check_repetition(trade: &Trade, order: &Order) -> Result<(), Reply> {
    let is_same = trade.trade_type == order.trade_type && trade.asked == order.asked;
    match trade.state {
        TradeState::Paid { .. } => Err(Reply::fail("ORDERPAID", "该订单已支付")),
        TradeState::Closed => Err(Reply::fail("ORDERCLOSED", "该订单已关闭")),
        TradeState::Revoked => Err(Reply::fail("ORDERREVERSED", "该订单已撤销")),
        TradeState::PayError => Err(Reply::fail("OUT_TRADE_NO_USED", "商户订单号重复")),
        TradeState::NotPay | TradeState::UserPaying if is_same => Ok(()),
        TradeState::NotPay | TradeState::UserPaying => {
            Err(Reply::fail("INVALID_REQUEST", "201 商户订单号重复"))
        }
    }
}

/// 28 digits, as WeChat Pay's numbers have: the date, and what no other number has.
pub(super) fn number_of(head: &str, number: u64, stamp: &Stamp) -> String {
    let date: String = stamp.now.compact().chars().take(8).collect();
    let nonce: String = stamp.nonce.chars().take(8).collect();
    let random = u32::from_str_radix(&nonce, 16).unwrap_or(0);
    format!("{head}{date}{random:010}{:05}", number % 100_000)
}

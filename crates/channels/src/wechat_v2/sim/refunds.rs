//! Refunds (manual: 申请退款, 查询退款). The same number with the same amount again is the same refund; all
//! refunds of an order together are at most what was paid.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::facts;
use super::super::xml::Members;
use super::answer::{Asked, Reply, cash};
use super::book::{Book, Trade, TradeState, number_of};
use super::notify::About;
use super::{WechatV2Sim, WechatV2SimConfig, check};
use crate::Stamp;

/// How long a refund takes.
const TAKES_MS: i64 = 5_000;
/// How long after its payment an order can be refunded.
const WITHIN_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// Refunds that one order may have.
const REFUNDS_MAX: usize = 50;
/// Refunds in one answer to a query.
const PAGE_MAX: usize = 10;

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) out_refund_no: String,
    pub(super) refund_id: String,
    pub(super) fee: i64,
    pub(super) notify_url: String,
    done_ms: i64,
    /// SUCCESS, REFUNDCLOSE or CHANGE.
    end: String,
}

impl Refund {
    /// Where it stands at `now`.
    pub(super) fn status(&self, now: Timestamp) -> &str {
        if now.millis() < self.done_ms { "PROCESSING" } else { &self.end }
    }

    pub(super) fn done_at(&self) -> Timestamp {
        Timestamp::from_millis(self.done_ms)
    }
}

/// Accepts a refund.
pub(super) fn ask(sim: &mut WechatV2Sim, asked: &Asked, stamp: &Stamp) -> Result<Reply, Reply> {
    let out_trade_no = check::trade_of(&sim.book, asked)?;
    let members = &asked.members;
    let out_refund_no = check::number(members, "out_refund_no", 64)?;
    let fee = check::fee(members, "refund_fee")?;
    let total = check::fee(members, "total_fee")?;
    if members.has("refund_fee_type") && members.of("refund_fee_type") != sim.config.currency.code()
    {
        return Err(Reply::fail("PARAM_ERROR", "refund_fee_type参数错误"));
    }
    let book = &mut sim.book;
    let known = book.refunds.get(&out_refund_no).cloned();
    let number = book.next();
    let trade = book.trades.get_mut(&out_trade_no).ok_or_else(Reply::order_not_exist)?;
    if known.as_ref().is_some_and(|known| *known != out_trade_no) || total != trade.total {
        return Err(mismatch());
    }
    let is_same = |refund: &&mut Refund| refund.out_refund_no == out_refund_no;
    let refund = match trade.refunds.iter_mut().find(is_same) {
        Some(refund) if refund.fee != fee => return Err(mismatch()),
        Some(refund) if refund.status(stamp.now) != "REFUNDCLOSE" => {
            let refund = refund.clone();
            return Ok(Reply::Done(accepted(trade, &refund, &sim.config)));
        }
        // One that failed may be tried again under its number.
        Some(refund) => refund.clone(),
        None => Refund {
            out_refund_no: out_refund_no.clone(),
            refund_id: number_of("50000", number, stamp),
            fee,
            notify_url: members.of("notify_url").to_owned(),
            done_ms: 0,
            end: String::new(),
        },
    };
    check_refundable(trade, fee, stamp.now)?;
    let end = match members.of("refund_desc") {
        "NOTENOUGH" => return Err(Reply::fail("NOTENOUGH", "基本账户余额不足，请充值后重新发起")),
        word @ ("REFUNDCLOSE" | "CHANGE") => word,
        _ => "SUCCESS",
    };
    let done_ms = stamp.now.plus_millis(TAKES_MS).millis();
    let refund = Refund { done_ms, end: end.to_owned(), ..refund };
    trade.refunds.retain(|old| old.out_refund_no != out_refund_no);
    trade.refunds.push(refund.clone());
    let told = accepted(trade, &refund, &sim.config);
    book.refunds.insert(out_refund_no.clone(), out_trade_no);
    if !refund.notify_url.is_empty() {
        book.outbox.add(&About::Refund(out_refund_no), None, refund.done_at());
    }
    Ok(Reply::Done(told))
}

fn mismatch() -> Reply {
    Reply::fail("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试")
}

fn check_refundable(trade: &Trade, fee: i64, now: Timestamp) -> Result<(), Reply> {
    let TradeState::Paid { paid_ms, .. } = trade.state else {
        return Err(Reply::fail("ERROR", "订单状态错误，未支付或已撤销"));
    };
    if now.millis().saturating_sub(paid_ms) > WITHIN_MS {
        return Err(Reply::fail("TRADE_OVERDUE", "订单已经超过可退款的最大期限"));
    }
    let counts = |refund: &&Refund| refund.status(now) != "REFUNDCLOSE";
    let gone: i64 = trade.refunds.iter().filter(counts).map(|refund| refund.fee).sum();
    if gone == trade.total {
        return Err(Reply::fail("ERROR", "订单已全额退款"));
    }
    if fee > trade.total - gone {
        return Err(Reply::fail("ERROR", "累计退款金额大于支付金额"));
    }
    if trade.refunds.len() >= REFUNDS_MAX {
        return Err(Reply::fail("ERROR", "部分退款次数超过上限"));
    }
    Ok(())
}

/// What is told of a refund that was accepted.
fn accepted(trade: &Trade, refund: &Refund, config: &WechatV2SimConfig) -> Members {
    let mut members = of_order(trade, config);
    for (name, value) in [
        ("out_refund_no", refund.out_refund_no.clone()),
        ("refund_id", refund.refund_id.clone()),
        ("refund_fee", refund.fee.to_string()),
        ("refund_fee_type", config.currency.code().to_owned()),
        ("cash_refund_fee", cash_back(trade, refund, config).to_string()),
        ("cash_refund_fee_type", "CNY".to_owned()),
    ] {
        members.put(name, value);
    }
    members
}

/// What both answers say of the order.
fn of_order(trade: &Trade, config: &WechatV2SimConfig) -> Members {
    let payment = super::answer::payment(trade, config);
    let mut members = Members::default();
    for name in [
        "transaction_id",
        "out_trade_no",
        "total_fee",
        "fee_type",
        "cash_fee",
        "cash_fee_type",
        "rate",
    ] {
        members.put(name, payment.of(name));
    }
    members
}

/// What the payer gets: their part of what they paid.
fn cash_back(trade: &Trade, refund: &Refund, config: &WechatV2SimConfig) -> i64 {
    let share = i128::from(cash(trade.total, config)) * i128::from(refund.fee);
    i64::try_from(share / i128::from(trade.total.max(1))).unwrap_or(i64::MAX)
}

/// Tells where one refund stands, or all of an order's.
pub(super) fn query(sim: &WechatV2Sim, asked: &Asked, stamp: &Stamp) -> Result<Reply, Reply> {
    let missing = || Reply::fail("REFUNDNOTEXIST", "退款订单不存在");
    let members = &asked.members;
    let (trade, found) = named(&sim.book, asked).ok_or_else(missing)?;
    if found.is_empty() {
        return Err(missing());
    }
    let offset = match (members.has("offset"), facts::fee(members, "offset")) {
        (false, _) => 0,
        (true, Some(offset)) => usize::try_from(offset).unwrap_or(usize::MAX),
        (true, None) => return Err(Reply::fail("PARAM_ERROR", "offset参数错误")),
    };
    if offset > found.len() {
        return Err(Reply::fail("PARAM_ERROR", "offset参数错误"));
    }
    let mut told = of_order(trade, &sim.config);
    let page: Vec<_> = found.iter().enumerate().skip(offset).take(PAGE_MAX).collect();
    told.put("total_refund_count", found.len().to_string());
    told.put("refund_count", page.len().to_string());
    for (at, refund) in page {
        for (name, value) in facts_of(trade, refund, &sim.config, stamp.now) {
            told.put(&format!("{name}_{at}"), value);
        }
    }
    Ok(Reply::Done(told))
}

/// The order that a query names, and the refunds: by refund, or all of the order's.
fn named<'a>(book: &'a Book, asked: &Asked) -> Option<(&'a Trade, Vec<&'a Refund>)> {
    let (id, number) = (asked.members.of("refund_id"), asked.members.of("out_refund_no"));
    let is_it = |refund: &&Refund| {
        if id.is_empty() { refund.out_refund_no == number } else { refund.refund_id == id }
    };
    if id.is_empty() && number.is_empty() {
        let trade = book.trades.get(&check::trade_of(book, asked).ok()?)?;
        return Some((trade, trade.refunds.iter().collect()));
    }
    let trade = if id.is_empty() {
        book.trades.get(book.refunds.get(number)?)?
    } else {
        book.trades.values().find(|trade| trade.refunds.iter().any(|refund| is_it(&refund)))?
    };
    Some((trade, trade.refunds.iter().filter(is_it).collect()))
}

fn facts_of(
    trade: &Trade,
    refund: &Refund,
    config: &WechatV2SimConfig,
    now: Timestamp,
) -> [(&'static str, String); 9] {
    let status = refund.status(now);
    let done = if status == "SUCCESS" { refund.done_at().beijing() } else { String::new() };
    [
        ("out_refund_no", refund.out_refund_no.clone()),
        ("refund_id", refund.refund_id.clone()),
        ("refund_channel", "ORIGINAL".to_owned()),
        ("refund_fee", refund.fee.to_string()),
        ("refund_status", status.to_owned()),
        ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS".to_owned()),
        ("refund_recv_accout", "支付用户的零钱".to_owned()),
        ("refund_success_time", done),
        ("cash_refund_fee", cash_back(trade, refund, config).to_string()),
    ]
}

/// What the notification of a refund's end seals (manual: 退款结果通知).
pub(super) fn notified(trade: &Trade, refund: &Refund, config: &WechatV2SimConfig) -> Members {
    let order = of_order(trade, config);
    let (fee, at) = (refund.fee.to_string(), refund.done_at());
    Members::from([
        ("transaction_id", order.of("transaction_id")),
        ("out_trade_no", order.of("out_trade_no")),
        ("refund_id", &refund.refund_id),
        ("out_refund_no", &refund.out_refund_no),
        ("total_fee", order.of("total_fee")),
        ("settlement_total_fee", order.of("total_fee")),
        ("refund_fee", &fee),
        ("settlement_refund_fee", &fee),
        ("refund_status", refund.status(at)),
        ("success_time", &at.beijing()),
        ("refund_recv_accout", "支付用户的零钱"),
        ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS"),
        ("refund_request_source", "API"),
    ])
}

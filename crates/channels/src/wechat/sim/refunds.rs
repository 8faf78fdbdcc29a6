//! Refunds (manual: 申请退款): the same number is the same refund, and all of them together are at most
//! what was paid. A refund is done after 3 s; a reason that is the word "ABNORMAL" or "CLOSED" ends it
//! that way instead.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Reply;
use super::book::{Book, first};
use super::check::RefundAsked;
use super::trade::{Trade, TradeState};
use crate::Stamp;

/// How long a refund takes.
const TAKES_MS: i64 = 3_000;
/// How long after its payment an order can be refunded.
const PERIOD_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// Most refunds of one order.
const REFUNDS_MAX: usize = 50;

/// A refund.
#[derive(Serialize, Deserialize)]
pub(super) struct RefundRow {
    pub(super) asked: RefundAsked,
    /// The order, by the merchant's number.
    pub(super) out_trade_no: String,
    transaction_id: String,
    refund_id: String,
    created_ms: i64,
    /// The serial that callbacks are signed as.
    pub(super) signs_as: String,
}

impl RefundRow {
    /// When it ends.
    pub(super) fn ends_ms(&self) -> i64 {
        self.created_ms.saturating_add(TAKES_MS)
    }

    /// `status` at `now`.
    pub(super) fn status_at(&self, now: Timestamp) -> &'static str {
        if now.millis() < self.ends_ms() {
            return "PROCESSING";
        }
        match self.asked.reason.as_str() {
            "ABNORMAL" => "ABNORMAL",
            "CLOSED" => "CLOSED",
            _ => "SUCCESS",
        }
    }

    /// The refund object.
    pub(super) fn object(&self, now: Timestamp) -> Value {
        let RefundAsked { refund, total, .. } = self.asked;
        let mut object = json!({
            "refund_id": self.refund_id,
            "out_refund_no": self.asked.out_refund_no,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": Timestamp::from_millis(self.created_ms).rfc3339(),
            "status": self.status_at(now),
            "funds_account": "AVAILABLE",
            "amount": {
                "total": total, "refund": refund, "from": [], "payer_total": total,
                "payer_refund": refund, "settlement_refund": refund, "settlement_total": total,
                "discount_refund": 0, "currency": "CNY",
            },
            "promotion_detail": [],
        });
        if self.status_at(now) == "SUCCESS" {
            object["success_time"] = Timestamp::from_millis(self.ends_ms()).rfc3339().into();
        }
        object
    }

    /// What the callback of its end holds.
    pub(super) fn told(&self, mchid: &str, now: Timestamp) -> Value {
        let object = self.object(now);
        let mut told = json!({ "mchid": mchid, "refund_status": object["status"] });
        for name in [
            "transaction_id",
            "out_trade_no",
            "refund_id",
            "out_refund_no",
            "success_time",
            "user_received_account",
        ] {
            if let Some(value) = object.get(name) {
                told[name] = value.clone();
            }
        }
        let amount = &object["amount"];
        told["amount"] = json!({
            "total": amount["total"], "refund": amount["refund"],
            "payer_total": amount["payer_total"], "payer_refund": amount["payer_refund"],
        });
        told
    }
}

impl Book {
    /// Takes a refund, and lets its callback begin.
    pub(super) fn refund(
        &mut self,
        asked: RefundAsked,
        signs_as: &str,
        stamp: &Stamp,
    ) -> Result<&RefundRow, Reply> {
        let trade = match (&asked.transaction_id, &asked.out_trade_no) {
            (Some(id), _) => self.by_transaction(id, stamp.now),
            (None, Some(number)) => self.trades.get(number),
            (None, None) => None,
        };
        let trade = trade.ok_or_else(|| Reply::error(404, "RESOURCE_NOT_EXISTS", "订单不存在"))?;
        let out_trade_no = trade.out_trade_no.clone();
        let number = asked.out_refund_no.clone();
        if let Some(row) = self.refunds.get(&number) {
            check_repetition(row, &asked, &out_trade_no)?;
        } else {
            let transaction_id = self.check_refundable(trade, &asked, stamp.now)?;
            let row = RefundRow {
                refund_id: self.refund_id(stamp),
                created_ms: stamp.now.millis(),
                signs_as: signs_as.to_owned(),
                transaction_id,
                out_trade_no,
                asked,
            };
            self.schedule_refund(&row, stamp);
            self.refunds.insert(number.clone(), row);
        }
        self.refunds.get(&number).ok_or_else(Reply::system_error)
    }

    /// Whether some of an order's money has gone back, or is about to.
    pub(super) fn is_refunded(&self, out_trade_no: &str, now: Timestamp) -> bool {
        self.refunds_of(out_trade_no, now).next().is_some()
    }

    /// The refunds of an order that are not closed.
    fn refunds_of(&self, out_trade_no: &str, now: Timestamp) -> impl Iterator<Item = &RefundRow> {
        self.refunds
            .values()
            .filter(move |row| row.out_trade_no == out_trade_no && row.status_at(now) != "CLOSED")
    }

    /// Whether `asked` can still go back; the number of the payment if so.
    fn check_refundable(
        &self,
        trade: &Trade,
        asked: &RefundAsked,
        now: Timestamp,
    ) -> Result<String, Reply> {
        let refused = |message| Err(Reply::error(400, "INVALID_REQUEST", message));
        let TradeState::Paid { transaction_id, paid_ms } = trade.state_at(now) else {
            return refused("订单未支付或已撤销，不能退款");
        };
        if asked.total != trade.total {
            return refused("原订单金额有误");
        }
        if now.millis() > paid_ms.saturating_add(PERIOD_MS) {
            return Err(Reply::error(403, "TRADE_OVERDUE", "订单已经超过退款期限"));
        }
        let before: Vec<i64> =
            self.refunds_of(&trade.out_trade_no, now).map(|row| row.asked.refund).collect();
        let left = trade.total.saturating_sub(before.iter().sum());
        if left == 0 {
            return refused("订单已全额退款");
        }
        if asked.refund > left {
            return refused("申请退款金额大于订单可退金额");
        }
        if before.len() >= REFUNDS_MAX {
            return refused("退款次数超过限制");
        }
        Ok(transaction_id)
    }

    fn refund_id(&mut self, stamp: &Stamp) -> String {
        let date = first(&stamp.now.compact(), 8);
        let random = u32::from_str_radix(&first(&stamp.nonce, 8), 16).unwrap_or(0);
        format!("50000{date}{random:010}{:05}", self.next() % 100_000)
    }
}

fn check_repetition(row: &RefundRow, asked: &RefundAsked, out_trade_no: &str) -> Result<(), Reply> {
    let is_same = row.out_trade_no == out_trade_no
        && (row.asked.refund, row.asked.total) == (asked.refund, asked.total);
    if is_same {
        return Ok(());
    }
    Err(Reply::error(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"))
}

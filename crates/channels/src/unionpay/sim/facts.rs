//! What the simulated UnionPay says of a transaction, in answers to queries, in notifications and on the
//! way back to the merchant.

use kernel::time::Timestamp;

use crate::unionpay::sim::books::{Return, Trade, Way};
use crate::unionpay::wire::Fields;

/// A day of settlement ends an hour before midnight.
const CUT_OFF_MS: i64 = 60 * 60 * 1000;

/// `txnType`, `txnSubType` and `bizType` of an order.
pub(super) fn kind(way: Way) -> [&'static str; 3] {
    match way {
        Way::Qr => ["01", "07", "000000"],
        Way::Front => ["01", "01", "000201"],
        Way::Barcode => ["01", "06", "000000"],
    }
}

/// The day of settlement that a time belongs to.
pub(super) fn settlement_day(at: Timestamp) -> String {
    at.plus_millis(CUT_OFF_MS).business_date()
}

/// The money of a payment.
pub(super) fn of_trade(trade: &Trade) -> Fields {
    let order = &trade.order;
    let mut fields = money(order.total, &order.currency, Timestamp::from_millis(trade.ended_at));
    fields.set("queryId", trade.query_id.as_str());
    fields.set("issInsCode", "01020000");
    fields.set("payCardType", "01");
    fields
}

/// The money of a refund or an undoing.
pub(super) fn of_return(given: &Return, trade: &Trade) -> Fields {
    let done_at = Timestamp::from_millis(given.done_at);
    let mut fields = money(given.total, &trade.order.currency, done_at);
    fields.set("queryId", given.query_id.as_str());
    fields.set("origQryId", trade.query_id.as_str());
    fields
}

/// A Hong Kong order is settled in renminbi at 0.9; all others as they are.
fn money(total: i64, currency: &str, at: Timestamp) -> Fields {
    let mut fields = Fields::default();
    let (settled, settled_in, rate) = match currency {
        "344" => ((total.saturating_mul(9) / 10).max(1), "156", "10000009"),
        other => (total, other, ""),
    };
    let day: String = settlement_day(at).chars().filter(char::is_ascii_digit).skip(4).collect();
    let second = at.compact();
    fields.set_all([
        ("txnAmt", total.to_string().as_str()),
        ("currencyCode", currency),
        ("settleAmt", settled.to_string().as_str()),
        ("settleCurrencyCode", settled_in),
        ("exchangeRate", rate),
        ("settleDate", day.as_str()),
        ("traceNo", &second[8..]),
        ("traceTime", &second[4..]),
    ]);
    fields
}

/// A code in words.
pub(super) fn words(code: &str) -> &'static str {
    match code {
        "00" => "成功[0000000]",
        "01" => "交易失败，持卡人取消支付[1010001]",
        "02" => "系统未开放或暂时关闭，请稍后再试",
        "03" => "交易通讯超时，请发起查询交易",
        "04" => "交易状态未明，请查询对账结果",
        "05" => "交易已受理，请稍后查询交易结果",
        "10" => "报文格式错误",
        "11" => "验证签名失败",
        "12" => "重复交易",
        "13" => "报文交易要素缺失",
        "31" => "商户状态不正确",
        "32" => "无此交易权限",
        "34" => "查无此交易",
        "35" => "原交易不存在或状态不正确",
        "36" => "与原交易信息不符",
        "37" => "已超过最大查询次数或操作过于频繁",
        "39" => "交易不在受理时间范围内",
        "45" => "原交易已被成功退货或已被成功撤销",
        "64" => "余额不足[1000051]",
        "69" => "交易超时未支付",
        _ => "交易失败",
    }
}

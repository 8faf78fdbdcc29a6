//! Which operation a request to an upstream is, so that a fault meets the request that it was drawn
//! for, and none is left over when the weather has cleared up.

use channels::http::HttpRequest;
use channels::sim::OpKind::{self, Close, Keys, Place, Query, QueryRefund, Refund, Reverse};

use super::sea::UPSTREAM_URL;

/// What a request says and which operation that is; the first that fits counts.
const OPS: [(&str, OpKind); 26] = [
    ("/v3/certificates", Keys),
    ("fastpay.refund.query", QueryRefund),
    ("alipay.trade.refund", Refund),
    ("alipay.trade.cancel", Reverse),
    ("alipay.trade.close", Close),
    ("alipay.trade.query", Query),
    ("alipay.trade.", Place),
    ("alipay.acquire.refund.query", QueryRefund),
    ("forex_refund", Refund),
    ("single_trade_query", Query),
    ("GET /v3/refund", QueryRefund),
    ("/v3/refund", Refund),
    ("/secapi/pay/reverse", Reverse),
    ("/secapi/pay/refund", Refund),
    ("/pay/refundquery", QueryRefund),
    ("/pay/orderquery", Query),
    ("/pay/closeorder", Close),
    ("/pay/unifiedorder", Place),
    ("/pay/micropay", Place),
    ("/Payment/RefundQuery", QueryRefund),
    ("/Payment/Refund", Refund),
    ("/Payment/Query", Query),
    ("/Payment/Pay", Place),
    ("/gateway/api/queryTrans.do", Query),
    ("txnType=04", Refund),
    ("txnType=99", Reverse),
];

/// The same at the end of a path of WeChat Pay v3, which names the order before it.
const V3_ENDS: [(&str, OpKind); 2] = [("/close", Close), ("/reverse", Reverse)];

/// The operation; `None` for what is none: pages, logins, confirmations.
pub fn op_of(request: &HttpRequest) -> Option<OpKind> {
    let body = String::from_utf8_lossy(&request.body);
    let url = request.url.trim_start_matches(UPSTREAM_URL);
    let text = format!("{} {url} {body}", request.method);
    if let Some((_, op)) = OPS.iter().find(|(words, _)| text.contains(words)) {
        let is_of_refund = *op == Query && names_refund(&body);
        return Some(if is_of_refund { QueryRefund } else { *op });
    }
    let path = request.path();
    let is_v3 = path.starts_with("/v3/pay/transactions/");
    let end = V3_ENDS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, op)| *op);
    let of_v3 = end.unwrap_or(if request.method == "GET" { Query } else { Place });
    let is_placed = text.contains("txnType=01") || is_v3;
    is_placed.then_some(if is_v3 { of_v3 } else { Place })
}

/// UnionPay's query of a refund differs from that of an order in its number: ours for orders has the
/// attempt behind it.
fn names_refund(body: &str) -> bool {
    let number = body.split("orderId=").nth(1).map(|rest| rest.split('&').next().unwrap_or(rest));
    number.is_some_and(|number| number.len() == kernel::id::Sn::LENGTH)
}

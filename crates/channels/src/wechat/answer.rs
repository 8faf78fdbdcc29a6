//! What WeChat Pay's answers mean. Only a verified answer is definite; a gateway's error page, a
//! truncated body or a word that is new to us is a doubt, never a refusal.

use kernel::product::Product;
use serde_json::Value;

use super::sign::{Distrust, Signature};
use super::{keys, request, wire};
use crate::http::HttpResponse;
use crate::{Account, Doubt, Op, Outcome, Place, Refusal, RefusalKind};

/// What `answer` to `op` means.
///
/// # Errors
/// Why nothing is known.
pub(super) fn outcome(op: &Op, account: &Account, answer: &HttpResponse) -> Result<Outcome, Doubt> {
    // 202: accepted, repeat; the others may come from machines that cannot sign (manual: 错误码).
    if matches!(answer.status, 202 | 429) || answer.status >= 500 {
        return Err(Doubt::Busy(format!("HTTP {}", answer.status)));
    }
    if answer.body.is_empty() && answer.status != 204 {
        return Err(Doubt::Empty);
    }
    if *op == Op::Keys {
        return keys::read(account, answer).map(Outcome::Keys);
    }
    verify(account, answer)?;
    match answer.status {
        200 | 204 => success(op, account, answer),
        400..=499 => refusal(op, answer),
        status => Err(Doubt::Unreadable(format!("HTTP {status}"))),
    }
}

fn verify(account: &Account, answer: &HttpResponse) -> Result<(), Doubt> {
    Signature::read(|name| answer.header(name))
        .and_then(|signature| signature.verify(account, &answer.body))
        .map_err(|distrust| match distrust {
            Distrust::UnknownKey(serial) => Doubt::UnknownKey { serial },
            Distrust::Unsigned => {
                Doubt::Unreadable(format!("HTTP {} without a signature", answer.status))
            }
            Distrust::Forged => {
                Doubt::Unreadable(format!("HTTP {} with a bad signature", answer.status))
            }
        })
}

fn success(op: &Op, account: &Account, answer: &HttpResponse) -> Result<Outcome, Doubt> {
    match (op, answer.status) {
        (Op::Place(order), 200) => opened(order, &body(answer)?),
        (Op::Query(trade), 200) => standing(&trade.trade_no, account, &body(answer)?),
        (Op::Close(_), 204) if answer.body.is_empty() => Ok(Outcome::Closed),
        (_, status) => Err(Doubt::Unreadable(format!("HTTP {status} is no answer to this"))),
    }
}

fn body(answer: &HttpResponse) -> Result<Value, Doubt> {
    wire::parse(&answer.body).ok_or_else(|| Doubt::Unreadable("not JSON".to_owned()))
}

fn unreadable(member: &str) -> Doubt {
    Doubt::Unreadable(format!("{member} is missing or makes no sense"))
}

/// `code_url` of a Native order, `h5_url` of an H5 order with the way back appended (manual: H5调起支付).
fn opened(order: &Place, body: &Value) -> Result<Outcome, Doubt> {
    if let Some(code_url) = wire::text(body, "/code_url") {
        let is_asked = order.product == Product::WechatQr && !code_url.is_empty();
        let opened = Outcome::Opened { pay_text: code_url.to_owned() };
        return if is_asked { Ok(opened) } else { Err(unreadable("code_url")) };
    }
    let is_page = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let h5_url = wire::text(body, "/h5_url")
        .filter(is_page)
        .filter(|_| order.product == Product::WechatH5)
        .ok_or_else(|| unreadable("code_url or h5_url"))?;
    if order.return_url.is_empty() {
        return Ok(Outcome::Opened { pay_text: h5_url.to_owned() });
    }
    let mark = if h5_url.contains('?') { '&' } else { '?' };
    let back = request::escape(&order.return_url);
    Ok(Outcome::Opened { pay_text: format!("{h5_url}{mark}redirect_url={back}") })
}

/// Where an order stands, from its transaction object (manual: 商户订单号查询订单).
fn standing(trade_no: &str, account: &Account, transaction: &Value) -> Result<Outcome, Doubt> {
    if wire::text(transaction, "/out_trade_no") != Some(trade_no) {
        return Err(Doubt::Unreadable("the answer is about another order".to_owned()));
    }
    if let Some(member) = wire::stranger(transaction, account) {
        return Err(Doubt::Unreadable(format!("{member} is another's")));
    }
    match wire::text(transaction, "/trade_state").ok_or_else(|| unreadable("trade_state"))? {
        "SUCCESS" => wire::payment(transaction).map(Outcome::Paid).map_err(unreadable),
        // A refusal of the wallet is not the end: the payer may try again until the order expires.
        "NOTPAY" | "PAYERROR" => Ok(Outcome::Unpaid { is_acting: false }),
        "USERPAYING" => Ok(Outcome::Unpaid { is_acting: true }),
        "CLOSED" | "REVOKED" => Ok(Outcome::Closed),
        "REFUND" => Err(Doubt::Unreadable("refunded upstream".to_owned())),
        _ => Err(unreadable("trade_state")),
    }
}

/// What a verified error says. Spellings with and without `_` mean the same (manual: 错误码).
fn refusal(op: &Op, answer: &HttpResponse) -> Result<Outcome, Doubt> {
    let body = body(answer)?;
    let code = wire::text(&body, "/code").ok_or_else(|| unreadable("code"))?;
    let message = wire::text(&body, "/message").unwrap_or_default();
    let word = code.replace('_', "");
    let doubt = || Doubt::Unreadable(format!("HTTP {} {code}", answer.status));
    if is_passing(&word) {
        return Err(Doubt::Busy(code.to_owned()));
    }
    match op {
        Op::Place(_) if word == "ORDERPAID" => Ok(Outcome::PaidElsewhere),
        Op::Place(_) if word == "ORDERNOTEXIST" => Err(doubt()),
        Op::Place(_) => Ok(Outcome::Refused(Refusal {
            kind: refusal_kind(&word, message),
            code: code.to_owned(),
            message: message.to_owned(),
        })),
        Op::Query(_) | Op::Close(_) => match word.as_str() {
            "ORDERPAID" => Ok(Outcome::PaidElsewhere),
            "ORDERCLOSED" => Ok(Outcome::Closed),
            "ORDERNOTEXIST" => Ok(Outcome::NotFound),
            _ => Err(doubt()),
        },
        Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys => Err(doubt()),
    }
}

/// Words for "not now", which may come with any status.
fn is_passing(word: &str) -> bool {
    matches!(
        word,
        "SYSTEMERROR"
            | "BANKERROR"
            | "FREQUENCYLIMITED"
            | "RATELIMITEXCEEDED"
            | "SERVICEUNAVAILABLE"
    )
}

fn refusal_kind(word: &str, message: &str) -> RefusalKind {
    match word {
        "OUTTRADENOUSED" | "ORDERCLOSED" => RefusalKind::NumberUsed,
        // The same code stands for many faults of a request; its words tell this one apart.
        "INVALIDREQUEST" if message.contains("订单号重复") => RefusalKind::NumberUsed,
        "NOAUTH" | "APPIDMCHIDNOTMATCH" | "MCHNOTEXISTS" => RefusalKind::NotSupported,
        _ => RefusalKind::Business,
    }
}

//! What WeChat Pay's answers mean. Only what is signed counts: a `return_code` FAIL is not, so it
//! is a doubt, whatever it says.

use kernel::product::Product;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::pay_text::{self, Prepaid};
use super::settings::Settings;
use super::xml::Members;
use super::{facts, refund, request, words};
use crate::http::HttpResponse;
use crate::{Doubt, Op, Outcome, Place, Refusal, RefusalKind, Stamp, Trade};

/// Characters of an unsigned `return_msg` that are repeated.
const SHOWN_CHARS_MAX: usize = 120;

/// What `answer` to `op` means.
///
/// # Errors
/// Why nothing is known.
pub(super) fn outcome(
    op: &Op,
    settings: &Settings<'_>,
    answer: &HttpResponse,
    stamp: &Stamp,
) -> Result<Outcome, Doubt> {
    let members = read(answer)?;
    if members.of("return_code") == "FAIL" {
        let said = shown(members.of("return_msg"));
        return Err(Doubt::Unreadable(format!("return_code FAIL, unsigned: {said}")));
    }
    check(settings, &members)?;
    match members.of("result_code") {
        "FAIL" => words::outcome(op, &members),
        "SUCCESS" => match op {
            Op::Place(order) if order.product == Product::Micropay => {
                check_number(&order.trade_no, &members)?;
                paid(&members)
            }
            Op::Place(order) => opened(order, settings, &members, stamp),
            Op::Query(trade) => standing(trade, &members),
            Op::Close(_) => closed(&members),
            Op::Reverse(_) => reversed(&members),
            Op::Refund(refund) => refund::accepted(refund, &members),
            Op::QueryRefund(refund) => refund::standing(refund, &members, stamp),
            Op::Rates | Op::Keys => Err(Doubt::Unreadable("not asked".to_owned())),
        },
        _ => Err(unreadable("result_code")),
    }
}

/// The members of an answer, which nobody has vouched for yet.
///
/// # Errors
/// It has none.
pub(super) fn read(answer: &HttpResponse) -> Result<Members, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let members = Members::parse(&answer.body, "xml")
        .ok_or_else(|| Doubt::Unreadable("not the XML of WeChat Pay".to_owned()))?;
    match members.of("return_code") {
        "SUCCESS" | "FAIL" => Ok(members),
        _ => Err(unreadable("return_code")),
    }
}

/// Checks that an answer is signed, and for this account.
///
/// # Errors
/// It is not.
pub(super) fn check(settings: &Settings<'_>, members: &Members) -> Result<(), Doubt> {
    if !settings.sign_type.verifies(members, settings.api_key) {
        return Err(Doubt::Unreadable("the signature does not verify".to_owned()));
    }
    match facts::stranger(members, settings) {
        None => Ok(()),
        Some(member) => Err(Doubt::Unreadable(format!("{member} is another's"))),
    }
}

/// What an unsigned refusal says, as far as it is repeated.
pub(super) fn shown(message: &str) -> String {
    message.chars().take(SHOWN_CHARS_MAX).collect()
}

fn unreadable(member: &str) -> Doubt {
    Doubt::Unreadable(format!("{member} is missing or makes no sense"))
}

/// The means to pay (manual: 统一下单).
fn opened(
    order: &Place,
    settings: &Settings<'_>,
    members: &Members,
    stamp: &Stamp,
) -> Result<Outcome, Doubt> {
    if request::trade_type(order.product) != Some(members.of("trade_type")) {
        return Err(unreadable("trade_type"));
    }
    let member = |name: &str| {
        let value = members.of(name);
        if value.is_empty() { Err(unreadable(name)) } else { Ok(value) }
    };
    let prepay_id = member("prepay_id")?;
    let is_sub = !settings.sub_mch_id.is_empty() && !order.sub_appid.is_empty();
    let appid = if is_sub { &order.sub_appid } else { settings.appid };
    let prepaid = Prepaid { appid, prepay_id };
    let pay_text = match order.product {
        Product::WechatQr => member("code_url")?.to_owned(),
        Product::WechatH5 => h5_page(member("mweb_url")?, &order.return_url)?,
        Product::WechatJsapi => pay_text::jsapi(settings, &prepaid, stamp),
        Product::WechatHkJsapi => pay_text::hk_jsapi(settings, &prepaid, stamp),
        Product::WechatApp => pay_text::app(settings, &prepaid, stamp),
        Product::Micropay
        | Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr => return Err(unreadable("trade_type")),
    };
    Ok(Outcome::Opened { pay_text })
}

/// The wallet's page with the way back to us appended (manual: H5支付, 回调页面).
fn h5_page(page: &str, return_url: &str) -> Result<String, Doubt> {
    if !page.starts_with("https://") && !page.starts_with("http://") {
        return Err(unreadable("mweb_url"));
    }
    if return_url.is_empty() {
        return Ok(page.to_owned());
    }
    let mark = if page.contains('?') { '&' } else { '?' };
    let back = utf8_percent_encode(return_url, NON_ALPHANUMERIC);
    Ok(format!("{page}{mark}redirect_url={back}"))
}

fn paid(members: &Members) -> Result<Outcome, Doubt> {
    facts::payment(members).map(Outcome::Paid).map_err(unreadable)
}

fn check_number(trade_no: &str, members: &Members) -> Result<(), Doubt> {
    if members.of("out_trade_no") == trade_no {
        return Ok(());
    }
    Err(Doubt::Unreadable("the answer is about another order".to_owned()))
}

/// Where an order stands (manual: 查询订单).
fn standing(trade: &Trade, members: &Members) -> Result<Outcome, Doubt> {
    check_number(&trade.trade_no, members)?;
    match members.of("trade_state") {
        "SUCCESS" => paid(members),
        // At least one refund: our own books know how much went back.
        "REFUND" => Ok(Outcome::PaidElsewhere),
        "NOTPAY" | "ACCEPT" => Ok(Outcome::Unpaid { is_acting: false }),
        "USERPAYING" => Ok(Outcome::Unpaid { is_acting: true }),
        "CLOSED" => Ok(Outcome::Closed),
        "REVOKED" => Ok(Outcome::Reversed),
        "PAYERROR" if trade.product == Product::Micropay => Ok(Outcome::Failed(Refusal {
            kind: RefusalKind::Business,
            code: "PAYERROR".to_owned(),
            message: members.of("trade_state_desc").to_owned(),
        })),
        // A refusal of the wallet is not the end: the payer may try again until the order expires.
        "PAYERROR" => Ok(Outcome::Unpaid { is_acting: false }),
        _ => Err(unreadable("trade_state")),
    }
}

/// The answer to a closing names no order; it must at least not be the answer to something else.
fn closed(members: &Members) -> Result<Outcome, Doubt> {
    let others =
        ["trade_type", "prepay_id", "trade_state", "recall", "transaction_id", "refund_count"];
    match others.into_iter().find(|name| members.has(name)) {
        None => Ok(Outcome::Closed),
        Some(member) => Err(Doubt::Unreadable(format!("{member} in the answer to a closing"))),
    }
}

/// Manual: 撤销订单. Anything but an explicit N must be asked again.
fn reversed(members: &Members) -> Result<Outcome, Doubt> {
    match members.of("recall") {
        "N" => Ok(Outcome::Reversed),
        "Y" => Err(Doubt::Busy("recall".to_owned())),
        _ => Err(unreadable("recall")),
    }
}

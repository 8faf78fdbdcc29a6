//! What is sent to UnionPay. A transaction is named by `orderId` together with `txnTime`, and a second
//! one under the same pair is refused (12): so whatever may be sent twice has the same pair each time.

use kernel::money::Currency;
use kernel::order::parse_trade_no;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::http::HttpRequest;
use crate::unionpay::wire::Fields;
use crate::unionpay::{API_BASE, not_supported, setting, sign};
use crate::{
    Account, Outcome, Place, Refund, Refusal, RefusalKind, SetupError, Stamp, Step, Trade,
};

const BACK: &str = "/gateway/api/backTransReq.do";
const FRONT: &str = "/gateway/api/frontTransReq.do";
const QUERY: &str = "/gateway/api/queryTrans.do";

/// Bytes of `orderDesc`.
const DESC_BYTES_MAX: usize = 32;
/// Digits of `txnAmt`.
const AMOUNT_DIGITS_MAX: usize = 12;
/// Digits of a payer's code, which begins with 62.
const CODE_DIGITS: usize = 19;
/// Steps of an undoing's time: a retry within one is the same transaction (12), and the three last ones
/// are looked through for one that went unanswered.
const UNDO_STEP_MS: i64 = 10 * 60_000;
/// The `backUrl` that UnionPay sends nothing to, where the member must not be missing.
pub(super) const NO_BACK_URL: &str = "http://www.specialUrl.com";

/// A transaction's name at UnionPay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Number {
    pub(super) order_id: String,
    pub(super) txn_time: String,
}

impl Number {
    /// Of an order. Its second is the one in `trade_no` itself, which is when the order was made: a
    /// clock that is asked once for placing and once for querying may say two different seconds, and
    /// UnionPay would then know no such order.
    pub(super) fn of_trade(trade_no: &str) -> Result<Self, SetupError> {
        Ok(Self { order_id: trade_no.to_owned(), txn_time: second_of(trade_no)?.compact() })
    }

    /// Of the undoing of a paid order. UnionPay wants the time of now, yet an undoing that went
    /// unanswered must be found again: so the time moves in steps.
    pub(super) fn of_undo(trade_no: &str, now: Timestamp) -> Result<Self, SetupError> {
        let ordered_at = second_of(trade_no)?;
        let waited_ms = now.millis_since(ordered_at).max(0);
        let at = ordered_at.plus_millis(waited_ms - waited_ms % UNDO_STEP_MS);
        Ok(Self { order_id: format!("{trade_no}U"), txn_time: at.compact() })
    }

    /// The same undoing as it would have been asked for a step earlier.
    pub(super) fn undo_before(&self, trade_no: &str) -> Option<Self> {
        let at = Timestamp::from_compact(&self.txn_time)?.plus_millis(-UNDO_STEP_MS);
        let is_possible = at >= second_of(trade_no).ok()?;
        is_possible.then(|| Self { txn_time: at.compact(), ..self.clone() })
    }

    /// Of a refund.
    pub(super) fn of_refund(refund: &Refund) -> Self {
        let txn_time = refund.asked_at.compact();
        Self { order_id: refund.refund_no.clone(), txn_time }
    }
}

/// The second that our number for an order carries.
pub(super) fn second_of(trade_no: &str) -> Result<Timestamp, SetupError> {
    parse_trade_no(trade_no)
        .map(|(id, _)| Timestamp::from_seconds(id.seconds()))
        .ok_or_else(|| SetupError("trade_no: does not carry its second".into()))
}

/// `txnType`, `txnSubType`, `bizType`.
type Kind = [&'static str; 3];

const CONSUME_FRONT: Kind = ["01", "01", "000201"];
const CONSUME_CODE: Kind = ["01", "06", "000000"];
const APPLY_QR: Kind = ["01", "07", "000000"];
const ASK: Kind = ["00", "00", "000000"];
const REFUND: Kind = ["04", "00", "000000"];
const UNDO: Kind = ["31", "00", "000000"];
const REVERSAL: Kind = ["99", "01", "000000"];

/// ISO 4217 number of a currency.
pub(super) fn currency_code(currency: Currency) -> &'static str {
    match currency {
        Currency::Cny => "156",
        Currency::Hkd => "344",
        Currency::Aud => "036",
    }
}

/// Manual: 01/07 applies a code, 01/06 charges the payer's, 01/01 is a page.
pub(super) fn place(place: &Place, account: &Account) -> Result<Step, SetupError> {
    let number = Number::of_trade(&place.trade_no)?;
    match place.product {
        Product::UnionpayQr => {
            let mut fields = order(place, APPLY_QR, &number, account)?;
            fields.set("payTimeout", place.expires_at.compact());
            fields.set("orderDesc", description(&place.subject));
            post(BACK, fields, account)
        }
        Product::Micropay => {
            let Some(code) = place.code.as_ref().filter(|code| is_code(code)) else {
                return Ok(Step::Done(no_code()));
            };
            let mut fields = order(place, CONSUME_CODE, &number, account)?;
            fields.set("qrNo", code.expose());
            fields.set("termId", needed(account, setting::TERM_ID)?);
            post(BACK, fields, account)
        }
        Product::UnionpayLink => {
            let mut fields = order(place, CONSUME_FRONT, &number, account)?;
            fields.set("payTimeout", place.expires_at.compact());
            fields.set("orderDesc", description(&place.subject));
            fields.set("frontUrl", place.return_url.as_str());
            sign::sign_request(&mut fields, account)?;
            // The manual has the payer's browser POST these members as a form. A link can only be
            // opened with GET; whether UnionPay takes that is unverified.
            let pay_text = format!("{}?{}", address(account, FRONT)?, fields.to_form());
            Ok(Step::Done(Outcome::Opened { pay_text }))
        }
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::WechatH5
        | Product::WechatQr
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::MixedQr => Ok(Step::Done(not_supported())),
    }
}

/// Asks where an order stands. Closing does the same: ACP has no closing, an unpaid order ends by its
/// `payTimeout`.
pub(super) fn query_trade(trade: &Trade, account: &Account) -> Result<Step, SetupError> {
    query(&Number::of_trade(&trade.trade_no)?, account)
}

/// Asks where a refund stands.
pub(super) fn query_refund(refund: &Refund, account: &Account) -> Result<Step, SetupError> {
    query(&Number::of_refund(refund), account)
}

/// Asks where a transaction stands (manual: 00/00).
pub(super) fn query(number: &Number, account: &Account) -> Result<Step, SetupError> {
    post(QUERY, common(ASK, number, account)?, account)
}

/// A paid order is undone (manual: 消费撤销), a barcode's whose end is unknown is reversed (冲正).
pub(super) fn reverse(trade: &Trade, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    if !is_undo(trade) {
        if trade.product != Product::Micropay {
            return Ok(Step::Done(not_supported()));
        }
        return post(
            BACK,
            common(REVERSAL, &Number::of_trade(&trade.trade_no)?, account)?,
            account,
        );
    }
    let mut fields = common(UNDO, &Number::of_undo(&trade.trade_no, stamp.now)?, account)?;
    fields.set("origQryId", trade.transaction_id.as_str());
    fields.set("txnAmt", amount(trade.amount.minor)?);
    fields.set("backUrl", NO_BACK_URL);
    post(BACK, fields, account)
}

/// Whether reversing `trade` undoes a payment that is known.
pub(super) fn is_undo(trade: &Trade) -> bool {
    !trade.transaction_id.is_empty()
}

/// Manual: 退货. Its end is told, or asked for.
pub(super) fn refund(refund: &Refund, account: &Account) -> Result<Step, SetupError> {
    if refund.trade.transaction_id.is_empty() {
        return Err(SetupError("transaction_id: UnionPay refunds nothing without it".into()));
    }
    let mut fields = common(REFUND, &Number::of_refund(refund), account)?;
    fields.set("origQryId", refund.trade.transaction_id.as_str());
    fields.set("txnAmt", amount(refund.amount.minor)?);
    fields.set("backUrl", refund.notify_url.as_str());
    post(BACK, fields, account)
}

fn order(
    place: &Place,
    kind: Kind,
    number: &Number,
    account: &Account,
) -> Result<Fields, SetupError> {
    if place.amount.currency != account.currency {
        return Err(SetupError("currency: the account is settled in another".into()));
    }
    let mut fields = common(kind, number, account)?;
    fields.set("txnAmt", amount(place.amount.minor)?);
    fields.set("currencyCode", currency_code(place.amount.currency));
    fields.set("backUrl", place.notify_url.as_str());
    Ok(fields)
}

fn common(
    [txn_type, sub_type, biz_type]: Kind,
    number: &Number,
    account: &Account,
) -> Result<Fields, SetupError> {
    let mut fields = Fields::default();
    fields.set_all([
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("txnType", txn_type),
        ("txnSubType", sub_type),
        ("bizType", biz_type),
        ("channelType", "07"),
        ("accessType", "0"),
        ("merId", needed(account, setting::MER_ID)?),
        ("orderId", number.order_id.as_str()),
        ("txnTime", number.txn_time.as_str()),
    ]);
    Ok(fields)
}

fn post(path: &str, mut fields: Fields, account: &Account) -> Result<Step, SetupError> {
    sign::sign_request(&mut fields, account)?;
    let form = "application/x-www-form-urlencoded;charset=UTF-8";
    Ok(Step::Send(HttpRequest {
        method: "POST".to_owned(),
        url: address(account, path)?,
        headers: vec![("Content-Type".to_owned(), form.to_owned())],
        body: fields.to_form().into_bytes(),
    }))
}

fn address(account: &Account, path: &str) -> Result<String, SetupError> {
    let setting = account.setting(setting::API_BASE).trim().trim_end_matches('/');
    let base = if setting.is_empty() { API_BASE } else { setting };
    let is_sound = url::Url::parse(base).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    is_sound
        .then(|| format!("{base}{path}"))
        .ok_or_else(|| SetupError("api_base: not an http(s) address without query".into()))
}

fn needed<'a>(account: &'a Account, name: &str) -> Result<&'a str, SetupError> {
    let value = account.setting(name).trim();
    if value.is_empty() { Err(SetupError(format!("{name}: missing"))) } else { Ok(value) }
}

fn amount(minor: i64) -> Result<String, SetupError> {
    let text = minor.to_string();
    let is_sound = minor > 0 && text.len() <= AMOUNT_DIGITS_MAX;
    is_sound.then_some(text).ok_or_else(|| SetupError("amount: not 1 to 12 digits".into()))
}

/// `orderDesc`, without what UnionPay's messages use themselves.
fn description(subject: &str) -> String {
    let mut text = String::new();
    for char in subject.chars().filter(|char| !char.is_control() && !"&={}[]\"'".contains(*char)) {
        if text.len() + char.len_utf8() > DESC_BYTES_MAX {
            break;
        }
        text.push(char);
    }
    text
}

fn is_code(code: &Secret) -> bool {
    let code = code.expose();
    code.len() == CODE_DIGITS && code.starts_with("62") && code.bytes().all(|b| b.is_ascii_digit())
}

fn no_code() -> Outcome {
    let message = "付款码不是银联的付款码".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::CodeUsed, code: String::new(), message })
}

//! Requests of openapi v2: what each method is asked, and how it is signed and sent. Nothing is sent
//! from here.

use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use crate::alipay::wire::Fields;
use crate::alipay::{APP_PAY, GATEWAY, PAY, WAP_PAY, not_supported, sign};
use crate::http::HttpRequest;
use crate::seal;
use crate::{Account, Op, Outcome, Place, Refund, SetupError, Stamp, Step};

/// Characters that `subject` may have (manual: alipay.trade.precreate).
const SUBJECT_CHARS_MAX: usize = 256;
/// Characters that `refund_reason` may have (manual: alipay.trade.refund).
const REASON_CHARS_MAX: usize = 256;

/// What `op` asks of Alipay.
///
/// # Errors
/// The account or the order makes no request possible.
pub(super) fn of(op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    let Some(method) = super::method(op) else { return Ok(Step::Done(not_supported())) };
    let asked = match op {
        Op::Place(place) => return self::place(place, method, account, stamp),
        Op::Query(trade) | Op::Close(trade) | Op::Reverse(trade) => {
            json!({ "out_trade_no": trade.trade_no })
        }
        Op::Refund(refund) => refund_of(refund)?,
        Op::QueryRefund(refund) => json!({
            "out_trade_no": refund.trade.trade_no,
            "out_request_no": refund.refund_no,
            "query_options": ["gmt_refund_pay"],
        }),
        Op::Rates | Op::Keys => return Ok(Step::Done(not_supported())),
    };
    Call::new(method, &asked, account, stamp).post(account).map(Step::Send)
}

fn place(
    place: &Place,
    method: &'static str,
    account: &Account,
    stamp: &Stamp,
) -> Result<Step, SetupError> {
    if place.amount.currency != Currency::Cny || account.currency != Currency::Cny {
        return Err(not_cny());
    }
    let mut order = order_of(place, account);
    if method == WAP_PAY && !place.return_url.is_empty() {
        order["quit_url"] = place.return_url.as_str().into();
    }
    if method == PAY {
        let code = place.code.as_ref().ok_or_else(|| SetupError("code: none was given".into()))?;
        order["scene"] = "bar_code".into();
        order["auth_code"] = code.expose().into();
    }
    let mut call = Call::new(method, &order, account, stamp);
    call.common.push("notify_url", place.notify_url.as_str());
    let opened = |pay_text| Step::Done(Outcome::Opened { pay_text });
    match method {
        WAP_PAY => {
            call.common.push("return_url", place.return_url.as_str());
            call.page(account).map(opened)
        }
        // The order string that the merchant's app gives to Alipay's; only the wallet sends it. What
        // cannot be asked about later is not opened.
        APP_PAY => {
            gateway(account)?;
            call.signed(account).map(|all| opened(all.to_form()))
        }
        _ => call.post(account).map(Step::Send),
    }
}

/// The `biz_content` of a refund. Its number is always named: without one, Alipay takes it for a
/// refund in full.
fn refund_of(refund: &Refund) -> Result<Value, SetupError> {
    if refund.amount.currency != Currency::Cny {
        return Err(not_cny());
    }
    let mut asked = json!({
        "out_trade_no": refund.trade.trade_no,
        "refund_amount": refund.amount.decimal(),
        "out_request_no": refund.refund_no,
    });
    if !refund.reason.is_empty() {
        asked["refund_reason"] = first(&refund.reason, REASON_CHARS_MAX).into();
    }
    Ok(asked)
}

fn not_cny() -> SetupError {
    SetupError("currency: openapi v2 takes CNY only".into())
}

fn first(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// The `biz_content` of a new trade.
fn order_of(place: &Place, account: &Account) -> Value {
    let mut order = json!({
        "out_trade_no": place.trade_no,
        "total_amount": place.amount.decimal(),
        "subject": first(&place.subject, SUBJECT_CHARS_MAX),
        "product_code": product_code(place.product),
        "time_expire": place.expires_at.beijing(),
    });
    let seller_id = account.setting("seller_id").trim();
    if !seller_id.is_empty() {
        order["seller_id"] = seller_id.into();
    }
    order
}

/// What Alipay calls the product; a barcode has none of its own.
fn product_code(product: Product) -> &'static str {
    match product {
        Product::AlipayWap => "QUICK_WAP_WAY",
        Product::AlipayApp => "QUICK_MSECURITY_PAY",
        Product::AlipayQr
        | Product::Micropay
        | Product::WechatH5
        | Product::WechatQr
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr => "FACE_TO_FACE_PAYMENT",
    }
}

/// A request of openapi v2 before it is signed.
struct Call {
    /// Everything but `biz_content`.
    common: Fields,
    /// What the method is asked, as JSON.
    biz_content: String,
}

impl Call {
    fn new(method: &str, biz_content: &Value, account: &Account, stamp: &Stamp) -> Self {
        let mut common = Fields::default();
        common.push("app_id", account.setting("app_id").trim());
        common.push("method", method);
        common.push("format", "JSON");
        common.push("charset", "utf-8");
        common.push("sign_type", sign::RSA2);
        common.push("timestamp", stamp.now.beijing());
        common.push("version", "1.0");
        Self { common, biz_content: biz_content.to_string() }
    }

    /// A server's call: common members and `sign` in the query, `biz_content` in the body, as
    /// Alipay's own clients send it.
    fn post(self, account: &Account) -> Result<HttpRequest, SetupError> {
        let mut all = self.signed(account)?;
        all.0.retain(|(name, _)| name != "biz_content");
        let body = Fields(vec![("biz_content".to_owned(), self.biz_content)]);
        let form = "application/x-www-form-urlencoded;charset=utf-8";
        Ok(HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}?{}", gateway(account)?, all.to_form()),
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: body.to_form().into_bytes(),
        })
    }

    /// The address of a page that the payer's browser opens: everything in the query.
    fn page(self, account: &Account) -> Result<String, SetupError> {
        Ok(format!("{}?{}", gateway(account)?, self.signed(account)?.to_form()))
    }

    fn signed(&self, account: &Account) -> Result<Fields, SetupError> {
        if !seal::is_public_key(account.setting("alipay_public_key")) {
            return Err(SetupError("alipay_public_key: not an RSA public key".into()));
        }
        let signer = account.signer("private_key")?;
        let mut all = self.common.clone();
        all.push("biz_content", self.biz_content.as_str());
        sign::sign_request(&mut all, &signer)?;
        Ok(all)
    }
}

fn gateway(account: &Account) -> Result<&str, SetupError> {
    let setting = account.setting("gateway").trim();
    let address = if setting.is_empty() { GATEWAY } else { setting };
    let is_sound = url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    is_sound
        .then_some(address)
        .ok_or_else(|| SetupError("gateway: not an http(s) address without query".into()))
}

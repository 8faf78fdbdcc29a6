//! Requests of openapi v2: what each method is asked, and how it is signed and sent. Nothing is sent
//! from here.

use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use crate::alipay::wire::Fields;
use crate::alipay::{GATEWAY, PRECREATE, WAP_PAY, not_supported, sign};
use crate::http::HttpRequest;
use crate::seal;
use crate::{Account, Outcome, Place, SetupError, Stamp, Step};

/// Characters that `subject` may have (manual: alipay.trade.precreate).
const SUBJECT_CHARS_MAX: usize = 256;

/// What opens an order.
///
/// # Errors
/// The account or the order makes no request possible.
pub(super) fn place(place: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    if place.amount.currency != Currency::Cny || account.currency != Currency::Cny {
        return Err(SetupError("currency: openapi v2 takes CNY only".into()));
    }
    match place.product {
        Product::AlipayQr => {
            let mut call = Call::new(
                PRECREATE,
                order_of(place, account, "FACE_TO_FACE_PAYMENT"),
                account,
                stamp,
            );
            call.common.push("notify_url", place.notify_url.as_str());
            call.post(account).map(Step::Send)
        }
        Product::AlipayWap => {
            let mut order = order_of(place, account, "QUICK_WAP_WAY");
            if !place.return_url.is_empty() {
                order["quit_url"] = place.return_url.as_str().into();
            }
            let mut call = Call::new(WAP_PAY, order, account, stamp);
            call.common.push("notify_url", place.notify_url.as_str());
            call.common.push("return_url", place.return_url.as_str());
            Ok(Step::Done(Outcome::Opened { pay_text: call.page(account)? }))
        }
        Product::AlipayApp
        | Product::WechatH5
        | Product::WechatQr
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr
        | Product::Micropay => Ok(Step::Done(not_supported())),
    }
}

/// The `biz_content` of a new trade.
fn order_of(place: &Place, account: &Account, product_code: &str) -> Value {
    let subject: String = place.subject.chars().take(SUBJECT_CHARS_MAX).collect();
    let mut order = json!({
        "out_trade_no": place.trade_no,
        "total_amount": place.amount.decimal(),
        "subject": subject,
        "product_code": product_code,
        "time_expire": place.expires_at.beijing(),
    });
    let seller_id = account.setting("seller_id").trim();
    if !seller_id.is_empty() {
        order["seller_id"] = seller_id.into();
    }
    order
}

/// A request of openapi v2 before it is signed.
pub(super) struct Call {
    /// Everything but `biz_content`.
    common: Fields,
    /// What the method is asked, as JSON.
    biz_content: String,
}

impl Call {
    pub(super) fn new(method: &str, biz_content: Value, account: &Account, stamp: &Stamp) -> Self {
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
    pub(super) fn post(self, account: &Account) -> Result<HttpRequest, SetupError> {
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

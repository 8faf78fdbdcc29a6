//! Alipay, openapi v2 (`gateway.do`): the QR that a payer scans (`alipay.trade.precreate`) and the
//! page in a phone's browser (`alipay.trade.wap.pay`). RSA2 only.
//!
//! It must never believe what is not signed, never read a piece other than the one that was signed,
//! and never turn a refusal of a question into a statement about the order.

mod answer;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;
mod wire;

use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::seal;
use crate::{
    About, Account, Callback, CallbackFacts, CallbackFault, Channel, ChannelInfo, Op, Outcome,
    Place, Refusal, RefusalKind, SettingInfo, SetupError, Stamp, Step,
};

/// Characters that `subject` may have (manual: alipay.trade.precreate).
const SUBJECT_CHARS_MAX: usize = 256;
/// Where openapi v2 is, unless an account says otherwise.
const GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

const PRECREATE: &str = "alipay.trade.precreate";
const WAP_PAY: &str = "alipay.trade.wap.pay";
const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";

/// Alipay's openapi v2.
pub struct Alipay;

static INFO: ChannelInfo = ChannelInfo {
    name: "alipay",
    title: "支付宝 Alipay (openapi v2)",
    products: &[Product::AlipayWap, Product::AlipayQr],
    settings: &[
        SettingInfo {
            key: "app_id",
            help: "APPID of the application (开放平台 → 控制台 → 应用详情)",
            is_secret: false,
            is_required: true,
            default: "",
        },
        SettingInfo {
            key: "seller_id",
            help: "PID of the seller, 2088… (商家中心 → 账户信息); notifications must then name it",
            is_secret: false,
            is_required: false,
            default: "",
        },
        SettingInfo {
            key: "private_key",
            help: "the application's private key, RSA2 (应用私钥): PEM, or the bare Base64 of Alipay's tool",
            is_secret: true,
            is_required: true,
            default: "",
        },
        SettingInfo {
            key: "alipay_public_key",
            help: "Alipay's public key (开发设置 → 接口加签方式 → 支付宝公钥), not the application's",
            is_secret: false,
            is_required: true,
            default: "",
        },
        SettingInfo {
            key: "gateway",
            help: "address of openapi v2; the sandbox has another",
            is_secret: false,
            is_required: false,
            default: GATEWAY,
        },
    ],
};

impl Channel for Alipay {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        let order = |trade_no: &String| json!({ "out_trade_no": trade_no });
        match op {
            Op::Place(place) => place_step(place, account, stamp),
            Op::Query(trade) => {
                let asked = order(&trade.trade_no);
                Call::new(QUERY, asked, account, stamp).post(account).map(Step::Send)
            }
            Op::Close(trade) => {
                let asked = order(&trade.trade_no);
                Call::new(CLOSE, asked, account, stamp).post(account).map(Step::Send)
            }
            Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys => {
                Ok(Step::Done(not_supported()))
            }
        }
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        let (method, trade_no) = match op {
            Op::Place(place) => (PRECREATE, &place.trade_no),
            Op::Query(trade) => (QUERY, &trade.trade_no),
            Op::Close(trade) => (CLOSE, &trade.trade_no),
            Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys => {
                return Step::Done(not_supported());
            }
        };
        let opened = answer::open(answer, method, account.setting("alipay_public_key"));
        Step::Done(match opened {
            Ok(object) => answer::judge(op, trade_no, &object),
            Err(doubt) => Outcome::Unknown(doubt),
        })
    }

    /// Manual: asynchronous notifications. Anything but `success` makes Alipay send again.
    fn callback(&self, account: &Account, request: &HttpRequest, _stamp: &Stamp) -> Callback {
        Callback {
            facts: read_callback(account, request),
            ack: HttpResponse::new(200, "text/plain", "success"),
            nack: HttpResponse::new(400, "text/plain", "failure"),
        }
    }
}

fn not_supported() -> Outcome {
    let message = "Alipay has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

fn place_step(place: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
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
struct Call {
    /// Everything but `biz_content`.
    common: Fields,
    /// What the method is asked, as JSON.
    biz_content: String,
}

impl Call {
    fn new(method: &str, biz_content: Value, account: &Account, stamp: &Stamp) -> Self {
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

fn read_callback(account: &Account, request: &HttpRequest) -> Result<CallbackFacts, CallbackFault> {
    let malformed = |why: &str| CallbackFault::Malformed(why.to_owned());
    let text = std::str::from_utf8(&request.body).map_err(|_| malformed("not UTF-8"))?;
    let fields = Fields::from_form(text).ok_or_else(|| malformed("not a form"))?;
    if fields.has("charset") && !fields.of("charset").eq_ignore_ascii_case("utf-8") {
        return Err(malformed("charset is not utf-8"));
    }
    if fields.of("sign_type") != sign::RSA2 {
        return Err(malformed("sign_type is not RSA2"));
    }
    if !sign::notice_verifies(&fields, account.setting("alipay_public_key")) {
        return Err(CallbackFault::BadSignature);
    }
    for field in ["app_id", "seller_id"] {
        let expect = account.setting(field).trim();
        let is_compared = field == "app_id" || !expect.is_empty();
        if is_compared && fields.of(field) != expect {
            return Err(CallbackFault::Mismatch { field });
        }
    }
    if fields.of("notify_type") != "trade_status_sync" || !fields.has("out_trade_no") {
        return Err(malformed("not about a trade"));
    }
    let outcome = answer::notified(&fields)?;
    Ok(CallbackFacts { about: About::Trade(fields.of("out_trade_no").to_owned()), outcome })
}

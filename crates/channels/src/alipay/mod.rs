//! Alipay, openapi v2 (`gateway.do`): the QR that a payer scans (`alipay.trade.precreate`), the page
//! in a phone's browser (`alipay.trade.wap.pay`), the merchant's app (`alipay.trade.app.pay`), the
//! payer's barcode (`alipay.trade.pay`), and the way back: refunds and cancellations. RSA2 only.
//!
//! It must never believe what is not signed, never read a piece other than the one that was signed,
//! and never turn a refusal of a question into a statement about the order.

mod answer;
mod callback;
mod refund;
mod refusal;
mod request;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;
mod wire;

use kernel::product::Product;

use crate::http::{HttpRequest, HttpResponse};
use crate::{
    Account, Callback, Channel, ChannelInfo, Op, Outcome, Refusal, RefusalKind, SettingInfo,
    SetupError, Stamp, Step,
};

/// Where openapi v2 is, unless an account says otherwise.
const GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

const PRECREATE: &str = "alipay.trade.precreate";
const WAP_PAY: &str = "alipay.trade.wap.pay";
const APP_PAY: &str = "alipay.trade.app.pay";
const PAY: &str = "alipay.trade.pay";
const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";
const CANCEL: &str = "alipay.trade.cancel";
const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";

/// Alipay's openapi v2.
pub struct Alipay;

static INFO: ChannelInfo = ChannelInfo {
    name: "alipay",
    title: "支付宝 Alipay (openapi v2)",
    products: &[Product::AlipayWap, Product::AlipayQr, Product::AlipayApp, Product::Micropay],
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
        request::of(op, account, stamp)
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        let (Some(method), Some(trade_no)) = (method(op), trade_no(op)) else {
            return Step::Done(not_supported());
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
            facts: callback::read(account, request),
            ack: HttpResponse::new(200, "text/plain", "success"),
            nack: HttpResponse::new(400, "text/plain", "failure"),
        }
    }
}

/// The method that an operation calls; `None` if Alipay has none.
fn method(op: &Op) -> Option<&'static str> {
    match op {
        Op::Place(place) => match place.product {
            Product::AlipayQr => Some(PRECREATE),
            Product::AlipayWap => Some(WAP_PAY),
            Product::AlipayApp => Some(APP_PAY),
            Product::Micropay => Some(PAY),
            Product::WechatH5
            | Product::WechatQr
            | Product::WechatJsapi
            | Product::WechatApp
            | Product::WechatHkJsapi
            | Product::UnionpayLink
            | Product::UnionpayQr
            | Product::MixedQr => None,
        },
        Op::Query(_) => Some(QUERY),
        Op::Close(_) => Some(CLOSE),
        Op::Reverse(_) => Some(CANCEL),
        Op::Refund(_) => Some(REFUND),
        Op::QueryRefund(_) => Some(REFUND_QUERY),
        Op::Rates | Op::Keys => None,
    }
}

/// Our number of the order that an operation is about.
fn trade_no(op: &Op) -> Option<&str> {
    match op {
        Op::Place(place) => Some(&place.trade_no),
        Op::Query(trade) | Op::Close(trade) | Op::Reverse(trade) => Some(&trade.trade_no),
        Op::Refund(refund) | Op::QueryRefund(refund) => Some(&refund.trade.trade_no),
        Op::Rates | Op::Keys => None,
    }
}

fn not_supported() -> Outcome {
    let message = "Alipay has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

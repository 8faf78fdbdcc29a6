//! UnionPay (银联) ACP 5.1.0, 全渠道: the code that the banks' apps scan, the payer's barcode and the
//! page of the front gateway, for merchants that are connected directly.
//!
//! It must never believe an answer whose certificate does not lead to UnionPay's root, never take
//! `respCode` of a question for a word about the order, and never take "accepted" for "done".

mod answer;
mod callback;
mod certificate;
mod codes;
mod judge;
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

/// Where ACP is, unless an account says otherwise.
const API_BASE: &str = "https://gateway.95516.com";

/// Keys of the settings.
mod setting {
    pub(super) const MER_ID: &str = "mer_id";
    pub(super) const SIGN_METHOD: &str = "sign_method";
    pub(super) const PRIVATE_KEY: &str = "private_key";
    pub(super) const CERTIFICATE: &str = "certificate";
    pub(super) const ROOT: &str = "root_certificate";
    pub(super) const MIDDLE: &str = "middle_certificate";
    pub(super) const IS_TEST_CN: &str = "is_test_cn";
    pub(super) const SECURE_KEY: &str = "secure_key";
    pub(super) const TERM_ID: &str = "term_id";
    pub(super) const API_BASE: &str = "api_base";
}

/// UnionPay's ACP.
pub struct Unionpay;

static INFO: ChannelInfo = ChannelInfo {
    name: "unionpay",
    title: "银联 UnionPay (全渠道 ACP 5.1.0)",
    products: &[Product::UnionpayLink, Product::UnionpayQr, Product::Micropay],
    settings: &[
        required(setting::MER_ID, "merId: the merchant's number, 15 digits (商户代码)"),
        optional(
            setting::SIGN_METHOD,
            "signMethod: 01 with certificates, 11 with secure_key alone",
            "01",
        ),
        secret(
            setting::PRIVATE_KEY,
            "signMethod 01: the merchant's private key as PEM, out of its .pfx \
             (openssl pkcs12 -nocerts -nodes)",
        ),
        optional(
            setting::CERTIFICATE,
            "signMethod 01: the merchant's certificate as PEM, out of its .pfx \
             (openssl pkcs12 -clcerts -nokeys); its serial number is certId",
            "",
        ),
        optional(
            setting::ROOT,
            "signMethod 01: UnionPay's root certificate as PEM (acp_prod_root.cer)",
            "",
        ),
        optional(
            setting::MIDDLE,
            "signMethod 01: UnionPay's middle certificate as PEM (acp_prod_middle.cer)",
            "",
        ),
        optional(
            setting::IS_TEST_CN,
            "true: certificates of UnionPay's test system (00040000:SIGN) are believed too",
            "false",
        ),
        secret(setting::SECURE_KEY, "signMethod 11: the shared key (对称密钥)"),
        optional(
            setting::TERM_ID,
            "termId of barcode payments, 8 characters: the terminal's number at the acquirer",
            "",
        ),
        optional(
            setting::API_BASE,
            "address of ACP; the test system is https://gateway.test.95516.com. Links open \
             /gateway/api/frontTransReq.do there with GET; UnionPay's manual has a form with POST, and \
             whether GET is taken is unverified: try one link before offering them",
            API_BASE,
        ),
    ],
};

const fn optional(key: &'static str, help: &'static str, default: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: false, default }
}

const fn required(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { is_required: true, ..optional(key, help, "") }
}

const fn secret(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { is_secret: true, ..optional(key, help, "") }
}

impl Channel for Unionpay {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        match op {
            Op::Place(place) => request::place(place, account),
            Op::Query(trade) | Op::Close(trade) => request::query_trade(trade, account),
            Op::Reverse(trade) => request::reverse(trade, account, stamp),
            Op::Refund(refund) => request::refund(refund, account),
            Op::QueryRefund(refund) => request::query_refund(refund, account),
            Op::Rates | Op::Keys => Ok(Step::Done(not_supported())),
        }
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        judge::judge(op, account, answer)
    }

    fn callback(&self, account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback {
        Callback {
            facts: callback::read(account, request, stamp),
            // Manual, back notifications: 200 or 302 is an acknowledgement, whatever the body is.
            ack: HttpResponse::new(200, "text/plain", "ok"),
            nack: HttpResponse::new(400, "text/plain", "no"),
        }
    }
}

fn not_supported() -> Outcome {
    let message = "UnionPay has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

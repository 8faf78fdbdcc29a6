//! WeChat Pay APIv3 for mainland merchants: H5, Native (QR), JSAPI, APP and barcode payments, and
//! their refunds.
//!
//! Every answer and callback must carry a signature of WeChat Pay; what does not is never believed,
//! whatever its status says. Two ways to know WeChat Pay's key: its public key, pasted into the
//! account (`PUB_KEY_ID_…`), or platform certificates, fetched with [`Op::Keys`].

mod answer;
mod callback;
mod keys;
mod order;
mod pay_text;
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
use crate::login::Login;
use crate::{
    Account, Callback, Channel, ChannelInfo, Op, Outcome, SettingInfo, SetupError, Stamp, Step,
    login,
};

/// The channel, without any state.
pub struct Wechat;

/// The account's setting of each name; one list for reading and for [`ChannelInfo::settings`].
mod setting {
    pub(super) const MCHID: &str = "mchid";
    pub(super) const APPID: &str = "appid";
    pub(super) const PRIVATE_KEY: &str = "private_key";
    pub(super) const SERIAL_NO: &str = "serial_no";
    pub(super) const APIV3_KEY: &str = "apiv3_key";
    pub(super) const PUBLIC_KEY_ID: &str = "public_key_id";
    pub(super) const PUBLIC_KEY: &str = "public_key";
    pub(super) const API_BASE: &str = "api_base";
    pub(super) const APP_NAME: &str = "app_name";
    pub(super) const APP_URL: &str = "app_url";
    pub(super) const STORE_OUT_ID: &str = "store_out_id";
}

static INFO: ChannelInfo = ChannelInfo {
    name: "wechat",
    title: "微信支付 WeChat Pay (APIv3)",
    products: &[
        Product::WechatH5,
        Product::WechatQr,
        Product::WechatJsapi,
        Product::WechatApp,
        Product::Micropay,
    ],
    settings: &[
        plain(setting::MCHID, "merchant number, 商户号 (账户中心 > 商户信息)"),
        plain(
            setting::APPID,
            "app bound to the merchant number, AppID (产品中心 > AppID账号管理); orders for a page \
             inside WeChat or for an app may name another one that is bound to it",
        ),
        secret(
            setting::PRIVATE_KEY,
            "the merchant API certificate's private key, apiclient_key.pem",
        ),
        plain(
            setting::SERIAL_NO,
            "the merchant API certificate's serial number (账户中心 > API安全)",
        ),
        secret(setting::APIV3_KEY, "APIv3 key, APIv3密钥: 32 characters (账户中心 > API安全)"),
        optional(
            setting::PUBLIC_KEY_ID,
            "WeChat Pay public key's ID, PUB_KEY_ID_…; empty: platform certificates are used",
        ),
        optional(setting::PUBLIC_KEY, "WeChat Pay public key, pub_key.pem, that belongs to the ID"),
        SettingInfo {
            default: "https://api.mch.weixin.qq.com",
            ..optional(setting::API_BASE, "address of the API")
        },
        optional(setting::APP_NAME, "the website's name, sent with H5 orders"),
        optional(setting::APP_URL, "the website's address, sent with H5 orders"),
        SettingInfo {
            default: "1",
            ..optional(
                setting::STORE_OUT_ID,
                "your number of the store, sent with barcode payments",
            )
        },
        login::APP_SECRET,
        login::PAGE_BASE,
        login::OPEN_BASE,
        login::MP_BASE,
    ],
};

const fn plain(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: true, default: "" }
}

const fn secret(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: true, is_required: true, default: "" }
}

const fn optional(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: false, default: "" }
}

impl Channel for Wechat {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        request::step(op, account, stamp)
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, stamp: &Stamp) -> Step {
        Step::Done(answer::outcome(op, account, answer, stamp).unwrap_or_else(Outcome::Unknown))
    }

    fn callback(&self, account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback {
        callback::read(account, request, stamp)
    }

    fn login<'a>(&self, account: &'a Account) -> Option<Login<'a>> {
        Login::of(account)
    }
}

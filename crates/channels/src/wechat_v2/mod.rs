//! WeChat Pay v2 (XML): what accounts have whose merchants never went to APIv3, those of Hong Kong
//! among them. QR, H5, official account, app, the Hong Kong wallet's page, and barcodes.
//!
//! Every answer must carry the account's signature, and an unsigned refusal is a doubt. The key
//! signs both ways, so it must never leave the process.

mod answer;
mod callback;
mod facts;
mod pay_text;
mod rates;
mod refund;
mod request;
mod settings;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;
mod words;
mod xml;

use kernel::exchange_rate::RateSource;
use kernel::money::Currency;
use kernel::product::Product;

use self::settings::Settings;
use crate::http::{HttpRequest, HttpResponse};
use crate::login::Login;
use crate::{
    Account, Callback, Channel, ChannelInfo, ClientCertificate, Doubt, Op, Outcome, SetupError,
    Stamp, Step,
};

/// The channel, without any state.
pub struct WechatV2;

static INFO: ChannelInfo = ChannelInfo {
    name: "wechat_v2",
    title: "微信支付 WeChat Pay (v2)",
    products: &[
        Product::WechatH5,
        Product::WechatQr,
        Product::WechatJsapi,
        Product::WechatApp,
        Product::WechatHkJsapi,
        Product::Micropay,
    ],
    settings: settings::SETTINGS,
};

impl Channel for WechatV2 {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        request::step(op, account, stamp)
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, stamp: &Stamp) -> Step {
        let outcome = Settings::read(account).map_err(|fault| Doubt::Unreadable(fault.0)).and_then(
            |settings| match op {
                Op::Rates => rates::outcome(account, &settings, answer),
                Op::Place(_)
                | Op::Query(_)
                | Op::Close(_)
                | Op::Reverse(_)
                | Op::Refund(_)
                | Op::QueryRefund(_)
                | Op::Keys => answer::outcome(op, &settings, answer, stamp),
            },
        );
        Step::Done(outcome.unwrap_or_else(Outcome::Unknown))
    }

    fn callback(&self, account: &Account, request: &HttpRequest, _stamp: &Stamp) -> Callback {
        callback::read(account, request)
    }

    fn login<'a>(&self, account: &'a Account) -> Option<Login<'a>> {
        Login::of(account)
    }

    /// An account in renminbi has no rate.
    fn rate_source(&self, currency: Currency) -> Option<RateSource> {
        match currency {
            Currency::Cny => None,
            Currency::Hkd | Currency::Aud => Some(RateSource::Wechat),
        }
    }

    fn client_certificate(&self, op: &Op, account: &Account) -> Option<ClientCertificate> {
        match op {
            Op::Reverse(_) | Op::Refund(_) => settings::certificate(account).ok(),
            Op::Place(_) | Op::Query(_) | Op::Close(_) | Op::QueryRefund(_) => None,
            Op::Rates | Op::Keys => None,
        }
    }
}

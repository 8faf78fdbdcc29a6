//! Alipay MAPI, the old gateway (`gateway.do?service=…`), as merchants abroad use it: the order
//! string that the merchant's app gives to Alipay's (`mobile.securitypay.pay`) and the page in a
//! phone's browser (`create_forex_trade_wap`), priced in Hong Kong or Australian dollars.
//!
//! Neither is a call: the upstream knows no trade before the payer comes, and it cannot close one.
//! It must never believe a fact that is not signed, unless the account says that TLS is enough.

mod answer;
mod callback;
mod fields;
mod rates;
mod request;
mod settings;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;

use kernel::exchange_rate::RateSource;
use kernel::money::Currency;

use crate::http::{HttpRequest, HttpResponse};
use crate::{
    Account, Callback, Channel, ChannelInfo, Op, Outcome, Refusal, RefusalKind, SetupError, Stamp,
    Step,
};

const APP_PAY: &str = "mobile.securitypay.pay";
const WAP_PAY: &str = "create_forex_trade_wap";
const QUERY: &str = "single_trade_query";
const REFUND: &str = "forex_refund";
const QUERY_REFUND: &str = "alipay.acquire.refund.query";
const RATES: &str = "forex_rate_file";
const VERIFY: &str = "notify_verify";
/// Both products are of this kind.
const PRODUCT_CODE: &str = "NEW_WAP_OVERSEAS_SELLER";

/// Alipay's MAPI.
pub struct AlipayMapi;

impl Channel for AlipayMapi {
    fn info(&self) -> &'static ChannelInfo {
        &settings::INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        match op {
            Op::Place(place) => request::place(place, account, stamp),
            Op::Query(trade) => request::query(trade, account).map(Step::Send),
            Op::Refund(refund) => request::refund(refund, account).map(Step::Send),
            Op::QueryRefund(refund) => request::query_refund(refund, account).map(Step::Send),
            Op::Rates => request::rates(account).map(Step::Send),
            Op::Close(_) | Op::Reverse(_) | Op::Keys => Ok(Step::Done(not_supported())),
        }
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        Step::Done(match op {
            Op::Query(trade) => answer::queried(trade, account, answer),
            Op::Refund(refund) => answer::refunded(refund, account, answer),
            Op::QueryRefund(refund) => answer::refund_queried(refund, account, answer),
            Op::Rates => rates::read(answer),
            Op::Place(_) | Op::Close(_) | Op::Reverse(_) | Op::Keys => not_supported(),
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

    /// Manual: `notify_verify`, within a minute.
    fn confirmation(&self, account: &Account, callback: &HttpRequest) -> Option<HttpRequest> {
        callback::confirmation(account, callback)
    }

    /// Manual: `forex_rate_file`, one file of every currency.
    fn rate_source(&self, _currency: Currency) -> Option<RateSource> {
        Some(RateSource::Alipay)
    }

    fn is_confirmed(&self, answer: &HttpResponse) -> bool {
        answer.status == 200 && answer.body == b"true"
    }
}

fn not_supported() -> Outcome {
    let message = "MAPI has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

//! JeePay, the open API that many aggregators speak (gnete EasyLink's present one among them): every
//! wallet through one `unifiedOrder`, signed with MD5.
//!
//! It must never believe a refusal, which is not signed, where money may have moved; and never ask for
//! a refund twice without having asked what became of it.

mod answer;
mod callback;
mod request;
mod settings;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;
mod wire;

use kernel::product::Product;

use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::answer::Said;
use crate::jeepay::settings::Word;
use crate::{
    Account, Callback, Channel, ChannelInfo, Doubt, Op, Outcome, Place, Refund, Refusal,
    RefusalKind, SetupError, Stamp, Step,
};

/// JeePay's API.
pub struct Jeepay;

static INFO: ChannelInfo = ChannelInfo {
    name: "jeepay",
    title: "聚合支付 JeePay",
    products: &[
        Product::AlipayWap,
        Product::AlipayQr,
        Product::AlipayApp,
        Product::WechatH5,
        Product::WechatQr,
        Product::WechatJsapi,
        Product::UnionpayLink,
        Product::UnionpayQr,
        Product::Micropay,
    ],
    settings: settings::SETTINGS,
};

impl Channel for Jeepay {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        match op {
            Op::Place(place) if INFO.products.contains(&place.product) => {
                request::place(place, account, stamp)
            }
            Op::Query(trade) => request::query(&trade.trade_no, account, stamp),
            Op::Close(trade) => request::close(trade, account, stamp),
            // A number that is used again is refused in the same words as one that comes too late:
            // so first we ask what became of it.
            Op::Refund(refund) | Op::QueryRefund(refund) => {
                request::query_refund(refund, account, stamp)
            }
            Op::Place(_) | Op::Reverse(_) | Op::Rates | Op::Keys => Ok(Step::Done(not_supported())),
        }
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, stamp: &Stamp) -> Step {
        let said = match answer::open(account, answer) {
            Ok(said) => said,
            Err(doubt) => return Step::Done(Outcome::Unknown(doubt)),
        };
        let outcome = match (op, &said) {
            (Op::Place(place), said) => return placed(place, account, said, stamp),
            (Op::Refund(refund), said) => return refunded(refund, account, said, stamp),
            (Op::Query(trade), Said::Data(fields)) => {
                answer::standing(&trade.trade_no, trade.product, fields, stamp.now)
            }
            (Op::Close(trade), said) => answer::closed(trade, account, said),
            (Op::QueryRefund(refund), Said::Data(fields)) => {
                answer::refunded(refund, fields, stamp.now)
            }
            (Op::Query(_) | Op::QueryRefund(_), Said::Refusal { code, message }) => {
                answer::not_answered(account, (*code, message))
            }
            (Op::Reverse(_) | Op::Rates | Op::Keys, _) => not_supported(),
        };
        Step::Done(outcome)
    }

    /// JeePay sends again until it is answered `success`.
    fn callback(&self, account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback {
        Callback {
            facts: callback::read(account, request, stamp),
            ack: HttpResponse::new(200, "text/plain", "success"),
            nack: HttpResponse::new(400, "text/plain", "failure"),
        }
    }
}

/// An order was asked for; a barcode that is paid is then asked about, for its facts.
fn placed(place: &Place, account: &Account, said: &Said, stamp: &Stamp) -> Step {
    let outcome = match said {
        Said::Data(fields) if answer::is_barcode_queried(place, fields) => {
            match answer::standing(&place.trade_no, place.product, fields, stamp.now) {
                Outcome::Failed(failed) => Outcome::Refused(failed),
                outcome => outcome,
            }
        }
        Said::Data(fields) if answer::is_paid_without_facts(place, fields) => {
            return or_doubt(request::query(&place.trade_no, account, stamp));
        }
        Said::Data(fields) => answer::placed(place, fields),
        Said::Refusal { code, message } => answer::not_placed(place, account, (*code, message)),
    };
    Step::Done(outcome)
}

/// The refund's number was asked about; one that there is not yet is then asked for.
fn refunded(refund: &Refund, account: &Account, said: &Said, stamp: &Stamp) -> Step {
    let (code, message) = match said {
        Said::Data(fields) => {
            return Step::Done(match answer::refunded(refund, fields, stamp.now) {
                Outcome::RefundClosed(failed) => Outcome::Refused(failed),
                outcome => outcome,
            });
        }
        Said::Refusal { code, message } => (*code, message.as_str()),
    };
    if settings::word(account, code, message) == Some(Word::NotFound) {
        return or_doubt(request::refund(refund, account, stamp));
    }
    Step::Done(answer::not_refunded(account, (code, message)))
}

/// A step after the first: whatever stops it, the first was sent.
fn or_doubt(step: Result<Step, SetupError>) -> Step {
    step.unwrap_or_else(|SetupError(why)| Step::Done(Outcome::Unknown(Doubt::Unreadable(why))))
}

fn not_supported() -> Outcome {
    let message = "JeePay has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

//! gnete EasyLink, the earlier API of Hong Kong (`apigw.gnete.com.hk/easyLinkApi`): a page of UnionPay
//! that the payer opens. The merchants' document calls it `chinaums`.
//!
//! Its vendor has published little. It must never take a word that has no agreed meaning for one,
//! nor an order for closed because it is late, nor a number in an address for a signed one; and never
//! ask for a refund twice without having asked what became of it.

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

use crate::chinaums::answer::{Question, RefundQuestion};
use crate::chinaums::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::{
    Account, Callback, Channel, ChannelInfo, Doubt, Op, Outcome, Refund, Refusal, RefusalKind,
    SetupError, Stamp, Step,
};

/// EasyLink's earlier API.
pub struct Chinaums;

static INFO: ChannelInfo = ChannelInfo {
    name: "chinaums",
    title: "银联 UnionPay (gnete EasyLink, legacy)",
    products: &[Product::UnionpayLink],
    settings: settings::SETTINGS,
};

impl Channel for Chinaums {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
        match op {
            Op::Place(place) if place.product == Product::UnionpayLink => {
                request::place(place, account, stamp)
            }
            // It closes nothing: where the order stands is all that can be found out.
            Op::Query(trade) | Op::Close(trade) => request::query(trade, account),
            Op::Refund(refund) => request::begin_refund(refund, account),
            Op::QueryRefund(refund) => request::query_refund(refund, account),
            Op::Place(_) | Op::Reverse(_) | Op::Rates | Op::Keys => Ok(Step::Done(not_supported())),
        }
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        let fields = match answer::open(account, answer) {
            Ok(fields) => fields,
            Err(doubt) => return Step::Done(Outcome::Unknown(doubt)),
        };
        Step::Done(match op {
            Op::Place(place) => answer::placed(place, account, &fields),
            Op::Query(trade) => answer::standing(Question::Standing, trade, account, &fields),
            Op::Close(trade) => answer::standing(Question::Closing, trade, account, &fields),
            Op::Refund(refund) => return refunded(refund, account, &fields),
            Op::QueryRefund(refund) => {
                answer::refunded(RefundQuestion::Standing, refund, account, &fields)
            }
            Op::Reverse(_) | Op::Rates | Op::Keys => not_supported(),
        })
    }

    fn number_of_page(&self, pay_text: &str) -> Option<String> {
        request::payment_id_of_page(pay_text)
    }

    /// The answer that EasyLink waits for is not published: 200 and `success` should do.
    fn callback(&self, account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback {
        Callback {
            facts: callback::read(account, request, stamp),
            ack: HttpResponse::new(200, "text/plain", "success"),
            nack: HttpResponse::new(400, "text/plain", "failure"),
        }
    }
}

/// The refund's number was asked about; one that there is not yet is then asked for.
fn refunded(refund: &Refund, account: &Account, fields: &Fields) -> Step {
    match answer::refunded(RefundQuestion::Giving, refund, account, fields) {
        Outcome::NotFound => request::refund(refund, account)
            .unwrap_or_else(|SetupError(why)| Step::Done(Outcome::Unknown(Doubt::Unreadable(why)))),
        outcome => Step::Done(outcome),
    }
}

fn not_supported() -> Outcome {
    let message = "EasyLink has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}

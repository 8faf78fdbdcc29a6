//! What Alipay's answers say of money that goes back (manual: alipay.trade.refund,
//! alipay.trade.fastpay.refund.query, alipay.trade.cancel). Done is only what names the amount.

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::time::Timestamp;

use crate::alipay::answer::unreadable;
use crate::alipay::wire::Fields;
use crate::{Doubt, Outcome, Refund, Refunded, Trade};

/// An accepted refund. `refund_fee` is what has gone back of the whole trade so far, so it can only
/// bound this refund's amount.
pub(super) fn asked(refund: &Refund, fields: &Fields) -> Outcome {
    let is_done = match fields.of("fund_change") {
        "Y" => fields.has("refund_fee"),
        "N" | "" => false,
        _ => return unreadable("a fund_change that is not in the manual"),
    };
    if !is_done {
        // Done before, or not yet: a query decides.
        return Outcome::RefundPending { refund_id: String::new() };
    }
    let so_far = Money::from_decimal(fields.of("refund_fee"), refund.amount.currency);
    let is_possible =
        |so_far: Money| (refund.amount.minor..=refund.trade.amount.minor).contains(&so_far.minor);
    match so_far.filter(|so_far| is_possible(*so_far)) {
        Some(_) => done(refund, fields),
        None => unreadable("a refund of another amount"),
    }
}

/// Where a refund stands. A refund that is not there (yet) is code 10000 without any fact.
pub(super) fn queried(refund: &Refund, fields: &Fields) -> Outcome {
    if !fields.has("refund_status") && !fields.has("refund_amount") {
        return Outcome::NotFound;
    }
    let names_it = fields.of("out_request_no") == refund.refund_no
        && fields.of("out_trade_no") == refund.trade.trade_no;
    let is = |name: &str, expect: Money| {
        Money::from_decimal(fields.of(name), expect.currency) == Some(expect)
    };
    let is_total = !fields.has("total_amount") || is("total_amount", refund.trade.amount);
    match fields.of("refund_status") {
        "REFUND_SUCCESS" if !names_it => unreadable("the answer is about another refund"),
        "REFUND_SUCCESS" if is("refund_amount", refund.amount) && is_total => done(refund, fields),
        "REFUND_SUCCESS" => unreadable("a refund of another amount"),
        _ => unreadable("a refund status that is not in the manual"),
    }
}

/// A refund that is done. Alipay has no number of its own for it, and does not always say when: it
/// was asked for shortly before.
fn done(refund: &Refund, fields: &Fields) -> Outcome {
    let at = match fields.of("gmt_refund_pay") {
        "" => Some(refund.asked_at),
        text => Timestamp::from_beijing(text),
    };
    let Some(refunded_at) = at else { return unreadable("a refund at no time") };
    if fields.has("refund_currency") && fields.of("refund_currency") != Currency::Cny.code() {
        return unreadable("a refund in another currency");
    }
    Outcome::Refunded(Refunded {
        refund_id: String::new(),
        amount: refund.amount,
        cash: refund.amount,
        rate: String::new(),
        refunded_at,
    })
}

/// A cancelled trade: closed unpaid, or given back in full. Without an action there was none to cancel:
/// a charge may still be on its way.
pub(super) fn cancelled(fields: &Fields) -> Outcome {
    match (fields.of("retry_flag"), fields.of("action")) {
        ("N", "close" | "refund") => Outcome::Reversed,
        ("N", "") => Outcome::NotFound,
        ("Y", _) => Outcome::Unknown(Doubt::Busy("cancel: retry_flag=Y".to_owned())),
        _ => unreadable("a cancellation that is not in the manual"),
    }
}

/// A trade that was closed after it was paid: everything has gone back. Only a barcode is ever
/// reversed, so of another product it still is a payment whose refunds are in our own books.
pub(super) fn closed_after_payment(trade: &Trade, paid: Option<Outcome>) -> Outcome {
    if trade.product == Product::Micropay {
        return Outcome::Reversed;
    }
    paid.unwrap_or_else(|| unreadable("closed after payment, without its facts"))
}

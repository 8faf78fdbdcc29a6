//! Code 40004 of openapi v2, "business failed": what each `sub_code` of the manual means to each
//! operation. A word that is not in a method's list proves nothing, so it is a doubt; only for a QR,
//! which moves no money, any word refuses.

use kernel::product::Product;

use crate::alipay::answer::unreadable;
use crate::alipay::wire::Fields;
use crate::{Op, Outcome, Refusal, RefusalKind};

/// A `sub_code` that is final and says that nothing was done.
type Word = (&'static str, RefusalKind);

/// What every method may say.
const COMMON: &[Word] = &[("ACQ.ACCESS_FORBIDDEN", RefusalKind::NotSupported)];

/// Manual: alipay.trade.pay. Nothing was taken from the payer.
const PAY: &[Word] = &[
    ("ACQ.CONTEXT_INCONSISTENT", RefusalKind::NumberUsed),
    ("ACQ.PAYMENT_AUTH_CODE_INVALID", RefusalKind::CodeUsed),
    ("ACQ.BUYER_BALANCE_NOT_ENOUGH", RefusalKind::Business),
    ("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", RefusalKind::Business),
    ("ACQ.ERROR_BALANCE_PAYMENT_DISABLE", RefusalKind::Business),
    ("ACQ.BUYER_SELLER_EQUAL", RefusalKind::Business),
    ("ACQ.BUYER_ENABLE_STATUS_FORBID", RefusalKind::Business),
    ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", RefusalKind::Business),
    ("ACQ.BEYOND_PAY_RESTRICTION", RefusalKind::Business),
    ("ACQ.BEYOND_PER_RECEIPT_RESTRICTION", RefusalKind::Business),
    ("ACQ.TRADE_BUYER_NOT_MATCH", RefusalKind::Business),
    ("ACQ.PULL_MOBILE_CASHIER_FAIL", RefusalKind::Business),
    ("ACQ.MOBILE_PAYMENT_SWITCH_OFF", RefusalKind::Business),
    ("ACQ.PAYMENT_FAIL", RefusalKind::Business),
    ("ACQ.TOTAL_FEE_EXCEED", RefusalKind::Business),
    ("ACQ.EXIST_FORBIDDEN_WORD", RefusalKind::Business),
    ("ACQ.PARTNER_ERROR", RefusalKind::Business),
    ("ACQ.INVALID_PARAMETER", RefusalKind::Business),
];

/// Manual: alipay.trade.cancel.
const CANCEL: &[Word] = &[
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", RefusalKind::BalanceTooLow),
    ("ACQ.TRADE_CANCEL_TIME_OUT", RefusalKind::TooLate),
    ("ACQ.REASON_TRADE_BEEN_FREEZEN", RefusalKind::Business),
];

/// Manual: alipay.trade.refund.
const REFUND: &[Word] = &[
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", RefusalKind::BalanceTooLow),
    ("ACQ.TRADE_HAS_FINISHED", RefusalKind::TooLate),
    ("ACQ.TRADE_NOT_ALLOW_REFUND", RefusalKind::TooLate),
    ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", RefusalKind::NothingLeft),
    ("ACQ.DISCORDANT_REPEAT_REQUEST", RefusalKind::NumberUsed),
    ("ACQ.REASON_TRADE_REFUND_FEE_ERR", RefusalKind::Business),
    ("ACQ.REFUND_FEE_ERROR", RefusalKind::Business),
    ("ACQ.REASON_TRADE_BEEN_FREEZEN", RefusalKind::Business),
    ("ACQ.TRADE_STATUS_ERROR", RefusalKind::Business),
    ("ACQ.TRADE_NOT_EXIST", RefusalKind::Business),
    ("ACQ.INVALID_PARAMETER", RefusalKind::Business),
];

/// What code 40004 says to `op`.
pub(super) fn business(op: &Op, fields: &Fields) -> Outcome {
    let sub_code = fields.of("sub_code");
    if sub_code.is_empty() {
        return unreadable("a business failure without its reason");
    }
    match (op, sub_code) {
        (
            Op::Place(_) | Op::Query(_) | Op::Close(_),
            "ACQ.TRADE_HAS_SUCCESS" | "ACQ.TRADE_HAS_FINISHED",
        ) => Outcome::PaidElsewhere,
        (Op::Place(_) | Op::Query(_) | Op::Close(_), "ACQ.TRADE_HAS_CLOSE") => Outcome::Closed,
        (Op::Query(_) | Op::Close(_) | Op::QueryRefund(_), "ACQ.TRADE_NOT_EXIST") => {
            Outcome::NotFound
        }
        // Not in a state to be closed: paid, refunded or closed before. Only a query tells.
        (Op::Close(_), "ACQ.TRADE_STATUS_ERROR") => Outcome::PaidElsewhere,
        (Op::Place(place), _) => {
            let is_charge = place.product == Product::Micropay;
            let other = (!is_charge).then_some(RefusalKind::Business);
            refused(kind_of(sub_code, PAY).or(other), fields)
        }
        (Op::Reverse(_), _) => refused(kind_of(sub_code, CANCEL), fields),
        (Op::Refund(_), _) => refused(kind_of(sub_code, REFUND), fields),
        (Op::Query(_) | Op::Close(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys, _) => {
            refused(None, fields)
        }
    }
}

/// Codes of the gateway itself: it did not take the request. That refuses a new order; of what was
/// asked before, and may have been done then, it says nothing.
pub(super) fn gateway(op: &Op, kind: RefusalKind, fields: &Fields) -> Outcome {
    match op {
        Op::Place(_) => refused(Some(kind), fields),
        Op::Reverse(_) | Op::Refund(_) => {
            refused(Some(kind).filter(|kind| *kind == RefusalKind::NotSupported), fields)
        }
        Op::Query(_) | Op::Close(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys => {
            refused(None, fields)
        }
    }
}

fn kind_of(sub_code: &str, words: &[Word]) -> Option<RefusalKind> {
    let mut all = COMMON.iter().chain(words);
    all.find(|(word, _)| *word == sub_code).map(|(_, kind)| *kind)
}

/// A refusal of that kind; without one, a doubt.
fn refused(kind: Option<RefusalKind>, fields: &Fields) -> Outcome {
    let name = if fields.has("sub_code") { "sub_code" } else { "code" };
    let code = fields.of(name).to_owned();
    let Some(kind) = kind else { return unreadable(&format!("refused: {code}")) };
    let message =
        if fields.has("sub_msg") { fields.of("sub_msg").to_owned() } else { code.clone() };
    Outcome::Refused(Refusal { kind, code, message })
}

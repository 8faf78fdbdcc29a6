//! What a verified answer means. `respCode` of a query is about the query, `origRespCode` about the
//! transaction. For a barcode and an undoing "00" only says that they were accepted (manual: back
//! transactions): their end is asked for in the same breath.

use kernel::money::Money;
use kernel::product::Product;

use crate::http::HttpResponse;
use crate::unionpay::codes::{self, Meaning};
use crate::unionpay::request::{self, Number};
use crate::unionpay::wire::Fields;
use crate::unionpay::{answer, not_supported};
use crate::{Account, Doubt, Op, Outcome, Place, Refund, Refusal, RefusalKind, Step, Trade};

/// The code of the transaction itself in the answer to a query.
const OF_ORDER: &str = "origRespCode";
/// The code of what was just asked.
const OF_ANSWER: &str = "respCode";

/// What `answer` to the current question of `op` comes to.
pub(super) fn judge(op: &Op, account: &Account, answer: &HttpResponse) -> Step {
    let (number, first_type) = match asked(op) {
        Ok(asked) => asked,
        Err(outcome) => return Step::Done(outcome),
    };
    let fields = match answer::open(answer, account, &number) {
        Ok(fields) => fields,
        Err(doubt) => return Step::Done(Outcome::Unknown(doubt)),
    };
    let is_queried = fields.of("txnType") == "00";
    if !is_queried && fields.of("txnType") != first_type {
        return done(unreadable("an answer to another question"));
    }
    let judged = match op {
        Op::Place(place) if is_queried => Judged::Over(placed_query(&fields, place)),
        Op::Place(place) => placed(&fields, place),
        Op::Query(trade) => Judged::Over(queried(&fields, trade)),
        Op::Close(_) => Judged::Over(closed(&fields)),
        Op::Reverse(trade) if is_queried => Judged::Over(undone_query(&fields, trade)),
        Op::Reverse(trade) => reversed(&fields, trade),
        Op::Refund(refund) if is_queried => Judged::Over(refund_again(&fields, refund)),
        Op::Refund(refund) => refunded(&fields, refund),
        Op::QueryRefund(refund) => Judged::Over(queried_refund(&fields, refund)),
        Op::Rates | Op::Keys => Judged::Over(not_supported()),
    };
    match judged {
        Judged::Over(outcome) => Step::Done(outcome),
        Judged::ToBeQueried => request::query(&number, account)
            .unwrap_or_else(|fault| done(Outcome::Unknown(Doubt::Unreadable(fault.0)))),
    }
}

/// A verdict.
enum Judged {
    /// The operation is over.
    Over(Outcome),
    /// Only a query tells how the transaction ended.
    ToBeQueried,
}

/// Which transaction `op` asked about, and the `txnType` of its first question.
fn asked(op: &Op) -> Result<(Number, &'static str), Outcome> {
    let number_of = |number: Result<Number, crate::SetupError>| {
        number.map_err(|fault| Outcome::Unknown(Doubt::Unreadable(fault.0)))
    };
    Ok(match op {
        Op::Place(place) => (number_of(Number::of_trade(&place.trade_no))?, "01"),
        Op::Query(trade) | Op::Close(trade) => {
            (number_of(Number::of_trade(&trade.trade_no))?, "00")
        }
        Op::Reverse(trade) if request::is_undo(trade) => {
            (number_of(Number::of_undo(&trade.trade_no))?, "31")
        }
        Op::Reverse(trade) => (number_of(Number::of_trade(&trade.trade_no))?, "99"),
        Op::Refund(refund) => (Number::of_refund(refund), "04"),
        Op::QueryRefund(refund) => (Number::of_refund(refund), "00"),
        Op::Rates | Op::Keys => return Err(not_supported()),
    })
}

fn placed(fields: &Fields, place: &Place) -> Judged {
    let is_barcode = place.product == Product::Micropay;
    Judged::Over(match meaning(fields, OF_ANSWER) {
        // A used number may be a barcode that was charged, when our first question went unanswered.
        Meaning::Done | Meaning::Duplicate if is_barcode => return Judged::ToBeQueried,
        Meaning::Done if fields.has("qrCode") => {
            Outcome::Opened { pay_text: fields.of("qrCode").to_owned() }
        }
        Meaning::Done => unreadable("no qrCode"),
        Meaning::Accepted if is_barcode => Outcome::Unpaid { is_acting: true },
        Meaning::Accepted | Meaning::Unsure | Meaning::Busy => busy(fields, OF_ANSWER),
        Meaning::Duplicate | Meaning::Final => refused_payment(fields, OF_ANSWER, is_barcode),
        Meaning::NotFound | Meaning::Unclear => unclear(fields, OF_ANSWER),
    })
}

/// The query after a barcode was taken.
fn placed_query(fields: &Fields, place: &Place) -> Outcome {
    let is_barcode = place.product == Product::Micropay;
    match of_order(fields) {
        Ok(Meaning::Done) => paid(fields),
        Ok(Meaning::Accepted | Meaning::Unsure) => Outcome::Unpaid { is_acting: true },
        Ok(Meaning::Final) => refused_payment(fields, OF_ORDER, is_barcode),
        // It was taken a moment ago.
        Ok(Meaning::NotFound) => Outcome::Unknown(Doubt::Busy("not to be seen yet".into())),
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    }
}

fn queried(fields: &Fields, trade: &Trade) -> Outcome {
    match of_order(fields) {
        Ok(Meaning::Done) => paid(fields),
        Ok(Meaning::Accepted | Meaning::Unsure) => Outcome::Unpaid { is_acting: true },
        Ok(Meaning::NotFound) => Outcome::NotFound,
        Ok(Meaning::Final) if trade.product == Product::Micropay => {
            Outcome::Failed(refusal(fields, OF_ORDER, codes::of_payment(fields.of(OF_ORDER), true)))
        }
        // A code or a page can be tried again with another card, until its time is over.
        Ok(Meaning::Final) => Outcome::Unpaid { is_acting: false },
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    }
}

/// Closing is a query too; what failed counts as closed.
fn closed(fields: &Fields) -> Outcome {
    match of_order(fields) {
        Ok(Meaning::Done) => paid(fields),
        Ok(Meaning::Accepted | Meaning::Unsure) => Outcome::Unpaid { is_acting: true },
        Ok(Meaning::NotFound) => Outcome::NotFound,
        Ok(Meaning::Final) => Outcome::Closed,
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    }
}

fn reversed(fields: &Fields, trade: &Trade) -> Judged {
    let is_undo = request::is_undo(trade);
    if names_other(fields, trade.amount) {
        return Judged::Over(unreadable("another amount goes back"));
    }
    Judged::Over(match meaning(fields, OF_ANSWER) {
        Meaning::Done | Meaning::Accepted | Meaning::Duplicate if is_undo => {
            return Judged::ToBeQueried;
        }
        Meaning::Done => Outcome::Reversed,
        Meaning::Accepted | Meaning::Unsure | Meaning::Busy => busy(fields, OF_ANSWER),
        Meaning::NotFound => Outcome::NotFound,
        // A reversal has its order's number and may be sent again: what is refused as no longer fit
        // for it may be what it has done already.
        Meaning::Final if !is_undo && ["35", "36", "45"].contains(&fields.of(OF_ANSWER)) => {
            unclear(fields, OF_ANSWER)
        }
        Meaning::Final => refused_return(fields, OF_ANSWER),
        Meaning::Duplicate | Meaning::Unclear => unclear(fields, OF_ANSWER),
    })
}

/// The query after an undoing was taken.
fn undone_query(fields: &Fields, trade: &Trade) -> Outcome {
    match of_order(fields) {
        Ok(Meaning::Done) if names_other(fields, trade.amount) => {
            unreadable("another amount went back")
        }
        Ok(Meaning::Done) => Outcome::Reversed,
        Ok(Meaning::Accepted | Meaning::Unsure) => busy(fields, OF_ORDER),
        Ok(Meaning::Final) => refused_return(fields, OF_ORDER),
        Ok(Meaning::NotFound) => Outcome::Unknown(Doubt::Busy("not to be seen yet".into())),
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    }
}

fn refunded(fields: &Fields, refund: &Refund) -> Judged {
    Judged::Over(match meaning(fields, OF_ANSWER) {
        Meaning::Done | Meaning::Accepted => pending(fields, refund),
        // The same refund, asked for before.
        Meaning::Duplicate => return Judged::ToBeQueried,
        Meaning::Unsure | Meaning::Busy => busy(fields, OF_ANSWER),
        Meaning::NotFound | Meaning::Final => refused_return(fields, OF_ANSWER),
        Meaning::Unclear => unclear(fields, OF_ANSWER),
    })
}

/// The query after a refund turned out to have been asked for before.
fn refund_again(fields: &Fields, refund: &Refund) -> Outcome {
    match queried_refund(fields, refund) {
        Outcome::RefundClosed(refusal) => Outcome::Refused(refusal),
        Outcome::NotFound => unreadable("used before, and not to be found"),
        outcome => outcome,
    }
}

fn queried_refund(fields: &Fields, refund: &Refund) -> Outcome {
    match of_order(fields) {
        Ok(Meaning::Done) => match answer::refunded(fields) {
            Some(refunded) if refunded.amount == refund.amount => Outcome::Refunded(refunded),
            Some(_) => unreadable("another amount was refunded"),
            None => unreadable("refunded, without its facts"),
        },
        Ok(Meaning::Accepted | Meaning::Unsure) => pending(fields, refund),
        Ok(Meaning::NotFound) => Outcome::NotFound,
        Ok(Meaning::Final) => {
            Outcome::RefundClosed(refusal(fields, OF_ORDER, codes::of_return(fields.of(OF_ORDER))))
        }
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    }
}

fn pending(fields: &Fields, refund: &Refund) -> Outcome {
    if names_other(fields, refund.amount) {
        return unreadable("another amount is to be refunded");
    }
    Outcome::RefundPending { refund_id: fields.of("queryId").to_owned() }
}

/// Whether an answer names an amount that is not the one in question.
fn names_other(fields: &Fields, amount: Money) -> bool {
    fields.has("txnAmt") && fields.of("txnAmt") != amount.minor.to_string()
}

/// What the answer to a query says of the transaction, or why the query itself came to nothing.
fn of_order(fields: &Fields) -> Result<Meaning, Outcome> {
    match meaning(fields, OF_ANSWER) {
        Meaning::Done if fields.of(OF_ANSWER) == "00" => Ok(meaning(fields, OF_ORDER)),
        Meaning::NotFound => Ok(Meaning::NotFound),
        Meaning::Accepted | Meaning::Unsure | Meaning::Busy => Err(busy(fields, OF_ANSWER)),
        Meaning::Done | Meaning::Duplicate | Meaning::Final | Meaning::Unclear => {
            Err(unclear(fields, OF_ANSWER))
        }
    }
}

fn meaning(fields: &Fields, name: &str) -> Meaning {
    codes::meaning(fields.of(name))
}

/// The gateway compares the amount, and raises the alarm if it differs.
fn paid(fields: &Fields) -> Outcome {
    answer::payment(fields).map_or_else(|| unreadable("paid, without its facts"), Outcome::Paid)
}

fn refused_payment(fields: &Fields, name: &str, is_barcode: bool) -> Outcome {
    let kind = codes::of_payment(fields.of(name), is_barcode);
    Outcome::Refused(refusal(fields, name, kind))
}

fn refused_return(fields: &Fields, name: &str) -> Outcome {
    Outcome::Refused(refusal(fields, name, codes::of_return(fields.of(name))))
}

/// UnionPay's code in `name`, with the words that belong to it.
fn refusal(fields: &Fields, name: &str, kind: RefusalKind) -> Refusal {
    let words = if name == OF_ORDER { "origRespMsg" } else { "respMsg" };
    let code = fields.of(name).to_owned();
    let message = if fields.has(words) { fields.of(words).to_owned() } else { code.clone() };
    Refusal { kind, code, message }
}

fn busy(fields: &Fields, name: &str) -> Outcome {
    Outcome::Unknown(Doubt::Busy(format!("{name} {}", fields.of(name))))
}

fn unclear(fields: &Fields, name: &str) -> Outcome {
    unreadable(&format!("{name} {:?} settles nothing", fields.of(name)))
}

fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}

fn done(outcome: Outcome) -> Step {
    Step::Done(outcome)
}

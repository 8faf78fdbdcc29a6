//! What a verified answer means. `respCode` of a query is about the query, `origRespCode` about the
//! transaction. For a barcode and an undoing "00" only says that they were accepted (manual: back
//! transactions): their end is asked for in the same breath.

use kernel::money::Money;
use kernel::product::Product;
use kernel::time::Timestamp;

use crate::http::HttpResponse;
use crate::unionpay::codes::{self, Meaning};
use crate::unionpay::request::{self, Number};
use crate::unionpay::wire::Fields;
use crate::unionpay::{answer, not_supported};
use crate::{
    Account, Doubt, Op, Outcome, Place, Refund, Refusal, RefusalKind, SetupError, Step, Trade,
};

/// The code of the transaction itself in the answer to a query.
const OF_ORDER: &str = "origRespCode";
/// The code of what was just asked.
const OF_ANSWER: &str = "respCode";

/// What `answer` to the current question of `op` comes to.
pub(super) fn judge(op: &Op, account: &Account, answer: &HttpResponse) -> Step {
    match judged(op, account, answer) {
        Ok(Judged::Over(outcome)) | Err(outcome) => Step::Done(outcome),
        Ok(Judged::ToBeQueried(number)) => request::query(&number, account)
            .unwrap_or_else(|SetupError(why)| Step::Done(unreadable(&why))),
    }
}

/// A verdict.
enum Judged {
    /// The operation is over.
    Over(Outcome),
    /// Only a query tells how this transaction ended.
    ToBeQueried(Number),
}

fn judged(op: &Op, account: &Account, answer: &HttpResponse) -> Result<Judged, Outcome> {
    let fields = answer::read(answer).map_err(Outcome::Unknown)?;
    let Asked { first_type, number, since } = asked(op, fields.of("txnTime"))?;
    answer::verify(&fields, account, since).map_err(Outcome::Unknown)?;
    let is_queried = fields.of("txnType") == "00";
    let is_ours = fields.of("orderId") == number.order_id
        && fields.of("txnTime") == number.txn_time
        && (is_queried || fields.of("txnType") == first_type);
    if !is_ours {
        return Err(unreadable("the answer is about something else"));
    }
    Ok(match op {
        Op::Place(place) if is_queried => Judged::Over(placed_query(&fields, place)),
        Op::Place(place) => placed(&fields, place, number),
        Op::Query(trade) => Judged::Over(queried(&fields, trade)),
        Op::Close(_) => Judged::Over(closed(&fields)),
        Op::Reverse(trade) if is_queried => undone_query(&fields, trade, &number),
        Op::Reverse(trade) => reversed(&fields, trade, number),
        Op::Refund(refund) if is_queried => Judged::Over(refund_again(&fields, refund)),
        Op::Refund(refund) => refunded(&fields, refund, number),
        Op::QueryRefund(refund) => Judged::Over(queried_refund(&fields, refund)),
        Op::Rates | Op::Keys => Judged::Over(not_supported()),
    })
}

/// What an operation asked.
struct Asked {
    /// `txnType` of its first question.
    first_type: &'static str,
    /// The transaction that it is about.
    number: Number,
    /// A time at which it was not asked yet.
    since: Timestamp,
}

/// What `op` asked, if the answer to it tells `txn_time`: only an undoing's number depends on that, and
/// it must be one of its steps.
fn asked(op: &Op, txn_time: &str) -> Result<Asked, Outcome> {
    let not_asked = |SetupError(why): SetupError| unreadable(&why);
    let of_order = |first_type, trade_no: &str| {
        let number = Number::of_trade(trade_no).map_err(not_asked)?;
        let since = request::second_of(trade_no).map_err(not_asked)?;
        Ok(Asked { first_type, number, since })
    };
    let of_refund = |first_type, refund: &Refund| {
        Ok(Asked { first_type, number: Number::of_refund(refund), since: refund.asked_at })
    };
    match op {
        Op::Place(place) => of_order("01", &place.trade_no),
        Op::Query(trade) | Op::Close(trade) => of_order("00", &trade.trade_no),
        Op::Reverse(trade) if request::is_undo(trade) => {
            let told = Timestamp::from_compact(txn_time).ok_or_else(|| unreadable("no txnTime"))?;
            let number = Number::of_undo(&trade.trade_no, told).map_err(not_asked)?;
            Ok(Asked { number, ..of_order("31", &trade.trade_no)? })
        }
        Op::Reverse(trade) => of_order("99", &trade.trade_no),
        Op::Refund(refund) => of_refund("04", refund),
        Op::QueryRefund(refund) => of_refund("00", refund),
        Op::Rates | Op::Keys => Err(not_supported()),
    }
}

fn placed(fields: &Fields, place: &Place, number: Number) -> Judged {
    let is_barcode = place.product == Product::Micropay;
    Judged::Over(match meaning(fields, OF_ANSWER) {
        // A used number may be a barcode that was charged, when our first question went unanswered.
        Meaning::Done | Meaning::Duplicate if is_barcode => return Judged::ToBeQueried(number),
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

fn reversed(fields: &Fields, trade: &Trade, number: Number) -> Judged {
    let is_undo = request::is_undo(trade);
    if names_other(fields, trade.amount) {
        return Judged::Over(unreadable("another amount goes back"));
    }
    let code = fields.of(OF_ANSWER);
    Judged::Over(match meaning(fields, OF_ANSWER) {
        Meaning::Done | Meaning::Accepted | Meaning::Duplicate if is_undo => {
            return Judged::ToBeQueried(number);
        }
        Meaning::Done => Outcome::Reversed,
        Meaning::Accepted | Meaning::Unsure | Meaning::Busy => busy(fields, OF_ANSWER),
        Meaning::NotFound => Outcome::NotFound,
        // What is no longer fit to be undone may be what we have undone already.
        Meaning::Final if is_undo && ["35", "36", "45"].contains(&code) => {
            match number.undo_before(&trade.trade_no) {
                Some(before) => return Judged::ToBeQueried(before),
                None => refused_return(fields, OF_ANSWER),
            }
        }
        // A reversal has its order's number: what it did already shows as a refusal too.
        Meaning::Final if ["35", "36", "45"].contains(&code) => unclear(fields, OF_ANSWER),
        Meaning::Final => refused_return(fields, OF_ANSWER),
        Meaning::Duplicate | Meaning::Unclear => unclear(fields, OF_ANSWER),
    })
}

/// The query after an undoing was taken, now or earlier.
fn undone_query(fields: &Fields, trade: &Trade, number: &Number) -> Judged {
    Judged::Over(match of_order(fields) {
        Ok(Meaning::Done) if names_other(fields, trade.amount) => {
            unreadable("another amount went back")
        }
        Ok(Meaning::Done) => Outcome::Reversed,
        Ok(Meaning::Accepted | Meaning::Unsure) => busy(fields, OF_ORDER),
        Ok(Meaning::Final) => refused_return(fields, OF_ORDER),
        Ok(Meaning::NotFound) => match number.undo_before(&trade.trade_no) {
            Some(before) => return Judged::ToBeQueried(before),
            None => Outcome::Unknown(Doubt::Busy("no undoing is to be seen".into())),
        },
        Ok(Meaning::Busy | Meaning::Duplicate | Meaning::Unclear) => unclear(fields, OF_ORDER),
        Err(outcome) => outcome,
    })
}

fn refunded(fields: &Fields, refund: &Refund, number: Number) -> Judged {
    Judged::Over(match meaning(fields, OF_ANSWER) {
        Meaning::Done | Meaning::Accepted => pending(fields, refund),
        // The same refund, asked for before.
        Meaning::Duplicate => return Judged::ToBeQueried(number),
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

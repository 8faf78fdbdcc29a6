//! UnionPay's `respCode` (manual: part 5, answer codes): what each says, of a transaction or of a
//! question about one.

use crate::RefusalKind;

/// What a code says of the transaction that it belongs to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Successful; A6 is that too, with a defect that the next day's file shows.
    Done,
    /// Accepted, and to be queried.
    Accepted,
    /// A timeout or a state that UnionPay does not know: to be queried.
    Unsure,
    /// There is no such transaction.
    NotFound,
    /// Not now: closed for the moment, or asked too often. Nothing was done.
    Busy,
    /// This number was used before with this time.
    Duplicate,
    /// Refused for good.
    Final,
    /// A word that settles nothing (42: debited but timed out; 99) or is not in the manual.
    Unclear,
}

/// Refusals for good.
const FINAL: [&str; 31] = [
    "01", "10", "11", "13", "30", "31", "32", "33", "35", "36", "38", "39", "40", "45", "60", "61",
    "62", "63", "64", "65", "66", "67", "68", "69", "71", "72", "73", "74", "75", "76", "79",
];

/// What `code` says.
pub(super) fn meaning(code: &str) -> Meaning {
    match code {
        "00" | "A6" => Meaning::Done,
        "05" => Meaning::Accepted,
        "03" | "04" => Meaning::Unsure,
        "34" => Meaning::NotFound,
        "02" | "37" => Meaning::Busy,
        "12" => Meaning::Duplicate,
        _ if FINAL.contains(&code) => Meaning::Final,
        _ => Meaning::Unclear,
    }
}

/// What a refused payment means to the merchant.
pub(super) fn of_payment(code: &str, is_barcode: bool) -> RefusalKind {
    match code {
        "12" => RefusalKind::NumberUsed,
        "32" => RefusalKind::NotSupported,
        "36" if is_barcode => RefusalKind::CodeUsed,
        _ => RefusalKind::Business,
    }
}

/// What a refused refund, or undoing, means to the merchant.
pub(super) fn of_return(code: &str) -> RefusalKind {
    match code {
        "32" => RefusalKind::NotSupported,
        "39" => RefusalKind::TooLate,
        "45" => RefusalKind::NothingLeft,
        "64" => RefusalKind::BalanceTooLow,
        _ => RefusalKind::Business,
    }
}

//! The words of WeChat Pay's refusals (`err_code`), each with what it says of the order or the
//! refund (manual: 错误码 of each operation). A word that is not here is a doubt: WeChat Pay itself
//! says that a failed result does not always mean that nothing was done.

use kernel::product::Product;

use super::xml::Members;
use crate::{Doubt, Op, Outcome, Place, Refusal, RefusalKind};

/// What a verified `result_code` FAIL says. Spellings with and without `_` mean the same.
///
/// # Errors
/// Nothing definite.
pub(super) fn outcome(op: &Op, members: &Members) -> Result<Outcome, Doubt> {
    let fail = Fail {
        code: members.of("err_code"),
        word: members.of("err_code").replace('_', ""),
        message: members.of("err_code_des"),
    };
    if fail.is_passing() {
        return Err(Doubt::Busy(fail.code.to_owned()));
    }
    let outcome = match op {
        Op::Place(Place { product: Product::Micropay, .. }) => fail.of_barcode(),
        Op::Place(_) => fail.of_order(),
        Op::Query(_) => fail.of_query(),
        Op::Close(_) => fail.of_close(),
        Op::Reverse(_) => fail.of_reverse(members.of("recall"))?,
        Op::Refund(_) => fail.of_refund(),
        Op::QueryRefund(_) => fail.of_refund_query(),
        Op::Rates => fail.refused(RefusalKind::Business),
        Op::Keys => None,
    };
    outcome.ok_or_else(|| Doubt::Unreadable(format!("result_code FAIL, {}", fail.code)))
}

/// An explicit failure.
struct Fail<'a> {
    /// As it came.
    code: &'a str,
    /// Without `_`.
    word: String,
    message: &'a str,
}

impl Fail<'_> {
    /// Words for "not now", or "perhaps".
    fn is_passing(&self) -> bool {
        matches!(
            self.word.as_str(),
            "SYSTEMERROR"
                | "BANKERROR"
                | "BIZERRNEEDRETRY"
                | "FREQUENCYLIMITED"
                | "INVALIDREQTOOMUCH"
        )
    }

    fn refused(&self, kind: RefusalKind) -> Option<Outcome> {
        let message = if self.message.is_empty() { self.code } else { self.message };
        let (code, message) = (self.code.to_owned(), message.to_owned());
        Some(Outcome::Refused(Refusal { kind, code, message }))
    }

    /// Words about the request or the account: nothing was looked at, let alone done.
    fn of_request(&self) -> Option<Outcome> {
        match self.word.as_str() {
            "NOAUTH" | "APPIDNOTEXIST" | "MCHIDNOTEXIST" | "APPIDMCHIDNOTMATCH" => {
                self.refused(RefusalKind::NotSupported)
            }
            "SIGNERROR" | "XMLFORMATERROR" | "REQUIREPOSTMETHOD" | "POSTDATAEMPTY" | "NOTUTF8"
            | "PARAMERROR" | "LACKPARAMS" => self.refused(RefusalKind::Business),
            _ => None,
        }
    }

    fn is_repetition(&self) -> bool {
        self.word == "OUTTRADENOUSED"
            || self.word == "INVALIDREQUEST" && self.message.contains("订单号重复")
    }

    fn of_order(&self) -> Option<Outcome> {
        match self.word.as_str() {
            "ORDERPAID" => Some(Outcome::PaidElsewhere),
            "ORDERCLOSED" | "ORDERREVERSED" => self.refused(RefusalKind::NumberUsed),
            _ if self.is_repetition() => self.refused(RefusalKind::NumberUsed),
            "INVALIDREQUEST" | "NOTENOUGH" => self.refused(RefusalKind::Business),
            _ => self.of_request(),
        }
    }

    fn of_barcode(&self) -> Option<Outcome> {
        match self.word.as_str() {
            "USERPAYING" => Some(Outcome::Unpaid { is_acting: true }),
            "ORDERPAID" => Some(Outcome::PaidElsewhere),
            "ORDERCLOSED" => Some(Outcome::Closed),
            "ORDERREVERSED" => Some(Outcome::Reversed),
            // An earlier attempt under our number, whose end only a query tells.
            _ if self.is_repetition() => None,
            "AUTHCODEEXPIRE" | "AUTHCODEERROR" | "AUTHCODEINVALID" => {
                self.refused(RefusalKind::CodeUsed)
            }
            "NOTENOUGH" | "NOTSUPORTCARD" | "BUYERMISMATCH" | "TRADEERROR" | "INVALIDREQUEST" => {
                self.refused(RefusalKind::Business)
            }
            _ => self.of_request(),
        }
    }

    fn of_query(&self) -> Option<Outcome> {
        (self.word == "ORDERNOTEXIST").then_some(Outcome::NotFound)
    }

    fn of_close(&self) -> Option<Outcome> {
        match self.word.as_str() {
            "ORDERPAID" => Some(Outcome::PaidElsewhere),
            "ORDERCLOSED" => Some(Outcome::Closed),
            "ORDERREVERSED" => Some(Outcome::Reversed),
            "ORDERNOTEXIST" => Some(Outcome::NotFound),
            _ => None,
        }
    }

    /// `recall` Y: it must be asked again, whatever the word.
    fn of_reverse(&self, recall: &str) -> Result<Option<Outcome>, Doubt> {
        if recall == "Y" {
            return Err(Doubt::Busy(format!("recall, {}", self.code)));
        }
        Ok(match self.word.as_str() {
            "REVERSEEXPIRE" => self.refused(RefusalKind::TooLate),
            "ORDERREVERSED" => Some(Outcome::Reversed),
            "ORDERNOTEXIST" => Some(Outcome::NotFound),
            _ => None,
        })
    }

    fn of_refund(&self) -> Option<Outcome> {
        // One word for many refusals; its text tells these apart.
        let is_nothing_left =
            ["已全额退款", "累计退款金额"].iter().any(|text| self.message.contains(text));
        match self.word.as_str() {
            "NOTENOUGH" => self.refused(RefusalKind::BalanceTooLow),
            "TRADEOVERDUE" => self.refused(RefusalKind::TooLate),
            "REFUNDFEEMISMATCH" => self.refused(RefusalKind::NumberUsed),
            "ERROR" if is_nothing_left => self.refused(RefusalKind::NothingLeft),
            "ERROR"
            | "USERACCOUNTABNORMAL"
            | "INVALIDTRANSACTIONID"
            | "ORDERNOTEXIST"
            | "CERTERROR" => self.refused(RefusalKind::Business),
            _ => self.of_request(),
        }
    }

    fn of_refund_query(&self) -> Option<Outcome> {
        (self.word == "REFUNDNOTEXIST").then_some(Outcome::NotFound)
    }
}

//! What a verified error says (manual: 错误码). The same word comes with and without `_`.
//!
//! A word that is not known to be final refuses nothing where money may have moved.

use kernel::product::Product;
use serde_json::Value;

use super::wire;
use crate::{Doubt, Op, Outcome, Refusal, RefusalKind};

/// What the error `body`, which came with `status`, says about `op`.
///
/// # Errors
/// It says nothing, or asks to try again.
pub(super) fn read(op: &Op, status: u16, body: &Value) -> Result<Outcome, Doubt> {
    let code = wire::text(body, "/code").ok_or_else(|| wire::unreadable("code"))?;
    let message = wire::text(body, "/message").unwrap_or_default();
    let error = Error { status, code, word: code.replace('_', ""), message };
    if error.is_passing() {
        return Err(Doubt::Busy(code.to_owned()));
    }
    match op {
        Op::Place(place) if place.product == Product::Micropay => error.of_barcode(),
        Op::Place(_) => error.of_order(),
        Op::Query(_) | Op::Close(_) => error.of_standing(),
        Op::Reverse(_) => error.of_reversal(),
        Op::Refund(_) => error.of_refund(),
        Op::QueryRefund(_) => match error.word.as_str() {
            "RESOURCENOTEXISTS" | "REFUNDNOTEXIST" => Ok(Outcome::NotFound),
            _ => Err(error.doubt()),
        },
        Op::Rates | Op::Keys => Err(error.doubt()),
    }
}

struct Error<'a> {
    status: u16,
    code: &'a str,
    /// The code without `_`.
    word: String,
    message: &'a str,
}

impl Error<'_> {
    /// Words for "not now", which may come with any status.
    fn is_passing(&self) -> bool {
        matches!(
            self.word.as_str(),
            "SYSTEMERROR"
                | "BANKERROR"
                | "FREQUENCYLIMITED"
                | "RATELIMITEXCEEDED"
                | "SERVICEUNAVAILABLE"
                | "BIZERRNEEDRETRY"
                | "INVALIDREQTOOMUCH"
        )
    }

    fn doubt(&self) -> Doubt {
        Doubt::Unreadable(format!("HTTP {} {}", self.status, self.code))
    }

    fn refused(&self, kind: RefusalKind) -> Outcome {
        let (code, message) = (self.code.to_owned(), self.message.to_owned());
        Outcome::Refused(Refusal { kind, code, message })
    }

    /// Refused if the word is final.
    fn final_refusal(&self) -> Result<Outcome, Doubt> {
        self.kind().map(|kind| self.refused(kind)).ok_or_else(|| self.doubt())
    }

    /// An order that a payer has yet to pay: whatever refuses it, nothing has moved.
    fn of_order(&self) -> Result<Outcome, Doubt> {
        match self.word.as_str() {
            "ORDERPAID" => Ok(Outcome::PaidElsewhere),
            "ORDERNOTEXIST" => Err(self.doubt()),
            "ORDERCLOSED" => Ok(self.refused(RefusalKind::NumberUsed)),
            _ => Ok(self.refused(self.kind().unwrap_or(RefusalKind::Business))),
        }
    }

    fn of_barcode(&self) -> Result<Outcome, Doubt> {
        match self.word.as_str() {
            "ORDERPAID" => Ok(Outcome::PaidElsewhere),
            "ORDERREVERSED" => Ok(Outcome::Reversed),
            "USERPAYING" => Ok(Outcome::Unpaid { is_acting: true }),
            "ORDERCLOSED" => Ok(self.refused(RefusalKind::NumberUsed)),
            "AUTHCODEEXPIRE" | "AUTHCODEEXPIRED" | "AUTHCODEERROR" | "AUTHCODEINVALID" => {
                Ok(self.refused(RefusalKind::CodeUsed))
            }
            // The payer's purse.
            "NOTENOUGH" => Ok(self.refused(RefusalKind::Business)),
            _ => self.final_refusal(),
        }
    }

    fn of_standing(&self) -> Result<Outcome, Doubt> {
        match self.word.as_str() {
            "ORDERPAID" => Ok(Outcome::PaidElsewhere),
            "ORDERCLOSED" => Ok(Outcome::Closed),
            "ORDERREVERSED" => Ok(Outcome::Reversed),
            "ORDERNOTEXIST" => Ok(Outcome::NotFound),
            _ => Err(self.doubt()),
        }
    }

    fn of_reversal(&self) -> Result<Outcome, Doubt> {
        match self.word.as_str() {
            "ORDERCLOSED" => Ok(Outcome::Closed),
            "ORDERREVERSED" => Ok(Outcome::Reversed),
            "ORDERNOTEXIST" => Ok(Outcome::NotFound),
            "REVERSEEXPIRE" => Ok(self.refused(RefusalKind::TooLate)),
            "NOTENOUGH" => Ok(self.refused(RefusalKind::BalanceTooLow)),
            _ => self.final_refusal(),
        }
    }

    fn of_refund(&self) -> Result<Outcome, Doubt> {
        match self.word.as_str() {
            "NOTENOUGH" => Ok(self.refused(RefusalKind::BalanceTooLow)),
            "TRADEOVERDUE" => Ok(self.refused(RefusalKind::TooLate)),
            "REFUNDFEEMISMATCH" => Ok(self.refused(RefusalKind::NumberUsed)),
            "INVALIDREQUEST" | "ERROR" if self.message.contains("已全额退款") => {
                Ok(self.refused(RefusalKind::NothingLeft))
            }
            "ORDERNOTEXIST" | "RESOURCENOTEXISTS" => Ok(self.refused(RefusalKind::Business)),
            _ => self.final_refusal(),
        }
    }

    /// What a word means whose request was certainly not carried out.
    fn kind(&self) -> Option<RefusalKind> {
        // One word stands for many faults of a request; its message tells these apart.
        let is_repeated = ["订单号重复", "首次", "之前请求不一致"]
            .iter()
            .any(|words| self.message.contains(words));
        Some(match self.word.as_str() {
            "OUTTRADENOUSED" => RefusalKind::NumberUsed,
            "INVALIDREQUEST" if is_repeated => RefusalKind::NumberUsed,
            "NOAUTH" | "APPIDMCHIDNOTMATCH" | "MCHNOTEXISTS" => RefusalKind::NotSupported,
            "INVALIDREQUEST"
            | "PARAMERROR"
            | "SIGNERROR"
            | "TRADEERROR"
            | "RULELIMIT"
            | "ACCOUNTERROR"
            | "USERACCOUNTABNORMAL"
            | "USERNOTEXISTS"
            | "OPENIDMISMATCH"
            | "BUYERMISMATCH"
            | "NOTSUPORTCARD" => RefusalKind::Business,
            _ => return None,
        })
    }
}

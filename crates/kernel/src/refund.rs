//! A refund: money that goes back to the payer of one attempt. It is reserved before the upstream
//! hears of it, and released only when the upstream has said that it will not be done.

use crate::id::{AppId, Id, MchId, Sn};
use crate::money::Money;
use crate::scheme::Signing;
use crate::time::Timestamp;

/// Money to be given back, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Row id; `refund_id` of the merchant API is its `sn`.
    pub id: Id,
    /// The merchant.
    pub mch_id: MchId,
    /// The application that asked for it.
    pub app_id: AppId,
    /// The order.
    pub order_id: Id,
    /// The attempt that was paid.
    pub attempt_no: i64,
    /// The merchant's number, or one of ours. Unique per merchant.
    pub out_refund_no: String,
    /// Who asked for it.
    pub cause: RefundCause,
    /// Where it stands.
    pub state: RefundState,
    /// Counts changes.
    pub rev: i64,
    /// How much.
    pub amount: Money,
    /// Why, for the payer; may be empty.
    pub reason: String,
    /// How its request was signed; answers are signed alike.
    pub sign_form: Signing,
    /// What the upstream said once it was done.
    pub done: Option<RefundDone>,
    /// When it was asked for; again, when it was asked for once more after a refusal.
    pub created_at: Timestamp,
}

impl Refund {
    /// Our number for it: `refund_id` of the merchant API, and what the upstream is given.
    pub fn refund_no(&self) -> Sn {
        self.id.sn()
    }
}

/// What an upstream said of a refund that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundDone {
    /// The upstream's own number, or empty.
    pub upstream_no: String,
    /// What the payer gets in their currency.
    pub cash: Money,
    /// The exchange rate as the upstream spells it, or empty.
    pub rate: String,
    /// When, by the upstream's clock.
    pub at: Timestamp,
}

/// Who asked for a refund.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum RefundCause {
    /// The merchant.
    Merchant,
    /// The merchant reversed a paid order: with this refund it becomes REVOKED.
    Reversal,
    /// Nobody: the order did not want the money, which came late or a second time. It was never the
    /// merchant's, and goes back until it has gone.
    Surplus,
}

impl RefundCause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Merchant, Self::Reversal, Self::Surplus];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Reversal => "reversal",
            Self::Surplus => "surplus",
        }
    }

    /// Reads [`RefundCause::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// Where a refund stands.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum RefundState {
    /// Owed to the payer; the upstream has not been asked.
    Due,
    /// Reserved; the upstream was asked or is about to be, and has not ended it.
    Asking,
    /// The money went back.
    Done,
    /// The upstream will not do it; what was reserved is released.
    Closed,
    /// The upstream cannot finish it by itself, or refuses what is owed: a person must act there. It
    /// stays reserved.
    Stuck,
}

impl RefundState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Due, Self::Asking, Self::Done, Self::Closed, Self::Stuck];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Asking => "asking",
            Self::Done => "done",
            Self::Closed => "closed",
            Self::Stuck => "stuck",
        }
    }

    /// Reads [`RefundState::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// `refund_status` of the merchant API (contract section 6).
    pub fn status(self) -> &'static str {
        match self {
            Self::Due | Self::Asking => "PROCESSING",
            Self::Done => "SUCCESS",
            Self::Closed => "REFUNDCLOSE",
            Self::Stuck => "CHANGE",
        }
    }

    /// The states behind a word of `refund_status`; none for what is no such word.
    pub fn of_status(word: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|state| state.status() == word).collect()
    }

    /// Whether there is something left to do for it. One that is stuck is asked about too: a person may
    /// have finished it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Due | Self::Asking | Self::Stuck)
    }

    /// The table of allowed moves. A refusal ends a refund; the merchant may ask for it again under the
    /// same number.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Due => next == Self::Asking,
            Self::Asking => matches!(next, Self::Done | Self::Closed | Self::Stuck),
            Self::Stuck => matches!(next, Self::Done | Self::Closed),
            Self::Closed => next == Self::Asking,
            Self::Done => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::money::Currency;

    /// A fresh refund of 3.14 for the tests of this crate.
    pub(crate) fn a_refund() -> Refund {
        let at = Timestamp::from_seconds(1_795_320_005);
        Refund {
            id: Id(7),
            mch_id: MchId(10_502_105_689_001),
            app_id: AppId(1_000_258),
            order_id: Id(6),
            attempt_no: 1,
            out_refund_no: "R1".into(),
            cause: RefundCause::Merchant,
            state: RefundState::Due,
            rev: 1,
            amount: Money::new(314, Currency::Cny),
            reason: String::new(),
            sign_form: crate::order::SignForm::Version2.into(),
            done: None,
            created_at: at,
        }
    }

    #[test]
    fn words_are_read_back() {
        for state in RefundState::ALL {
            assert_eq!(RefundState::from_word(state.word()), Some(state));
        }
        for cause in RefundCause::ALL {
            assert_eq!(RefundCause::from_word(cause.word()), Some(cause));
        }
    }

    #[test]
    fn what_is_done_stays_done() {
        for next in RefundState::ALL {
            assert!(!RefundState::Done.may_become(next));
        }
    }
}

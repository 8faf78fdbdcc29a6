//! The states of an order and the moves between them (contract section 5).

/// `trade_state` of an order.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TradeState {
    /// Waiting for the payer.
    NotPay,
    /// The payer is at it; the outcome is unknown.
    UserPaying,
    /// The attempt failed; barcode payments only, final.
    PayError,
    /// Paid, also while partly refunded.
    Success,
    /// Refunded in full.
    Refund,
    /// Closed by the merchant, or expired.
    Closed,
    /// Reversed.
    Revoked,
}

impl TradeState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::NotPay,
        Self::UserPaying,
        Self::PayError,
        Self::Success,
        Self::Refund,
        Self::Closed,
        Self::Revoked,
    ];

    /// The word of the merchant API and of the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::UserPaying => "USERPAYING",
            Self::PayError => "PAYERROR",
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
            Self::Closed => "CLOSED",
            Self::Revoked => "REVOKED",
        }
    }

    /// Reads [`TradeState::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// `status` of the merchant API: 1 unpaid, 2 paid, 3 refunded, 4 closed.
    pub fn status(self) -> i64 {
        match self {
            Self::NotPay | Self::UserPaying | Self::PayError => 1,
            Self::Success => 2,
            Self::Refund => 3,
            Self::Closed | Self::Revoked => 4,
        }
    }

    /// Whether the payer can still pay.
    pub fn is_open(self) -> bool {
        matches!(self, Self::NotPay | Self::UserPaying)
    }

    /// Whether the order's money is with us, in full or in part.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Success | Self::Refund)
    }

    /// The table of allowed moves. Late money (an order that is CLOSED, PAYERROR or REVOKED and
    /// whose application honours late payments) is the only way out of those three.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::NotPay => !matches!(next, Self::NotPay | Self::Refund),
            Self::UserPaying => !matches!(next, Self::NotPay | Self::UserPaying | Self::Refund),
            Self::Success => matches!(next, Self::Refund | Self::Revoked),
            Self::Closed | Self::PayError | Self::Revoked => matches!(next, Self::Success),
            Self::Refund => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for state in TradeState::ALL {
            assert_eq!(TradeState::from_word(state.word()), Some(state));
        }
        assert_eq!(TradeState::from_word("success"), None);
    }

    #[test]
    fn the_table_is_section_five_of_the_contract() {
        use TradeState::{Closed, NotPay, PayError, Refund, Revoked, Success, UserPaying};
        let allowed = [
            (NotPay, UserPaying),
            (NotPay, Success),
            (NotPay, Closed),
            (NotPay, PayError),
            (NotPay, Revoked),
            (UserPaying, Success),
            (UserPaying, Closed),
            (UserPaying, PayError),
            (UserPaying, Revoked),
            (Success, Refund),
            (Success, Revoked),
            (Closed, Success),
            (PayError, Success),
            (Revoked, Success),
        ];
        for from in TradeState::ALL {
            for to in TradeState::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} {to:?}");
            }
        }
    }
}

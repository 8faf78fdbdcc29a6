//! What a payer's page is about, decided by the order's state and the clock.

use kernel::state::TradeState;

use super::marks::Sign;
use super::texts::TEXTS;
use super::{View, Way};
use crate::language::Text;

/// What the page is about.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// The payer can pay.
    Pay,
    /// The time is over, and nobody has said how it ended.
    Checking,
    /// Paid.
    Paid,
    /// Closed before its time.
    Closed,
    /// Closed because its time was over.
    Expired,
    /// The attempt failed.
    Failed,
    /// Refunded in full.
    Refunded,
    /// Reversed.
    Revoked,
}

impl Stage {
    /// The stage of a view. An open order whose time is over is neither paid nor closed until
    /// somebody says so: the payer is asked to wait, not to pay.
    pub(crate) fn of(view: &View<'_>) -> Self {
        let is_over = view.now >= view.expires_at;
        match view.state {
            TradeState::NotPay | TradeState::UserPaying if is_over => Self::Checking,
            TradeState::NotPay | TradeState::UserPaying => Self::Pay,
            TradeState::PayError => Self::Failed,
            TradeState::Success => Self::Paid,
            TradeState::Refund => Self::Refunded,
            TradeState::Closed if is_over => Self::Expired,
            TradeState::Closed => Self::Closed,
            TradeState::Revoked => Self::Revoked,
        }
    }

    /// Whether the payer has nothing more to wait for.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Pay | Self::Checking)
    }

    /// The big words, which are also what a screen reader is told when they change. An order of a
    /// page is USERPAYING from its first moment: before its button there is nothing to wait for.
    pub(crate) fn heading(self, view: &View<'_>) -> &'static str {
        let is_linked =
            matches!(view.way, Way::Open { .. } | Way::Call { .. } | Way::Outside { .. });
        view.language.of(match self {
            Self::Pay if view.state == TradeState::UserPaying && !is_linked => TEXTS.wait,
            Self::Pay => TEXTS.title,
            Self::Checking => TEXTS.checking,
            Self::Paid => TEXTS.paid,
            Self::Closed => TEXTS.closed,
            Self::Expired => TEXTS.expired,
            Self::Failed => TEXTS.failed,
            Self::Refunded => TEXTS.refunded,
            Self::Revoked => TEXTS.revoked,
        })
    }

    /// The sentence below them.
    pub(crate) fn hint(self) -> Text {
        match self {
            Self::Pay => TEXTS.wait_hint,
            Self::Checking => TEXTS.checking_hint,
            Self::Paid => TEXTS.paid_hint,
            Self::Closed | Self::Expired => TEXTS.closed_hint,
            Self::Failed => TEXTS.failed_hint,
            Self::Refunded => TEXTS.refunded_hint,
            Self::Revoked => TEXTS.revoked_hint,
        }
    }

    /// The sign above them.
    pub(crate) fn sign(self) -> Sign {
        match self {
            Self::Pay | Self::Checking => Sign::Unknown,
            Self::Paid => Sign::Done,
            Self::Refunded | Self::Revoked => Sign::Back,
            Self::Closed | Self::Expired => Sign::Over,
            Self::Failed => Sign::Alert,
        }
    }
}

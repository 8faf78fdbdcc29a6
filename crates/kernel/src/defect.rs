//! Seeded defects: known ways to break a guarantee, each standing where a careless change would put
//! it, so that `cargo x mutants` can show which test catches it.
//!
//! They exist only under the feature `seeded-defects`, which nothing but `cargo x mutants` builds
//! with. Without it [`is_seeded`] is a constant `false`, and no trace of them is in the program.

#[cfg(feature = "seeded-defects")]
use std::sync::OnceLock;

/// A way to be broken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Defect {
    /// A write is acknowledged before its commit.
    AckBeforeCommit,
    /// A merchant's number may be used twice.
    NoUniqueIndex,
    /// The notice is written after the commit of what it tells.
    NoticeAfterCommit,
    /// A callback's amount is believed.
    NoAmountCheck,
    /// The lease on a notice ends before its delivery can.
    LeaseTooShort,
    /// Redirects of merchants' servers are followed.
    RedirectFollowed,
    /// The address literal of a URL is not judged.
    LiteralUnchecked,
    /// Of two JSON members with one name the last counts.
    DuplicateNameLastWins,
    /// What is in doubt becomes closed when its time is over.
    DoubtEndsByTimer,
    /// A fee is rounded twice.
    FeeRoundedTwice,
    /// A signed text may be cut in more than one way.
    UniqueParseOff,
    /// A state is written whatever state was read.
    StateWithoutExpectation,
}

impl Defect {
    /// Every defect with the name that `JUBAO_DEFECT` gives it.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::AckBeforeCommit, "ack-before-commit"),
        (Self::NoUniqueIndex, "no-unique-index"),
        (Self::NoticeAfterCommit, "notice-after-commit"),
        (Self::NoAmountCheck, "no-amount-check"),
        (Self::LeaseTooShort, "lease-too-short"),
        (Self::RedirectFollowed, "redirect-followed"),
        (Self::LiteralUnchecked, "literal-unchecked"),
        (Self::DuplicateNameLastWins, "duplicate-name-last-wins"),
        (Self::DoubtEndsByTimer, "doubt-ends-by-timer"),
        (Self::FeeRoundedTwice, "fee-rounded-twice"),
        (Self::UniqueParseOff, "unique-parse-off"),
        (Self::StateWithoutExpectation, "state-without-expectation"),
    ];

    /// The defect of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(defect, _)| defect)
    }
}

#[cfg(feature = "seeded-defects")]
static SEEDED: OnceLock<Defect> = OnceLock::new();

/// Breaks the program in one way, from here on.
#[cfg(feature = "seeded-defects")]
pub fn seed(defect: Defect) {
    // The first one stays: a process has one defect at most.
    let _ = SEEDED.set(defect);
}

/// Whether the program is broken in this way.
#[cfg(feature = "seeded-defects")]
pub fn is_seeded(defect: Defect) -> bool {
    SEEDED.get() == Some(&defect)
}

/// Whether the program is broken in this way: it is not.
#[cfg(not(feature = "seeded-defects"))]
#[inline(always)]
pub const fn is_seeded(_: Defect) -> bool {
    false
}

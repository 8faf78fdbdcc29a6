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
    /// The addresses that a name leads to are not judged.
    ResolvedUnjudged,
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
    /// A refund is asked for before it is reserved.
    RefundBeforeReservation,
    /// A refund without an answer is taken for refused.
    RefundDoubtFails,
    /// Each question about a refund carries a new number.
    RefundNumberChanges,
    /// A refund may be all that was paid, whatever has gone back before.
    RefundAboveLeft,
    /// A barcode that was not answered for is taken for failed.
    CodeDoubtFails,
    /// An order is reversed although its upstream has not said so.
    ReversalBelieved,
    /// Money that an order does not want is not refunded.
    SurplusKept,
}

/// A defect's name and story.
#[derive(Copy, Clone, Debug)]
pub struct Row {
    /// The defect.
    pub defect: Defect,
    /// What `JUBAO_DEFECT` calls it.
    pub name: &'static str,
    /// What a program that has it does.
    pub breaks: &'static str,
    /// The integration test that fails with it.
    pub caught_by: &'static str,
}

/// Every defect.
pub const ALL: [Row; 20] = [
    Row {
        defect: Defect::AckBeforeCommit,
        name: "ack-before-commit",
        breaks: "answers a write while its commit is still to come: what a kill takes was promised",
        caught_by: "crash::points",
    },
    Row {
        defect: Defect::NoUniqueIndex,
        name: "no-unique-index",
        breaks: "keeps a merchant's numbers in an index that is not unique: one number, two orders",
        caught_by: "repeat::fifty_equal_orders_at_once_are_one_order",
    },
    Row {
        defect: Defect::NoticeAfterCommit,
        name: "notice-after-commit",
        breaks: "writes a notice in a transaction of its own, after the payment's: a kill between \
                 them and the merchant is never told",
        caught_by: "crash::points",
    },
    Row {
        defect: Defect::NoAmountCheck,
        name: "no-amount-check",
        breaks: "believes the amount of a callback that the upstream has signed",
        caught_by: "callbacks::a_callback_that_does_not_match_changes_nothing_and_is_seen",
    },
    Row {
        defect: Defect::LeaseTooShort,
        name: "lease-too-short",
        breaks: "lets the lease on a notice end while its delivery is under way: it is sent twice",
        caught_by: "lanes::a_slow_answer_is_waited_for_and_its_notice_is_sent_once",
    },
    Row {
        defect: Defect::RedirectFollowed,
        name: "redirect-followed",
        breaks: "follows a redirect of a merchant's server, which may lead inside",
        caught_by: "guard::a_redirect_to_any_form_is_not_followed",
    },
    Row {
        defect: Defect::LiteralUnchecked,
        name: "literal-unchecked",
        breaks: "judges the addresses that names resolve to, but not one written in the URL",
        caught_by: "guard::no_form_of_an_inside_address_is_ordered_or_connected_to",
    },
    Row {
        defect: Defect::ResolvedUnjudged,
        name: "resolved-unjudged",
        breaks: "judges an address that is written in the URL, but not those that a name leads to",
        caught_by: "guard::a_name_is_judged_by_where_it_leads_when_we_connect",
    },
    Row {
        defect: Defect::DuplicateNameLastWins,
        name: "duplicate-name-last-wins",
        breaks: "reads a JSON object that has a name twice, and lets the last one win",
        caught_by: "merchant_api::what_cannot_be_read_has_its_code",
    },
    Row {
        defect: Defect::DoubtEndsByTimer,
        name: "doubt-ends-by-timer",
        breaks: "closes an expired order although its upstream has not answered",
        caught_by: "expiry::an_expired_order_stays_open_until_its_upstream_has_answered",
    },
    Row {
        defect: Defect::FeeRoundedTwice,
        name: "fee-rounded-twice",
        breaks: "rounds a fee to tenths of a fen, and then again to a fen",
        caught_by: "payments::a_fee_is_rounded_once",
    },
    Row {
        defect: Defect::UniqueParseOff,
        name: "unique-parse-off",
        breaks: "admits a signed text that can be cut into other names and values",
        caught_by: "merchant_checks::a_text_that_can_be_cut_otherwise_is_refused",
    },
    Row {
        defect: Defect::StateWithoutExpectation,
        name: "state-without-expectation",
        breaks: "writes a state over whatever revision is there: of two changes one is lost",
        caught_by: "repeat::closing_and_paying_at_once_ends_in_one_truth",
    },
    Row {
        defect: Defect::RefundBeforeReservation,
        name: "refund-before-reservation",
        breaks: "asks the upstream for a refund before its reservation is committed: a kill \
                 between them and money has gone that nobody here knows of",
        caught_by: "crash::points",
    },
    Row {
        defect: Defect::RefundDoubtFails,
        name: "refund-doubt-fails",
        breaks: "takes silence about a refund for a refusal: what was reserved is released, \
                 and the money may be gone",
        caught_by: "refunds::a_refund_whose_answer_was_lost_is_done_once",
    },
    Row {
        defect: Defect::RefundNumberChanges,
        name: "refund-number-changes",
        breaks: "asks about a refund, and for it again, under another number: an upstream \
                 may do it twice",
        caught_by: "refunds::a_refund_whose_answer_was_lost_is_done_once",
    },
    Row {
        defect: Defect::RefundAboveLeft,
        name: "refund-above-left",
        breaks: "compares a refund with what was paid, not with what is left: of two both are taken",
        caught_by: "refunds::of_fifty_refunds_at_once_only_as_much_as_was_paid_goes_back",
    },
    Row {
        defect: Defect::CodeDoubtFails,
        name: "code-doubt-fails",
        breaks: "takes a barcode's timeout for a failure: the payer may have been charged",
        caught_by: "barcodes::every_outcome_ends_where_the_upstream_says",
    },
    Row {
        defect: Defect::ReversalBelieved,
        name: "reversal-believed",
        breaks: "calls an order reversed whatever its upstream said: the payer may still be \
                 charged",
        caught_by: "barcodes::a_reversal_counts_only_when_the_upstream_has_said_so",
    },
    Row {
        defect: Defect::SurplusKept,
        name: "surplus-kept",
        breaks: "books money that came late or twice, and does not give it back",
        caught_by: "late::late_money_is_given_back_and_the_order_stays_closed",
    },
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_defect() {
        for (at, row) in ALL.iter().enumerate() {
            assert!(ALL[at + 1..].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(ALL[at + 1..].iter().all(|other| other.defect != row.defect), "{}", row.name);
        }
    }
}

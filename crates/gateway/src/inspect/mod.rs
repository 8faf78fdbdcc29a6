//! The invariants of docs/INVARIANTS.md, as far as a database alone can tell: pure rules over an order
//! with all that belongs to it, and over a merchant's feed. `jubao admin check` asks them of a whole
//! store, the voyage and the crash harness of every order that they have made.
//!
//! A rule says what is wrong, never what would do: whoever reads it decides.

mod books;
mod history;
mod notices;
mod refunds;
mod walk;

use std::fmt;

use kernel::money::Money;
use kernel::order::AttemptState;
use kernel::refund::{Refund, RefundCause};
use store::inspect::{Dossier, FeedLink};

pub use self::walk::{Finding, News, Walked, walk};
use crate::inspect::notices::names_another;

/// An invariant, by its number in docs/INVARIANTS.md.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Invariant {
    /// What was acknowledged stands.
    I1,
    /// One order for a number.
    I2,
    /// Paid and booked are the same.
    I3,
    /// Debits equal credits.
    I4,
    /// Books and histories only grow.
    I5,
    /// No balance is below nothing.
    I6,
    /// No more goes back than was paid.
    I7,
    /// States move along the table, without a gap.
    I8,
    /// What was told is what was committed.
    I9,
    /// Each payment has its notice.
    I10,
    /// All attempts of a notice are of that notice.
    I11,
    /// The audit log's chain verifies.
    I12,
    /// The same number finds the same order.
    I14,
    /// What is in doubt is asked about.
    I15,
}

impl fmt::Display for Invariant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// Something that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What should.
    pub invariant: Invariant,
    /// What is instead, in numbers and states; nothing that a payer or a merchant wrote.
    pub what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.invariant, self.what)
    }
}

/// What a rule has found, or not.
type Found = Vec<Wrong>;

/// Every rule over one order, each by itself.
const RULES: [fn(&Dossier) -> Found; 13] = [
    history::gapless,
    history::along_the_table,
    history::ends_where_the_order_is,
    history::asked_about,
    books::balanced,
    books::written_with_a_change,
    books::paid_is_booked,
    books::never_below_nothing,
    refunds::reserved_is_what_lives,
    refunds::of_a_payment,
    refunds::surplus_goes_back,
    notices::one_for_a_payment,
    notices::as_it_was,
];

/// Everything that is wrong with an order, as far as its own rows can tell.
pub fn wrongs(dossier: &Dossier) -> Vec<Wrong> {
    RULES.iter().flat_map(|rule| rule(dossier)).collect()
}

/// Everything that is wrong with an event of a feed, whose predecessor has the number `before`.
pub fn feed_wrongs(before: i64, link: &FeedLink) -> Vec<Wrong> {
    let seq = link.event.seq;
    let names = |(number, fee): &(String, i64)| {
        let sn = link.event.order_id.sn();
        names_another(&link.event.facts, (sn.as_str(), number, *fee))
    };
    let mut found = Vec::new();
    wrong_if(&mut found, seq != before + 1, Invariant::I9, || {
        format!("event {seq} of the feed comes after {before}")
    });
    match link.order.as_ref() {
        None => wrong_if(&mut found, true, Invariant::I9, || {
            format!("event {seq} of the feed tells of an order that there is not")
        }),
        Some(order) => {
            wrong_if(&mut found, !link.has_change, Invariant::I9, || {
                format!("event {seq} of the feed was written without a change of its order")
            });
            if let Some(name) = names(order) {
                wrong_if(&mut found, true, Invariant::I9, || {
                    format!("event {seq} of the feed tells another {name} than its order has")
                });
            }
        }
    }
    found
}

fn wrong_if(found: &mut Found, is_so: bool, invariant: Invariant, what: impl FnOnce() -> String) {
    if is_so {
        found.push(Wrong { invariant, what: what() });
    }
}

/// How many attempts are in `state`.
fn attempts_in(dossier: &Dossier, state: AttemptState) -> i64 {
    let count = dossier.attempts.iter().filter(|attempt| attempt.state == state).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Refunds of the order's own payment: what the merchant asked for, and what a reversal gave back.
fn of_payment(dossier: &Dossier) -> impl Iterator<Item = &Refund> {
    dossier.refunds.iter().filter(|refund| refund.cause != RefundCause::Surplus)
}

/// The sum of amounts that may be nonsense.
fn sum<'a>(amounts: impl Iterator<Item = &'a Money>) -> i128 {
    amounts.map(|amount| i128::from(amount.minor)).sum()
}

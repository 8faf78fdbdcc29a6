//! The ledger of one order. I3: what is called paid is booked once, at its amount; I4: each posting
//! balances, and is whole; I6: at no moment is a book below nothing.

use std::collections::BTreeMap;

use kernel::ledger::{Book, Entry, is_balanced};
use kernel::money::Money;
use kernel::order::AttemptState;
use kernel::refund::RefundState;
use kernel::state::TradeState;
use store::inspect::Dossier;
use store::ledger::LedgerRow;

use super::{Found, Invariant, attempts_in, sum, wrong_if};

/// Each posting's lines are 1, 2, …, in the order's currency, and balance.
pub(super) fn balanced(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    for (posting, lines) in postings(dossier) {
        let is_whole = (1..).zip(&lines).all(|(number, row): (i64, _)| row.line == number);
        wrong_if(&mut found, !is_whole, Invariant::I4, || {
            let has: Vec<_> = lines.iter().map(|row| row.line).collect();
            format!("posting {posting} has the lines {has:?}")
        });
        let entries: Vec<Entry> = lines.iter().map(|row| row.entry).collect();
        wrong_if(&mut found, !is_balanced(&entries), Invariant::I4, || {
            format!("posting {posting} does not balance: {}", shown(&lines))
        });
        let currency = dossier.order.currency;
        let is_foreign = lines.iter().any(|row| row.entry.amount.currency != currency);
        wrong_if(&mut found, is_foreign, Invariant::I4, || {
            format!("posting {posting} is not in {} alone", currency.code())
        });
    }
    found
}

/// Each posting was written with a change of the order, at its time, and stands on its day.
pub(super) fn written_with_a_change(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    for (posting, lines) in postings(dossier) {
        let change = dossier.history.iter().find(|event| event.batch_id == posting);
        let is_of_it = change.is_some_and(|event| {
            lines.iter().all(|row| row.at == event.at && row.kind == event.event)
        });
        wrong_if(&mut found, !is_of_it, Invariant::I4, || {
            format!("posting {posting} was written without a change of the order")
        });
        let is_dated = lines.iter().all(|row| row.business_date == row.at.business_date());
        wrong_if(&mut found, !is_dated, Invariant::I4, || {
            format!("posting {posting} stands on another day than it was written")
        });
    }
    found
}

/// The payment is there if the state says so, and the books hold what attempts and refunds say.
pub(super) fn paid_is_booked(dossier: &Dossier) -> Found {
    let order = &dossier.order;
    let (gross, state) = (order.pay_amount(), order.state);
    let mut found = Vec::new();
    let has_payment = order.payment.is_some();
    let is_right = match state {
        TradeState::Success | TradeState::Refund => has_payment,
        // What was reversed may have been paid.
        TradeState::Revoked => true,
        TradeState::NotPay | TradeState::UserPaying | TradeState::PayError | TradeState::Closed => {
            !has_payment
        }
    };
    wrong_if(&mut found, !is_right, Invariant::I3, || {
        let has = if has_payment { "a" } else { "no" };
        format!("it is {}, and has {has} payment", state.word())
    });
    let is_amount = order.payment.as_ref().is_none_or(|payment| payment.amount == gross);
    wrong_if(&mut found, !is_amount, Invariant::I3, || {
        format!("its payment is not of {gross}, which it asks for")
    });
    let paid = attempts_in(dossier, AttemptState::Paid);
    wrong_if(&mut found, paid != i64::from(has_payment), Invariant::I3, || {
        let has = if has_payment { "one payment" } else { "no payment" };
        format!("{paid} of its attempts are paid, and it has {has}")
    });
    let told = order.payment.as_ref().map(|payment| payment.transaction_id.as_str());
    let attempt = dossier.attempts.iter().find(|attempt| attempt.state == AttemptState::Paid);
    let is_same = told.zip(attempt).is_none_or(|(told, paid)| told == paid.transaction_id);
    wrong_if(&mut found, !is_same, Invariant::I3, || {
        "its payment has another number than the attempt that is paid".to_owned()
    });
    found.extend(books_are_right(dossier));
    found
}

/// What stands in each book is what follows from the payments, and from what went back.
fn books_are_right(dossier: &Dossier) -> Found {
    let order = &dossier.order;
    let gross = i128::from(order.pay_amount().minor);
    let is_paid = i128::from(order.payment.is_some());
    let surplus = i128::from(attempts_in(dossier, AttemptState::Surplus));
    let stays = is_paid * (gross - i128::from(order.total_refund_fee));
    let minor = i64::try_from(stays).unwrap_or(0);
    let fee = i128::from(order.fee_rule.fee(Money::new(minor, order.currency)).minor);
    let done = dossier.refunds.iter().filter(|refund| refund.state == RefundState::Done);
    let back = sum(done.map(|refund| &refund.amount));
    let taken = (is_paid + surplus) * gross;
    let mut found = Vec::new();
    for (book, expect) in [
        (Book::ChannelReceivable, taken - back),
        (Book::MerchantPayable, fee - stays),
        (Book::FeeIncome, -fee),
        (Book::RefundDue, back + stays - taken),
    ] {
        let booked = in_book(&dossier.lines, book);
        wrong_if(&mut found, booked != expect, Invariant::I3, || {
            let book = book.word();
            format!("{book} holds {booked}; its payments and refunds make {expect}")
        });
    }
    found
}

/// Posting after posting: nobody owes less than nothing.
pub(super) fn never_below_nothing(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    let mut postings = postings(dossier);
    let mut so_far: BTreeMap<Book, i128> = BTreeMap::new();
    for event in &dossier.history {
        for row in postings.remove(&event.batch_id).unwrap_or_default() {
            *so_far.entry(row.entry.book).or_default() += i128::from(row.entry.amount.minor);
        }
        for (book, held) in &so_far {
            let is_below = match book {
                Book::ChannelReceivable => *held < 0,
                Book::MerchantPayable | Book::FeeIncome | Book::RefundDue => *held > 0,
            };
            wrong_if(&mut found, is_below, Invariant::I6, || {
                let (book, rev) = (book.word(), event.rev);
                format!("{book} is below nothing after revision {rev}: {held}")
            });
        }
    }
    found
}

fn postings(dossier: &Dossier) -> BTreeMap<i64, Vec<&LedgerRow>> {
    let mut postings: BTreeMap<i64, Vec<&LedgerRow>> = BTreeMap::new();
    for row in &dossier.lines {
        postings.entry(row.posting_id).or_default().push(row);
    }
    postings
}

fn in_book(lines: &[LedgerRow], book: Book) -> i128 {
    sum(lines.iter().filter(|row| row.entry.book == book).map(|row| &row.entry.amount))
}

fn shown(lines: &[&LedgerRow]) -> String {
    let line = |row: &&LedgerRow| format!("{} {}", row.entry.book.word(), row.entry.amount.minor);
    lines.iter().map(line).collect::<Vec<_>>().join(", ")
}

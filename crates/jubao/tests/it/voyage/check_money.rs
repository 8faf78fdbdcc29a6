//! The money of one order: what we say of it, in its row, its attempts, its refunds and the books, and
//! what the upstreams' own books say.

use kernel::application::LatePayment;
use kernel::ledger::{Book, FeeRule};
use kernel::money::Money;
use kernel::order::{Attempt, AttemptState, Order};
use kernel::product::Product;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;

use super::sea::Sea;
use super::shop::Wish;
use crate::sim_books::{Given, GivenState, SimBooks, Taken, of_standing};

/// The merchant's fee.
const FEE: FeeRule = FeeRule { rate_ppm: 6_000 };

/// One order, as both sides have it.
#[derive(Debug)]
pub struct Case {
    total_fee: i64,
    order: Order,
    attempts: Vec<Attempt>,
    refunds: Vec<Refund>,
    booked: Vec<(Book, i64)>,
    taken: Vec<Taken>,
    given: Vec<Given>,
}

impl Case {
    /// What there is of `order`.
    pub async fn of(sea: &Sea, wish: &Wish, order: Order, books: &SimBooks) -> Self {
        let (mch_id, id) = (order.mch_id, order.id);
        let rows = store::ledger::of_order(&sea.looking, mch_id, id).await.unwrap();
        let sn = order.sn();
        Self {
            total_fee: wish.total_fee,
            attempts: store::attempts::of_order(&sea.looking, mch_id, id).await.unwrap(),
            refunds: store::refunds::of_order(&sea.looking, mch_id, id).await.unwrap(),
            booked: rows.iter().map(|row| (row.entry.book, row.entry.amount.minor)).collect(),
            taken: books.taken_for(sn.as_str()),
            given: books.given_for(sn.as_str()),
            order,
        }
    }

    /// Everything that is wrong with an order whose time is over.
    pub fn wrongs(&self, late: LatePayment) -> Vec<String> {
        let checks = [self.states(late), self.balances(), self.refunds(), self.given()];
        let wrong = checks.into_iter().flatten().filter(|(is_wrong, _)| *is_wrong);
        wrong.map(|(_, what)| what).collect()
    }

    /// Whether it was paid, and the upstream has not reversed that.
    fn is_paid(&self) -> bool {
        self.order.payment.is_some() && !self.is_undone()
    }

    /// Whether it was paid and then reversed upstream, of which there is a record.
    fn is_undone(&self) -> bool {
        self.refunds.iter().any(is_record)
    }

    fn states(&self, late: LatePayment) -> Vec<(bool, String)> {
        let (state, count) = (self.order.state, self.taken.len());
        let live: Vec<_> = self.attempts.iter().filter(|one| one.state.is_live()).collect();
        let of_state = |state| self.attempts.iter().filter(|one| one.state == state).count();
        let payment = self.order.payment.as_ref().filter(|_| !self.is_undone());
        let told = payment.map(|payment| payment.transaction_id.as_str());
        let is_known = |id: &str| self.taken.iter().any(|one| one.transaction_id == id);
        let is_barcode = self.order.product == Product::Micropay;
        let is_right = match state {
            TradeState::NotPay | TradeState::UserPaying => false,
            TradeState::Success | TradeState::Refund => self.is_paid(),
            TradeState::Closed => !self.is_paid() && !is_barcode,
            TradeState::PayError => !self.is_paid() && is_barcode,
            TradeState::Revoked => is_barcode,
        };
        let paid = usize::from(self.is_paid());
        vec![
            (self.total_fee != self.order.total_fee, "I1: another amount stands".to_owned()),
            (!is_right, format!("I15: it is {state:?}")),
            (!live.is_empty(), format!("I15: still in doubt: {live:?}")),
            (paid == 1 && count == 0, "I3: it is called paid, and nobody has paid".to_owned()),
            (
                paid == 0 && late == LatePayment::Honour && count > 0,
                "I3: paid upstream, not with us".to_owned(),
            ),
            (told.is_some_and(|id| !is_known(id)), "I3: a payment nobody made".to_owned()),
            (
                of_state(AttemptState::Surplus) + paid != count,
                format!("I3: {count} were paid upstream"),
            ),
        ]
    }

    /// What is booked against what was paid and went back upstream.
    fn balances(&self) -> Vec<(bool, String)> {
        let booked = |book: Book| -> i64 {
            self.booked.iter().filter(|(of, _)| *of == book).map(|(_, minor)| minor).sum()
        };
        let gross = self.order.pay_amount().minor;
        let count = i64::try_from(self.taken.len()).unwrap();
        let paid = i64::from(self.is_paid());
        let stays = paid * (gross - self.order.total_refund_fee);
        let fee = FEE.fee(Money::new(stays, self.order.currency)).minor;
        let back = self.given_of_taken();
        let due = count * gross - back - stays;
        let owed = -booked(Book::MerchantPayable) - booked(Book::FeeIncome);
        vec![
            (owed != stays, format!("I3: {owed} are owed to the merchant")),
            (
                -booked(Book::FeeIncome) != fee,
                format!("I3: the fee is {}", -booked(Book::FeeIncome)),
            ),
            (
                -booked(Book::RefundDue) != due,
                format!("I3: {} are due back, not {due}", -booked(Book::RefundDue)),
            ),
            (
                booked(Book::ChannelReceivable) != count * gross - back,
                format!("I3: {} are with the upstream", booked(Book::ChannelReceivable)),
            ),
            (
                self.taken.iter().any(|one| one.total != gross),
                "I3: the upstream took another amount".to_owned(),
            ),
        ]
    }

    /// Nothing is on its way any more.
    fn refunds(&self) -> Vec<(bool, String)> {
        let is_asking = |one: &&Refund| matches!(one.state, RefundState::Due | RefundState::Asking);
        let asking: Vec<_> = self.refunds.iter().filter(is_asking).collect();
        vec![(!asking.is_empty(), format!("I15: still asked for: {asking:?}"))]
    }

    /// Refund by refund: what we say is what the upstream says, and it gives back no other.
    fn given(&self) -> Vec<(bool, String)> {
        let mut wrongs = Vec::new();
        for refund in self.refunds.iter().filter(|refund| !is_record(refund)) {
            let number = refund.refund_no();
            let found = self.given.iter().find(|one| one.refund_no == number.as_str());
            let is_same = match (refund.state, found.map(|one| one.state)) {
                (RefundState::Done, Some(GivenState::Done))
                | (RefundState::Stuck, Some(GivenState::Stuck))
                | (RefundState::Closed, None | Some(GivenState::Closed))
                | (RefundState::Due | RefundState::Asking, _) => true,
                // What was refused although it is owed is asked for again, patiently.
                (RefundState::Stuck, None) => refund.cause == RefundCause::Surplus,
                (RefundState::Done | RefundState::Stuck | RefundState::Closed, _) => false,
            };
            let is_amount = found.is_none_or(|one| one.amount == refund.amount.minor);
            wrongs.push((!is_same || !is_amount, format!("I7: {refund:?} is {found:?}")));
        }
        let is_ours = |one: &&Given| {
            self.refunds.iter().any(|refund| refund.refund_no().as_str() == one.refund_no)
        };
        let strange: Vec<_> = self.given.iter().filter(|one| !is_ours(one)).collect();
        wrongs.push((!strange.is_empty(), format!("I7: nobody asked for {strange:?}")));
        for taken in &self.taken {
            let of_it = self
                .given
                .iter()
                .filter(|one| one.trade_no == taken.trade_no && one.state != GivenState::Closed);
            let back: i64 = of_it.map(|one| one.amount).sum();
            wrongs.push((back > taken.total, format!("I7: {back} of {taken:?} went back")));
        }
        wrongs
    }

    /// What went back of payments that still stand.
    fn given_of_taken(&self) -> i64 {
        let given = of_standing(&self.given, &self.taken);
        given.filter(|one| one.state == GivenState::Done).map(|one| one.amount).sum()
    }
}

/// Whether it records what the upstream gave back by itself: there it has no number of ours.
fn is_record(refund: &Refund) -> bool {
    refund.out_refund_no.starts_with("reversal ")
}

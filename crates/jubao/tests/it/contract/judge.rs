//! What is compared: what our API and our store say, with what the upstream's books say.

use kernel::id::Sn;
use kernel::ledger::{Book, Entry, is_balanced};
use kernel::order::{AttemptState, Order};
use kernel::product::Product;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;
use serde_json::Value;
use store::Store;

use super::books::{Held, Stands};
use super::world::TOTAL_FEE;

/// Answers that leave it open what has happened: the merchant is told to ask.
const OPEN: [i64; 6] = [201, 4005, 40400, 40600, 492_004, 492_005];

/// What the upstream has of one order of ours.
#[derive(Debug)]
pub struct Truth(Vec<Held>);

impl Truth {
    /// Of the order of that number, in those books.
    pub fn of(books: Vec<Held>, sn: &str) -> Self {
        Self(books.into_iter().filter(|one| one.number.starts_with(sn)).collect())
    }

    /// Whether anything of it was paid.
    pub fn is_paid(&self) -> bool {
        self.0.iter().any(|one| one.stands == Stands::Paid)
    }

    /// What the upstream holds of it.
    pub fn money(&self) -> i64 {
        self.0.iter().map(Held::money).sum()
    }

    /// Whether something of it waits for its payer, and the upstream knows of it.
    pub fn is_waiting(&self) -> bool {
        self.0.iter().any(|one| one.stands == Stands::Waiting)
    }

    /// Whether it ended upstream unpaid.
    fn is_over(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|one| one.stands == Stands::Over)
    }

    /// Whether the refund of that number is on its way (false) or done (true); `None`: there is none.
    fn refund(&self, number: &str) -> Option<(i64, bool)> {
        let mut returns = self.0.iter().flat_map(|one| &one.returns);
        returns.find(|one| one.number == number).map(|one| (one.amount, one.is_done))
    }

    /// What was paid of it.
    fn taken(&self) -> i64 {
        let paid = self.0.iter().filter(|one| one.stands == Stands::Paid);
        paid.map(|one| one.total).sum()
    }

    /// What goes back of it that was asked for.
    fn returned(&self) -> i64 {
        let returns = self.0.iter().flat_map(|one| &one.returns);
        returns.filter(|one| !one.number.is_empty()).map(|one| one.amount).sum()
    }
}

/// What in an answer of the merchants' API is contrary to the books.
pub fn contradiction(answer: &Value, truth: &Truth) -> Option<String> {
    let code = answer["code"].as_i64()?;
    let state = TradeState::from_word(answer["data"]["trade_state"].as_str().unwrap_or_default());
    let of_state = state.is_some_and(|state| !agrees(state, truth));
    let refund = answer["data"]["refund_id"].as_str().and_then(|number| truth.refund(number));
    let of_refund = match answer["data"]["refund_status"].as_str() {
        Some("SUCCESS") => refund.is_none_or(|(_, is_done)| !is_done),
        Some("REFUNDCLOSE") => refund.is_some(),
        Some("PROCESSING" | "CHANGE") | None => false,
        Some(other) => panic!("nobody knows what {other} is"),
    };
    let of_code = match code {
        200 => false,
        code if OPEN.contains(&code) => false,
        // Paid, says the refusal; or that everything went back; or that it is over, and nothing is paid.
        40101 => !truth.is_paid(),
        40105 => truth.money() > 0,
        40103 | 40104 => truth.money() > 0,
        // Refused: it was not done.
        40500 | 40111 => truth.money() > 0 && state.is_none() && truth.returned() > 0,
        40107 | 40108 | 492_003 => truth.returned() > 0,
        _ => true,
    };
    (of_state || of_refund || of_code)
        .then(|| format!("the answer {answer}, and in the books {truth:?}"))
}

/// Whether an order may be called so while its upstream has it so.
fn agrees(state: TradeState, truth: &Truth) -> bool {
    match state {
        TradeState::NotPay | TradeState::UserPaying => true,
        TradeState::Success => truth.is_paid(),
        TradeState::PayError | TradeState::Closed | TradeState::Revoked => truth.money() == 0,
        TradeState::Refund => truth.is_paid() && truth.money() == 0,
    }
}

/// What our store holds of an order, beside what its upstream does.
pub struct Scales<'a> {
    /// Ours.
    pub store: &'a Store,
    /// The order's number.
    pub sn: &'a str,
    /// Theirs.
    pub truth: Truth,
}

impl Scales<'_> {
    async fn order(&self) -> Order {
        let sn = Sn::parse(self.sn).unwrap();
        store::orders::by_sn(self.store, &sn).await.unwrap().unwrap()
    }

    /// What in the store is contrary to the books at this moment, whatever is still in doubt.
    pub async fn guesses(&self) -> Option<String> {
        let (order, truth) = (self.order().await, &self.truth);
        let refunds = store::refunds::of_order(self.store, order.mch_id, order.id).await.unwrap();
        let is_guessed = |refund: &Refund| {
            let upstream = truth.refund(refund.refund_no().as_str());
            match refund.state {
                RefundState::Done => {
                    order.state != TradeState::Revoked
                        && !upstream.is_some_and(|(_, is_done)| is_done)
                }
                RefundState::Closed => upstream.is_some(),
                RefundState::Due | RefundState::Asking | RefundState::Stuck => false,
            }
        };
        let guessed: Vec<_> = refunds.iter().filter(|refund| is_guessed(refund)).collect();
        if agrees(order.state, truth) && guessed.is_empty() && truth.returned() <= truth.taken() {
            return None;
        }
        Some(format!("a guess: {:?}, refunds {guessed:?}; in the books {truth:?}", order.state))
    }

    /// What has not come right: order, attempts, refunds and ledger against the books.
    pub async fn differences(&self) -> Vec<String> {
        let order = self.order().await;
        let mut wrongs = self.of_order(&order).await;
        wrongs.extend(self.of_refunds(&order).await);
        wrongs.extend(self.of_ledger(&order).await);
        if !wrongs.is_empty() {
            wrongs.push(format!("in the books {:?}", self.truth));
        }
        wrongs
    }

    async fn of_order(&self, order: &Order) -> Vec<String> {
        let truth = &self.truth;
        let attempts = store::attempts::of_order(self.store, order.mch_id, order.id).await.unwrap();
        let is_open = order.state.is_open();
        let is_live = attempts.iter().any(|one| one.state.is_live());
        let is_barcode = order.product == Product::Micropay;
        let is_surplus = attempts.iter().any(|one| one.state == AttemptState::Surplus);
        let is_known = order.payment.is_some() || is_surplus;
        told([
            (truth.money() > 0 && !is_known, "it is paid upstream, not with us".into()),
            (
                order.payment.is_some() && !truth.is_paid() && order.state != TradeState::Revoked,
                "it is not paid upstream".into(),
            ),
            (!agrees(order.state, truth), format!("it is {:?}", order.state)),
            (truth.is_over() && is_open, format!("over upstream, and {:?}", order.state)),
            (!is_open && is_live, format!("in doubt: {attempts:?}")),
            (!is_open && truth.is_waiting(), "it can still be paid".into()),
            (is_barcode && is_open, format!("a barcode is {:?}", order.state)),
        ])
    }

    async fn of_refunds(&self, order: &Order) -> Vec<String> {
        let refunds = store::refunds::of_order(self.store, order.mch_id, order.id).await.unwrap();
        let live: Vec<_> = refunds.iter().filter(|one| one.state.is_live()).collect();
        let done = refunds.iter().filter(|one| one.state == RefundState::Done);
        let given: i64 = done.map(|one| one.amount.minor).sum();
        let of_order = refunds.iter().filter(|one| one.cause != RefundCause::Surplus);
        let reserved = of_order.filter(|one| one.state != RefundState::Closed);
        let reserved: i64 = reserved.map(|one| one.amount.minor).sum();
        let is_undone = order.state == TradeState::Revoked && self.truth.money() == 0;
        let is_over = matches!(order.state, TradeState::Refund | TradeState::Revoked);
        told([
            (!live.is_empty(), format!("refunds in doubt: {live:?}")),
            (given != self.truth.returned() && !is_undone, format!("{given} went back with us")),
            (
                reserved == TOTAL_FEE && !is_over,
                format!("all is back, and it is {:?}", order.state),
            ),
            (
                order.total_refund_fee != reserved,
                format!("{} are called refunded", order.total_refund_fee),
            ),
        ])
    }

    async fn of_ledger(&self, order: &Order) -> Vec<String> {
        let rows = store::ledger::of_order(self.store, order.mch_id, order.id).await.unwrap();
        let booked = |book: Book| -> i64 {
            let of_book = rows.iter().filter(|row| row.entry.book == book);
            of_book.map(|row| row.entry.amount.minor).sum()
        };
        let held = booked(Book::ChannelReceivable);
        let owed = -booked(Book::MerchantPayable) - booked(Book::FeeIncome);
        told([
            (held != self.truth.money(), format!("{held} are booked as held")),
            (booked(Book::RefundDue) != 0, format!("{} are due back", -booked(Book::RefundDue))),
            (owed != self.truth.money(), format!("{owed} are owed to the merchant")),
        ])
    }
}

fn told<const N: usize>(checks: [(bool, String); N]) -> Vec<String> {
    checks.into_iter().filter_map(|(is_wrong, what)| is_wrong.then_some(what)).collect()
}

/// What must hold of all orders together.
pub async fn whole(store: &Store) -> Vec<String> {
    let totals = store::ledger::totals(store).await.unwrap();
    let entries: Vec<_> =
        totals.iter().map(|total| Entry { book: total.book, amount: total.amount }).collect();
    let is_chained = store::audit::verify(store, None).await.unwrap().is_ok();
    told([
        (!is_balanced(&entries), format!("the books do not balance: {entries:?}")),
        (!is_chained, "the audit chain breaks".into()),
    ])
}

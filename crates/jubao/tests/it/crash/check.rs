//! What clients were told against what there is, which holds by itself (`gateway::inspect`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::id::Sn;
use kernel::ledger::Book;
use kernel::notice::NoticeState;
use kernel::order::Order;
use kernel::refund::RefundState;
use kernel::secret::Secret;
use kernel::state::TradeState;
use serde_json::{Value, json};
use store::Store;
use tokio::time::Instant;

use super::load::named;
use super::world::{READY_WITHIN, Told, World};
use crate::holds::all_holds;
use crate::sim_books::{Given, GivenState, SimBooks};

/// How long after the last start everything may take to come right (I15): a killed process's leases,
/// and merchants' questions for what callbacks did not bring.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
/// How long nothing more may come right while anything is still to: a paid barcode order is asked about
/// once more after a minute (decision 17).
const GOES_ON_WITHIN: Duration = Duration::from_secs(120);
/// Questions at the same time.
const QUESTIONS: usize = 50;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Lets the last life settle, ends it, and compares everything.
pub async fn everything(world: &mut World) {
    let told = world.told().clone();
    assert!(!told.is_empty() && told.values().any(|one| one.is_paid), "nothing was tried");
    let store = Store::open(&world.place.database).unwrap();
    settle(world, &store, &told).await;
    all_concluded(&store).await;
    world.finish().await;
    let slowest = world.slowest_start();
    assert!(slowest <= READY_WITHIN, "ready only after {slowest:?}");
    let books = world.books();
    for (number, one) in &told {
        check_order(&store, number, one, &books).await;
    }
    all_holds(&store).await;
    check_told(world, &told);
}

/// Waits until every payment is known and told, every one that a reversal crossed is known to have gone
/// back, and every refund that an upstream has done is done here: merchants ask about what no callback
/// brings.
async fn settle(world: &World, store: &Store, told: &BTreeMap<String, Told>) {
    let (began, mut went_on) = (Instant::now(), Instant::now());
    let mut before = usize::MAX;
    loop {
        let waiting = unsettled(world, store, told).await;
        if waiting.is_empty() {
            return;
        }
        if waiting.len() < before {
            (before, went_on) = (waiting.len(), Instant::now());
        }
        let is_late = began.elapsed() > SETTLES_WITHIN || went_on.elapsed() > GOES_ON_WITHIN;
        assert!(!is_late, "done upstream, and never known here: {waiting:?}");
        let questions = waiting.iter().take(QUESTIONS).map(|(address, members)| {
            let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
            let url = format!("{}{address}", world.api);
            world.client.post(url).body(signed.to_string()).send()
        });
        // What is not answered now is asked again.
        let _ = join_all(questions).await;
        tokio::time::sleep(LOOK).await;
    }
}

/// What is not as it will be, as questions that a merchant has.
async fn unsettled(
    world: &World,
    store: &Store,
    told: &BTreeMap<String, Told>,
) -> Vec<(&'static str, Value)> {
    let books = world.books();
    let heard: BTreeSet<String> =
        world.merchant.received().iter().map(|one| one.text("sn").to_owned()).collect();
    let mut waiting = Vec::new();
    let known: BTreeSet<&str> = told.values().filter_map(|one| one.sn.as_deref()).collect();
    for taken in &books.taken {
        let sn = &taken.trade_no[..Sn::LENGTH];
        if known.contains(sn) && !heard.contains(sn) {
            waiting.push(("/order/query", named(sn)));
        }
    }
    let taken: BTreeSet<&str> = books.taken.iter().map(|one| &one.trade_no[..Sn::LENGTH]).collect();
    for one in told.values().filter(|one| one.is_barcode) {
        let Some(sn) = one.sn.as_deref().filter(|sn| !taken.contains(sn)) else { continue };
        let found = store::orders::by_sn(store, &Sn::parse(sn).unwrap()).await.unwrap();
        if found.is_some_and(|order| order.state == TradeState::Success) {
            waiting.push(("/order/query", named(sn)));
        }
    }
    for given in &books.given {
        let id = Sn::parse(&given.refund_no).unwrap().id();
        let refund = store::refunds::by_id(store, MERCHANT.mch_id, id).await.unwrap();
        let is_known = refund.is_some_and(|refund| !refund.state.is_live());
        if given.state == GivenState::OnItsWay || !is_known {
            let members = json!({
                "mch_id": MERCHANT.mch_id.to_string(), "refund_id": given.refund_no,
            });
            waiting.push(("/order/refundquery", members));
        }
    }
    waiting
}

/// Waits until no notice is waiting: what the merchant heard from a process that died before it had
/// written so is told once more, when its lease has ended.
async fn all_concluded(store: &Store) {
    let began = Instant::now();
    while store::notices::next_due_at(store).await.unwrap().is_some() {
        assert!(began.elapsed() <= SETTLES_WITHIN, "a notice is never concluded");
        tokio::time::sleep(LOOK).await;
    }
}

async fn check_order(store: &Store, number: &str, told: &Told, books: &SimBooks) {
    let Some(sn) = &told.sn else { return };
    let found = store::orders::by_sn(store, &Sn::parse(sn).unwrap()).await.unwrap();
    let order = found.unwrap_or_else(|| panic!("{number} was acknowledged as {sn} and is lost"));
    assert_eq!((order.out_trade_no.as_str(), order.total_fee), (number, 1234));
    let is_paid = order.payment.is_some();
    let is_taken = !books.taken_for(sn).is_empty();
    assert!(is_paid || !order.state.is_paid(), "{sn}: {:?}", order.state);
    assert_eq!(told.is_paid || is_taken, is_taken, "{sn}: paid, and its upstream has forgotten it");
    // A payment that came after the order was closed is honoured or given back, by policy.
    let state = order.state;
    assert!(is_paid || !is_taken || told.is_closed, "{sn} is paid upstream: {state:?}");
    assert!(is_paid || !told.is_success, "{sn} was called paid and is {state:?}");
    // What a barcode paid may have been reversed upstream.
    let is_undone = told.is_barcode && state == TradeState::Revoked;
    assert!(!is_paid || is_taken || is_undone, "{sn} is called paid, and nobody has paid");

    let refunds = check_refunds(store, (sn, told), &order, books).await;
    let rows = store::ledger::of_order(store, order.mch_id, order.id).await.unwrap();
    let postings: BTreeSet<i64> = rows.iter().map(|row| row.posting_id).collect();
    assert!(postings.len() <= 1 || refunds > 0 || is_undone || !is_paid, "{sn}: {postings:?}");
    assert!(!is_paid || !postings.is_empty(), "{sn} is paid, and not in the books");
    let notices = store::notices::of_order(store, order.mch_id, order.id).await.unwrap();
    assert_eq!(notices.len(), usize::from(is_paid), "{sn}: one notice of each payment");
    let is_delivered = notices.iter().all(|one| one.notice.state == NoticeState::Delivered);
    assert!(is_delivered || !is_taken, "{sn}: {notices:?}");
}

/// Refund by refund: what clients were told, the store, the ledger and the upstream's books; gives back
/// how many the order has.
async fn check_refunds(
    store: &Store,
    (sn, told): (&str, &Told),
    order: &Order,
    books: &SimBooks,
) -> usize {
    let refunds = store::refunds::of_order(store, order.mch_id, order.id).await.unwrap();
    for (number, one) in told.refunds.iter().filter(|(_, one)| one.refund_id.is_some()) {
        let found = refunds.iter().find(|refund| refund.out_refund_no == *number);
        let refund = found.unwrap_or_else(|| panic!("{number} was acknowledged and is lost"));
        assert_eq!(one.refund_id.as_deref(), Some(refund.refund_no().as_str()), "{number}");
        assert_eq!(refund.amount.minor, one.amount, "{number}");
        assert!(!one.is_done || refund.state == RefundState::Done, "{number}: {refund:?}");
    }
    let given = books.given_for(sn);
    let (mut back, mut reserved) = (0, 0);
    for refund in &refunds {
        let number = refund.refund_no();
        let upstream = given.iter().find(|one| one.refund_no == number.as_str());
        // What the upstream gave back by itself has no number of ours there.
        let is_record = refund.out_refund_no.starts_with("reversal ");
        let is_done = is_record || upstream.is_some_and(|one| one.state == GivenState::Done);
        assert_eq!(refund.state == RefundState::Done, is_done, "{number}: {upstream:?}");
        assert!(upstream.is_none_or(|one| one.amount == refund.amount.minor), "{number}");
        back += if is_done { refund.amount.minor } else { 0 };
        reserved += if refund.state.is_live() { refund.amount.minor } else { 0 };
    }
    let is_ours =
        |one: &Given| refunds.iter().any(|refund| refund.refund_no().as_str() == one.refund_no);
    assert!(given.iter().all(is_ours), "{sn}: nobody asked for {given:?}");
    assert!(back + reserved <= 1234, "{sn}: {back} went back, {reserved} are to");
    if order.payment.is_some() && !refunds.is_empty() {
        assert_eq!(order.total_refund_fee, back + reserved, "{sn}: {refunds:?}");
        let rows = store::ledger::of_order(store, order.mch_id, order.id).await.unwrap();
        let due: i64 = rows
            .iter()
            .filter(|row| row.entry.book == Book::RefundDue)
            .map(|row| -row.entry.amount.minor)
            .sum();
        assert_eq!(due, reserved, "{sn}: due back");
    }
    refunds.len()
}

/// Whatever the merchant heard, it heard the same each time, and nothing that is not so.
fn check_told(world: &World, told: &BTreeMap<String, Told>) {
    let mut facts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for received in world.merchant.received().iter() {
        let is_fact = |(name, _): &&(String, String)| name != "nonce_str" && name != "sign";
        let members = received.members.iter().filter(is_fact).cloned().collect();
        let number = received.text("out_trade_no").to_owned();
        let one = &told[&number];
        assert!(one.is_paid || one.is_barcode, "{number}: told of a payment that was not");
        let before = facts.entry(number.clone()).or_insert_with(|| BTreeMap::clone(&members));
        assert_eq!(*before, members, "{number}: two notices differ");
        assert_eq!(Value::from(received.text("trade_state")), "SUCCESS");
    }
}

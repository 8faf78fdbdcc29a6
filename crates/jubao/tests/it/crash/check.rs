//! What clients were told against what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use jubao::data_dir::DATABASE_NAME;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::id::Sn;
use kernel::ledger::{Entry, is_balanced};
use kernel::notice::NoticeState;
use kernel::secret::Secret;
use kernel::state::TradeState;
use serde_json::Value;
use store::{Options, Store};
use tokio::time::Instant;

use super::load::named;
use super::world::{READY_WITHIN, Told, World};

/// How long after the last start everything may take to come right (I15): a killed process's leases,
/// and merchants' questions for what callbacks did not bring.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
/// How long nothing more may come right while anything is still to.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);
/// Questions at the same time.
const QUESTIONS: usize = 50;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Lets the last life settle, ends it, and compares everything.
pub async fn everything(world: &mut World) {
    let told = world.told().clone();
    assert!(!told.is_empty() && told.values().any(|one| one.is_paid), "nothing was tried");
    settle(world, &told).await;
    let path = world.folder.path().join(DATABASE_NAME);
    let store = Store::open(&Options { path }).unwrap();
    all_concluded(&store).await;
    world.finish().await;
    let slowest = world.slowest_start();
    assert!(slowest <= READY_WITHIN, "ready only after {slowest:?}");
    for (number, one) in &told {
        check_order(&store, number, one).await;
    }
    check_books(&store).await;
    check_told(world, &told);
}

/// Waits until every payment is known and told.
async fn settle(world: &World, told: &BTreeMap<String, Told>) {
    let (began, mut went_on) = (Instant::now(), Instant::now());
    let paid = told.values().filter(|one| one.is_paid).filter_map(|one| one.sn.as_deref());
    let mut waiting: BTreeSet<&str> = paid.collect();
    while !waiting.is_empty() {
        let heard: BTreeSet<String> =
            world.merchant.received().iter().map(|one| one.text("sn").to_owned()).collect();
        let before = waiting.len();
        waiting.retain(|sn| !heard.contains(*sn));
        if waiting.len() < before {
            went_on = Instant::now();
        }
        let is_late = began.elapsed() > SETTLES_WITHIN || went_on.elapsed() > GOES_ON_WITHIN;
        assert!(!is_late, "paid upstream, and the merchant was never told: {waiting:?}");
        let questions = waiting.iter().take(QUESTIONS).map(|sn| {
            let signed = signing::signed(&named(sn), &Secret::new(MERCHANT.key)).unwrap();
            let url = format!("{}/order/query", world.api);
            world.client.post(url).body(signed.to_string()).send()
        });
        // What is not answered now is asked again.
        let _ = join_all(questions).await;
        tokio::time::sleep(LOOK).await;
    }
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

async fn check_order(store: &Store, number: &str, told: &Told) {
    let Some(sn) = &told.sn else { return };
    let found = store::orders::by_sn(store, &Sn::parse(sn).unwrap()).await.unwrap();
    let order = found.unwrap_or_else(|| panic!("{number} was acknowledged as {sn} and is lost"));
    assert_eq!((order.out_trade_no.as_str(), order.total_fee), (number, 1234));
    let is_paid = order.state == TradeState::Success;
    assert_eq!(is_paid, order.payment.is_some(), "{sn}: {:?}", order.state);
    // A payment that came after the order was closed is honoured or given back, by policy.
    assert!(is_paid || !told.is_paid || told.is_closed, "{sn} is paid upstream: {:?}", order.state);
    assert!(is_paid || !told.is_success, "{sn} was called paid and is {:?}", order.state);
    assert!(!is_paid || told.is_paid, "{sn} is called paid, and nobody has paid");

    let rows = store::ledger::of_order(store, order.mch_id, order.id).await.unwrap();
    let postings: BTreeSet<i64> = rows.iter().map(|row| row.posting_id).collect();
    assert!(postings.len() <= 1 || !is_paid, "{sn} is posted {} times", postings.len());
    assert!(!is_paid || !postings.is_empty(), "{sn} is paid, and not in the books");
    let history = store::order_events::of_order(store, order.mch_id, order.id).await.unwrap();
    for (rev, pair) in (1..).zip(history.windows(2)) {
        assert_eq!((pair[1].rev, pair[1].from), (rev, Some(pair[0].to)), "{sn}: a gap");
    }
    assert_eq!(history.last().map(|event| event.to), Some(order.state), "{sn}");
    let notices = store::notices::of_order(store, order.mch_id, order.id).await.unwrap();
    assert_eq!(notices.len(), usize::from(is_paid), "{sn}: one notice of each payment");
    let is_delivered = notices.iter().all(|one| one.notice.state == NoticeState::Delivered);
    assert!(is_delivered || !told.is_paid, "{sn}: {notices:?}");
}

async fn check_books(store: &Store) {
    let totals = store::ledger::totals(store).await.unwrap();
    let entries: Vec<_> =
        totals.iter().map(|total| Entry { book: total.book, amount: total.amount }).collect();
    assert!(is_balanced(&entries), "the books do not balance: {entries:?}");
    store::audit::verify(store, None).await.unwrap().unwrap();
}

/// Whatever the merchant heard, it heard the same each time, and nothing that is not so.
fn check_told(world: &World, told: &BTreeMap<String, Told>) {
    let mut facts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for received in world.merchant.received().iter() {
        let is_fact = |(name, _): &&(String, String)| name != "nonce_str" && name != "sign";
        let members = received.members.iter().filter(is_fact).cloned().collect();
        let number = received.text("out_trade_no").to_owned();
        assert!(told[&number].is_paid, "{number}: told of a payment that was not");
        let before = facts.entry(number.clone()).or_insert_with(|| BTreeMap::clone(&members));
        assert_eq!(*before, members, "{number}: two notices differ");
        assert_eq!(Value::from(received.text("trade_state")), "SUCCESS");
    }
}

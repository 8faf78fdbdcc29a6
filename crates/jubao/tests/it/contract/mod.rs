//! The contract of every channel: each operation × each fault that a simulator can be told, and each fault
//! of callbacks, through the whole gateway. What our API answers is definite or unknown; unknown is never
//! turned into paid or failed; and five simulated minutes after it went wrong for the last time, orders,
//! refunds, ledger and notices are what the upstream's books say.
//!
//! The cases are made of the tables of channels, products, operations and faults. Each has a world of its
//! own, in one thread, under time that nobody waits for (decision 15).

mod books;
mod case;
mod codes;
mod counter;
mod currencies;
mod judge;
mod late;
mod network;
mod play;
mod races;
mod rates;
mod world;

use std::collections::BTreeSet;

use channels::CHANNELS;
use channels::sim::{CallbackFaultKind, OpFaultKind, OpKind};
use kernel::product::Product;

use self::case::{Case, Scene, Spell, Trouble};
use self::counter::{Counter, counters};
use self::network::Fate;
use self::play::{End, play_all};

/// Faults of an outage: nothing is done, everything is done, everything is refused, nothing is right.
const OUTAGES: [OpFaultKind; 4] = [
    OpFaultKind::DroppedBefore,
    OpFaultKind::DroppedAfter,
    OpFaultKind::Refused,
    OpFaultKind::WrongAnswer,
];
/// A short outage, in minutes; and one that is longer than orders wait, and than refunds are young.
const OUTAGE_MINUTES: [u64; 2] = [3, 65];

/// Operations that no upstream is asked for at a counter, and why.
fn not_asked(counter: &Counter, op: OpKind) -> Option<&'static str> {
    match (counter.name, op) {
        ("alipay_mapi" | "wechat_v2_hk", OpKind::Rates) => None,
        (_, OpKind::Rates) => Some("it tells no rates"),
        ("wechat", OpKind::Keys) => None,
        (_, OpKind::Keys) => Some("its keys are settings"),
        ("alipay_mapi", OpKind::Place) => Some("its pages are only signed"),
        ("alipay_mapi", OpKind::Close) => Some("it closes nothing"),
        ("chinaums" | "unionpay", OpKind::Close) => Some("it is asked where the order stands"),
        ("alipay_mapi" | "chinaums" | "wechat_v2_hk" | "demo", OpKind::Reverse) => {
            Some("no barcodes")
        }
        ("jeepay", OpKind::Reverse) => Some("it is asked to close"),
        (_, OpKind::Place | OpKind::Query | OpKind::Close | OpKind::Reverse) => None,
        (_, OpKind::Refund | OpKind::QueryRefund) => None,
    }
}

/// The products of a counter that are tried with everything: one that a payer comes to, and barcodes.
fn tried(counter: &Counter) -> impl Iterator<Item = Product> + use<> {
    let products = &counter.account.products;
    let shown = products.iter().find(|product| product.info().trade_type == "NATIVE");
    let shown = shown.or_else(|| products.iter().find(|one| **one != Product::Micropay));
    let barcode = products.iter().find(|product| **product == Product::Micropay);
    let tried: Vec<_> = shown.into_iter().chain(barcode).copied().collect();
    tried.into_iter()
}

/// Every case of an operation that goes wrong so at the counters that are asked for it.
fn cases_of(op: OpKind, kinds: &[OpFaultKind], spell: Spell) -> Vec<Case> {
    let mut cases = Vec::new();
    for counter in counters().iter().filter(|counter| not_asked(counter, op).is_none()) {
        for (product, scene) in scenes(counter, Scene::of(op)) {
            let trouble = kinds.iter().map(|kind| Trouble::Op(op, *kind));
            cases.extend(trouble.map(|trouble| Case { counter, product, scene, trouble, spell }));
        }
    }
    cases
}

/// What is tried in those scenes at a counter.
fn scenes(counter: &Counter, scenes: &'static [Scene]) -> impl Iterator<Item = (Product, Scene)> {
    let fits = |(product, scene): &(Product, Scene)| {
        !scene.is_of_barcodes() || *product == Product::Micropay
    };
    tried(counter)
        .flat_map(move |product| scenes.iter().map(move |scene| (product, *scene)))
        .filter(fits)
}

/// Every operation at every counter has met what goes wrong there, but those that are never asked for.
fn all_have_met(ends: &[(Case, End)], op: OpKind) {
    for counter in counters() {
        let mine = ends.iter().filter(|(case, _)| case.counter.name == counter.name);
        let has_met = mine.clone().any(|(_, end)| end.has_met);
        let is_right = has_met == not_asked(counter, op).is_none();
        assert!(is_right, "{op:?} at {} has met a fault: {has_met}", counter.name);
    }
}

fn kinds() -> Vec<OpFaultKind> {
    OpFaultKind::ALL.map(|(kind, _)| kind).to_vec()
}

#[test]
fn every_channel_has_a_counter() {
    let tested: BTreeSet<_> = counters().iter().map(|counter| counter.channel).collect();
    let all: BTreeSet<_> = CHANNELS.iter().map(|channel| channel.info().name).collect();
    assert_eq!(tested, all, "a channel has no counter in contract/counter.rs");
}

#[test]
fn whatever_goes_wrong_with_an_operation_is_never_guessed_and_comes_right() {
    for (op, _) in OpKind::ALL {
        all_have_met(&play_all(&cases_of(op, &kinds(), Spell::Once)), op);
    }
}

#[test]
fn an_operation_that_is_not_asked_for_is_not() {
    let asked = |op: OpKind| {
        let unasked = counters().iter().filter(move |one| not_asked(one, op).is_some());
        unasked.flat_map(move |counter| {
            let trouble = Trouble::Op(op, OpFaultKind::DroppedBefore);
            scenes(counter, Scene::of(op)).map(move |(product, scene)| Case {
                counter,
                product,
                scene,
                trouble,
                spell: Spell::Once,
            })
        })
    };
    let cases: Vec<_> = OpKind::ALL.into_iter().flat_map(|(op, _)| asked(op)).collect();
    for (case, end) in play_all(&cases) {
        assert!(!end.has_met, "{case} is asked for: it can go wrong");
    }
}

#[test]
fn what_cannot_be_asked_about_either_stays_in_doubt_until_it_can() {
    for op in [OpKind::Close, OpKind::Reverse, OpKind::Refund] {
        let mut cases = cases_of(op, &kinds(), Spell::Once);
        for case in &mut cases {
            if let Trouble::Op(op, kind) = case.trouble {
                case.trouble = Trouble::Blind(op, kind);
            }
        }
        let ends = play_all(&cases);
        assert!(ends.iter().any(|(_, end)| end.has_met), "{op:?}: nobody was left in doubt");
    }
}

#[test]
fn an_outage_of_minutes_is_made_up_for() {
    let spell = Spell::Minutes(OUTAGE_MINUTES[0]);
    let cases = OpKind::ALL.into_iter().flat_map(|(op, _)| cases_of(op, &OUTAGES, spell));
    play_all(&cases.collect::<Vec<_>>());
}

#[test]
fn an_outage_of_an_hour_is_made_up_for_where_money_goes_back() {
    let spell = Spell::Minutes(OUTAGE_MINUTES[1]);
    let ops = [OpKind::Refund, OpKind::QueryRefund].into_iter();
    let cases = ops.flat_map(|op| cases_of(op, &OUTAGES[..2], spell));
    let is_one =
        |case: &Case| case.product != Product::Micropay && case.scene != Scene::RefundedPart;
    play_all(&cases.filter(is_one).collect::<Vec<_>>());
}

#[test]
fn every_product_is_placed_through_an_outage() {
    let mut cases = Vec::new();
    for counter in counters() {
        let rest =
            counter.account.products.iter().filter(|one| tried(counter).all(|it| it != **one));
        for product in rest {
            let scenes = Scene::of(OpKind::Place).iter();
            cases.extend(scenes.flat_map(|scene| {
                OUTAGES.map(|kind| Case {
                    counter,
                    product: *product,
                    scene: *scene,
                    trouble: Trouble::Op(OpKind::Place, kind),
                    spell: Spell::Once,
                })
            }));
        }
    }
    play_all(&cases);
}

#[test]
fn whatever_becomes_of_callbacks_everything_comes_right() {
    const TOLD: &[Scene] =
        &[Scene::PlacedPaid, Scene::RefundedPart, Scene::RefundedAll, Scene::ReversedPaid];
    let mut cases = Vec::new();
    for counter in counters() {
        for (product, scene) in scenes(counter, TOLD) {
            let on_the_way = Fate::FAULTS.map(Trouble::OnTheWay);
            let at_the_upstream = CallbackFaultKind::ALL.map(|(kind, _)| Trouble::Callback(kind));
            // A barcode's payment tells nobody, or when the wallet wants.
            let is_told = scene == Scene::PlacedPaid && product != Product::Micropay;
            let at_the_upstream = at_the_upstream.into_iter().filter(|_| is_told);
            cases.extend(on_the_way.into_iter().chain(at_the_upstream).map(|trouble| Case {
                counter,
                product,
                scene,
                trouble,
                spell: Spell::Once,
            }));
        }
    }
    play_all(&cases);
}

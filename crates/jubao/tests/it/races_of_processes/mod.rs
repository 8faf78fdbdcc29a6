//! Races between processes on one database of PostgreSQL's. One number is placed, and then one order's
//! money is asked back, by several gateways at the same moment, each with connections of its own: never
//! two orders for one number, never more back than was paid.
//!
//! Most of them are run by gateways within the test, to whom an upstream is a function away: so there can
//! be a hundred thousand (`cargo x races`). Some go over HTTP to processes of the program.

mod doors;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use jubao::demo::identity::MERCHANT;
use kernel::refund::RefundState;
use serde_json::{Value, json};

use self::doors::Doors;
use crate::crash::number;
use crate::dice::Dice;
use crate::holds::all_holds;
use crate::leaks::{self, Kind};

/// Orders in `./test`, each with a race for its number and one for its money.
const RACES: u64 = 160;
/// Of so many races one goes over HTTP; at least so many do.
const HTTP_OF: u64 = 200;
const HTTP_MIN: u64 = 24;
/// Orders in one database, which is then looked at as a whole.
const WORLD: u64 = 1_000;
/// Orders that are raced for at the same time, two by two.
const BOUTS_AT_ONCE: usize = 8;
/// Requests that place one number.
const PLACES: u64 = 4;
/// What each order is about, in fen.
const TOTAL: i64 = 1_000;
/// What a refund is about: of four, more than one wins, or exactly one.
const PARTS: [i64; 3] = [700, 400, 300];
/// Refunds of each order under numbers of their own: together they are always above what was paid.
const REFUNDS: usize = 4;
/// How each payer's code begins: what is the same in all is written down as the secret.
const CODE: &str = "1373051829";

#[tokio::test(flavor = "multi_thread")]
async fn within() {
    let (races, tally) = (number("JUBAO_RACES", RACES), Tally::default());
    for first in (0..races).step_by(usize::try_from(WORLD).unwrap()) {
        let doors = Doors::within().await;
        let count = WORLD.min(races - first);
        run(&doors, &tally, first..first + count).await;
        if races > WORLD {
            println!("{} races: {tally:?}", first + count);
        }
    }
    tally.is_of_races();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http() {
    let races = (number("JUBAO_RACES", RACES) / HTTP_OF).max(HTTP_MIN);
    let (doors, tally) = (Doors::over_http().await, Tally::default());
    run(&doors, &tally, 0..races).await;
    println!("{races} races: {tally:?}");
    tally.is_of_races();
}

/// Answers, by what was asked and their code.
#[derive(Default, Debug)]
struct Tally(Mutex<BTreeMap<(&'static str, i64), u64>>);

impl Tally {
    fn count(&self, path: &'static str, answer: &Value) {
        let code = answer["code"].as_i64().unwrap();
        *self.0.lock().unwrap().entry((path, code)).or_default() += 1;
    }

    /// There were winners and losers.
    fn is_of_races(&self) {
        let counted = self.0.lock().unwrap();
        for met in [("/payment/pay", 40106), ("/payment/refund", 200), ("/payment/refund", 492_001)]
        {
            assert!(counted.contains_key(&met), "{met:?}: {counted:?}");
        }
    }
}

/// Runs races for two orders each, looks at each order, and at the end at everything.
async fn run(doors: &Doors, tally: &Tally, orders: std::ops::Range<u64>) {
    leaks::secret(Kind::Code, "the payers' codes", CODE.as_bytes());
    let count = usize::try_from(orders.end - orders.start).unwrap();
    let bouts = stream::iter(orders.step_by(2)).map(|no| bout(doors, tally, no));
    let placed: Vec<[Placed; 2]> = bouts.buffer_unordered(BOUTS_AT_ONCE).collect().await;
    let placed: Vec<Placed> = placed.into_iter().flatten().collect();
    assert!(placed.len() >= count);
    all_holds(doors.store()).await;
    let stored = store::orders::count(doors.store(), MERCHANT.mch_id).await.unwrap();
    assert_eq!(stored, placed.len(), "one order for each number");
    agree_with_upstream(doors, &placed);
}

/// An order, and what of it goes back: our numbers and amounts.
struct Placed {
    number: String,
    sn: String,
    back: BTreeMap<String, i64>,
}

/// Two races for a number each, and one for the money of both orders.
async fn bout(doors: &Doors, tally: &Tally, no: u64) -> [Placed; 2] {
    let (one, other) = tokio::join!(place(doors, tally, no), place(doors, tally, no + 1));
    let mut pair = [one, other];
    give_back(doors, tally, &pair, no).await;
    for placed in &mut pair {
        placed.back = back(doors, placed).await;
    }
    pair
}

/// Places one number at all processes at once, each time for another payer: one is charged, and every
/// answer names that order.
async fn place(doors: &Doors, tally: &Tally, no: u64) -> Placed {
    let number = format!("N{no}");
    let asks = (0..PLACES).map(|at| {
        let order = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 401, "total_fee": TOTAL,
            "out_trade_no": number, "notify_url": "https://shop.example/notify", "body": "茶",
            "code": format!("{CODE}{:06}00", no % WORLD * PLACES + at),
        });
        doors.call(at + no, "/payment/pay", order)
    });
    let answers = join_all(asks).await;
    answers.iter().for_each(|answer| tally.count("/payment/pay", answer));
    let won = answers.iter().filter(|answer| answer["code"] == 200).count();
    assert_eq!(won, 1, "{number}: {answers:#?}");
    let sns: BTreeSet<&str> = answers.iter().filter_map(|one| one["data"]["sn"].as_str()).collect();
    let named = answers.iter().filter(|one| one["data"]["sn"].is_string()).count();
    assert_eq!((sns.len(), named), (1, answers.len()), "{number}: {answers:#?}");
    let sn = sns.into_iter().next().unwrap().to_owned();
    Placed { number, sn, back: BTreeMap::new() }
}

/// Asks for more than was paid, in parts, all again, all at once: and every number stands for one refund.
async fn give_back(doors: &Doors, tally: &Tally, pair: &[Placed; 2], no: u64) {
    let mut dice = Dice::new(no);
    let mut wishes: Vec<_> = pair.iter().flat_map(|placed| wishes(&mut dice, placed, no)).collect();
    let turn = usize::try_from(dice.up_to(10)).unwrap();
    wishes.rotate_left(turn);
    let asks = (no..).zip(wishes).map(async |(at, (path, wish))| {
        let answer = doors.call(at, path, wish.clone()).await;
        tally.count(path, &answer);
        (wish, answer)
    });
    let answers = join_all(asks).await;
    let mut stands = BTreeMap::<&str, BTreeSet<(&str, i64)>>::new();
    for (wish, answer) in answers.iter().filter(|(_, answer)| answer["code"] == 200) {
        let Some(number) = wish["out_refund_no"].as_str() else { continue };
        let refund = &answer["data"];
        let found = (refund["refund_id"].as_str().unwrap(), refund["refund_fee"].as_i64().unwrap());
        stands.entry(number).or_default().insert(found);
    }
    assert!(stands.values().all(|refunds| refunds.len() == 1), "{no}: {answers:#?}");
}

/// What is asked of one order at once.
fn wishes(dice: &mut Dice, placed: &Placed, no: u64) -> Vec<(&'static str, Value)> {
    let (sn, part) = (&placed.sn, dice.pick(&PARTS));
    let refund = |number: String, fee: i64| {
        let wish = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "sn": sn, "out_refund_no": number,
            "refund_fee": fee,
        });
        ("/payment/refund", wish)
    };
    let named = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
    let mut wishes: Vec<_> =
        (0..REFUNDS).map(|at| refund(format!("R{}-{at}", placed.number), part)).collect();
    // One number again; one for two amounts; and one for two orders.
    wishes.push(refund(format!("R{}-0", placed.number), part));
    wishes.push(refund(format!("R{}-1", placed.number), part + 1));
    wishes.push(refund(format!("S{no}"), part));
    wishes.push(("/order/query", named.clone()));
    if dice.chance(40) {
        wishes.push(("/order/reverse", named));
    }
    wishes
}

/// What goes back of an order, as it is stored: something, and no more than was paid.
async fn back(doors: &Doors, placed: &Placed) -> BTreeMap<String, i64> {
    let (store, mch_id) = (doors.store(), MERCHANT.mch_id);
    let order = store::orders::by_out_trade_no(store, mch_id, &placed.number).await.unwrap();
    let order = order.unwrap();
    assert_eq!(order.sn().as_str(), placed.sn);
    let refunds = store::refunds::of_order(store, mch_id, order.id).await.unwrap();
    let live: Vec<_> = refunds.iter().filter(|one| one.state != RefundState::Closed).collect();
    let sum: i64 = live.iter().map(|one| one.amount.minor).sum();
    assert!(sum > 0 && sum <= TOTAL, "{}: {sum} of {TOTAL} go back: {refunds:#?}", placed.sn);
    assert_eq!(order.total_refund_fee, sum, "{}: {refunds:#?}", placed.sn);
    live.iter().map(|one| (one.id.sn().as_str().to_owned(), one.amount.minor)).collect()
}

/// The upstream has charged one payer for each order, and has given back what the store says.
fn agree_with_upstream(doors: &Doors, placed: &[Placed]) {
    let books = doors.books();
    assert_eq!(books.taken.len(), placed.len(), "one payer is charged for each order");
    let mut given = BTreeMap::<&str, BTreeMap<String, i64>>::new();
    for one in &books.given {
        let of_order = given.entry(&one.trade_no[..26]).or_default();
        *of_order.entry(one.refund_no.clone()).or_default() += one.amount;
    }
    for one in placed {
        assert_eq!(given.get(one.sn.as_str()), Some(&one.back), "{}", one.sn);
    }
}

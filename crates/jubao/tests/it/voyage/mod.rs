//! Voyage: the whole gateway in one thread, under time that nobody waits for. A seed chooses what
//! merchants and payers do, what is lost, late, doubled or spoilt on the way, and when processes
//! die; the same seed repeats it all. The production code runs unchanged, on a database in memory.
//!
//! `cargo x voyage [--seeds N] [--seed S]` sails further than `./test` does.

mod check;
mod check_money;
mod clients;
mod node;
mod ops;
mod payers;
mod races;
mod returns;
mod sea;
mod shop;
mod upstreams;
mod walk;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jubao::demo::FreshFolder;
use jubao::demo::accounts;
use jubao::demo::identity::{DemoIdentity, MERCHANT};
use kernel::order::Order;
use kernel::time::Timestamp;
use tokio::runtime::Builder;

use self::node::Berth;
use self::sea::{Sea, UPSTREAM_URL, Weather};
use self::upstreams::Upstreams;
use crate::crash::number;
use crate::leaks;

/// Seeds in `./test`.
const SEEDS: u64 = 2_000;
/// After the weather has cleared up, or an order's codes have expired, everything comes right within
/// this (I15: 5 minutes), in milliseconds; codes are looked at once more a minute after they expired.
const COMES_RIGHT_MS: i64 = 300_000 + 60_000;
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_secs(5);
/// Lines of a wrecked voyage's story that are printed.
const LINES_TOLD: usize = 400;

/// Wrecks after which nobody sails any more.
const WRECKS_MAX: usize = 3;

/// What is sailed for.
enum Sort {
    /// Anything may happen.
    Voyage,
    /// Many orders, each with everything at its end at once.
    Race,
}

/// What became of a voyage.
struct Log {
    lines: Vec<String>,
    wrongs: Vec<String>,
    /// One of its orders.
    order: Option<Order>,
}

impl Log {
    fn is_wreck(&self) -> bool {
        !self.wrongs.is_empty()
    }
}

#[test]
fn seeds() {
    let (first, count) = (number("JUBAO_VOYAGE_SEED", 1), number("JUBAO_VOYAGE_SEEDS", SEEDS));
    let told = sail_all(first, count, &Sort::Voyage);
    let table = walk::table();
    println!("{count} voyages from seed {first}; decisions, by the gateway + by walks:\n{table}");
    sink_if_wrecked(&told, "cargo x voyage --seeds 1 --seed");
    if count >= SEEDS {
        assert!(walk::rarest() >= 100, "a state has not met an event a hundred times");
        let strange = walk::met_although_impossible();
        assert!(strange.is_empty(), "no path of the gateway leads there: {strange:?}");
    }
}

/// Tells the stories, and fails if one is that of a wreck.
fn sink_if_wrecked(told: &[(u64, Log)], again: &str) {
    for (seed, log) in told {
        let from = log.lines.len().saturating_sub(LINES_TOLD);
        println!("seed {seed}:\n{}", log.lines[from..].join("\n"));
        println!("`{again} {seed}`: {:#?}", log.wrongs);
    }
    let wrecks: Vec<_> =
        told.iter().filter(|(_, log)| log.is_wreck()).map(|(seed, _)| seed).collect();
    assert!(wrecks.is_empty(), "wrecked: {wrecks:?}");
}

/// Sails every seed, on all processors; gives back the voyages that are to be told of.
fn sail_all(first: u64, count: u64, sort: &Sort) -> Vec<(u64, Log)> {
    let next = AtomicU64::new(first);
    let told = Mutex::new(Vec::new());
    let one_after_the_other = || {
        while told.lock().unwrap().len() < WRECKS_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            let log = sail(seed, sort);
            if count == 1 || log.is_wreck() {
                told.lock().unwrap().push((seed, log));
            }
            if count > SEEDS && seed.is_multiple_of(1_000) {
                println!("seed {seed}: {} wrecks so far", told.lock().unwrap().len());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one_after_the_other))));
    told.into_inner().unwrap()
}

#[test]
fn a_seed_repeats_its_voyage() {
    for seed in 1..=10 {
        let (first, second) = (sail(seed, &Sort::Voyage), sail(seed, &Sort::Voyage));
        assert_eq!(first.lines, second.lines, "seed {seed}");
    }
}

/// One voyage, and a walk of one of its orders through the kernel.
fn sail(seed: u64, sort: &Sort) -> Log {
    static IDENTITY: OnceLock<DemoIdentity> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| {
        let made = DemoIdentity::load(FreshFolder::make().unwrap().path()).unwrap();
        leaks::remember_identity(&made);
        made
    });
    walk::count_gateway();
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let sailed = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(voyage(seed, identity, sort))
    }));
    drop(runtime);
    let mut log = sailed.unwrap_or_else(|panic| Log {
        lines: Vec::new(),
        wrongs: vec![format!("a panic: {}", words(&*panic))],
        order: None,
    });
    if let Some(Err(wrong)) = log.order.take().map(|order| walk::walk(seed, &order)) {
        log.wrongs.push(wrong);
    }
    walk::count_nothing();
    log
}

async fn voyage(seed: u64, identity: &DemoIdentity, sort: &Sort) -> Log {
    let sea = match sort {
        Sort::Voyage => Sea::of(seed, identity, Weather::any),
        Sort::Race => Sea::of(seed, identity, Weather::breeze),
    };
    let shipyard = node::shipyard(&sea).await;
    // Payers here press no buttons of WeChat's own: inside it our page draws a code.
    let mut wishes = identity.accounts(UPSTREAM_URL).unwrap();
    wishes.iter_mut().for_each(|wish| _ = wish.settings.remove("app_secret"));
    accounts::install(&shipyard, wishes).await.unwrap();
    set_policy(&sea).await;
    drop(shipyard);
    for at in 0..sea.berths.len() {
        tokio::spawn(Berth::keep(sea.clone(), at));
    }
    tokio::spawn(Upstreams::call_back(sea.clone()));
    let mut clients = match sort {
        Sort::Voyage => clients::send_out(&sea),
        Sort::Race => races::send_out(&sea),
    };
    tokio::time::sleep(sea.clock.until(sea.clears_up_at())).await;
    check::balance(&sea).await;
    sea.berths.iter().for_each(Berth::is_safe);
    sea.note("it clears up");
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let until = comes_right_at(&sea);
    while sea.clock.now() < until && !check::is_settled(&sea).await {
        tokio::time::sleep(LOOK).await;
    }
    check::everything(&sea).await;
    sea.berths.iter().for_each(Berth::clear);
    let order = store::orders::by_out_trade_no(&sea.looking, MERCHANT.mch_id, "V0").await.unwrap();
    let (lines, wrongs) = sea.told();
    Log { lines, wrongs, order }
}

/// When everything must have come right.
fn comes_right_at(sea: &Sea) -> Timestamp {
    let expires = sea.shop.wishes().values().map(|wish| wish.expires_at).max();
    let paid = sea.upstreams.books(sea.clock.now()).taken.iter().map(|one| one.at).max();
    let asked = [sea.clock.now()];
    let last = expires.into_iter().chain(paid).chain(asked).chain([sea.clears_up_at()]).max();
    last.unwrap().plus_millis(COMES_RIGHT_MS)
}

async fn set_policy(sea: &Arc<Sea>) {
    let row = store::applications::by_app_id(&sea.looking, MERCHANT.app_id).await.unwrap().unwrap();
    let mut settings = row.settings;
    settings.late_payment = sea.late;
    settings.notify_closed = sea.chance(30);
    settings.repeat_is_success = sea.chance(50);
    let batch = store::applications::set_settings(MERCHANT.app_id, row.rev, &settings);
    assert!(sea.looking.write(batch).await.unwrap().is_done());
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

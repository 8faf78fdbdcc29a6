//! What one voyage sails on: a clock that nobody waits for, one database, upstreams, a merchant,
//! and the weather. Everything random comes from the seed's dice.

use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::clock::Clock;
use jubao::demo::identity::DemoIdentity;
use kernel::application::LatePayment;
use kernel::time::Timestamp;
use store::{Memory, Store};

use super::node::Berth;
use super::shop::Shop;
use super::upstreams::Upstreams;
use crate::dice::Dice;

/// A moment of 2026, in seconds.
const EPOCH_S: u64 = 1_795_320_000;
/// Voyages begin at any time of a day.
const DAY_S: u64 = 86_400;
/// Where payers and upstreams reach the gateway.
pub const PUBLIC_URL: &str = "https://pay.example";
/// Where the simulated upstreams are.
pub const UPSTREAM_URL: &str = "https://upstream.example";

/// What goes wrong in a voyage, until it clears up: how many in a hundred.
#[derive(Copy, Clone, Debug, Default)]
pub struct Weather {
    /// Exchanges with upstreams that go wrong on the way.
    pub upstream_net: u64,
    /// Operations that upstreams spoil.
    pub upstream_ops: u64,
    /// Callbacks that are lost, late, doubled or spoilt.
    pub callbacks: u64,
    /// Notices that the merchant's server does not acknowledge.
    pub shop: u64,
    /// Answers that merchants never see.
    pub clients: u64,
    /// Reads and writes that the store does not do.
    pub store: u64,
    /// Whether processes die.
    pub has_crashes: bool,
    /// Whether processes stand still for a while, longer than their leases last.
    pub has_freezes: bool,
}

impl Weather {
    /// Any weather.
    pub fn any(dice: &mut Dice) -> Self {
        if dice.chance(10) {
            return Self::default();
        }
        Self {
            upstream_net: dice.pick(&[0, 10, 30, 60]),
            upstream_ops: dice.pick(&[0, 10, 30, 60]),
            callbacks: dice.pick(&[0, 30, 60, 90]),
            shop: dice.pick(&[0, 30, 70]),
            clients: dice.pick(&[0, 10, 40]),
            store: dice.pick(&[0, 0, 3, 10]),
            has_crashes: dice.chance(75),
            has_freezes: dice.chance(30),
        }
    }

    /// What only turns around the order in which things arrive.
    pub fn breeze(dice: &mut Dice) -> Self {
        Self {
            upstream_net: dice.pick(&[0, 0, 10, 30]),
            upstream_ops: dice.pick(&[0, 0, 10]),
            callbacks: dice.pick(&[0, 30, 60]),
            ..Self::default()
        }
    }
}

/// Everything that outlives the processes of a voyage.
pub struct Sea {
    /// The true time.
    pub clock: Clock,
    /// The database.
    pub memory: Memory,
    /// The same, for whoever only looks: it never waits.
    pub looking: Store,
    /// Alipay and WeChat Pay.
    pub upstreams: Upstreams,
    /// The merchant's side: its server, and what its clients were told.
    pub shop: Shop,
    /// The processes of the gateway.
    pub berths: Vec<Berth>,
    /// What the merchant wants done with late money.
    pub late: LatePayment,
    /// What goes wrong until then.
    pub weather: Weather,
    clears_up_at: Timestamp,
    dice: Mutex<Dice>,
    story: Mutex<Story>,
}

/// What happened, line by line.
#[derive(Default)]
struct Story {
    lines: Vec<String>,
    wrongs: Vec<String>,
}

impl Sea {
    /// The sea of a seed, with upstreams of that identity, and the weather that `of` draws. Needs a
    /// runtime whose time is paused.
    pub fn of(seed: u64, identity: &DemoIdentity, of: impl Fn(&mut Dice) -> Weather) -> Arc<Self> {
        thread_local! {
            static MEMORY: Memory = Memory::open().unwrap();
        }
        let memory = MEMORY.with(Memory::clone);
        memory.empty().unwrap();
        let mut dice = Dice::new(seed);
        let epoch_s = EPOCH_S + dice.up_to(DAY_S);
        let clock = Clock::of_runtime(Timestamp::from_seconds(i64::try_from(epoch_s).unwrap()));
        let weather = of(&mut dice);
        let storm_ms = i64::try_from(20_000 + dice.up_to(70_000)).unwrap();
        let nodes = if dice.chance(50) { 1 } else { 2 };
        Arc::new(Self {
            looking: memory.store(Arc::new(|| Box::pin(std::future::ready(Ok(()))))),
            memory,
            upstreams: Upstreams::of(identity),
            shop: Shop::default(),
            berths: (0..nodes).map(|no| Berth::new(no, dice.up_to(1_500))).collect(),
            late: dice.pick(&[LatePayment::Refund, LatePayment::Honour]),
            weather,
            clears_up_at: clock.now().plus_millis(storm_ms),
            clock,
            dice: Mutex::new(dice),
            story: Mutex::default(),
        })
    }

    /// A number from 0 to `most`, of the seed.
    pub fn draw(&self, most: u64) -> u64 {
        self.dice.lock().unwrap().up_to(most)
    }

    /// True so many times in a hundred.
    pub fn chance(&self, percent: u64) -> bool {
        self.dice.lock().unwrap().chance(percent)
    }

    /// One of `choices`, each as often.
    pub fn pick<T: Copy>(&self, choices: &[T]) -> T {
        self.dice.lock().unwrap().pick(choices)
    }

    /// Whether something goes wrong now that goes wrong `percent` times in a hundred.
    pub fn goes_wrong(&self, percent: u64) -> bool {
        self.is_stormy() && self.chance(percent)
    }

    /// Whether anything still goes wrong.
    pub fn is_stormy(&self) -> bool {
        self.clock.now() < self.clears_up_at
    }

    /// When nothing goes wrong any more.
    pub fn clears_up_at(&self) -> Timestamp {
        self.clears_up_at
    }

    /// Lets up to `most_ms` milliseconds pass.
    pub async fn pass(&self, most_ms: u64) {
        let wait = self.draw(most_ms);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// Writes down what happened. Nothing that a seed does not repeat may be in it.
    pub fn note(&self, what: impl Display) {
        let line = format!("{} {what}", self.clock.now().millis() % 10_000_000);
        self.story.lock().unwrap().lines.push(line);
    }

    /// Writes down what must never happen.
    pub fn wrong(&self, what: impl Display) {
        self.note(format!("WRONG: {what}"));
        self.story.lock().unwrap().wrongs.push(what.to_string());
    }

    /// What happened, and what of it was wrong.
    pub fn told(&self) -> (Vec<String>, Vec<String>) {
        let mut story = self.story.lock().unwrap();
        (std::mem::take(&mut story.lines), std::mem::take(&mut story.wrongs))
    }
}

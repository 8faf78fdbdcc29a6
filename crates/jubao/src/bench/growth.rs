//! Growth: what an insert costs into a store of a hundred thousand orders and into one of ten million,
//! with merchants' numbers that ascend and with random ones. Stores are filled through inserts: an
//! index that was built in bulk would split all its leaves at the first of them.

use gateway::clock::Clock;
use gateway::ids::random_hex;
use store::{Store, orders};

use super::place::Place;
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::sample::Sampler;
use super::writers::Written;
use super::{Plan, Trials, place, writers};
use crate::cli::Failure;

/// Orders of the small store.
const SMALL: usize = 100_000;
/// Orders of the large store, unless told.
const LARGE: usize = 10_000_000;
/// Orders that are inserted to measure, in each repeat.
const MEASURED: usize = 30_000;
/// Orders that are made in memory and written before the next, while a store is filled.
pub(super) const CHUNK: usize = 50_000;
/// Writers that fill: larger groups fill faster.
pub(super) const FILLERS: usize = 512;

/// How merchants count their orders.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Numbers {
    Ascending,
    Random,
}

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let large = plan.orders.unwrap_or(LARGE);
    let small = SMALL.min(large);
    let mut stores = Vec::new();
    for (count, numbers) in [
        (small, Numbers::Ascending),
        (large, Numbers::Ascending),
        (small, Numbers::Random),
        (large, Numbers::Random),
    ] {
        let mut grown = Grown::open(&plan, numbers).await?;
        grown.fill(count).await?;
        stores.push(grown);
    }
    let mut repeats = Vec::new();
    for _ in 0..plan.repeats {
        repeats.push(once(&plan, &mut stores, (small, large)).await?);
    }
    let settings = format!(
        "{small} and {large} orders, {MEASURED} inserts a repeat, {} writers",
        plan.connections
    );
    Ok(Trials {
        settings,
        columns: vec!["inserts per second".into(), "CPU µs each".into()],
        repeats,
    })
}

async fn once(
    plan: &Plan,
    stores: &mut [Grown],
    (small, large): (usize, usize),
) -> Result<Repeat, Failure> {
    let mut costs = Vec::new();
    for store in stores {
        costs.push(store.insert(MEASURED.min(small), plan.connections).await?);
    }
    let cost = |at: usize| costs.get(at).copied().unwrap_or_default();
    let speed = |at: usize| cost(at).per_second();
    let row = |name: &str, count: usize, at| {
        Row::new(
            &format!("{} orders, {name} numbers", Amount::whole(count)),
            [Some(speed(at)), Some(cost(at).cpu_us())],
        )
    };
    let figure = |name: &str, goal, value| {
        let name = format!("cost of an insert, large against small, {name} numbers");
        Figure::new(&name, "×", Goal::AtMost(Amount(goal)), value)
    };
    Ok(Repeat {
        rows: vec![
            row("ascending", small, 0),
            row("ascending", large, 1),
            row("random", small, 2),
            row("random", large, 3),
        ],
        figures: vec![
            figure("ascending", 1_200, speed(0).times(speed(1))),
            figure("random", 2_000, speed(2).times(speed(3))),
        ],
    })
}

/// A store that grows.
struct Grown {
    store: Store,
    numbers: Numbers,
    sampler: Sampler,
    count: usize,
    _place: Place,
}

impl Grown {
    async fn open(plan: &Plan, numbers: Numbers) -> Result<Self, Failure> {
        let (place, store) = place::open_store(plan).await?;
        let sampler = Sampler::new(Clock::default().now());
        Ok(Self { store, numbers, sampler, count: 0, _place: place })
    }

    /// Fills it up to `total`, and shows on standard error how far it is.
    async fn fill(&mut self, total: usize) -> Result<(), Failure> {
        while self.count < total {
            self.insert(CHUNK.min(total - self.count), FILLERS).await?;
            show_progress(&format!("{:?}", self.numbers), self.count, total);
        }
        eprintln!();
        Ok(())
    }

    async fn insert(&mut self, count: usize, writers: usize) -> Result<Written, Failure> {
        let begun = self.count;
        let number = |at: usize| match self.numbers {
            Numbers::Ascending => format!("{:016}", begun + at),
            Numbers::Random => random_hex::<8>(),
        };
        let place = |at| orders::place(&self.sampler.order(number(at)), &[], &[]);
        let batches = (0..count).map(place).collect();
        self.count += count;
        writers::write_all(&self.store, batches, writers).await
    }
}

/// Shows on standard error how far the filling of a store is.
pub(super) fn show_progress(name: &str, done: usize, total: usize) {
    const WIDTH: usize = 40;
    let full = WIDTH * done / total.max(1);
    let bar: String = (0..WIDTH).map(|at| if at < full { '#' } else { '.' }).collect();
    eprint!("\rfilling {total} {name:<9} [{bar}] {:>3} %", 100 * done / total.max(1));
}

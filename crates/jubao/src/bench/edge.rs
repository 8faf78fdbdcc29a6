//! The edge under attack: a crowd of silent and slow sockets, three times as much as can be done, and
//! forged requests.

use std::net::SocketAddr;

use web::edge::{Limits, Rates, Work};

use super::load::{Ask, Load, Loaded, Times};
use super::peer::{Job, Peer};
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::site::{Cost, Site};
use super::{Plan, Trials, cpu};
use crate::cli::Failure;

/// Sockets that say nothing, or never finish.
const CROWD: usize = 2_000;
/// Orders of the honest callers beside it, and over how many connections.
const HONEST: (usize, usize) = (4_000, 8);
/// Orders that find out how much can be done.
const PEAK: usize = 20_000;
/// Connections over which too much is asked: each waits for its answer, so it takes many to go on asking.
const OVERLOADED: usize = 4_096;
/// How many times as much as can be done is asked.
const TIMES: u64 = 3;
/// Forged requests a second, and for how many seconds.
const FORGED: (usize, usize) = (5_000, 2);
/// Columns of the rows.
const COLUMNS: [&str; 5] = ["per second", "CPU µs each", "p50 µs", "p99 µs", "longest µs"];

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let mut bench = Attacked::open(&plan).await?;
    let scale = |count: usize| plan.orders.map_or(count, |orders| orders.min(count));
    let mut repeats = Vec::new();
    for at in 0..plan.repeats {
        let mut repeat = bench.crowded(&format!("C{at}"), scale(HONEST.0)).await?;
        let parts = [
            bench.overloaded(&format!("O{at}"), scale(PEAK)).await?,
            bench.forged(scale(FORGED.0)).await?,
        ];
        for part in parts {
            repeat.rows.extend(part.rows);
            repeat.figures.extend(part.figures);
        }
        repeats.push(repeat);
    }
    bench.site.stop().await;
    let place = if bench.is_apart { "each on a processor of its own" } else { "on one processor" };
    let settings = format!(
        "gateway and caller {place}; a crowd of {CROWD}; {TIMES} times the measured peak over \
         {OVERLOADED} connections; {} forged requests a second",
        FORGED.0
    );
    Ok(Trials { settings, columns: COLUMNS.map(str::to_owned).to_vec(), repeats })
}

struct Attacked {
    site: Site,
    address: SocketAddr,
    caller: Peer,
    crowd: Peer,
    connections: usize,
    is_apart: bool,
}

impl Attacked {
    async fn open(plan: &Plan) -> Result<Self, Failure> {
        let mut site = Site::open(&plan.folder).await?;
        let limits = Limits {
            // The limits of production, but for those that count by caller: here all are one.
            work: Work::default(),
            rates: Rates { application: 0, address: 0 },
            ..Limits::of_this_machine()
        };
        let address = site.serve(limits).await?;
        let (mut caller, mut crowd) = (Peer::start()?, Peer::start()?);
        // What asks three times too much would otherwise take the processor from what answers.
        let is_apart = std::thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        if is_apart {
            cpu::pin(0).map_err(Failure::Machine)?;
            for peer in [&mut caller, &mut crowd] {
                peer.ask(&Job::Pin(1)).await?;
            }
        }
        let connections = plan.connections;
        Ok(Self { site, address, caller, crowd, connections, is_apart })
    }

    /// Honest callers alone, and beside a crowd.
    async fn crowded(&mut self, name: &str, orders: usize) -> Result<Repeat, Failure> {
        let honest = |name: String, address| Load {
            address,
            ask: Ask::Order,
            connections: HONEST.1,
            requests: orders,
            name,
            per_second: None,
        };
        let load = honest(format!("{name}A"), self.address);
        let alone = self.site.measure(&mut self.caller, load).await?;
        self.crowd.ask(&Job::Crowd(self.address, CROWD)).await?;
        let load = honest(format!("{name}B"), self.address);
        let beside = self.site.measure(&mut self.caller, load).await?;
        self.crowd.ask(&Job::Leave).await?;
        let p99 = |cost: &Cost| cost.loaded.accepted.p99_us;
        let missing = 2 * orders - alone.loaded.accepted.count - beside.loaded.accepted.count;
        let figures = vec![
            at_most(
                "p99 beside the crowd against alone",
                "×",
                2_000,
                Amount::ratio(p99(&beside), p99(&alone)),
            ),
            at_most("honest requests that failed", "", 0, Amount::whole(missing)),
        ];
        let rows = vec![
            row("honest orders alone", &alone, &alone.loaded.accepted),
            row("honest orders beside the crowd", &beside, &beside.loaded.accepted),
        ];
        Ok(Repeat { rows, figures })
    }

    /// As much as can be done, and then three times as much.
    async fn overloaded(&mut self, name: &str, orders: usize) -> Result<Repeat, Failure> {
        let mut load = Load {
            address: self.address,
            ask: Ask::Order,
            connections: self.connections,
            requests: orders,
            name: format!("{name}A"),
            per_second: None,
        };
        let peak = self.site.measure(&mut self.caller, load.clone()).await?;
        let before = self.site.count_orders().await?;
        let offered = usize::try_from(peak.per_second().0 * TIMES / 1_000).unwrap_or(1);
        load.connections = OVERLOADED.min(orders);
        load.requests = orders * usize::try_from(TIMES).unwrap_or(1);
        (load.name, load.per_second) = (format!("{name}B"), Some(offered));
        let flooded = self.site.measure(&mut self.caller, load).await?;
        let Loaded { accepted, busy, refused, .. } = &flooded.loaded;
        let stored = self.site.count_orders().await? - before;
        let with_effect = stored.abs_diff(accepted.count) + refused.count;
        let figures = vec![
            at_least(
                "goodput at three times capacity against the peak",
                "%",
                80_000,
                flooded.per_second().percent_of(peak.per_second()),
            ),
            at_most("the longest refusal", "ms", 100_000, Amount(busy.max_us)),
            at_most("refusals with an effect", "", 0, Amount::whole(with_effect)),
        ];
        let elapsed = std::time::Duration::from_micros(flooded.loaded.elapsed_us);
        let mut refusals = row("refused at three times capacity", &flooded, busy);
        refusals.values[0] = Some(Amount::per_second(busy.count, elapsed));
        let rows = vec![
            row("orders at the peak", &peak, &peak.loaded.accepted),
            row("orders at three times capacity", &flooded, accepted),
            refusals,
        ];
        Ok(Repeat { rows, figures })
    }

    /// Requests whose signature is wrong.
    async fn forged(&mut self, per_second: usize) -> Result<Repeat, Failure> {
        let load = Load {
            address: self.address,
            ask: Ask::Forged,
            connections: self.connections,
            requests: per_second * FORGED.1,
            name: "F".to_owned(),
            per_second: Some(per_second),
        };
        let cost = self.site.measure(&mut self.caller, load).await?;
        let elapsed = std::time::Duration::from_micros(cost.loaded.elapsed_us);
        let mut forged = row("forged requests", &cost, &cost.loaded.refused);
        forged.values[0] = Some(Amount::per_second(cost.loaded.refused.count, elapsed));
        let figures = vec![
            at_most("CPU of a forged request", "µs", 50_000, cost.cpu_us()),
            at_most("writes for forged requests", "", 0, Amount::whole(cost.counters.batches)),
        ];
        Ok(Repeat { rows: vec![forged], figures })
    }
}

fn row(name: &str, cost: &Cost, times: &Times) -> Row {
    let [p50, p99, longest] =
        [times.p50_us, times.p99_us, times.max_us].map(|time| Some(Amount::whole(time)));
    Row::new(name, [Some(cost.per_second()), Some(cost.cpu_us()), p50, p99, longest])
}

fn at_least(name: &str, unit: &str, goal: u64, value: Amount) -> Figure {
    Figure::new(name, unit, Goal::AtLeast(Amount(goal)), value)
}

fn at_most(name: &str, unit: &str, goal: u64, value: Amount) -> Figure {
    Figure::new(name, unit, Goal::AtMost(Amount(goal)), value)
}

//! The edge under attack: a crowd of silent and slow sockets, three times as much as can be done, and
//! forged requests.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;
use web::edge::{Limits, Rates, Work};

use super::ask::Ask;
use super::load::{Load, Loaded, Times};
use super::peer::{Job, Peer};
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::site::{Cost, Site};
use super::{Plan, Trials};
use crate::cli::Failure;

/// Sockets that say nothing, or never finish.
const CROWD: usize = 2_000;
/// Orders of the honest callers beside it, and over how many connections.
const HONEST: (usize, usize) = (4_000, 8);
/// Orders that find out how much can be done: those whose page is signed for a wallet, and bare ones.
const PEAKS: [(Ask, usize, &str); 2] =
    [(Ask::Page, 3_000, "signed orders (101)"), (Ask::Order, 20_000, "bare orders (304)")];
/// Too much is asked over as many connections as go on asking so often although each waits so long for
/// its answer …
const OVERLOADED_WAIT: Duration = Duration::from_millis(150);
/// … and over so many at most.
const OVERLOADED_MAX: usize = 4_096;
/// How many times as much as can be done is asked.
const TIMES: u64 = 3;
/// Between a flood and the next repeat.
const REST: Duration = Duration::from_secs(1);
/// How long too much is asked: longer than it takes to notice.
const FLOOD_SECONDS: usize = 4;
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
        // The gate that the flood before has narrowed is wide again by then.
        sleep(REST).await;
        let mut repeat = bench.crowded(&format!("C{at}"), scale(HONEST.0)).await?;
        let mut parts = vec![bench.forged("off", scale(FORGED.0)).await?];
        parts.push(bench.forged("on", scale(FORGED.0)).await?);
        bench.site.put_sandbox("off").await?;
        for (ask, orders, what) in PEAKS {
            let load = bench.load(ask, &format!("{ask:?}{at}"), scale(orders));
            parts.push(bench.overloaded(load, what).await?);
        }
        for part in parts {
            repeat.rows.extend(part.rows);
            repeat.figures.extend(part.figures);
        }
        repeats.push(repeat);
    }
    bench.site.stop().await;
    let place = if bench.is_apart { "each on a processor of its own" } else { "on one processor" };
    let settings = format!(
        "gateway and caller {place}; a crowd of {CROWD}; {TIMES} times the measured peak over up to \
         {OVERLOADED_MAX} connections; {} forged requests a second",
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
    /// No part asks for more orders, if that is told.
    orders: Option<usize>,
    is_apart: bool,
}

impl Attacked {
    async fn open(plan: &Plan) -> Result<Self, Failure> {
        let mut site = Site::open(plan).await?;
        let limits = Limits {
            // The limits of production, but for those that count by caller: here all are one.
            work: Work::default(),
            rates: Rates { application: 0, address: 0, log_ins: 0 },
            ..Limits::of_this_machine()
        };
        let (mut caller, mut crowd) = (Peer::start()?, Peer::start()?);
        let mut is_apart = true;
        for peer in [&mut caller, &mut crowd] {
            // With one processor all stay where they are.
            is_apart &= peer.ask(&Job::Pin(1)).await.is_ok();
        }
        let address = site.serve(limits).await?;
        let (connections, orders) = (plan.connections, plan.orders);
        Ok(Self { site, address, caller, crowd, connections, orders, is_apart })
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

    /// Orders over the bench's connections, as fast as they are answered.
    fn load(&self, ask: Ask, name: &str, requests: usize) -> Load {
        let (address, connections) = (self.address, self.connections);
        Load { address, ask, connections, requests, name: name.to_owned(), per_second: None }
    }

    /// As much as can be done, and then three times as much.
    async fn overloaded(&mut self, mut load: Load, what: &str) -> Result<Repeat, Failure> {
        let peak = self.site.measure(&mut self.caller, load.clone()).await?;
        let before = self.site.count_orders().await?;
        let offered = usize::try_from(peak.per_second().0 * TIMES / 1_000).unwrap_or(1);
        let wait_ms = usize::try_from(OVERLOADED_WAIT.as_millis()).unwrap_or(1);
        let waiting = offered * wait_ms / 1_000;
        load.connections = waiting.min(OVERLOADED_MAX).min(load.requests).max(1);
        let flood = offered * FLOOD_SECONDS;
        load.requests = self.orders.map_or(flood, |orders| flood.min(orders));
        (load.name, load.per_second) = (format!("{}B", load.name), Some(offered));
        let flooded = self.site.measure(&mut self.caller, load).await?;
        let Loaded { accepted, busy, refused, .. } = &flooded.loaded;
        let stored = self.site.count_orders().await? - before;
        let with_effect = stored.abs_diff(accepted.count) + refused.count;
        let figures = vec![
            at_least(
                &format!("goodput at three times capacity against the peak, {what}"),
                "%",
                80_000,
                flooded.per_second().percent_of(peak.per_second()),
            ),
            at_most(&format!("the longest refusal, {what}"), "ms", 100_000, Amount(busy.max_us)),
            at_most(&format!("refusals with an effect, {what}"), "", 0, Amount::whole(with_effect)),
        ];
        let elapsed = Duration::from_micros(flooded.loaded.elapsed_us);
        let mut refusals = row(&format!("{what}: refused at three times capacity"), &flooded, busy);
        refusals.values[0] = Some(Amount::per_second(busy.count, elapsed));
        let rows = vec![
            row(&format!("{what}, at the peak"), &peak, &peak.loaded.accepted),
            row(&format!("{what}, at three times capacity"), &flooded, accepted),
            refusals,
        ];
        Ok(Repeat { rows, figures })
    }

    /// Requests whose signature is wrong, of an application whose sandbox is on or off.
    async fn forged(&mut self, sandbox: &str, per_second: usize) -> Result<Repeat, Failure> {
        self.site.put_sandbox(sandbox).await?;
        let load = Load {
            address: self.address,
            ask: Ask::Forged,
            connections: self.connections,
            requests: per_second * FORGED.1,
            name: "F".to_owned(),
            per_second: Some(per_second),
        };
        let cost = self.site.measure(&mut self.caller, load).await?;
        let elapsed = Duration::from_micros(cost.loaded.elapsed_us);
        let whose = if sandbox == "on" { ", sandbox" } else { "" };
        let mut forged = row(&format!("forged requests{whose}"), &cost, &cost.loaded.refused);
        forged.values[0] = Some(Amount::per_second(cost.loaded.refused.count, elapsed));
        let figures = vec![
            at_most(&format!("CPU of a forged request{whose}"), "µs", 50_000, cost.cpu_us()),
            at_most(
                &format!("writes for forged requests{whose}"),
                "",
                0,
                Amount::whole(cost.counters.batches),
            ),
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

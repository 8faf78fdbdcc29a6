//! The hot path: orders of product 304, which ask no upstream, beside a page that does nothing and
//! beside the same work with nothing stored; and the store alone, in groups and one by one.

use std::net::SocketAddr;

use gateway::clock::Clock;
use store::{Batch, Store, orders};
use web::edge::{Edge, Limits};

use super::ask::Ask;
use super::load::{Load, Times};
use super::peer::Peer;
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::sample::Sampler;
use super::site::{Cost, Site};
use super::{Plan, Trials, ceiling, store_fault, writers};
use crate::cli::Failure;
use crate::data_dir::{DATABASE_NAME, in_folder};
use crate::demo::FreshFolder;

/// Orders in a repeat, unless told.
pub(super) const ORDERS: usize = 30_000;
/// Requests that store nothing, for each order: they are quicker.
const QUICK: usize = 2;
/// Orders that wait for a sync each, and are slower: one for so many.
pub(super) const SLOW: usize = 10;
/// Columns of the rows.
pub(super) const COLUMNS: [&str; 5] =
    ["per second", "CPU µs each", "p50 µs", "p99 µs", "orders per sync"];

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let mut bench = HotPath::open(plan).await?;
    let mut repeats = Vec::new();
    bench.once("W").await?;
    for at in 0..bench.plan.repeats {
        repeats.push(bench.once(&format!("R{at}")).await?);
    }
    bench.site.stop().await;
    let HotPath { plan: Plan { connections, .. }, orders, .. } = bench;
    let settings = format!("{orders} orders a repeat over {connections} connections");
    Ok(Trials { settings, columns: COLUMNS.map(str::to_owned).to_vec(), repeats })
}

struct HotPath {
    plan: Plan,
    orders: usize,
    site: Site,
    peer: Peer,
    gateway: SocketAddr,
    ceiling: SocketAddr,
}

impl HotPath {
    async fn open(plan: Plan) -> Result<Self, Failure> {
        let mut site = Site::open(&plan).await?;
        let gateway = site.serve(Limits::of_this_machine()).await?;
        let edge = Edge::new(Limits::of_this_machine(), None).map_err(Failure::Machine)?;
        let ceiling = site.serve_behind(edge, ceiling::router(site.gateway.clone())).await?;
        let orders = plan.orders.unwrap_or(ORDERS);
        Ok(Self { orders, site, peer: Peer::start()?, gateway, ceiling, plan })
    }

    /// One repeat; `name` is in its orders' numbers.
    async fn once(&mut self, name: &str) -> Result<Repeat, Failure> {
        let (many, quick) = (self.plan.connections, self.orders * QUICK);
        let lone = (self.orders / SLOW).max(1);
        let hello = self.ask(Ask::Hello, self.gateway, (name, many, quick)).await?;
        let ceiling = self.ask(Ask::Order, self.ceiling, (name, many, quick)).await?;
        let placed = self.ask(Ask::Order, self.gateway, (name, many, self.orders)).await?;
        let alone = self.ask(Ask::Order, self.gateway, (&format!("{name}A"), 1, lone)).await?;
        let (grouped, one_by_one) = self.store_alone().await?;
        let per_sync = |cost: &Cost| Amount::ratio(cost.counters.batches, cost.counters.commits);
        let row = |name: &str, cost: &Cost| {
            let Times { p50_us, p99_us, .. } = cost.loaded.accepted;
            let times = [p50_us, p99_us].map(|time| Some(Amount::whole(time)));
            let of_sync = (cost.counters.commits > 0).then(|| per_sync(cost));
            let costs = [Some(cost.per_second()), Some(cost.cpu_us())];
            Row::new(name, [costs[0], costs[1], times[0], times[1], of_sync])
        };
        let bare = |name: &str, speed| Row::new(name, [Some(speed), None, None, None, None]);
        let rows = vec![
            row("hello (/healthz)", &hello),
            row("ceiling (an order, nothing stored)", &ceiling),
            row("durable orders", &placed),
            row("durable orders, one client", &alone),
            bare("store alone: group commit", grouped),
            bare("store alone: a transaction each", one_by_one),
        ];
        let Times { p50_us, p99_us, .. } = placed.loaded.accepted;
        let syncs = Amount::ratio(alone.counters.commits, alone.counters.batches);
        let figures = vec![
            at_least(
                "durable orders against the ceiling",
                "%",
                45_000,
                placed.per_second().percent_of(ceiling.per_second()),
            ),
            at_most(
                "CPU of an order against hello",
                "×",
                4_000,
                placed.cpu_us().times(hello.cpu_us()),
            ),
            at_least(
                "group commit against a transaction each, store alone",
                "×",
                7_000,
                grouped.times(one_by_one),
            ),
            at_most("p99 against p50 at saturation", "×", 3_000, Amount::ratio(p99_us, p50_us)),
            at_least("syncs for each order, one client", "", 1_000, syncs),
            at_least("orders for each sync, all clients", "", 20_000, per_sync(&placed)),
        ];
        Ok(Repeat { rows, figures })
    }

    async fn ask(
        &mut self,
        ask: Ask,
        address: SocketAddr,
        (name, connections, requests): (&str, usize, usize),
    ) -> Result<Cost, Failure> {
        let name = name.to_owned();
        let load = Load { address, ask, connections, requests, name, per_second: None };
        let cost = self.site.measure(&mut self.peer, load).await?;
        if cost.loaded.accepted.count < requests {
            return Err(Failure::Machine(format!("{ask:?} was refused: {:?}", cost.loaded)));
        }
        Ok(cost)
    }

    /// Inserts a second without anything in front of the store: in groups, and one by one.
    async fn store_alone(&self) -> Result<(Amount, Amount), Failure> {
        let folder = FreshFolder::make_in(&self.plan.folder)?;
        let store = Store::open(&in_folder(folder.path())).map_err(store_fault)?;
        let sampler = Sampler::new(Clock::default().now());
        let many = placings(&sampler, "G", self.orders);
        let few = placings(&sampler, "S", (self.orders / SLOW).max(1));
        let grouped = writers::write_all(&store, many, self.plan.connections).await?;
        let one_by_one = writers::write_one_by_one(&folder.path().join(DATABASE_NAME), &few)?;
        Ok((grouped.per_second(), Amount::per_second(few.len(), one_by_one)))
    }
}

pub(super) fn at_least(name: &str, unit: &str, goal: u64, value: Amount) -> Figure {
    Figure::new(name, unit, Goal::AtLeast(Amount(goal)), value)
}

pub(super) fn at_most(name: &str, unit: &str, goal: u64, value: Amount) -> Figure {
    Figure::new(name, unit, Goal::AtMost(Amount(goal)), value)
}

/// `count` orders of product 304 to be placed, whose numbers begin with `name`.
pub(super) fn placings(sampler: &Sampler, name: &str, count: usize) -> Vec<Batch> {
    let place = |at| orders::place(&sampler.order(format!("{name}{at:09}")), &[], &[]);
    (0..count).map(place).collect()
}

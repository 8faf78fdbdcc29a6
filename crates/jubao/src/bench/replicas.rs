//! Several gateway processes on one database: what one, two and three of them do together, and that
//! every order that one of them has acknowledged is stored once.

use std::net::SocketAddr;

use super::ask::Ask;
use super::load::{Load, Loaded};
use super::peer::{Done, Gate, Job, Peer};
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::site::Site;
use super::{Plan, Trials};
use crate::cli::Failure;

/// Orders in a repeat, for each number of processes.
const ORDERS: usize = 30_000;
/// Processes at most.
const PROCESSES: u32 = 3;
/// The node of the first; the bench's own gateway has 0 and is asked for nothing.
const FIRST_NODE: u32 = 1;

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let bench = Replicas::open(&plan).await?;
    let mut bench = bench;
    let mut repeats = Vec::new();
    bench.once("W").await?;
    for at in 0..plan.repeats {
        repeats.push(bench.once(&format!("R{at}")).await?);
    }
    bench.site.stop().await;
    let settings = format!(
        "{} orders for each row over {} connections, shared by the processes",
        bench.orders, plan.connections
    );
    let columns = ["per second", "p50 µs", "p99 µs"];
    Ok(Trials { settings, columns: columns.map(str::to_owned).to_vec(), repeats })
}

/// A gateway in a process of its own, and another process that asks it.
struct Pair {
    caller: Peer,
    address: SocketAddr,
    /// Serves as long as it is there.
    _gateway: Peer,
}

struct Replicas {
    site: Site,
    pairs: Vec<Pair>,
    orders: usize,
    connections: usize,
}

impl Replicas {
    async fn open(plan: &Plan) -> Result<Self, Failure> {
        let site = Site::open(plan).await?;
        let mut pairs = Vec::new();
        for node in FIRST_NODE..FIRST_NODE + PROCESSES {
            let url = site.place().server()?.url().to_owned();
            let folder = site.place().folder().to_owned();
            let mut gateway = Peer::start()?;
            let Done::Listening(address) =
                gateway.ask(&Job::Serve(Gate { url, folder, node })).await?
            else {
                return Err(Failure::Machine("the bench's peer does not serve".into()));
            };
            pairs.push(Pair { caller: Peer::start()?, address, _gateway: gateway });
        }
        let orders = plan.orders.unwrap_or(ORDERS);
        Ok(Self { site, pairs, orders, connections: plan.connections })
    }

    /// One repeat: one process, two, three.
    async fn once(&mut self, name: &str) -> Result<Repeat, Failure> {
        let (mut rows, mut figures) = (Vec::new(), Vec::new());
        for count in 1..=self.pairs.len() {
            let before = self.site.count_orders().await?;
            let loaded = self.ask(&format!("{name}N{count}"), count).await?;
            let stored = self.site.count_orders().await? - before;
            let accepted: usize = loaded.iter().map(|one| one.accepted.count).sum();
            rows.push(row(count, &loaded));
            let (goal, wrong) = (Goal::AtMost(Amount(0)), stored.abs_diff(accepted));
            let what = format!("orders of {count} acknowledged and not stored once");
            figures.push(Figure::new(&what, "", goal, Amount::whole(wrong)));
        }
        Ok(Repeat { rows, figures })
    }

    /// Asks the first `count` processes at the same time.
    async fn ask(&mut self, name: &str, count: usize) -> Result<Vec<Loaded>, Failure> {
        let (connections, requests) = (self.connections / count, self.orders / count);
        let asking = self.pairs.iter_mut().take(count).enumerate().map(|(at, pair)| {
            let name = format!("{name}P{at}");
            let (address, ask) = (pair.address, Ask::Order);
            let connections = connections.max(1);
            pair.caller.load(Load { address, ask, connections, requests, name, per_second: None })
        });
        futures_util::future::try_join_all(asking).await
    }
}

fn row(count: usize, loaded: &[Loaded]) -> Row {
    let each =
        |one: &Loaded| Amount::ratio(one.accepted.count * 1_000_000, u128::from(one.elapsed_us)).0;
    let speed = Amount(loaded.iter().map(each).sum());
    let slowest = |time: fn(&Loaded) -> u64| {
        Some(Amount::whole(loaded.iter().map(time).max().unwrap_or_default()))
    };
    let name = if count == 1 { "one process".into() } else { format!("{count} processes") };
    let (p50, p99) = (slowest(|one| one.accepted.p50_us), slowest(|one| one.accepted.p99_us));
    Row::new(&name, [Some(speed), p50, p99])
}

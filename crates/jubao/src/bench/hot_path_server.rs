//! The hot path on a server: durable orders beside a gateway that makes one statement for each request,
//! and the store alone beside `pgbench`, which inserts the same row as often as the server lets it.

use std::net::SocketAddr;
use std::process::Command;

use gateway::clock::Clock;
use store::measure::{FreshDatabase, OneStatement, single_row_script};
use store::{Batch, Store};
use tokio::task::spawn_blocking;
use web::edge::{Edge, Limits};

use super::ask::Ask;
use super::hot_path::{COLUMNS, ORDERS, SLOW, at_least, at_most, placings};
use super::load::{Load, Times};
use super::peer::Peer;
use super::place::Place;
use super::report::{Amount, Figure, Repeat, Row};
use super::sample::Sampler;
use super::site::{Cost, Site};
use super::{Plan, Trials, ceiling, store_fault, writers};
use crate::cli::Failure;

/// Sessions of `pgbench`: more were slower on two processors.
const SESSIONS: usize = 16;
/// Single statements are slower: one for so many orders.
const SLOWER: usize = 3;

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
    let settings = format!(
        "{orders} orders a repeat over {connections} connections; single statements over {SESSIONS}"
    );
    Ok(Trials { settings, columns: COLUMNS.map(str::to_owned).to_vec(), repeats })
}

struct HotPath {
    plan: Plan,
    orders: usize,
    site: Site,
    peer: Peer,
    gateway: SocketAddr,
    ceiling: SocketAddr,
    keeping: SocketAddr,
}

/// What the store alone does.
struct Alone {
    grouped: Amount,
    pgbench: Amount,
    syncs_for_each: Amount,
    for_each_sync: Amount,
}

impl HotPath {
    async fn open(plan: Plan) -> Result<Self, Failure> {
        let mut site = Site::open(&plan).await?;
        let gateway = site.serve(Limits::of_this_machine()).await?;
        let edge = || Edge::new(Limits::of_this_machine(), None).map_err(Failure::Machine);
        let ceiling = site.serve_behind(edge()?, ceiling::router(site.gateway.clone())).await?;
        let kept = OneStatement::open(site.place().server()?).map_err(store_fault)?;
        let router = ceiling::keeping_router(site.gateway.clone(), kept);
        let keeping = site.serve_behind(edge()?, router).await?;
        let orders = plan.orders.unwrap_or(ORDERS);
        Ok(Self { orders, site, peer: Peer::start()?, gateway, ceiling, keeping, plan })
    }

    /// One repeat; `name` is in its orders' numbers.
    async fn once(&mut self, name: &str) -> Result<Repeat, Failure> {
        let (many, few) = (self.plan.connections, (self.orders / SLOWER).max(1));
        let lone = (self.orders / SLOW).max(1);
        let ceiling = self.ask(self.ceiling, (name, many, self.orders)).await?;
        let placed = self.ask(self.gateway, (name, many, self.orders)).await?;
        let each = self.ask(self.keeping, (&format!("{name}S"), many, few)).await?;
        let alone = self.ask(self.gateway, (&format!("{name}A"), 1, lone)).await?;
        let stored = self.store_alone().await?;
        let bare = |name: &str, speed| Row::new(name, [Some(speed), None, None, None, None]);
        let rows = vec![
            row("ceiling (an order, nothing stored)", &ceiling),
            row("durable orders", &placed),
            row("durable orders, a statement each", &each),
            row("durable orders, one client", &alone),
            bare("store alone: group commit", stored.grouped),
            bare("pgbench: a row each", stored.pgbench),
        ];
        Ok(Repeat { rows, figures: figures(&placed, &each, &stored) })
    }

    async fn ask(
        &mut self,
        address: SocketAddr,
        (name, connections, requests): (&str, usize, usize),
    ) -> Result<Cost, Failure> {
        let (name, ask) = (name.to_owned(), Ask::Order);
        let load = Load { address, ask, connections, requests, name, per_second: None };
        let cost = self.site.measure(&mut self.peer, load).await?;
        if cost.loaded.accepted.count < requests {
            return Err(Failure::Machine(format!("an order was refused: {:?}", cost.loaded)));
        }
        Ok(cost)
    }

    /// Inserts a second without anything in front of the store, and what the server counts of syncs.
    async fn store_alone(&self) -> Result<Alone, Failure> {
        let place = Place::make(&self.plan).await?;
        let (server, sampler) = (place.server()?, Sampler::new(Clock::default().now()));
        let lone = (self.orders / SLOW).max(1);
        // Makes the tables, and the files of the log that the others will use again.
        written(&place, placings(&sampler, "W", lone), self.plan.connections).await?;
        let before = server.syncs().await.map_err(store_fault)?;
        let many = placings(&sampler, "G", self.orders);
        let grouped = written(&place, many, self.plan.connections).await?;
        let after = server.syncs().await.map_err(store_fault)?;
        written(&place, placings(&sampler, "L", lone), 1).await?;
        let at_end = server.syncs().await.map_err(store_fault)?;
        Ok(Alone {
            grouped,
            pgbench: pgbench(server, &sampler, self.orders / SLOWER).await?,
            syncs_for_each: Amount::ratio(at_end - after, u64::try_from(lone).unwrap_or(1)),
            for_each_sync: Amount::ratio(self.orders, after - before),
        })
    }
}

fn row(name: &str, cost: &Cost) -> Row {
    let Times { p50_us, p99_us, .. } = cost.loaded.accepted;
    let (batches, commits) = (cost.counters.batches, cost.counters.commits);
    let times = [p50_us, p99_us].map(|time| Some(Amount::whole(time)));
    let of_commit = (commits > 0).then(|| Amount::ratio(batches, commits));
    let costs = [Some(cost.per_second()), Some(cost.cpu_us())];
    Row::new(name, [costs[0], costs[1], times[0], times[1], of_commit])
}

fn figures(placed: &Cost, each: &Cost, stored: &Alone) -> Vec<Figure> {
    let Times { p50_us, p99_us, .. } = placed.loaded.accepted;
    let by_batch = stored.grouped.times(stored.pgbench);
    let by_request = placed.per_second().times(each.per_second());
    vec![
        at_least("group commit against pgbench's single rows, store alone", "×", 4_000, by_batch),
        at_least("durable orders against a statement each", "×", 3_000, by_request),
        at_most("p99 against p50 at saturation", "×", 3_000, Amount::ratio(p99_us, p50_us)),
        at_least("the server's syncs for each order, one client", "", 1_000, stored.syncs_for_each),
        at_least("orders for each of its syncs, all clients", "", 20_000, stored.for_each_sync),
    ]
}

/// Opens the store, writes, and closes it: how many a second were written.
async fn written(place: &Place, batches: Vec<Batch>, many: usize) -> Result<Amount, Failure> {
    let store = Store::open(&place.database()?).map_err(store_fault)?;
    Ok(writers::write_all(&store, batches, many).await?.per_second())
}

/// Rows that `pgbench` inserts in a second, some `count` in all.
async fn pgbench(
    server: &FreshDatabase,
    sampler: &Sampler,
    count: usize,
) -> Result<Amount, Failure> {
    let example = placings(sampler, "P", 1).pop().unwrap_or_default();
    let script = single_row_script(&example).map_err(store_fault)?;
    let mut command = Command::new("pgbench");
    command.envs(server.environment().map_err(store_fault)?);
    let sessions = SESSIONS.to_string();
    let each = (count / SESSIONS).max(1).to_string();
    command.args(["-n", "-M", "prepared", "-j", "2", "-c", &sessions, "-t", &each, "-f"]);
    command.arg("/dev/stdin");
    let said = spawn_blocking(move || told(command, &script)).await;
    let said = said.map_err(|error| Failure::Machine(error.to_string()))??;
    let speed = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
    let thousandths = speed.and_then(|text| {
        let (whole, rest) = text.split_once('.')?;
        format!("{whole}{:0<3.3}", rest).parse().ok()
    });
    thousandths.map(Amount).ok_or_else(|| Failure::Machine(format!("pgbench: {said}")))
}

/// Runs a program that reads `input`; what it says.
fn told(mut command: Command, input: &str) -> Result<String, Failure> {
    use std::io::Write;
    use std::process::Stdio;
    let failed = |error: std::io::Error| Failure::Machine(format!("pgbench: {error}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().map_err(failed)?;
    if let Some(mut to) = process.stdin.take() {
        to.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = process.wait_with_output().map_err(failed)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Failure::Machine(format!("pgbench: {}", text(&output.stderr))))
}

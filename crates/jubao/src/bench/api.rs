//! The merchants' API, operation by operation, beside a million stored orders: how many requests a
//! second, and what each costs; and what it costs to refuse. Upstreams are simulated in a process of their
//! own, so that a refund has somebody to ask.

use std::net::SocketAddr;
use std::time::Duration;

use store::orders;
use web::edge::{Limits, Rates};

use super::ask::{self, Ask};
use super::growth::{CHUNK, FILLERS, show_progress};
use super::load::{Load, Times};
use super::peer::{Done, Job, Peer};
use super::place::Place;
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::sample::Sampler;
use super::site::{Cost, Site};
use super::{Plan, Trials, writers};
use crate::cli::Failure;
use crate::demo::identity::{DemoIdentity, Ports};

/// Orders in the store, unless told.
const STORED: usize = 1_000_000;
/// How the merchants' numbers of these begin.
const STORED_NAME: &str = "G";
/// Orders come in an order that has nothing to do with their numbers: each number is this many further
/// than the one before, around the end.
const STRIDE: usize = 999_983;
/// The node whose ids they have: not the gateway's.
const STORED_NODE: u32 = 1;
/// Orders that are placed in a repeat.
const PLACED: usize = 10_000;
/// Orders that are queried.
const QUERIED: usize = 20_000;
/// Pages that are listed: of the newest, and of deep ones, which have ten times as many orders.
const LISTED: (usize, usize) = (5_000, 1_000);
/// Barcodes that are charged, and then refunded in part.
const REFUNDED: usize = 1_000;
/// Requests of each kind that are refused.
const REFUSED: usize = 10_000;
/// Bodies that are too large.
const TOO_LARGE: usize = 2_000;
/// Columns of the rows.
const COLUMNS: [&str; 4] = ["per second", "CPU µs each", "p50 µs", "p99 µs"];

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let mut bench = Api::open(&plan).await?;
    bench.fill().await?;
    let mut repeats = Vec::new();
    for at in 0..plan.repeats {
        repeats.push(bench.once(at).await?);
    }
    let Api { site, connections, stored, .. } = bench;
    site.stop().await;
    let settings = format!("{stored} stored orders, {connections} connections");
    Ok(Trials { settings, columns: COLUMNS.map(str::to_owned).to_vec(), repeats })
}

struct Api {
    site: Site,
    address: SocketAddr,
    caller: Peer,
    /// Serves as long as it is there.
    _upstream: Peer,
    connections: usize,
    stored: usize,
}

impl Api {
    async fn open(plan: &Plan) -> Result<Self, Failure> {
        let place = Place::make(plan).await?;
        DemoIdentity::load(place.folder())?.save(place.folder(), Ports::default())?;
        let mut upstream = Peer::start()?;
        let simulate = Job::Simulate(place.folder().to_owned());
        let Done::Listening(at) = upstream.ask(&simulate).await? else {
            return Err(Failure::Machine("the bench's peer does not simulate".into()));
        };
        let mut site = Site::open_on(place, &format!("http://{at}")).await?;
        let rates = Rates { application: 0, address: 0, log_ins: 0 };
        let address = site.serve(Limits { rates, ..Limits::of_this_machine() }).await?;
        let stored = plan.orders.unwrap_or(STORED);
        let (caller, connections) = (Peer::start()?, plan.connections);
        Ok(Self { site, address, caller, _upstream: upstream, connections, stored })
    }

    /// Fills the store through inserts, and shows on standard error how far it is.
    async fn fill(&self) -> Result<(), Failure> {
        let sampler = Sampler::of_node(STORED_NODE, self.site.gateway.now());
        let mut done = 0;
        while done < self.stored {
            let end = self.stored.min(done + CHUNK);
            let place = |at: usize| {
                let number = ask::number(STORED_NAME, at * STRIDE % self.stored);
                orders::place(&sampler.order(number), &[], &[])
            };
            let batches = (done..end).map(place).collect();
            writers::write_all(self.site.store(), batches, FILLERS).await?;
            done = end;
            show_progress("orders", done, self.stored);
        }
        eprintln!();
        Ok(())
    }

    /// One repeat: every operation, and every way to be refused that a stranger has.
    async fn once(&mut self, at: usize) -> Result<Repeat, Failure> {
        // Barcodes are digits, and what is charged has to be refunded.
        let name = &format!("{}", at + 1);
        let place = self.accepted(Ask::Order, &format!("P{name}"), PLACED).await?;
        let query = self.accepted(Ask::Query, STORED_NAME, QUERIED).await?;
        let list = self.accepted(Ask::List, name, LISTED.0).await?;
        let deep = self.accepted(Ask::ListDeep, name, LISTED.1).await?;
        let charge = self.accepted(Ask::Charge, name, REFUNDED).await?;
        let refund = self.accepted(Ask::Refund, name, REFUNDED).await?;
        let forged = self.refused(Ask::Forged, name, REFUSED).await?;
        self.site.put_sandbox("on").await?;
        let explained = self.refused(Ask::Forged, name, REFUSED).await?;
        self.site.put_sandbox("off").await?;
        let nowhere = self.refused(Ask::Nowhere, name, REFUSED).await?;
        let too_large = self.refused(Ask::TooLarge, name, TOO_LARGE).await?;
        let rows = vec![
            row("place (304, no upstream)", &place, &place.loaded.accepted),
            row("query", &query, &query.loaded.accepted),
            row("list, the ten newest", &list, &list.loaded.accepted),
            row("list, a hundred of page 100", &deep, &deep.loaded.accepted),
            row("charge a barcode (401)", &charge, &charge.loaded.accepted),
            row("refund", &refund, &refund.loaded.accepted),
            row("refused: wrong signature", &forged, &forged.loaded.refused),
            row("refused: wrong signature, sandbox", &explained, &explained.loaded.refused),
            row("refused: unknown address", &nowhere, &nowhere.loaded.refused),
            row("refused: body too large", &too_large, &too_large.loaded.refused),
        ];
        let times = query.cpu_us().times(place.cpu_us());
        let list_times = list.cpu_us().times(query.cpu_us());
        let figures = vec![
            at_most("CPU of a query against placing", "×", 1_000, times),
            at_most("CPU of a list against a query", "×", 10_000, list_times),
            at_most("CPU of a wrong signature", "µs", 50_000, forged.cpu_us()),
            at_most("CPU of a wrong signature, sandbox", "µs", 50_000, explained.cpu_us()),
            at_most("CPU of an unknown address", "µs", 50_000, nowhere.cpu_us()),
        ];
        Ok(Repeat { rows, figures })
    }

    /// Requests that must all be done.
    async fn accepted(&mut self, ask: Ask, name: &str, count: usize) -> Result<Cost, Failure> {
        let cost = self.measure(ask, name, count).await?;
        all(ask, &cost, cost.loaded.accepted.count)
    }

    /// Requests that must all be refused, and not because there are too many.
    async fn refused(&mut self, ask: Ask, name: &str, count: usize) -> Result<Cost, Failure> {
        let cost = self.measure(ask, name, count).await?;
        all(ask, &cost, cost.loaded.refused.count)
    }

    async fn measure(&mut self, ask: Ask, name: &str, count: usize) -> Result<Cost, Failure> {
        let (address, connections, name) = (self.address, self.connections, name.to_owned());
        let requests = count.min(self.stored);
        let load = Load { address, ask, connections, requests, name, per_second: None };
        self.site.measure(&mut self.caller, load).await
    }
}

fn all(ask: Ask, cost: &Cost, count: usize) -> Result<Cost, Failure> {
    if count == cost.answers() {
        return Ok(cost.clone());
    }
    Err(Failure::Machine(format!("{ask:?} is answered otherwise: {:?}", cost.loaded)))
}

fn row(name: &str, cost: &Cost, times: &Times) -> Row {
    let elapsed = Duration::from_micros(cost.loaded.elapsed_us);
    let [p50, p99] = [times.p50_us, times.p99_us].map(|time| Some(Amount::whole(time)));
    let per_second = Amount::per_second(times.count, elapsed);
    Row::new(name, [Some(per_second), Some(cost.cpu_us()), p50, p99])
}

fn at_most(name: &str, unit: &str, goal: u64, value: Amount) -> Figure {
    Figure::new(name, unit, Goal::AtMost(Amount(goal)), value)
}

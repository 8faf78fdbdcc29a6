//! `jubao bench`: what this machine does, as ratios inside one run. Speed is measured here and never
//! asserted in a test; whether a goal is reached is said, and fails nothing.
//!
//! Everything is on loopback and bounded. The gateway runs in this process; whoever asks it runs in
//! another ([`peer`]), so that their costs can be told apart.

pub mod api;
pub mod ask;
pub mod chart;
pub mod edge;
pub mod growth;
pub mod hot_path;
pub mod hot_path_server;
pub mod load;
pub mod machine;
pub mod notices;
pub mod page;
pub mod peer;
pub mod replicas;
pub mod report;
pub mod settle;

mod ceiling;
mod cpu;
mod crowd;
mod delay;
mod merchant;
mod place;
mod sample;
mod site;
mod upstream;
mod writers;

use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, Instant};

use gateway::clock::Clock;
use store::{Database, PostgresUrl, StoreError};

use crate::bench::machine::Machine;
use crate::bench::report::{Repeat, Run, medians};
use crate::cli::{BenchArguments, Failure, print_line};

/// A bench.
pub struct Bench {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    run: fn(Plan) -> Running,
}

/// A bench that is under way.
type Running = Pin<Box<dyn Future<Output = Result<Trials, Failure>>>>;

/// Every bench.
pub const BENCHES: [Bench; 7] = [
    Bench {
        name: "hot-path",
        about: "durable orders against the same work with nothing stored, and against a page that does \
                nothing",
        run: |plan| match plan.server {
            None => Box::pin(hot_path::run(plan)),
            Some(_) => Box::pin(hot_path_server::run(plan)),
        },
    },
    Bench {
        name: "settle",
        about: "payments booked, against orders inserted, at the store alone",
        run: |plan| Box::pin(settle::run(plan)),
    },
    Bench {
        name: "notices",
        about: "notices delivered, against a bare HTTP client that posts the same bytes",
        run: |plan| Box::pin(notices::run(plan)),
    },
    Bench {
        name: "growth",
        about: "inserts into a store of 100,000 orders and into one of 10,000,000 (--orders)",
        run: |plan| Box::pin(growth::run(plan)),
    },
    Bench {
        name: "edge",
        about: "honest callers beside a crowd of silent sockets, three times capacity, forged requests",
        run: |plan| Box::pin(edge::run(plan)),
    },
    Bench {
        name: "api",
        about: "each operation of the merchants' API beside 1,000,000 stored orders (--orders), and refusals",
        run: |plan| Box::pin(api::run(plan)),
    },
    Bench {
        name: "replicas",
        about: "one, two and three gateway processes on one database of a server",
        run: |plan| Box::pin(replicas::run(plan)),
    },
];

/// What follows a bench's name where its stores were on a server.
pub const ON_SERVER: &str = "-postgres";
/// What follows where that server keeps its tables in partitions.
pub const IN_PARTS: &str = "-partitioned";
/// What follows where each sync was made to take longer.
pub const DELAYED: &str = "-slow-sync";

/// Where the runs that the reference is written from are kept.
pub const KEPT: &str = "docs/reference/performance";

/// What a bench is asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Repeats, of which the medians are taken.
    pub repeats: usize,
    /// Connections, or writers, at the same time.
    pub connections: usize,
    /// Orders in a repeat, if that is told.
    pub orders: Option<usize>,
    /// Where stores are made.
    pub folder: PathBuf,
    /// The server on which they are made instead.
    pub server: Option<PostgresUrl>,
    /// In how many partitions the server keeps what grows; `None`: in one table each.
    pub partitions: Option<u16>,
}

/// What the repeats of a bench found.
pub struct Trials {
    /// How much was asked.
    pub settings: String,
    /// Columns of the rows.
    pub columns: Vec<String>,
    /// Each repeat.
    pub repeats: Vec<Repeat>,
}

/// Keeps a bench of the edge on one processor, if there is another for its callers: what asks three
/// times too much would otherwise take the processor from what answers. Done before the runtime is
/// built, which then has as many threads as it has processors.
pub fn choose_processor(arguments: &BenchArguments) {
    if arguments.name.as_deref() == Some("edge") && cpu::pin(1).is_ok() {
        // The first processor always exists.
        let _ = cpu::pin(0);
    }
}

/// Runs a bench, prints what it found, and writes it as JSON with a chart.
///
/// # Errors
/// There is no such bench, or it could not be run to its end.
pub async fn run(arguments: BenchArguments) -> Result<(), Failure> {
    let Some(name) = &arguments.name else {
        BENCHES.iter().for_each(|bench| print_line(format!("{:<10}{}", bench.name, bench.about)));
        return Ok(());
    };
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    let bench = bench.ok_or_else(|| Failure::Input(format!("there is no bench {name}")))?;
    fs::create_dir_all(&arguments.out).map_err(|error| wrong_folder(&arguments.out, &error))?;
    let machine = Machine::this(&arguments.out);
    let plan = Plan {
        repeats: arguments.repeats.max(1),
        connections: arguments.connections.max(1),
        orders: arguments.orders,
        folder: arguments.out.clone(),
        server: arguments.database.as_deref().map(server).transpose()?,
        partitions: arguments.partitions,
    };
    if let Some(delay) = arguments.sync_delay_us {
        delay::check(&plan, Duration::from_micros(delay)).await?;
    }
    let (name, settings) = (name_of(bench, &arguments), settings_of(&plan));
    let trials = (bench.run)(plan).await?;
    let run = Run {
        bench: name,
        about: bench.about.to_owned(),
        settings: format!("{}{settings}", trials.settings),
        columns: trials.columns,
        repeats: trials.repeats.len(),
        at: Clock::default().now().beijing(),
        machine,
        found: medians(&trials.repeats),
    };
    print_line(run.text());
    keep(&run, &arguments.out)?;
    if arguments.keep { keep(&run, Path::new(KEPT)) } else { Ok(()) }
}

/// The server that an address names; it is not repeated.
fn server(text: &str) -> Result<PostgresUrl, Failure> {
    match Database::parse(text) {
        Ok(Database::Postgres(url)) => Ok(url),
        Ok(Database::Sqlite(_)) | Err(_) => {
            Err(Failure::Input("--database: a bench's server is postgres://…".into()))
        }
    }
}

/// What a run is called: kept runs of different stores stand side by side.
fn name_of(bench: &Bench, arguments: &BenchArguments) -> String {
    let store = if arguments.database.is_some() { ON_SERVER } else { "" };
    let parts = if arguments.partitions.is_some() { IN_PARTS } else { "" };
    let slow = if arguments.sync_delay_us.is_some() { DELAYED } else { "" };
    format!("{}{store}{parts}{slow}", bench.name)
}

/// What a run's own settings do not say: where the store is.
fn settings_of(plan: &Plan) -> String {
    let server = "; PostgreSQL beside the gateway and its callers on this machine";
    match (&plan.server, plan.partitions) {
        (Some(_), Some(count)) => format!("{server}, {count} partitions"),
        (Some(_), None) => server.into(),
        (None, _) => String::new(),
    }
}

/// Writes a run and its chart into `folder`.
fn keep(run: &Run, folder: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(run);
    let json = json.map_err(|error| Failure::Machine(error.to_string()))?;
    let write =
        |ending: &str, text: &str| fs::write(folder.join(format!("{}.{ending}", run.bench)), text);
    let written = fs::create_dir_all(folder)
        .and_then(|()| write("json", &format!("{json}\n")))
        .and_then(|()| write("svg", &chart::bars(run)));
    written.map_err(|error| wrong_folder(folder, &error))
}

fn wrong_folder(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::Machine(format!("{}: {error}", folder.display()))
}

fn store_fault(error: StoreError) -> Failure {
    Failure::Machine(error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures with the machine's own clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that found this.
    pub(super) fn a_run(found: Repeat) -> Run {
        Run {
            bench: "hot-path".into(),
            about: "orders".into(),
            settings: "1 order".into(),
            columns: vec!["per second".into()],
            repeats: 5,
            at: "2026-11-24 12:00:00".into(),
            machine: Machine::default(),
            found,
        }
    }
}

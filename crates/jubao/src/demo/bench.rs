//! `jubao bench`: how fast the hot path is on this machine, as ratios inside one run.
//!
//! Product 304 asks no upstream, so an order costs parsing, verifying, one durable row and a signed
//! answer. It is measured beside the same requests refused for their signature (no row is written)
//! and beside a page that does nothing, interleaved, and the median of the repeats is shown.

use std::time::Instant;

use gateway::clock::Clock;
use kernel::secret::Secret;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::task::JoinSet;

use crate::cli::{BenchArguments, Failure};
use crate::demo::identity::MERCHANT;
use crate::demo::{Demo, FreshFolder};
use crate::signing;

/// What is measured.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Path {
    /// A page that does nothing.
    Hello,
    /// An order refused for its signature: everything but the store.
    Refused,
    /// An order that stands, durably.
    Placed,
}

/// Requests per second, and the median and 99th percentile of their times in microseconds.
#[derive(Copy, Clone, Debug, Default)]
struct Figures {
    per_second: u128,
    p50_us: u128,
    p99_us: u128,
}

/// Runs the benchmark and prints a table.
pub async fn run(arguments: BenchArguments) -> Result<(), Failure> {
    let folder = FreshFolder::make()?;
    let demo = Demo::start("127.0.0.1:0", folder.path(), Clock::default()).await?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| Failure::Machine(error.to_string()))?;
    let mut rows = [(Path::Hello, vec![]), (Path::Refused, vec![]), (Path::Placed, vec![])];
    for repeat in 0..arguments.repeats {
        for (path, figures) in &mut rows {
            let load = Load {
                client: client.clone(),
                api: demo.addresses.api.clone(),
                path: *path,
                name: format!("B{repeat}"),
            };
            figures.push(load.run(&arguments).await?);
        }
    }
    let counters = demo.gateway.store().counters();
    println!("{:<10}{:>12}{:>10}{:>10}", "path", "requests/s", "p50 µs", "p99 µs");
    for (path, figures) in &mut rows {
        figures.sort_by_key(|one| one.per_second);
        let median = figures.get(figures.len() / 2).copied().unwrap_or_default();
        let Figures { per_second, p50_us, p99_us } = median;
        println!("{:<10}{per_second:>12}{p50_us:>10}{p99_us:>10}", format!("{path:?}"));
    }
    println!("orders per sync: {}", counters.batches / counters.commits.max(1));
    demo.stop().await;
    Ok(())
}

/// One repeat of one path.
#[derive(Clone)]
struct Load {
    client: reqwest::Client,
    api: String,
    path: Path,
    name: String,
}

impl Load {
    async fn run(self, arguments: &BenchArguments) -> Result<Figures, Failure> {
        let share = (arguments.orders / arguments.connections.max(1)).max(1);
        let began = now();
        let mut tasks = JoinSet::new();
        for connection in 0..arguments.connections {
            let load = self.clone();
            tasks.spawn(async move { load.one_connection(connection, share).await });
        }
        let mut times = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let done = done.map_err(|error| Failure::Machine(error.to_string()))?;
            times.extend(done.map_err(Failure::Machine)?);
        }
        let elapsed_us = began.elapsed().as_micros().max(1);
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0);
        let count = u128::try_from(times.len()).unwrap_or(0);
        Ok(Figures { per_second: count * 1_000_000 / elapsed_us, p50_us: at(50), p99_us: at(99) })
    }

    async fn one_connection(&self, connection: usize, share: usize) -> Result<Vec<u128>, String> {
        let mut times = Vec::with_capacity(share);
        for at in 0..share {
            let request = match self.path {
                Path::Hello => self.client.get(format!("{}/healthz", self.api)),
                Path::Refused | Path::Placed => {
                    let number = format!("{}C{connection}N{at}", self.name);
                    let url = format!("{}/payment/pay", self.api);
                    let body = order(&number, self.path)?;
                    self.client.post(url).header(CONTENT_TYPE, "application/json").body(body)
                }
            };
            let began = now();
            let answer = request.send().await.map_err(|error| error.to_string())?;
            let text = answer.text().await.map_err(|error| error.to_string())?;
            times.push(began.elapsed().as_micros());
            if self.path == Path::Placed && !text.starts_with("{\"code\":200,") {
                return Err(format!("an order was not placed: {text}"));
            }
        }
        Ok(times)
    }
}

fn order(number: &str, path: Path) -> Result<String, String> {
    let members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 10_000,
        "out_trade_no": number, "notify_url": "https://shop.example/notify",
        "body": "bench", "version": 2,
    });
    let key = match path {
        Path::Refused => "another key",
        Path::Hello | Path::Placed => MERCHANT.key,
    };
    signing::signed(&members, &Secret::new(key)).map(|signed| signed.to_string())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures with the machine's own clock")]
fn now() -> Instant {
    Instant::now()
}

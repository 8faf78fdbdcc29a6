//! Whether syncs take as long as the run says: a figure of slow syncs that were quick would be a lie.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use gateway::clock::Clock;
use store::orders;

use super::sample::Sampler;
use super::{Plan, now, place, writers};
use crate::cli::Failure;

/// Syncs that are looked at.
const SYNCS: u32 = 20;

/// Refuses to measure where a sync takes less than `delay`.
///
/// # Errors
/// It takes less, or cannot be tried.
pub async fn check(plan: &Plan, delay: Duration) -> Result<(), Failure> {
    let each = if plan.server.is_some() { of_commits(plan).await? } else { of_syncs(plan)? };
    if each >= delay {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "a sync takes {} µs here, which is less than --sync-delay-us says: start the bench with \
         cargo x bench … --sync-delay 1ms",
        each.as_micros()
    )))
}

async fn of_commits(plan: &Plan) -> Result<Duration, Failure> {
    let (_place, store) = place::open_store(plan).await?;
    let sampler = Sampler::new(Clock::default().now());
    let place = |at| orders::place(&sampler.order(format!("D{at}")), &[], &[]);
    let began = now();
    writers::write_all(&store, (0..SYNCS).map(place).collect(), 1).await?;
    Ok(began.elapsed() / SYNCS)
}

fn of_syncs(plan: &Plan) -> Result<Duration, Failure> {
    let path = plan.folder.join("sync-delay");
    let failed = |error: std::io::Error| Failure::Machine(format!("{}: {error}", path.display()));
    let mut file = File::create(&path).map_err(failed)?;
    let began = now();
    for _ in 0..SYNCS {
        file.write_all(b"x").and_then(|()| file.sync_data()).map_err(failed)?;
    }
    let each = began.elapsed() / SYNCS;
    std::fs::remove_file(&path).map_err(failed)?;
    Ok(each)
}

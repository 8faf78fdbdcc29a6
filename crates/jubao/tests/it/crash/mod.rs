//! The process dies: at random under load, and at every named point. What clients were told before
//! is remembered outside, and compared, order by order, with the store, the books, the upstreams and
//! what the merchant heard.

mod check;
mod load;
mod postgres;
pub mod world;

use std::time::Duration;

use kernel::crash::{ALL, Point, Row};

use self::load::Load;
use self::world::World;

/// Kills in `./test`.
const KILLS: u64 = 20;
/// Connections that ask at the same time.
const CONNECTIONS: u64 = 64;
/// Connections while a point is waited for.
const FEW: u64 = 8;
/// How long a point may be waited for; some are behind the sweeper's first look.
const POINT_WAIT: Duration = Duration::from_secs(25);
/// How long a process that had a panic is left running.
const AFTER_PANIC: Duration = Duration::from_millis(1_500);

/// A number that `cargo x crash` or `cargo x voyage` sets.
pub fn number(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "how `cargo x` asks for more")]
    let given = std::env::var(name);
    given.ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn kills() {
    let kills = number("JUBAO_CRASH_KILLS", KILLS);
    let seed = number("JUBAO_CRASH_SEED", 7);
    let mut world = World::make(seed).await;
    world.start("").await;
    let load = Load::start(&world, CONNECTIONS);
    for kill in 0..kills {
        let life = world.dice().up_to(350);
        tokio::time::sleep(Duration::from_millis(50 + life)).await;
        world.kill().await;
        // Every other time it dies once more while it recovers.
        if kill % 2 == 1 {
            let life = world.dice().up_to(150);
            world.begin("").await;
            tokio::time::sleep(Duration::from_millis(life)).await;
            world.kill().await;
        }
        world.start("").await;
    }
    load.stop().await;
    check::everything(&mut world).await;
    world.report("kills", kills);
}

#[tokio::test(flavor = "multi_thread")]
async fn points() {
    let rounds = number("JUBAO_CRASH_ROUNDS", 1);
    let seed = number("JUBAO_CRASH_SEED", 7);
    let mut world = World::make(seed).await;
    let load = Load::start(&world, FEW);
    let mut reached = 0;
    for round in 0..rounds {
        for row in ALL.iter().filter(|row| !is_of_first_start(row)) {
            // The first pass of the first round, later ones of later rounds; every third panics.
            let is_panic = round % 3 == 2;
            let mark = if is_panic { "!" } else { "" };
            world.begin(&format!("{}*{}{mark}", row.name, 1 + round / 3)).await;
            if is_panic {
                tokio::time::sleep(AFTER_PANIC).await;
                world.kill().await;
            } else {
                world.died(row.name, POINT_WAIT).await;
            }
            world.start("").await;
            world.kill().await;
            reached += 1;
        }
    }
    world.start("").await;
    load.stop().await;
    check::everything(&mut world).await;
    for row in ALL.iter().filter(|row| is_of_first_start(row)) {
        World::dies_at_its_first_start(row.name).await;
        reached += 1;
    }
    world.report("points", reached);
}

/// Whether a point is passed only where there was no data yet.
fn is_of_first_start(row: &Row) -> bool {
    matches!(row.point, Point::StoreCreated | Point::StoreMigrated)
}

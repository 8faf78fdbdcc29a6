//! The database dies, is stopped, is cut off exactly at a COMMIT, or is lost for good and replaced by
//! its standby, while clients go on asking a gateway that lives. What they were told is compared as
//! after the gateway's own deaths.

use std::collections::BTreeSet;
use std::time::Duration;

use pgtest::{Cut, Moment, Proxy, Server, Standby};
use tokio::time::{Instant, sleep};

use super::load::Load;
use super::world::World;
use super::{check, number};
use crate::leaks::{self, Kind};
use crate::place::Place;

/// Ends of the database in `./test`.
const ENDS: u64 = 6;
/// Cut commits in `./test`.
const CUTS: u64 = 60;
/// Clients that ask at the same time.
const CLIENTS: u64 = 32;
/// How soon the first order is acknowledged after the database is ready again.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// The same after the database was lost, from its death to its standby's first.
const REPLACED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long the network stands still.
const STILL: Duration = Duration::from_millis(300);
/// What transactions say that are cut; nothing is any of them.
const SAID: [&str; 5] = ["", "into orders", "into ledger_entries", "into notices", "update lanes"];

/// A server with a database for a gateway.
async fn server() -> (Server, String) {
    let server = Server::make().await;
    for password in server.passwords() {
        leaks::secret(Kind::Key, "a password of PostgreSQL", password.as_bytes());
    }
    let url = server.create_database("pay").await;
    (server, url)
}

/// A world on it, whose gateway reaches it at an address of its own.
async fn world(address: &str, direct: &str) -> World {
    World::on(number("JUBAO_CRASH_SEED", 7), Place::on_server([address, direct])).await
}

/// Waits for an order that is acknowledged from now on: how long that takes.
async fn serves_again(world: &World) -> Duration {
    let (began, before) = (Instant::now(), world.acknowledged());
    while world.acknowledged() == before {
        assert!(began.elapsed() < 2 * REPLACED_WITHIN, "the gateway does not come back");
        sleep(LOOK).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_ends_and_comes_back() {
    let ends = number("JUBAO_CRASH_ENDS", ENDS);
    let (mut server, url) = server().await;
    let mut world = world(&url, &url).await;
    world.start("").await;
    let load = Load::start(&world, CLIENTS);
    let mut back = BTreeSet::new();
    for end in 0..ends {
        sleep(Duration::from_millis(100 + world.dice().up_to(400))).await;
        match end % 3 {
            0 => server.kill_9().await,
            1 => server.stop_immediate().await,
            _ => server.stop_fast().await,
        }
        // Every fourth time the gateway dies as well.
        let is_alone = end % 4 != 3;
        if !is_alone {
            world.kill().await;
        }
        // Longer than anybody is kept waiting, or not at all.
        let down_ms = world.dice().pick(&[0, 300, 3_000]);
        sleep(Duration::from_millis(down_ms)).await;
        server.start().await;
        if !is_alone {
            world.start("").await;
        }
        back.insert(serves_again(&world).await);
    }
    load.stop().await;
    check::everything(&mut world).await;
    world.report("ends of PostgreSQL", ends);
    println!("back after {back:?}");
    assert!(back.last().is_none_or(|last| *last <= BACK_WITHIN), "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut_at_a_commit() {
    let cuts = number("JUBAO_CRASH_CUTS", CUTS);
    let (server, url) = server().await;
    let proxy = Proxy::before(server.port()).await;
    let mut world = world(&proxy.url(&url), &url).await;
    world.start("").await;
    let load = Load::start(&world, CLIENTS);
    for cut in 0..cuts {
        let moment = world.dice().pick(&[Moment::Before, Moment::InFlight, Moment::After]);
        proxy.cut(Cut::next(moment).of(world.dice().pick(&SAID)));
        proxy.until(|counts| counts.cut_at_commit() > cut).await;
        match cut % 10 {
            3 => proxy.cut_all(),
            7 => {
                proxy.freeze();
                sleep(STILL).await;
                proxy.thaw();
            }
            _ => {}
        }
        serves_again(&world).await;
    }
    load.stop().await;
    let counts = proxy.counts();
    assert_eq!(counts.cut_at_commit(), cuts);
    check::everything(&mut world).await;
    world.report("cut commits", cuts);
    println!("{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_lost_and_its_standby_takes_its_place() {
    let (mut primary, url) = server().await;
    let proxy = Proxy::before(primary.port()).await;
    let mut world = world(&proxy.url(&url), &url).await;
    world.start("").await;
    let load = Load::start(&world, CLIENTS);
    let replication = Proxy::before(primary.port()).await;
    let standby = Standby::by_way_of(replication.port(), &primary).await;
    serves_again(&world).await;
    sleep(Duration::from_millis(500 + world.dice().up_to(500))).await;
    // From here on the standby hears of nothing; whoever is told of anything now has been told a lie.
    replication.freeze();
    sleep(STILL).await;
    let (lost, before) = (Instant::now(), world.acknowledged());
    primary.kill_9().await;
    let promoted = standby.promote().await;
    let ready = lost.elapsed();
    world.place = Place::on_server([&proxy.url(&url), &promoted.url("pay")]);
    proxy.redirect(promoted.port());
    serves_again(&world).await;
    let replaced = lost.elapsed();
    sleep(Duration::from_millis(500)).await;
    load.stop().await;
    check::everything(&mut world).await;
    world.report("standby promoted", 1);
    println!("{before} before; promoted after {ready:?}, serves after {replaced:?}");
    assert!(replaced <= REPLACED_WITHIN, "{replaced:?}");
}

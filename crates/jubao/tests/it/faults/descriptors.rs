//! Descriptors run out: idle sockets have taken all of them.

use std::process::Command;
use std::time::Duration;

use pgtest::Server;

use super::server;
use super::till::Till;
use crate::crash::world::World;
use crate::edge_process::wait;
use crate::leaks::TestFolder;
use crate::place::Place;
use crate::socket::Socket;

/// Orders while there are none left.
const ORDERS: usize = 12;
/// Sockets that say nothing.
const IDLE: usize = 60;
/// Descriptors that are left for them.
const LEFT: usize = 4;
/// Idle sockets stay for the whole test.
const STAY: &str = "first_byte_ms = 600000\nidle_ms = 600000\n";
/// Longer than the door is shut when there was no room.
const AT_THE_DOOR: Duration = Duration::from_millis(300);
/// For how long is looked at what a process does that has nothing to do.
const LOOK: Duration = Duration::from_secs(1);
/// What it may do in that time, in hundredths of a second.
const TICKS_MAX: u64 = 25;

fn open_files(world: &World) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", world.running().id())).unwrap().count()
}

/// How long the processors have worked for it, in hundredths of a second.
fn ticks(world: &World) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", world.running().id())).unwrap();
    let (_, facts) = text.rsplit_once(") ").unwrap();
    facts.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Takes all descriptors but those that are open.
async fn crowd(world: &World) -> Vec<Socket> {
    let room = open_files(world) + LEFT;
    let (process, limit) = (world.running().id().to_string(), format!("--nofile={room}:"));
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(set.unwrap().success());
    let mut sockets = Vec::new();
    for _ in 0..IDLE {
        sockets.push(Socket::connect(&world.api).await);
    }
    wait("the descriptors to run out", async || (open_files(world) >= room).then_some(())).await;
    sockets
}

/// Starts it and takes all its descriptors: the line that is open is served all the same.
async fn crowded(world: &mut World) -> (Till, Vec<Socket>) {
    world.configure(STAY);
    world.start("").await;
    let mut till = Till::default();
    till.place_all(world, ORDERS).await;
    till.keep_to_one_line(world).await;
    assert_eq!(till.place(world).await, 200);
    let idle = crowd(world).await;
    till.place_all(world, ORDERS).await;
    till.query_all(world).await;
    (till, idle)
}

/// Nothing is accepted, and nobody tries all the time.
async fn is_calm(world: &World) {
    let before = ticks(world);
    tokio::time::sleep(LOOK).await;
    let worked = ticks(world) - before;
    println!("worked for {worked} hundredths of a second");
    assert!(worked <= TICKS_MAX, "{worked} hundredths of a second for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_descriptor_left_a_file_is_served_from_as_before() {
    let folder = TestFolder::make();
    let mut world = World::on(7, Place::in_file(&folder.path().join("jubao.db"))).await;
    let (mut till, idle) = crowded(&mut world).await;
    is_calm(&world).await;
    drop(idle);
    assert!(Socket::connect(&world.api).await.ask("/readyz").await.unwrap().ends_with("ready"));
    till.place_all(&world, ORDERS).await;
    till.settle(&world).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_descriptor_left_for_a_server_orders_are_refused_until_there_is_one() {
    let server = Server::make().await;
    let mut world = server::world(&server).await;
    let (mut till, idle) = crowded(&mut world).await;
    // What the server closes is taken by who waits at the door, unless the gateway connects before; then there
    // is nothing left to connect with.
    wait("the sessions' descriptors to be taken", async || {
        server.end_sessions(server::DATABASE, "%").await;
        tokio::time::sleep(AT_THE_DOOR).await;
        (till.place(&world).await == 4006).then_some(())
    })
    .await;
    is_calm(&world).await;
    till.refused_all(&world, 2).await;
    drop(idle);
    till.is_served_again(&world).await;
    till.settle(&world).await;
    world.finish().await;
}

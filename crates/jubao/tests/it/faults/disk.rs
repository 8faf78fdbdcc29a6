//! The disk of the store is full.

use pgtest::Server;

use super::server;
use super::small_disk::SmallDisk;
use super::till::Till;
use crate::crash::world::World;
use crate::edge_process::wait;
use crate::place::Place;

/// Orders before, while and after there is no room.
const ORDERS: usize = 12;
/// Tries until what was left of the disk is used up.
const TRIES_MAX: usize = 200;

/// Fills the disk, and places orders until one is refused: whatever was left is used up.
async fn fill(disk: &SmallDisk, till: &mut Till, world: &World) {
    for _ in 0..TRIES_MAX {
        disk.fill();
        if till.place(world).await != 200 {
            return;
        }
    }
    panic!("the disk does not fill up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_a_file_refuses_and_what_is_there_is_answered() {
    let name = "faults::disk::a_full_disk_under_a_file_refuses_and_what_is_there_is_answered";
    let Some(disk) = SmallDisk::enter(name, 8).await else { return };
    let mut world = World::on(7, Place::in_file(&disk.path().join("jubao.db"))).await;
    // Its log is on the same disk, as on many machines.
    world.start_logging_to(&disk.path().join("log")).await;
    let (mut till, process) = (Till::default(), world.running().id());
    for _ in 0..2 {
        till.place_all(&world, ORDERS).await;
        fill(&disk, &mut till, &world).await;
        till.refused_all(&world, ORDERS).await;
        till.query_all(&world).await;
        disk.make_room();
        till.is_served_again(&world).await;
    }
    till.only_begun_is_unknown(&world).await;
    till.settle(&world).await;
    assert_eq!(world.running().id(), process);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_a_server_refuses_and_what_is_there_is_answered() {
    let name = "faults::disk::a_full_disk_under_a_server_refuses_and_what_is_there_is_answered";
    let Some(disk) = SmallDisk::enter(name, 160).await else { return };
    let mut server = Server::make_under(disk.path(), "").await;
    let mut world = server::world(&server).await;
    world.start("").await;
    let mut till = Till::default();
    till.place_all(&world, ORDERS).await;
    // A table cannot grow: the statement is refused, and everything else goes on.
    for _ in 0..ORDERS {
        fill(&disk, &mut till, &world).await;
    }
    till.query_all(&world).await;
    assert_eq!(till.not_placed(), ORDERS);
    assert!(server.log().contains("could not extend file"), "{}", server.log());
    disk.make_room();
    till.is_served_again(&world).await;
    till.only_begun_is_unknown(&world).await;
    // The write-ahead log cannot grow: the server ends all sessions, recovers, cannot write that down either,
    // and ends itself. What it logs of it has no room.
    disk.fill();
    server.switch_wal().await;
    wait("the server to give up", async || {
        assert_ne!(till.place(&world).await, 200, "{}", server.log());
        (!server.is_running()).then_some(())
    })
    .await;
    assert_ne!(till.place(&world).await, 200);
    disk.make_room();
    // Whoever watches over it starts it again; the gateway is left alone.
    server.start().await;
    till.is_served_again(&world).await;
    till.settle(&world).await;
    world.finish().await;
}

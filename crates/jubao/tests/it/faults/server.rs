//! A server of a test's own, and what is done to it.

use pgtest::{Proxy, Server};

use crate::crash::world::World;
use crate::leaks::{self, Kind};
use crate::place::Place;

/// What it is called.
pub const DATABASE: &str = "pay";

/// A world on a database of a server.
pub async fn world(server: &Server) -> World {
    let url = database(server).await;
    World::on(7, Place::on_server([&url, &url])).await
}

/// A started world that reaches a server of its own through a proxy, and the database's address without it.
pub async fn behind_proxy() -> (Server, Proxy, World, String) {
    let server = Server::make().await;
    let url = database(&server).await;
    let proxy = Proxy::before(server.port()).await;
    let mut world = World::on(7, Place::on_server([&proxy.url(&url), &url])).await;
    world.start("").await;
    (server, proxy, world, url)
}

/// A database for a gateway: its address.
pub async fn database(server: &Server) -> String {
    for password in server.passwords() {
        leaks::secret(Kind::Key, "a password of PostgreSQL", password.as_bytes());
    }
    server.create_database(DATABASE).await
}

//! A server of a test's own, and what is done to it.

use pgtest::Server;

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

/// A database for a gateway: its address.
pub async fn database(server: &Server) -> String {
    for password in server.passwords() {
        leaks::secret(Kind::Key, "a password of PostgreSQL", password.as_bytes());
    }
    server.create_database(DATABASE).await
}

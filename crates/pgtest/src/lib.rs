//! PostgreSQL servers for tests: made from nothing in a second, killed in every way that a server can
//! die in, and gone with the process that made them, however that ends. Only tests depend on this
//! crate (docs/decisions/0021); it must never be a part of the program.
//!
//! - [`Database::fresh`] is an empty database on the server that all tests of a process share;
//!   [`Database::fresh_from`] one in which migrations have run.
//! - [`Server`] is a server of a test's own, to be stopped, killed and started again.
//! - [`Proxy`] stands before a server and cuts connections exactly at a COMMIT.
//! - [`Standby`] follows a server, which waits for it before it acknowledges, and takes its place.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "only tests use this: a panic is their report, and time and environment are the machine's"
)]

mod database;
mod folder;
mod installed;
mod processes;
mod proxy;
mod server;
mod standby;
#[cfg(test)]
mod tests;

pub use crate::database::Database;
pub use crate::proxy::{Counts, Cut, Moment, Proxy};
pub use crate::server::{Server, Still, connect};
pub use crate::standby::Standby;

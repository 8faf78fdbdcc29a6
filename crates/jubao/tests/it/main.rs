//! The whole program, as its users meet it: a real server, real simulators, a real merchant's
//! listener, all on loopback and on ports of their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod app;
mod callbacks;
mod doubt;
mod expiry;
mod late;
mod merchant;
mod notices;
mod payments;
mod repeat;

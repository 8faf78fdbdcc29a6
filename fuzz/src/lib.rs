//! What must hold for any bytes: one function a target, each panics where it does not hold.

pub mod accounts;
pub mod bodies;
pub mod cuts;
pub mod signing;
pub mod targets;
pub mod upstreams;
pub mod wires;
mod words;

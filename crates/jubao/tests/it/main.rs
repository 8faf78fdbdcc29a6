//! The whole program, as its users meet it: a real server, real simulators, a real merchant's
//! listener, all on loopback and on ports of their own.

mod app;
mod payments;

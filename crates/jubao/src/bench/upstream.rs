//! The simulated upstreams in a peer's process, so that what they cost is not the gateway's. They call
//! nobody back: a bench knows what it has paid.

use std::future::pending;
use std::path::Path;

use gateway::clock::Clock;

use super::peer::Done;
use crate::cli::Failure;
use crate::demo::identity::DemoIdentity;
use crate::serve;
use crate::sim::SimHost;

/// Serves those of the identity in `folder` until the process ends; `tell` hears where.
///
/// # Errors
/// There is no identity, or no port.
pub async fn run(folder: &Path, tell: fn(&Done)) -> Result<(), Failure> {
    let identity = DemoIdentity::load(folder)?;
    let listener = serve::bind("127.0.0.1:0").await?;
    let address = listener.local_addr().map_err(|error| Failure::Machine(error.to_string()))?;
    let sims = identity.sims(&format!("http://{address}"))?;
    let host = SimHost::new(sims, Clock::default(), None).map_err(Failure::Machine)?;
    tell(&Done::Listening(address));
    serve::serve(listener, host.router(), pending()).await
}

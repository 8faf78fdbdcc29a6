//! Which addresses a name leads to, for connections to merchants: looked up anew for each
//! connection, every one judged by the egress guard, and only those that passed handed over.
//!
//! Nothing is remembered: no connection rests on a judgement older than itself, so a name that leads
//! elsewhere a moment later (DNS rebinding) is judged by where it leads then.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use kernel::defect::{self, Defect};
use kernel::egress_policy::{Cidr, may_connect};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Lookups of merchants' names under way. The system's lookup holds a thread for as long as it likes;
/// the runtime has 512, and upstreams' names must always find one.
const LOOKUPS_MAX: usize = 128;
/// Addresses of one name that are tried; the time to connect is shared among them.
const ADDRESSES_MAX: usize = 8;

/// The addresses of a name, once they are known.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How a name becomes addresses.
#[derive(Clone)]
pub struct Lookup(Arc<dyn Fn(&str) -> Looking + Send + Sync>);

impl Lookup {
    /// A lookup that asks `ask`.
    pub fn new(ask: impl Fn(&str) -> Looking + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// The system's: its hosts file and its name servers, asked anew each time.
    pub fn of_the_system() -> Self {
        let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Self::new(move |name| Box::pin(ask_the_system(name.to_owned(), places.clone())))
    }

    /// Looks `name` up.
    pub fn look(&self, name: &str) -> Looking {
        (self.0)(name)
    }
}

async fn ask_the_system(name: String, places: Arc<Semaphore>) -> io::Result<Vec<IpAddr>> {
    let place = places.acquire_owned().await.map_err(io::Error::other)?;
    // A lookup that nobody waits for any more goes on, and keeps its place until it ends.
    let asked = spawn_blocking(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        drop(place);
        found.map(|addresses| addresses.map(|address| address.ip()).collect())
    });
    asked.await.map_err(io::Error::other)?
}

/// Resolves names to the addresses that the guard lets pass; the connection goes to one of these.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    /// How names become addresses.
    pub(crate) lookup: Lookup,
    /// Addresses that are let pass although they are not global.
    pub(crate) allowed: Arc<Vec<Cidr>>,
}

impl GuardedResolver {
    /// The addresses that `name` leads to now, as far as the guard lets them pass.
    pub(crate) async fn passed(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = self.lookup.look(name).await?.into_iter();
        let is_judged = !defect::is_seeded(Defect::ResolvedUnjudged);
        let passed = found.filter(|ip| may_connect(*ip, &self.allowed) || !is_judged);
        Ok(passed.take(ADDRESSES_MAX).collect())
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let passed = resolver.passed(name.as_str()).await?;
            if passed.is_empty() {
                return Err(Box::new(NoPublicAddress) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(passed.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

/// A name whose every address the guard refuses.
#[derive(Debug)]
pub(crate) struct NoPublicAddress;

impl std::fmt::Display for NoPublicAddress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the name has no address that may be connected to")
    }
}

impl Error for NoPublicAddress {}

#[cfg(test)]
mod tests {
    use std::str::FromStr;
    use std::sync::Mutex;

    use super::*;

    /// A resolver whose name leads to the next of `answers` at each lookup.
    fn resolver(answers: &[&[&str]]) -> GuardedResolver {
        let parsed = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers: Vec<Vec<IpAddr>> = answers.iter().rev().map(parsed).collect();
        let answers = Mutex::new(answers);
        let lookup = Lookup::new(move |_| {
            let answer = answers.lock().unwrap().pop().unwrap();
            Box::pin(async move { Ok(answer) })
        });
        GuardedResolver { lookup, allowed: Arc::default() }
    }

    async fn passed(resolver: &GuardedResolver) -> Vec<String> {
        let resolved = resolver.resolve(Name::from_str("shop.example").unwrap()).await;
        resolved.map_or_else(
            |fault| vec![fault.to_string()],
            |addresses| addresses.map(|address| address.ip().to_string()).collect(),
        )
    }

    #[tokio::test]
    async fn of_a_names_addresses_only_global_ones_are_handed_over() {
        let mixed =
            resolver(&[&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111", "::ffff:9.9.9.9"]]);
        assert_eq!(passed(&mixed).await, ["1.1.1.1", "2606:4700::1111"]);
        let many = resolver(&[&["1.1.1.1"; 100]]);
        assert_eq!(passed(&many).await.len(), ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn a_name_is_looked_up_and_judged_anew_each_time() {
        let rebound = resolver(&[&["1.1.1.1"], &["169.254.169.254"], &[], &["9.9.9.9"]]);
        assert_eq!(passed(&rebound).await, ["1.1.1.1"]);
        assert_eq!(passed(&rebound).await, [NoPublicAddress.to_string()]);
        assert_eq!(passed(&rebound).await, [NoPublicAddress.to_string()]);
        assert_eq!(passed(&rebound).await, ["9.9.9.9"]);
    }

    #[tokio::test]
    async fn the_system_is_asked_a_few_names_at_a_time_and_says_what_it_does_not_know() {
        let places = Arc::new(Semaphore::new(1));
        let ask = |name: &str| ask_the_system(name.to_owned(), places.clone());
        let (one, other) = tokio::join!(ask("127.0.0.1"), ask("::1"));
        assert_eq!(one.unwrap(), [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(other.unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
        assert!(ask("").await.is_err());
        assert_eq!(places.available_permits(), 1);
    }
}

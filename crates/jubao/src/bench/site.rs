//! The gateway that is measured: as in production, on a store of its own, with the demo's
//! merchant, and without a log.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use gateway::clock::Clock;
use gateway::{Gateway, Settings, Statuses};
use store::{Counters, Database, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use web::edge::{Edge, Limits};

use super::load::{Load, Loaded};
use super::peer::Peer;
use super::place::Place;
use super::report::Amount;
use super::{Plan, cpu, store_fault};
use crate::cli::Failure;
use crate::data_dir::{KEY_NAME, open_or_make};
use crate::demo::identity::{DemoIdentity, MERCHANT};
use crate::descriptors;

/// Where payers would reach it: as long as such an address is.
const PUBLIC_URL: &str = "https://pay.example.com";
/// An upstream that nobody asks.
const NO_UPSTREAM: &str = "http://127.0.0.1:1";

/// A gateway and the servers in front of it.
pub struct Site {
    /// The gateway.
    pub gateway: Gateway,
    servers: JoinSet<()>,
    stop: watch::Sender<bool>,
    place: Place,
}

impl Site {
    /// A gateway whose store is new.
    ///
    /// # Errors
    /// The place cannot be made.
    pub async fn open(plan: &Plan) -> Result<Self, Failure> {
        Self::open_on(Place::make(plan).await?, NO_UPSTREAM).await
    }

    /// A gateway in a place whose folder may hold the demo's identity, with upstreams at `upstream`.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub async fn open_on(place: Place, upstream: &str) -> Result<Self, Failure> {
        let gateway = gateway(&place.database()?, place.folder(), 0).await?;
        DemoIdentity::load(place.folder())?.install(&gateway, upstream).await?;
        let site = Self::of(gateway, place);
        // The demo's application is one for the sandbox; what is measured is in earnest.
        site.put_sandbox("off").await?;
        Ok(site)
    }

    /// One more gateway on a database and a folder in which there is one.
    ///
    /// # Errors
    /// The store or its key cannot be opened.
    pub async fn join(database: &Database, folder: &Path, node: u32) -> Result<Self, Failure> {
        Ok(Self::of(gateway(database, folder, node).await?, Place::of_another()))
    }

    fn of(gateway: Gateway, place: Place) -> Self {
        Self { gateway, servers: JoinSet::new(), stop: watch::channel(false).0, place }
    }

    /// Where its store is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Turns the sandbox of the demo's application `on` or `off`.
    ///
    /// # Errors
    /// The store fails.
    pub async fn put_sandbox(&self, word: &str) -> Result<(), Failure> {
        let pairs = [("sandbox".to_owned(), word.to_owned())];
        let put = self.gateway.set_settings("bench", MERCHANT.app_id, &pairs).await;
        put.map(|_| ()).map_err(|fault| Failure::Machine(format!("{fault:?}")))
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        self.gateway.store()
    }

    /// Serves the gateway behind an edge with these limits.
    ///
    /// # Errors
    /// There is no port.
    pub async fn serve(&mut self, limits: Limits) -> Result<SocketAddr, Failure> {
        descriptors::connections(limits.sockets.connections);
        let edge = Edge::new(limits, None).map_err(Failure::Machine)?;
        self.serve_behind(edge.clone(), web::router(self.gateway.clone(), edge)).await
    }

    /// Serves `router` behind an edge as the gateway's.
    ///
    /// # Errors
    /// There is no port.
    pub async fn serve_behind(
        &mut self,
        edge: Edge,
        router: Router,
    ) -> Result<SocketAddr, Failure> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let failed = |error: std::io::Error| Failure::Machine(error.to_string());
        let listener = TcpListener::bind(any).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut stopped = self.stop.subscribe();
        self.servers.spawn(async move {
            let stop = async move {
                // An error means that the bench is over: stop as well.
                let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
            };
            edge.serve(listener, router, stop).await;
        });
        Ok(address)
    }

    /// Has `peer` ask it, and says what that cost here.
    ///
    /// # Errors
    /// The peer fails, or a request had no answer.
    pub async fn measure(&self, peer: &mut Peer, load: Load) -> Result<Cost, Failure> {
        let (used, before) = (cpu::used(), self.store().counters());
        let loaded = peer.load(load).await?;
        let (used, after) = (cpu::used() - used, self.store().counters());
        let counters = Counters {
            commits: after.commits - before.commits,
            batches: after.batches - before.batches,
        };
        if loaded.failed > 0 {
            return Err(Failure::Machine(format!("{} requests had no answer", loaded.failed)));
        }
        Ok(Cost { loaded, used, counters })
    }

    /// How many orders the demo's merchant has.
    ///
    /// # Errors
    /// The store fails.
    pub async fn count_orders(&self) -> Result<usize, Failure> {
        store::orders::count(self.store(), MERCHANT.mch_id).await.map_err(store_fault)
    }

    /// Stops the servers.
    pub async fn stop(mut self) {
        // They may have ended already.
        let _ = self.stop.send(true);
        self.servers.shutdown().await;
    }
}

/// A gateway on a store, with the node number that its ids have.
async fn gateway(database: &Database, folder: &Path, node: u32) -> Result<Gateway, Failure> {
    let settings = Settings {
        public_url: PUBLIC_URL.to_owned(),
        node: Some(node),
        private_targets: "127.0.0.0/8".parse().into_iter().collect(),
        statuses: Statuses::default(),
        old_platform: None,
    };
    let (store, vault) = open_or_make(database, &folder.join(KEY_NAME)).await?;
    let gateway = Gateway::new(store, vault, Clock::default(), settings).await;
    gateway.map_err(Failure::Machine)
}

/// What requests cost.
#[derive(Clone, Debug)]
pub struct Cost {
    /// How they were answered.
    pub loaded: Loaded,
    /// Processor time of the gateway's process.
    pub used: Duration,
    /// What the store's writer did for them.
    pub counters: Counters,
}

impl Cost {
    /// Answers of all kinds.
    pub fn answers(&self) -> usize {
        let Loaded { accepted, busy, refused, .. } = &self.loaded;
        accepted.count + busy.count + refused.count
    }

    /// Answers that say yes, in a second.
    pub fn per_second(&self) -> Amount {
        let elapsed = Duration::from_micros(self.loaded.elapsed_us);
        Amount::per_second(self.loaded.accepted.count, elapsed)
    }

    /// Processor time for each answer, in microseconds.
    pub fn cpu_us(&self) -> Amount {
        Amount::ratio(self.used.as_micros(), u128::try_from(self.answers()).unwrap_or(1))
    }
}

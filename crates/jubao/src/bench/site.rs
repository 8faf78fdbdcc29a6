//! The gateway that is measured: as in production, on an embedded store of its own, with the demo's
//! merchant, and without a log.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use gateway::clock::Clock;
use gateway::{Gateway, Settings, Statuses};
use store::{Counters, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use web::edge::{Edge, Limits};

use super::load::{Load, Loaded};
use super::peer::Peer;
use super::report::Amount;
use super::{cpu, store_fault};
use crate::cli::Failure;
use crate::data_dir::{KEY_NAME, in_folder, open_or_make};
use crate::demo::FreshFolder;
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
    _folder: FreshFolder,
}

impl Site {
    /// A gateway whose store is in a new folder in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub async fn open(folder: &Path) -> Result<Self, Failure> {
        Self::open_on(FreshFolder::make_in(folder)?, NO_UPSTREAM).await
    }

    /// A gateway on a folder that may hold the demo's identity, whose upstreams are at `upstream`.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub async fn open_on(folder: FreshFolder, upstream: &str) -> Result<Self, Failure> {
        let settings = Settings {
            public_url: PUBLIC_URL.to_owned(),
            node: 0,
            private_targets: "127.0.0.0/8".parse().into_iter().collect(),
            statuses: Statuses::default(),
            old_platform: None,
        };
        let (store, vault) =
            open_or_make(&in_folder(folder.path()), &folder.path().join(KEY_NAME)).await?;
        let gateway = Gateway::new(store, vault, Clock::default(), settings).await;
        let gateway = gateway.map_err(Failure::Machine)?;
        DemoIdentity::load(folder.path())?.install(&gateway, upstream).await?;
        let servers = JoinSet::new();
        let site = Self { gateway, servers, stop: watch::channel(false).0, _folder: folder };
        // The demo's application is one for the sandbox; what is measured is in earnest.
        site.put_sandbox("off").await?;
        Ok(site)
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

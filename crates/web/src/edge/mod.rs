//! The edge: what stands between the sockets of strangers and the use cases. It says who may come
//! in, how long everything may take, how much may be in work, and when the server leaves.
//!
//! It must never begin anything for a request that it refuses, and never cost more for refusing
//! than for answering. What it refuses may be repeated as it is.

mod accept;
mod client;
mod connection;
mod early;
mod framing;
mod gate;
mod limits;
mod places;
mod rates;
mod tls;
mod turns;
mod watch;
mod work;

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use kernel::id::AppId;
use tokio::sync::watch as channel;

pub use client::Client;
pub(crate) use framing::Head;
pub use limits::{Limits, Rates, Sockets, Times, Work};
pub use tls::TlsFiles;
pub use turns::PageTurn;
pub use work::Turn;

use client::Net;
use gate::Gate;
use places::{Place, Places};
use tls::Tls;
use work::Lane;

/// The edge of a server. Clones share everything.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    limits: Limits,
    tls: Option<Tls>,
    connections: Places,
    streams: Places,
    long_polls: Places<AppId>,
    merchants: Lane,
    callbacks: Lane,
    pages: Lane,
    gate: Arc<Gate>,
    rates: rates::Rates,
    refused: Refused,
    refuse: OnceLock<Box<Refuse>>,
    stage: channel::Sender<Stage>,
}

/// The whole answer to a request that is refused; `None` if its address is none that may be.
type Refuse = dyn Fn(&Head<'_>) -> Option<Vec<u8>> + Send + Sync;

/// Where the server is on its way out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It serves.
    Open,
    /// It serves, and says that it will not for long.
    Leaving,
    /// It finishes what is in flight.
    Closing,
}

impl Edge {
    /// An edge with these limits, and TLS if there are `files` for it.
    ///
    /// # Errors
    /// The TLS files cannot be used.
    pub fn new(limits: Limits, files: Option<TlsFiles>) -> Result<Self, String> {
        let (sockets, work) = (limits.sockets, limits.work);
        let tls = files.map(Tls::load).transpose()?;
        Ok(Self(Arc::new(Inner {
            tls,
            connections: Places::new(sockets.connections, sockets.connections_per_address),
            streams: Places::new(sockets.streams, sockets.streams_per_address),
            long_polls: Places::new(sockets.long_polls, sockets.long_polls_per_application),
            merchants: Lane::new(work.merchants, work.wait),
            callbacks: Lane::new(work.callbacks, work.wait),
            pages: Lane::new(work.pages, work.wait),
            gate: Arc::default(),
            rates: rates::Rates::new(limits.rates),
            refused: Refused::default(),
            refuse: OnceLock::new(),
            stage: channel::channel(Stage::Open).0,
            limits,
        })))
    }

    /// The limits that hold.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Whether it serves and will go on to.
    pub fn is_open(&self) -> bool {
        *self.0.stage.borrow() == Stage::Open
    }

    /// How merchants' requests are refused before they reach a route.
    pub(crate) fn refuse_with(
        &self,
        refuse: impl Fn(&Head<'_>) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) {
        // An edge whose router is made twice refuses as before.
        let _ = self.0.refuse.set(Box::new(refuse));
    }

    /// Looks at the TLS files now.
    pub fn reload_tls(&self) {
        if let Some(tls) = &self.0.tls {
            tls.reload();
        }
    }

    /// Counts a request of `client`; false if it asks too often.
    pub(crate) fn is_welcome(&self, client: Client) -> bool {
        let is_welcome = client.net.is_none_or(|net| self.0.rates.take_address(net));
        if !is_welcome {
            self.0.refused.request();
        }
        is_welcome
    }

    /// Counts a log-in of `client`; false if too many come from there.
    pub(crate) fn may_log_in(&self, client: Client) -> bool {
        let is_welcome = client.net.is_none_or(|net| self.0.rates.take_log_in(net));
        if !is_welcome {
            self.0.refused.request();
        }
        is_welcome
    }

    /// Counts a request of an application whose signature is right; false if it asks too often.
    pub(crate) fn is_within_rate(&self, app_id: AppId) -> bool {
        let is_within = self.0.rates.take_application(app_id);
        if !is_within {
            self.0.refused.request();
        }
        is_within
    }

    /// Whether a wrong signature of a sandbox application is explained; false if too many are.
    pub(crate) fn may_explain(&self, app_id: AppId) -> bool {
        self.0.rates.take_explanation(app_id)
    }

    /// A turn for a merchant's request, which it keeps until its work is done, be its client gone.
    pub(crate) async fn merchant_turn(&self) -> Option<Turn> {
        let turn = if self.0.gate.admits() { self.0.merchants.turn().await } else { None };
        self.counted(turn)
    }

    /// A turn for an upstream's callback.
    pub(crate) async fn callback_turn(&self) -> Option<Turn> {
        self.counted(self.0.callbacks.turn().await)
    }

    /// A turn for a payer's page.
    pub(crate) async fn page_turn(&self) -> Option<Turn> {
        self.counted(self.0.pages.turn().await)
    }

    /// A place for a page that watches an order.
    pub(crate) fn stream(&self, client: Client) -> Option<Stream> {
        let place = self.counted(self.0.streams.take(client.net))?;
        Some(Stream { _place: place, stage: self.0.stage.subscribe() })
    }

    /// A place for an application's request that waits: it holds no turn meanwhile. `None` is no refusal:
    /// what is known is answered at once.
    pub(crate) fn long_poll(&self, app_id: AppId) -> Option<Stream<AppId>> {
        let place = self.0.long_polls.take(Some(app_id))?;
        Some(Stream { _place: place, stage: self.0.stage.subscribe() })
    }

    /// How many requests were refused from their heads alone since the process started.
    pub fn refused_early(&self) -> u64 {
        self.0.refused.early.load(Ordering::Relaxed)
    }

    /// How many requests wait for an end or an event.
    pub fn waiting(&self) -> usize {
        self.0.long_polls.count()
    }

    fn counted<T>(&self, taken: Option<T>) -> Option<T> {
        if taken.is_none() {
            self.0.refused.request();
        }
        taken
    }
}

/// The place of a page that watches an order, or of a request that waits, until it is dropped.
pub(crate) struct Stream<K: Copy + Eq + Hash = Net> {
    _place: Place<K>,
    stage: channel::Receiver<Stage>,
}

impl<K: Copy + Eq + Hash> Stream<K> {
    /// Ready once the server finishes what is in flight: what has no end then ends.
    pub(crate) async fn closing(&mut self) {
        // An edge that is gone serves nobody either.
        let _ = self.stage.wait_for(|stage| *stage == Stage::Closing).await;
    }
}

/// What was refused, told now and then: a line for each would cost more than the refusal.
#[derive(Debug, Default)]
struct Refused {
    connections: AtomicU64,
    requests: AtomicU64,
    early: AtomicU64,
    is_room_missed: AtomicBool,
}

impl Refused {
    fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn early(&self) {
        self.early.fetch_add(1, Ordering::Relaxed);
        self.request();
    }

    /// Tells that the machine has no room for a connection, once until the next report.
    fn no_room(&self, error: &std::io::Error) {
        if !self.is_room_missed.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "connections cannot be accepted");
        }
    }

    /// Logs what was refused since the last report.
    fn report(&self) {
        self.is_room_missed.store(false, Ordering::Relaxed);
        let connections = self.connections.swap(0, Ordering::Relaxed);
        let requests = self.requests.swap(0, Ordering::Relaxed);
        if connections + requests > 0 {
            tracing::warn!(connections, requests, "refused: more than the limits allow");
        }
    }
}

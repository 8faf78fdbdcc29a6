//! A proxy before a server, which understands the protocol well enough to cut a connection exactly at
//! a COMMIT, sent or implied. Also: cut all, freeze, delay, send new connections to another server.
//! It reads what is in the clear only; the servers of this crate speak nothing else.

mod pump;
mod session;
mod statement;
mod wire;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use url::Url;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a connection is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// The server never sees the COMMIT: nothing happened.
    Before,
    /// The server has got it; its answer is not waited for, and whether it happened nobody knows.
    InFlight,
    /// The server has answered, so it happened; the answer is not passed on.
    After,
}

/// Which commits are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// When.
    pub moment: Moment,
    /// Only transactions in whose statements this text occurs, lower case; empty for all that write.
    pub of: &'static str,
    /// One of so many.
    pub every: u32,
    /// So many times.
    pub times: u32,
}

impl Cut {
    /// The next commit.
    pub fn next(moment: Moment) -> Self {
        Self { moment, of: "", every: 1, times: 1 }
    }

    /// One of `every` commits, until it is told otherwise.
    pub fn every(moment: Moment, every: u32) -> Self {
        Self { moment, of: "", every, times: u32::MAX }
    }

    /// The same, of transactions in whose statements `text` occurs, which is lower case.
    pub fn of(self, text: &'static str) -> Self {
        Self { of: text, ..self }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Connections taken.
    pub connections: u64,
    /// Connections that are open.
    pub open: u64,
    /// Commits that clients sent, of transactions that write.
    pub commits: u64,
    /// Cut before a COMMIT was passed on.
    pub cut_before: u64,
    /// Cut when it had been passed on.
    pub cut_in_flight: u64,
    /// Cut when the server had answered it.
    pub cut_after: u64,
    /// Cut by [`Proxy::cut_all`].
    pub cut_by_hand: u64,
}

impl Counts {
    /// Cut at a COMMIT.
    pub fn cut_at_commit(&self) -> u64 {
        self.cut_before + self.cut_in_flight + self.cut_after
    }
}

/// A proxy that ends with this value.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// What its connections share.
struct Shared {
    target: Mutex<u16>,
    cuts: Mutex<VecDeque<Planned>>,
    state: watch::Sender<State>,
    counts: watch::Sender<Counts>,
    /// Whether everything freezes when a COMMIT is cut.
    freezes: AtomicBool,
}

/// A cut that is to be made.
struct Planned {
    cut: Cut,
    seen: u32,
    made: u32,
}

/// What is done to all connections.
#[derive(Clone, Copy, Default)]
struct State {
    is_frozen: bool,
    /// Connections of an earlier one are cut.
    epoch: u64,
    delay: Duration,
}

impl Proxy {
    /// A proxy before the server on this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::new(port),
            cuts: Mutex::default(),
            state: watch::Sender::default(),
            counts: watch::Sender::default(),
            freezes: AtomicBool::new(false),
        });
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self { port, shared, serving }
    }

    /// The same address, by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }

    /// Its own port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends connections to another server from here on, as a moved address does.
    pub fn redirect(&self, port: u16) {
        *self.shared.target.lock().unwrap() = port;
    }

    /// Cuts connections at commits, after the cuts that were asked for before.
    pub fn cut(&self, cut: Cut) {
        self.shared.cuts.lock().unwrap().push_back(Planned::new(cut));
    }

    /// Plans no cut any more.
    pub fn cut_no_more(&self) {
        self.shared.cuts.lock().unwrap().clear();
    }

    /// Cuts every connection.
    pub fn cut_all(&self) {
        self.shared.state.send_modify(|state| state.epoch += 1);
    }

    /// Moves no byte in either direction, and answers no new connection, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.shared.state.send_modify(|state| state.is_frozen = true);
    }

    /// The same from the moment on at which the next COMMIT is cut, before it or in flight: whoever sent it
    /// finds nobody to ask.
    pub fn freeze_at_cut(&self) {
        self.shared.freezes.store(true, Ordering::SeqCst);
    }

    /// Moves them again.
    pub fn thaw(&self) {
        self.shared.state.send_modify(|state| state.is_frozen = false);
    }

    /// Keeps each answer of the server back for so long.
    pub fn delay(&self, delay: Duration) {
        self.shared.state.send_modify(|state| state.delay = delay);
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until what happened satisfies `is_it`.
    pub async fn until(&self, is_it: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        let found = timeout(PATIENCE, counts.wait_for(is_it)).await;
        *found.unwrap_or_else(|_| panic!("it never came to it: {:?}", self.counts())).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn count(&self, event: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(event);
    }

    /// A transaction with these statements is about to be committed: whether it is to be cut.
    fn planned(&self, statements: &str) -> Option<Cut> {
        self.count(|counts| counts.commits += 1);
        let mut cuts = self.cuts.lock().unwrap();
        let planned = cuts.front_mut()?;
        if !statements.contains(planned.cut.of) {
            return None;
        }
        planned.seen += 1;
        if !planned.seen.is_multiple_of(planned.cut.every) {
            return None;
        }
        planned.made += 1;
        let cut = planned.cut;
        if planned.made == cut.times {
            cuts.pop_front();
        }
        Some(Cut { every: 1, times: 1, ..cut })
    }

    /// A connection is about to be cut, before or as its COMMIT is passed on.
    fn cuts(&self) {
        if self.freezes.swap(false, Ordering::SeqCst) {
            self.state.send_modify(|state| state.is_frozen = true);
        }
    }

    /// A cut that came to nothing, because there was no commit, is made at the next.
    fn plan_first(&self, cut: Cut) {
        self.cuts.lock().unwrap().push_front(Planned::new(cut));
    }
}

impl Planned {
    fn new(cut: Cut) -> Self {
        Self { cut, seen: 0, made: 0 }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_one(client, shared.clone()));
    }
}

async fn serve_one(client: TcpStream, shared: Arc<Shared>) {
    shared.count(|counts| {
        (counts.connections, counts.open) = (counts.connections + 1, counts.open + 1)
    });
    let mut state = shared.state.subscribe();
    let epoch = state.borrow().epoch;
    let served = async {
        pump::thawed(&shared).await;
        let target = *shared.target.lock().unwrap();
        // A server that is down is a connection that is closed.
        if let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await {
            pump::both_ways(client, server, &shared).await;
        }
    };
    tokio::select! {
        () = served => {}
        _ = state.wait_for(|state| state.epoch != epoch) => {
            shared.count(|counts| counts.cut_by_hand += 1);
        }
    }
    shared.count(|counts| counts.open -= 1);
}

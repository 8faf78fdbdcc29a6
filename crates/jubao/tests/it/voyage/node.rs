//! A process of the gateway, which dies at any step: before a read, before or after a commit, before
//! or after a word to others. It dies by never going on, so that nothing of it happens after.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use channels::http::HttpResponse;
use gateway::clock::Clock;
use gateway::egress::Wires;
use gateway::vault::Vault;
use gateway::{Gateway, Settings, Statuses};
use store::{Pause, Store, StoreError};
use tokio::sync::{Notify, watch};
use tower::ServiceExt;
use web::edge::{Client, Edge, Limits};

use super::sea::{PUBLIC_URL, Sea};
use super::shop::ShopWire;
use super::upstreams::UpstreamWire;

/// The key-encryption key of every process.
const MASTER_KEY: [u8; 32] = [7; 32];
/// Steps that a process lives at most while processes die.
const STEPS_MAX: u64 = 900;
/// How long a process may stand still, in milliseconds: past its leases on notices, and on orders.
const FREEZES_MS: [i64; 2] = [20_000, 130_000];
/// Between two looks whether it may go on.
const THAW_LOOK: Duration = Duration::from_secs(1);
/// How long a dead process is missing at most, in milliseconds.
const AWAY_MAX_MS: u64 = 8_000;
/// How long whoever asks waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One life of a process: so many steps, then none.
pub struct Life {
    clock: Clock,
    steps_left: AtomicU64,
    frozen_until: AtomicI64,
    is_over: AtomicBool,
    over: Notify,
}

impl Life {
    /// A life of that many steps.
    pub fn of(sea: &Sea, steps: u64) -> Arc<Self> {
        Arc::new(Self {
            clock: sea.clock.clone(),
            steps_left: AtomicU64::new(steps),
            frozen_until: AtomicI64::new(0),
            is_over: AtomicBool::new(false),
            over: Notify::new(),
        })
    }

    /// One step. Returns only in a life that goes on after it.
    pub async fn step(&self) {
        while self.clock.now().millis() < self.frozen_until.load(Ordering::Relaxed) {
            tokio::time::sleep(THAW_LOOK).await;
        }
        if self.is_over.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let left = self.steps_left.load(Ordering::Relaxed);
        if left == 0 {
            self.is_over.store(true, Ordering::Relaxed);
            self.over.notify_one();
            std::future::pending::<()>().await;
        }
        self.steps_left.store(left - 1, Ordering::Relaxed);
    }

    /// Stands still for so many milliseconds.
    fn freeze(&self, millis: i64) {
        let until = self.clock.now().plus_millis(millis).millis();
        self.frozen_until.store(until, Ordering::Relaxed);
    }

    /// From here on it does not end, nor stand still.
    fn is_safe(&self) {
        self.frozen_until.store(0, Ordering::Relaxed);
        self.steps_left.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Where one process after the other runs under the same number.
pub struct Berth {
    no: u32,
    skew_ms: i64,
    running: Mutex<Option<Running>>,
}

/// A process that has started.
#[derive(Clone)]
struct Running {
    router: Router,
    life: Arc<Life>,
    _stop: Arc<watch::Sender<bool>>,
}

impl Berth {
    /// The berth of process `no`, whose clock is up to `skew_ms` behind.
    pub fn new(no: u32, skew_ms: u64) -> Self {
        Self { no, skew_ms: -i64::try_from(skew_ms).unwrap(), running: Mutex::new(None) }
    }

    /// Ends what runs here, for good.
    pub fn clear(&self) {
        *self.running.lock().unwrap() = None;
    }

    /// Runs one process after the other.
    pub async fn keep(sea: Arc<Sea>, at: usize) {
        loop {
            let berth = &sea.berths[at];
            let may_die = sea.weather.has_crashes && sea.is_stormy();
            let steps = if may_die { sea.draw(STEPS_MAX) } else { u64::MAX };
            let life = Life::of(&sea, steps);
            tokio::select! {
                biased;
                () = life.over.notified() => {}
                started = start(&sea, berth, &life) => {
                    sea.note(format_args!("process {} runs for {} steps", berth.no, steps));
                    *berth.running.lock().unwrap() = Some(started);
                    life.over.notified().await;
                }
            }
            berth.clear();
            sea.note(format_args!("process {} died", berth.no));
            sea.pass(AWAY_MAX_MS).await;
        }
    }

    /// Lets whatever runs here go on for ever.
    pub fn is_safe(&self) {
        if let Some(running) = &*self.running.lock().unwrap() {
            running.life.is_safe();
        }
    }

    /// Asks the process; `None` if none runs, or no answer came.
    pub async fn ask(&self, mut request: Request<Body>) -> Option<HttpResponse> {
        let running = self.running.lock().unwrap().clone()?;
        request.extensions_mut().insert(Client::direct([192, 0, 2, 1].into()));
        let answer = tokio::time::timeout(PATIENCE, running.router.oneshot(request)).await;
        let (parts, body) = answer.ok()?.unwrap().into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap().to_vec();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        Some(HttpResponse { status: parts.status.as_u16(), headers: headers.collect(), body })
    }
}

async fn start(sea: &Arc<Sea>, berth: &Berth, life: &Arc<Life>) -> Running {
    let gateway = loop {
        match gateway(sea, berth, (life, sea.memory.store(pause(sea, life)))).await {
            Ok(gateway) => break gateway,
            Err(why) => sea.note(format_args!("process {} does not start: {why}", berth.no)),
        }
        sea.pass(AWAY_MAX_MS).await;
    };
    let edge = Edge::new(Limits::of_this_machine(), None).unwrap();
    let (stop, stopped) = watch::channel(false);
    let (sweeping, notifying) = (gateway.clone(), gateway.clone());
    let also_stopped = stopped.clone();
    tokio::spawn(async move { sweeping.run_sweeper(stopped).await });
    tokio::spawn(async move { notifying.run_notifier(also_stopped).await });
    let router = web::router(gateway, edge);
    Running { router, life: life.clone(), _stop: Arc::new(stop) }
}

async fn gateway(
    sea: &Arc<Sea>,
    berth: &Berth,
    (life, store): (&Arc<Life>, Store),
) -> Result<Gateway, String> {
    let clock = Clock::of_runtime(sea.clock.now());
    clock.shift(berth.skew_ms);
    let wires = Wires {
        upstreams: Arc::new(UpstreamWire::new(sea, life)),
        merchants: Arc::new(ShopWire::new(sea, life)),
    };
    let settings = settings();
    Gateway::with_wires(store, (Vault::new(MASTER_KEY), clock), settings, wires).await
}

/// A gateway that makes the merchant's and the accounts' rows before the voyage begins.
pub async fn shipyard(sea: &Arc<Sea>) -> Gateway {
    let (life, store) = (Life::of(sea, u64::MAX), sea.looking.clone());
    gateway(sea, &Berth::new(63, 0), (&life, store)).await.unwrap()
}

fn settings() -> Settings {
    Settings {
        public_url: PUBLIC_URL.into(),
        node: None,
        private_targets: Vec::new(),
        statuses: Statuses::default(),
        old_platform: None,
    }
}

/// What a read or a write waits for: a step, sometimes a while before it.
fn pause(sea: &Arc<Sea>, life: &Arc<Life>) -> Pause {
    let (sea, life) = (Arc::downgrade(sea), life.clone());
    Arc::new(move || {
        let (sea, life) = (sea.clone(), life.clone());
        Box::pin(async move {
            let mut is_missing = false;
            if let Some(sea) = sea.upgrade() {
                let wait_ms = match sea.draw(19) {
                    0..=9 => 0,
                    10..=14 => 3,
                    15..=18 => 60,
                    _ => 800,
                };
                if wait_ms > 0 {
                    sea.pass(wait_ms).await;
                }
                if sea.weather.has_freezes && sea.goes_wrong(1) && sea.chance(30) {
                    life.freeze(sea.pick(&FREEZES_MS));
                }
                is_missing = sea.goes_wrong(sea.weather.store);
            }
            life.step().await;
            if is_missing { Err(StoreError::Unavailable("it storms".into())) } else { Ok(()) }
        })
    })
}

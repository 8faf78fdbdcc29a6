//! The simulated upstreams, and the network before them: requests and answers that are
//! lost, break off or arrive when nobody waits any more; callbacks that come late, twice, out of
//! order, spoilt, or not at all.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use channels::Stamp;
use channels::http::{HttpRequest, HttpResponse};
use channels::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, ScriptedFault, Served,
    Simulator,
};
use gateway::egress::{EgressFault, Sending, UPSTREAM, Wire};
use gateway::ids::random_hex;
use jubao::demo::identity::DemoIdentity;
use kernel::time::Timestamp;
use tokio::sync::Notify;

use super::node::Life;
use super::ops::op_of;
use super::sea::{PUBLIC_URL, Sea, UPSTREAM_URL};
use crate::sim_books::SimBooks;

/// The longest sleep between two looks at the callbacks that are due.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How late a request may arrive that nobody waits for any more, in milliseconds after its timeout.
const STRAY_MAX_MS: u64 = 40_000;
/// How late a callback may be, in milliseconds.
const CALLBACK_LATE_MAX_MS: u64 = 60_000;

/// All upstreams.
pub struct Upstreams {
    sims: Mutex<Vec<Box<dyn Simulator>>>,
    wake: Notify,
}

impl Upstreams {
    /// Upstreams without orders.
    pub fn of(identity: &DemoIdentity) -> Self {
        Self { sims: Mutex::new(identity.sims(UPSTREAM_URL).unwrap()), wake: Notify::new() }
    }

    /// What they say of payments and refunds.
    pub fn books(&self, now: Timestamp) -> SimBooks {
        let mut books = SimBooks::default();
        for sim in self.sims.lock().unwrap().iter() {
            books.read(sim.name(), &sim.snapshot(), now);
        }
        books
    }

    /// What an upstream answers to a request that has arrived.
    pub fn serve(&self, sea: &Sea, request: &HttpRequest) -> Served {
        let request = HttpRequest {
            url: request.url.trim_start_matches(UPSTREAM_URL).to_owned(),
            ..request.clone()
        };
        let mut sims = self.sims.lock().unwrap();
        let owner = sims.iter_mut().find(|sim| sim.owns(request.path()));
        let owner = owner.unwrap_or_else(|| panic!("nobody owns {}", request.url));
        let served = owner.serve(&request, &stamp(sea));
        self.wake.notify_one();
        served
    }

    /// Has a payer pay the order of that number, wherever it can be paid.
    pub fn pay(&self, sea: &Sea, sn: &str, fault: Option<CallbackFaultKind>) -> Option<PaidInSim> {
        let mut sims = self.sims.lock().unwrap();
        let paid = sims.iter_mut().find_map(|sim| sim.pay(sn, fault, &stamp(sea)).ok())?;
        self.wake.notify_one();
        Some(paid)
    }

    /// The same, but what the upstream does or answers may be spoilt.
    fn serve_badly(&self, sea: &Sea, request: &HttpRequest) -> Served {
        if let Some(op) = op_of(request).filter(|_| sea.goes_wrong(sea.weather.upstream_ops)) {
            let mut kind = sea.pick(&OpFaultKind::ALL).0;
            let mut sims = self.sims.lock().unwrap();
            let owner = sims.iter_mut().find(|sim| sim.owns(request.path())).unwrap();
            // EasyLink's answer to a new order names nothing of ours: another's cannot be told from it, and
            // leads the payer nowhere, where this payer pays all the same.
            if (owner.name(), op, kind) == ("chinaums", OpKind::Place, OpFaultKind::WrongAnswer) {
                kind = OpFaultKind::DroppedAfter;
            }
            sea.note(format_args!("{op:?} will be spoilt: {kind:?}"));
            owner.script(ScriptedFault { op, kind, times: 1 });
        }
        self.serve(sea, request)
    }

    /// Sends callbacks when they are due, for ever.
    pub async fn call_back(sea: Arc<Sea>) {
        loop {
            let stamp = stamp(&sea);
            let mut due = Vec::new();
            let mut next_due: Option<Timestamp> = None;
            for (at, sim) in sea.upstreams.sims.lock().unwrap().iter_mut().enumerate() {
                due.extend(sim.due_callbacks(&stamp).into_iter().map(|callback| (at, callback)));
                next_due = next_due.into_iter().chain(sim.next_due()).min();
            }
            for (at, callback) in due {
                tokio::spawn(deliver(sea.clone(), at, callback));
            }
            let wait = next_due.map_or(LOOK_MAX, |at| sea.clock.until(at).min(LOOK_MAX));
            tokio::select! {
                biased;
                () = sea.upstreams.wake.notified() => {}
                () = tokio::time::sleep(wait.max(Duration::from_millis(50))) => {}
            }
        }
    }
}

/// Carries a callback to one of the processes, and its answer back.
async fn deliver(sea: Arc<Sea>, at: usize, callback: OutgoingCallback) {
    if sea.goes_wrong(sea.weather.callbacks) {
        match sea.draw(4) {
            0 => return answered(&sea, at, &callback, None),
            1 => sea.pass(CALLBACK_LATE_MAX_MS).await,
            2 => drop(carry(&sea, &callback.request).await),
            3 => spoilt(&sea, &callback.request).await,
            _ => {
                let _ = carry(&sea, &callback.request).await;
                sea.note("the answer to a callback is lost");
                return answered(&sea, at, &callback, None);
            }
        }
    }
    let answer = carry(&sea, &callback.request).await;
    answered(&sea, at, &callback, answer.as_ref());
}

fn answered(sea: &Sea, at: usize, callback: &OutgoingCallback, answer: Option<&HttpResponse>) {
    let status = answer.map_or(0, |answer| answer.status);
    sea.note(format_args!("callback {} of upstream {at}: {status}", callback.id));
    sea.upstreams.sims.lock().unwrap()[at].callback_answered(callback.id, answer, &stamp(sea));
}

async fn carry(sea: &Sea, callback: &HttpRequest) -> Option<HttpResponse> {
    sea.pass(60).await;
    let at = sea.draw(u64::try_from(sea.berths.len() - 1).unwrap());
    let path = callback.url.trim_start_matches(PUBLIC_URL);
    let mut request = Request::builder().method(callback.method.as_str()).uri(path);
    for (name, value) in &callback.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(callback.body.clone())).unwrap();
    sea.berths[usize::try_from(at).unwrap()].ask(request).await
}

/// A callback with a digit changed must not be acknowledged.
async fn spoilt(sea: &Sea, callback: &HttpRequest) {
    let mut changed = callback.clone();
    let Some(at) = changed.body.iter().rposition(u8::is_ascii_digit) else { return };
    changed.body[at] = if changed.body[at] == b'1' { b'2' } else { b'1' };
    let answer = carry(sea, &changed).await;
    let is_acknowledged = answer.is_some_and(|answer| {
        let said = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
        answer.status < 300 && ["success", "ok"].iter().any(|word| said.contains(word))
    });
    if is_acknowledged {
        sea.wrong("a callback that was changed on its way is acknowledged");
    }
}

/// A process's way to the upstreams.
pub struct UpstreamWire {
    sea: Weak<Sea>,
    life: Arc<Life>,
}

impl UpstreamWire {
    /// The way of a process that lives `life`.
    pub fn new(sea: &Arc<Sea>, life: &Arc<Life>) -> Self {
        Self { sea: Arc::downgrade(sea), life: life.clone() }
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        let sea = self.sea.upgrade().unwrap();
        self.life.step().await;
        let answer = exchange(&sea, request).await;
        let said = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(fault) => format!("{fault:?}"),
        };
        sea.note(format_args!("{} {}: {said}", request.method, request.path()));
        self.life.step().await;
        answer
    }
}

impl Wire for UpstreamWire {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(self.exchange(request))
    }
}

async fn exchange(sea: &Arc<Sea>, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
    sea.pass(30).await;
    if !sea.goes_wrong(sea.weather.upstream_net) {
        return arrived(sea, sea.upstreams.serve_badly(sea, request)).await;
    }
    let fate = sea.draw(4);
    match fate {
        0 => Err(EgressFault::NotSent("no connection".into())),
        1 => timed_out().await,
        2 => {
            sea.upstreams.serve_badly(sea, request);
            timed_out().await
        }
        3 => {
            sea.upstreams.serve_badly(sea, request);
            Err(EgressFault::Broken("the connection broke".into()))
        }
        _ => {
            let (late, request) = (sea.clone(), request.clone());
            tokio::spawn(async move {
                tokio::time::sleep(UPSTREAM.total).await;
                late.pass(STRAY_MAX_MS).await;
                late.note(format_args!("{} {} arrives late", request.method, request.path()));
                late.upstreams.serve(&late, &request);
            });
            timed_out().await
        }
    }
}

async fn timed_out() -> Result<HttpResponse, EgressFault> {
    tokio::time::sleep(UPSTREAM.total).await;
    Err(EgressFault::Timeout)
}

async fn arrived(sea: &Sea, served: Served) -> Result<HttpResponse, EgressFault> {
    match served {
        Served::Answer(answer) => {
            sea.pass(30).await;
            Ok(answer)
        }
        Served::Late(answer, wait_ms) => {
            let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap());
            if wait >= UPSTREAM.total {
                return timed_out().await;
            }
            tokio::time::sleep(wait).await;
            Ok(answer)
        }
        Served::Dropped => Err(EgressFault::Broken("closed without an answer".into())),
    }
}

fn stamp(sea: &Sea) -> Stamp {
    Stamp { now: sea.clock.now(), nonce: random_hex::<16>() }
}

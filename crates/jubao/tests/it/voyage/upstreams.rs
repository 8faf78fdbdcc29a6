//! The simulated Alipay and WeChat Pay, and the network before them: requests and answers that are
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
use super::sea::{PUBLIC_URL, Sea, UPSTREAM_URL};

/// The longest sleep between two looks at the callbacks that are due.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How late a request may arrive that nobody waits for any more, in milliseconds after its timeout.
const STRAY_MAX_MS: u64 = 40_000;
/// How late a callback may be, in milliseconds.
const CALLBACK_LATE_MAX_MS: u64 = 60_000;

/// A payment that an upstream took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Our number of the attempt.
    pub trade_no: String,
    /// The upstream's number.
    pub transaction_id: String,
    /// Minor units.
    pub total: i64,
    /// When.
    pub at: Timestamp,
}

/// Both upstreams, and what they took.
pub struct Upstreams {
    sims: Mutex<Vec<Box<dyn Simulator>>>,
    taken: Mutex<Vec<Taken>>,
    wake: Notify,
}

impl Upstreams {
    /// Upstreams without orders.
    pub fn of(identity: &DemoIdentity) -> Self {
        let sims: Vec<Box<dyn Simulator>> = vec![
            Box::new(identity.alipay_sim(UPSTREAM_URL).unwrap()),
            Box::new(identity.wechat_sim(UPSTREAM_URL).unwrap()),
        ];
        Self { sims: Mutex::new(sims), taken: Mutex::default(), wake: Notify::new() }
    }

    /// What was paid for the order of that number.
    pub fn taken_for(&self, sn: &str) -> Vec<Taken> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|one| one.trade_no.starts_with(sn)).cloned().collect()
    }

    /// When the last payment was taken.
    pub fn last_taken_at(&self) -> Option<Timestamp> {
        self.taken.lock().unwrap().iter().map(|one| one.at).max()
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
        self.taken.lock().unwrap().push(Taken {
            trade_no: paid.trade_no.clone(),
            transaction_id: paid.transaction_id.clone(),
            total: paid.total,
            at: sea.clock.now(),
        });
        self.wake.notify_one();
        Some(paid)
    }

    /// The same, but what the upstream does or answers may be spoilt.
    fn serve_badly(&self, sea: &Sea, request: &HttpRequest) -> Served {
        if sea.goes_wrong(sea.weather.upstream_ops) {
            let kind = sea.pick(&OpFaultKind::ALL).0;
            let op = op_of(request);
            sea.note(format_args!("{op:?} will be spoilt: {kind:?}"));
            let mut sims = self.sims.lock().unwrap();
            let owner = sims.iter_mut().find(|sim| sim.owns(request.path())).unwrap();
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
        answer.status < 300 && answer.body.trim_ascii().eq_ignore_ascii_case(b"success")
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

/// Which operation a request to an upstream is.
fn op_of(request: &HttpRequest) -> OpKind {
    let body = String::from_utf8_lossy(&request.body);
    let says = |word: &str| request.url.contains(word) || body.contains(word);
    if request.path().ends_with("/certificates") {
        OpKind::Keys
    } else if request.path().ends_with("/close") || says("alipay.trade.close") {
        OpKind::Close
    } else if says("alipay.trade.query") || (request.method == "GET" && !says("alipay.trade")) {
        OpKind::Query
    } else {
        OpKind::Place
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

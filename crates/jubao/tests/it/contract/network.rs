//! What is beyond the gateway: one simulated upstream, what goes wrong there, its callbacks, and the
//! merchant's server.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use channels::Stamp;
use channels::http::{HttpRequest, HttpResponse};
use channels::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use gateway::clock::Clock;
use gateway::egress::{EgressFault, Sending, UPSTREAM, Wire};
use gateway::ids::random_hex;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::money::Currency;
use kernel::secret::Secret;
use serde_json::Value;
use tokio::sync::Notify;
use tower::ServiceExt;
use web::edge::Client;

use super::books::{self, Held};
use super::counter::{Counter, UPSTREAM_URL};

/// Where payers and upstreams reach the gateway.
pub const PUBLIC_URL: &str = "https://pay.example";
/// The longest sleep between two looks at the callbacks that are due.
const LOOK_MAX: Duration = Duration::from_secs(1);
/// Before an exchange, and after it.
const TRAVEL: Duration = Duration::from_millis(20);
/// How late a late callback is.
const LATE: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What becomes of every callback, of payments and of refunds.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It is lost, and the upstream never sends it again.
    Lost,
    /// It comes twice at once.
    Twice,
    /// It comes when everything has been asked for long ago.
    Late,
    /// Before it comes one with a character changed.
    Forged,
}

impl Fate {
    /// Every fate that is a fault.
    pub const FAULTS: [Self; 4] = [Self::Lost, Self::Twice, Self::Late, Self::Forged];
}

/// The upstream at the network's edge.
pub struct Upstream {
    counter: &'static Counter,
    clock: Clock,
    sim: Mutex<Pooled>,
    fate: Mutex<Fate>,
    delay: Mutex<Option<Duration>>,
    behind_ms: AtomicI64,
    wake: Notify,
    /// Forged callbacks that were acknowledged.
    believed: Mutex<Vec<String>>,
}

impl Upstream {
    /// The upstream of a counter, without orders.
    pub fn of(counter: &'static Counter, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            counter,
            clock,
            sim: Mutex::new(Pooled::of(counter)),
            fate: Mutex::new(Fate::Arrives),
            delay: Mutex::default(),
            behind_ms: AtomicI64::new(0),
            wake: Notify::new(),
            believed: Mutex::default(),
        })
    }

    /// Every order in its books.
    pub fn books(&self) -> Vec<Held> {
        let now = self.stamp().now;
        books::read(self.counter.name, &self.sim.lock().unwrap().snapshot(), now)
    }

    /// From here on, the next `times` operations go wrong so.
    pub fn script(&self, op: OpKind, kind: OpFaultKind, times: u32) {
        self.sim.lock().unwrap().script(ScriptedFault { op, kind, times });
    }

    /// From here on, what becomes of callbacks.
    pub fn fate(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    /// How many operations are still to go wrong.
    pub fn faults_left(&self) -> u64 {
        self.sim.lock().unwrap().faults_left()
    }

    /// The next request arrives so late, when nobody waits for its answer any more.
    pub fn delay(&self, delay: Duration) {
        *self.delay.lock().unwrap() = Some(delay);
    }

    /// From here on its clock is so far behind ours.
    pub fn is_behind(&self, millis: i64) {
        self.behind_ms.store(millis, Ordering::Relaxed);
    }

    /// Nothing goes wrong any more: it starts anew on its own books.
    pub fn heal(&self) {
        let mut sim = self.sim.lock().unwrap();
        let books = sim.snapshot();
        sim.restore(books).unwrap();
    }

    /// Forged callbacks that were believed.
    pub fn believed(&self) -> Vec<String> {
        self.believed.lock().unwrap().clone()
    }

    /// Has a payer pay.
    pub fn pay(
        &self,
        number: &str,
        fault: Option<CallbackFaultKind>,
    ) -> Result<PaidInSim, PayError> {
        let paid = self.sim.lock().unwrap().pay(number, fault, &self.stamp());
        self.wake.notify_one();
        paid
    }

    /// What it answers to a request that has arrived.
    pub fn serve(&self, request: &HttpRequest) -> Served {
        let url = request.url.trim_start_matches(UPSTREAM_URL).to_owned();
        let request = HttpRequest { url, ..request.clone() };
        let mut sim = self.sim.lock().unwrap();
        assert!(sim.owns(request.path()), "{} does not have {}", self.counter.name, request.url);
        let served = sim.serve(&request, &self.stamp());
        self.wake.notify_one();
        served
    }

    /// Sends callbacks to the gateway when they are due, for ever.
    pub async fn call_back(self: Arc<Self>, router: Router) {
        loop {
            let due = self.sim.lock().unwrap().due_callbacks(&self.stamp());
            for callback in due {
                tokio::spawn(self.clone().deliver(router.clone(), callback));
            }
            let next = self.sim.lock().unwrap().next_due();
            let wait = next.map_or(LOOK_MAX, |at| self.clock.until(at).min(LOOK_MAX));
            tokio::select! {
                biased;
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait.max(TRAVEL)) => {}
            }
        }
    }

    async fn deliver(self: Arc<Self>, router: Router, callback: OutgoingCallback) {
        let fate = *self.fate.lock().unwrap();
        let mut forged = Vec::new();
        match fate {
            Fate::Arrives => {}
            // The upstream believes that we have it.
            Fate::Lost => {
                let account = self.counter.bare_account();
                let heard =
                    self.counter.speaks().callback(&account, &callback.request, &self.stamp());
                let mut sim = self.sim.lock().unwrap();
                return sim.callback_answered(callback.id, Some(&heard.ack), &self.stamp());
            }
            Fate::Late => tokio::time::sleep(LATE).await,
            Fate::Twice => drop(carry(&router, &callback.request).await),
            Fate::Forged => forged = forge(&router, &callback.request).await,
        }
        let answer = carry(&router, &callback.request).await;
        if forged.contains(&answer) {
            self.believed.lock().unwrap().push(format!("{answer:?}"));
        }
        let mut sim = self.sim.lock().unwrap();
        sim.callback_answered(callback.id, Some(&answer), &self.stamp());
    }

    fn stamp(&self) -> Stamp {
        let now = self.clock.now().plus_millis(-self.behind_ms.load(Ordering::Relaxed));
        Stamp { now, nonce: random_hex::<16>() }
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        tokio::time::sleep(TRAVEL).await;
        match self.serve(request) {
            Served::Answer(answer) => {
                tokio::time::sleep(TRAVEL).await;
                Ok(answer)
            }
            Served::Late(answer, wait_ms) => {
                let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap());
                tokio::time::sleep(wait.min(UPSTREAM.total)).await;
                if wait < UPSTREAM.total { Ok(answer) } else { Err(EgressFault::Timeout) }
            }
            Served::Dropped => Err(EgressFault::Broken("closed without an answer".into())),
        }
    }
}

/// The gateway's way to an upstream.
pub struct ToUpstream(pub Arc<Upstream>);

impl Wire for ToUpstream {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(async move {
            let delay = self.0.delay.lock().unwrap().take();
            let Some(delay) = delay else { return self.0.exchange(request).await };
            let (upstream, request) = (self.0.clone(), request.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                upstream.serve(&request);
            });
            tokio::time::sleep(UPSTREAM.total).await;
            Err(EgressFault::Timeout)
        })
    }
}

thread_local! {
    /// Simulators that are in no world: their keys take long to read.
    static POOL: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// A simulator with its currency and its empty books.
struct Kept {
    sim: Box<dyn Simulator>,
    currency: Currency,
    empty: Value,
}

/// A simulator that goes back to its thread's pool.
struct Pooled(Option<Kept>);

impl Pooled {
    /// That of a counter, without orders.
    fn of(counter: &Counter) -> Self {
        let (name, currency) = (counter.name, counter.account.currency);
        let kept = POOL.with_borrow_mut(|pool| {
            let is_it = |kept: &Kept| (kept.sim.name(), kept.currency) == (name, currency);
            let at = pool.iter().position(is_it)?;
            Some(pool.swap_remove(at))
        });
        let mut kept = kept.unwrap_or_else(|| {
            let sim = counter.upstream();
            Kept { empty: sim.snapshot(), sim, currency }
        });
        kept.sim.restore(kept.empty.clone()).unwrap();
        Self(Some(kept))
    }
}

impl Deref for Pooled {
    type Target = Box<dyn Simulator>;

    fn deref(&self) -> &Self::Target {
        &self.0.as_ref().unwrap().sim
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0.as_mut().unwrap().sim
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let _ = POOL.try_with(|pool| pool.borrow_mut().extend(self.0.take()));
    }
}

/// Sends a callback with a character changed, in several places: what is answered to a forged one must
/// not be what is answered to the right one.
async fn forge(router: &Router, callback: &HttpRequest) -> Vec<HttpResponse> {
    let mut answers = Vec::new();
    let is_text = |at: &usize| callback.body[*at].is_ascii_digit();
    let places: Vec<usize> = (0..callback.body.len()).filter(is_text).collect();
    for at in [places.len() / 3, places.len() / 2, places.len() - 1].map(|at| places[at]) {
        let mut forged = callback.clone();
        forged.body[at] = if forged.body[at] == b'1' { b'2' } else { b'1' };
        answers.push(carry(router, &forged).await);
    }
    answers
}

/// Brings a request to the gateway, and its answer back.
pub async fn carry(router: &Router, request: &HttpRequest) -> HttpResponse {
    let path = request.url.trim_start_matches(PUBLIC_URL);
    let mut sent = Request::builder().method(request.method.as_str()).uri(path);
    for (name, value) in &request.headers {
        sent = sent.header(name, value);
    }
    let mut sent = sent.body(Body::from(request.body.clone())).unwrap();
    sent.extensions_mut().insert(Client::direct([192, 0, 2, 1].into()));
    let answer = router.clone().oneshot(sent).await.unwrap();
    let (parts, body) = answer.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    HttpResponse {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: to_bytes(body, ANSWER_BYTES_MAX).await.unwrap().to_vec(),
    }
}

/// The merchant's server: it acknowledges every notice, and remembers what it was told.
#[derive(Default)]
pub struct Shop(Mutex<Vec<Vec<(String, String)>>>);

impl Shop {
    /// What it was told of an order: the states, one after the other.
    pub fn heard_of(&self, sn: &str) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        let of = |members: &[(String, String)], name: &str| {
            let found = members.iter().find(|(key, _)| key == name);
            found.map(|(_, text)| text.clone()).unwrap_or_default()
        };
        let mine = heard.iter().filter(|members| of(members, "sn") == sn);
        mine.map(|members| of(members, "trade_state")).collect()
    }

    /// What it was told of an order last, by name.
    pub fn last_of(&self, sn: &str) -> BTreeMap<String, String> {
        let heard = self.0.lock().unwrap();
        let is_of = |members: &&Vec<(String, String)>| {
            members.iter().any(|(name, text)| name == "sn" && text == sn)
        };
        heard.iter().rev().find(is_of).cloned().unwrap_or_default().into_iter().collect()
    }

    fn hear(&self, request: &HttpRequest) -> HttpResponse {
        let members = signing::read(&request.body).unwrap();
        assert!(signing::is_signed(&members, &Secret::new(MERCHANT.key)), "{members:?}");
        self.0.lock().unwrap().push(members);
        HttpResponse::new(200, "text/plain", "success")
    }
}

impl Wire for Shop {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(async move {
            tokio::time::sleep(TRAVEL).await;
            Ok(self.hear(request))
        })
    }
}

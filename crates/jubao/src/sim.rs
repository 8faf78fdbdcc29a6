//! The simulated upstreams on a port: what `jubao demo` and the tests connect to instead of the real
//! ones. `jubao serve` has none of it.
//!
//! The shell gives the pure simulators the time, carries their callbacks, and lets programs pay
//! (`POST /pay/SN`), script faults (`POST /faults`) and move the time (`POST /clock`). A path that an upstream has is the upstream's:
//! WeChat Pay v2 has `/pay/unifiedorder` and others.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use channels::Stamp;
use channels::http::{HttpRequest, HttpResponse};
use channels::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, PayError, ScriptedFault, Served, Simulator,
};
use gateway::clock::Clock;
use gateway::egress::{Egress, Wire};
use gateway::ids::random_hex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::demo::payer::Payer;

/// Bytes of a request's body that simulators read.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The furthest that one request moves the time: more than the year within which upstreams refund.
const CLOCK_STEP_MAX_S: i64 = 400 * 24 * 60 * 60;
/// The longest sleep between two looks at the simulators' clocks.
const SLEEP_MAX: Duration = Duration::from_millis(200);

/// The simulators behind one port.
#[derive(Clone)]
pub struct SimHost(Arc<Inner>);

struct Inner {
    sims: Mutex<Vec<Box<dyn Simulator>>>,
    clock: Clock,
    egress: Egress,
    wake: Notify,
    snapshot_file: Option<PathBuf>,
    is_unsaved: AtomicBool,
    payer: Mutex<Option<Payer>>,
}

impl SimHost {
    /// Simulators whose truth is kept in `snapshot_file`, if one is named.
    ///
    /// # Errors
    /// TLS does not start, or the file is no snapshot of these simulators.
    pub fn new(
        sims: Vec<Box<dyn Simulator>>,
        clock: Clock,
        snapshot_file: Option<PathBuf>,
    ) -> Result<Self, String> {
        let mut sims = sims;
        if let Some(text) = snapshot_file.as_ref().and_then(|file| fs::read_to_string(file).ok()) {
            let mut saved: Map<String, Value> =
                serde_json::from_str(&text).map_err(|error| format!("snapshot: {error}"))?;
            for sim in &mut sims {
                if let Some(value) = saved.remove(sim.name()) {
                    sim.restore(value)?;
                }
            }
        }
        Ok(Self(Arc::new(Inner {
            sims: Mutex::new(sims),
            clock,
            egress: Egress::to_upstreams()?,
            wake: Notify::new(),
            snapshot_file,
            is_unsaved: AtomicBool::new(false),
            payer: Mutex::new(None),
        })))
    }

    /// Lets `POST /pay/SN` open the payer's page of an order that no upstream has yet.
    pub fn set_payer(&self, payer: Payer) {
        *self.0.payer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(payer);
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.clone())
    }

    /// Sends callbacks when they are due, for ever.
    pub async fn run_callbacks(self) {
        loop {
            let due: Vec<_> = {
                let stamp = self.stamp();
                let mut sims = self.sims();
                let sims = sims.iter_mut().enumerate();
                sims.flat_map(|(at, sim)| {
                    sim.due_callbacks(&stamp).into_iter().map(move |callback| (at, callback))
                })
                .collect()
            };
            for (at, callback) in due {
                let host = self.clone();
                tokio::spawn(async move {
                    let answer = host.0.egress.send(&callback.request).await.ok();
                    let stamp = host.stamp();
                    if let Some(sim) = host.sims().get_mut(at) {
                        sim.callback_answered(callback.id, answer.as_ref(), &stamp);
                    }
                    host.0.is_unsaved.store(true, Ordering::Relaxed);
                });
            }
            if self.0.is_unsaved.load(Ordering::Relaxed) {
                self.save();
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(SLEEP_MAX) => {}
            }
        }
    }

    /// Sets what goes wrong with the next operations of the simulator of that name.
    pub fn script(&self, name: &str, fault: ScriptedFault) -> bool {
        let mut sims = self.sims();
        let found = sims.iter_mut().find(|sim| sim.name() == name);
        found.map(|sim| sim.script(fault)).is_some()
    }

    /// Has a simulated payer pay the order of that number, wherever it is.
    fn pay_anywhere(
        &self,
        number: &str,
        fault: Option<CallbackFaultKind>,
    ) -> Result<Value, PayError> {
        let stamp = self.stamp();
        let mut refused = PayError::NotFound;
        let mut sims = self.sims();
        for sim in sims.iter_mut() {
            match sim.pay(number, fault, &stamp) {
                Ok(paid) => {
                    let name = sim.name();
                    drop(sims);
                    self.save();
                    self.0.wake.notify_one();
                    return Ok(json!({
                        "paid": true, "upstream": name, "out_trade_no": paid.trade_no,
                        "transaction_id": paid.transaction_id, "total_fee": paid.total,
                    }));
                }
                Err(PayError::NotFound) => {}
                Err(other) => refused = other,
            }
        }
        Err(refused)
    }

    /// What the simulator that has the request's path answers; `None` if there is none.
    fn ask(&self, request: &HttpRequest) -> Option<Served> {
        let stamp = self.stamp();
        let served = {
            let mut sims = self.sims();
            let owner = sims.iter_mut().find(|sim| sim.owns(request.path()));
            owner.map(|sim| sim.serve(request, &stamp))
        };
        self.0.is_unsaved.store(true, Ordering::Relaxed);
        self.0.wake.notify_one();
        served
    }

    /// Has the payer come with an order that no upstream has before that.
    async fn bring(&self, sn: &str, wallet: &str) -> Result<(), String> {
        let payer = self.0.payer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let payer = payer.ok_or("no upstream has this order")?;
        let Some(app) = payer.app_order(sn).await else { return payer.open_page(sn, wallet).await };
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: format!("/{}/app", app.channel),
            headers: Vec::new(),
            body: app.text.into_bytes(),
        };
        // Whether the wallet takes it shows when it is paid.
        self.ask(&request).map(drop).ok_or_else(|| "no such wallet".to_owned())
    }

    fn sims(&self) -> MutexGuard<'_, Vec<Box<dyn Simulator>>> {
        self.0.sims.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn stamp(&self) -> Stamp {
        Stamp { now: self.0.clock.now(), nonce: random_hex::<16>() }
    }

    /// The simulators' truth now, each under its name.
    pub fn snapshot(&self) -> Map<String, Value> {
        taken(&self.sims())
    }

    /// Keeps the simulators' truth. A payment is kept before anybody is told of it; what happened
    /// otherwise, within moments, and when the host stops.
    pub fn save(&self) {
        let Some(file) = &self.0.snapshot_file else { return };
        self.0.is_unsaved.store(false, Ordering::Relaxed);
        // Held until it is written: one at a time, and the last is the truth.
        let sims = self.sims();
        let beside = file.with_extension("tmp");
        let written = fs::write(&beside, Value::Object(taken(&sims)).to_string())
            .and_then(|()| fs::rename(&beside, file));
        if let Err(error) = written {
            tracing::error!(error = %error, "simulators: the snapshot could not be written");
        }
    }
}

fn taken(sims: &[Box<dyn Simulator>]) -> Map<String, Value> {
    sims.iter().map(|sim| (sim.name().to_owned(), sim.snapshot())).collect()
}

async fn serve(State(host): State<SimHost>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let request = HttpRequest {
        method: parts.method.to_string(),
        url: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        body: body.to_vec(),
    };
    let served = host.ask(&request);
    match served {
        None => serve_program(&host, &request).await,
        Some(Served::Answer(answer)) => web::callbacks::response(answer),
        Some(Served::Late(answer, wait_ms)) => {
            let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
            tokio::time::sleep(wait).await;
            web::callbacks::response(answer)
        }
        Some(Served::Dropped) => dropped(),
    }
}

/// What programs ask of the simulators, beside what gateways and payers ask.
async fn serve_program(host: &SimHost, request: &HttpRequest) -> Response<Body> {
    let parts: Vec<_> = request.path().split('/').skip(1).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["pay", sn]) => pay(host, sn, &request.body).await,
        ("POST", ["faults"]) => script(host, &request.body),
        ("POST", ["clock"]) => move_clock(host, &request.body),
        _ => text(StatusCode::NOT_FOUND, "no simulated upstream has this address"),
    }
}

/// An answer whose body fails at once: the connection ends without a complete answer.
fn dropped() -> Response<Body> {
    let broken = futures_util::stream::once(async {
        Err::<Bytes, std::io::Error>(std::io::ErrorKind::ConnectionReset.into())
    });
    let mut response = Response::new(Body::from_stream(broken));
    response.headers_mut().insert("content-length", HeaderValue::from_static("1000000"));
    response
}

async fn pay(host: &SimHost, sn: &str, body: &[u8]) -> Response<Body> {
    let wish: Value = match body.trim_ascii() {
        [] => json!({}),
        bytes => match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(error) => return text(StatusCode::BAD_REQUEST, &format!("not JSON: {error}")),
        },
    };
    let fault = match wish.get("fault").and_then(Value::as_str) {
        None => None,
        Some(word) => match CallbackFaultKind::from_word(word) {
            Some(kind) => Some(kind),
            None => {
                let words: Vec<_> = CallbackFaultKind::ALL.iter().map(|(_, word)| *word).collect();
                let message = format!("fault: one of {}", words.join(", "));
                return text(StatusCode::BAD_REQUEST, &message);
            }
        },
    };
    let mut paid = host.pay_anywhere(sn, fault);
    if paid == Err(PayError::NotFound) {
        let wallet = wish.get("wallet").and_then(Value::as_str).unwrap_or("alipay");
        if let Err(why) = host.bring(sn, wallet).await {
            return refusal(StatusCode::NOT_FOUND, &why);
        }
        paid = host.pay_anywhere(sn, fault);
    }
    match paid {
        Ok(value) => json_answer(StatusCode::OK, &value),
        Err(PayError::NotFound) => refusal(StatusCode::NOT_FOUND, "no upstream has this order"),
        Err(PayError::NotPayable(why)) => refusal(StatusCode::CONFLICT, &why),
    }
}

fn script(host: &SimHost, body: &[u8]) -> Response<Body> {
    let wish: Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |key: &str| wish.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let times = wish.get("times").and_then(Value::as_u64).unwrap_or(1);
    let fault = OpKind::from_word(&word("op")).zip(OpFaultKind::from_word(&word("fault")));
    let scripted = fault.map(|(op, kind)| ScriptedFault {
        op,
        kind,
        times: u32::try_from(times).unwrap_or(u32::MAX),
    });
    match scripted {
        Some(fault) if host.script(&word("channel"), fault) => {
            json_answer(StatusCode::OK, &json!({ "scripted": true }))
        }
        _ => {
            let ops: Vec<_> = OpKind::ALL.iter().map(|(_, word)| *word).collect();
            let kinds: Vec<_> = OpFaultKind::ALL.iter().map(|(_, word)| *word).collect();
            let names: Vec<_> = host.sims().iter().map(|sim| sim.name()).collect();
            let help = format!(
                r#"{{"channel": one of {}, "op": one of {}, "fault": one of {}, "times": n}}"#,
                names.join(", "),
                ops.join(", "),
                kinds.join(", ")
            );
            refusal(StatusCode::BAD_REQUEST, &help)
        }
    }
}

/// Moves the clock of the simulators, and of the gateway beside them, forward.
fn move_clock(host: &SimHost, body: &[u8]) -> Response<Body> {
    let wish: Value = serde_json::from_slice(body).unwrap_or_default();
    let seconds = wish.get("seconds").and_then(Value::as_i64);
    let Some(seconds) = seconds.filter(|seconds| (1..=CLOCK_STEP_MAX_S).contains(seconds)) else {
        let help = format!(r#"{{"seconds": 1 to {CLOCK_STEP_MAX_S}}}"#);
        return refusal(StatusCode::BAD_REQUEST, &help);
    };
    host.0.clock.shift(seconds * 1000);
    host.0.wake.notify_one();
    json_answer(StatusCode::OK, &json!({ "now": host.0.clock.now().rfc3339() }))
}

fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    json_answer(status, &json!({ "paid": false, "error": why }))
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Body> {
    web::callbacks::response(HttpResponse::new(
        status.as_u16(),
        "application/json; charset=utf-8",
        value.to_string(),
    ))
}

fn text(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

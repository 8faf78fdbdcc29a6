//! A load balancer as small as can be: requests go to those who are ready in turn, and whether they
//! are is asked of `/readyz` all the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::leaks;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of a request.
const BODY_MAX: usize = 1 << 20;

/// The balancer.
pub struct Balancer {
    url: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    /// Who is asked whether it is ready, and what it said last.
    all: Mutex<Vec<(String, bool)>>,
    turns: AtomicUsize,
    client: reqwest::Client,
}

impl Balancer {
    /// A balancer with nobody behind it.
    pub async fn spawn() -> Self {
        let client = leaks::client_builder()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(15))
            .build()
            .unwrap();
        let (all, turns) = (Mutex::default(), AtomicUsize::new(0));
        let shared = Arc::new(Shared { all, turns, client });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(shared.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        tasks.spawn(look(shared.clone()));
        Self { url, shared, _tasks: tasks }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Sends to `api` too, from when it is ready on, which is waited for.
    pub async fn add(&self, api: &str) {
        self.shared.all.lock().unwrap().push((api.to_owned(), false));
        while !self.shared.ready().iter().any(|one| one == api) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Forgets a process that has ended.
    pub fn remove(&self, api: &str) {
        self.shared.all.lock().unwrap().retain(|(one, _)| one != api);
    }
}

impl Shared {
    fn ready(&self) -> Vec<String> {
        let all = self.all.lock().unwrap();
        all.iter().filter(|(_, is_ready)| *is_ready).map(|(api, _)| api.clone()).collect()
    }
}

async fn look(shared: Arc<Shared>) {
    loop {
        let all: Vec<_> = shared.all.lock().unwrap().iter().map(|(api, _)| api.clone()).collect();
        for api in all {
            let answer = shared.client.get(format!("{api}/readyz")).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status() == 200);
            let mut all = shared.all.lock().unwrap();
            all.iter_mut().filter(|(one, _)| *one == api).for_each(|one| one.1 = is_ready);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Passes a request on to the next who is ready, once: a balancer does not repeat what may have happened.
async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let ready = shared.ready();
    if ready.is_empty() {
        return (StatusCode::BAD_GATEWAY, "nobody is ready").into_response();
    }
    let api = &ready[shared.turns.fetch_add(1, Ordering::Relaxed) % ready.len()];
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap();
    let mut sent = shared.client.request(parts.method, format!("{api}{}", parts.uri)).body(body);
    let kept = parts
        .headers
        .iter()
        .filter(|(name, _)| !["host", "content-length", "connection"].contains(&name.as_str()));
    for (name, value) in kept {
        sent = sent.header(name, value);
    }
    match sent.send().await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(Body::from(answer.bytes().await.unwrap_or_default()));
            *response.status_mut() = status;
            if let Some(kind) = headers.get("content-type") {
                response.headers_mut().insert("content-type", kind.clone());
            }
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{api}: {error:?}")).into_response(),
    }
}

//! A merchant's server that listens for notifications and answers as the test says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jubao::signing;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A notification as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// `Content-Type`.
    pub content_type: String,
    /// The body as sent.
    pub body: String,
    /// Name and text of each member.
    pub members: Vec<(String, String)>,
}

impl Received {
    /// A member's text, or empty.
    pub fn text(&self, name: &str) -> &str {
        self.members.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
    }
}

/// A merchant's server that answers as the test says.
pub struct TestMerchant {
    url: String,
    state: Arc<MerchantState>,
    task: JoinHandle<()>,
}

struct MerchantState {
    received: Mutex<Vec<Received>>,
    answer: Mutex<(u16, String)>,
    reads_json_only: AtomicBool,
}

impl TestMerchant {
    /// A server that answers `success`.
    pub async fn spawn() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// The same on a socket that is there already.
    pub fn on(listener: TcpListener) -> Self {
        let state = Arc::new(MerchantState {
            received: Mutex::default(),
            answer: Mutex::new((200, "success".into())),
            reads_json_only: AtomicBool::new(false),
        });
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let router = Router::new().route("/notify", post(receive)).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    /// Its notification address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on, answers this.
    pub fn answers(&self, status: u16, body: &str) {
        *self.state.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// From now on, refuses whatever is not JSON.
    pub fn reads_json_only(&self) {
        self.state.reads_json_only.store(true, Ordering::Relaxed);
    }

    /// What it has received.
    pub fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.state.received.lock().unwrap()
    }
}

impl Drop for TestMerchant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(
    State(state): State<Arc<MerchantState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = headers.get("content-type").and_then(|text| text.to_str().ok());
    let members = signing::read(&body).unwrap_or_default();
    state.received.lock().unwrap().push(Received {
        content_type: content_type.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        members,
    });
    if state.reads_json_only.load(Ordering::Relaxed) && !body.starts_with(b"{") {
        return (StatusCode::BAD_REQUEST, "this is no JSON").into_response();
    }
    let (status, text) = state.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

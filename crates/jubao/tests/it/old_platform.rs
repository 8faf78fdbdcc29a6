//! The platform that ours replaces: a listener that answers as its PHP does, from a book of orders of
//! its own, and that can be down, slow, wrong or lying.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jubao::demo::identity::MERCHANT;
use kernel::old_platform::{CallbackAddress, OldPlatform, OldUrl};
use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::exchange::signed_as;

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub address: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// A header's text, or empty.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
    }
}

/// What is the matter with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mood {
    /// Nothing: it answers from its book.
    Well,
    /// It never answers.
    Slow,
    /// It sends these bytes, whatever they are, and hangs up.
    Sends(Vec<u8>),
}

struct State {
    key: Secret,
    orders: BTreeMap<String, Value>,
    seen: Vec<Seen>,
    mood: Mood,
}

/// The running platform.
pub struct OldSim {
    /// Its address.
    pub url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl OldSim {
    /// Starts it; it knows the demo's merchant.
    pub async fn spawn() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            key: Secret::new(MERCHANT.key),
            orders: BTreeMap::new(),
            seen: Vec::new(),
            mood: Mood::Well,
        }));
        let task = tokio::spawn(accept(listener, state.clone()));
        Self { url, state, task }
    }

    /// As our gateway is told of it: until so many seconds from now.
    pub fn platform(&self, until: Timestamp, guard_until: Timestamp) -> OldPlatform {
        let callbacks = ["/notify/", "/index.php?_m=notify"].map(CallbackAddress::parse);
        OldPlatform {
            url: OldUrl::parse(&self.url).unwrap(),
            until,
            guard_until,
            callbacks: callbacks.into_iter().flatten().collect(),
        }
    }

    /// Puts an order into its book.
    pub fn holds(&self, out_trade_no: &str, state: &str) {
        let order = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": out_trade_no,
            "sn": "11201901020304050000000007", "total_fee": 1234, "trade_state": state,
            "body": "明前/龙井",
        });
        self.state.lock().unwrap().orders.insert(out_trade_no.to_owned(), order);
    }

    /// Changes its mood.
    pub fn is(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// From now on it knows the merchant under another key.
    pub fn knows_key(&self, key: &str) {
        self.state.lock().unwrap().key = Secret::new(key);
    }

    /// What it has been sent since it was asked last.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Nobody listens any more at its address.
    pub fn goes_down(&self) {
        self.task.abort();
    }
}

impl Drop for OldSim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer over HTTP.
pub fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        // Whoever hangs up on us is the test's business.
        tokio::spawn(serve(socket, state.clone()));
    }
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let seen = receive(&mut socket).await?;
    let (mood, answer) = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen.clone());
        (state.mood.clone(), answer(&state, &seen))
    };
    let bytes = match mood {
        Mood::Well => answer,
        Mood::Sends(bytes) => bytes,
        Mood::Slow => std::future::pending().await,
    };
    socket.write_all(&bytes).await.ok()?;
    socket.shutdown().await.ok()
}

async fn receive(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_ends = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        (socket.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8(bytes[..head_ends].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, address) = (first.next()?, first.next()?);
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    };
    let mut seen =
        Seen { method, address, headers: lines.filter_map(header).collect(), body: Vec::new() };
    let length: usize = seen.header("content-length").parse().unwrap_or(0);
    seen.body = bytes[head_ends + 4..].to_vec();
    while seen.body.len() < length {
        (socket.read_buf(&mut seen.body).await.ok()? > 0).then_some(())?;
    }
    Some(seen)
}

/// What its PHP answers: escaped as json_encode does, one envelope, labelled as a page.
fn answer(state: &State, seen: &Seen) -> Vec<u8> {
    let label = "Content-Type: text/html; charset=utf-8\r\nX-Powered-By: PHP/5.6\r\n";
    if seen.address.starts_with("/notify/") || seen.address.contains("_m=notify") {
        return http("202 Accepted", "Content-Type: text/plain\r\n", "success-from-old");
    }
    let members: BTreeMap<String, String> =
        jubao::signing::read(&seen.body).unwrap_or_default().into_iter().collect();
    let signed: Vec<_> = members.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
    if !jubao::signing::is_signed(&signed, &state.key) {
        return http("200 OK", label, r#"{"code":4004,"message":"\u7b7e\u540d\u9519\u8bef"}"#);
    }
    let number = members.get("out_trade_no").cloned().unwrap_or_default();
    let Some(order) = state.orders.get(&number) else {
        return http(
            "200 OK",
            label,
            r#"{"code":40102,"message":"\u8ba2\u5355\u4e0d\u5b58\u5728"}"#,
        );
    };
    let mut data = order.clone();
    data["nonce_str"] = "5f1c".into();
    let data = signed_as(&data, &state.key, SignForm::Widened);
    let body = json!({ "code": 200, "message": "success", "data": data });
    http("200 OK", label, &escaped(&body.to_string()))
}

/// As PHP writes JSON: everything but ASCII, and slashes, escaped.
fn escaped(json: &str) -> String {
    let mut out = String::new();
    for letter in json.chars() {
        match letter {
            '/' => out.push_str("\\/"),
            letter if letter.is_ascii() => out.push(letter),
            letter => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

//! TLS at the edge, with certificates that are renewed while the server runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::edge::{Edge, Limits, TlsFiles};

use crate::edge_process::Server;
use crate::leaks::{self, TestFolder};
use crate::socket::Socket;

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(100);

/// A certificate that signs itself, and its key, in PEM.
struct Pair {
    cert: String,
    key: String,
}

impl Pair {
    fn make() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        Self { cert: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// A client that believes this certificate and no other, with no connection yet.
    fn client(&self) -> reqwest::Client {
        let cert = reqwest::Certificate::from_pem(self.cert.as_bytes()).unwrap();
        leaks::client_builder().tls_certs_only([cert]).build().unwrap()
    }
}

fn files_in(folder: &Path) -> TlsFiles {
    TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}

fn put(files: &TlsFiles, cert: &str, key: &str) {
    fs::write(&files.cert, cert).unwrap();
    fs::write(&files.key, key).unwrap();
}

/// An edge that speaks TLS, its address and its task.
async fn serve(files: &TlsFiles, limits: Limits) -> (Edge, String, JoinHandle<bool>) {
    let edge = Edge::new(limits, Some(files.clone())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/", get(|| async { "here" }));
    let server = edge.clone();
    let task =
        tokio::spawn(async move { server.serve(listener, router, std::future::pending()).await });
    (edge, address, task)
}

async fn reaches(client: &reqwest::Client, address: &str) -> bool {
    match client.get(format!("https://{address}/")).send().await {
        Ok(answer) => answer.text().await.unwrap() == "here",
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let folder = TestFolder::make();
    let files = files_in(folder.path());
    let (old, new) = (Pair::make(), Pair::make());
    put(&files, &old.cert, &old.key);
    let (edge, address, task) = serve(&files, Limits::of_this_machine()).await;
    let connected = old.client();
    assert!(reaches(&connected, &address).await);
    assert!(!reaches(&new.client(), &address).await);

    put(&files, &new.cert, &new.key);
    edge.reload_tls();
    assert!(reaches(&new.client(), &address).await);
    assert!(!reaches(&old.client(), &address).await);
    assert!(reaches(&connected, &address).await, "its connection goes on");

    for (cert, key) in [
        (new.cert.as_str(), old.key.as_str()),
        ("no certificate", new.key.as_str()),
        ("", ""),
        (old.cert.as_str(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        put(&files, cert, key);
        edge.reload_tls();
        assert!(reaches(&new.client(), &address).await, "{cert} {key}");
        assert!(Edge::new(Limits::default(), Some(files.clone())).is_err());
    }
    fs::remove_file(&files.key).unwrap();
    edge.reload_tls();
    assert!(reaches(&new.client(), &address).await);
    put(&files, &old.cert, &old.key);
    edge.reload_tls();
    assert!(reaches(&old.client(), &address).await);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_has_its_time() {
    let folder = TestFolder::make();
    let files = files_in(folder.path());
    let pair = Pair::make();
    put(&files, &pair.cert, &pair.key);
    let mut limits = Limits::of_this_machine();
    limits.times.head = SHORT;
    let (_, address, task) = serve(&files, limits).await;
    let mut slow = Socket::connect(&address).await;
    // The beginning of a handshake record, whose rest never comes.
    slow.send("\u{16}\u{3}\u{1}").await;
    slow.end().await;
    let mut plain = Socket::connect(&address).await;
    assert!(plain.ask("/").await.is_err(), "nothing is served without TLS");
    assert!(reaches(&pair.client(), &address).await);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_its_certificate_over_while_it_serves() {
    let folder = TestFolder::make();
    let files = files_in(folder.path());
    let (old, new) = (Pair::make(), Pair::make());
    put(&files, &old.cert, &old.key);
    let (cert, key) = (files.cert.display(), files.key.display());
    let server = Server::start(&format!("tls_cert = '{cert}'\ntls_key = '{key}'\n")).await;
    let url = server.api.replace("http://", "https://") + "/readyz";
    assert_eq!(old.client().get(&url).send().await.unwrap().status(), 200);
    put(&files, &new.cert, &new.key);
    server.running.signal("-HUP");
    crate::edge_process::wait("the new certificate", async || {
        new.client().get(&url).send().await.ok()
    })
    .await;
    assert_eq!(server.running.finish().await.0, 0);
}

//! Connections that are kept, closed, refused; certificates; what is read of answers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::egress::tests::{Made, made};

/// An answer that lets the connection stay.
const SUCCESS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS";

/// A server that gives `answers` in turn, over one connection or several, and what it was asked.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request with `answer`, and closes after so many of one connection.
    async fn start(answer: &'static str, of_one: usize, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&heard));
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let (tls, heard) = (tls.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, (answer, of_one), &heard).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, (answer, of_one), &heard).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, connections, heard }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    (answer, of_one): (&str, usize),
    heard: &Mutex<Vec<String>>,
) {
    for _ in 0..of_one {
        let mut request = Vec::new();
        while !request.ends_with(b"a=1") {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
                Ok(_) | Err(_) => return,
            }
        }
        heard.lock().unwrap().push(String::from_utf8(request).unwrap());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

fn a_notice(url: String) -> HttpRequest {
    let headers = vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())];
    HttpRequest { method: "POST".into(), url, headers, body: b"a=1".to_vec() }
}

fn loopback() -> Lookup {
    Lookup::new(|_| Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) }))
}

fn wire() -> MerchantWire {
    MerchantWire::new(loopback(), vec!["127.0.0.0/8".parse().unwrap()]).unwrap()
}

/// A wire that believes the certificate of `server` and no other.
fn believing(server: &Made) -> MerchantWire {
    let mut roots = RootCertStore::empty();
    roots.add(server.cert.der().clone()).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    MerchantWire::with_tls(loopback(), vec!["127.0.0.0/8".parse().unwrap()], tls)
}

fn acceptor(own: &Made) -> TlsAcceptor {
    let key = PrivateKeyDer::from_pem_slice(own.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_notice() {
    let server = Server::start(SUCCESS, usize::MAX, None).await;
    let (wire, url) = (wire(), format!("http://shop.example.com:{}/n?b=2#c", server.port));
    for _ in 0..20 {
        let answer = wire.send(&a_notice(url.clone())).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"SUCCESS"[..]));
    }
    assert_eq!(server.connections(), 1);
    let heard = server.heard.lock().unwrap().pop().unwrap().to_lowercase();
    let mut lines = heard.split("\r\n");
    assert_eq!(lines.next(), Some("post /n?b=2 http/1.1"));
    for line in [
        &format!("host: shop.example.com:{}", server.port),
        "content-length: 3",
        "content-type: application/x-www-form-urlencoded",
        &format!("user-agent: {}", USER_AGENT_OF_OURS),
    ] {
        assert!(heard.contains(&format!("{line}\r\n")), "{line} is not in {heard}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let server = Server::start(SUCCESS, 1, None).await;
    let (wire, url) = (wire(), format!("http://127.0.0.1:{}/", server.port));
    for at in 1..=20 {
        assert_eq!(wire.send(&a_notice(url.clone())).await.unwrap().status, 200, "notice {at}");
        // The server closes it, and it is still kept: the next notice finds that out by itself.
        loop {
            let sender = wire.0.kept.take(&url[..url.len() - 1]).unwrap();
            let is_closed = sender.is_closed();
            wire.0.kept.keep(&url[..url.len() - 1], sender);
            if is_closed {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(server.connections(), 20);
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_ends_its_connection() {
    const REFUSAL: &str = "HTTP/1.1 500 Internal\r\nContent-Length: 100000\r\n\r\nno";
    let server = Server::start(REFUSAL, 1, None).await;
    let (wire, url) = (wire(), format!("http://127.0.0.1:{}/", server.port));
    for _ in 0..3 {
        let answer = wire.send(&a_notice(url.clone())).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (500, &b"no"[..]));
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let other = Server::start(SUCCESS, 1, None).await;
    let moved = format!(
        "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
        other.port
    );
    let server = Server::start(moved.leak(), 1, None).await;
    let answer = wire().send(&a_notice(format!("http://127.0.0.1:{}/", server.port))).await;
    assert_eq!((answer.unwrap().status, other.connections()), (307, 0));
}

#[tokio::test]
async fn a_certificate_must_be_believed_and_name_the_host() {
    let own = made("shop.example.com");
    let server = Server::start(SUCCESS, usize::MAX, Some(acceptor(&own))).await;
    let wire = believing(&own);
    let at = |host: &str| a_notice(format!("https://{host}:{}/", server.port));
    for _ in 0..3 {
        assert_eq!(wire.send(&at("shop.example.com")).await.unwrap().body, b"SUCCESS");
    }
    assert_eq!(server.connections(), 1, "it is kept");
    let is_unsent = |sent| matches!(sent, Err(EgressFault::NotSent(_)));
    assert!(is_unsent(wire.send(&at("other.example.com")).await), "it names another host");
    assert!(is_unsent(self::wire().send(&at("shop.example.com")).await), "nobody signed it");
    assert_eq!(server.heard.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn each_connection_has_its_name_looked_up_and_judged() {
    let server = Server::start(SUCCESS, 1, None).await;
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let rebinding = Lookup::new(move |_| {
        // Allowed at first, and not any more after that.
        let last = if counted.fetch_add(1, Ordering::SeqCst) == 0 { 1 } else { 2 };
        Box::pin(async move { Ok(vec![IpAddr::from([127, 0, 0, last])]) })
    });
    let wire = MerchantWire::new(rebinding, vec!["127.0.0.1/32".parse().unwrap()]).unwrap();
    let notice = a_notice(format!("http://shop.example.com:{}/", server.port));
    assert_eq!(wire.send(&notice).await.unwrap().status, 200);
    while wire.0.kept.take(&notice.url[..notice.url.len() - 1]).is_some() {}
    assert!(matches!(wire.send(&notice).await, Err(EgressFault::Blocked(_))));
    assert_eq!((lookups.load(Ordering::SeqCst), server.connections()), (2, 1));
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(wire().send(&a_notice(url)).await, Err(EgressFault::NotSent(_))));
}

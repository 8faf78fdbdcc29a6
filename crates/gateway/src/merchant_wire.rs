//! Requests to merchants' servers: HTTP/1.1 and nothing but what a notice needs, over connections that
//! are kept for the next. A client for everything costs as much again as what is sent.
//!
//! The URL is judged before anything is done for it; a name is looked up and judged anew for each
//! connection, and only a judged address is connected to. No redirect is followed, no proxy is asked,
//! no more of an answer is read than [`MERCHANT`] allows, and nothing lasts longer.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use channels::http::{HttpRequest, HttpResponse};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kernel::defect::{self, Defect};
use kernel::egress_policy::{Cidr, judge_url};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Position, Url};

use crate::egress::{EgressFault, MERCHANT, Sending, USER_AGENT_OF_OURS, Wire};
use crate::kept_connections::Kept;
use crate::resolver::{GuardedResolver, Lookup, NoPublicAddress};

/// Bytes of an answer's head, and of what is read at once.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Redirects that a program with a seeded defect follows.
const REDIRECTS_OF_A_DEFECT: usize = 5;

/// A request as it is sent.
type Outgoing = Request<Full<Bytes>>;
/// A connection, as who sends over it holds it.
type Sender = SendRequest<Full<Bytes>>;

/// Connections to merchants' servers. Clones share them.
#[derive(Clone)]
pub struct MerchantWire(Arc<Inner>);

struct Inner {
    resolver: GuardedResolver,
    tls: TlsConnector,
    kept: Kept<Sender>,
}

impl MerchantWire {
    /// Connections to global addresses, and to those in `allowed`, which names become by `lookup`.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn new(lookup: Lookup, allowed: Vec<Cidr>) -> Result<Self, String> {
        Ok(Self::with_tls(lookup, allowed, tls_of_the_system()?))
    }

    /// The same, with certificates judged as `tls` says.
    pub(crate) fn with_tls(lookup: Lookup, allowed: Vec<Cidr>, tls: ClientConfig) -> Self {
        let resolver = GuardedResolver { lookup, allowed: Arc::new(allowed) };
        let tls = TlsConnector::from(Arc::new(tls));
        Self(Arc::new(Inner { resolver, tls, kept: Kept::default() }))
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        let url = judge_url(&request.url, &self.0.resolver.allowed)
            .map_err(|fault| EgressFault::Blocked(format!("{fault:?}")))?;
        let answered = timeout(MERCHANT.total, self.0.exchange(&url, request)).await;
        let answered = answered.unwrap_or(Err(EgressFault::Timeout));
        match defect::is_seeded(Defect::RedirectFollowed) {
            true => self.0.follow(url, request, answered).await,
            false => answered,
        }
    }
}

impl Wire for MerchantWire {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(self.exchange(request))
    }
}

impl Inner {
    /// Sends a request to a URL that was judged, and reads what is read of the answer.
    async fn exchange(
        &self,
        url: &Url,
        request: &HttpRequest,
    ) -> Result<HttpResponse, EgressFault> {
        let server = &url[..Position::BeforePath];
        let (sender, answer) = self.send(url, outgoing(url, request)?).await?;
        let (answer, is_whole) = read(answer).await?;
        if is_whole {
            self.kept.keep(server, sender);
        }
        Ok(answer)
    }

    /// Sends over a connection that was kept, or over a new one if none is left that is open.
    async fn send(
        &self,
        url: &Url,
        mut outgoing: Outgoing,
    ) -> Result<(Sender, Response<Incoming>), EgressFault> {
        while let Some(mut sender) = self.kept.take(&url[..Position::BeforePath]) {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(outgoing).await {
                Ok(answer) => return Ok((sender, answer)),
                Err(mut failed) => match failed.take_message() {
                    // It was closed at this moment, and nothing of the request was sent.
                    Some(unsent) => outgoing = unsent,
                    None => return Err(broken(&failed.into_error())),
                },
            }
        }
        let connected = timeout(MERCHANT.connect, self.connect(url)).await;
        let mut sender = connected.unwrap_or_else(|_| Err(not_sent("no connection in time")))?;
        let answer = sender.send_request(outgoing).await.map_err(|error| broken(&error))?;
        Ok((sender, answer))
    }

    async fn connect(&self, url: &Url) -> Result<Sender, EgressFault> {
        let stream = self.dial(url).await?;
        stream.set_nodelay(true).map_err(|error| not_sent(&error))?;
        if url.scheme() != "https" {
            return shake_hands(stream).await;
        }
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
            Some(Host::Ipv4(ip)) => Some(ServerName::from(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => Some(ServerName::from(IpAddr::V6(ip))),
            None => None,
        };
        let name = name.ok_or_else(|| not_sent("no name for a certificate"))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| not_sent(&error))?;
        shake_hands(stream).await
    }

    /// Connects to the first address that answers; the time is shared among them.
    async fn dial(&self, url: &Url) -> Result<TcpStream, EgressFault> {
        let addresses = self.addresses(url).await?;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let share: Duration = MERCHANT.connect / count;
        let mut why = not_sent("no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = not_sent(&error),
                Err(_) => why = not_sent("no connection in time"),
            }
        }
        Err(why)
    }

    /// Where a URL leads to: the address that it is written with, which was judged with it, or those
    /// of its name that pass now.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, EgressFault> {
        let port = url.port_or_known_default().ok_or_else(|| not_sent("no port"))?;
        let ips = match url.host() {
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            Some(Host::Domain(name)) => {
                let passed = self.resolver.passed(name).await.map_err(|error| not_sent(&error))?;
                if passed.is_empty() {
                    return Err(EgressFault::Blocked(NoPublicAddress.to_string()));
                }
                passed
            }
            None => Vec::new(),
        };
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// A seeded defect: goes wherever an answer says.
    async fn follow(
        &self,
        mut url: Url,
        request: &HttpRequest,
        mut answered: Result<HttpResponse, EgressFault>,
    ) -> Result<HttpResponse, EgressFault> {
        for _ in 0..REDIRECTS_OF_A_DEFECT {
            let Some(next) = answered.as_ref().ok().and_then(|answer| place(answer, &url)) else {
                break;
            };
            url = next;
            let exchanged = timeout(MERCHANT.total, self.exchange(&url, request)).await;
            answered = exchanged.unwrap_or(Err(EgressFault::Timeout));
        }
        answered
    }
}

/// Where a redirect leads.
fn place(answer: &HttpResponse, from: &Url) -> Option<Url> {
    let is_redirect = (300..400).contains(&answer.status);
    let mut headers = answer.headers.iter().filter(|_| is_redirect);
    let (_, place) = headers.find(|(name, _)| name == LOCATION.as_str())?;
    from.join(place).ok()
}

fn outgoing(url: &Url, request: &HttpRequest) -> Result<Outgoing, EgressFault> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let mut builder = Request::builder()
        .method(request.method.as_str())
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, host)
        .header(ACCEPT, HeaderValue::from_static("*/*"))
        .header(USER_AGENT, HeaderValue::from_static(USER_AGENT_OF_OURS));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| not_sent(&error))?;
        builder = builder.header(name, value);
    }
    let body = Full::new(Bytes::from(request.body.clone()));
    builder.body(body).map_err(|error| not_sent(&error))
}

/// Begins HTTP on a connection, which lives until its sender is dropped or the server closes it.
async fn shake_hands<S>(stream: S) -> Result<Sender, EgressFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES_MAX);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|error| not_sent(&error))?;
    tokio::spawn(async move {
        // Whoever has sent over it hears how it ended.
        let _ = connection.await;
    });
    Ok(sender)
}

/// What is read of an answer, and whether that is all of it.
async fn read(answer: Response<Incoming>) -> Result<(HttpResponse, bool), EgressFault> {
    let (head, mut incoming) = answer.into_parts();
    let status = head.status.as_u16();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let (mut body, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if body.len() + chunk.len() > MERCHANT.answer_bytes_max {
            return Err(EgressFault::TooLong);
        }
        body.extend_from_slice(&chunk);
        if (MERCHANT.is_enough)(status, &body) {
            is_whole = hyper::body::Body::is_end_stream(&incoming);
            break;
        }
    }
    Ok((HttpResponse { status, headers, body }, is_whole))
}

/// Certificates are judged as the system does.
fn tls_of_the_system() -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new(provider.clone());
    let verifier = verifier.map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn not_sent(why: impl ToString) -> EgressFault {
    EgressFault::NotSent(why.to_string())
}

/// The last of an error's causes says why.
fn broken(error: &hyper::Error) -> EgressFault {
    let mut last: &dyn Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    EgressFault::Broken(last.to_string())
}

#[cfg(test)]
#[path = "merchant_wire_tests.rs"]
mod tests;

//! Every connection that we open: to upstreams, and to merchants' servers behind the egress guard
//! ([`crate::merchant_wire`]).
//!
//! No redirects are followed and no proxy is taken from the environment. Towards merchants, the
//! address literal of the URL and every resolved address are judged, and only a judged address is
//! connected to (server-side request forgery, DNS rebinding): see [`crate::resolver`].

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use channels::ClientCertificate;
use channels::http::{HttpRequest, HttpResponse};
use kernel::defect::{self, Defect};
use kernel::egress_policy::{Cidr, host_literal, judge_url};
use kernel::notice::may_acknowledge;
use kernel::old_platform::ANSWER_BYTES_MAX;
use reqwest::redirect::Policy;

use crate::certified_clients::{Begin, CertifiedClients, NoCertificate};
use crate::merchant_wire::MerchantWire;
use crate::resolver::{GuardedResolver, Lookup, NoPublicAddress};

/// Limits of one kind of connection.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// To connect, TLS included.
    pub connect: Duration,
    /// In all, the answer's body included.
    pub total: Duration,
    /// Bytes of answer that are read.
    pub answer_bytes_max: usize,
    /// Whether what has been read of an answer, with its status, is all that is needed of it.
    pub is_enough: fn(u16, &[u8]) -> bool,
}

/// Upstreams: 3 s to connect, 10 s in all, 1 MiB.
pub const UPSTREAM: Limits = Limits {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(10),
    answer_bytes_max: 1 << 20,
    is_enough: |_, _| false,
};
/// Merchants (contract section 7): 5 s to connect, 10 s in all, 64 KiB, and of an answer that cannot
/// acknowledge only its beginning, for whoever looks for the reason.
pub const MERCHANT: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
    answer_bytes_max: 64 << 10,
    is_enough: |status, begun| !begun.is_empty() && !may_acknowledge(status, begun),
};
/// The platform before: a refund there may take long, but a merchant's client waits for it.
pub const OLD_PLATFORM: Limits = Limits {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(20),
    answer_bytes_max: ANSWER_BYTES_MAX,
    is_enough: |_, _| false,
};
/// How we call ourselves.
pub(crate) const USER_AGENT_OF_OURS: &str = concat!("jubao-pay/", env!("CARGO_PKG_VERSION"));
/// Idle connections that are kept per upstream.
const IDLE_PER_HOST_MAX: usize = 128;
/// Redirects that a program with a seeded defect follows.
const REDIRECTS_OF_A_DEFECT: usize = 5;

/// An answer, or why there is none, once it is known.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, EgressFault>> + Send + 'a>>;

/// What carries requests to servers of others: connections of ours, or a simulated network.
pub trait Wire: Send + Sync {
    /// Sends `request` and brings the whole answer. A fault says whether anything can have been
    /// executed.
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a>;

    /// The same over a connection that shows `certificate`. A network without TLS has nowhere to
    /// show it.
    fn send_showing<'a>(
        &'a self,
        request: &'a HttpRequest,
        certificate: &'a ClientCertificate,
    ) -> Sending<'a> {
        let _ = certificate;
        self.send(request)
    }
}

/// What carries a gateway's requests.
pub struct Wires {
    /// To upstreams.
    pub upstreams: Arc<dyn Wire>,
    /// To merchants' servers.
    pub merchants: Arc<dyn Wire>,
}

impl Wires {
    /// Connections of ours; those to merchants only to global addresses and to those in `allowed`.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn connections(allowed: Vec<Cidr>) -> Result<Self, String> {
        Ok(Self {
            upstreams: Arc::new(Egress::to_upstreams()?),
            merchants: Arc::new(Egress::to_merchants(allowed)?),
        })
    }
}

/// Opens connections of one kind.
#[derive(Clone, Debug)]
pub struct Egress {
    client: reqwest::Client,
    certified: CertifiedClients,
    guard: Option<Arc<Vec<Cidr>>>,
    limits: Limits,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EgressFault {
    /// The guard refuses the address; nothing was sent.
    Blocked(String),
    /// No connection: nothing was sent.
    NotSent(String),
    /// What should be shown is no client certificate: nothing was sent.
    NoCertificate,
    /// Sent, no complete answer in time.
    Timeout,
    /// Sent, and the connection broke.
    Broken(String),
    /// The answer is longer than is read.
    TooLong,
}

impl EgressFault {
    /// The class of the failure, in a word that may be shown to a merchant.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "blocked",
            Self::NotSent(_) => "unreachable",
            Self::NoCertificate => "no certificate",
            Self::Timeout => "timeout",
            Self::Broken(_) => "broken",
            Self::TooLong => "too long",
        }
    }
}

impl Egress {
    /// Connections to upstreams, whose addresses are the operator's configuration.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn to_upstreams() -> Result<Self, String> {
        Self::beginning(Arc::new(|| begin(UPSTREAM)), UPSTREAM)
    }

    /// Connections to merchants' servers: only to global addresses, and to those in `allowed`.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn to_merchants(allowed: Vec<Cidr>) -> Result<MerchantWire, String> {
        Self::to_merchants_with(Lookup::of_the_system(), allowed)
    }

    /// The same with a lookup of one's own.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn to_merchants_with(lookup: Lookup, allowed: Vec<Cidr>) -> Result<MerchantWire, String> {
        MerchantWire::new(lookup, allowed)
    }

    /// Connections to the platform before: the operator has named it, so an address that it is written
    /// with is allowed; what a name leads to must be global, or in `allowed`.
    ///
    /// # Errors
    /// The TLS library does not start.
    pub fn to_old_platform(url: &str, allowed: &[Cidr]) -> Result<Self, String> {
        let literal = host_literal(url).into_iter().filter_map(|ip| ip.to_string().parse().ok());
        let allowed: Arc<Vec<Cidr>> = Arc::new(literal.chain(allowed.iter().copied()).collect());
        let lookup = Lookup::of_the_system();
        let resolver = GuardedResolver { lookup, allowed: allowed.clone() };
        // A connection that it closes at this moment would leave a refund in doubt: none is kept.
        let begin = move || {
            begin(OLD_PLATFORM).pool_max_idle_per_host(0).dns_resolver(Arc::new(resolver.clone()))
        };
        let egress = Self::beginning(Arc::new(begin), OLD_PLATFORM)?;
        Ok(Self { guard: Some(allowed), ..egress })
    }

    fn beginning(begin: Begin, limits: Limits) -> Result<Self, String> {
        let client = begin().build().map_err(|error| error.to_string())?;
        Ok(Self { client, certified: CertifiedClients::new(begin), guard: None, limits })
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: &HttpRequest,
    ) -> Result<HttpResponse, EgressFault> {
        if let Some(allowed) = &self.guard {
            judge_url(&request.url, allowed)
                .map_err(|fault| EgressFault::Blocked(format!("{fault:?}")))?;
        }
        let outgoing = build(client, request)?;
        let answer = client.execute(outgoing).await.map_err(|error| classify(&error))?;
        self.read(answer).await
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<HttpResponse, EgressFault> {
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| classify_sent(&error))? {
            if body.len() + chunk.len() > self.limits.answer_bytes_max {
                return Err(EgressFault::TooLong);
            }
            body.extend_from_slice(&chunk);
            if (self.limits.is_enough)(status, &body) {
                break;
            }
        }
        Ok(HttpResponse { status, headers, body })
    }
}

impl Wire for Egress {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(self.exchange(&self.client, request))
    }

    fn send_showing<'a>(
        &'a self,
        request: &'a HttpRequest,
        certificate: &'a ClientCertificate,
    ) -> Sending<'a> {
        Box::pin(async move {
            let client = self.certified.showing(certificate);
            let client = client.map_err(|NoCertificate| EgressFault::NoCertificate)?;
            self.exchange(&client, request).await
        })
    }
}

fn build(client: &reqwest::Client, request: &HttpRequest) -> Result<reqwest::Request, EgressFault> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes())
        .map_err(|error| EgressFault::NotSent(error.to_string()))?;
    let mut builder = client.request(method, &request.url).body(request.body.clone());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    builder.build().map_err(|error| EgressFault::NotSent(error.without_url().to_string()))
}

fn begin(limits: Limits) -> reqwest::ClientBuilder {
    let redirects = if defect::is_seeded(Defect::RedirectFollowed) {
        Policy::limited(REDIRECTS_OF_A_DEFECT)
    } else {
        Policy::none()
    };
    reqwest::Client::builder()
        .redirect(redirects)
        .no_proxy()
        .connect_timeout(limits.connect)
        .timeout(limits.total)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .user_agent(USER_AGENT_OF_OURS)
}

fn classify(error: &reqwest::Error) -> EgressFault {
    if causes(error).any(|cause| cause.is::<NoPublicAddress>()) {
        return EgressFault::Blocked(NoPublicAddress.to_string());
    }
    if error.is_connect() {
        let cause = causes(error).last().map_or_else(String::new, ToString::to_string);
        return EgressFault::NotSent(cause);
    }
    classify_sent(error)
}

fn classify_sent(error: &reqwest::Error) -> EgressFault {
    if error.is_timeout() {
        return EgressFault::Timeout;
    }
    EgressFault::Broken(causes(error).last().map_or_else(String::new, ToString::to_string))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

#[cfg(test)]
#[path = "egress_tests.rs"]
pub(crate) mod tests;

//! Whom a request comes from. A proxy that the operator trusts says so in `X-Forwarded-For`; the
//! header of anybody else is a stranger's claim and is not read.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use kernel::egress_policy::Cidr;

/// Where a proxy writes whom it speaks for (RFC 7239 describes it as it is used).
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of one request: its address, as the whole program knows it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// The address; never an IPv4 one in IPv6's spelling.
    pub ip: IpAddr,
    /// What it is counted under; `None` for a trusted proxy that speaks for itself.
    pub(crate) net: Option<Net>,
}

impl Client {
    /// The client at `ip`, which nobody speaks for.
    pub fn direct(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        Self { ip, net: Some(Net::of(ip)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = StatusCode;

    /// Fails only where a router is served without the edge.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().copied().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The other end of a connection.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Peer {
    ip: IpAddr,
    is_trusted: bool,
}

impl Peer {
    /// The peer at `ip`, which is trusted if `proxies` holds it.
    pub(crate) fn new(ip: IpAddr, proxies: &[Cidr]) -> Self {
        let ip = ip.to_canonical();
        Self { ip, is_trusted: proxies.iter().any(|range| range.contains(ip)) }
    }

    /// What its connections are counted under; a trusted proxy's are not.
    pub(crate) fn net(&self) -> Option<Net> {
        (!self.is_trusted).then(|| Net::of(self.ip))
    }

    /// Whom a request over this connection comes from: one hop is believed, which is the right-most
    /// entry, because everything left of it came from the client.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Client {
        if !self.is_trusted {
            return Client { ip: self.ip, net: Some(Net::of(self.ip)) };
        }
        match forwarded_for(headers) {
            Some(ip) => Client::direct(ip),
            None => Client { ip: self.ip, net: None },
        }
    }
}

/// The last entry of the last such header. One that is no address says nothing.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all(X_FORWARDED_FOR).iter().next_back()?;
    let entry = line.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(bracketed)
}

/// An address as it is counted: whoever has one address of an IPv6 /64 has all of them.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Net(u128);

impl Net {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(ip.to_ipv6_mapped().to_bits()),
            IpAddr::V6(ip) => Self(ip.to_bits() >> 64 << 64),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[&'static str]) -> Client {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        Peer::new(peer.parse().unwrap(), &proxies).client(&headers)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_its_own_entry() {
        for (peer, lines, expect) in [
            ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
            ("10.1.1.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.1.1.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.1.1.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.1.1.1", &["1.1.1.1", "2.2.2.2 ,198.51.100.1"], "198.51.100.1"),
            ("10.1.1.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.1.1.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.1.1.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.1.1.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("::1", &["2001:db8::1"], "2001:db8::1"),
            ("10.1.1.1", &[], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1, unknown"], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1", ""], "10.1.1.1"),
        ] {
            assert_eq!(client(peer, lines).ip.to_string(), expect, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_proxy_is_not_counted_but_whom_it_speaks_for_is() {
        assert_eq!(client("10.1.1.1", &[]).net, None);
        assert_eq!(client("10.1.1.1", &["192.0.2.7"]).net, client("192.0.2.7", &[]).net);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let net = |text: &str| Net::of(text.parse().unwrap());
        assert_eq!(net("2001:db8:1:2::1"), net("2001:db8:1:2:ffff::9"));
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_ne!(net("192.0.2.7"), net("192.0.2.8"));
    }
}

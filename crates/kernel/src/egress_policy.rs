//! Where we may be told to connect to: which URLs a merchant may name, and which addresses are
//! global. Judged twice with the same tables: the text when an order is placed, and every resolved
//! address when we connect. It resolves nothing and connects nowhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::defect::{self, Defect};

/// Ports of services that are never a merchant's web server (contract section 4).
const REFUSED_PORTS: [u16; 6] = [3306, 5432, 6379, 9200, 11211, 27017];

/// Address ranges that are not global: IANA's special-purpose registries, and the addresses where
/// clouds keep their metadata. The IPv6 forms that embed an IPv4 address are refused as a whole; where
/// the operator allows them, [`may_connect`] judges what they embed.
const NOT_GLOBAL: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers; Alibaba Cloud's metadata"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "Azure's platform"),
    ("169.254.0.0/16", "link-local; metadata of most clouds"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments; Oracle's metadata"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast"),
    ("::/8", "unspecified, loopback, IPv4-compatible and IPv4-mapped"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64, local"),
    ("100::/64", "discard"),
    ("100:0:0:1::/64", "dummy"),
    ("2001::/23", "protocol assignments, Teredo, ORCHID"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local; AWS's metadata"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
];

/// A range of addresses, such as `127.0.0.0/8`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

/// Bits of an IPv4-mapped address before the IPv4 one.
const MAPPED_BITS: u8 = 96;

impl Cidr {
    /// Whether `ip` lies in it; the two families never meet.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(base).checked_shr(shift) == u32::from(ip).checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(base).checked_shr(shift) == u128::from(ip).checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl Cidr {
    /// The same range; one of IPv4-mapped addresses as the IPv4 range that it means. For lists of callers,
    /// whose addresses are never in that spelling.
    pub fn canonical(self) -> Self {
        match self.base.to_canonical() {
            base @ IpAddr::V4(_) if self.base.is_ipv6() && self.bits >= MAPPED_BITS => {
                Self { base, bits: self.bits - MAPPED_BITS }
            }
            _ => self,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = if self.base.is_ipv4() { 32 } else { 128 };
        match self.bits {
            bits if bits == most => write!(out, "{}", self.base),
            bits => write!(out, "{}/{bits}", self.base),
        }
    }
}

impl From<Cidr> for String {
    fn from(range: Cidr) -> Self {
        range.to_string()
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// Reads `address/bits`, or an address alone, which is a range of one.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text}: not an address range such as 10.0.0.0/8");
        let (base, bits) = text.split_once('/').unwrap_or((text, ""));
        let base = base.parse::<IpAddr>().map_err(|_| fault())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() { Ok(most) } else { bits.parse::<u8>() };
        match bits {
            Ok(bits) if bits <= most => Ok(Self { base, bits }),
            _ => Err(fault()),
        }
    }
}

/// Whether an address belongs to the public internet.
pub fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_global_v4(ip),
        IpAddr::V6(ip) => is_global_v6(ip),
    }
}

/// Whether we may connect to an address: it is global, or the operator allows it; and so is the IPv4
/// address that it embeds, if any, which is where a translator or a tunnel would take us.
pub fn may_connect(ip: IpAddr, allow: &[Cidr]) -> bool {
    let is_open = |ip| is_global(ip) || is_allowed(ip, allow);
    is_open(ip) && embedded_v4(ip).is_none_or(|inner| is_open(IpAddr::V4(inner)))
}

/// The IPv4 address inside an IPv6 one: IPv4-mapped and -compatible (RFC 4291), NAT64 (RFC 6052 and
/// 8215, prefixes of 96 bits), 6to4 (RFC 3056), and the client's of Teredo (RFC 4380).
fn embedded_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xFFFF, high, low] if high > 0 => Some(join(high, low)),
        [0x64, 0xFF9B, 0 | 1, _, _, _, high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        [0x2001, 0, .., high, low] => Some(join(!high, !low)),
        _ => None,
    }
}

/// Whether the operator's list holds an address, also one written as IPv4-mapped.
fn is_allowed(ip: IpAddr, allow: &[Cidr]) -> bool {
    allow.iter().any(|range| range.contains(ip) || range.contains(ip.to_canonical()))
}

fn is_global_v4(ip: Ipv4Addr) -> bool {
    !ranges().any(|range| range.contains(IpAddr::V4(ip)))
}

/// Global unicast is 2000::/3; nothing outside it is routed.
fn is_global_v6(ip: Ipv6Addr) -> bool {
    ip.segments()[0] >> 13 == 1 && !ranges().any(|range| range.contains(IpAddr::V6(ip)))
}

fn ranges() -> impl Iterator<Item = Cidr> {
    NOT_GLOBAL.iter().filter_map(|(range, _)| range.parse().ok())
}

/// Why a URL is refused.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum UrlFault {
    /// Not an absolute http or https URL.
    Shape,
    /// It holds a user name or password.
    UserInfo,
    /// Its literal address is not global.
    Address,
    /// Its host is a reserved name.
    ReservedName,
    /// Its port is no web server's.
    Port,
}

/// Judges a URL that a payer's browser will open (contract section 4, `return_url`).
///
/// # Errors
/// It is not an absolute http(s) URL, or names a user.
pub fn judge_page(url: &str) -> Result<Url, UrlFault> {
    let rest = strip_scheme(url).ok_or(UrlFault::Shape)?;
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '\\';
    if rest.is_empty() || rest.starts_with('/') || rest.contains(is_odd) {
        return Err(UrlFault::Shape);
    }
    let parsed = Url::parse(url).map_err(|_| UrlFault::Shape)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.contains('@') || !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(UrlFault::UserInfo);
    }
    parsed.host().is_some().then_some(parsed).ok_or(UrlFault::Shape)
}

/// Judges a URL that we will connect to ourselves (contract section 4, `notify_url`): as
/// [`judge_page`], and its host and port. Names are not resolved: each address they lead to is
/// judged by [`may_connect`] when we connect. `allow` holds the private targets of the operator.
///
/// # Errors
/// Which rule it breaks.
pub fn judge_url(url: &str, allow: &[Cidr]) -> Result<Url, UrlFault> {
    let parsed = judge_page(url)?;
    let literal = match parsed.host().ok_or(UrlFault::Shape)? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(name) => {
            if is_reserved(name) && allow.is_empty() {
                return Err(UrlFault::ReservedName);
            }
            None
        }
    };
    let is_judged = !defect::is_seeded(Defect::LiteralUnchecked);
    if literal.is_some_and(|ip| is_judged && !may_connect(ip, allow)) {
        return Err(UrlFault::Address);
    }
    if literal.is_some_and(|ip| is_allowed(ip, allow)) {
        return Ok(parsed);
    }
    let port = parsed.port_or_known_default().ok_or(UrlFault::Port)?;
    if may_use_port(port) { Ok(parsed) } else { Err(UrlFault::Port) }
}

/// The address that a URL is written with, if its host is no name.
pub fn host_literal(url: &str) -> Option<IpAddr> {
    match Url::parse(url).ok()?.host()? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    }
}

fn strip_scheme(url: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let is_there = url.get(..scheme.len())?.eq_ignore_ascii_case(scheme);
        is_there.then(|| &url[scheme.len()..])
    })
}

fn may_use_port(port: u16) -> bool {
    matches!(port, 80 | 443 | 1024..) && !REFUSED_PORTS.contains(&port)
}

/// Names that mean this machine or a private network. A final dot does not change a name.
fn is_reserved(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.is_empty()
        || ["localhost", "local", "internal"].into_iter().any(|word| {
            let rest = name.strip_suffix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[cfg(test)]
#[path = "egress_policy_tests.rs"]
mod tests;

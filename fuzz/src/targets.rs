//! The URL policy. The second table here is written from the registries' text, as tests on octets
//! and segments, so that a slip in one is not a slip in both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::Arbitrary;
use kernel::egress_policy::{is_global, judge_page, judge_url};
use url::{Host, Url};

/// A URL as text, or put together around an address.
#[derive(Arbitrary, Debug)]
pub enum Target<'a> {
    /// As it stands.
    Text(&'a str),
    /// `http://` before it.
    Rest(&'a str),
    /// An IPv4 address in one of its spellings.
    V4 { address: u32, spelling: u8, port: u16, tail: &'a str },
    /// An IPv6 address.
    V6 { address: u128, port: u16, tail: &'a str },
    /// An IPv4 address inside an IPv6 one.
    Embedded { address: u32, form: u8 },
}

/// What is let through leads nowhere inside, whoever reads it.
pub fn url_policy(target: &Target<'_>) {
    let text = match target {
        Target::Text(text) => (*text).to_owned(),
        Target::Rest(rest) => format!("http://{rest}"),
        Target::V4 { address, spelling, port, tail } => {
            format!("http://{}:{port}/{tail}", spelled(*address, *spelling))
        }
        Target::V6 { address, port, tail } => {
            format!("http://[{}]:{port}/{tail}", Ipv6Addr::from(*address))
        }
        Target::Embedded { address, form } => format!("http://[{}]/", embedded(*address, *form)),
    };
    if let Target::Embedded { address, form } = target {
        assert!(!is_global(IpAddr::V6(embedded(*address, *form))), "{text} is let through");
    }
    let Ok(judged) = judge_url(&text, &[]) else { return };
    assert_eq!(judge_page(&text), Ok(judged.clone()), "for us, but not for a browser");
    let read = Url::parse(&text).expect("what is let through is a URL");
    assert_eq!(read, judged, "judged another URL than the client connects to");
    assert!(matches!(read.scheme(), "http" | "https"));
    assert!(read.username().is_empty() && read.password().is_none(), "{text} names a user");
    let port = read.port_or_known_default().expect("http has a port");
    assert!(port == 80 || port == 443 || port >= 1024, "{text}");
    assert!(![3306, 5432, 6379, 9200, 11211, 27017].contains(&port), "{text}");
    match read.host().expect("http has a host") {
        Host::Ipv4(ip) => assert!(!is_inside_v4(ip), "{text} is let through"),
        Host::Ipv6(ip) => assert!(!is_inside_v6(ip), "{text} is let through"),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or("");
            assert!(!["localhost", "local", "internal", ""].contains(&last), "{text}");
            assert!(name.parse::<IpAddr>().is_err(), "{text} is an address");
        }
    }
    for ip in [is_global_v4, is_global_v6] {
        ip(&text);
    }
}

fn is_global_v4(text: &str) {
    let Ok(ip) = text.parse::<Ipv4Addr>() else { return };
    assert_eq!(is_global(IpAddr::V4(ip)), !is_inside_v4(ip), "{ip}");
}

fn is_global_v6(text: &str) {
    let Ok(ip) = text.parse::<Ipv6Addr>() else { return };
    assert!(!is_global(IpAddr::V6(ip)) || !is_inside_v6(ip), "{ip}");
}

/// The spellings that `inet_aton` and browsers read.
fn spelled(address: u32, spelling: u8) -> String {
    let [a, b, c, d] = address.to_be_bytes();
    match spelling % 9 {
        0 => format!("{a}.{b}.{c}.{d}"),
        1 => address.to_string(),
        2 => format!("0x{address:x}"),
        3 => format!("0{address:o}"),
        4 => format!("0x{a:x}.0{b:o}.{c}.{d}"),
        5 => format!("{a}.{}", address & 0xFF_FFFF),
        6 => format!("{a}.{b}.{}", address & 0xFFFF),
        7 => format!("{a}。{b}．{c}｡{d}"),
        _ => format!("%3{}.{b}.{c}.{d}.", a % 10),
    }
}

fn embedded(address: u32, form: u8) -> Ipv6Addr {
    let low = u128::from(address);
    Ipv6Addr::from(match form % 6 {
        0 => 0xFFFF << 32 | low,
        1 => low,
        2 => 0x0064_FF9B << 96 | low,
        3 => 0x2002 << 112 | low << 80 | 1,
        4 => 0x2001 << 112 | low << 64 | u128::from(!address),
        _ => 0x0064_FF9B_0001 << 80 | low,
    })
}

fn is_inside_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, d] = ip.octets();
    a == 0
        || a == 10
        || a == 127
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 168 && b == 63 && c == 129 && d == 16)
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 31 && c == 196)
        || (a == 192 && b == 52 && c == 193)
        || (a == 192 && b == 88 && c == 99)
        || (a == 192 && b == 175 && c == 48)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
}

fn is_inside_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    // Only 2000::/3 is routed; what embeds an IPv4 address or is special is inside it.
    a & 0xE000 != 0x2000
        || (a == 0x2001 && b < 0x0200)
        || (a == 0x2001 && b == 0x0DB8)
        || a == 0x2002
        || (a == 0x2620 && b == 0x004F && c == 0x8000)
        || (a == 0x3FFF && b < 0x1000)
}

//! The forms in which an address inside can be told to us: one table for every time at which we might
//! be led there. A form stands for one way to write, and one way to be wrong about it.

use std::net::IpAddr;

use url::{Host, Url};

/// Hosts that are refused when an order is placed.
const HOSTS: [&str; 124] = [
    // Loopback, in the ways that inet_aton and browsers read: dotted, short, one number; decimal, hex,
    // octal, mixed, padded with zeros.
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.1.",
    "127.0.1",
    "127.0.0.2",
    "127.0.1.1",
    "127.53.0.53",
    "127.255.255.254",
    "2130706433",
    "2130706433.",
    "02130706433.0x0",
    "0x7f000001",
    "0X7F000001",
    "0x00000000007f000001",
    "0x7f.1",
    "0x7f.0.1",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.1",
    "0177.0.0.1",
    "0177.0x0.00.01",
    "00000177.0.0.0001",
    "127.0x1",
    "0x7F.00.0X0.1",
    // This network.
    "0",
    "0x0",
    "00",
    "0.0.0.0",
    "0.0",
    "0.1.2.3",
    // Private, link-local, shared, and where clouds keep their metadata.
    "10.0.0.1",
    "10.1",
    "10.255.255.254",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "0xac.0x10.1",
    "2886729729",
    "192.168.0.1",
    "192.168.1",
    "192.168.257",
    "3232235521",
    "0300.0250.0.1",
    "169.254.169.254",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "025177524776",
    "0xa9.254.0251.0xfe",
    "169.254.170.2",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "100.100.100.200",
    "0x64.0144.100.200",
    "192.0.0.192",
    "168.63.129.16",
    // Nobody's server: documentation, benchmarks, relays, multicast, reserved, broadcast.
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.9",
    "198.18.0.1",
    "198.19.255.254",
    "192.88.99.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "254.1.2.3",
    "255.255.255.255",
    "4294967295",
    "0xffffffff",
    // Letters that become digits and dots when a host is read: full-width, circled, mathematical,
    // ideographic and half-width stops, escapes.
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "１６９。２５４。１６９。２５４",
    "0ｘ7f000001",
    "%31%32%37.0.0.1",
    "127%2E0%2E0%2E1",
    "%30x7f.1",
    // IPv6: loopback and unspecified, and IPv4 inside it in every form that there is.
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0.0.0.0]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2002:a00:1::1]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    // IPv6: what is not global.
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[2001:db8::1]",
    "[2001:20::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[4000::1]",
    "[2620:4f:8000::1]",
];

/// Names that are refused when an order is placed.
const RESERVED_NAMES: [&str; 14] = [
    "localhost",
    "localhost.",
    "localhost..",
    "LOCALHOST",
    "LocalHost.",
    "shop.localhost",
    "ｌｏｃａｌｈｏｓｔ",
    "loc%61lhost",
    "local",
    "printer.local",
    "printer.LOCAL.",
    "metadata.google.internal",
    "host.docker.internal",
    "printer。local",
];

/// Whole URLs that are refused when an order is placed: user info, schemes, ports of other services.
const URLS: [&str; 18] = [
    "http://user@127.0.0.1/",
    "http://shop.example@127.0.0.1/",
    "http://user:password@10.0.0.1/",
    "http://@127.0.0.1/",
    "http://93.184.215.14@127.0.0.1/",
    "http://93.184.215.14\\@127.0.0.1/",
    "http:\\\\127.0.0.1/",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
    "//127.0.0.1/",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_",
    "file://127.0.0.1/etc/passwd",
    "http://127.0.0.1\t/",
    "http://93.184.215.14:22/",
    "http://93.184.215.14:3306/",
    "http://93.184.215.14:6379/",
    "http://[fe80::1%25lo]/",
];

/// Names that are judged when we connect, and where they lead on this network.
pub const NAMES: [(&str, &str); 16] = [
    ("loopback.shop.example", "127.0.0.1"),
    ("127.0.0.1.shop.example", "127.0.0.1"),
    ("localhost.localdomain", "127.0.0.1"),
    ("ip6-localhost", "::1"),
    ("intranet", "10.0.0.1"),
    ("router.lan", "192.168.0.1"),
    ("db.corp", "172.16.0.1"),
    ("metadata", "169.254.169.254"),
    ("instance-data.shop.example", "169.254.169.254"),
    ("kubernetes.default.svc", "10.96.0.1"),
    ("carrier.shop.example", "100.64.0.1"),
    ("ula.shop.example", "fd00:ec2::254"),
    ("mapped.shop.example", "::ffff:127.0.0.1"),
    ("nat64.shop.example", "64:ff9b::7f00:1"),
    ("tunnel.shop.example", "2002:7f00:1::"),
    ("xn--pbtv86f.shop.example", "127.0.0.1"),
];

/// URLs that are refused when an order is placed.
pub fn refused() -> Vec<String> {
    let hosts = HOSTS.iter().chain(&RESERVED_NAMES).map(|host| format!("http://{host}/notify"));
    let ports = ["127.0.0.1:8080", "[::1]:8443", "localhost:8080", "2130706433:443"];
    let with_port = ports.iter().map(|host| format!("http://{host}/notify"));
    let secure = ["127.0.0.1", "[::ffff:10.0.0.1]", "0x7f.1", "localhost", "169.254.169.254:8443"];
    let secure = secure.iter().map(|host| format!("HTTPS://{host}/notify"));
    let whole = URLS.iter().map(|url| (*url).to_owned());
    hosts.chain(with_port).chain(secure).chain(whole).collect()
}

/// URLs whose name is judged when we connect.
pub fn judged_later() -> Vec<String> {
    let plain = NAMES.iter().map(|(name, _)| format!("http://{name}/notify"));
    plain.chain(["http://INTRANET:8080/".into(), "https://router.lan/notify".into()]).collect()
}

/// Every form.
pub fn all() -> Vec<String> {
    let mut all = refused();
    all.extend(judged_later());
    all
}

/// The address that is written in a URL, as the client reads it.
pub fn literal(url: &str) -> Option<IpAddr> {
    match Url::parse(url).ok()?.host()? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    }
}

/// The addresses that the forms write, each once.
pub fn addresses() -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> =
        HOSTS.iter().filter_map(|host| literal(&format!("http://{host}/"))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

//! The forms in which a private address can be written, and what must stay possible.

use super::*;

const LITERALS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.0.01",
    "127.0.0.1.",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "0x0",
    "0.1.2.3",
    "10.0.0.1",
    "10.1",
    "167772161",
    "012.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.257",
    "3232235521",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[4000::1]",
    "[1::1]",
];

fn judged(url: &str, expect: Result<(), UrlFault>) {
    assert_eq!(judge_url(url, &[]).map(|_| ()), expect, "{url}");
}

#[test]
fn every_spelling_of_an_address_that_is_not_global_is_refused() {
    assert!(LITERALS.len() >= 60);
    for literal in LITERALS {
        for url in [
            format!("http://{literal}/notify"),
            format!("HTTPS://{literal}:8080"),
            format!("https://{literal}?x=1"),
        ] {
            judged(&url, Err(UrlFault::Address));
        }
    }
}

#[test]
fn global_addresses_and_names_pass() {
    for url in [
        "http://聚宝.com/notify",
        "http://聚宝pay.com/",
        "https://www.baidu.com",
        "HTTP://shop.example/pay/notify_url.php?out_trade_no=1",
        "https://8.8.8.8/",
        "https://134744072:8443/",
        "https://[2606:4700::1111]/x",
        "http://shop.example:80/",
        "http://shop.example:1024/",
        "http://shop.example:65535/",
        "http://localhost.example.com/",
        "http://mylocal/",
        "http://a.cn/x?to=user@host",
        "http://172.15.255.255/",
        "http://172.32.0.1/",
        "http://100.63.0.1/",
        "http://100.128.0.1/",
    ] {
        judged(url, Ok(()));
    }
}

#[test]
fn an_international_host_is_resolved_as_punycode() {
    let url = judge_url("http://聚宝.com/notify", &[]).unwrap();
    assert_eq!(url.host_str(), Some("xn--pbtv86f.com"));
}

#[test]
fn what_is_no_absolute_web_address_is_refused() {
    for url in [
        "",
        "http://",
        "http:///evil.com",
        "http:/a.cn",
        "//a.cn/",
        "/notify",
        "a.cn",
        "ftp://a.cn/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "gopher://a.cn/",
        " http://a.cn/",
        "http://a.cn/ ",
        "http://a.cn/\n",
        "ht\ttp://a.cn/",
        "http://a.cn\\@b.cn/",
        "http://a.cn:99999/",
        "http://a b.cn/",
        "http://?x",
        "http://:80/",
        "http://256.256.256.256/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
    ] {
        judged(url, Err(UrlFault::Shape));
    }
}

#[test]
fn user_info_is_refused() {
    for url in ["http://u@a.cn/", "http://u:p@a.cn/", "http://@a.cn/", "http://:@a.cn"] {
        judged(url, Err(UrlFault::UserInfo));
    }
}

#[test]
fn reserved_names_are_refused() {
    for name in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "metadata.google.internal",
        "x.internal.",
        "ｌｏｃａｌｈｏｓｔ",
        "loc%61lhost",
    ] {
        judged(&format!("http://{name}/"), Err(UrlFault::ReservedName));
    }
}

#[test]
fn ports_of_other_services_are_refused() {
    for port in [1, 21, 22, 25, 81, 442, 1023, 3306, 5432, 6379, 9200, 11211, 27017, 0] {
        judged(&format!("http://shop.example:{port}/"), Err(UrlFault::Port));
    }
}

#[test]
fn the_operator_can_allow_private_targets() {
    let allow = ["127.0.0.0/8".parse::<Cidr>().unwrap(), "::1".parse().unwrap()];
    for url in ["http://127.0.0.1:99/", "http://[::1]/", "http://localhost:8080/"] {
        assert!(judge_url(url, &allow).is_ok(), "{url}");
    }
    assert_eq!(judge_url("http://10.0.0.1/", &allow), Err(UrlFault::Address));
    assert!(may_connect("127.9.9.9".parse().unwrap(), &allow));
    assert!(may_connect("::ffff:127.0.0.1".parse().unwrap(), &allow));
    assert!(!may_connect("10.0.0.1".parse().unwrap(), &allow));
    assert!(may_connect("1.1.1.1".parse().unwrap(), &[]));
}

#[test]
fn an_allowed_translator_does_not_lead_inside() {
    let allow = ["64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/8", "10.0.0.0/8"];
    let allow = allow.map(|range| range.parse::<Cidr>().unwrap());
    for (ip, may) in [
        ("64:ff9b::8.8.8.8", true),
        ("64:ff9b::127.0.0.1", false),
        ("64:ff9b::10.0.0.1", true),
        ("64:ff9b:1::169.254.169.254", false),
        ("2002:808:808::1", true),
        ("2002:a9fe:a9fe::1", false),
        ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", true),
        ("2001:0:4136:e378:8000:63bf:3f57:fefe", false),
        ("::ffff:8.8.8.8", true),
        ("::ffff:192.168.0.1", false),
        ("::127.0.0.1", false),
        ("::ffff:10.0.0.1", true),
        ("::1", true),
    ] {
        assert_eq!(may_connect(ip.parse().unwrap(), &allow), may, "{ip}");
        let url = judge_url(&format!("http://[{ip}]/"), &allow);
        assert_eq!(url.is_ok(), may, "{ip}");
    }
}

#[test]
fn every_row_of_the_table_is_a_range() {
    assert_eq!(ranges().count(), NOT_GLOBAL.len());
    for text in ["", "x", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/8/8"] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
    assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains("9.9.9.9".parse().unwrap()));
}

#[test]
fn a_page_for_the_payer_may_be_anywhere_on_the_web() {
    assert!(judge_page("http://192.168.0.1:81/back").is_ok());
    assert_eq!(judge_page("http://u@192.168.0.1/"), Err(UrlFault::UserInfo));
    assert_eq!(judge_page("javascript:alert(1)"), Err(UrlFault::Shape));
}

//! The merchants' API over HTTP: addresses, methods, spellings of a body, the envelope and its
//! signature (contract sections 1 to 3).

use std::collections::HashSet;

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::order::SignForm;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::TestApp;
use crate::exchange::signed_as;

/// Places to place an order at, in both styles and as deployed clients spell them.
const PLACE: [&str; 8] = [
    "/payment/pay",
    "//payment//pay",
    "/index.php?_m=pay_gateway&_a=apply_pay",
    "//index.php?_m=pay_gateway&_a=apply_pay",
    "/index.php?_a=apply_pay&_m=pay_gateway",
    "/?_m=pay_gateway&_a=apply_pay",
    "/index.php?%5Fm=pay_gateway&_a=apply%5Fpay&",
    "/index.php?_m=pay_gateway&_a=apply_pay&parameter=",
];
/// The longest body that is read.
const BODY_BYTES_MAX: usize = 64 << 10;

fn body(app: &TestApp, members: &Value) -> String {
    signing::signed(members, &app.key()).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_styles_of_an_address_reach_the_same_operation() {
    let app = TestApp::spawn().await;
    for (at, address) in PLACE.into_iter().enumerate() {
        let answer = app.exchange(app.request(address, body(&app, &app.order(304)))).await;
        assert_eq!((answer.status, answer.code()), (200, 200), "{address} {answer:?}");
        assert_eq!(app.orders().await, at + 1, "{address}");
    }
    let sn = app.place(304).await["sn"].clone();
    let members = json!({ "appid": MERCHANT.app_id.to_string(), "sn": sn });
    for (address, code, state) in [
        ("/order/query", 200, "NOTPAY"),
        ("/index.php?_m=payment&_a=query", 200, "NOTPAY"),
        ("/order/close", 200, "CLOSED"),
        ("//?_m=payment&_a=close", 40103, "CLOSED"),
    ] {
        let answer = app.exchange(app.request(address, body(&app, &members))).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{address} {answer:?}");
        assert_eq!(app.stored(sn.as_str().unwrap()).await.state.word(), state, "{address}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_404_with_the_envelope() {
    let app = TestApp::spawn().await;
    let order = body(&app, &app.order(304));
    for address in [
        "/",
        "/index.php",
        "/nowhere",
        "/payment/pay/",
        "/payment",
        "/PAYMENT/PAY",
        "/payment/pay.php",
        "/index.php?_m=pay_gateway",
        "/index.php?_m=pay_gateway&_a=nothing",
        "/index.php?_m=pay_gateway&_a=apply_pay&_a=apply_pay",
        "/index.php/payment/pay",
        "/%70ayment/pay/../pay",
    ] {
        let answer = app.exchange(app.request(address, order.clone())).await;
        assert_eq!((answer.status, answer.code()), (404, 404), "{address} {answer:?}");
        check_envelope(&answer.json());
    }
    for address in ["/index.php?_m=nothing&_a=at_all", "/index.php", "/nowhere"] {
        let url = format!("{}{address}", app.demo.addresses.api);
        let answer = app.exchange(app.client.get(url)).await;
        assert_eq!((answer.status, answer.code()), (404, 404), "{address} {answer:?}");
    }
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_than_post_is_405_and_says_which_to_use() {
    let app = TestApp::spawn().await;
    let more = ["/order/query", "/order/close", "/?_m=payment&_a=query"];
    for address in PLACE.into_iter().chain(more) {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let url = format!("{}{address}", app.demo.addresses.api);
            let answer = app.exchange(app.client.request(method.clone(), url)).await;
            let told = (answer.status, answer.header("allow"), answer.code());
            assert_eq!(told, (405, "POST", 4007), "{method} {address} {answer:?}");
            check_envelope(&answer.json());
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_up_to_its_limit() {
    let app = TestApp::spawn().await;
    let order = body(&app, &app.order(304));
    let padded = |length: usize| format!("{order}{}", " ".repeat(length - order.len()));
    for (length, code) in [
        (BODY_BYTES_MAX, 200),
        (BODY_BYTES_MAX + 1, 491_002),
        (4 * BODY_BYTES_MAX, 491_002),
        (20 * BODY_BYTES_MAX, 491_002),
    ] {
        let answer = app.exchange(app.request("/payment/pay", padded(length))).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{length} {answer:?}");
    }
    assert_eq!(app.orders().await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_answered_and_let_go() {
    let app = TestApp::spawn().await;
    let host = app.demo.addresses.api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = "POST /payment/pay HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{\"mch_id\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"code\":4001,"), "{answer}");
    app.finish().await;
}

/// Name and text of each member of an order with that `body`, signed plainly.
fn texts(app: &TestApp, goods: &str) -> Vec<(String, String)> {
    let mut members = app.order(304);
    members["body"] = goods.into();
    let signed = signed_as(&members, &app.key(), SignForm::Plain);
    signing::read(signed.to_string().as_bytes()).unwrap()
}

fn as_json(texts: &[(String, String)]) -> String {
    let members = texts.iter().map(|(name, text)| (name.clone(), json!(text)));
    Value::Object(members.collect()).to_string()
}

fn as_form(texts: &[(String, String)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(texts);
    url.query().unwrap().to_owned()
}

fn as_bare_form(texts: &[(String, String)]) -> String {
    texts.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join("&")
}

fn as_multipart(texts: &[(String, String)]) -> String {
    let part = |(name, text): &(String, String)| {
        format!("--聚X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    texts.iter().map(part).collect::<String>() + "--聚X--\r\n"
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_body_is_read() {
    let app = TestApp::spawn().await;
    let goods = "聚宝 6+1 50%25 £ & = \"\\";
    let whole = texts(&app, goods);
    let (json, form) = (as_json(&whole), as_form(&whole));
    let multipart = as_multipart(&whole).replace("聚X", "X");
    for (label, body) in [
        (JSON, json.clone()),
        ("application/json,", json.clone()),
        ("application/json; charset=utf-8", json.clone()),
        ("application/json;charset=\"UTF8\"", json.clone()),
        ("APPLICATION/JSON ; Charset=UTF-8,", json.clone()),
        (FORM, json.clone()),
        ("text/plain", json.clone()),
        ("", json.clone()),
        ("nonsense", json.clone()),
        (JSON, format!("\u{feff}\r\n {json}\n")),
        (FORM, form.clone()),
        ("application/x-www-form-urlencoded; charset=UTF-8", form.clone()),
        (JSON, form.clone()),
        ("", format!("{form}\r\n")),
        ("multipart/form-data; boundary=X", multipart.clone()),
        ("multipart/form-data; charset=utf-8; boundary=\"X\"", multipart),
    ] {
        let request = app.request("/payment/pay", body.clone()).header("content-type", label);
        let answer = app.exchange(request).await.json();
        assert_eq!(answer["code"], 200, "{label} {body} {answer}");
        assert_eq!(answer["data"]["body"], goods, "{label}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_percent_encoding_keeps_what_looks_like_an_escape() {
    let app = TestApp::spawn().await;
    for goods in ["6+1", "明前龙井 6+1", "50%25", "100% cotton", "a=b", "£5 – 外带", "5%"]
    {
        let whole = texts(&app, goods);
        // Encoders escape `:` and `/`: without a URL nothing shows that this client does not encode.
        let mut members = app.order(304);
        members.as_object_mut().unwrap().remove("notify_url");
        members["body"] = goods.into();
        members["spbill_create_ip"] = "8.8.8.8".into();
        let alone = signed_as(&members, &app.key(), SignForm::Plain);
        let alone = signing::read(alone.to_string().as_bytes()).unwrap();
        for texts in [whole, alone] {
            let body = as_bare_form(&texts);
            let answer = app.post("/payment/pay", body.clone()).await;
            assert_eq!(answer["code"], 200, "{body} {answer}");
            assert_eq!(answer["data"]["body"], goods, "{body}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_has_its_code() {
    let app = TestApp::spawn().await;
    let json = as_json(&texts(&app, "x"));
    let twice = json.replacen('{', "{\"total_fee\":\"1\",", 1);
    let deep = format!("{}{}", json.replacen('{', "{\"a\":", 1).replace('}', ""), "");
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for (label, body, code) in [
        (JSON, b"".to_vec(), 4001),
        (JSON, b"null".to_vec(), 4001),
        (JSON, b"[]".to_vec(), 4001),
        (JSON, b"\"x\"".to_vec(), 4001),
        (JSON, json.trim_end_matches('}').into(), 4001),
        (JSON, format!("{json}x").into(), 4001),
        (JSON, twice.into(), 4001),
        (JSON, deep.into(), 4001),
        (JSON, nested(8).into(), 4001),
        (JSON, nested(30_000).into(), 4001),
        (JSON, nested(2).into(), 492_001),
        (JSON, b"{\"a\":true}".to_vec(), 492_001),
        (JSON, b"{\"a\":1.5}".to_vec(), 492_001),
        (JSON, b"{\"a\":1e3}".to_vec(), 492_001),
        (JSON, b"{\"A\":\"1\"}".to_vec(), 492_001),
        (JSON, b"{\"\":\"1\"}".to_vec(), 492_001),
        (JSON, b"{\"a\":1234567890123456789}".to_vec(), 492_001),
        (JSON, b"{}".to_vec(), 4003),
        (JSON, b"{\"a\":\"\xc0\xaf\"}".to_vec(), 40110),
        (JSON, b"{\"a\":\"\\ud800\"}".to_vec(), 40110),
        ("application/json; charset=GBK", json.clone().into(), 40110),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", b"a=1".to_vec(), 40110),
        (FORM, b"a=%ff".to_vec(), 40110),
        (FORM, b"a=1&a=2".to_vec(), 4001),
        (FORM, b"a[]=1".to_vec(), 492_001),
        ("multipart/form-data", b"--X--".to_vec(), 4001),
        ("multipart/form-data; boundary=X", b"--Y--".to_vec(), 4001),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let request = app.request("/payment/pay", body).header("content-type", label);
        let answer = app.exchange(request).await;
        assert_eq!((answer.status, answer.code()), (200, code), "{label} {shown} {answer:?}");
        check_envelope(&answer.json());
    }
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_plain_json_in_the_callers_language_with_a_number_of_its_own() {
    let app = TestApp::spawn().await;
    let mut seen = HashSet::new();
    for (language, message) in [
        ("", "缺少参数：total_fee"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "缺少参数：total_fee"),
        ("en-US,en;q=0.9", "Missing parameter: total_fee"),
        ("fr, en;q=0.5", "Missing parameter: total_fee"),
    ] {
        let mut members = app.order(304);
        members.as_object_mut().unwrap().remove("total_fee");
        for members in [members, app.order(304)] {
            let request = app.request("/payment/pay", body(&app, &members));
            let request = request.header("accept-language", language);
            let answer = app.exchange(request.header("accept-encoding", "gzip, br")).await;
            assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
            assert_eq!(answer.header("content-encoding"), "");
            let json = answer.json();
            check_envelope(&json);
            assert!(seen.insert(json["_trace_no"].as_str().unwrap().to_owned()));
            if json["code"] == 200 {
                assert_eq!(
                    (&json["message"], &json["msg"]),
                    (&json!("success"), &json!("success"))
                );
                assert!(answer.text.contains("明前龙井"), "{answer:?}");
            } else {
                assert_eq!(json["message"], message, "{language}");
            }
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_signed_in_the_form_of_the_request() {
    let app = TestApp::spawn().await;
    for form in SignForm::ALL {
        let mut order = app.order(304);
        if form == SignForm::Version2 {
            order["version"] = 2.into();
        }
        let placed = signed_as(&order, &app.key(), form);
        let answer = app.post("/payment/pay", placed.to_string()).await;
        let data = &answer["data"];
        check_signed(&app, data, form);
        // What a query says in ASCII fits either form: the order's own decides, twice the same.
        let mut query = json!({ "mch_id": order["mch_id"], "sn": data["sn"] });
        if form == SignForm::Version2 {
            query["version"] = "2".into();
        }
        for address in ["/order/query", "/order/close", "/order/query"] {
            let asked = signed_as(&query, &app.key(), form);
            let answer = app.post(address, asked.to_string()).await;
            check_signed(&app, &answer["data"], form);
        }
        let again = json!({ "out_trade_no": data["out_trade_no"] });
        let mut again_order = order.clone();
        again_order["out_trade_no"] = again["out_trade_no"].clone();
        let again = signed_as(&again_order, &app.key(), form);
        let answer = app.post("/payment/pay", again.to_string()).await;
        assert_eq!(answer["code"], 40103, "{answer}");
        check_signed(&app, &answer["data"], form);
    }
    app.finish().await;
}

fn check_signed(app: &TestApp, data: &Value, form: SignForm) {
    assert!(data["sign"].is_string(), "{data}");
    assert_eq!(signed_as(data, &app.key(), form)["sign"], data["sign"], "{form:?} {data}");
    let is_version2 = form == SignForm::Version2;
    assert_eq!(data.get("version"), is_version2.then_some(&json!(2)));
    assert!(data["nonce_str"].as_str().is_some_and(|nonce| nonce.len() >= 16));
    let members = data.as_object().unwrap();
    for (name, value) in members {
        assert!(value.is_string() || value.is_i64(), "{name} {value}");
    }
}

/// What holds of every answer: both dialects say the same, and it can be found in the log.
fn check_envelope(answer: &Value) {
    let code = answer["code"].as_i64().unwrap();
    assert_eq!(answer["ret"], if code == 200 { 0 } else { code }, "{answer}");
    assert_eq!(answer["message"], answer["msg"], "{answer}");
    assert!(!answer["message"].as_str().unwrap().is_empty(), "{answer}");
    assert!(answer["_trace_no"].as_str().unwrap().len() > 20, "{answer}");
    assert_eq!(answer.get("data").is_some(), code == 200, "{answer}");
}

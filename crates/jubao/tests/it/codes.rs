//! Every code of the merchants' document, each produced over HTTP in one way that merchants meet. A
//! code that nobody is ever answered would be a promise that nothing keeps.

use channels::sim::OpFaultKind;
use futures_util::future::join_all;
use jubao::signing;
use kernel::application::Settings;
use kernel::code::CODES;
use kernel::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use web::edge::{Limits, Rates};

use crate::app::TestApp;
use crate::doubt;
use crate::exchange::Exchange;
use crate::leaks::{self, Kind};

const PLACE: &str = "/payment/pay";
const QUERY: &str = "/order/query";
const CLOSE: &str = "/order/close";
const REVERSE: &str = "/order/reverse";
const REFUND: &str = "/payment/refund";
const QUERY_REFUND: &str = "/order/refundquery";
const LOG_IN: &str = "/user/login";
const RATES: &str = "/exchangerate/fetch";
/// The number of an order that nobody has.
const NOBODYS: &str = "11202001010000000000000000";
/// Longer than what was read of an application is believed, in seconds.
const BELIEVED_S: i64 = 3;
/// Longer than an order can be refunded, in milliseconds.
const REFUND_PERIOD_MS: i64 = 366 * 86_400_000;
/// Requests that come at once, of an application that may send one a second.
const AT_ONCE: usize = 20;
/// Codes whose operation may answer with the order that stands.
const WITH_DATA: [i64; 7] = [200, 201, 40101, 40103, 40104, 40105, 40106];

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_document_is_answered_somewhere() {
    let app = TestApp::spawn().await;
    for row in CODES {
        let answer = produce(&app, row.code).await;
        assert_eq!(answer.code(), row.code, "{answer:?}");
        check_envelope(&answer, row.zh);
    }
    app.finish().await;
}

/// What holds of every answer: both dialects say the same, in the document's words.
fn check_envelope(answer: &Exchange, words: &str) {
    let (json, code) = (answer.json(), answer.code());
    let status = match code {
        404 => 404,
        4007 => 405,
        _ => 200,
    };
    assert_eq!(answer.status, status, "{answer:?}");
    let ret = match code {
        0 => 499_999,
        200 => 0,
        _ => code,
    };
    assert_eq!(json["ret"], ret, "{answer:?}");
    assert_eq!(json["message"], json["msg"], "{answer:?}");
    let is_success = matches!(code, 200 | 201);
    let is_said = is_success || json["message"].as_str().unwrap().starts_with(words);
    assert!(is_said, "not {words}: {answer:?}");
    // The demo's merchant is in the sandbox: a wrong signature is explained to it.
    let mut data = json["data"].clone();
    if let Some(told) = data.as_object_mut().filter(|_| code == 4004) {
        assert!(told.remove("doctor").is_some() && told.is_empty(), "{answer:?}");
        return;
    }
    assert!(data.is_null() || WITH_DATA.contains(&code), "{answer:?}");
}

/// An answer that has this code.
async fn produce(app: &TestApp, code: i64) -> Exchange {
    if let Some(answer) = by_request(app, code).await {
        return answer;
    }
    if let Some(answer) = by_records(app, code).await {
        return answer;
    }
    if let Some(answer) = by_upstream(app, code).await {
        return answer;
    }
    match code {
        4006 => too_fast().await,
        499_999 => broken_key(app).await,
        code => panic!("nothing here produces {code}"),
    }
}

/// What is wrong with a request by itself.
async fn by_request(app: &TestApp, code: i64) -> Option<Exchange> {
    Some(match code {
        0 => {
            let body = json!({ "email": "nobody@shop.example", "password": "not one" });
            app.exchange(app.request(LOG_IN, body.to_string())).await
        }
        200 => place(app, 304, json!({})).await,
        404 => send(app, "/payment/nothing", &app.order(304)).await,
        4001 => app.exchange(app.request(PLACE, "{\"mch_id\":")).await,
        4002 => place(app, 304, json!({ "mch_id": "10000000000001" })).await,
        4003 => place(app, 304, json!({ "total_fee": Value::Null })).await,
        4004 => signed_with(app, &Secret::new("another")).await,
        4007 => {
            let url = format!("{}{PLACE}", app.demo.addresses.api);
            app.exchange(app.client.request(Method::GET, url)).await
        }
        40100 => place(app, 304, json!({ "_sign": "x" })).await,
        40109 => place(app, 203, json!({})).await,
        40110 => {
            app.exchange(app.request(PLACE, b"{\"body\":\"\xbe\xdb\xb1\xa6\"}".to_vec())).await
        }
        490_001 => place(app, 304, json!({ "time_expire": "tomorrow" })).await,
        491_001 => place(app, 304, json!({ "detail": "{goods}" })).await,
        491_002 => place(app, 304, json!({ "body": "聚".repeat(129) })).await,
        491_003 => place(app, 304, json!({ "total_fee": "" })).await,
        492_001 => place(app, 304, json!({ "total_fee": "12.34" })).await,
        492_003 => without_channel(app).await,
        _ => return None,
    })
}

/// What our records say against it.
async fn by_records(app: &TestApp, code: i64) -> Option<Exchange> {
    Some(match code {
        40101 => of_order(app, CLOSE, &paid(app).await, json!({})).await,
        40102 => of_order(app, QUERY, NOBODYS, json!({})).await,
        40103 => twice(app, CLOSE, &placed(app, 102).await).await,
        40104 => twice(app, REVERSE, &charged(app, "00").await).await,
        40105 => {
            let sn = paid(app).await;
            of_order(app, REFUND, &sn, json!({ "out_refund_no": "all" })).await;
            of_order(app, REFUND, &sn, json!({ "out_refund_no": "more" })).await
        }
        40106 => {
            let number = json!({ "out_trade_no": "twice" });
            place(app, 102, number.clone()).await;
            place(app, 102, number).await
        }
        40108 => {
            let sn = paid(app).await;
            app.clock.shift(REFUND_PERIOD_MS);
            of_order(app, REFUND, &sn, json!({ "out_refund_no": "late" })).await
        }
        492_002 => {
            let refund = json!({ "mch_id": app.mch_id().to_string(), "out_refund_no": "none" });
            send(app, QUERY_REFUND, &refund).await
        }
        493_001 => {
            let sn = paid(app).await;
            let refund = |fee: i64| json!({ "out_refund_no": "part", "refund_fee": fee });
            of_order(app, REFUND, &sn, refund(1)).await;
            of_order(app, REFUND, &sn, refund(2)).await
        }
        _ => return None,
    })
}

/// What an upstream says, or does not say.
async fn by_upstream(app: &TestApp, code: i64) -> Option<Exchange> {
    Some(match code {
        201 => charge(app, "01").await,
        4005 => unreachable(app).await,
        40107 => {
            let sn = paid(app).await;
            app.script("alipay", "refund", "refused").await;
            of_order(app, REFUND, &sn, json!({ "out_refund_no": "poor" })).await
        }
        40111 => charge(app, "04").await,
        40400 => place_under(app, OpFaultKind::ErrorAfter).await,
        40500 => place_under(app, OpFaultKind::Refused).await,
        40600 => place_under(app, OpFaultKind::BadSignature).await,
        // EasyLink's orders cannot be closed: whether somebody still pays is not known.
        492_004 => of_order(app, CLOSE, &placed(app, 301).await, json!({})).await,
        492_005 => place_under(app, OpFaultKind::Empty).await,
        492_006 => rates_under(app, ("alipay", "alipay_mapi"), "refused").await,
        492_007 => rates_under(app, ("wechat", "wechat_v2_hk"), "html").await,
        _ => return None,
    })
}

/// Signs `members` and posts them.
async fn send(app: &TestApp, path: &str, members: &Value) -> Exchange {
    let body = signing::signed(members, &app.key()).unwrap();
    app.exchange(app.request(path, body.to_string())).await
}

/// Places an order with other members; null is left out.
async fn place(app: &TestApp, product: i64, more: Value) -> Exchange {
    let mut order = app.order(product);
    let members = order.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    send(app, PLACE, &order).await
}

/// Asks for rates while something goes wrong at their source.
async fn rates_under(app: &TestApp, (adapter, simulator): (&str, &str), fault: &str) -> Exchange {
    app.script(simulator, "rates", fault).await;
    let members = json!({ "mch_id": app.mch_id().to_string(), "adapter": adapter });
    send(app, RATES, &members).await
}

async fn of_order(app: &TestApp, path: &str, sn: &str, more: Value) -> Exchange {
    let mut members = json!({ "mch_id": app.mch_id().to_string(), "sn": sn });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(app, path, &members).await
}

async fn twice(app: &TestApp, path: &str, sn: &str) -> Exchange {
    let first = of_order(app, path, sn, json!({})).await;
    assert_eq!(first.code(), 200, "{first:?}");
    of_order(app, path, sn, json!({})).await
}

async fn placed(app: &TestApp, product: i64) -> String {
    app.place(product).await["sn"].as_str().unwrap().to_owned()
}

async fn paid(app: &TestApp) -> String {
    let sn = placed(app, 102).await;
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    sn
}

/// Charges a code of Alipay; its end is what its payer does.
async fn charge(app: &TestApp, end: &str) -> Exchange {
    let code = format!("2876543210123777{end}");
    leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
    place(app, 401, json!({ "code": code })).await
}

async fn charged(app: &TestApp, end: &str) -> String {
    charge(app, end).await.json()["data"]["sn"].as_str().unwrap().to_owned()
}

/// Places an order while its upstream fails so.
async fn place_under(app: &TestApp, fault: OpFaultKind) -> Exchange {
    let (_, word) = OpFaultKind::ALL.into_iter().find(|(kind, _)| *kind == fault).unwrap();
    app.script("alipay", "place", word).await;
    place(app, 102, json!({})).await
}

async fn signed_with(app: &TestApp, key: &Secret) -> Exchange {
    let body = signing::signed(&app.order(304), key).unwrap();
    app.exchange(app.request(PLACE, body.to_string())).await
}

async fn without_channel(app: &TestApp) -> Exchange {
    let made = app.merchant_without_accounts(Settings::default()).await;
    let mut order = app.order(102);
    order["mch_id"] = made.mch_id.to_string().into();
    let body = signing::signed(&order, &made.key).unwrap();
    app.exchange(app.request(PLACE, body.to_string())).await
}

/// An upstream at a port where nobody listens.
async fn unreachable(app: &TestApp) -> Exchange {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let made = doubt::merchant_at(app, &format!("http://{closed}")).await;
    let mut order = app.order(102);
    order["mch_id"] = made.mch_id.to_string().into();
    let body = signing::signed(&order, &made.key).unwrap();
    app.exchange(app.request(PLACE, body.to_string())).await
}

/// More requests of one application at once than a server takes.
async fn too_fast() -> Exchange {
    let rates = Rates { application: 1, address: 0, log_ins: 0 };
    let app = TestApp::spawn_within(Limits { rates, ..Limits::of_this_machine() }).await;
    let query = json!({ "mch_id": app.mch_id().to_string(), "sn": NOBODYS });
    let answers = join_all((0..AT_ONCE).map(|_| send(&app, QUERY, &query))).await;
    let refused = answers.into_iter().find(|answer| answer.code() == 4006).unwrap();
    app.finish().await;
    refused
}

/// A merchant whose key was sealed under another master key: our defect, not his.
async fn broken_key(app: &TestApp) -> Exchange {
    let made = app.merchant_without_accounts(Settings::default()).await;
    let changed = app.place.execute(include_str!("codes.sql"), &[made.app_id.into()]).await;
    assert_eq!(changed, 1);
    app.advance(BELIEVED_S);
    let query = json!({ "mch_id": made.mch_id.to_string(), "sn": NOBODYS });
    let body = signing::signed(&query, &made.key).unwrap();
    app.exchange(app.request(QUERY, body.to_string())).await
}

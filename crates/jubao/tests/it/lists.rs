//! Lists of orders and refunds through HTTP: what they hold, what they refuse, and whose they are.

use kernel::application::Settings;
use kernel::id::{Id, Sn};
use kernel::state::TradeState;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// The demo merchant's store.
const STORE: &str = "1000342";

async fn list(app: &TestApp, path: &str, more: Value) -> Value {
    let mut members = json!({ "mch_id": app.mch_id().to_string() });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(path, &members).await
}

async fn orders(app: &TestApp, more: Value) -> Value {
    let answer = list(app, "/order/list", more).await;
    assert_eq!(answer["code"], 200, "{answer}");
    answer["data"].clone()
}

async fn refunds(app: &TestApp, more: Value) -> Value {
    let answer = list(app, "/refund/list", more).await;
    assert_eq!(answer["code"], 200, "{answer}");
    answer["data"].clone()
}

fn numbers(data: &Value, name: &str) -> Vec<String> {
    let items = data["items"].as_array().unwrap().iter();
    items.map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

async fn place(app: &TestApp, number: &str, product: i64) -> String {
    let mut members = app.order(product);
    members["out_trade_no"] = number.into();
    if number.starts_with('S') {
        members["store_id"] = STORE.into();
    }
    let answer = app.call("/payment/pay", &members).await;
    assert_eq!(answer["code"], 200, "{answer}");
    answer["data"]["sn"].as_str().unwrap().to_owned()
}

async fn pay(app: &TestApp, sn: &str) {
    app.pay(sn, &json!({})).await;
    app.wait_state(sn, "SUCCESS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_the_newest_first_and_each_filter_narrows_it() {
    let app = TestApp::spawn().await;
    let mut sns = Vec::new();
    for (number, product) in [("A1", 102), ("S2", 202), ("A3", 304), ("S4", 102)] {
        sns.push(place(&app, number, product).await);
        // Each in a second of its own, also the first: ids begin in the second after the start.
        app.advance(2);
    }
    pay(&app, &sns[0]).await;
    pay(&app, &sns[1]).await;
    let all = orders(&app, json!({})).await;
    assert_eq!(numbers(&all, "out_trade_no"), ["S4", "A3", "S2", "A1"]);
    assert_eq!((&all["page"], &all["limit"], &all["total"]), (&json!(1), &json!(10), &json!(4)));
    assert_eq!((&all["sign"], &all["items"][0]["sign"]), (&Value::Null, &Value::Null));
    let queried = app.query(&sns[1]).await;
    for (name, value) in all["items"][2].as_object().unwrap() {
        assert_eq!(queried["data"][name], *value, "{name}");
    }
    let page = orders(&app, json!({ "page": 2, "limit": 3 })).await;
    assert_eq!((numbers(&page, "out_trade_no"), &page["total"]), (vec!["A1".into()], &json!(4)));
    let second = |sn: &str| Sn::parse(sn).unwrap().id().seconds();
    let (from, to) = (second(&sns[1]), second(&sns[2]));
    for (more, expect) in [
        (json!({ "trade_state": "SUCCESS" }), &["S2", "A1"][..]),
        (json!({ "trade_state": "CLOSED" }), &[]),
        (json!({ "provider": "alipay" }), &["S4", "A1"]),
        (json!({ "provider": "wechat", "trade_state": "SUCCESS" }), &["S2"]),
        (json!({ "store_id": STORE }), &["S4", "S2"]),
        (json!({ "store_id": STORE, "trade_state": "NOTPAY" }), &["S4"]),
        (json!({ "store_id": 1 }), &[]),
        (json!({ "out_trade_no": "A3" }), &["A3"]),
        (json!({ "out_trade_no": "A3", "trade_state": "SUCCESS" }), &[]),
        (json!({ "unixtimestamp_start": from, "unixtimestamp_end": to }), &["A3", "S2"]),
        (json!({ "start_time": "2020-01-01", "end_time": "2020-12-31" }), &[]),
        (json!({ "start_time": "2020-01-01", "limit": "2" }), &["S4", "A3"]),
    ] {
        let found = orders(&app, more.clone()).await;
        assert_eq!(numbers(&found, "out_trade_no"), expect, "{more}");
    }
    app.finish().await;
}

/// Rows behind which a page is a deep one.
const DEEP: u32 = 10_000;
/// Orders that are written at a time.
const AT_ONCE: u32 = 512;

/// Adds closed orders 1 to `count`, one older than the other, all older than whatever is placed later.
async fn add_closed(app: &TestApp, count: u32) {
    let one = app.stored(&place(app, "A0", 102).await).await;
    for first in (1..=count).step_by(AT_ONCE as usize) {
        let mut writing = tokio::task::JoinSet::new();
        for number in first..=count.min(first + AT_ONCE - 1) {
            let mut order = one.clone();
            order.id = Id::from_parts(one.id.seconds() - 60, 0, count - number).unwrap();
            order.out_trade_no = format!("C{number}");
            (order.state, order.sweep_at) = (TradeState::Closed, None);
            let store = app.demo.gateway.store().clone();
            let placed = async move { store.write(store::orders::place(&order, &[], &[])).await };
            writing.spawn(placed);
        }
        while let Some(written) = writing.join_next().await {
            assert!(written.unwrap().unwrap().is_done());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_walks_down_a_deep_list_sees_each_row_once_whatever_is_placed_meanwhile() {
    let app = TestApp::spawn().await;
    let count = DEEP + 450;
    add_closed(&app, count).await;
    for (mark, filter) in [("N", json!({})), ("M", json!({ "trade_state": "CLOSED" }))] {
        let page = async |page: u32| {
            let mut wish = json!({ "page": page, "limit": 100 });
            wish.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
            let data = orders(&app, wish).await;
            assert_eq!(data["total"], DEEP);
            numbers(&data, "out_trade_no")
        };
        // A page that is not reached from the one before is walked to, once for all who ask for it.
        let steps = app.demo.gateway.list_steps();
        let asked = futures_util::future::join_all((0..8).map(|_| page(105))).await;
        assert_eq!(app.demo.gateway.list_steps(), steps + 1, "one walk a merchant at a time");
        let last = asked[7].clone();
        assert!(asked.iter().all(|one| *one == last));
        assert_eq!(last.last(), Some(&format!("C{count}")));
        assert_eq!(page(106).await, Vec::<String>::new());
        let mut seen = Vec::new();
        for number in 101..=105 {
            seen.extend(page(number).await);
            let placed = place(&app, &format!("{mark}{number}"), 102).await;
            app.close(&placed).await;
        }
        let first: u32 = seen[0].strip_prefix('C').unwrap().parse().unwrap();
        let expect: Vec<_> = (first..=count).map(|number| format!("C{number}")).collect();
        assert_eq!(seen, expect);
        // Within the first ten thousand a page is what it says now, from the top.
        assert_eq!(page(1).await[0], format!("{mark}105"));
    }
    app.finish_filled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_are_listed_with_their_orders_and_a_reversal_is_none() {
    let app = TestApp::spawn().await;
    let sn = place(&app, "S1", 102).await;
    pay(&app, &sn).await;
    for (number, fee) in [("R1", 100), ("R2", 200)] {
        let wish = json!({ "sn": sn, "out_refund_no": number, "refund_fee": fee });
        assert_eq!(list(&app, "/payment/refund", wish).await["code"], 200);
    }
    let code = "287654321012300500";
    leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
    let mut barcode = app.order(401);
    barcode["code"] = code.into();
    let barcode = app.call("/payment/pay", &barcode).await;
    let reversed = json!({ "sn": barcode["data"]["sn"] });
    assert_eq!(list(&app, "/order/reverse", reversed).await["code"], 200);
    let all = refunds(&app, json!({})).await;
    assert_eq!(
        (numbers(&all, "out_refund_no"), &all["total"]),
        (vec!["R2".into(), "R1".into()], &json!(2))
    );
    let wanted = json!({ "mch_id": app.mch_id().to_string(), "out_refund_no": "R2" });
    let queried = app.call("/order/refundquery", &wanted).await;
    let volatile = ["refund_status", "refund_time", "cash_refund_fee", "cash_refund_fee_type"];
    for (name, value) in all["items"][0].as_object().unwrap() {
        let is_same = queried["data"][name] == *value || volatile.contains(&name.as_str());
        assert!(is_same, "{name}: {value} {queried}");
    }
    for (more, expect) in [
        (json!({ "provider": "alipay", "store_id": STORE }), &["R2", "R1"][..]),
        (json!({ "provider": "wechat" }), &[]),
        (json!({ "refund_status": "CHANGE" }), &[]),
        (json!({ "out_trade_no": "S1", "limit": 1, "page": 2 }), &["R1"]),
        (json!({ "out_trade_no": "S9" }), &[]),
        (json!({ "end_time": "2020-12-31" }), &[]),
    ] {
        let found = refunds(&app, more.clone()).await;
        assert_eq!(numbers(&found, "out_refund_no"), expect, "{more}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_what_is_wrong_and_where() {
    let app = TestApp::spawn().await;
    for (path, more, code, field) in [
        ("/order/list", json!({ "page": 0 }), 492_001, "page"),
        ("/order/list", json!({ "page": 1_000_000_001 }), 492_001, "page"),
        ("/order/list", json!({ "limit": 101 }), 492_001, "limit"),
        ("/order/list", json!({ "provider": "paypal" }), 492_001, "provider"),
        ("/order/list", json!({ "trade_state": "PAID" }), 492_001, "trade_state"),
        ("/order/list", json!({ "store_id": "x" }), 492_001, "store_id"),
        ("/order/list", json!({ "out_trade_no": "a b" }), 492_001, "out_trade_no"),
        ("/order/list", json!({ "out_trade_no": "a".repeat(65) }), 491_002, "out_trade_no"),
        ("/order/list", json!({ "start_time": "yesterday" }), 490_001, "start_time"),
        ("/order/list", json!({ "end_time": "2026-02-30" }), 490_001, "end_time"),
        ("/refund/list", json!({ "refund_status": "DONE" }), 492_001, "refund_status"),
        ("/refund/list", json!({ "unixtimestamp_start": "x" }), 490_001, "unixtimestamp_start"),
        (
            "/refund/list",
            json!({ "unixtimestamp_start": 2, "unixtimestamp_end": 1 }),
            490_001,
            "unixtimestamp_end",
        ),
    ] {
        let answer = list(&app, path, more.clone()).await;
        assert_eq!(answer["code"], code, "{more}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(field), "{more}: {answer}");
        assert_eq!(answer["data"], Value::Null);
    }
    let unsigned = app.post("/order/list", json!({ "mch_id": "10502105689001" }).to_string());
    assert_eq!(unsigned.await["code"], 4003);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_merchant_sees_his_own_in_both_styles_of_address() {
    let app = TestApp::spawn().await;
    let sn = place(&app, "A1", 102).await;
    pay(&app, &sn).await;
    let wish = json!({ "sn": sn, "out_refund_no": "R1" });
    assert_eq!(list(&app, "/payment/refund", wish).await["code"], 200);
    let other = app.merchant_without_accounts(Settings::default()).await;
    let members = |appid: &str| json!({ "appid": appid, "limit": 100 });
    for (path, style) in [
        ("/order/list", "/index.php?_m=payment&_a=list"),
        ("/refund/list", "/?_m=payment&_a=refund_list"),
        ("/event/list", "/index.php?_m=event&_a=list"),
    ] {
        for address in [path, style] {
            let theirs = members(&other.app_id.to_string());
            let theirs = app.call_with(&other.key, address, &theirs).await;
            assert_eq!((&theirs["code"], &theirs["data"]["items"]), (&json!(200), &json!([])));
            let ours = app.call(address, &members("1000258")).await;
            assert!(!ours["data"]["items"].as_array().unwrap().is_empty(), "{address}: {ours}");
        }
    }
    app.finish().await;
}

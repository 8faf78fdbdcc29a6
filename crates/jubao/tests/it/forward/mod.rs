//! While the platform before still holds orders: what is passed on to it and what never is, its
//! silence and its lies, and the number that it holds and that must not be charged again.

mod headers;

use gateway::clock::Clock;
use jubao::demo::identity::MERCHANT;
use jubao::demo::{Demo, Wish};
use jubao::signing;
use kernel::application::Settings;
use kernel::old_platform::OldPlatform;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::edge_process::wait;
use crate::foreign::{Running, jubao, run};
use crate::leaks::{self, Kind, TestFolder};
use crate::merchant::TestMerchant;
use crate::old_platform::{Mood, OldSim, http};
use crate::place::Place;

/// How long the platform before is asked, in seconds of the gateway's time.
const UNTIL_S: i64 = 1_000;
/// How long it is asked before an order is placed.
const GUARD_S: i64 = 500;

/// A gateway after a platform that holds two orders.
pub async fn world() -> (TestApp, OldSim) {
    let old = OldSim::spawn().await;
    old.holds("OLD-1", "SUCCESS");
    old.holds("OLD-2", "NOTPAY");
    let now = Clock::default().now();
    let later = |seconds: i64| now.plus_millis(seconds * 1_000);
    (app_after(old.platform(later(UNTIL_S), later(GUARD_S))).await, old)
}

/// A world whose gateway replaces another platform; the demo's merchant has moved in.
async fn app_after(platform: OldPlatform) -> TestApp {
    let folder = TestFolder::make();
    let clock = Clock::default();
    let place = Place::of(folder.path()).await;
    let database = place.database.clone();
    let wish = Wish { old_platform: Some(platform), database, ..Wish::on(folder.path()) };
    let demo = Demo::start_as(wish, "127.0.0.1:0", folder.path(), clock.clone());
    let demo = demo.await.unwrap();
    let merchant = TestMerchant::spawn().await;
    let client = leaks::client_builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let app = TestApp { demo, clock, merchant, client, folder, place };
    app.set(|settings| settings.moved_in = true).await;
    app
}

/// A signed request about an order of that number.
fn about(number: &str) -> String {
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
    signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap().to_string()
}

pub async fn code(app: &TestApp, path: &str, number: &str) -> i64 {
    app.post(path, about(number)).await["code"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_platform_before_knows_is_asked_there_byte_for_byte() {
    let (app, old) = world().await;
    for address in ["/order/query?_m=x", "//index.php?_a=query&_m=payment"] {
        // Spaces and a doubled separator: read alike, and spelled as nobody else would.
        let body = about("OLD-1").replace(',', " ,\n ");
        let request =
            app.request(address, body.clone()).header("content-type", "application/json,");
        let request =
            request.header("x-forwarded-for", "8.8.8.8").header("accept-encoding", "gzip");
        let answer = app.exchange(request).await;
        let seen = old.seen();
        assert_eq!(seen.len(), 1, "{address} {answer:?}");
        assert_eq!((seen[0].method.as_str(), seen[0].address.as_str()), ("POST", address));
        assert_eq!(String::from_utf8(seen[0].body.clone()).unwrap(), body);
        assert_eq!(seen[0].header("content-type"), "application/json,");
        assert_eq!(seen[0].header("x-jubao-passed-on"), "1");
        assert_eq!(seen[0].header("x-forwarded-for"), "127.0.0.1", "not a stranger's claim");
        assert_eq!(seen[0].header("accept-encoding"), "");
        assert_eq!((answer.status, answer.code()), (200, 200));
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert!(answer.text.contains(r"\u660e\u524d\/\u9f99\u4e95"), "as PHP wrote it: {answer:?}");
        let data = answer.json()["data"].to_string();
        let members = signing::read(data.as_bytes()).unwrap();
        assert!(signing::is_signed(&members, &app.key()), "the shop's routine accepts it");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_on_what_we_do_not_know_is_passed_on_and_nothing_else_is() {
    let (app, old) = world().await;
    for path in ["/order/query", "/order/close", "/order/reverse"] {
        assert_eq!(code(&app, path, "OLD-1").await, 200, "{path}");
        assert_eq!(code(&app, path, "NOBODY").await, 40102, "the platform before says so: {path}");
        assert_eq!(old.seen().len(), 2, "{path}");
    }
    let mch_id = MERCHANT.mch_id.to_string();
    let refund = json!({ "mch_id": mch_id, "out_trade_no": "OLD-1", "refund_fee": 1 });
    assert_eq!(app.call("/payment/refund", &refund).await["code"], 200);
    let foreign = json!({ "mch_id": mch_id, "sn": "21201901020304050000000007" });
    app.call("/order/query", &foreign).await;
    let queried = json!({ "mch_id": mch_id, "out_refund_no": "R1" });
    app.call("/order/refundquery", &queried).await;
    let addresses: Vec<_> = old.seen().into_iter().map(|seen| seen.address).collect();
    assert!(addresses.contains(&"/payment/refund".to_owned()), "{addresses:?}");
    assert!(addresses.contains(&"/order/refundquery".to_owned()), "{addresses:?}");
    // What is ours, what is not authentic, what comes from there and what others ask for stays here.
    let ours = app.place(304).await;
    old.seen();
    assert_eq!(app.query(ours["sn"].as_str().unwrap()).await["code"], 200);
    let forged = about("OLD-1").replace("OLD-1", "OLD-2");
    assert_eq!(app.post("/order/query", forged).await["code"], 4004);
    let marked = app.request("/order/query", about("OLD-1")).header("x-jubao-passed-on", "1");
    assert_eq!(app.exchange(marked).await.code(), 40102);
    let another = app.another_merchant(Settings::default()).await;
    let members = json!({ "mch_id": another.mch_id.to_string(), "out_trade_no": "OLD-1" });
    let answer = app.call_with(&another.key, "/order/query", &members).await;
    assert_eq!(answer["code"], 40102, "{answer}");
    assert!(old.seen().is_empty());
    app.advance(UNTIL_S + 1);
    for path in ["/order/query", "/order/close", "/order/reverse"] {
        assert_eq!(code(&app, path, "OLD-1").await, 40102, "its time is over: {path}");
    }
    assert!(old.seen().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_does_not_answer_is_unknown_and_never_absent() {
    let (app, old) = world().await;
    let elsewhere = OldSim::spawn().await;
    let location = format!("Location: {}/order/query\r\n", elsewhere.url);
    let good = r#"{"code":200,"data":{}}"#;
    let long = format!(r#"{{"code":200,"data":"{}"}}"#, "x".repeat(65 << 10));
    let lying = |length: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{good}").into_bytes()
    };
    for (sent, expect) in [
        (http("302 Found", &location, good), 40600),
        (http("307 Temporary Redirect", &location, good), 40600),
        (http("502 Bad Gateway", "", good), 40600),
        (http("200 OK", "", "<html>维护中</html>"), 40600),
        (http("200 OK", "", "\n"), 40600),
        (http("200 OK", "", ""), 492_005),
        (http("200 OK", "", &long), 40600),
        (lying(good.len() + 9), 492_004),
        (lying(good.len() - 9), 40600),
        (b"no HTTP at all".to_vec(), 492_004),
        (Vec::new(), 492_004),
    ] {
        old.is(Mood::Sends(sent.clone()));
        let said = code(&app, "/order/query", "OLD-1").await;
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(99)]).into_owned();
        assert_eq!(said, expect, "{shown}");
        let answer = app.post("/payment/refund", refund()).await;
        assert_eq!(answer["code"], expect, "{shown}");
        assert!(answer["_trace_no"].as_str().unwrap().len() > 20, "{answer}");
    }
    assert!(elsewhere.seen().is_empty(), "no redirect is followed");
    old.goes_down();
    app.wait("nobody to listen", async || {
        (code(&app, "/order/query", "OLD-1").await == 4005).then_some(())
    })
    .await;
    app.finish().await;
}

fn refund() -> String {
    let mch_id = MERCHANT.mch_id.to_string();
    let members = json!({ "mch_id": mch_id, "out_trade_no": "OLD-1", "out_refund_no": "R1" });
    signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap().to_string()
}

/// An order under that number.
fn order(app: &TestApp, number: &str) -> Value {
    let mut order = app.order(102);
    order["out_trade_no"] = number.into();
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_the_platform_before_holds_is_not_charged_again() {
    let (app, old) = world().await;
    for (state, expect) in [
        ("NOTPAY", 40106),
        ("USERPAYING", 40106),
        ("SOMETHING", 40106),
        ("SUCCESS", 40101),
        ("CLOSED", 40103),
        ("REVOKED", 40104),
        ("REFUND", 40105),
    ] {
        old.holds("SAME", state);
        let answer = app.call("/payment/pay", &order(&app, "SAME")).await;
        assert_eq!(answer["code"], expect, "{state} {answer}");
    }
    assert_eq!(app.orders().await, 0);
    old.seen();
    // Absent there: placed, and from then on ours.
    assert_eq!(app.call("/payment/pay", &order(&app, "NEW")).await["code"], 200);
    let seen = old.seen();
    assert_eq!((seen.len(), seen[0].address.as_str()), (1, "/index.php?_m=payment&_a=query"));
    let again = app.call("/payment/pay", &order(&app, "NEW")).await;
    assert_eq!((&again["code"], &again["data"]["out_trade_no"]), (&json!(40106), &json!("NEW")));
    // A number of our own making cannot be there; nor is another merchant's order.
    assert_eq!(app.call("/payment/pay", &app.order(304)).await["code"], 200);
    assert!(old.seen().is_empty());
    app.advance(GUARD_S + 1);
    assert_eq!(app.call("/payment/pay", &order(&app, "SAME")).await["code"], 200, "as configured");
    assert!(old.seen().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_not_known_whether_a_number_is_taken_nothing_is_placed() {
    let (app, old) = world().await;
    let forged = r#"{"code":200,"data":{"out_trade_no":"N","trade_state":"SUCCESS","sign":"00"}}"#;
    for mood in [
        Mood::Sends(http("200 OK", "", r#"{"code":4002}"#)),
        Mood::Sends(http("200 OK", "", forged)),
        Mood::Sends(http("404 Not Found", "", r#"{"code":40102}"#)),
        Mood::Sends(http("200 OK", "", "<html>")),
        Mood::Sends(Vec::new()),
        Mood::Slow,
    ] {
        old.is(mood.clone());
        let answer = app.call("/payment/pay", &order(&app, "N")).await;
        assert_eq!(answer["code"], 4005, "{mood:?} {answer}");
    }
    assert_eq!(app.orders().await, 0);
    old.is(Mood::Well);
    assert_eq!(app.call("/payment/pay", &order(&app, "N")).await["code"], 200, "safe to repeat");
    // The key was rotated here, and the platform before knows the one before only.
    let key = app.demo.gateway.rotate_key("test", MERCHANT.app_id, 60_000).await.unwrap();
    leaks::secret(Kind::Key, "a rotated key", key.expose().as_bytes());
    app.advance(3);
    let answer = app.call_with(&key, "/payment/pay", &order(&app, "OLD-1")).await;
    assert_eq!(answer["code"], 40101, "{answer} {:?}", old.seen());
    old.knows_key(key.expose());
    let answer = app.call_with(&key, "/payment/pay", &order(&app, "OLD-2")).await;
    assert_eq!(answer["code"], 40106, "{answer}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_of_its_upstreams_are_passed_on_as_they_came_and_so_is_the_answer() {
    let (app, old) = world().await;
    let body = b"<xml><sign>\xe8\x81\x9a \xff</sign></xml>".to_vec();
    let request = app.request("/notify/wechat?b=%20&a=", body.clone());
    let request =
        request.header("wechatpay-signature", "abc+/=").header("content-type", "text/xml");
    let answer = app.exchange(request).await;
    assert_eq!((answer.status, answer.text.as_str()), (202, "success-from-old"));
    assert_eq!(answer.header("content-type"), "text/plain");
    let seen = old.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].address.as_str(), &seen[0].body), ("/notify/wechat?b=%20&a=", &body));
    assert_eq!(seen[0].header("wechatpay-signature"), "abc+/=");
    let get = app.client.get(format!("{}/index.php?_m=notify&x=1", app.demo.addresses.api));
    assert_eq!(app.exchange(get).await.status, 202);
    assert_eq!(old.seen()[0].method, "GET");
    for (address, expect) in [("/notified", 404), ("/index.php?_m=notify2", 404)] {
        assert_eq!(app.exchange(app.request(address, "a=1")).await.status, expect, "{address}");
    }
    let marked = app.request("/notify/x", "a=1").header("x-jubao-passed-on", "1");
    assert_eq!(app.exchange(marked).await.status, 404, "it would never end");
    let long = app.request("/notify/x", vec![b'x'; (64 << 10) + 1]);
    assert_eq!(app.exchange(long).await.status, 413);
    assert!(old.seen().is_empty());
    old.is(Mood::Sends(Vec::new()));
    let unanswered = app.exchange(app.request("/notify/x", "a=1")).await;
    assert_eq!(unanswered.status, 502, "the upstream calls again");
    app.advance(UNTIL_S + 1);
    assert_eq!(app.exchange(app.request("/notify/x", "a=1")).await.status, 404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_page_of_an_order_that_is_not_ours_leads_to_where_it_is() {
    let (app, old) = world().await;
    let ours = app.place(304).await;
    let page = ours["code_url"].as_str().unwrap();
    assert_eq!(app.exchange(app.client.get(page)).await.status, 200);
    let get = async |address: &str| {
        app.exchange(app.client.get(format!("{}{address}", app.demo.addresses.api))).await
    };
    let addresses =
        ["/pay/OLDTOKEN?a=1", "/order/qrcode/OLDTOKEN", "/index.php?_m=pay&parameter=X"];
    for address in addresses {
        let answer = get(address).await;
        let there = format!("{}{address}", old.url);
        assert_eq!((answer.status, answer.header("location")), (302, there.as_str()));
    }
    assert_eq!(get("/pay/OLDTOKEN/go").await.status, 404);
    assert!(old.seen().is_empty(), "the browser goes there, not we");
    app.advance(UNTIL_S + 1);
    for address in addresses {
        assert_eq!(get(address).await.status, 404, "{address}");
    }
    app.finish().await;
}

/// `jubao serve` as one of the processes on a store; `until` ends the passing on.
async fn process(folder: &TestFolder, node: u32, lines: &str) -> (Running, String) {
    let data = folder.path().join("data").display().to_string();
    let file = folder.path().join(format!("{node}.toml"));
    let text = format!(
        "listen = '127.0.0.1:0'\nlog_format = 'json'\ndatabase = 'sqlite:{data}/jubao.db'\n\
         master_key_file = '{data}/master.key'\nnode = {node}\n{lines}"
    );
    std::fs::write(&file, text).unwrap();
    let mut running =
        Running::start(&mut jubao(&["serve", "--config", &file.display().to_string()]));
    let line = running.complaint(|line| line.contains("\"ready\"")).await;
    let line: Value = serde_json::from_str(&line).unwrap();
    (running, format!("http://{}", line["fields"]["listen"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_pass_on_as_each_is_configured_and_place_a_number_once() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let old = OldSim::spawn().await;
    old.holds("OLD-1", "SUCCESS");
    let row = json!({ "mch_id": MERCHANT.mch_id.0, "appid": MERCHANT.app_id.0, "key": MERCHANT.key,
                      "name": "moved" });
    let import = ["merchant", "import", "-", "--format", "jsonl", "--data", &data];
    assert_eq!(run(&import, &row.to_string()).await.code, 0);
    let wish = crate::command_line::account_for_all();
    let mut account = vec!["account", "add", "--data", &data, "--channel", &*wish.channel];
    let settings: Vec<_> =
        wish.settings.iter().map(|(key, text)| format!("{key}={text}")).collect();
    settings.iter().for_each(|setting| account.extend(["--set", setting]));
    assert_eq!(run(&account, "").await.code, 0);
    let until =
        |time: &str| format!("old_platform = '{}'\nold_platform_until = '{time}'\n", old.url);
    let (first, api) = process(&folder, 0, &until("2999-01-01 00:00:00")).await;
    let (second, api_after) = process(&folder, 1, &until("2020-01-01 00:00:00")).await;
    let client = leaks::client_builder().build().unwrap();
    let post = async |api: &str, path: &str, body: String| {
        let answer = client.post(format!("{api}{path}")).body(body).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    assert_eq!(post(&api, "/order/query", about("OLD-1")).await["code"], 200);
    assert_eq!(post(&api_after, "/order/query", about("OLD-1")).await["code"], 40102);
    let place = |number: &str| {
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304,
                              "total_fee": 1, "out_trade_no": number });
        signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap().to_string()
    };
    assert_eq!(post(&api, "/payment/pay", place("OLD-1")).await["code"], 40101);
    let one = post(&api, "/payment/pay", place("BOTH"));
    let other = post(&api_after, "/payment/pay", place("BOTH"));
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one["data"]["sn"], other["data"]["sn"], "{one} {other}");
    let mut codes = [one["code"].as_i64(), other["code"].as_i64()];
    codes.sort_unstable();
    assert_eq!(codes, [Some(200), Some(40106)]);
    wait("what was placed at one to be known to the other", async || {
        (post(&api_after, "/order/query", about("BOTH")).await["code"] == 200).then_some(())
    })
    .await;
    for process in [first, second] {
        assert_eq!(process.finish().await.0, 0);
    }
}

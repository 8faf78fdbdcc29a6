//! Clients that other people wrote, or would write from the document alone, judge the program: PHP,
//! Python, and the SDKs of Alipay and WeChat Pay.

use jubao::demo::identity::{self, DemoIdentity};
use kernel::notice::NoticeState;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::foreign::{Listener, client, python, verdict};

/// Longer than the first wait of the notification schedule.
const UNTIL_SECOND_TRY_S: i64 = 17;

/// The numbers of the orders that a client says it placed.
fn numbers(verdict: &Value) -> Vec<String> {
    let orders = verdict["orders"].as_array().unwrap();
    orders.iter().map(|order| order["sn"].as_str().unwrap().to_owned()).collect()
}

/// The requests that told `sn` with a signature that PHP verified.
fn told<'a>(heard: &'a [Value], sn: &str) -> Vec<&'a Value> {
    heard.iter().filter(|one| one["verified"] == true && one["members"]["sn"] == sn).collect()
}

async fn php_places(app: &TestApp, notify_url: &str) -> Vec<String> {
    let mut php = client("php", "php/place.php");
    php.env("JUBAO_API", &app.demo.addresses.api).env("NOTIFY_URL", notify_url);
    let placed = numbers(&verdict(php).await);
    assert_eq!(placed.len(), 10, "the client sends ten spellings");
    assert_eq!(app.orders().await, 10, "what it got wrong on purpose leaves no order");
    placed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_php_merchant_places_in_every_spelling_and_is_told_once_by_form() {
    let app = TestApp::spawn().await;
    let listener = Listener::start(&app, "form").await;
    let placed = php_places(&app, &listener.url).await;
    for sn in &placed {
        app.pay(sn, &json!({})).await;
        app.wait_notice_state(sn, NoticeState::Delivered).await;
    }
    app.advance(UNTIL_SECOND_TRY_S);
    let heard = listener.heard();
    assert_eq!(heard.len(), placed.len(), "{heard:#?}");
    for sn in &placed {
        let told = told(&heard, sn);
        assert_eq!(told.len(), 1, "{sn} {heard:#?}");
        assert_eq!(told[0]["answer"], "success");
        assert_eq!(told[0]["content_type"], "application/x-www-form-urlencoded");
        assert_eq!(told[0]["members"]["body"], "聚宝烤鸭（半只）£5 – 外带");
        assert_eq!(told[0]["members"]["trade_state"], "SUCCESS");
        assert_eq!(app.notice_states(sn).await, [NoticeState::Delivered]);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_php_merchant_that_reads_only_json_is_told_once_too() {
    let app = TestApp::spawn().await;
    let listener = Listener::start(&app, "json").await;
    let placed = php_places(&app, &listener.url).await;
    for (at, sn) in placed.iter().enumerate() {
        app.pay(sn, &json!({})).await;
        app.wait(&format!("{sn} to be tried"), async || {
            (listener.heard().len() > at).then_some(())
        })
        .await;
        app.wait("its delivery, by the first try or the second", async || {
            let is_done = app.notice_states(sn).await == [NoticeState::Delivered];
            if !is_done {
                app.advance(1);
            }
            is_done.then_some(())
        })
        .await;
    }
    let heard = listener.heard();
    for sn in &placed {
        let told = told(&heard, sn);
        assert_eq!(told.len(), 1, "{sn} {heard:#?}");
        assert_eq!(told[0]["answer"], "success");
        assert!(told[0]["content_type"].as_str().unwrap().starts_with("application/json"));
        assert_eq!(told[0]["members"]["total_fee"], 1314);
    }
    let refused = heard.iter().filter(|one| one["answer"] == "fail").count();
    assert!(refused < placed.len() / 2, "what was acknowledged is remembered: {heard:#?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_that_knows_only_section_one_two_is_served() {
    let app = TestApp::spawn().await;
    let mut place = client(&python(), "python/place.py");
    place.env("JUBAO_API", &app.demo.addresses.api).env("NOTIFY_URL", app.merchant.url());
    let sn = numbers(&verdict(place).await).remove(0);
    app.pay(&sn, &json!({})).await;
    let received = app.wait_notices(1).await;
    let mut members: Vec<_> =
        received[0].members.iter().filter(|(name, _)| name != "sign").collect();
    members.sort_unstable();
    let mut text = app.key().expose().to_owned();
    for (name, value) in &members {
        text += &format!("{name}{value}");
    }
    text += app.key().expose();
    // Python's own MD5 over the plain text: this client knows no other form.
    let mut md5 = std::process::Command::new(python());
    md5.args(["-c", "import hashlib,sys;print(hashlib.md5(sys.argv[1].encode()).hexdigest())"]);
    let made = md5.arg(&text).output().unwrap();
    let made = String::from_utf8(made.stdout).unwrap().trim().to_uppercase();
    assert_eq!(received[0].text("sign"), made, "{text}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_of_alipay_accepts_the_simulated_alipay() {
    let app = TestApp::spawn().await;
    let folder = app.folder.path();
    let keys = DemoIdentity::load(folder).unwrap();
    let (own, theirs) = (folder.join("app.pem"), folder.join("alipay.pem"));
    std::fs::write(&own, &keys.alipay_merchant.private).unwrap();
    std::fs::write(&theirs, &keys.alipay_platform.public).unwrap();
    let mut judge = client("node", "node/alipay_judge.mjs");
    judge.env("SIM", &app.demo.addresses.sim).env("APP_ID", identity::ALIPAY_APP_ID);
    judge.env("APP_PRIVATE_KEY", own).env("ALIPAY_PUBLIC_KEY", theirs);
    let verdict = verdict(judge).await;
    assert!(verdict["checks"].as_i64().unwrap() > 90, "{verdict}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenpay_accepts_the_simulated_wechat_pay_of_the_second_version_in_both_places() {
    let app = TestApp::spawn().await;
    let keys = DemoIdentity::load(app.folder.path()).unwrap();
    let mainland = [identity::WECHAT_APPID, identity::WECHAT_MCHID, &keys.wechat_v2_api_key];
    let hong_kong = [identity::WECHAT_HK_APPID, identity::WECHAT_HK_MCHID, &keys.wechat_hk_api_key];
    for (merchant, prefix, currency) in [(mainland, "", "CNY"), (hong_kong, "/hk", "HKD")] {
        let mut judge = client("node", "node/tenpay_judge.mjs");
        judge.env("SIM", &app.demo.addresses.sim).env("PREFIX", prefix).env("CURRENCY", currency);
        judge.envs(["APPID", "MCHID", "API_KEY"].into_iter().zip(merchant));
        let verdict = verdict(judge).await;
        assert!(verdict["checks"].as_i64().unwrap() > 70, "{currency} {verdict}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_of_wechat_pay_accepts_the_simulated_wechat_pay_in_both_modes() {
    let app = TestApp::spawn().await;
    let folder = app.folder.path();
    let keys = DemoIdentity::load(folder).unwrap();
    let (own, theirs) = (folder.join("mch.pem"), folder.join("wechat.pem"));
    std::fs::write(&own, &keys.wechat_merchant.private).unwrap();
    std::fs::write(&theirs, &keys.wechat_platform.public).unwrap();
    for mode in ["certificate", "public_key"] {
        let mut judge = client(&python(), "python/wechat_judge.py");
        judge.env("SIM", &app.demo.addresses.sim).env("MODE", mode);
        judge.env("MCHID", identity::WECHAT_MCHID).env("APPID", identity::WECHAT_APPID);
        judge.env("SERIAL", identity::WECHAT_MERCHANT_SERIAL).env("PRIVATE_KEY", &own);
        judge.env("APIV3_KEY", &keys.wechat_apiv3_key).env("PUBLIC_KEY", &theirs);
        judge.env("PUBLIC_KEY_ID", identity::WECHAT_PUBLIC_KEY_ID);
        let verdict = verdict(judge).await;
        assert!(verdict["checks"].as_i64().unwrap() > 20, "{verdict}");
        assert_eq!(verdict["mode"], mode);
    }
    app.finish().await;
}

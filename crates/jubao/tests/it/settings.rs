//! What an operator sets for an application: it counts within seconds, is audited, and refuses what it
//! does not know.

use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};
use web::edge::Limits;

use crate::app::TestApp;
use crate::foreign::run;
use crate::operator::{Beside, soon};

/// A pair of a name and a value, as `merchant set` has them.
pub fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Sets what a test wants; it counts at once.
pub async fn set(app: &TestApp, pairs: &[(&str, &str)]) {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| pair(name, value)).collect();
    app.demo.gateway.set_settings("test", MERCHANT.app_id, &pairs).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_beside_the_server_counts_within_seconds() {
    let beside = Beside::start().await;
    let number = MERCHANT.app_id.to_string();
    let query = json!({ "appid": number, "sn": "11202601020304050607080910" });
    let code = async || beside.call("/order/query", &query, MERCHANT.key).await;
    let becomes = async |expect: i64| {
        soon(&format!("code {expect}"), async || {
            let answer = code().await;
            (answer["code"] == expect).then_some(answer)
        })
        .await
    };
    becomes(40102).await;
    for (change, expect) in [
        (vec!["set", &number, "allowed_ips=203.0.113.0/24,2001:db8::/32"], 40100),
        (vec!["set", &number, "allowed_ips=127.0.0.0/8"], 40102),
        (vec!["disable", &number], 4002),
        (vec!["enable", &MERCHANT.mch_id.to_string()], 40102),
        (vec!["set", &number, "schemes=hmac-sha256", "allowed_ips=default"], 40100),
    ] {
        beside.command(&[&["merchant"], &change[..]].concat()).await;
        becomes(expect).await;
    }
    let shown = beside.json(&["merchant", "show", &number]).await;
    assert_eq!(shown["settings"]["schemes"], "hmac-sha256");
    assert_eq!(shown["settings"]["allowed_ips"], "");
    assert_eq!(shown["platform_rsa_key"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_names_its_cure_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let config = app.config();
    let number = MERCHANT.app_id.to_string();
    for (pairs, cure) in [
        (vec!["strict=on"], "no setting strict: there are enabled"),
        (vec!["repeat_is_success=on", "late_payment=keep"], "late_payment: refund or honour"),
        (vec!["allowed_ips=10.0.0.0/40"], "allowed_ips: IPv4 and IPv6"),
        (vec!["schemes=rsa2"], "rsa_public_keys=@FILE"),
        (vec!["sandbox"], "write KEY=VALUE"),
    ] {
        let set = [&["merchant", "set", &number], &pairs[..], &["--config", &config]].concat();
        let refused = run(&set, "").await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.complained.contains(cure), "{pairs:?} {refused:?}");
    }
    let shown = run(&["merchant", "show", &number, "--config", &config, "--json"], "").await.json();
    assert_eq!(shown["settings"]["repeat_is_success"], "off");
    let unknown =
        run(&["merchant", "set", "4711", "repeat_is_success=on", "--config", &config], "").await;
    assert!(unknown.code == 2 && unknown.complained.contains("4711"), "{unknown:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_audited_with_the_values_before_and_after() {
    let app = TestApp::spawn().await;
    set(&app, &[("repeat_is_success", "on"), ("allowed_ips", "127.0.0.1")]).await;
    set(&app, &[("repeat_is_success", "on")]).await;
    set(&app, &[("repeat_is_success", "default")]).await;
    let store = app.demo.gateway.store();
    let rows = store::audit::latest(store, 2).await.unwrap();
    let details: Vec<Value> =
        rows.iter().map(|row| serde_json::from_str(&row.entry.detail).unwrap()).collect();
    assert_eq!(rows[0].entry.subject, format!("application/{}", MERCHANT.app_id));
    assert_eq!(details[0], json!({ "repeat_is_success": { "old": "on", "new": "off" } }));
    let first = json!({
        "allowed_ips": { "old": "", "new": "127.0.0.1" },
        "repeat_is_success": { "old": "off", "new": "on" },
    });
    assert_eq!(details[1], first);
    assert_eq!(app.audited("settings changed").await, 2, "what changes nothing is no change");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_counts_is_the_one_that_a_trusted_proxy_names() {
    let mut limits = Limits::of_this_machine();
    limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::spawn_within(limits).await;
    set(&app, &[("allowed_ips", "203.0.113.0/24,2001:db8::/32")]).await;
    let body = jubao::signing::signed(&app.order(304), &app.key()).unwrap().to_string();
    for (forwarded, named) in [
        ("203.0.113.7", None),
        ("8.8.8.8, 2001:db8::7", None),
        ("203.0.113.7, 8.8.8.8", Some("8.8.8.8")),
        ("2001:db9::7", Some("2001:db9::7")),
    ] {
        let mut order = app.order(304);
        order["device_info"] = forwarded.replace([',', ' '], "").into();
        let signed = jubao::signing::signed(&order, &app.key()).unwrap().to_string();
        let request = app.request("/payment/pay", signed).header("X-Forwarded-For", forwarded);
        let answer = app.exchange(request).await;
        assert_eq!(answer.code(), if named.is_some() { 40100 } else { 200 }, "{answer:?}");
        assert!(named.is_none_or(|ip| answer.text.contains(ip)), "{answer:?}");
    }
    let alone = app.post("/payment/pay", body.clone()).await;
    assert_eq!(alone["code"], 40100, "{alone}");
    assert!(alone["message"].as_str().unwrap().contains("127.0.0.1"), "{alone}");
    let forged = body.replace("1234", "1235");
    assert_eq!(app.post("/payment/pay", forged).await["code"], 4004, "the signature comes first");
    app.finish().await;
}

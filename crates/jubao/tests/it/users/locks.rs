//! How e-mails are locked, for whom they are not, and how that ends. Time is moved.

use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};
use web::edge::Limits;

use super::{EMAIL, WRONG, a_user, created, log_in, password};
use crate::app::TestApp;

/// What is answered, but for the number that no two answers share.
fn words(mut answer: Value) -> Value {
    assert!(answer["_trace_no"].is_string());
    answer["_trace_no"] = Value::Null;
    answer
}

fn locked(minutes: i64) -> String {
    format!("通用错误：登录失败次数过多，请在 {minutes} 分钟后再试")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_e_mail_and_a_wrong_password_are_answered_alike_until_both_are_locked() {
    let app = TestApp::spawn().await;
    created(&app).await;
    for time in 1..=7 {
        let known = words(log_in(&app, EMAIL, "not the password").await);
        let unknown = words(log_in(&app, "nobody@shop.example", "not the password").await);
        assert_eq!(known, unknown);
        let message = if time < 5 { WRONG.to_owned() } else { locked(5) };
        let expect = json!({
            "code": 0, "message": message, "ret": 499_999, "msg": message, "_trace_no": null,
        });
        assert_eq!(known, expect, "time {time}");
    }
    assert_eq!(app.audited("user locked").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_outlives_a_restart_lasts_longer_each_time_and_ends() {
    let mut app = TestApp::spawn().await;
    let password = created(&app).await;
    for _ in 0..5 {
        log_in(&app, EMAIL, "not the password").await;
    }
    app = app.restart().await;
    let refused = log_in(&app, EMAIL, &password).await;
    assert_eq!(refused["message"], locked(5), "the right password, while it is locked");
    app.advance(4 * 60);
    assert_eq!(log_in(&app, EMAIL, &password).await["message"], locked(1));
    app.advance(61);
    assert_eq!(log_in(&app, EMAIL, "not the password").await["message"], locked(10));
    app.advance(10 * 60 + 1);
    assert_eq!(log_in(&app, EMAIL, &password).await["code"], 200);
    for _ in 0..4 {
        assert_eq!(log_in(&app, EMAIL, "not the password").await["message"], WRONG);
    }
    assert_eq!(log_in(&app, EMAIL, &password).await["code"], 200, "who logs in begins anew");
    app.finish().await;
}

/// Logs in as a client behind the trusted proxy, from an address.
async fn log_in_from(app: &TestApp, from: &str, (email, password): (&str, &str)) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "email": email, "password": password }).to_string();
    let request = client.post(format!("{}/user/login", app.demo.addresses.api)).body(body);
    let answer = request.header("X-Forwarded-For", from).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_locks_an_e_mail_on_purpose_locks_out_nobody_who_has_logged_in_before() {
    let mut limits = Limits::of_this_machine();
    limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::spawn_within(limits).await;
    let right = created(&app).await;
    let (shop, stranger) = ("2001:db8:1:2::7", "198.51.100.1");
    assert_eq!(log_in_from(&app, shop, (EMAIL, &right)).await["code"], 200);
    for _ in 0..6 {
        log_in_from(&app, stranger, (EMAIL, "not the password")).await;
    }
    let refused = log_in_from(&app, stranger, (EMAIL, &right)).await;
    assert_eq!(refused["message"], locked(5), "the e-mail is locked for strangers");
    let elsewhere = log_in_from(&app, "203.0.113.1", (EMAIL, &right)).await;
    assert_eq!(elsewhere["message"], locked(5), "wherever they are");
    // Another address of the shop's /64, and its guesses are counted for themselves.
    let again = log_in_from(&app, "2001:db8:1:2::8", (EMAIL, &right)).await;
    assert_eq!(again["code"], 200, "{again}");
    let still = log_in_from(&app, stranger, (EMAIL, &right)).await;
    assert_eq!(still["message"], locked(5), "the shop's log-in gives the stranger no new guesses");
    for _ in 0..5 {
        log_in_from(&app, shop, (EMAIL, "not the password")).await;
    }
    let guessed = log_in_from(&app, shop, (EMAIL, &right)).await;
    assert_eq!(guessed["message"], locked(5), "a known address guesses no more often than others");
    let changed = password();
    let members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "email": EMAIL, "password": changed,
    });
    assert_eq!(app.call("/user/password", &members).await["code"], 200);
    assert_eq!(
        log_in_from(&app, shop, (EMAIL, &changed)).await["code"],
        200,
        "both locks are lifted"
    );
    assert_eq!(log_in_from(&app, stranger, (EMAIL, &changed)).await["code"], 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_are_counted_as_one_after_the_other() {
    let app = TestApp::spawn().await;
    created(&app).await;
    let guesses = (0..12).map(|at| {
        let guess = format!("guess number {at}");
        let app = &app;
        async move { log_in(app, EMAIL, &guess).await["message"].as_str().unwrap().to_owned() }
    });
    let said = futures_util::future::join_all(guesses).await;
    let wrong = said.iter().filter(|message| *message == WRONG).count();
    let refused = said.iter().filter(|message| **message == locked(5)).count();
    assert_eq!((wrong, refused), (4, 8), "{said:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_counts_at_once_and_lifts_the_lock() {
    let app = TestApp::spawn().await;
    let (old, new) = (created(&app).await, password());
    for _ in 0..5 {
        log_in(&app, EMAIL, "not the password").await;
    }
    let mut members = a_user(&new);
    members.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "name" | "type"));
    let changed = app.call("/user/password", &members).await;
    assert_eq!((&changed["code"], &changed["data"]["name"]), (&json!(200), &json!("李雷")));
    assert_eq!(log_in(&app, EMAIL, &new).await["code"], 200);
    assert_eq!(log_in(&app, EMAIL, &old).await["message"], WRONG);
    assert_eq!(app.audited("user password changed").await, 1);
    app.finish().await;
}

//! `jubao merchant check`: what a shop has sent elsewhere, judged by the real checks beside a running
//! gateway, and nothing of it done.

use std::fs;

use gateway::manage::MerchantMade;
use jubao::demo::FreshFolder;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::application::Settings;
use kernel::order::SignForm;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::exchange::signed_as;
use crate::foreign::{Outcome, run};
use crate::leaks;

const QUERY: &str = "//index.php?_m=payment&_a=query";
const PAY: &str = "/payment/pay";

/// A record of `members`, signed by the demo's merchant.
fn record(path: &str, members: Value) -> Value {
    record_of(&Secret::new(MERCHANT.key), path, members)
}

fn record_of(key: &Secret, path: &str, members: Value) -> Value {
    json!({ "path": path, "body": signing::signed(&members, key).unwrap().to_string() })
}

/// A good order of the demo's merchant with other members.
fn order(more: Value) -> Value {
    let mut order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 102,
                            "total_fee": 100, "body": "明前龙井" });
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

async fn check(app: &TestApp, lines: &[Value], more: &[&str]) -> Outcome {
    let text: Vec<_> = lines.iter().map(ToString::to_string).collect();
    let config = app.config();
    let all = ["merchant", "check", "-", "--format", "jsonl", "--config", &config];
    let outcome = run(&[&all[..], more].concat(), &text.join("\n")).await;
    assert!(!format!("{outcome:?}").contains(MERCHANT.key), "a key was printed");
    outcome
}

/// What is said of one record.
async fn verdict(app: &TestApp, line: Value) -> Value {
    let outcome = check(app, &[line], &["--json", "--all"]).await;
    let rows = outcome.json()["rows"].clone();
    assert_eq!(outcome.code, i32::from(rows[0]["differs"] == true), "{outcome:?}");
    rows[0].clone()
}

/// Its code and the cure of its first finding.
async fn said(app: &TestApp, line: Value) -> (i64, String) {
    let verdict = verdict(app, line).await;
    let cure = verdict["findings"][0]["cure"].as_str().unwrap_or_default().to_owned();
    (verdict["code"].as_i64().unwrap(), cure)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_pass_are_as_before_and_nothing_of_them_is_done() {
    let app = TestApp::spawn().await;
    let mch_id = MERCHANT.mch_id.to_string();
    let query = json!({ "mch_id": mch_id, "out_trade_no": "OLD-1" });
    let answer = signed_as(&json!({ "out_trade_no": "OLD-1" }), &app.key(), SignForm::Widened);
    let mut answered = record(QUERY, query.clone());
    answered["answer"] = json!({ "code": 200, "data": answer }).to_string().into();
    let mut absent = record(QUERY, query.clone());
    absent["answer"] = json!({ "ret": 40102 });
    let form = signing::read(record(PAY, order(json!({})))["body"].as_str().unwrap().as_bytes());
    let form: Vec<_> = form.unwrap().iter().map(|(name, text)| format!("{name}={text}")).collect();
    let refund = json!({ "mch_id": mch_id, "sn": "11201901020304050000000007", "refund_fee": 1 });
    let lines = [
        record(PAY, order(json!({ "out_trade_no": "A1" }))),
        json!({ "path": "/?_m=pay_gateway&_a=apply_pay", "body": form.join("&"),
                "headers": { "content-type": "application/x-www-form-urlencoded" } }),
        answered,
        absent,
        record("/payment/refund", refund),
    ];
    let outcome = check(&app, &lines, &[]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.said.contains("5 requests: 5 as before, 0 otherwise"), "{outcome:?}");
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_refused_is_named_with_the_setting_that_makes_it_pass() {
    let app = TestApp::spawn().await;
    let (discount, number) = (json!({ "discount": 1 }), MERCHANT.app_id.to_string());
    let set = |text: &str| format!("jubao merchant set {number} {text}");
    assert_eq!(
        said(&app, record(PAY, order(discount.clone()))).await,
        (40100, set("may_discount=on"))
    );
    app.set(|settings| settings.pinned_names = vec!["mch_id".into()]).await;
    let refused = record(PAY, order(json!({})));
    assert_eq!(said(&app, refused).await, (492_001, set("pinned_names=")));
    let both = said(&app, record(PAY, order(discount))).await;
    assert_eq!(both, (40100, set("pinned_names= may_discount=on")), "two settings together");
    app.set(|settings| settings.pinned_names.clear()).await;
    // Without an account, without a merchant, without an operation.
    let another: MerchantMade = app.merchant_without_accounts(Settings::default()).await;
    let members =
        json!({ "mch_id": another.mch_id.to_string(), "pay_channel_id": 102, "total_fee": 1 });
    let (code, cure) = said(&app, record_of(&another.key, PAY, members.clone())).await;
    assert_eq!((code, cure.contains("jubao account add")), (492_003, true), "{cure}");
    let mut unknown = members;
    unknown["mch_id"] = "19999999999999".into();
    let (code, cure) = said(&app, record_of(&another.key, PAY, unknown)).await;
    assert_eq!((code, cure.contains("jubao merchant import")), (4002, true), "{cure}");
    let (code, _) = said(&app, record("/payment/nothing", order(json!({})))).await;
    assert_eq!(code, 404);
    // What no setting cures is cured by the shop.
    let (code, cure) = said(&app, record(PAY, order(json!({ "total_fee": 0 })))).await;
    assert_eq!((code, cure.starts_with("change what the shop sends")), (492_001, true), "{cure}");
    let private = json!({ "notify_url": "http://10.1.2.3/notify" });
    let (code, cure) = said(&app, record(PAY, order(private))).await;
    assert_eq!((code, cure.starts_with("private_targets")), (492_001, true), "{cure}");
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signatures_and_other_keys_are_explained() {
    let app = TestApp::spawn().await;
    let members =
        json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": "A", "attach": "" });
    let mut left_out = members.clone();
    let signed =
        signing::signed(&json!({ "mch_id": members["mch_id"], "out_trade_no": "A" }), &app.key());
    left_out["sign"] = signed.unwrap()["sign"].clone();
    let line = json!({ "path": QUERY, "body": left_out.to_string() });
    let (code, cure) = said(&app, line).await;
    assert_eq!((code, cure.contains("empty values must be signed")), (4004, true), "{cure}");
    let (code, cure) =
        said(&app, record_of(&Secret::new("0123456789abcdef"), QUERY, members)).await;
    assert_eq!((code, cure.contains("import the key")), (4004, true), "{cure}");
    // The answer that came back was signed with another key.
    let query = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": "A" });
    let mut line = record(QUERY, query.clone());
    let other = signed_as(&json!({ "out_trade_no": "A" }), &Secret::new("other"), SignForm::Plain);
    line["answer"] = json!({ "code": 200, "data": other });
    let found = verdict(&app, line).await;
    assert!(found["findings"][0]["what"].as_str().unwrap().contains("not signed with the key"));
    // The key before counted when it was sent, and does not any more.
    let sent_at = app.demo.gateway.now().seconds();
    let key = app.demo.gateway.rotate_key("test", MERCHANT.app_id, -1_000).await.unwrap();
    leaks::secret(leaks::Kind::Key, "a rotated key", key.expose().as_bytes());
    let mut line = record(QUERY, query);
    line["at"] = (sent_at - 10_000).into();
    let found = verdict(&app, line).await;
    assert!(found["findings"][0]["what"].as_str().unwrap().contains("the key before"), "{found}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_judged_by_what_the_platform_before_answered_and_summed_up_by_cause() {
    let app = TestApp::spawn().await;
    let refused = |code: i64| {
        let mut line = record(PAY, order(json!({ "discount": 1 })));
        line["answer"] = json!({ "code": code });
        line
    };
    let mut lenient = record(PAY, order(json!({})));
    lenient["answer"] = json!({ "code": 492_001 });
    // A time that was fine when it was sent.
    let mut timed = record(PAY, order(json!({ "time_expire": "20260101121000" })));
    timed["at"] = "2026-01-01 12:00:00".into();
    let lines = [refused(40100), refused(200), refused(200), lenient, timed];
    let outcome = check(&app, &lines, &["--json"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let said = outcome.json();
    assert_eq!((&said["requests"], &said["differ"]), (&json!(5), &json!(3)), "{said}");
    let lines: Vec<_> = said["rows"].as_array().unwrap().iter().map(|row| &row["line"]).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert_eq!(said["causes"].as_array().unwrap().len(), 2, "{said}");
    assert_eq!(
        (&said["causes"][1]["count"], &said["causes"][1]["first_line"]),
        (&json!(2), &json!(2))
    );
    let table = check(&app, &[refused(200)], &[]).await.said;
    for says in ["here   there  what", "Place", " 40100     200  ", "cure: jubao merchant set"] {
        assert!(table.contains(says), "{says}: {table}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_read_and_bad_files_end_with_two() {
    let app = TestApp::spawn().await;
    let files = FreshFolder::make().unwrap();
    let config = app.config();
    let body = record(PAY, order(json!({ "discount": 1 })))["body"].clone();
    let entry = json!({
        "startedDateTime": "2026-11-22T04:00:05.000Z",
        "request": { "method": "POST", "url": "https://pay.example/payment/pay",
                     "headers": [], "postData": { "mimeType": "", "text": body } },
        "response": { "status": 200, "content": { "text": "{\"code\":200}" } },
    });
    let archive = json!({ "log": { "entries": [entry, { "request": { "url": "https://cdn.example/x.js" } }] } });
    let file = files.path().join("shop.har");
    fs::write(&file, archive.to_string()).unwrap();
    let har = file.display().to_string();
    let outcome = run(&["merchant", "check", &har, "--config", &config, "--json"], "").await;
    let said = outcome.json();
    assert_eq!(
        (outcome.code, &said["differ"], &said["skipped"]),
        (1, &json!(1), &json!(1)),
        "{said}"
    );
    for (input, format, says) in [
        ("nonsense", "jsonl", "line 1: no JSON object"),
        ("{\"path\":\"/\"}", "jsonl", "line 1: one of body"),
        ("{}", "har", "log.entries is missing"),
    ] {
        let arguments = ["merchant", "check", "-", "--format", format, "--config", &config];
        let outcome = run(&arguments, input).await;
        assert_eq!(outcome.code, 2, "{input} {outcome:?}");
        let all = format!("{}{}", outcome.said, outcome.complained);
        assert!(all.contains(says), "{input} {outcome:?}");
    }
    let unnamed = run(&["merchant", "check", "-", "--config", &config], "").await;
    assert_eq!((unnamed.code, unnamed.complained.contains("--format jsonl")), (2, true));
    app.finish().await;
}

//! What a sandbox application is told of a wrong signature, and nobody else.

use jubao::demo::identity::MERCHANT;
use kernel::order::SignForm;
use kernel::sign;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::settings::set;

/// An order whose signature is the MD5 of what `text` makes of the key.
async fn answer(app: &TestApp, text: impl Fn(&str) -> String) -> Value {
    let mut members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 10, "attach": "",
        "code": "134602370743606195",
    });
    let no_key = kernel::secret::Secret::new("");
    members["sign"] = sign::md5_sign(&no_key, &text(MERCHANT.key), SignForm::Plain).into();
    app.post("/payment/pay", members.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_application_is_told_its_mistake_and_no_other_is_told_anything() {
    let app = TestApp::spawn().await;
    let mch = MERCHANT.mch_id;
    let left_out = |key: &str| {
        format!("{key}code134602370743606195mch_id{mch}pay_channel_id304total_fee10{key}")
    };
    set(&app, &[("sandbox", "off")]).await;
    let told = answer(&app, left_out).await;
    assert_eq!((&told["code"], told.get("data")), (&json!(4004), None), "{told}");
    set(&app, &[("sandbox", "on")]).await;
    let told = answer(&app, left_out).await;
    assert_eq!(told["code"], 4004, "{told}");
    let doctor = &told["data"]["doctor"];
    assert_eq!(doctor["mistake"], "EmptiesLeftOut", "{told}");
    assert!(doctor["cure"]["en"].as_str().unwrap().contains("empty"), "{told}");
    let text = format!("attachcode<hidden>mch_id{mch}pay_channel_id304total_fee10");
    assert_eq!(doctor["text"], text.as_str());
    let told = answer(&app, |_| "nothing of the kind".to_owned()).await;
    assert_eq!(told["data"]["doctor"].get("mistake"), None, "{told}");
    let old = app.demo.gateway.rotate_key("test", MERCHANT.app_id, 0).await.unwrap();
    let right = |key: &str| {
        format!("{key}attachcode134602370743606195mch_id{mch}pay_channel_id304total_fee10{key}")
    };
    let told = answer(&app, right).await;
    assert_eq!(told["data"]["doctor"]["mistake"], "ExpiredKey", "{told}");
    crate::leaks::secret(crate::leaks::Kind::Key, "a key", old.expose().as_bytes());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_flood_of_wrong_signatures_most_are_refused_without_an_explanation() {
    /// At once as many as in two seconds.
    const PER_SECOND: usize = 20;
    const FLOOD: usize = 400;
    let app = TestApp::spawn().await;
    set(&app, &[("sandbox", "on")]).await;
    let wrong = || answer(&app, |_| "nothing of the kind".to_owned());
    assert!(wrong().await.get("data").is_some(), "the first is explained");
    let began = app.demo.gateway.now();
    let told = futures_util::future::join_all((0..FLOOD).map(|_| wrong())).await;
    let took_ms = app.demo.gateway.now().millis_since(began);
    let took_s = usize::try_from(took_ms / 1_000).unwrap() + 1;
    assert!(told.iter().all(|told| told["code"] == 4004), "{told:?}");
    let unexplained = told.iter().filter(|told| told.get("data").is_none()).count();
    let explained = FLOOD - unexplained;
    assert!(explained <= PER_SECOND * (2 + took_s), "{explained} were explained in {took_s} s");
    app.finish().await;
}

//! The document's own samples (conformance/jubao): each request is sent as it is printed there, its
//! answer has every member of the printed answer, and the order is then paid, told and queried.

use std::collections::BTreeMap;
use std::fs;

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::order::SignForm;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::exchange::signed_as;
use crate::foreign::root;
use crate::merchant::Received;

/// Members of the document's callback table.
const TOLD: [&str; 12] = [
    "bank_type",
    "cash_fee",
    "cash_fee_type",
    "fee_type",
    "out_trade_no",
    "transaction_id",
    "time_end",
    "total_fee",
    "trade_type",
    "appid",
    "nonce_str",
    "sign",
];

/// One sample.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcript {
    name: String,
    /// Its section in the document.
    document: String,
    /// Its title there.
    about: String,
    /// The request's members; `sign` only where the document prints a real one.
    request: Value,
    code: i64,
    /// What the answer's `data` must hold.
    data: BTreeMap<String, Expected>,
    /// The wallet that pays.
    pay_with: String,
}

/// What a member must be.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Expected {
    /// Exactly this.
    Is(Value),
    /// `string` or `integer`, not empty.
    Type(String),
}

impl Expected {
    fn check(&self, name: &str, data: &Value) {
        let value = &data[name];
        match self {
            Self::Is(exact) => assert_eq!(value, exact, "{name} {data}"),
            Self::Type(kind) if kind == "string" => {
                assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name} {data}");
            }
            Self::Type(kind) => {
                assert!(kind == "integer" && value.is_i64(), "{name} {data}");
            }
        }
    }
}

fn transcripts() -> Vec<Transcript> {
    let folder = root().join("conformance/jubao");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(read).collect()
}

/// The request with a signature; without `notify_url` this merchant's server would not be told.
async fn place(app: &TestApp, request: &Value, form: SignForm) -> Value {
    let body = match request.get("sign") {
        Some(_) => request.clone(),
        None => signed_as(request, &app.key(), form),
    };
    app.post("/index.php?_m=pay_gateway&_a=apply_pay", body.to_string()).await
}

/// The same order with an address that is ours to listen at, and a number of its own.
fn told_here(app: &TestApp, request: &Value) -> Value {
    let mut request = request.clone();
    let members = request.as_object_mut().unwrap();
    members.remove("sign");
    members.insert("notify_url".into(), app.merchant.url().into());
    members.remove("out_trade_no");
    request
}

fn check_notice(app: &TestApp, notice: &Received, data: &Value) {
    assert!(signing::is_signed(&notice.members, &app.key()), "{notice:?}");
    for name in TOLD {
        assert!(notice.members.iter().any(|(member, _)| member == name), "{name} {notice:?}");
    }
    for name in ["sn", "out_trade_no", "total_fee", "body", "attach", "appid", "trade_type"] {
        let expect = data[name].as_str().map_or_else(|| data[name].to_string(), str::to_owned);
        assert_eq!(notice.text(name), expect, "{name} {notice:?}");
    }
    assert_eq!(notice.text("trade_state"), "SUCCESS");
    assert!(!notice.text("transaction_id").is_empty(), "{notice:?}");
    assert_eq!(notice.text("cash_fee"), notice.text("total_fee"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_samples_are_served_as_they_are_printed() {
    let transcripts = transcripts();
    assert_eq!(transcripts.len(), 4, "the samples of the products that are offered");
    for transcript in transcripts {
        let app = TestApp::spawn().await;
        let what = format!("{} {} {}", transcript.document, transcript.name, transcript.about);
        for form in [SignForm::Widened, SignForm::Plain] {
            let printed = place(&app, &transcript.request, form).await;
            let is_repeated = printed["code"] == 40106 && transcript.request.get("sign").is_some();
            assert!(printed["code"] == transcript.code || is_repeated, "{what}: {printed}");
            assert!(is_repeated || printed["ret"] == 0, "{what}: {printed}");
            for (name, expected) in &transcript.data {
                expected.check(name, &printed["data"]);
            }
        }
        let request = told_here(&app, &transcript.request);
        let placed = place(&app, &request, SignForm::Widened).await;
        let data = &placed["data"];
        let sn = data["sn"].as_str().unwrap();
        let paid = app.pay(sn, &json!({ "wallet": transcript.pay_with })).await;
        assert_eq!(paid["paid"], true, "{what}: {paid}");
        check_notice(&app, &app.wait_notices(1).await[0], data);
        let query = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": sn });
        let answer = app.call("/index.php?_m=payment&_a=query", &query).await;
        let found = &answer["data"];
        assert_eq!((&found["trade_state"], &found["status"]), (&json!("SUCCESS"), &json!(2)));
        assert_eq!(found["provider"], transcript.pay_with, "{what}: {found}");
        assert_eq!(found["cash_fee"], data["total_fee"], "{what}: {found}");
        assert!(found["time_end"].as_i64().unwrap() > 0, "{what}: {found}");
        for name in transcript.data.keys() {
            assert!(found.get(name).is_some(), "{what}: {name} is missing in the query's answer");
        }
        app.finish().await;
    }
}

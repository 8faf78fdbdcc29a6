//! The document's own samples (conformance/jubao): each request is sent as it is printed there, its
//! answer has every member of the printed answer, and the order is then paid, told, queried and
//! refunded; the printed one is closed, or reversed.

mod expected;

use std::fs;

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::order::SignForm;
use serde::Deserialize;
use serde_json::{Value, json};

use self::expected::Members;
use crate::app::TestApp;
use crate::exchange::signed_as;
use crate::foreign::root;
use crate::leaks::{self, Kind};
use crate::merchant::Received;

/// The samples that the document prints a request of (1.2 and 2.1), and the Hong Kong wallet's page,
/// of which it prints what the page is given.
const SAMPLES: usize = 10;

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

/// What a refund's answer has beside its order's members: as texts, and as integers.
const REFUND_TEXTS: [&str; 8] = [
    "out_refund_no",
    "refund_id",
    "refund_fee_type",
    "cash_refund_fee_type",
    "rate",
    "refund_status",
    "refund_time",
    "refund_desc",
];
const REFUND_NUMBERS: [&str; 2] = ["refund_fee", "cash_refund_fee"];

/// Longer than an order waits for its payer.
const EXPIRED_AFTER_S: i64 = 31 * 60;
/// Looks at a refund after which it is done.
const LOOKS_MAX: usize = 8;

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
    data: Members,
    /// The wallet that pays.
    pay_with: String,
    ends: End,
}

/// How an order ends that nobody wants any more.
#[derive(Copy, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    /// Its upstream closes it.
    Closed,
    /// Its upstream closes none: it ends with its time.
    Expired,
    /// It was charged at once.
    Reversed,
}

impl End {
    /// What is answered to the wish that it ends now. A reversal may still be on its way.
    fn codes(self) -> [i64; 2] {
        match self {
            Self::Closed => [200; 2],
            Self::Expired => [492_004; 2],
            Self::Reversed => [200, 492_004],
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

/// Texts of `data` as the routine that verifies signatures wants them.
fn is_signed(app: &TestApp, data: &Value) -> bool {
    let members = signing::read(data.to_string().as_bytes()).unwrap();
    signing::is_signed(&members, &app.key())
}

impl Transcript {
    /// The request with the document's own signature, or with one in `form`.
    async fn place(&self, app: &TestApp, request: &Value, form: SignForm) -> Value {
        let body = match request.get("sign") {
            Some(_) => request.clone(),
            None => signed_as(request, &app.key(), form),
        };
        let answer = app.post("/index.php?_m=pay_gateway&_a=apply_pay", body.to_string()).await;
        assert_eq!(answer["code"], self.code, "{}: {answer}", self.name);
        assert_eq!((&answer["ret"], &answer["msg"]), (&json!(0), &json!("success")), "{answer}");
        assert!(is_signed(app, &answer["data"]), "{}: {answer}", self.name);
        answer["data"].clone()
    }

    /// Sends the sample as it is printed, and ends its order.
    async fn print(&self, app: &TestApp) {
        let data = self.place(app, &self.request, SignForm::Widened).await;
        for (name, expected) in &self.data {
            expected.check(&format!("{}: {name}", self.name), &data[name]);
        }
        let sn = data["sn"].as_str().unwrap();
        let verb = if self.ends == End::Reversed { "reverse" } else { "close" };
        let members = json!({ "appid": MERCHANT.app_id.to_string(), "sn": sn });
        let answer = app.call(&format!("/order/{verb}"), &members).await;
        let codes = self.ends.codes().map(Value::from);
        assert!(codes.contains(&answer["code"]), "{}: {answer}", self.name);
        if self.ends == End::Expired {
            app.advance(EXPIRED_AFTER_S);
        }
        let state = if self.ends == End::Reversed { "REVOKED" } else { "CLOSED" };
        app.sweep_until(sn, state).await;
    }

    /// The sample with an address that is ours to listen at, a number of its own, and a code that
    /// nobody has used.
    fn told_here(&self, app: &TestApp) -> Value {
        let mut request = self.request.clone();
        let members = request.as_object_mut().unwrap();
        members.remove("sign");
        members.remove("out_trade_no");
        members.insert("notify_url".into(), app.merchant.url().into());
        if let Some(code) = members.get_mut("code") {
            let fresh = code.as_str().unwrap().replace("195", "295");
            leaks::secret(Kind::Code, "a payer's code", fresh.as_bytes());
            *code = fresh.into();
        }
        request
    }

    /// Sends the sample again, pays, and looks at everything that is said of it.
    async fn live(&self, app: &TestApp) {
        let before = app.merchant.received().len();
        let data = self.place(app, &self.told_here(app), SignForm::Plain).await;
        let sn = data["sn"].as_str().unwrap();
        if data["trade_state"] != "SUCCESS" {
            let paid = app.pay(sn, &json!({ "wallet": self.pay_with })).await;
            assert_eq!(paid["paid"], true, "{}: {paid}", self.name);
        }
        let notices = app.wait_notices(before + 1).await;
        check_notice(app, &notices[before], &data);
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": sn });
        let answer = app.call("/index.php?_m=payment&_a=query", &members).await;
        self.check_found(app, &answer["data"], &data);
        self.refund(app, &data).await;
    }

    fn check_found(&self, app: &TestApp, found: &Value, data: &Value) {
        let what = &self.name;
        assert!(is_signed(app, found), "{what}: {found}");
        self.check_names(found);
        assert_eq!((&found["trade_state"], &found["status"]), (&json!("SUCCESS"), &json!(2)));
        assert_eq!(found["provider"], self.pay_with, "{what}: {found}");
        assert_eq!(found["refundable"], data["pay_amount"], "{what}: {found}");
        assert!(found["cash_fee"].as_i64().unwrap() > 0, "{what}: {found}");
        assert!(found["time_end"].as_i64().unwrap() > 0, "{what}: {found}");
    }

    /// Whatever the placed order's answer has, a later one has too.
    fn check_names(&self, data: &Value) {
        for name in self.data.keys() {
            assert!(data.get(name).is_some(), "{}: {name} is missing: {data}", self.name);
        }
    }

    /// Refunds the whole order, and follows the refund to its end.
    async fn refund(&self, app: &TestApp, placed: &Value) {
        let number = format!("R{}", placed["sn"].as_str().unwrap());
        let order =
            json!({ "appid": placed["appid"], "sn": placed["sn"], "out_refund_no": number });
        let answer = app.call("/index.php?_m=payment&_a=refund", &order).await;
        assert_eq!(answer["code"], 200, "{}: {answer}", self.name);
        self.check_refund(app, &answer["data"], placed);
        let refund = json!({ "appid": placed["appid"], "out_refund_no": number });
        let mut data = answer["data"].clone();
        for _ in 0..LOOKS_MAX {
            data = app.call("/index.php?_m=payment&_a=refund_query", &refund).await["data"].clone();
            self.check_refund(app, &data, placed);
            if data["refund_status"] == "SUCCESS" {
                break;
            }
            app.sweep(placed["sn"].as_str().unwrap()).await;
        }
        assert_eq!(data["refund_status"], "SUCCESS", "{}: {data}", self.name);
        assert_eq!((&data["trade_state"], &data["status"]), (&json!("REFUND"), &json!(3)));
        assert!(data["cash_refund_fee"].as_i64().unwrap() > 0, "{}: {data}", self.name);
        assert_ne!(data["refund_time"], "", "{}: {data}", self.name);
    }

    fn check_refund(&self, app: &TestApp, data: &Value, placed: &Value) {
        assert!(is_signed(app, data), "{}: {data}", self.name);
        self.check_names(data);
        assert!(REFUND_TEXTS.iter().all(|name| data[name].is_string()), "{}: {data}", self.name);
        assert!(REFUND_NUMBERS.iter().all(|name| data[name].is_i64()), "{}: {data}", self.name);
        assert_eq!(data["refund_fee"], placed["pay_amount"], "{}: {data}", self.name);
        assert_eq!(data["refund_fee_type"], placed["fee_type"], "{}: {data}", self.name);
        assert_eq!(data["total_refund_fee"], placed["pay_amount"], "{}: {data}", self.name);
    }
}

fn check_notice(app: &TestApp, notice: &Received, data: &Value) {
    assert!(signing::is_signed(&notice.members, &app.key()), "{notice:?}");
    for name in TOLD {
        assert!(notice.members.iter().any(|(member, _)| member == name), "{name} {notice:?}");
    }
    let shared = ["sn", "out_trade_no", "total_fee", "pay_amount", "fee_type", "body", "attach"];
    for name in shared.into_iter().chain(["appid", "mch_id", "trade_type", "pay_channel_id"]) {
        let expect = data[name].as_str().map_or_else(|| data[name].to_string(), str::to_owned);
        assert_eq!(notice.text(name), expect, "{name} {notice:?}");
    }
    assert_eq!((notice.text("trade_state"), notice.text("status")), ("SUCCESS", "2"));
    assert!(!notice.text("transaction_id").is_empty(), "{notice:?}");
    assert!(notice.text("cash_fee").parse::<i64>().unwrap() > 0, "{notice:?}");
    let time_end = notice.text("time_end");
    assert!(time_end.len() == 14 && time_end.bytes().all(|byte| byte.is_ascii_digit()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_samples_are_served_as_they_are_printed() {
    let transcripts = transcripts();
    assert_eq!(transcripts.len(), SAMPLES);
    let app = TestApp::spawn().await;
    for transcript in transcripts {
        println!("{} {} {}", transcript.document, transcript.name, transcript.about);
        transcript.print(&app).await;
        transcript.live(&app).await;
    }
    app.finish().await;
}

//! Signatures as PHP makes and verifies them: thousands of requests that PHP made up, encoded and signed
//! by itself, and everything that we sign, judged by PHP.

use futures_util::stream::{self, StreamExt};
use kernel::application::{NoticeFormat, Settings};
use kernel::dialect::notice::{self, Encoding};
use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign;
use kernel::sign::Signer;
use serde_json::{Value, json};
use web::edge::{Limits, Rates};

use crate::app::TestApp;
use crate::exchange::signed_as;
use crate::foreign::{Running, client};

/// Requests that PHP makes.
const CASES: usize = 12_000;
/// Requests at the same time.
const AT_ONCE: usize = 8;
/// Every so many requests that are right, one is sent once more with a signature that is not.
const FORGED_EVERY: usize = 8;
/// Of what is taken otherwise, so much is shown.
const SHOWN: usize = 5;
/// Notices that are made of PHP's texts.
const NOTICES: usize = 1_000;
/// What PHP's random numbers begin with: a failure is made again.
const SEED: &str = "20260202";

/// A request as PHP made it.
struct Case {
    at: usize,
    expect: String,
    why: String,
    content_type: String,
    body: Vec<u8>,
    text: Vec<u8>,
    sign: String,
    key: Secret,
}

impl Case {
    fn read((at, line): (usize, &str)) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        Self {
            at,
            expect: text("expect"),
            why: text("why"),
            content_type: text("type"),
            body: bytes(&text("body")),
            text: bytes(&text("text")),
            sign: text("sign"),
            key: Secret::new(text("key")),
        }
    }

    /// What is wrong with how we take it.
    async fn judge(&self, app: &TestApp) -> Option<String> {
        let code = self.send(app, self.body.clone()).await;
        let wrong = |what: &str| Some(format!("{what}: {code} {self:?}"));
        let is_as_expected = match self.expect.as_str() {
            "agree" => self.is_agreed(app, code).await,
            "tie" => code == 492_001 || self.is_agreed(app, code).await,
            refused => code.to_string() == refused,
        };
        if !is_as_expected {
            return wrong("the code");
        }
        if self.expect == "agree" && !self.is_made_here() {
            return wrong("the text or the signature");
        }
        None
    }

    /// Whether the signature was looked at and is right: whatever is said of the members comes after.
    /// Of the codes from there on, 492001 alone could come from before: then a forged one must be 4004.
    async fn is_agreed(&self, app: &TestApp, code: i64) -> bool {
        let is_taken = matches!(code, 40102 | 492_001 | 491_002 | 490_001 | 491_001 | 40100);
        let is_asked = code == 492_001 || self.at.is_multiple_of(FORGED_EVERY);
        is_taken && (!is_asked || self.send(app, self.forged()).await == 4004)
    }

    /// The body with another signature.
    fn forged(&self) -> Vec<u8> {
        let other = if self.sign.starts_with('0') { "1" } else { "0" };
        let forged = format!("{other}{}", &self.sign[1..]);
        let at = self.body.windows(self.sign.len()).position(|part| part == self.sign.as_bytes());
        let mut body = self.body.clone();
        let at = at.unwrap();
        body[at..at + forged.len()].copy_from_slice(forged.as_bytes());
        body
    }

    async fn send(&self, app: &TestApp, body: Vec<u8>) -> i64 {
        let request = app.request("/order/query", body).header("content-type", &self.content_type);
        app.exchange(request).await.code()
    }

    /// Whether we build the text that PHP has signed, and make the same signature over it.
    fn is_made_here(&self) -> bool {
        let text = String::from_utf8(self.text.clone()).unwrap();
        let is_in = |form| sign::md5_sign(&self.key, &text, form).eq_ignore_ascii_case(&self.sign);
        if ![SignForm::Widened, SignForm::Version2].into_iter().any(is_in) {
            return false;
        }
        if self.why != "json" && self.why != "form" {
            return true;
        }
        let mut members = jubao::signing::read(&self.body).unwrap();
        members.retain(|(name, _)| name != "sign");
        members.sort_unstable();
        members.iter().map(|(name, value)| format!("{name}{value}")).collect::<String>() == text
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let text = String::from_utf8_lossy(&self.text);
        let Self { at, expect, why, content_type, .. } = self;
        write!(out, "{at} {why} expects {expect}, {content_type:?} {body:?} signed {text:?}")
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `count` requests that PHP makes for these merchants, each a number, an application and a key.
async fn made_by_php(merchants: &Value, count: usize) -> Vec<Case> {
    let mut php = client("php", "php/cases.php");
    php.env("MERCHANTS", merchants.to_string()).env("COUNT", count.to_string()).env("SEED", SEED);
    let outcome = Running::start(&mut php).outcome(b"").await;
    assert_eq!((outcome.code, outcome.complained.as_str()), (0, ""));
    outcome.said.lines().enumerate().map(Case::read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_thousand_requests_that_php_made_are_understood_as_php_signed_them() {
    let rates = Rates { application: 0, address: 0, log_ins: 0 };
    let app = TestApp::spawn_within(Limits { rates, ..Limits::of_this_machine() }).await;
    let mut merchants = Vec::new();
    for _ in 0..4 {
        let made = app.merchant_without_accounts(Settings::default()).await;
        let ids = [made.mch_id.to_string(), made.app_id.to_string()];
        merchants.push(json!([ids[0], ids[1], made.key.expose()]));
    }
    let cases = made_by_php(&merchants.into(), CASES).await;
    assert_eq!(cases.len(), CASES);
    let agreed = cases.iter().filter(|case| case.expect == "agree").count();
    assert!(agreed >= 9_000, "{agreed}");
    for expect in ["4004", "492001", "491002", "40110", "40100", "tie"] {
        assert!(cases.iter().any(|case| case.expect == expect), "PHP made no case of {expect}");
    }
    let judged = stream::iter(&cases).map(|case| case.judge(&app)).buffer_unordered(AT_ONCE);
    let wrong: Vec<_> = judged.filter_map(async |wrong| wrong).collect().await;
    let shown = wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        wrong.is_empty(),
        "seed {SEED}: {} of {CASES} are taken otherwise:\n{shown}",
        wrong.len()
    );
    app.finish().await;
}

/// How PHP finds each of `bodies` to be signed.
async fn judged_by_php(key: &Secret, bodies: &[(&str, String)]) -> Vec<String> {
    let mut php = client("php", "php/verify.php");
    php.env("JUBAO_KEY", key.expose());
    let line = |(content_type, body): &(&str, String)| {
        format!("{}\n", json!({ "type": content_type, "body": hex(body.as_bytes()) }))
    };
    let input: String = bodies.iter().map(line).collect();
    let outcome = Running::start(&mut php).outcome(input.as_bytes()).await;
    assert_eq!((outcome.code, outcome.complained.as_str()), (0, ""));
    let judged: Vec<_> = outcome.said.lines().map(str::to_owned).collect();
    assert_eq!(judged.len(), bodies.len());
    judged
}

/// How PHP has to find what is signed in a form, of a text that is not ASCII.
fn verdict_of(form: SignForm) -> &'static str {
    match form {
        SignForm::Widened => "1.4",
        SignForm::Plain => "1.2",
        SignForm::Version2 => "both",
    }
}

/// Texts that encodings escape, or that stand for something else in one of them.
const TEXTS: [&str; 5] = [
    "聚宝烤鸭（半只）£5 – 外带",
    "聚 6+1=7 & 50%25 <b>\"x\" 'y' \\n \\u8058 / ;",
    "聚🦆👩‍🍳𠮷 e\u{301} \u{200b}\u{2028} ",
    "聚{\"a\":[\"b\"]}",
    "聚&sign=x&body[]=1",
];

/// What was told: answers and notifications, each with its Content-Type and how it has to be signed.
#[derive(Default)]
struct Told {
    bodies: Vec<(&'static str, String)>,
    expect: Vec<&'static str>,
}

impl Told {
    fn add(&mut self, content_type: &'static str, body: String, form: SignForm) {
        // Somebody on the way who changes an amount is found out.
        let changed = body.replace("1234", "1235");
        assert_ne!(changed, body);
        self.bodies.extend([(content_type, body), (content_type, changed)]);
        self.expect.extend([verdict_of(form), "wrong"]);
    }
}

const JSON: &str = "application/json; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_and_notification_is_verified_by_php_in_the_form_of_its_order() {
    let app = TestApp::spawn().await;
    let mut told = Told::default();
    for (format, content_type) in [(NoticeFormat::Form, FORM), (NoticeFormat::Json, JSON)] {
        app.set(|settings| settings.notice_format = format).await;
        for form in SignForm::ALL {
            for text in TEXTS {
                let sn = place(&app, &mut told, (text, form)).await;
                app.pay(&sn, &json!({})).await;
                let body = app
                    .wait(&format!("the notification of {sn}"), async || {
                        let received = app.merchant.received();
                        let of_order = received.iter().find(|one| one.text("sn") == sn);
                        of_order.map(|one| (one.content_type.clone(), one.body.clone()))
                    })
                    .await;
                assert_eq!(body.0, content_type);
                told.add(content_type, body.1, form);
            }
        }
    }
    let judged = judged_by_php(&app.key(), &told.bodies).await;
    for ((judged, expect), body) in judged.iter().zip(&told.expect).zip(&told.bodies) {
        assert_eq!(judged, expect, "{body:?}");
    }
    app.finish().await;
}

/// Places an order of a text and queries it, and remembers both answers' `data` as they came.
async fn place(app: &TestApp, told: &mut Told, (text, form): (&str, SignForm)) -> String {
    let mut order = app.order(102);
    order["body"] = text.into();
    order["attach"] = text.into();
    let mut query = json!({ "mch_id": order["mch_id"] });
    if form == SignForm::Version2 {
        order["version"] = 2.into();
        query["version"] = "2".into();
    }
    let placed = signed_as(&order, &app.key(), form).to_string();
    let placed = app.exchange(app.request("/payment/pay", placed)).await;
    let sn =
        placed.json()["data"]["sn"].as_str().unwrap_or_else(|| panic!("{placed:?}")).to_owned();
    query["sn"] = sn.as_str().into();
    let found = signed_as(&query, &app.key(), form).to_string();
    let found = app.exchange(app.request("/order/query", found)).await;
    for answer in [placed, found] {
        let (_, rest) = answer.text.split_once("\"data\":").unwrap();
        let (data, _) = rest.rsplit_once(",\"_trace_no\"").unwrap();
        told.add(JSON, data.to_owned(), form);
    }
    sn
}

#[tokio::test(flavor = "multi_thread")]
async fn php_verifies_a_notice_of_any_text_in_either_encoding() {
    let key = Secret::new("685c6e3eca5c964b2b8240aa151cb75d");
    let merchants = json!([["10502105689001", "1000258", key.expose()]]);
    let cases = made_by_php(&merchants, NOTICES).await;
    let mut told = Told::default();
    for text in cases.into_iter().filter_map(|case| String::from_utf8(case.text).ok()) {
        // None of these may be mistaken for the amount that is changed.
        let text = format!("聚{}", text.replace("1234", ""));
        let facts = json!({ "body": text, "total_fee": 1234, "attach": "" }).to_string();
        let signer = Signer::of_key(&key);
        for form in SignForm::ALL {
            for (encoding, content_type) in [(Encoding::Form, FORM), (Encoding::Json, JSON)] {
                let made = notice::encode(&facts, (form.into(), signer), "n", encoding).unwrap();
                assert_eq!(made.0, content_type);
                told.add(content_type, made.1, form);
            }
        }
    }
    assert!(told.bodies.len() > 10 * NOTICES, "{}", told.bodies.len());
    let judged = judged_by_php(&key, &told.bodies).await;
    for ((judged, expect), body) in judged.iter().zip(&told.expect).zip(&told.bodies) {
        assert_eq!(judged, expect, "{body:?}");
    }
}

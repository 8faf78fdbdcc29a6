//! The extensions of the signature through HTTP: requests, answers and notices in each scheme.

use std::borrow::Cow;
use std::sync::LazyLock;

use jubao::demo::identity::MERCHANT;
use kernel::application::{Application, Settings};
use kernel::fields::Fields;
use kernel::form::{self, Escapes};
use kernel::json;
use kernel::order::SignForm;
use kernel::rsa::{PrivateKey, PublicKey};
use kernel::scheme::{Scheme, Signing};
use kernel::secret::Secret;
use kernel::sign::{self, Signer};
use kernel::time::Timestamp;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::leaks::{self, Kind};
use crate::settings::set;

/// The merchant's RSA pair: making one takes a while.
pub static PAIR: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

/// The demo merchant as it signs; with its `platform_key` it makes signatures of its own.
fn merchant(app: &TestApp, platform: Vec<PublicKey>) -> Application {
    holder(app.key(), platform)
}

/// Who holds `key` and our RSA pair, and verifies RSA2 with `platform`.
pub fn holder(key: Secret, platform: Vec<PublicKey>) -> Application {
    Application {
        mch_id: MERCHANT.mch_id,
        app_id: MERCHANT.app_id,
        mch_name: String::new(),
        is_enabled: true,
        key,
        previous_keys: Vec::new(),
        platform_key: Some(PAIR.clone()),
        settings: Settings {
            schemes: Scheme::ALL.to_vec(),
            rsa_public_keys: platform,
            ..Settings::default()
        },
    }
}

/// `members` signed by a scheme.
fn signed(app: &TestApp, members: &Value, signing: Signing) -> String {
    let text = members.to_string();
    let fields = Fields::from_json(json::object(&text).unwrap()).unwrap();
    let signs = merchant(app, Vec::new());
    let sign = match signing.scheme {
        Scheme::Suffix => {
            let pairs = fields.signed().map(|(name, text)| (name, Cow::Borrowed(text)));
            Signer::of(&signs).sign_suffix(&pairs.collect::<Vec<_>>())
        }
        Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2 => {
            Signer::of(&signs).sign_text(&sign::canonical(fields.signed()), signing).unwrap()
        }
    };
    let mut signed = members.clone();
    signed["sign"] = sign.into();
    signed.to_string()
}

/// How an answer or a notice is signed, if it is signed rightly.
pub fn verified(app: &TestApp, fields: &Fields<'_>, platform: &[PublicKey]) -> Option<Signing> {
    verified_with(&merchant(app, platform.to_vec()), fields)
}

/// The same for whoever holds the keys.
pub fn verified_with(holder: &Application, fields: &Fields<'_>) -> Option<Signing> {
    let text = sign::canonical(fields.signed());
    sign::verify_fields(holder, Timestamp::from_seconds(0), fields, &text)
}

fn order_by(app: &TestApp, scheme: Scheme) -> Value {
    let mut order = app.order(202);
    if scheme.is_strong() {
        order["sign_type"] = scheme.sign_type().into();
        order["timestamp"] = app.demo.gateway.now().seconds().into();
        order["nonce_str"] = format!("n{}", scheme.word()).into();
    }
    order
}

/// Lets the demo merchant use every scheme; gives back the platform's public key.
pub async fn open_every_scheme(app: &TestApp) -> PublicKey {
    let key = PAIR.public_key().unwrap();
    set(app, &[("schemes", "md5,suffix,hmac-sha256,rsa2"), ("rsa_public_keys", &key.pem())]).await;
    let url = format!("{}/platform_key.pem", app.demo.addresses.api);
    let pem = app.client.get(url).send().await.unwrap().text().await.unwrap();
    PublicKey::parse(&pem).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_notices_are_signed_as_the_request_was() {
    let app = TestApp::spawn().await;
    let platform = [open_every_scheme(&app).await];
    for (at, scheme) in Scheme::ALL.into_iter().enumerate() {
        let form = if scheme == Scheme::Suffix { SignForm::Plain } else { SignForm::Widened };
        let signing = Signing { scheme, form };
        let body = signed(&app, &order_by(&app, scheme), signing);
        let answer = app.post("/payment/pay", body).await;
        assert_eq!(answer["code"], 200, "{scheme:?} {answer}");
        let data = answer["data"].to_string();
        let token = answer["data"]["code_url"].as_str().unwrap().rsplit('/').next().unwrap();
        leaks::secret(Kind::Page, "the secret of a page", token.as_bytes());
        let fields = Fields::from_json(json::object(&data).unwrap()).unwrap();
        assert_eq!(verified(&app, &fields, &platform), Some(signing), "{data}");
        let says = scheme.is_strong().then(|| scheme.sign_type());
        assert_eq!(fields.text("sign_type"), says);
        app.pay(answer["data"]["sn"].as_str().unwrap(), &json!({})).await;
        let notice = app.wait_notices(at + 1).await.pop().unwrap();
        let pairs = form::urlencoded(&notice.body, Escapes::Decoded).unwrap();
        let fields = Fields::from_form(pairs).unwrap();
        assert_eq!(verified(&app, &fields, &platform), Some(signing), "{notice:?}");
        assert_eq!(fields.text("sign_type"), says);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_without_a_number_has_one_that_can_be_asked_for_in_every_scheme() {
    let app = TestApp::spawn().await;
    open_every_scheme(&app).await;
    let sn = app.place(202).await["sn"].as_str().unwrap().to_owned();
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    for (at, scheme) in (1..).zip(Scheme::ALL) {
        let mut wish = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "sn": sn, "refund_fee": 10,
            "refund_desc": scheme.word(), "nonce_str": format!("r{}", scheme.word()),
            "timestamp": app.demo.gateway.now().seconds(),
        });
        if scheme.is_strong() {
            wish["sign_type"] = scheme.sign_type().into();
        }
        let signing = Signing { scheme, form: SignForm::Plain };
        let refunded = app.post("/payment/refund", signed(&app, &wish, signing)).await;
        assert_eq!(refunded["code"], 200, "{scheme:?} {refunded}");
        let number = refunded["data"]["out_refund_no"].as_str().unwrap();
        assert!(number.len() == 33 && number.starts_with('R'), "{scheme:?} {number}");
        let asked = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_refund_no": number });
        let queried = app.call("/order/refundquery", &asked).await;
        assert_eq!(queried["data"]["refund_id"], refunded["data"]["refund_id"], "{queried}");
        assert_eq!(app.stored(&sn).await.total_refund_fee, 10 * at);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_keeps_its_scheme_when_the_application_has_changed() {
    let app = TestApp::spawn().await;
    let platform = [open_every_scheme(&app).await];
    let signing = Signing { scheme: Scheme::Rsa2, form: SignForm::Plain };
    let placed =
        app.post("/payment/pay", signed(&app, &order_by(&app, Scheme::Rsa2), signing)).await;
    set(&app, &[("schemes", "md5"), ("rsa_public_keys", "")]).await;
    let app = app.restart().await;
    app.pay(placed["data"]["sn"].as_str().unwrap(), &json!({})).await;
    let notice = app.wait_notices(1).await.pop().unwrap();
    let pairs = form::urlencoded(&notice.body, Escapes::Decoded).unwrap();
    let fields = Fields::from_form(pairs).unwrap();
    assert_eq!(verified(&app, &fields, &platform), Some(signing), "{notice:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_counts_only_where_it_is_set() {
    let app = TestApp::spawn().await;
    let by = |scheme| {
        let signing = Signing { scheme, form: SignForm::Plain };
        signed(&app, &order_by(&app, scheme), signing)
    };
    let codes = async |expect: [i64; 4]| {
        for (scheme, expect) in Scheme::ALL.into_iter().zip(expect) {
            let answer = app.post("/payment/pay", by(scheme)).await;
            assert_eq!(answer["code"], expect, "{scheme:?} {answer}");
        }
    };
    codes([200, 4004, 40100, 4004]).await;
    set(&app, &[("schemes", "hmac-sha256")]).await;
    codes([40100, 4004, 200, 4004]).await;
    let key = PAIR.public_key().unwrap();
    set(&app, &[("schemes", "rsa2,suffix"), ("rsa_public_keys", key.text())]).await;
    codes([40100, 200, 40100, 200]).await;
    app.finish().await;
}

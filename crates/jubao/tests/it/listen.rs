//! `jubao listen` and `jubao trigger` at a command line, against a running demo: what is relayed is what a
//! notification would have been, and what is caused comes by the real way.

use std::fs;
use std::process::Command;

use jubao::demo::FreshFolder;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::fields::Fields;
use kernel::form::{self, Escapes};
use kernel::rsa::PublicKey;
use kernel::scheme::{Scheme, Signing};
use serde_json::json;
use url::form_urlencoded;

use crate::app::TestApp;
use crate::foreign::{Outcome, Running, jubao};
use crate::leaks::{self, Kind};
use crate::merchant::{Received, TestMerchant};
use crate::schemes::{PAIR, open_every_scheme, verified};
use crate::settings::set;

/// A command of the demo's merchant, without its key.
fn keyless(app: &TestApp, name: &str, more: &[&str]) -> Command {
    let mut command = jubao(&[name]);
    let appid = MERCHANT.app_id.to_string();
    command.args(["--api", &app.demo.addresses.api, "--appid", &appid]).args(more);
    command
}

/// The same with the key in the environment.
fn command(app: &TestApp, name: &str, more: &[&str]) -> Command {
    let mut command = keyless(app, name, more);
    command.env("JUBAO_KEY", MERCHANT.key);
    command
}

async fn trigger(app: &TestApp, kind: &str) -> Outcome {
    let sims = ["--sims", &app.demo.addresses.sim, kind];
    Running::start(&mut command(app, "trigger", &sims)).outcome(b"").await
}

/// The merchant's RSA key in a file as OpenSSL writes it.
fn rsa_key_file(folder: &FreshFolder) -> String {
    let file = folder.path().join("rsa.pem");
    let content = PAIR.sealable().unwrap();
    leaks::secret(Kind::Key, "a merchant's RSA key", content.expose().as_bytes());
    let lines: Vec<_> = content.expose().as_bytes().chunks(64).collect();
    let lines = String::from_utf8(lines.join(&b'\n')).unwrap();
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    fs::write(&file, format!("{begin}\n{lines}\n{end}\n")).unwrap();
    file.display().to_string()
}

/// Waits until a local server has been told so often.
async fn told(app: &TestApp, local: &TestMerchant, count: usize) -> Vec<Received> {
    app.wait(&format!("{count} relayed events"), async || {
        let received = local.received();
        (received.len() >= count).then(|| received.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_relayed_is_the_notification_and_a_restart_of_either_side_loses_nothing() {
    let app = TestApp::spawn().await;
    let local = TestMerchant::spawn().await;
    let cursor = app.folder.path().join("cursor");
    let cursor = cursor.display().to_string();
    // A folder of the merchant's own, where a key may stand.
    let own = FreshFolder::make().unwrap();
    let key = own.path().join("key.txt");
    fs::write(&key, format!("{}\n", MERCHANT.key)).unwrap();
    let key = key.display().to_string();
    let more = ["--key-from", &key, "--forward-to", local.url(), "--cursor", &cursor];
    let mut listening = Running::start(&mut keyless(&app, "listen", &more));
    listening.line(|line| line.starts_with("listening")).await;
    let first = trigger(&app, "paid").await;
    assert_eq!(first.code, 0, "{first:?}");
    let relayed = told(&app, &local, 1).await.remove(0);
    assert_eq!(relayed.content_type, "application/x-www-form-urlencoded");
    assert!(signing::is_signed(&relayed.members, &app.key()), "{relayed:?}");
    assert_eq!(relayed.text("trade_state"), "SUCCESS");
    let kept = || fs::read_to_string(&cursor).is_ok_and(|text| text == "1");
    app.wait("the cursor to be kept", async || kept().then_some(())).await;
    let (code, lines) = listening.finish().await;
    assert_eq!(code, 0);
    assert!(lines.iter().any(|line| line.contains("order.success")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(MERCHANT.key)), "{lines:?}");

    // What happens while nobody listens is told afterwards, also when the shop was down at first.
    assert_eq!(trigger(&app, "closed").await.code, 0);
    local.answers(500, "down");
    let more = ["--forward-to", local.url(), "--cursor", &cursor, "--format", "json"];
    let mut listening = Running::start(&mut command(&app, "listen", &more));
    listening.line(|line| line.contains("not acknowledged")).await;
    local.answers(200, "success");
    app.wait("the cursor to move", async || {
        fs::read_to_string(&cursor).is_ok_and(|text| text == "2").then_some(())
    })
    .await;
    let last = local.received().last().unwrap().clone();
    assert!(last.content_type.starts_with("application/json"));
    assert!(signing::is_signed(&last.members, &app.key()));
    assert_eq!(last.text("trade_state"), "CLOSED");
    assert_eq!(listening.finish().await.0, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_any_scheme_listens_and_triggers() {
    let app = TestApp::spawn().await;
    let platform = open_every_scheme(&app).await;
    let own = FreshFolder::make().unwrap();
    let (rsa_key, platform_key) = (rsa_key_file(&own), own.path().join("platform.pem"));
    fs::write(&platform_key, platform.pem()).unwrap();
    let local = TestMerchant::spawn().await;
    for (at, scheme) in Scheme::ALL.into_iter().enumerate() {
        // It is the only one, so nothing else would do.
        set(&app, &[("schemes", scheme.word())]).await;
        let mut with: Vec<&str> = vec!["--scheme", scheme.word()];
        match scheme {
            Scheme::Rsa2 => with.extend(["--rsa-key-from", &rsa_key]),
            Scheme::Md5 | Scheme::Suffix | Scheme::HmacSha256 => {
                with.extend(["--key", MERCHANT.key])
            }
        }
        let forward = [&with[..], &["--forward-to", local.url()]].concat();
        let mut listening = Running::start(&mut keyless(&app, "listen", &forward));
        listening.line(|line| line.starts_with("listening")).await;
        let sims = [&with[..], &["--sims", &app.demo.addresses.sim, "paid"]].concat();
        let outcome = Running::start(&mut keyless(&app, "trigger", &sims)).outcome(b"").await;
        assert_eq!((outcome.code, outcome.complained.as_str()), (0, ""), "{scheme:?} {outcome:?}");
        let relayed = told(&app, &local, at + 1).await.pop().unwrap();
        assert_eq!(signing_of(&app, &relayed, &platform).scheme, scheme, "{relayed:?}");
        let (code, lines) = listening.finish().await;
        assert!(code == 0 && !lines.concat().contains("not verified"), "{lines:?}");
    }
    // The events of all of them are relayed, and who has only one key says what it could not verify.
    let platform_key = platform_key.display().to_string();
    let rsa = ["--scheme", "rsa2", "--rsa-key-from", &rsa_key, "--platform-key", &platform_key];
    let forward = [&rsa[..], &["--from-start", "--forward-to", local.url()]].concat();
    let mut listening = Running::start(&mut keyless(&app, "listen", &forward));
    listening.line(|line| line.starts_with("listening")).await;
    told(&app, &local, 2 * Scheme::ALL.len()).await;
    let (_, lines) = listening.finish().await;
    let unverified = lines.iter().filter(|line| line.contains("not verified")).count();
    assert_eq!(unverified, 3, "{lines:?}");
    // With another's key for the platform's, the event of rsa2 is nobody's.
    fs::write(&platform_key, PAIR.public_key().unwrap().pem()).unwrap();
    let outcome = Running::start(&mut keyless(&app, "listen", &forward)).outcome(b"").await;
    assert!(outcome.code == 1 && outcome.complained.contains("not signed"), "{outcome:?}");
    app.finish().await;
}

/// How a relayed notification is signed.
fn signing_of(app: &TestApp, relayed: &Received, platform: &PublicKey) -> Signing {
    let text: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(relayed.members.iter())
        .finish();
    let pairs = form::urlencoded(&text, Escapes::Decoded).unwrap();
    let fields = Fields::from_form(pairs).unwrap();
    verified(app, &fields, std::slice::from_ref(platform)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_without_its_key_and_a_file_that_is_no_key_are_named() {
    let app = TestApp::spawn().await;
    let own = FreshFolder::make().unwrap();
    let nothing = own.path().join("nothing.pem");
    fs::write(&nothing, "nothing").unwrap();
    let nothing = nothing.display().to_string();
    for (more, code, says) in [
        (&["--scheme", "hmac-sha256"][..], 2, "JUBAO_KEY"),
        (&["--scheme", "rsa2", "--platform-key", &nothing], 2, "no RSA public key"),
        (&["--scheme", "rsa2"], 1, "--platform-key"),
        (&["--rsa-key-from", &nothing], 2, "no RSA private key"),
        (&["--scheme", "md4"], 2, "hmac-sha256"),
    ] {
        let forward = [&["--forward-to", app.merchant.url()], more].concat();
        let outcome = Running::start(&mut keyless(&app, "listen", &forward)).outcome(b"").await;
        assert_eq!(outcome.code, code, "{more:?} {outcome:?}");
        assert!(outcome.complained.contains(says), "{more:?} {outcome:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_caused_by_the_real_way() {
    let app = TestApp::spawn().await;
    let kinds: &[(&str, &[&str])] = &[
        ("paid", &["order.success"]),
        ("twice", &["order.success"]),
        ("lost", &["order.success"]),
        ("late", &["order.closed"]),
        ("refund", &["order.success", "refund.success", "order.refund"]),
        ("closed", &["order.closed"]),
        ("failed", &["order.payerror"]),
        ("reversed", &["order.success", "order.revoked"]),
    ];
    assert_eq!(kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), jubao::trigger::WORDS);
    let mut after = "0".to_owned();
    for (kind, expect) in kinds {
        let outcome = trigger(&app, kind).await;
        assert_eq!((outcome.code, outcome.complained.as_str()), (0, ""), "{kind}: {outcome:?}");
        let members = json!({ "mch_id": app.mch_id().to_string(), "after": after, "limit": 100 });
        let data = app.call("/event/list", &members).await["data"].clone();
        let items = data["items"].as_array().unwrap().iter();
        let types: Vec<_> = items.map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(types, *expect, "{kind}: {outcome:?}");
        data["next"].as_str().unwrap().clone_into(&mut after);
    }
    let late = app.audited("surplus payment").await;
    assert_eq!(late, 1, "the late money was recorded");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_caused_where_money_is_real_and_bad_arguments_are_named() {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.sandbox = false).await;
    let refused = trigger(&app, "paid").await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.complained.contains("not for the sandbox"), "{refused:?}");
    assert_eq!(app.orders().await, 0);
    let nonsense = trigger(&app, "nonsense").await;
    assert!(nonsense.code == 2 && nonsense.complained.contains("reversed"), "{nonsense:?}");
    let wrong = "0f9d1c7be3a24865b0d7c5e19a3f2468";
    leaks::secret(Kind::Key, "a wrong key", wrong.as_bytes());
    for (key, says) in [(Some(wrong), "4004"), (None, "JUBAO_KEY")] {
        let mut listen = keyless(&app, "listen", &["--forward-to", app.merchant.url()]);
        if let Some(key) = key {
            listen.env("JUBAO_KEY", key);
        }
        let outcome = Running::start(&mut listen).outcome(b"").await;
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.complained.contains(says), "{outcome:?}");
    }
    app.finish().await;
}

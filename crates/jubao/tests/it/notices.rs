//! Notifications: the schedule, the two encodings, and where we do not connect to.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::any;
use channels::http::HttpRequest;
use futures_util::stream;
use gateway::egress::{Egress, EgressFault, Wire};
use jubao::signing;
use kernel::id::Sn;
use kernel::notice::{NoticeState, RETRY_SECONDS};
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::TestApp;
use crate::merchant::Received;

/// Attempts until a notice is parked.
const ATTEMPTS: usize = 16;
/// How long the machine may take for one attempt, in milliseconds: it adds to a wait.
const MACHINE_MS: i64 = 5_000;

/// Places and pays an order; gives back its sn.
async fn paid(app: &TestApp) -> String {
    let sn = app.place(102).await["sn"].as_str().unwrap().to_owned();
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    sn
}

/// Waits until the order's notice has been tried `count` times, and that is committed.
async fn tried(app: &TestApp, sn: &str, count: usize) {
    app.wait(&format!("attempt {count} to tell of {sn}"), async || {
        (app.notices(sn).await[0].attempts.len() == count).then_some(())
    })
    .await;
}

/// Moves the clock to where the order's notice is due.
async fn to_next_try(app: &TestApp, sn: &str) {
    let due_at = app.notices(sn).await[0].notice.due_at;
    app.clock.shift(due_at.millis_since(app.demo.gateway.now()).max(0));
    app.demo.gateway.wake();
}

fn facts(received: &Received) -> Vec<(String, String)> {
    let is_fact = |(name, _): &&(String, String)| name != "nonce_str" && name != "sign";
    let mut facts: Vec<_> = received.members.iter().filter(is_fact).cloned().collect();
    facts.sort();
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_tried_on_the_documents_schedule_then_parked_then_resent() {
    let app = TestApp::spawn().await;
    app.merchant.answers(500, "SUCCESS");
    let sn = paid(&app).await;
    for (at, seconds) in RETRY_SECONDS.into_iter().enumerate() {
        tried(&app, &sn, at + 1).await;
        let history = app.notices(&sn).await.remove(0);
        let wait_ms = history.notice.due_at.millis_since(history.attempts[at].log.at);
        let range = seconds * 900..=seconds * 1100 + MACHINE_MS;
        assert!(range.contains(&wait_ms), "attempt {}: {wait_ms} ms", at + 1);
        assert_eq!(history.notice.state, NoticeState::Waiting);
        to_next_try(&app, &sn).await;
    }
    tried(&app, &sn, ATTEMPTS).await;
    assert_eq!(app.notice_states(&sn).await, [NoticeState::Parked]);
    app.advance(7 * 24 * 3600);
    assert_told_alike(&app, &sn);
    app.merchant.answers(200, " Success\n");
    let number = Sn::parse(&sn).unwrap();
    app.demo.gateway.resend_notice("test", &number).await.unwrap();
    app.wait_notice_state(&sn, NoticeState::Delivered).await;
    assert_eq!(app.merchant.received().len(), ATTEMPTS + 1);
    assert_eq!(app.audited("notice resent").await, 1);
    assert_eq!(app.booked(&sn, kernel::ledger::Book::ChannelReceivable).await, 1234);
    app.finish().await;
}

/// Sixteen attempts: the same facts, form and JSON in turns, each signed anew.
fn assert_told_alike(app: &TestApp, sn: &str) {
    let received = app.merchant.received();
    assert_eq!(received.len(), ATTEMPTS);
    let mut nonces: Vec<_> = received.iter().map(|one| one.text("nonce_str")).collect();
    let mut signs: Vec<_> = received.iter().map(|one| one.text("sign")).collect();
    for (at, one) in received.iter().enumerate() {
        let is_json = one.body.starts_with('{');
        assert_eq!(is_json, at % 2 == 1, "attempt {}", at + 1);
        let label = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
        assert!(one.content_type.starts_with(label), "{}", one.content_type);
        assert_eq!(facts(one), facts(&received[0]));
        assert!(signing::is_signed(&one.members, &app.key()), "{one:?}");
        assert_eq!((one.text("sn"), one.text("body")), (sn, "明前龙井"));
    }
    nonces.sort_unstable();
    nonces.dedup();
    signs.sort_unstable();
    signs.dedup();
    assert_eq!((nonces.len(), signs.len()), (ATTEMPTS, ATTEMPTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_reads_only_json_is_reached_and_remembered() {
    let app = TestApp::spawn().await;
    app.merchant.reads_json_only();
    let first = paid(&app).await;
    tried(&app, &first, 1).await;
    assert_eq!(app.notice_states(&first).await, [NoticeState::Waiting]);
    to_next_try(&app, &first).await;
    app.wait_notice_state(&first, NoticeState::Delivered).await;
    app.wait("the format to be remembered", async || {
        let store = app.demo.gateway.store();
        let row = store::applications::default_of(store, app.mch_id()).await.unwrap().unwrap();
        (row.notice_learned == kernel::application::NoticeFormat::Json).then_some(())
    })
    .await;
    app.advance(3);
    let second = paid(&app).await;
    app.wait_notice_state(&second, NoticeState::Delivered).await;
    let shapes: Vec<_> =
        app.merchant.received().iter().map(|one| one.body.starts_with('{')).collect();
    assert_eq!(shapes, [false, true, true]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_address_is_told_to_the_applications_or_to_nobody() {
    let app = TestApp::spawn().await;
    let mut members = app.order(102);
    members.as_object_mut().unwrap().remove("notify_url");
    let mut sns = Vec::new();
    for _ in 0..2 {
        let answer = app.call("/payment/pay", &members).await;
        let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({})).await;
        app.wait_state(&sn, "SUCCESS").await;
        sns.push(sn);
        let url = app.merchant.url().to_owned();
        app.set(|settings| settings.notify_url = url).await;
    }
    assert!(app.notices(&sns[0]).await.is_empty());
    app.wait_notice_state(&sns[1], NoticeState::Delivered).await;
    assert_eq!(app.merchant.received().len(), 1);
    assert_eq!(app.merchant.received()[0].text("sn"), sns[1]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_acknowledges_nothing() {
    let app = TestApp::spawn().await;
    for status in [301, 302, 303, 307, 308] {
        let followed = Arc::new(AtomicUsize::new(0));
        let counted = followed.clone();
        let moved = move || async move {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(LOCATION, "/elsewhere")], "success")
        };
        let elsewhere = move || async move {
            counted.fetch_add(1, Ordering::Relaxed);
            "success"
        };
        let router = Router::new().route("/notify", any(moved)).route("/elsewhere", any(elsewhere));
        let (base, task) = serve(router).await;
        let mut members = app.order(102);
        members["notify_url"] = format!("{base}/notify").into();
        let answer = app.call("/payment/pay", &members).await;
        let sn = answer["data"]["sn"].as_str().unwrap();
        app.pay(sn, &json!({})).await;
        app.wait_state(sn, "SUCCESS").await;
        tried(&app, sn, 1).await;
        let history = app.notices(sn).await.remove(0);
        assert_eq!(history.notice.state, NoticeState::Waiting, "{status}");
        assert_eq!(history.attempts[0].log.http_status, Some(i64::from(status)));
        assert_eq!(followed.load(Ordering::Relaxed), 0, "{status}");
        task.abort();
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_ends_is_given_up() {
    let endless = |letter| {
        move || async move {
            let chunk = Bytes::from(vec![letter; 4096]);
            let chunks = stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
            Body::from_stream(chunks).into_response()
        }
    };
    let slow = || async {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"success"))]);
        let rest = stream::pending::<Result<Bytes, Infallible>>();
        Body::from_stream(futures_util::StreamExt::chain(first, rest)).into_response()
    };
    let silent = || async { std::future::pending::<()>().await };
    let router = Router::new()
        .route("/blank", any(endless(b' ')))
        .route("/words", any(endless(b'x')))
        .route("/slow", any(slow))
        .route("/silent", any(silent));
    let (base, task) = serve(router).await;
    let egress = Egress::to_merchants(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    let send = |path: &str| {
        let (egress, request) = (egress.clone(), post(format!("{base}{path}")));
        async move { egress.send(&request).await }
    };
    let (blank, words) = tokio::join!(send("/blank"), send("/words"));
    assert_eq!(blank, Err(EgressFault::TooLong), "it could still become a success");
    assert!(words.unwrap().body.len() <= 64 << 10, "what cannot is read no further");
    let (slow, silent) = tokio::join!(send("/slow"), send("/silent"));
    assert_eq!(slow, Err(EgressFault::Timeout));
    assert_eq!(silent, Err(EgressFault::Timeout));
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_connects_to_an_address_that_is_not_global() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let egress = Egress::to_merchants(Vec::new()).unwrap();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.255.255.254",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[0:0:0:0:0:0:0:1]",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "lоcalhost.localhost",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "user@127.0.0.1",
        "user:password@127.0.0.1",
    ];
    for host in hosts {
        let fault = egress.send(&post(format!("http://{host}:{port}/"))).await.unwrap_err();
        assert!(matches!(fault, EgressFault::Blocked(_)), "{host}: {fault:?}");
    }
    // The machine's own name is not reserved: its address is judged when it is resolved.
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let url = format!("http://{}:{port}/", name.trim());
    if tokio::net::lookup_host((name.trim(), port)).await.is_ok() {
        let fault = egress.send(&post(url)).await.unwrap_err();
        assert!(matches!(fault, EgressFault::Blocked(_)), "{name}: {fault:?}");
    }
    let listener = listener.into_std().unwrap();
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "somebody has connected");
}

fn post(url: String) -> HttpRequest {
    HttpRequest { method: "POST".into(), url, headers: Vec::new(), body: b"a=b".to_vec() }
}

async fn serve(router: Router) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (base, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

//! More than can be served: who asks too often, and what comes on top of what is in work, is refused
//! before anything was done for it, and may be repeated as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use gateway::manage::MerchantMade;
use kernel::application::Settings;
use kernel::application::Switch;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use web::edge::{Limits, Rates, Work};

use crate::app::TestApp;
use crate::doubt::merchant_at;
use crate::socket::Socket;

/// Turns that merchants' requests have in these tests.
const TURNS: usize = 2;
/// Requests on top of them.
const EXCESS: usize = 40;

fn rates(application: u32, address: u32) -> Limits {
    let mut limits = Limits::of_this_machine();
    limits.rates = Rates { application, address, log_ins: 0 };
    limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    limits
}

/// Places an order at an upstream that hangs.
async fn place(app: &TestApp, merchant: &MerchantMade, number: &str) -> Value {
    let mut members = app.order(202);
    members["mch_id"] = merchant.mch_id.to_string().into();
    members["out_trade_no"] = number.into();
    app.call_with(&merchant.key, "/payment/pay", &members).await
}

async fn orders_of(app: &TestApp, merchant: &MerchantMade) -> usize {
    store::orders::count(app.demo.gateway.store(), merchant.mch_id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_on_top_of_the_work_is_refused_and_leaves_no_trace() {
    let mut limits = Limits::of_this_machine();
    limits.work = Work { merchants: TURNS, wait: Duration::from_millis(10), ..limits.work };
    let app = TestApp::spawn_within(limits).await;
    let page = app.place(304).await["code_url"].as_str().unwrap().to_owned();
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let merchant = merchant_at(&app, &format!("http://{}", hangs.local_addr().unwrap())).await;
    let in_work =
        join_all((0..TURNS).map(async |at| place(&app, &merchant, &format!("W{at}")).await));
    let mut in_work = Box::pin(in_work);
    let mut asked = Vec::new();
    tokio::select! {
        answers = &mut in_work => panic!("the upstream hangs: {answers:?}"),
        () = async { for _ in 0..TURNS { asked.push(hangs.accept().await.unwrap()); } } => {}
    }

    let refuse_all = async |word: &str| {
        let calls =
            (0..EXCESS).map(async |at| place(&app, &merchant, &format!("{word}{at}")).await);
        for answer in join_all(calls).await {
            assert_eq!(
                (&answer["code"], &answer["data"]),
                (&json!(4006), &Value::Null),
                "{answer}"
            );
        }
        assert_eq!(orders_of(&app, &merchant).await, TURNS);
    };
    refuse_all("X").await;
    // Payers, upstreams and whoever looks after us have turns of their own.
    let page = app.client.get(page).send().await.unwrap();
    assert_eq!(page.status(), 200);
    for (path, status) in [("/callback/alipay/1/1/1", 404), ("/healthz", 405)] {
        let answer = app.exchange(app.request(path, "")).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let ready = app.client.get(format!("{}/readyz", app.demo.addresses.api)).send().await.unwrap();
    assert_eq!(ready.status(), 200);

    // The clients go away; what they began goes on, and keeps its turn.
    drop(in_work);
    refuse_all("Y").await;
    let more = tokio::time::timeout(Duration::ZERO, hangs.accept()).await;
    assert!(more.is_err(), "an upstream was asked for a request that was refused");
    drop((asked, hangs));
    app.wait("the turns to be free again", async || {
        (place(&app, &merchant, "Z").await["code"] != 4006).then_some(())
    })
    .await;
    app.finish().await;
}

/// Tasks that keep the processors busy, and how long each keeps one at a time: whoever is ready waits longer
/// than the gate allows.
const BUSY: (usize, Duration) = (4, Duration::from_millis(20));

/// What an answer says apart from when and for whom.
fn without_traces(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut body: Value = serde_json::from_str(body).unwrap();
    body["_trace_no"].take();
    let lines = head.lines().filter(|line| !line.starts_with("date: "));
    lines.collect::<Vec<_>>().join("\n") + &body.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_from_its_head_hears_the_same_as_what_is_refused_later() {
    let limits = Limits { work: Work::default(), ..Limits::of_this_machine() };
    let app = TestApp::spawn_within(limits).await;
    let is_over = Arc::new(AtomicBool::new(false));
    for _ in 0..BUSY.0 {
        let is_over = is_over.clone();
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                while begun.elapsed() < BUSY.1 {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let mut sockets = join_all((0..EXCESS).map(|_| Socket::connect(&app.demo.addresses.api))).await;
    let placed = AtomicUsize::new(0);
    let refusals = app
        .wait("refusals of both kinds", async || {
            let answers = join_all(sockets.iter_mut().enumerate().map(async |(at, socket)| {
                let body = jubao::signing::signed(&app.order(304), &app.key()).unwrap().to_string();
                let head = format!(
                    "POST /payment/pay HTTP/1.1\r\nhost: x\r\naccept-language: en\r\n\
                     content-length: {}\r\n\r\n",
                    body.len()
                );
                if at % 2 == 0 {
                    socket.send(&(head + &body)).await;
                } else {
                    // What comes in two pieces is read by hyper.
                    socket.send(&head).await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    socket.send(&body).await;
                }
                socket.try_answer().await.unwrap()
            }))
            .await;
            let refused = |answer: &&String| answer.contains(r#""code":4006"#);
            let kinds =
                [0, 1].map(|kind| answers.iter().skip(kind).step_by(2).find(refused).cloned());
            placed.fetch_add(
                answers.len() - answers.iter().filter(refused).count(),
                Ordering::Relaxed,
            );
            let [Some(early), Some(late)] = kinds else { return None };
            Some((early, late))
        })
        .await;
    is_over.store(true, Ordering::Relaxed);
    assert!(app.demo.edge.refused_early() > 0);
    assert_eq!(without_traces(&refusals.0), without_traces(&refusals.1));
    assert!(refusals.0.contains("busy"), "{}", refusals.0);
    assert_eq!(app.orders().await, placed.into_inner(), "what was refused left nothing");
    for socket in &mut sockets {
        assert!(socket.ask("/healthz").await.unwrap().ends_with("ok"));
    }
    app.finish().await;
}

/// Requests in somebody's name who does not know the key.
const FORGED: usize = 5_000;
/// So many of them at the same time.
const AT_ONCE: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_wrong_signatures_write_nothing() {
    let mut app = TestApp::spawn_within(rates(0, 0)).await;
    // They renew the lease on this process's number, which is a write.
    app.demo.workers.stop().await;
    let written = || app.demo.gateway.store().counters().batches;
    let empty = written();
    app.place(304).await;
    let before = written();
    assert_ne!(before, empty, "an order is a write that is seen");
    for first in (0..FORGED).step_by(AT_ONCE) {
        let forged = (first..first + AT_ONCE).map(async |at| {
            let mut forged = app.order(304);
            forged["out_trade_no"] = format!("F{at}").into();
            forged["sign"] = format!("{at:032X}").into();
            app.post("/payment/pay", forged.to_string()).await["code"].clone()
        });
        assert!(join_all(forged).await.iter().all(|code| *code == 4004));
    }
    assert_eq!(written(), before);
    assert_eq!(app.orders().await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_has_a_rate_that_nobody_else_can_use_up() {
    let app = TestApp::spawn_within(rates(1, 0)).await;
    let other = app.another_merchant(Settings::default()).await;
    for _ in 0..20 {
        let mut forged = app.order(304);
        forged["sign"] = "0".repeat(32).into();
        let answer = app.post("/payment/pay", forged.to_string()).await;
        assert_eq!(answer["code"], 4004, "{answer}");
    }
    let order = app.order(304);
    let answers = join_all((0..20).map(|_| app.call("/payment/pay", &order))).await;
    let count = |code: i64| answers.iter().filter(|answer| answer["code"] == code).count();
    let (placed, refused) = (count(200), count(4006));
    assert!(placed >= 2 && refused >= 1 && placed + refused == 20, "{answers:?}");
    assert_eq!(app.orders().await, placed);
    let mut order = app.order(304);
    order["mch_id"] = other.mch_id.to_string().into();
    assert_eq!(app.call_with(&other.key, "/payment/pay", &order).await["code"], 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_refused_for_its_rate_may_be_repeated_as_it_is() {
    let app = TestApp::spawn_within(rates(1, 0)).await;
    app.set(|settings| settings.replay_guard = Switch::On).await;
    let guarded = |at: usize| {
        let mut order = app.order(304);
        order["timestamp"] = (app.demo.gateway.now().seconds()).into();
        order["nonce_str"] = format!("nonce{at}").into();
        jubao::signing::signed(&order, &app.key()).unwrap().to_string()
    };
    let bodies: Vec<String> = (0..10).map(guarded).collect();
    let answers = join_all(bodies.iter().map(|body| app.post("/payment/pay", body.clone()))).await;
    let at = answers.iter().position(|answer| answer["code"] == 4006).unwrap();
    let answer = app
        .wait("the rate to allow it", async || {
            let answer = app.post("/payment/pay", bodies[at].clone()).await;
            (answer["code"] != 4006).then_some(answer)
        })
        .await;
    assert_eq!(answer["code"], 200, "{answer}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_is_told_so_in_its_language() {
    let app = TestApp::spawn_within(rates(0, 1)).await;
    let url = app.place(304).await["code_url"].as_str().unwrap().to_owned();
    let ask = async |client: &str, language: &str| {
        let request = app.client.get(&url).header("x-forwarded-for", client);
        app.exchange(request.header("accept-language", language)).await
    };
    for (client, language, says) in [
        ("192.0.2.1", "zh-CN", "访问的人太多"),
        ("192.0.2.2", "zh-HK", "存取的人太多"),
        ("2001:db8::1", "en", "Too many people are here"),
    ] {
        let answers = join_all((0..20).map(|_| ask(client, language))).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
        assert!(!refused.is_empty() && refused.len() <= 18, "{}", refused.len());
        for answer in refused {
            assert!(answer.text.contains(says), "{}", answer.text);
            assert!(answer.headers.contains_key("retry-after"));
        }
    }
    let same_network = join_all((0..9).map(|at| {
        let client = format!("2001:db8::{at}");
        async move { ask(&client, "en").await.status }
    }))
    .await;
    assert!(same_network.contains(&429), "{same_network:?}");
    assert_eq!(ask("2001:db8:0:1::1", "en").await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merchants_are_refused_by_address_before_their_signature_is_looked_at() {
    let app = TestApp::spawn_within(rates(0, 1)).await;
    let post = async |path: &str| {
        let request = app.request(path, "{}").header("x-forwarded-for", "192.0.2.1");
        app.exchange(request).await
    };
    let answers = join_all((0..20).map(|_| post("/payment/pay"))).await;
    let is_busy = |text: &str| text.contains(r#""code":4006"#);
    let refused = answers.iter().filter(|answer| is_busy(&answer.text)).count();
    assert!((1..=18).contains(&refused), "{refused}");
    assert!(answers.iter().all(|answer| answer.status == 200));
    let callbacks = join_all((0..20).map(|_| post("/callback/alipay/1/1/1"))).await;
    assert!(callbacks.iter().all(|answer| answer.status == 404), "upstreams are not counted");
    app.finish().await;
}

//! Merchants' servers that are dead, slow, redirecting or endless, with a hundred thousand notices
//! queued for them, beside live ones.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::post;
use futures_util::stream;
use jubao::demo::identity::MERCHANT;
use kernel::application::{NoticeFormat, Settings};
use kernel::id::AppId;
use kernel::notice::{NoticeState, target};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::app::TestApp;
use crate::place::Place;

/// Notices queued for each server that does not acknowledge.
const QUEUED: i64 = 100_000;
/// Orders of the live merchant, told one after another.
const LIVE: usize = 60;
/// Within this the first delivery of 99 in 100 begins, beside any backlog.
const FIRST_DELIVERY: Duration = Duration::from_secs(2);

/// Queues `count` notices for `url` as of `app_id` in the store at `place`, beginning with id `first`; the
/// facts name each.
pub async fn queue(place: &Place, app_id: AppId, url: &str, (first, count): (i64, i64)) {
    let values =
        [first.into(), count.into(), app_id.0.into(), url.to_owned().into(), target(url).into()];
    let queued = place.execute(include_str!("lanes.sql"), &values).await;
    assert_eq!(queued, usize::try_from(count).unwrap());
}

/// Whether any notice still waits, or is being delivered.
async fn is_waiting(app: &TestApp) -> bool {
    store::notices::next_due_at(app.demo.gateway.store()).await.unwrap().is_some()
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

/// A server that does not acknowledge, in one of the ways there are.
async fn unwilling() -> String {
    let moved = || async { (StatusCode::FOUND, [(LOCATION, "/moved")], "SUCCESS") };
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        (StatusCode::INTERNAL_SERVER_ERROR, "SUCCESS")
    };
    let endless = || async {
        let drop = || tokio::time::sleep(Duration::from_millis(50));
        let drops = stream::unfold((), move |()| async move {
            drop().await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
        });
        Body::from_stream(drops).into_response()
    };
    let router = Router::new()
        .route("/moved", post(moved))
        .route("/slow", post(slow))
        .route("/endless", post(endless));
    serve(router).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_notices_for_the_unwilling_hold_nobody_up() {
    let app = TestApp::spawn().await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = unwilling().await;
    let urls = [
        format!("http://{}/", hanging.local_addr().unwrap()),
        format!("{base}/moved"),
        format!("{base}/slow"),
        format!("{base}/endless"),
        "http://127.0.0.1:1/".to_owned(),
    ];
    for (at, url) in (0..).zip(&urls) {
        let other = app.another_merchant(Settings::default()).await;
        queue(&app.place, other.app_id, url, (1 + at * QUEUED, QUEUED)).await;
    }
    app.demo.gateway.wake();
    app.set(|settings| settings.notify_closed = true).await;
    let mut waits = Vec::new();
    for told in 1..=LIVE {
        let data = app.place(304).await;
        app.close(data["sn"].as_str().unwrap()).await;
        let began = Instant::now();
        app.wait_notices(told).await;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    let p99 = waits[LIVE * 99 / 100];
    assert!(p99 <= FIRST_DELIVERY, "p99 {p99:?}, median {:?}", waits[LIVE / 2]);
    let count = i64::try_from(urls.len()).unwrap() * QUEUED;
    let waiting = app.place.count(include_str!("lanes_waiting.sql")).await;
    assert_eq!(waiting, count, "none is lost, and none acknowledged");
    drop(hanging);
    app.finish_filled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_notices_are_delivered_exactly_once_each() {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.notice_format = NoticeFormat::Json).await;
    let seen = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let count = |State(seen): State<Arc<Mutex<HashMap<String, usize>>>>, body: String| async move {
        let sn = body.split('"').nth(3).unwrap_or_default().to_owned();
        *seen.lock().unwrap().entry(sn).or_default() += 1;
        "success"
    };
    let base = serve(Router::new().route("/notify", post(count)).with_state(seen.clone())).await;
    queue(&app.place, MERCHANT.app_id, &format!("{base}/notify"), (1, QUEUED)).await;
    app.demo.gateway.wake();
    let expect = usize::try_from(QUEUED).unwrap();
    let began = Instant::now();
    while seen.lock().unwrap().len() < expect || is_waiting(&app).await {
        assert!(began.elapsed() < Duration::from_secs(120), "{}", seen.lock().unwrap().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen.len(), expect);
    assert!(seen.values().all(|times| *times == 1), "some were delivered twice");
    app.finish_filled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_waited_for_and_its_notice_is_sent_once() {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.notify_closed = true).await;
    let times = Arc::new(Mutex::new(0));
    let count = |State(times): State<Arc<Mutex<usize>>>| async move {
        *times.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_secs(3)).await;
        "success"
    };
    let base = serve(Router::new().route("/notify", post(count)).with_state(times.clone())).await;
    let mut order = app.order(304);
    order["notify_url"] = format!("{base}/notify").into();
    let placed = app.call("/payment/pay", &order).await;
    let sn = placed["data"]["sn"].as_str().unwrap();
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
    app.call("/order/close", &members).await;
    app.wait_notice_state(sn, NoticeState::Delivered).await;
    assert_eq!(*times.lock().unwrap(), 1, "its lease ended before its delivery did");
    app.finish().await;
}

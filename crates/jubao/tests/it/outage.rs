//! A merchant's server that is dead: for a day of the gateway's time, or for some hours of it. The
//! clock is moved, so a day takes seconds.

use kernel::id::Sn;
use kernel::notice::{NoticeState, RETRY_SECONDS};
use store::notices::NoticeHistory;
use tokio::net::TcpSocket;

use crate::app::TestApp;
use crate::merchant::{Received, TestMerchant};

/// Orders whose notices go to the dead server.
const TOLD: usize = 60;
/// How long the machine may take for one attempt, in milliseconds: it adds to a wait.
const MACHINE_MS: i64 = 20_000;
/// An hour of the gateway's time, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// A server that refuses connections on an address that nobody else can take, until it comes alive.
struct Dead {
    socket: TcpSocket,
    url: String,
}

impl Dead {
    fn make() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}/notify", socket.local_addr().unwrap());
        Self { socket, url }
    }

    fn come_alive(self) -> TestMerchant {
        TestMerchant::on(self.socket.listen(1024).unwrap())
    }
}

/// A world in which closed orders are told.
async fn world() -> TestApp {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.notify_closed = true).await;
    app
}

/// Places and closes `count` orders that are told at `url`.
async fn close_orders(app: &TestApp, url: &str, count: usize) -> Vec<String> {
    let mut sns = Vec::new();
    for _ in 0..count {
        let mut order = app.order(304);
        order["notify_url"] = url.into();
        let answer = app.call("/payment/pay", &order).await;
        let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
        assert_eq!(app.close(&sn).await["code"], 200);
        sns.push(sn);
    }
    sns
}

/// The one notice of each order.
async fn histories(app: &TestApp, sns: &[String]) -> Vec<NoticeHistory> {
    let mut all = Vec::new();
    for sn in sns {
        let mut notices = app.notices(sn).await;
        assert_eq!(notices.len(), 1, "{sn}");
        all.push(notices.remove(0));
    }
    all
}

/// Waits until the order's notice has been tried `count` times.
async fn tried(app: &TestApp, sn: &str, count: usize) {
    app.wait(&format!("attempt {count} to tell of {sn}"), async || {
        (app.notices(sn).await[0].attempts.len() >= count).then_some(())
    })
    .await;
}

/// Moves the clock to where every notice that waits is due, and waits until each has been tried.
async fn try_all(app: &TestApp, sns: &[String]) {
    let before = histories(app, sns).await;
    let is_waiting = |history: &&NoticeHistory| history.notice.state == NoticeState::Waiting;
    let due_at = before.iter().filter(is_waiting).map(|history| history.notice.due_at).max();
    app.clock.shift(due_at.unwrap().millis_since(app.demo.gateway.now()).max(0));
    app.demo.gateway.wake();
    for (sn, history) in sns.iter().zip(&before).filter(|(_, history)| is_waiting(history)) {
        tried(app, sn, history.attempts.len() + 1).await;
    }
}

/// The latest attempt was refused, and the next is due when the contract says, give or take a tenth.
fn assert_due(history: &NoticeHistory, seconds: i64) {
    let log = &history.attempts.last().unwrap().log;
    let told = (log.outcome.as_str(), log.http_status, log.answer.as_str());
    assert_eq!(told, ("unreachable", None, ""), "a class of failure, and nothing of ours");
    assert_eq!(history.notice.state, NoticeState::Waiting);
    let wait_ms = history.notice.due_at.millis_since(log.at);
    let range = seconds * 900..=seconds * 1100 + MACHINE_MS;
    assert!(range.contains(&wait_ms), "{seconds} s: {wait_ms} ms");
}

/// The orders that a server was told of, sorted.
fn told(received: &[Received]) -> Vec<String> {
    let mut sns: Vec<_> = received.iter().map(|one| one.text("sn").to_owned()).collect();
    sns.sort_unstable();
    sns
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_dead_for_a_day_is_tried_on_schedule_and_nothing_is_lost() {
    let app = world().await;
    let dead = Dead::make();
    let sns = close_orders(&app, &dead.url, TOLD).await;
    for sn in &sns {
        tried(&app, sn, 1).await;
    }
    let began = app.demo.gateway.now();
    for (at, seconds) in RETRY_SECONDS.into_iter().enumerate() {
        for history in histories(&app, &sns).await {
            assert_eq!(history.attempts.len(), at + 1);
            assert_due(&history, seconds);
        }
        // Somebody else's notice goes out as if nothing were the matter.
        close_orders(&app, app.merchant.url(), 1).await;
        app.wait_notices(at + 1).await;
        try_all(&app, &sns).await;
    }
    let took_ms = app.demo.gateway.now().millis_since(began);
    assert!(took_ms > 24 * HOUR_MS * 9 / 10, "{took_ms} ms");
    for history in histories(&app, &sns).await {
        assert_eq!(history.notice.state, NoticeState::Parked);
        let numbers: Vec<_> = history.attempts.iter().map(|attempt| attempt.no).collect();
        assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    }
    app.advance(7 * 24 * 3600);
    let alive = dead.come_alive();
    for sn in &sns {
        let number = Sn::parse(sn).unwrap();
        app.demo.gateway.resend_notice("test", &number).await.unwrap();
        app.wait_notice_state(sn, NoticeState::Delivered).await;
    }
    assert_eq!(told(&alive.received()), sns, "each once, although it had been given up");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_told_everything_that_still_waits() {
    let app = world().await;
    let dead = Dead::make();
    let mut sns = close_orders(&app, &dead.url, TOLD).await;
    for sn in &sns {
        tried(&app, sn, 1).await;
    }
    let began = app.demo.gateway.now();
    while app.demo.gateway.now().millis_since(began) < 6 * HOUR_MS {
        // Some of them were closed while it was dead.
        let more = close_orders(&app, &dead.url, 2).await;
        for sn in &more {
            tried(&app, sn, 1).await;
        }
        sns.extend(more);
        try_all(&app, &sns).await;
    }
    let before = histories(&app, &sns).await;
    assert!(before.iter().all(|history| history.notice.state == NoticeState::Waiting));
    let alive = dead.come_alive();
    try_all(&app, &sns).await;
    for (now, before) in histories(&app, &sns).await.iter().zip(&before) {
        assert_eq!(now.notice.state, NoticeState::Delivered);
        assert_eq!(now.notice.facts, before.notice.facts);
        let (last, refused) = now.attempts.split_last().unwrap();
        assert_eq!(refused, before.attempts);
        assert_eq!(last.log.outcome, "acknowledged");
    }
    app.advance(24 * 3600);
    sns.sort_unstable();
    assert_eq!(told(&alive.received()), sns, "each once");
    app.finish().await;
}

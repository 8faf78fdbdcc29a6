//! The edge of the real process: crowds of sockets that say nothing, descriptors that run out, and
//! how it stops.

use std::process::Command;
use std::time::{Duration, Instant};

use jubao::demo::FreshFolder;
use jubao::descriptors;
use serde_json::Value;

use crate::command_line::{merchant_of_pages, order_of};
use crate::foreign::{Running, jubao};
use crate::socket::Socket;

/// Sockets of each bad kind.
const CROWD: usize = 700;
/// Honest requests that are measured, without and with the crowd.
const HONEST: usize = 300;
/// Descriptors of the test itself beside its crowd.
const OWN_FILES: usize = 500;
/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// `jubao serve` with a merchant.
pub struct Server {
    /// The process.
    pub running: Running,
    /// Its address, with `http://`.
    pub api: String,
    /// What `merchant add` said.
    pub merchant: Value,
    _folder: FreshFolder,
}

impl Server {
    /// Starts it; `settings` are lines of its configuration.
    pub async fn start(settings: &str) -> Self {
        let folder = FreshFolder::make().unwrap();
        let data = folder.path().join("data").display().to_string();
        let file = folder.path().join("jubao.toml");
        let text = format!(
            "listen = '127.0.0.1:0'\nlog_format = 'json'\ndatabase = 'sqlite:{data}/jubao.db'\n\
             master_key_file = '{data}/master.key'\n{settings}"
        );
        std::fs::write(&file, text).unwrap();
        let merchant = merchant_of_pages(&data).await;
        let file = file.display().to_string();
        let mut running = Running::start(&mut jubao(&["serve", "--config", &file]));
        let line = running.complaint(|line| line.contains("\"ready\"")).await;
        let line: Value = serde_json::from_str(&line).unwrap();
        let api = format!("http://{}", line["fields"]["listen"].as_str().unwrap());
        Self { running, api, merchant, _folder: folder }
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.running.id())).unwrap().count()
    }

    /// Sets how many files it may have open from here on.
    fn limit_files(&self, count: usize) {
        let process = self.running.id().to_string();
        let limit = format!("--nofile={count}:");
        let set = Command::new("prlimit").args(["--pid", &process, &limit]).status();
        assert!(set.unwrap().success());
    }
}

/// Waits for something that must happen, by looking.
pub async fn wait<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Places orders one after the other; the 50th and the 99th of a hundred of their times.
#[expect(clippy::disallowed_methods, reason = "a figure for people, which no assertion reads")]
async fn place_all(client: &reqwest::Client, server: &Server) -> [Duration; 2] {
    let mut times = Vec::new();
    for _ in 0..HONEST {
        let begun = Instant::now();
        let url = format!("{}/payment/pay", server.api);
        let answer = client.post(url).body(order_of(&server.merchant)).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["code"], 200, "{answer}");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    [50, 99].map(|percent| times[HONEST * percent / 100 - 1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_silent_and_slow_sockets_hinders_nobody() {
    // They stay for the whole test, and hold a socket each at this end as well.
    assert_eq!(descriptors::connections(3 * CROWD + OWN_FILES), 3 * CROWD + OWN_FILES);
    let stay = "first_byte_ms = 600000\nhead_ms = 600000\nbody_ms = 600000\n";
    let server = Server::start(stay).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let alone = place_all(&client, &server).await;
    let mut crowd = Vec::new();
    for says in [
        "",
        "POST /payment/pay HTTP/1.1\r\nhost: x\r\nx-slow: ",
        "POST /payment/pay HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n{",
    ] {
        for _ in 0..CROWD {
            let mut socket = Socket::connect(&server.api).await;
            socket.send(says).await;
            crowd.push(socket);
        }
    }
    wait("the crowd to be in", async || (server.open_files() > crowd.len()).then_some(())).await;
    let beside = place_all(&client, &server).await;
    println!("p50 and p99 alone {alone:?}, beside {} sockets {beside:?}", crowd.len());
    drop(crowd);
    assert_eq!(server.running.finish().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_that_run_out_are_waited_for() {
    let server = Server::start("").await;
    let mut first = Socket::connect(&server.api).await;
    assert!(first.ask("/readyz").await.unwrap().ends_with("ready"));
    let room = server.open_files() + 3;
    server.limit_files(room);
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::connect(&server.api).await);
    }
    wait("the descriptors to run out", async || (server.open_files() >= room).then_some(())).await;
    for _ in 0..20 {
        assert!(first.ask("/readyz").await.unwrap().ends_with("ready"));
    }
    server.limit_files(room + 100);
    for socket in &mut sockets {
        assert!(socket.ask("/readyz").await.unwrap().ends_with("ready"));
    }
    let (code, log) = server.running.finish().await;
    let told = log.iter().filter(|line| line.contains("connections cannot be accepted")).count();
    assert_eq!((code, told), (0, 1), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_finishes_what_is_in_flight() {
    let server = Server::start("").await;
    let body = order_of(&server.merchant);
    let mut placing = Socket::connect(&server.api).await;
    let head = "POST /payment/pay HTTP/1.1\r\nhost: x\r\nexpect: 100-continue";
    placing.send(&format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len())).await;
    let told = placing.try_answer().await.unwrap();
    assert!(told.starts_with("HTTP/1.1 100 Continue"), "{told}");
    let mut idle = Socket::connect(&server.api).await;
    assert!(idle.ask("/healthz").await.is_ok());

    server.running.terminate();
    assert_eq!(idle.end().await, "");
    wait("the server to take nobody in", async || {
        Socket::try_connect(&server.api).await.is_err().then_some(())
    })
    .await;
    placing.send(&body).await;
    let answer = placing.end().await;
    assert!(answer.contains(r#""code":200"#), "{answer}");
    let (code, log) = server.running.ended().await;
    assert_eq!(code, 0, "{log:?}");
    assert!(!log.iter().any(|line| line.contains("were cut")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_hears_of_the_stop_first_and_a_second_signal_ends_at_once() {
    let server = Server::start("stop_notice_ms = 600000\n").await;
    let mut balancer = Socket::connect(&server.api).await;
    assert!(balancer.ask("/readyz").await.unwrap().starts_with("HTTP/1.1 200"));
    server.running.terminate();
    wait("/readyz to say so", async || {
        let answer = Socket::connect(&server.api).await.ask("/readyz").await.unwrap();
        answer.starts_with("HTTP/1.1 503").then_some(())
    })
    .await;
    let health = Socket::connect(&server.api).await.ask("/healthz").await.unwrap();
    assert!(health.starts_with("HTTP/1.1 200"), "it still serves: {health}");
    server.running.terminate();
    assert_eq!(server.running.ended().await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_cut_and_said() {
    let server = Server::start("stop_ms = 100\n").await;
    let mut hanging = Socket::connect(&server.api).await;
    let head = "POST /payment/pay HTTP/1.1\r\nhost: x\r\nexpect: 100-continue";
    hanging.send(&format!("{head}\r\ncontent-length: 9\r\n\r\n")).await;
    assert!(hanging.try_answer().await.unwrap().starts_with("HTTP/1.1 100"));
    let (code, log) = server.running.finish().await;
    assert_eq!(code, 0, "{log:?}");
    assert!(log.iter().any(|line| line.contains("were cut")), "{log:?}");
}

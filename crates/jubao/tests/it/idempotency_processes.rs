//! One `Idempotency-Key` at two processes on one store, and over the death of a process between the claim of
//! the key and the order, and behind the order: at most one order, and whoever comes later is answered by it.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;

use futures_util::future::join_all;
use jubao::data_dir::KEY_NAME;
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::foreign::{Running, jubao};
use crate::leaks::{self, Kind, TestFolder};

/// Keys that the processes race for.
const RACES: usize = 6;
/// Requests of one race.
const REQUESTS: usize = 16;
/// The lease of a claim whose process has gone is over after so long, in seconds.
const LEASE_S: i64 = 61;

/// Answers that carry a page's address, which must not be in any log.
fn with_secrets(text: String) -> String {
    let answer: Value = serde_json::from_str(&text).unwrap();
    if let Some(page) = answer["data"]["code_url"].as_str() {
        let token = page.rsplit('/').next().unwrap();
        leaks::secret(Kind::Page, "the secret of a page", token.as_bytes());
    }
    text
}

/// A second process on the app's store, and its address.
async fn beside(app: &TestApp) -> (Running, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = app.folder.path().display();
    let text = format!(
        "listen = '{free}'\npublic_url = '{}'\nlog = 'error'\nnode = 7\n\
         database = '{}'\nmaster_key_file = '{data}/{KEY_NAME}'\n\
         private_targets = ['127.0.0.0/8']\nturn_wait_ms = 5000\n",
        app.demo.addresses.api, app.place.text
    );
    let config = app.folder.path().join("jubao.toml");
    fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let running = Running::start(&mut jubao(&["serve", "--config", &config]));
    let url = format!("http://{free}");
    app.wait("the second process", async || {
        let answer = app.client.get(format!("{url}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200).then_some(())
    })
    .await;
    (running, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_race_with_one_key_place_one_order_and_give_one_answer() {
    let app = TestApp::spawn().await;
    let (second, other) = beside(&app).await;
    for race in 0..RACES {
        let body = signing::signed(&app.order(202), &app.key()).unwrap().to_string();
        let ask = async |at: usize| {
            let api = if at.is_multiple_of(2) { &app.demo.addresses.api } else { &other };
            let request = app.client.post(format!("{api}/payment/pay")).body(body.clone());
            let request = request.header("Idempotency-Key", format!("race {race}"));
            with_secrets(request.send().await.unwrap().text().await.unwrap())
        };
        let answers: BTreeSet<_> = join_all((0..REQUESTS).map(ask)).await.into_iter().collect();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.contains("\"code\":200")), "{answers:?}");
        assert_eq!(app.orders().await, race + 1);
    }
    let (code, said) = second.finish().await;
    assert_eq!(code, 0, "{said:?}");
    app.finish().await;
}

/// A demo as a process of its own, which may be told where to die.
struct Demo {
    running: Running,
    api: String,
    sim: String,
    client: reqwest::Client,
}

impl Demo {
    async fn start(folder: &TestFolder, crash_at: &str) -> Self {
        let data = folder.path().join("data").display().to_string();
        let arguments = ["demo", "--listen", "127.0.0.1:0", "--json", "--data", &data];
        let mut command = jubao(&arguments);
        if !crash_at.is_empty() {
            command.env("JUBAO_CRASH_AT", crash_at);
        }
        let mut running = Running::start(&mut command);
        let ready = running.line(|line| line.contains("\"ready\"")).await;
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let client = leaks::client_builder().build().unwrap();
        Self { running, api: text("api"), sim: text("sim"), client }
    }

    /// An answer, unless the process dies before it has given one.
    async fn place(&self, key: &str, body: &str) -> Option<String> {
        let request = self.client.post(format!("{}/payment/pay", self.api)).body(body.to_owned());
        let answer = request.header("Idempotency-Key", key).send().await.ok()?;
        Some(with_secrets(answer.text().await.ok()?))
    }

    /// Numbers of the merchant's orders.
    async fn orders(&self) -> Vec<String> {
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string() });
        let signed = signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap();
        let url = format!("{}/order/list", self.api);
        let answer = self.client.post(url).body(signed.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let items = answer["data"]["items"].as_array().unwrap().iter();
        items.map(|item| item["sn"].as_str().unwrap().to_owned()).collect()
    }

    async fn advance(&self, seconds: i64) {
        let url = format!("{}/clock", self.sim);
        let wish = json!({ "seconds": seconds }).to_string();
        let answer = self.client.post(url).body(wish).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_between_claim_and_order_or_behind_it_leaves_at_most_one_order() {
    let folder = TestFolder::make();
    let points = [
        ("place: order built", false),
        ("place: order committed", true),
        ("api: answer signed", true),
    ];
    for (standing, (point, has_placed)) in points.into_iter().enumerate() {
        let members = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 202, "total_fee": 100,
            "body": point,
        });
        let signed = signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap().to_string();
        let dying = Demo::start(&folder, point).await;
        assert_eq!(dying.place(point, &signed).await, None, "{point}");
        assert_eq!(dying.running.end().await.signal(), Some(6), "{point}");

        let demo = Demo::start(&folder, "").await;
        let left = demo.orders().await;
        assert_eq!(left.len(), standing + usize::from(has_placed), "{point}");
        demo.advance(LEASE_S).await;
        let first = demo.place(point, &signed).await.unwrap();
        let answer: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(answer["code"], 200, "{point} {first}");
        assert_ne!(answer["data"]["qrcode"], "", "{point}: there is something to scan");
        assert_eq!(demo.orders().await.len(), standing + 1, "{point}");
        let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
        assert!(!has_placed || left.contains(&sn), "{point}: the order that stood is answered");
        assert_eq!(demo.place(point, &signed).await.unwrap(), first, "{point}");
        assert_eq!(demo.running.finish().await.0, 0);
    }
}

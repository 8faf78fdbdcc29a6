//! The operator's commands beside a running server on the same folder: it sees what they change
//! within five seconds, and no command shows a secret.

use std::time::Duration;

use jubao::demo::identity::{ALIPAY_APP_ID, ALIPAY_SELLER_ID, DemoIdentity, MERCHANT};
use jubao::signing;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::foreign::{Outcome, Running, jubao, run};
use crate::leaks::{self, Kind, TestFolder};
use crate::merchant::TestMerchant;

/// How soon a server must see what is changed beside it.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// A running demo, as an operator has it.
pub struct Beside {
    folder: TestFolder,
    server: Running,
    /// What it said when it was ready.
    pub ready: Value,
    client: reqwest::Client,
}

impl Beside {
    /// Starts it.
    pub async fn start() -> Self {
        let folder = TestFolder::make();
        let (server, ready) = Self::serve(&folder).await;
        let client = leaks::client_builder().build().unwrap();
        Self { folder, server, ready, client }
    }

    async fn serve(folder: &TestFolder) -> (Running, Value) {
        let data = folder.path().display().to_string();
        let arguments = ["demo", "--listen", "127.0.0.1:0", "--json", "--data", &data];
        let mut server = Running::start(&mut jubao(&arguments));
        let ready = serde_json::from_str(&server.line(|_| true).await).unwrap();
        (server, ready)
    }

    /// The server's folder.
    pub fn data(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// A command on the server's folder.
    pub async fn command(&self, arguments: &[&str]) -> Outcome {
        let data = self.folder.path().display().to_string();
        let outcome = run(&[arguments, &["--data", &data]].concat(), "").await;
        assert_eq!(outcome.code, 0, "{arguments:?} {outcome:?}");
        outcome
    }

    /// The same with `--json`.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.command(&[arguments, &["--json"]].concat()).await.json();
        if let Some(key) = said["key"].as_str() {
            leaks::secret(Kind::Key, "a merchant's key", key.as_bytes());
        }
        said
    }

    /// Signs `members` and posts them.
    pub async fn call(&self, path: &str, members: &Value, key: &str) -> Value {
        let signed = signing::signed(members, &Secret::new(key)).unwrap();
        let url = format!("{}{path}", self.ready["api"].as_str().unwrap());
        let answer = self.client.post(url).body(signed.to_string()).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn pay(&self, sn: &Value) {
        let url = format!("{}/pay/{}", self.ready["sim"].as_str().unwrap(), sn.as_str().unwrap());
        let paid = self.client.post(url).send().await.unwrap();
        assert_eq!(paid.status(), 200, "{}", paid.text().await.unwrap());
    }
}

/// Looks until it is so; it must be so soon.
pub async fn soon<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    soon_within(SEEN_WITHIN, what, look).await
}

/// The same with another patience.
pub async fn soon_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let found = tokio::time::timeout(patience, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("not within {patience:?}: {what}"))
}

async fn add_alipay(beside: &Beside, mch_id: &str) -> Value {
    let keys = DemoIdentity::load(beside.folder.path()).unwrap();
    let file = beside.folder.path().join("app.pem");
    std::fs::write(&file, &keys.alipay_merchant.private).unwrap();
    let (app, seller) =
        (format!("app_id={ALIPAY_APP_ID}"), format!("seller_id={ALIPAY_SELLER_ID}"));
    let private = format!("private_key=@{}", file.display());
    let public = format!("alipay_public_key={}", keys.alipay_platform.public);
    let gateway = format!("gateway={}/gateway.do", beside.ready["sim"].as_str().unwrap());
    let mut arguments = vec!["account", "add", "--channel", "alipay", "--mch-id", mch_id];
    for setting in [&app, &seller, &private, &public, &gateway] {
        arguments.extend(["--set", setting]);
    }
    beside.json(&arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_that_is_added_beside_the_server_is_paid_through_it() {
    let beside = Beside::start().await;
    let merchant = TestMerchant::spawn().await;
    let url = merchant.url();
    let added = ["merchant", "add", "--name", "新店", "--fee-ppm", "6000", "--store", "7=一号"];
    let added = beside.json(&[&added[..], &["--notify-url", url]].concat()).await;
    let (mch_id, key) = (added["mch_id"].as_str().unwrap(), added["key"].as_str().unwrap());
    let order = json!({
        "appid": added["appid"], "payment": "alipay.qrcode", "total_fee": 1234, "body": "茶",
        "store_id": "7",
    });
    let early = beside.call("/payment/pay", &order, key).await;
    assert_eq!(early["code"], 492_003, "a merchant without an account: {early}");
    let account = add_alipay(&beside, mch_id).await;
    assert!(account["account"].as_i64().unwrap() > 0, "{account}");
    let placed = soon("the account", async || {
        let answer = beside.call("/payment/pay", &order, key).await;
        (answer["code"] == 200).then_some(answer)
    })
    .await;
    let sn = placed["data"]["sn"].clone();
    beside.pay(&sn).await;
    soon("the notice", async || (merchant.received().len() == 1).then_some(())).await;
    check_story(&beside, sn.as_str().unwrap(), key).await;

    let resent = beside.json(&["notice", "resend", sn.as_str().unwrap()]).await;
    assert_eq!(resent, json!({ "resent": sn }));
    soon("the notice again", async || (merchant.received().len() == 2).then_some(())).await;
    let received = merchant.received().clone();
    let facts = |at: usize| {
        let members = received[at].members.iter();
        members
            .filter(|(name, _)| name != "sign" && name != "nonce_str")
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(facts(0), facts(1), "the same facts, signed anew");
    assert_ne!(received[0].text("sign"), received[1].text("sign"));
    let (code, rest) = beside.server.finish().await;
    assert_eq!((code, rest), (0, Vec::new()));
}

/// `order show` tells everything that happened, as JSON and as text, and nothing secret.
async fn check_story(beside: &Beside, sn: &str, key: &str) {
    let story = soon("the delivery", async || {
        let story = beside.json(&["order", "show", sn]).await;
        (story["notices"][0]["state"] == "delivered").then_some(story)
    })
    .await;
    assert_eq!(story["trade_state"], "SUCCESS", "{story}");
    for (list, least) in [
        ("events", 2),
        ("attempts", 1),
        ("ledger", 3),
        ("notices", 1),
        ("notice_attempts", 1),
        ("messages", 3),
    ] {
        assert!(story[list].as_array().unwrap().len() >= least, "{list} {story:#}");
    }
    let sum: i64 = story["ledger"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["amount"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 0, "the books balance: {}", story["ledger"]);
    let text = beside.command(&["order", "show", sn]).await.said;
    for word in ["SUCCESS", "events", "attempts", "ledger", "notices", "messages", "1234", sn] {
        assert!(text.contains(word), "{word}: {text}");
    }
    for secret in [key, "BEGIN PRIVATE KEY"] {
        assert!(!text.contains(secret) && !story.to_string().contains(secret), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_keys_are_accepted_while_they_overlap_and_answers_use_the_new_one() {
    let beside = Beside::start().await;
    let order = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 1, "body": "茶",
    });
    assert_eq!(beside.call("/payment/pay", &order, MERCHANT.key).await["code"], 200);
    let rotated = beside.json(&["merchant", "rotate-key", "1000258"]).await;
    let new = rotated["key"].as_str().unwrap();
    assert!(new.len() >= 32 && new != MERCHANT.key, "{rotated}");
    soon("the new key", async || {
        let answer = beside.call("/payment/pay", &order, new).await;
        (answer["code"] == 200).then_some(())
    })
    .await;
    for key in [new, MERCHANT.key] {
        let answer = beside.call("/payment/pay", &order, key).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let members = signing::read(answer["data"].to_string().as_bytes()).unwrap();
        assert!(signing::is_signed(&members, &Secret::new(new)), "{answer}");
        assert!(!signing::is_signed(&members, &Secret::new(MERCHANT.key)), "{answer}");
    }
    let at_once = ["merchant", "rotate-key", "1000258", "--overlap-hours", "0"];
    let newest = beside.json(&at_once).await["key"].as_str().unwrap().to_owned();
    soon("the old keys to end", async || {
        let answer = beside.call("/payment/pay", &order, new).await;
        (answer["code"] == 4004).then_some(())
    })
    .await;
    assert_eq!(beside.call("/payment/pay", &order, &newest).await["code"], 200);
    assert_eq!(beside.call("/payment/pay", &order, MERCHANT.key).await["code"], 4004);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_tell_what_there_is_and_no_secret() {
    let beside = Beside::start().await;
    let added = beside.json(&["merchant", "add", "--name", "新店"]).await;
    let keys = DemoIdentity::load(beside.folder.path()).unwrap();
    let master = std::fs::read_to_string(beside.folder.path().join("master.key")).unwrap();
    let lines = |pem: &str| pem.lines().nth(3).unwrap().to_owned();
    let secrets = [
        MERCHANT.key.to_owned(),
        added["key"].as_str().unwrap().to_owned(),
        master.trim().to_owned(),
        keys.wechat_apiv3_key.clone(),
        lines(&keys.alipay_merchant.private),
        lines(&keys.wechat_merchant.private),
    ];
    let number = added["mch_id"].as_str().unwrap();
    for (command, says) in [
        (&["merchant", "list"][..], number),
        (&["merchant", "list"], "新店"),
        (&["merchant", "show", "1000258"], "10502105689001"),
        (&["merchant", "show", number], "新店"),
        (&["account", "list"], "wechat"),
        (&["account", "list"], "alipay"),
    ] {
        for arguments in [command.to_vec(), [command, &["--json"]].concat()] {
            let outcome = beside.command(&arguments).await;
            assert!(outcome.said.contains(says), "{arguments:?} {outcome:?}");
            for secret in &secrets {
                assert!(!format!("{outcome:?}").contains(secret), "{arguments:?} {outcome:?}");
            }
        }
    }
    let listed = beside.json(&["merchant", "list"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    // One for each channel but jeepay, and WeChat Pay v2 in two currencies.
    assert_eq!(beside.json(&["account", "list"]).await.as_array().unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_demo_knew_survives_in_its_folder() {
    let mut beside = Beside::start().await;
    let order = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": 102, "total_fee": 77,
        "out_trade_no": "SURVIVES",
    });
    let placed = beside.call("/payment/pay", &order, MERCHANT.key).await;
    let (code, _) = beside.server.finish().await;
    assert_eq!(code, 0);
    (beside.server, beside.ready) = Beside::serve(&beside.folder).await;
    beside.pay(&placed["data"]["sn"]).await;
    let query = json!({ "mch_id": order["mch_id"], "out_trade_no": "SURVIVES" });
    soon("the payment", async || {
        let answer = beside.call("/order/query", &query, MERCHANT.key).await;
        (answer["data"]["trade_state"] == "SUCCESS").then_some(())
    })
    .await;
}

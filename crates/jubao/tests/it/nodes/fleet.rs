//! Several processes on one database of PostgreSQL's, and around them what all of them share: the
//! upstreams, the merchant's server, and the address that leads to whoever is ready.

use std::path::PathBuf;
use std::time::Duration;

use gateway::clock::Clock;
use gateway::{Gateway, Settings, Statuses};
use jubao::data_dir::{KEY_NAME, open_or_make};
use jubao::demo::identity::{DemoIdentity, MERCHANT};
use jubao::signing;
use jubao::sim::SimHost;
use kernel::secret::Secret;
use serde_json::{Value, json};
use store::Database;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::balancer::Balancer;
use crate::foreign::{Running, jubao};
use crate::leaks::{self, Kind, TestFolder};

/// How long after `/readyz` has said so a process goes on to serve, in milliseconds: the balancer has
/// looked by then, however busy the machine is.
const NOTICE_MS: u64 = 1_000;
/// Where upstreams keep their books, if they are asked to.
const BOOKS: &str = "upstreams.json";

/// One test's world.
pub struct Fleet {
    /// The address that leads to whoever is ready.
    pub balancer: Balancer,
    /// The simulated upstreams'.
    pub sim: String,
    /// A plain HTTP client.
    pub client: reqwest::Client,
    sims: SimHost,
    database: pgtest::Database,
    folder: TestFolder,
    config: String,
    _servers: JoinSet<()>,
}

impl Fleet {
    /// A world with a merchant that has an account at each upstream, and no process.
    pub async fn make() -> Self {
        Self::make_in(TestFolder::make(), None).await
    }

    /// The same; what the upstreams have booked is kept in a file.
    pub async fn make_with_books() -> Self {
        let folder = TestFolder::make();
        let file = folder.path().join(BOOKS);
        Self::make_in(folder, Some(file)).await
    }

    async fn make_in(folder: TestFolder, books: Option<PathBuf>) -> Self {
        let database = pgtest::Database::fresh().await;
        for password in pgtest::Database::passwords() {
            leaks::secret(Kind::Password, "a password of PostgreSQL", password.as_bytes());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = format!("http://{}", listener.local_addr().unwrap());
        let identity = DemoIdentity::load(folder.path()).unwrap();
        let balancer = Balancer::spawn().await;
        let (config, data) = (folder.path().join("jubao.toml"), folder.path().display());
        let text = format!(
            "listen = '127.0.0.1:0'\npublic_url = '{}'\nlog_format = 'json'\n\
             master_key_file = '{data}/{KEY_NAME}'\nprivate_targets = ['127.0.0.0/8']\n\
             rate_per_application = 0\nrate_per_address = 0\nturn_wait_ms = 5000\n\
             stop_notice_ms = {NOTICE_MS}\n",
            balancer.url()
        );
        std::fs::write(&config, text).unwrap();
        let sims = SimHost::new(identity.sims(&sim).unwrap(), Clock::default(), books).unwrap();
        let mut servers = JoinSet::new();
        let router = sims.router();
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        servers.spawn(sims.clone().run_callbacks());
        let fleet = Self {
            balancer,
            client: leaks::client_builder().timeout(Duration::from_secs(20)).build().unwrap(),
            config: config.display().to_string(),
            database,
            folder,
            _servers: servers,
            sim,
            sims,
        };
        let gateway = fleet.gateway(Clock::default()).await;
        identity.install(&gateway, &fleet.sim).await.unwrap();
        fleet
    }

    /// A gateway within the test, without workers.
    pub async fn gateway(&self, clock: Clock) -> Gateway {
        let key = self.folder.path().join(KEY_NAME);
        let database = Database::parse(&self.database.url()).unwrap();
        let (store, vault) = open_or_make(&database, &key).await.unwrap();
        let settings = Settings {
            public_url: self.balancer.url(),
            node: None,
            private_targets: vec!["127.0.0.0/8".parse().unwrap()],
            statuses: Statuses::default(),
            old_platform: None,
        };
        Gateway::new(store, vault, clock, settings).await.unwrap()
    }

    /// Starts a process; it is served to once it is ready.
    pub async fn process(&self) -> (Running, String) {
        let mut command = jubao(&["serve", "--config", &self.config]);
        command.env("JUBAO_DATABASE", self.database.url()).env("JUBAO_LOG", "info");
        let mut running = Running::start(&mut command);
        let line = running.complaint(|line| line.contains("\"ready\"")).await;
        let line: Value = serde_json::from_str(&line).unwrap();
        let api = format!("http://{}", line["fields"]["listen"].as_str().unwrap());
        self.balancer.add(&api).await;
        (running, api)
    }

    /// Runs a command of an operator's; it must be done.
    pub async fn operate(&self, arguments: &[&str]) {
        let mut command = jubao(arguments);
        command.args(["--config", &self.config]).env("JUBAO_DATABASE", self.database.url());
        let outcome = Running::start(&mut command).outcome(b"").await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
    }

    /// Signs `members` and posts them; `None` if no whole answer came.
    pub async fn call(&self, api: &str, path: &str, members: &Value) -> Option<Value> {
        let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
        let sent = self.client.post(format!("{api}{path}")).body(signed.to_string());
        let text = sent.send().await.ok()?.text().await.ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The file of what the upstreams have booked, as it is now.
    pub fn saved_books(&self) -> PathBuf {
        self.sims.save();
        self.folder.path().join(BOOKS)
    }

    /// How many numbers are held.
    pub async fn held(&self) -> i64 {
        self.database.count("nodes where holder <> ''").await
    }
}

/// Members of an order.
pub fn order(product: i64, number: &str, notify_url: &str) -> Value {
    json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": product, "total_fee": 1234,
        "out_trade_no": number, "notify_url": notify_url, "body": "明前龙井",
    })
}

/// What names an order.
pub fn named(sn: &str) -> Value {
    json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn })
}

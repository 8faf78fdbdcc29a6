//! A gateway as in production, with no private target, on a network where everything inside listens.

use gateway::clock::Clock;
use gateway::egress::{Egress, Wires};
use gateway::manage::{MerchantMade, MerchantWish};
use gateway::resolver::Lookup;
use gateway::{Gateway, Settings, Statuses};
use jubao::data_dir::{DATABASE_NAME, KEY_NAME, in_folder, open_or_make};
use jubao::serve::Workers;
use kernel::id::{Id, MchId};
use serde_json::{Value, json};
use store::notices::AttemptLog;
use tokio::net::TcpListener;
use web::edge::{Edge, Limits, Rates};

use super::network::Watch;
use crate::command_line::account_for_all;
use crate::lanes::queue;
use crate::leaks::{self, Kind, TestFolder};
use crate::place::Place;

/// The merchant that queued notices name.
const OF_QUEUED: MchId = MchId(1);

/// One test's world.
pub struct World {
    /// What listens everywhere.
    pub watch: Watch,
    gateway: Gateway,
    clock: Clock,
    merchant: MerchantMade,
    api: String,
    client: reqwest::Client,
    workers: Workers,
    folder: TestFolder,
}

impl World {
    /// Starts it; names of merchants are looked up with `lookup`.
    pub async fn start(lookup: Lookup) -> Self {
        let folder = TestFolder::make();
        let (database, key) = (in_folder(folder.path()), folder.path().join(KEY_NAME));
        let (store, vault) = open_or_make(&database, &key).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings {
            public_url: api.clone(),
            node: None,
            private_targets: Vec::new(),
            statuses: Statuses::default(),
            old_platform: None,
        };
        let wires = Wires {
            upstreams: std::sync::Arc::new(Egress::to_upstreams().unwrap()),
            merchants: std::sync::Arc::new(Egress::to_merchants_with(lookup, Vec::new()).unwrap()),
        };
        let clock = Clock::default();
        let opened = Gateway::with_wires(store, (vault, clock.clone()), settings, wires);
        let gateway = opened.await.unwrap();
        let wish = MerchantWish { name: "守".into(), ..MerchantWish::default() };
        let merchant = gateway.add_merchant("test", wish).await.unwrap();
        leaks::secret(Kind::Key, "a merchant's key", merchant.key.expose().as_bytes());
        gateway.add_account("test", &account_for_all()).await.unwrap();
        let limits = Limits {
            rates: Rates { application: 0, address: 0, log_ins: 0 },
            ..Limits::of_this_machine()
        };
        let edge = Edge::new(limits, None).unwrap();
        let router = web::router(gateway.clone(), edge.clone());
        tokio::spawn(async move { edge.serve(listener, router, std::future::pending()).await });
        let client = leaks::client_builder().build().unwrap();
        let (workers, watch) = (Workers::start(&gateway), Watch::begin().await);
        Self { watch, gateway, clock, merchant, api, client, workers, folder }
    }

    /// Places an order that is to be told at `url`: the code of the answer.
    pub async fn order(&self, url: &str) -> i64 {
        let members = json!({
            "mch_id": self.merchant.mch_id.to_string(), "pay_channel_id": 304, "total_fee": 1,
            "notify_url": url,
        });
        let signed = jubao::signing::signed(&members, &self.merchant.key).unwrap();
        let request = self.client.post(format!("{}/payment/pay", self.api));
        let answer = request.body(signed.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["code"].as_i64().unwrap()
    }

    /// Puts a notice for each URL into the store, as a program that does not judge would have, waits
    /// until each has been tried once, and tells how.
    pub async fn tell(&self, urls: &[String]) -> Vec<AttemptLog> {
        let place = Place::in_file(&self.folder.path().join(DATABASE_NAME));
        for (at, url) in (1..).zip(urls) {
            queue(&place, self.merchant.app_id, url, (at, 1)).await;
        }
        self.gateway.wake();
        self.tried(urls.len(), 1).await
    }

    /// Moves the clock by `seconds`, and tells how each of `count` notices was tried the `no`th time.
    pub async fn tell_again(&self, seconds: i64, (count, no): (usize, usize)) -> Vec<AttemptLog> {
        self.clock.shift(seconds * 1000);
        self.gateway.wake();
        self.tried(count, no).await
    }

    async fn tried(&self, count: usize, no: usize) -> Vec<AttemptLog> {
        let mut logs = Vec::new();
        for at in (1..).take(count) {
            let what = format!("attempt {no} of notice {at}");
            let log = crate::edge_process::wait(&what, async || {
                let store = self.gateway.store();
                let found = store::notices::of_order(store, OF_QUEUED, Id(at)).await.unwrap();
                Some(found[0].attempts.get(no - 1)?.log.clone())
            });
            logs.push(log.await);
        }
        logs
    }

    /// Stops everything.
    pub async fn finish(mut self) {
        self.workers.stop().await;
    }
}

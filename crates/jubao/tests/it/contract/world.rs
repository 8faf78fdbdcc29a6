//! One merchant with one account, its upstream, and time that nobody waits for: the production code on
//! a database in memory.

use std::sync::Arc;

use axum::Router;
use channels::http::{HttpRequest, HttpResponse};
use channels::sim::{CallbackFaultKind, PayError, Served};
use gateway::clock::Clock;
use gateway::egress::Wires;
use gateway::manage::MerchantWish;
use gateway::vault::Vault;
use gateway::{Gateway, Statuses};
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::application::{LatePayment, Settings};
use kernel::id::Sn;
use kernel::notice::NoticeState;
use kernel::order::Order;
use kernel::product::{Product, Provider};
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;
use store::{Memory, Store};
use tokio::sync::watch;
use web::edge::{Edge, Limits};

use super::counter::{Counter, UPSTREAM_URL};
use super::judge::{self, Scales, Truth};
use super::network::{PUBLIC_URL, Shop, ToUpstream, Upstream, carry};

/// A moment of 2026.
const EPOCH_S: i64 = 1_795_320_000;
/// What orders cost, in minor units.
pub const TOTAL_FEE: i64 = 1234;
/// The merchant's fee: 0.6 %.
const FEE_PPM: i64 = 6_000;
/// Pages that a payer is led through.
const HOPS_MAX: usize = 4;

/// One world.
pub struct World {
    /// The database, for whoever looks.
    pub store: Store,
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// The merchant's server.
    pub shop: Arc<Shop>,
    gateway: Gateway,
    router: Router,
    _stop: watch::Sender<bool>,
}

impl World {
    /// The world of a counter. Needs a runtime whose time is paused.
    pub async fn of(counter: &'static Counter) -> Self {
        let clock = Clock::of_runtime(Timestamp::from_seconds(EPOCH_S));
        let upstream = Upstream::of(counter, clock.clone());
        thread_local! {
            static MEMORY: Memory = Memory::open().unwrap();
        }
        let memory = MEMORY.with(Memory::clone);
        memory.empty().unwrap();
        let store = memory.store(Arc::new(|| Box::pin(std::future::ready(Ok(())))));
        let shop = Arc::new(Shop::default());
        let wires =
            Wires { upstreams: Arc::new(ToUpstream(upstream.clone())), merchants: shop.clone() };
        let settings = gateway::Settings {
            public_url: PUBLIC_URL.into(),
            node: None,
            private_targets: Vec::new(),
            statuses: Statuses::default(),
            old_platform: None,
        };
        let vault = Vault::new([7; 32]);
        let gateway = Gateway::with_wires(store.clone(), (vault, clock), settings, wires);
        let gateway = gateway.await.unwrap();
        gateway.add_merchant("test", merchant()).await.unwrap();
        gateway.add_account("test", &counter.account).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let (sweeping, also_stopped) = (gateway.clone(), stopped.clone());
        tokio::spawn(async move { sweeping.run_sweeper(stopped).await });
        let notifying = gateway.clone();
        tokio::spawn(async move { notifying.run_notifier(also_stopped).await });
        let edge = Edge::new(Limits::of_this_machine(), None).unwrap();
        let router = web::router(gateway.clone(), edge);
        tokio::spawn(upstream.clone().call_back(router.clone()));
        Self { store, upstream, shop, gateway, router, _stop: stop }
    }

    /// Signs `members`, asks the merchants' API and reads the answer.
    pub async fn call(&self, address: &str, members: &Value) -> Value {
        let mut members = members.clone();
        members["mch_id"] = MERCHANT.mch_id.to_string().into();
        let signed = signing::signed(&members, &Secret::new(MERCHANT.key)).unwrap();
        let request = HttpRequest {
            method: "POST".into(),
            url: address.into(),
            headers: Vec::new(),
            body: signed.to_string().into_bytes(),
        };
        serde_json::from_slice(&carry(&self.router, &request).await.body).unwrap()
    }

    /// Has a payer pay the order; if no upstream has it before they come, they come. False: it cannot be
    /// paid.
    pub async fn pay(&self, sn: &str, product: Product, fault: Option<CallbackFaultKind>) -> bool {
        match self.upstream.pay(sn, fault) {
            Err(PayError::NotFound) => {
                self.come(sn, product).await;
                self.upstream.pay(sn, fault).is_ok()
            }
            paid => paid.is_ok(),
        }
    }

    /// The payer comes: the merchant's app hands the order to the wallet's, or they open our page.
    pub async fn come(&self, sn: &str, product: Product) {
        let order = self.order(sn).await;
        if product == Product::AlipayApp && !order.pay_text.is_empty() {
            let request = HttpRequest {
                method: "POST".into(),
                url: format!("/{}/app", order.adapter),
                headers: Vec::new(),
                body: order.pay_text.into_bytes(),
            };
            self.upstream.serve(&request);
            return;
        }
        let page = self.gateway.page_url(&Sn::parse(sn).unwrap()).await.unwrap();
        let is_wechat = product.info().provider == Some(Provider::Wechat);
        let agent = if is_wechat { "MicroMessenger/8.0.49" } else { "AliApp(AP/10.5.90)" };
        let wallet = if is_wechat { "wechat" } else { "alipay" };
        let mut url = format!("{page}/go?wallet={wallet}");
        for _ in 0..HOPS_MAX {
            let location = self
                .open(&url, agent)
                .await
                .and_then(|answer| answer.header("location").map(str::to_owned));
            match location {
                Some(next) => url = next,
                None => return,
            }
        }
    }

    async fn open(&self, url: &str, agent: &str) -> Option<HttpResponse> {
        let request = HttpRequest {
            method: "GET".into(),
            url: url.to_owned(),
            headers: vec![("user-agent".into(), agent.into())],
            body: Vec::new(),
        };
        if url.starts_with(PUBLIC_URL) {
            return Some(carry(&self.router, &request).await);
        }
        if !url.starts_with(UPSTREAM_URL) {
            return None;
        }
        match self.upstream.serve(&request) {
            Served::Answer(answer) | Served::Late(answer, _) => Some(answer),
            Served::Dropped => None,
        }
    }

    /// The order on both sides.
    pub fn scales<'a>(&'a self, sn: &'a str) -> Scales<'a> {
        Scales { store: &self.store, sn, truth: Truth::of(self.upstream.books(), sn) }
    }

    /// What has not come right of the order and of everything: also in notices and callbacks.
    pub async fn differences(&self, sn: &str) -> Vec<String> {
        let mut wrongs = self.scales(sn).differences().await;
        let order = self.order(sn).await;
        let notices = store::notices::of_order(&self.store, order.mch_id, order.id).await.unwrap();
        let is_told = notices.iter().all(|one| one.notice.state == NoticeState::Delivered);
        let heard = self.shop.heard_of(sn);
        let paid = heard.iter().filter(|state| *state == "SUCCESS").count();
        if paid != usize::from(order.payment.is_some()) || !is_told {
            wrongs.push(format!("the merchant heard {heard:?}"));
        }
        wrongs.extend(judge::whole(&self.store).await);
        let forged = self.upstream.believed();
        if !forged.is_empty() {
            wrongs.push(format!("a forged callback was believed: {forged:?}"));
        }
        wrongs
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        self.gateway.now()
    }

    /// What the merchant wants done with late money.
    pub async fn set_late(&self, policy: LatePayment) {
        let found = store::applications::by_app_id(&self.store, MERCHANT.app_id).await;
        let row = found.unwrap().unwrap();
        let settings = Settings { late_payment: policy, ..row.settings };
        let batch = store::applications::set_settings(MERCHANT.app_id, row.rev, &settings);
        assert!(self.store.write(batch).await.unwrap().is_done());
    }

    /// The order as it is stored.
    pub async fn order(&self, sn: &str) -> Order {
        let sn = Sn::parse(sn).unwrap();
        store::orders::by_sn(&self.store, &sn).await.unwrap().unwrap()
    }

    /// The number of the order that stands under the merchant's.
    pub async fn sn_of(&self, number: &str) -> Option<String> {
        let found = store::orders::by_out_trade_no(&self.store, MERCHANT.mch_id, number).await;
        found.unwrap().map(|order| order.sn().to_string())
    }
}

fn merchant() -> MerchantWish {
    MerchantWish {
        name: "聚宝 Pay".into(),
        mch_id: Some(MERCHANT.mch_id.0),
        app_id: Some(MERCHANT.app_id.0),
        key: Some(Secret::new(MERCHANT.key)),
        fee_rate_ppm: FEE_PPM,
        ..MerchantWish::default()
    }
}

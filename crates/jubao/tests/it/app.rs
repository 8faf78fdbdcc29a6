//! A gateway with its simulators and a merchant, started for one test. Time is moved, never waited
//! for; nothing is shared between tests.

mod looks;

use gateway::clock::Clock;
use gateway::manage::{AccountWish, MerchantMade, MerchantWish};
use jubao::demo::identity::MERCHANT;
use jubao::demo::payer::Payer;
use jubao::demo::{Demo, Wish};
use jubao::signing;
use kernel::application::Settings;
use kernel::id::{MchId, Sn};
use kernel::money::Currency;
use kernel::secret::Secret;
use serde_json::{Value, json};
use web::edge::Limits;

use crate::exchange::Exchange;
use crate::holds::all_holds;
use crate::leaks::{self, Kind, TestFolder};
use crate::merchant::TestMerchant;
use crate::place::Place;

/// One test's world.
pub struct TestApp {
    /// The running demo: gateway, simulators, shop.
    pub demo: Demo,
    /// The gateway's clock and the simulators': moves both.
    pub clock: Clock,
    /// The merchant's server.
    pub merchant: TestMerchant,
    /// A plain HTTP client.
    pub client: reqwest::Client,
    /// Where everything is kept.
    pub folder: TestFolder,
    /// Where the store is.
    pub place: Place,
}

impl TestApp {
    /// Starts a world.
    pub async fn spawn() -> Self {
        Self::spawn_within(Limits::of_this_machine()).await
    }

    /// The same behind an edge with limits of its own.
    pub async fn spawn_within(limits: Limits) -> Self {
        let folder = TestFolder::make();
        let clock = Clock::default();
        let place = Place::of(folder.path()).await;
        let database = place.database.clone();
        let wish = Wish { limits, database, ..Wish::on(folder.path()) };
        let demo = Demo::start_as(wish, "127.0.0.1:0", folder.path(), clock.clone());
        let demo = demo.await.unwrap();
        let merchant = TestMerchant::spawn().await;
        let client = leaks::client_builder().redirect(reqwest::redirect::Policy::none());
        let client = client.build().unwrap();
        Self { demo, clock, merchant, client, folder, place }
    }

    /// The demo merchant's key.
    pub fn key(&self) -> Secret {
        Secret::new(MERCHANT.key)
    }

    /// Members of a good order through `product`, to be changed by the test.
    pub fn order(&self, product: i64) -> Value {
        json!({
            "mch_id": MERCHANT.mch_id.to_string(),
            "pay_channel_id": product,
            "total_fee": 1234,
            "notify_url": self.merchant.url(),
            "body": "明前龙井",
            "spbill_create_ip": "127.0.0.1",
        })
    }

    /// Signs `members` and posts them as JSON.
    pub async fn call(&self, path: &str, members: &Value) -> Value {
        self.call_with(&self.key(), path, members).await
    }

    /// Signs `members` with another merchant's key and posts them as JSON.
    pub async fn call_with(&self, key: &Secret, path: &str, members: &Value) -> Value {
        let signed = signing::signed(members, key).unwrap();
        self.post(path, signed.to_string()).await
    }

    /// Posts a body as it is and reads the JSON answer.
    pub async fn post(&self, path: &str, body: String) -> Value {
        let url = format!("{}{path}", self.demo.addresses.api);
        let answer = self.client.post(url).body(body).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Sends a request as it is built, and gives back everything of its answer.
    pub async fn exchange(&self, request: reqwest::RequestBuilder) -> Exchange {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Exchange { status, headers, text }
    }

    /// A POST of `body` to an address of the API, to be refined.
    pub fn request(
        &self,
        address: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{address}", self.demo.addresses.api)).body(body)
    }

    /// A configuration for programs beside this one, on the same store: its file.
    pub fn config(&self) -> String {
        self.place.configured(self.folder.path(), &self.demo.addresses.api)
    }

    /// Adds a merchant that has no channel for any product.
    pub async fn merchant_without_accounts(&self, settings: Settings) -> MerchantMade {
        let wish = MerchantWish { name: "另一家".into(), settings, ..MerchantWish::default() };
        let made = self.demo.gateway.add_merchant("test", wish).await.unwrap();
        leaks::secret(Kind::Key, "a merchant's key", made.key.expose().as_bytes());
        made
    }

    /// Adds a merchant with an account at either channel; nothing answers behind the accounts.
    pub async fn another_merchant(&self, settings: Settings) -> MerchantMade {
        let made = self.merchant_without_accounts(settings).await;
        for channel in channels::CHANNELS {
            let info = channel.info();
            let settings = info.settings.iter().filter(|setting| setting.is_required);
            let account = AccountWish {
                channel: info.name.to_owned(),
                name: "nothing behind it".into(),
                mch_id: made.mch_id.0,
                currency: Currency::Cny,
                products: Vec::new(),
                settings: settings.map(|setting| (setting.key.to_owned(), "x".into())).collect(),
            };
            self.demo.gateway.add_account("test", &account).await.unwrap();
        }
        made
    }

    /// Places a good order and gives back its `data`.
    pub async fn place(&self, product: i64) -> Value {
        let answer = self.call("/payment/pay", &self.order(product)).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let page = answer["data"]["code_url"].as_str().unwrap();
        let token = page.rsplit('/').next().unwrap();
        leaks::secret(Kind::Page, "the secret of a page", token.as_bytes());
        answer["data"].clone()
    }

    /// Queries by sn.
    pub async fn query(&self, sn: &str) -> Value {
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
        self.call("/order/query", &members).await
    }

    /// Closes by sn.
    pub async fn close(&self, sn: &str) -> Value {
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
        self.call("/order/close", &members).await
    }

    /// Has the simulated payer pay; `wish` is the body of `POST /pay/SN`.
    pub async fn pay(&self, sn: &str, wish: &Value) -> Value {
        let url = format!("{}/pay/{sn}", self.demo.addresses.sim);
        let answer = self.client.post(url).body(wish.to_string()).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Scripts what goes wrong with a simulator's next operation.
    pub async fn script(&self, channel: &str, op: &str, fault: &str) {
        self.script_times((channel, op), fault, 1).await;
    }

    /// Scripts what goes wrong with the next `times` operations of a channel's simulator.
    pub async fn script_times(&self, (channel, op): (&str, &str), fault: &str, times: u32) {
        let url = format!("{}/faults", self.demo.addresses.sim);
        let wish = json!({ "channel": channel, "op": op, "fault": fault, "times": times });
        let answer = self.client.post(url).body(wish.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Changes the demo merchant's settings; they count at once.
    pub async fn set(&self, change: impl FnOnce(&mut Settings)) {
        let store = self.demo.gateway.store();
        let row = store::applications::by_app_id(store, MERCHANT.app_id).await.unwrap().unwrap();
        let mut settings = row.settings;
        change(&mut settings);
        let batch = store::applications::set_settings(MERCHANT.app_id, row.rev, &settings);
        assert!(store.write(batch).await.unwrap().is_done());
        // What was read before is believed for two seconds.
        self.advance(3);
    }

    /// Takes the demo merchant's accounts at these channels out of use; it counts at once.
    pub async fn disable_accounts(&self, channels: &[&str]) {
        let store = self.demo.gateway.store();
        let accounts = store::accounts::usable_by(store, MERCHANT.mch_id).await.unwrap();
        for row in accounts.iter().filter(|row| channels.contains(&row.channel.as_str())) {
            let batch = store::accounts::set_enabled(row.mch_id, row.id, false);
            assert!(store.write(batch).await.unwrap().is_done());
        }
        // What was read before is believed for two seconds.
        self.advance(3);
    }

    /// Stops everything and starts it again on the same folder and ports.
    pub async fn restart(self) -> Self {
        let Self { demo, clock, merchant, client, folder, place } = self;
        let listen = demo.addresses.api.replace("http://", "");
        demo.stop().await;
        let wish = Wish { database: place.database.clone(), ..Wish::on(folder.path()) };
        let demo = Demo::start_as(wish, &listen, folder.path(), clock.clone()).await.unwrap();
        Self { demo, clock, merchant, client, folder, place }
    }

    /// Opens the order's page in a wallet and goes on to the wallet's own page.
    pub async fn open_page(&self, sn: &str, wallet: &str) {
        let payer = Payer::new(self.demo.gateway.clone()).unwrap();
        payer.open_page(sn, wallet).await.unwrap();
    }

    /// Begins a mixed order in Alipay, then in WeChat, and only then opens Alipay's page, of which Alipay
    /// has not heard before: so both can be paid.
    pub async fn begin_in_both(&self, sn: &str) {
        let page = self.demo.gateway.page_url(&Sn::parse(sn).unwrap()).await.unwrap();
        let go = self.client.get(format!("{page}/go?wallet=alipay")).send().await.unwrap();
        let alipay = go.headers()["location"].to_str().unwrap().to_owned();
        self.open_page(sn, "wechat").await;
        let next = self.client.get(alipay).send().await.unwrap();
        assert!(!next.status().is_client_error(), "{next:?}");
    }

    /// Moves the clock by `seconds` and wakes the workers.
    pub fn advance(&self, seconds: i64) {
        self.clock.shift(seconds * 1000);
        self.demo.gateway.wake();
    }

    /// Checks what must hold after every test: every invariant that the database can tell.
    pub async fn check(&self) {
        all_holds(self.demo.gateway.store()).await;
    }

    /// Checks, then stops everything.
    pub async fn finish(self) {
        self.check().await;
        self.demo.stop().await;
    }

    /// Stops everything, where rows were put into the store behind its back that belong to nothing.
    pub async fn finish_filled(self) {
        self.demo.stop().await;
    }

    /// The demo merchant's number.
    pub fn mch_id(&self) -> MchId {
        MERCHANT.mch_id
    }
}

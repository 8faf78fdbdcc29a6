//! The demo shop: a merchant's server as a merchant would write it. It signs and verifies with its
//! key, talks to the gateway over HTTP, and knows nothing else of it.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use gateway::clock::Clock;
use gateway::ids::random_hex;
use kernel::id::{AppId, MchId};
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::state::TradeState;
use maud::Markup;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::demo::shop_pages::{self, Goods, HomeView, Notice, OrderView};
use crate::signing;

/// Notifications on the first page.
const SHOWN_MAX: usize = 20;
/// Notifications and orders that are remembered.
const REMEMBERED_MAX: usize = 500;

/// Who the shop is to the gateway.
pub struct ShopIdentity {
    /// Its merchant number.
    pub mch_id: MchId,
    /// Its application.
    pub app_id: AppId,
    /// Its key.
    pub key: Secret,
}

/// The shop.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

struct Inner {
    api: String,
    own_url: String,
    identity: ShopIdentity,
    client: reqwest::Client,
    clock: Clock,
    log: Mutex<Log>,
}

/// What the shop remembers, the newest last.
#[derive(Default)]
struct Log {
    orders: Vec<Placed>,
    notices: Vec<Notice>,
}

/// An order that the shop placed.
struct Placed {
    out_trade_no: String,
    sn: String,
    goods: &'static Goods,
    product: Product,
    page: String,
}

impl Shop {
    /// A shop at `own_url` that pays through the gateway at `api`.
    ///
    /// # Errors
    /// The HTTP client does not start.
    pub fn new(api: String, own_url: String, identity: ShopIdentity) -> Result<Self, String> {
        let client =
            reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        let (clock, log) = (Clock::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { api, own_url, identity, client, clock, log })))
    }

    /// The shop's pages and its notification address.
    pub fn router(&self) -> Router {
        let css = ([(CONTENT_TYPE, "text/css; charset=utf-8")], shop_pages::STYLE);
        let script = ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], shop_pages::SCRIPT);
        Router::new()
            .route("/", get(home))
            .route("/buy", post(buy))
            .route("/orders/{number}", get(order))
            .route("/notify", post(notify))
            .route(shop_pages::STYLE_PATH, get(css))
            .route(shop_pages::SCRIPT_PATH, get(script))
            .with_state(self.clone())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Places an order and gives back the page to send the payer to.
    async fn place(&self, goods: &'static Goods, product: Product) -> Result<String, String> {
        let out_trade_no = format!("SHOP{}", random_hex::<8>());
        let Inner { own_url, identity, .. } = &*self.0;
        let members = json!({
            "mch_id": identity.mch_id.to_string(),
            "pay_channel_id": product.info().channel_id,
            "total_fee": goods.price.minor,
            "out_trade_no": out_trade_no,
            "notify_url": format!("{own_url}/notify"),
            "return_url": format!("{own_url}/orders/{out_trade_no}"),
            "body": goods.name,
            "attach": goods.id,
            "spbill_create_ip": "127.0.0.1",
            "version": 2,
        });
        let answer = self.call("/payment/pay", members).await?;
        let text = |pointer| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let (Some(page), Some(sn)) = (text("/data/code_url"), text("/data/sn")) else {
            return Err(text("/message").unwrap_or_else(|| "no answer".into()));
        };
        let placed = Placed { out_trade_no, sn, goods, product, page: page.clone() };
        remember(&mut self.log().orders, placed);
        Ok(page)
    }

    /// Calls the gateway with signed members.
    async fn call(&self, path: &str, members: Value) -> Result<Value, String> {
        let said = |error: reqwest::Error| error.without_url().to_string();
        let signed = signing::signed(&members, &self.0.identity.key)?;
        let url = format!("{}{path}", self.0.api);
        let request = self.0.client.post(url).header(CONTENT_TYPE, "application/json");
        let answer = request.body(signed.to_string()).send().await.map_err(said)?;
        let text = answer.text().await.map_err(said)?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

#[derive(Deserialize)]
struct BuyForm {
    goods: String,
    product: i64,
}

async fn home(State(shop): State<Shop>) -> Response {
    page(&shop.home(None))
}

async fn buy(State(shop): State<Shop>, Form(form): Form<BuyForm>) -> Response {
    let wish = shop_pages::goods(&form.goods).zip(Product::from_channel_id(form.product));
    let Some((goods, product)) = wish else {
        return (StatusCode::NOT_FOUND, "no such goods, or no such way to pay").into_response();
    };
    match shop.place(goods, product).await {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(why) => page(&shop.home(Some(&why))),
    }
}

impl Shop {
    fn home(&self, problem: Option<&str>) -> Markup {
        let notices: Vec<Notice> =
            self.log().notices.iter().rev().take(SHOWN_MAX).cloned().collect();
        shop_pages::home(&HomeView { notices: &notices, problem })
    }
}

async fn order(State(shop): State<Shop>, Path(number): Path<String>) -> Response {
    let log = shop.log();
    let Some(placed) = log.orders.iter().find(|placed| placed.out_trade_no == number) else {
        return (StatusCode::NOT_FOUND, "no such order").into_response();
    };
    let is_about = |notice: &&Notice| notice.out_trade_no == number;
    let notices: Vec<Notice> = log.notices.iter().rev().filter(is_about).cloned().collect();
    let state = |notice: &Notice| {
        let word = notice.members.iter().find(|(name, _)| name == "trade_state");
        word.and_then(|(_, word)| TradeState::from_word(word)).filter(|_| notice.is_verified)
    };
    page(&shop_pages::order(&OrderView {
        out_trade_no: &placed.out_trade_no,
        sn: Some(&placed.sn),
        goods: placed.goods.name,
        amount: placed.goods.price,
        product: placed.product,
        state: notices.iter().find_map(state),
        code_url: Some(&placed.page),
        notices: &notices,
    }))
}

/// Receives a notification: verifies the signature, and only then believes it.
async fn notify(State(shop): State<Shop>, body: Bytes) -> &'static str {
    let Ok(members) = signing::read(&body) else { return "fail" };
    let text = |wanted: &str| {
        let found = members.iter().find(|(name, _)| name == wanted);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let identity = &shop.0.identity;
    let is_ours = text("appid") == identity.app_id.to_string();
    let is_verified = is_ours && signing::is_signed(&members, &identity.key);
    let (out_trade_no, at) = (text("out_trade_no"), shop.0.clock.now());
    remember(&mut shop.log().notices, Notice { at, out_trade_no, is_verified, members });
    if is_verified { "success" } else { "fail" }
}

fn remember<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= REMEMBERED_MAX {
        list.remove(0);
    }
    list.push(item);
}

fn page(markup: &Markup) -> Response {
    let policy = [(CONTENT_SECURITY_POLICY, shop_pages::CSP)];
    (policy, Html(markup.0.clone())).into_response()
}

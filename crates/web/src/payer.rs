//! The payer's page over HTTP: which way to pay this browser gets, the wallet that it continues
//! with, and the order's state as it changes.
//!
//! Whatever a browser sends, it gets a page; and only GET begins a payment, so that a HEAD of
//! somebody who looks at the link asks no upstream for anything.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use gateway::Gateway;
use gateway::page::{PageOrder, continues_with};
use kernel::fault::Fault;
use kernel::id::Id;
use kernel::product::{Product, Provider};
use kernel::state::TradeState;
use maud::Markup;
use tokio::sync::broadcast;

use crate::browser::Browser;
use crate::cashier::{self, Trouble, View, Way};
use crate::edge::{self, Client, Edge, PageTurn};
use crate::visit::Visit;

/// How often a page's events look into the store themselves: changes by other processes.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Tells nginx not to hold events back until there are more.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The wallets that a mixed QR serves, in the order in which they are offered.
const WALLETS: [Provider; 2] = [Provider::Alipay, Provider::Wechat];

/// `GET /pay/TOKEN`, in the old style `GET /index.php?_m=pay&parameter=TOKEN`: the page; it never
/// leads away by itself.
pub async fn page(State(gateway): State<Gateway>, _turn: PageTurn, visit: Visit) -> Response<Body> {
    show(&gateway, &visit).await
}

/// `POST /pay/TOKEN`: a wallet whose way back is a form (UnionPay's `frontUrl`). What it says proves
/// nothing and is not read; the browser goes on to the page.
pub async fn returned(_turn: PageTurn, visit: Visit) -> Response<Body> {
    redirect(&cashier::address(&visit.token, visit.language), &visit)
}

/// `GET /order/qrcode/TOKEN`: what the mixed QR says. Opened in Alipay it goes on to pay at once.
pub async fn scanned(
    State(gateway): State<Gateway>,
    _turn: PageTurn,
    visit: Visit,
) -> Response<Body> {
    if visit.browser == Browser::Alipay
        && !visit.is_head
        && let Ok(Some(found)) = gateway.page_order(&visit.token).await
        && found.order.product == Product::MixedQr
        && found.order.state.is_open()
        && let Some(product) = continuation(&found, Provider::Alipay, visit.browser)
        && let Ok(link) = begin(&gateway, &visit, product).await
    {
        return redirect(&link, &visit);
    }
    show(&gateway, &visit).await
}

/// `GET /pay/TOKEN/go`: begins the payment in this browser and leads into the wallet.
pub async fn go(State(gateway): State<Gateway>, _turn: PageTurn, visit: Visit) -> Response<Body> {
    let own_page = cashier::address(&visit.token, visit.language);
    if visit.is_head {
        return redirect(&own_page, &visit);
    }
    let found = match gateway.page_order(&visit.token).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(&visit),
        Err(fault) => return trouble(&visit, &fault),
    };
    let product = match (found.order.product, visit.wallet) {
        // Nobody has chosen, and nobody chooses for the payer.
        (Product::MixedQr, None) => return redirect(&own_page, &visit),
        (Product::MixedQr, Some(wallet)) => continuation(&found, wallet, visit.browser),
        (own, _) => Some(own),
    };
    let Some(product) = product else { return trouble(&visit, &Fault::ProductUnavailable) };
    match begin(&gateway, &visit, product).await {
        Ok(link) => redirect(&link, &visit),
        Err(Fault::AlreadyClosed) => redirect(&own_page, &visit),
        Err(fault) => trouble(&visit, &fault),
    }
}

/// Begins the payment. Two tabs that begin it at once meet in the store; the second asks again and
/// finds what the first has begun.
async fn begin(gateway: &Gateway, visit: &Visit, product: Product) -> Result<String, Fault> {
    match gateway.begin_payment(&visit.token, product, visit.ip).await {
        Err(Fault::Busy) => gateway.begin_payment(&visit.token, product, visit.ip).await,
        begun => begun,
    }
}

/// The wallet's own product that a mixed QR continues with, if this merchant has it.
fn continuation(found: &PageOrder, wallet: Provider, browser: Browser) -> Option<Product> {
    let usual = continues_with(wallet, browser == Browser::Wechat);
    // Alipay's code is a link that its app opens as well.
    let other = (wallet == Provider::Alipay).then_some(Product::AlipayQr);
    let is_served = |product: &Product| found.wallet_products.contains(product);
    usual.into_iter().chain(other).find(is_served)
}

/// `GET /pay/TOKEN/state`: where the order stands, for pages without events.
pub async fn state(
    State(gateway): State<Gateway>,
    _turn: PageTurn,
    visit: Visit,
) -> Response<Body> {
    match gateway.page_state(&visit.token).await {
        Ok(Some((_, state))) => private_json(StatusCode::OK, &state_json(state)),
        Ok(None) => private_json(StatusCode::NOT_FOUND, "{}"),
        Err(_) => private_json(StatusCode::SERVICE_UNAVAILABLE, "{}"),
    }
}

/// `GET /pay/TOKEN/events`: the state now, and whenever it changes. A page that finds no place to
/// watch from asks for the state now and then.
pub async fn events(
    State(gateway): State<Gateway>,
    State(edge): State<Edge>,
    _turn: PageTurn,
    (client, visit): (Client, Visit),
) -> Response<Body> {
    let Some(place) = edge.stream(client) else {
        return private_json(StatusCode::SERVICE_UNAVAILABLE, "{}");
    };
    let changes = gateway.changes();
    match gateway.page_state(&visit.token).await {
        Ok(Some((id, state))) => {
            let (token, next) = (visit.token, Some(state));
            let feed = Feed { gateway, token, id, changes, place, told: None, next };
            let events = Sse::new(feed.into_stream()).keep_alive(KeepAlive::default());
            ([(X_ACCEL_BUFFERING, "no")], events).into_response()
        }
        Ok(None) => private_json(StatusCode::NOT_FOUND, "{}"),
        Err(_) => private_json(StatusCode::SERVICE_UNAVAILABLE, "{}"),
    }
}

/// The states of one order, each told once.
struct Feed {
    gateway: Gateway,
    token: String,
    id: Id,
    changes: broadcast::Receiver<(Id, TradeState)>,
    place: edge::Stream,
    told: Option<TradeState>,
    next: Option<TradeState>,
}

impl Feed {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut feed| async move {
            let state = feed.next_state().await?;
            feed.told = Some(state);
            Some((Ok(Event::default().data(state_json(state))), feed))
        })
    }

    /// The next state that differs from what was told; `None` ends the stream.
    async fn next_state(&mut self) -> Option<TradeState> {
        loop {
            if let Some(state) = self.next.take()
                && self.told != Some(state)
            {
                return Some(state);
            }
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok((id, state)) if id == self.id => self.next = Some(state),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => self.look().await,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = self.place.closing() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        if let Ok(Some((_, state))) = self.gateway.page_state(&self.token).await {
            self.next = Some(state);
        }
    }
}

async fn show(gateway: &Gateway, visit: &Visit) -> Response<Body> {
    let found = match gateway.page_order(&visit.token).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(visit),
        Err(fault) => return trouble(visit, &fault),
    };
    let order = &found.order;
    let is_payable = order.state.is_open() && gateway.now() < order.expires_at;
    let offer = if is_payable && !visit.is_head {
        offer(gateway, &found, visit).await
    } else {
        Offer::Nothing
    };
    let sn = order.sn();
    let view = View {
        language: visit.language,
        merchant: &found.mch_name,
        body: &order.body,
        amount: order.pay_amount(),
        sn: sn.as_str(),
        state: order.state,
        expires_at: order.expires_at,
        now: gateway.now(),
        token: &visit.token,
        return_url: (!order.return_url.is_empty()).then_some(order.return_url.as_str()),
        way: offer.way(),
    };
    html(StatusCode::OK, &cashier::page(&view))
}

/// What a browser is offered, owned: [`Way`] borrows from it.
enum Offer {
    Scan(String, Vec<Provider>),
    Open(String, Provider),
    Choose { alipay: Option<String>, wechat: Option<String>, qr_text: String, by: Vec<Provider> },
    LongPress(String, String),
    Trouble(Trouble),
    Nothing,
}

impl Offer {
    fn way(&self) -> Way<'_> {
        match self {
            Self::Scan(qr_text, wallets) => Way::Scan { qr_text, wallets },
            Self::Open(href, wallet) => Way::Open { href, wallet: *wallet },
            Self::Choose { alipay, wechat, qr_text, by } => Way::Choose {
                alipay_href: alipay.as_deref(),
                wechat_href: wechat.as_deref(),
                qr_text,
                wallets: by,
            },
            Self::LongPress(qr_text, href) => Way::LongPress { qr_text, href: Some(href) },
            Self::Trouble(why) => Way::Trouble { why: *why },
            Self::Nothing => Way::Wait,
        }
    }
}

async fn offer(gateway: &Gateway, found: &PageOrder, visit: &Visit) -> Offer {
    match (found.order.product, visit.browser) {
        (Product::AlipayWap, _) => open(visit, Provider::Alipay),
        (Product::WechatH5, _) => open(visit, Provider::Wechat),
        (Product::AlipayQr, Browser::Alipay | Browser::Phone) => open(visit, Provider::Alipay),
        (Product::AlipayQr, _) => drawn(gateway, visit, Product::AlipayQr).await,
        (Product::WechatQr, _) => drawn(gateway, visit, Product::WechatQr).await,
        (Product::UnionpayLink, _) => open(visit, Provider::Unionpay),
        (Product::UnionpayQr, _) => drawn(gateway, visit, Product::UnionpayQr).await,
        // They are paid in the merchant's own app or page, or at its counter.
        (
            Product::AlipayApp
            | Product::WechatJsapi
            | Product::WechatApp
            | Product::WechatHkJsapi
            | Product::Micropay,
            _,
        ) => Offer::Nothing,
        (Product::MixedQr, Browser::Wechat) => drawn(gateway, visit, Product::WechatQr).await,
        (Product::MixedQr, Browser::Alipay) => {
            match continuation(found, Provider::Alipay, visit.browser) {
                Some(_) => open(visit, Provider::Alipay),
                None => Offer::Trouble(Trouble::NotOffered),
            }
        }
        (Product::MixedQr, Browser::Unionpay | Browser::Phone) => {
            mixed(gateway, found, visit, &WALLETS)
        }
        // A desktop has no wallet to open: WeChat's H5 payment does not even begin there.
        (Product::MixedQr, Browser::Desktop) => mixed(gateway, found, visit, &[]),
    }
}

fn open(visit: &Visit, wallet: Provider) -> Offer {
    Offer::Open(cashier::go_address(&visit.token, visit.language, wallet), wallet)
}

/// The code that serves every wallet, and buttons for those of `openable` that the merchant takes.
fn mixed(gateway: &Gateway, found: &PageOrder, visit: &Visit, openable: &[Provider]) -> Offer {
    let opened = |wallet: Provider| {
        let product = continuation(found, wallet, visit.browser);
        let is_offered = product.is_some() && openable.contains(&wallet);
        is_offered.then(|| cashier::go_address(&visit.token, visit.language, wallet))
    };
    let inside = |wallet: &Provider| match wallet {
        Provider::Alipay => continuation(found, *wallet, Browser::Alipay).is_some(),
        Provider::Wechat => continuation(found, *wallet, Browser::Wechat).is_some(),
        Provider::Unionpay => false,
    };
    let by: Vec<Provider> = WALLETS.into_iter().filter(inside).collect();
    let (alipay, wechat) = (opened(Provider::Alipay), opened(Provider::Wechat));
    let qr_text = format!("{}/order/qrcode/{}", gateway.settings().public_url, visit.token);
    match (alipay.is_some() || wechat.is_some(), by.is_empty()) {
        (true, _) => Offer::Choose { alipay, wechat, qr_text, by },
        (false, false) => Offer::Scan(qr_text, by),
        (false, true) => Offer::Trouble(Trouble::NotOffered),
    }
}

/// A wallet's code: asked for upstream if it is not there yet.
async fn drawn(gateway: &Gateway, visit: &Visit, product: Product) -> Offer {
    match begin(gateway, visit, product).await {
        Ok(text) if product == Product::WechatQr && visit.browser == Browser::Wechat => {
            let href = cashier::go_address(&visit.token, visit.language, Provider::Wechat);
            Offer::LongPress(text, href)
        }
        Ok(text) => Offer::Scan(text, product.info().provider.into_iter().collect()),
        // Closed or paid since it was read: the page hears of it at once.
        Err(Fault::AlreadyClosed) => Offer::Nothing,
        Err(fault) => Offer::Trouble(why(&fault)),
    }
}

fn not_found(visit: &Visit) -> Response<Body> {
    html(StatusCode::NOT_FOUND, &cashier::not_found(visit.language))
}

fn trouble(visit: &Visit, fault: &Fault) -> Response<Body> {
    let again = cashier::address(&visit.token, visit.language);
    let page = cashier::error(visit.language, why(fault), &again);
    html(StatusCode::SERVICE_UNAVAILABLE, &page)
}

/// What a payer may know of a fault: its own words are for merchants.
fn why(fault: &Fault) -> Trouble {
    if *fault == Fault::ProductUnavailable { Trouble::NotOffered } else { Trouble::NoAnswer }
}

/// A page with the headers that every page of ours has.
pub fn html(status: StatusCode, markup: &Markup) -> Response<Body> {
    let mut response = Response::new(Body::from(markup.0.clone()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, cashier::CSP),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Leads on. It sets no `Referrer-Policy`, so that the one of the link that was pressed holds: WeChat
/// compares our host in `Referer` with the one registered for H5 (WeChat Pay v3 manual, H5 payment).
fn redirect(link: &str, visit: &Visit) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(link) else {
        tracing::error!("a payer's link cannot be sent as a header");
        return trouble(visit, &Fault::EmptyAnswer);
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn private_json(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn state_json(state: TradeState) -> String {
    let (word, status, paid) = (state.word(), state.status(), state.is_paid());
    format!(r#"{{"state":"{word}","status":{status},"paid":{paid}}}"#)
}

//! The payer's page over HTTP: which way to pay this browser gets, the wallet that it continues
//! with, and the order's state as it changes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
    REFERRER_POLICY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
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
use serde::Deserialize;
use tokio::sync::broadcast;

use crate::browser::{self, Browser};
use crate::cashier::{self, View, Way};
use crate::language::Language;

/// How often a page's events look into the store themselves: changes by other processes.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The wallets of a mixed QR.
const WALLETS: [Provider; 2] = [Provider::Alipay, Provider::Wechat];

/// What a page's address may carry.
#[derive(Debug, Default, Deserialize)]
pub struct PageQuery {
    lang: Option<String>,
    wallet: Option<String>,
    parameter: Option<String>,
    #[serde(rename = "_m")]
    module: Option<String>,
}

impl PageQuery {
    /// `?lang=`.
    pub fn language(&self) -> Option<&str> {
        self.lang.as_deref()
    }
}

/// A browser that asks for a page.
struct Visit {
    language: Language,
    browser: Browser,
    address: SocketAddr,
}

/// `GET /pay/TOKEN`: the page; it never leads away by itself.
pub async fn page(
    State(gateway): State<Gateway>,
    Path(token): Path<String>,
    Query(query): Query<PageQuery>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    show(&gateway, &token, &visit(&query, &headers, address)).await
}

/// `GET /order/qrcode/TOKEN`: what the mixed QR says. Opened in Alipay it goes on to pay at once.
pub async fn scanned(
    State(gateway): State<Gateway>,
    Path(token): Path<String>,
    Query(query): Query<PageQuery>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    let visit = visit(&query, &headers, address);
    if visit.browser == Browser::Alipay
        && let Ok(Some(found)) = gateway.page_order(&token).await
        && found.order.product == Product::MixedQr
        && found.order.state.is_open()
        && let Ok(link) = gateway.begin_payment(&token, Product::AlipayWap, address.ip()).await
    {
        return redirect(&link);
    }
    show(&gateway, &token, &visit).await
}

/// `GET /index.php?_m=pay&parameter=TOKEN`: the page's address in the old style.
pub async fn old_style(
    State(gateway): State<Gateway>,
    Query(query): Query<PageQuery>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    let token = match (query.module.as_deref(), query.parameter.as_deref()) {
        (Some("pay"), Some(token)) => token.to_owned(),
        _ => String::new(),
    };
    show(&gateway, &token, &visit(&query, &headers, address)).await
}

/// `GET /pay/TOKEN/go`: begins the payment in this browser and leads into the wallet.
pub async fn go(
    State(gateway): State<Gateway>,
    Path(token): Path<String>,
    Query(query): Query<PageQuery>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    let visit = visit(&query, &headers, address);
    let found = match gateway.page_order(&token).await {
        Ok(Some(found)) => found,
        Ok(None) => return html(StatusCode::NOT_FOUND, &cashier::not_found(visit.language)),
        Err(fault) => return trouble(visit.language, &fault),
    };
    let wallet = query.wallet.as_deref().and_then(Provider::from_word);
    let product = match found.order.product {
        Product::MixedQr => {
            let is_inside = visit.browser == Browser::Wechat;
            wallet.and_then(|wallet| continues_with(wallet, is_inside))
        }
        own => Some(own),
    };
    let Some(product) = product else { return redirect(&cashier::path(&token)) };
    match gateway.begin_payment(&token, product, visit.address.ip()).await {
        Ok(link) => redirect(&link),
        Err(Fault::AlreadyClosed) => redirect(&cashier::path(&token)),
        Err(fault) => trouble(visit.language, &fault),
    }
}

/// `GET /pay/TOKEN/state`: where the order stands, for pages without events.
pub async fn state(State(gateway): State<Gateway>, Path(token): Path<String>) -> Response<Body> {
    match gateway.page_state(&token).await {
        Ok(Some((_, state))) => private_json(StatusCode::OK, &state_json(state)),
        Ok(None) => private_json(StatusCode::NOT_FOUND, "{}"),
        Err(_) => private_json(StatusCode::SERVICE_UNAVAILABLE, "{}"),
    }
}

/// `GET /pay/TOKEN/events`: the state now, and whenever it changes.
pub async fn events(State(gateway): State<Gateway>, Path(token): Path<String>) -> Response<Body> {
    let changes = gateway.changes();
    match gateway.page_state(&token).await {
        Ok(Some((id, state))) => {
            let feed = Feed { gateway, token, id, changes, told: None, next: Some(state) };
            Sse::new(feed.into_stream()).keep_alive(KeepAlive::default()).into_response()
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

async fn show(gateway: &Gateway, token: &str, visit: &Visit) -> Response<Body> {
    let found = match gateway.page_order(token).await {
        Ok(Some(found)) => found,
        Ok(None) => return html(StatusCode::NOT_FOUND, &cashier::not_found(visit.language)),
        Err(fault) => return trouble(visit.language, &fault),
    };
    let order = &found.order;
    let is_payable = order.state.is_open() && gateway.now() < order.expires_at;
    let offer =
        if is_payable { offer(gateway, token, &found, visit).await } else { Offer::Nothing };
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
        token,
        return_url: (!order.return_url.is_empty()).then_some(order.return_url.as_str()),
        way: offer.way(),
    };
    html(StatusCode::OK, &cashier::page(&view))
}

/// What a browser is offered, owned: [`Way`] borrows from it.
enum Offer {
    Scan(String, &'static [Provider]),
    Open(String, Provider),
    Choose { alipay: Option<String>, wechat: Option<String>, qr_text: String },
    LongPress(String, String),
    Trouble(String),
    Nothing,
}

impl Offer {
    fn way(&self) -> Way<'_> {
        match self {
            Self::Scan(qr_text, wallets) => Way::Scan { qr_text, wallets },
            Self::Open(href, wallet) => Way::Open { href, wallet: *wallet },
            Self::Choose { alipay, wechat, qr_text } => Way::Choose {
                alipay_href: alipay.as_deref(),
                wechat_href: wechat.as_deref(),
                qr_text,
            },
            Self::LongPress(qr_text, href) => Way::LongPress { qr_text, href: Some(href) },
            Self::Trouble(message) => Way::Trouble { message },
            Self::Nothing => Way::Wait,
        }
    }
}

async fn offer(gateway: &Gateway, token: &str, found: &PageOrder, visit: &Visit) -> Offer {
    let go = |wallet: Provider| format!("{}/go?wallet={}", cashier::path(token), wallet.word());
    match (found.order.product, visit.browser) {
        (Product::AlipayWap, _) => Offer::Open(go(Provider::Alipay), Provider::Alipay),
        (Product::WechatH5, _) => Offer::Open(go(Provider::Wechat), Provider::Wechat),
        (Product::AlipayQr, Browser::Alipay | Browser::Phone) => {
            Offer::Open(go(Provider::Alipay), Provider::Alipay)
        }
        (Product::AlipayQr, _) => drawn(gateway, token, visit, Product::AlipayQr).await,
        (Product::WechatQr, _) => drawn(gateway, token, visit, Product::WechatQr).await,
        (Product::MixedQr, Browser::Alipay) => Offer::Open(go(Provider::Alipay), Provider::Alipay),
        (Product::MixedQr, Browser::Wechat) => {
            drawn(gateway, token, visit, Product::WechatQr).await
        }
        (Product::MixedQr, Browser::Unionpay | Browser::Phone | Browser::Desktop) => {
            let serves = |product| found.wallet_products.contains(&product);
            Offer::Choose {
                alipay: serves(Product::AlipayWap).then(|| go(Provider::Alipay)),
                wechat: serves(Product::WechatH5).then(|| go(Provider::Wechat)),
                qr_text: format!("{}/order/qrcode/{token}", gateway.settings().public_url),
            }
        }
    }
}

/// A wallet's code: asked for upstream if it is not there yet.
async fn drawn(gateway: &Gateway, token: &str, visit: &Visit, product: Product) -> Offer {
    match gateway.begin_payment(token, product, visit.address.ip()).await {
        Ok(text) if product == Product::WechatQr && visit.browser == Browser::Wechat => {
            let go = format!("{}/go?wallet=wechat", cashier::path(token));
            Offer::LongPress(text, go)
        }
        Ok(text) => {
            let wallets: &'static [Provider] = match product.info().provider {
                Some(Provider::Alipay) => &WALLETS[..1],
                Some(Provider::Wechat) => &WALLETS[1..],
                Some(Provider::Unionpay) | None => &WALLETS,
            };
            Offer::Scan(text, wallets)
        }
        Err(fault) => Offer::Trouble(words(visit.language, &fault)),
    }
}

fn visit(query: &PageQuery, headers: &HeaderMap, address: SocketAddr) -> Visit {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Visit {
        language: Language::choose(query.lang.as_deref(), text(ACCEPT_LANGUAGE)),
        browser: browser::detect(text(USER_AGENT).unwrap_or_default()),
        address,
    }
}

fn trouble(language: Language, fault: &Fault) -> Response<Body> {
    html(StatusCode::SERVICE_UNAVAILABLE, &cashier::error(language, &words(language, fault)))
}

fn words(language: Language, fault: &Fault) -> String {
    fault.message(match language {
        Language::ZhHans | Language::ZhHant => kernel::fault::Language::Zh,
        Language::En => kernel::fault::Language::En,
    })
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

fn redirect(link: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(link) else {
        return html(StatusCode::BAD_GATEWAY, &cashier::error(Language::ZhHans, ""));
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

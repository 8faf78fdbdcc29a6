//! The payer's page over HTTP: what a browser is shown, and where it is led.
//!
//! Whatever a browser sends, it gets a page; and only GET begins a payment, so that a HEAD of
//! somebody who looks at the link asks no upstream for anything.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Response, StatusCode};
use gateway::page::Unbegun;
use gateway::{Gateway, LoginFailed};
use kernel::fault::Fault;
use kernel::product::{Product, Provider};
use maud::Markup;

use crate::browser::Browser;
use crate::cashier::{self, View};
use crate::edge::PageTurn;
use crate::offer::{self, Offer};
use crate::visit::{LoginAnswer, Visit};

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

/// `GET /order/qrcode/TOKEN`: what the mixed QR says. Scanned with Alipay, or with UnionPay where the
/// merchant has it, it goes on to pay at once, and ends what was begun in another wallet.
pub async fn scanned(
    State(gateway): State<Gateway>,
    _turn: PageTurn,
    visit: Visit,
) -> Response<Body> {
    if let Some(wallet) = visit.browser.wallet()
        && wallet != Provider::Wechat
        && !visit.is_head
        && let Ok(Some(found)) = gateway.page_order(&visit.token).await
        && found.order.product == Product::MixedQr
        && found.order.state.is_open()
        && let Some(product) = offer::continuation(&found, wallet, visit.browser)
        && let Ok(begun) = offer::begin(&gateway, &visit, product).await
    {
        return redirect(&begun.pay_text, &visit);
    }
    show(&gateway, &visit).await
}

/// `GET /pay/TOKEN/go`: begins the payment in this browser and leads into the wallet; to pay inside
/// WeChat, first to where WeChat says who the payer is.
pub async fn go(State(gateway): State<Gateway>, _turn: PageTurn, visit: Visit) -> Response<Body> {
    let own_page = cashier::address(&visit.token, visit.language);
    if visit.is_head {
        return redirect(&own_page, &visit);
    }
    let found = match gateway.page_order(&visit.token).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(&visit),
        Err(fault) => return trouble(&visit, &fault.into()),
    };
    let product = match (found.order.product, visit.wallet) {
        // Nobody has chosen, and nobody chooses for the payer.
        (Product::MixedQr, None) => return redirect(&own_page, &visit),
        (Product::MixedQr, Some(wallet)) => offer::wanted(&found, wallet, &visit),
        (own, _) => Some(own),
    };
    let Some(product) = product else {
        return trouble(&visit, &Fault::ProductUnavailable.into());
    };
    let is_mixed = found.order.product == Product::MixedQr;
    let leads_to = if is_mixed && product.needs_openid() {
        let back = cashier::login_address(&visit.token, visit.language);
        gateway.login_address(&visit.token, product, &back).await
    } else {
        let is_pressed = visit.browser == Browser::Wechat && product == Product::WechatQr;
        let is_there = found.live.iter().any(|attempt| attempt.product == product);
        let begun = offer::begin(&gateway, &visit, product).await;
        // A code that takes the place of another wallet's is shown before it is pressed.
        let shown = cashier::with_code(&own_page);
        begun.map(|begun| if is_pressed && !is_there { shown } else { begun.pay_text })
    };
    match leads_to {
        Ok(link) => redirect(&link, &visit),
        Err(Unbegun::Over) => redirect(&own_page, &visit),
        Err(unbegun) => trouble(&visit, &unbegun),
    }
}

/// `GET /pay/TOKEN/openid`: the payer comes back from WeChat, which has told who it is. The page that
/// follows can be loaded again; this address cannot, and leads there too.
pub async fn logged_in(
    State(gateway): State<Gateway>,
    _turn: PageTurn,
    (visit, answer): (Visit, LoginAnswer),
) -> Response<Body> {
    let own_page = cashier::address(&visit.token, visit.language);
    if visit.is_head {
        return redirect(&own_page, &visit);
    }
    let arrival = match gateway.log_in(&visit.token, &answer.code, &answer.state).await {
        Ok(arrival) => arrival,
        Err(LoginFailed::NotOurs) => return redirect(&own_page, &visit),
        Err(LoginFailed::Fault(fault)) => return trouble(&visit, &fault.into()),
    };
    match offer::begin_as(&gateway, &visit, (arrival.product, arrival.openid)).await {
        Ok(begun) => redirect(&format!("{own_page}&by={}", begun.no), &visit),
        Err(Unbegun::Over) => redirect(&own_page, &visit),
        Err(unbegun) => trouble(&visit, &unbegun),
    }
}

async fn show(gateway: &Gateway, visit: &Visit) -> Response<Body> {
    let found = match gateway.page_order(&visit.token).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(visit),
        Err(fault) => return trouble(visit, &fault.into()),
    };
    let order = &found.order;
    let is_payable = order.state.is_open() && gateway.now() < order.expires_at;
    let offer = if is_payable && !visit.is_head {
        offer::offer(gateway, &found, visit).await
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
    let policy = cashier::policy(&view.way);
    html_with(StatusCode::OK, &cashier::page(&view), &policy)
}

fn not_found(visit: &Visit) -> Response<Body> {
    html(StatusCode::NOT_FOUND, &cashier::not_found(visit.language))
}

fn trouble(visit: &Visit, unbegun: &Unbegun) -> Response<Body> {
    let again = cashier::address(&visit.token, visit.language);
    let page = cashier::error(visit.language, offer::why(unbegun), &again);
    html(StatusCode::SERVICE_UNAVAILABLE, &page)
}

/// A page with the headers that every page of ours has.
pub fn html(status: StatusCode, markup: &Markup) -> Response<Body> {
    html_with(status, markup, cashier::CSP)
}

fn html_with(status: StatusCode, markup: &Markup, policy: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(markup.0.clone()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(policy);
    let policy = policy.unwrap_or_else(|_| HeaderValue::from_static(cashier::CSP));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Leads on. It sets no `Referrer-Policy`, so that the one of the link that was pressed holds: WeChat
/// compares our host in `Referer` with the one registered for H5 (WeChat Pay v3 manual, H5 payment).
fn redirect(link: &str, visit: &Visit) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(link) else {
        tracing::error!("a payer's link cannot be sent as a header");
        return trouble(visit, &Fault::EmptyAnswer.into());
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! Everything of Jubao Pay that speaks HTTP: the merchants' API, upstreams' callbacks, the payer's
//! page. All routes are on this screen. It never reaches the store.

pub mod assets;
pub mod browser;
pub mod callbacks;
pub mod cashier;
pub mod landing;
pub mod language;
pub mod merchant_api;
pub mod page;
pub mod payer;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{any, get};
use gateway::Gateway;

use crate::language::Language;

/// All routes. What no page answers is an address of the merchants' API, or unknown.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/", get(front).fallback(merchant_api::call))
        .route("/index.php", get(front).fallback(merchant_api::call))
        .route("/pay/{token}", get(payer::page))
        .route("/pay/{token}/go", get(payer::go))
        .route("/pay/{token}/state", get(payer::state))
        .route("/pay/{token}/events", get(payer::events))
        .route("/order/qrcode/{token}", get(payer::scanned))
        .route("/callback/{channel}/{mch_id}/{account_id}/{version}", any(callbacks::receive))
        .route("/assets/{name}", get(asset))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .fallback(merchant_api::call)
        .with_state(gateway)
}

/// GET where pages share an address with the merchants' API: `_m` tells them apart.
async fn front(
    state: State<Gateway>,
    address: ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let pairs = pairs.map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
    let mut modules = pairs.iter().filter(|(name, _)| name == "_m").map(|(_, value)| value);
    let module = modules.next().map(String::as_str);
    let query = Query::<payer::PageQuery>::try_from_uri(request.uri());
    match (request.uri().path(), module, query) {
        ("/", None, Ok(query)) => landing_page(&state, &query, request.headers()),
        (_, Some("pay"), Ok(query)) => {
            payer::old_style(state, query, address, request.headers().clone()).await
        }
        _ => merchant_api::call(state, request).await,
    }
}

fn landing_page(
    gateway: &Gateway,
    query: &payer::PageQuery,
    headers: &HeaderMap,
) -> Response<Body> {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
    let view = landing::View {
        language: Language::choose(query.language(), accepted),
        base_url: &gateway.settings().public_url,
        version: env!("CARGO_PKG_VERSION"),
    };
    payer::html(StatusCode::OK, &landing::page(&view))
}

async fn asset(Path(name): Path<String>) -> Response<Body> {
    let Some(asset) = assets::find(&name) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(assets::CACHE_CONTROL));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    response
}

/// 200 when the store answers, else 503: a load balancer's question.
async fn ready(State(gateway): State<Gateway>) -> (StatusCode, &'static str) {
    if gateway.is_ready().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
    }
}

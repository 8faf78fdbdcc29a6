//! Everything of Jubao Pay that speaks HTTP: the merchants' API, upstreams' callbacks, the payer's
//! page. All routes are on this screen. It never reaches the store.

pub mod assets;
pub mod browser;
pub mod callbacks;
pub mod cashier;
pub mod landing;
pub mod language;
pub mod merchant_api;
mod outlive;
pub mod page;
pub mod payer;
pub mod visit;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use gateway::Gateway;

use crate::visit::Visit;

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
async fn front(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::from_request_parts(&mut parts, &gateway).await {
        Ok(visit) => visit,
        Err(rejection) => return rejection.into_response(),
    };
    match (parts.uri.path(), visit::module(&parts.uri).as_deref()) {
        ("/", None) => landing_page(&gateway, &visit),
        (_, Some("pay")) => payer::page(State(gateway), visit).await,
        _ => merchant_api::call(State(gateway), Request::from_parts(parts, body)).await,
    }
}

fn landing_page(gateway: &Gateway, visit: &Visit) -> Response<Body> {
    let view = landing::View {
        language: visit.language,
        base_url: &gateway.settings().public_url,
        version: env!("CARGO_PKG_VERSION"),
    };
    payer::html(StatusCode::OK, &landing::page(&view))
}

async fn asset(Path(name): Path<String>, uri: Uri) -> Response<Body> {
    let Some(asset) = assets::find(&name) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(asset.cache_control(uri.query())));
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

//! Everything of Jubao Pay that speaks HTTP: the merchants' API, upstreams' callbacks, the payer's
//! page. All routes are on this screen. It never reaches the store.

pub mod assets;
pub mod browser;
pub mod callbacks;
mod carry_out;
pub mod cashier;
pub mod docs;
mod doctor;
pub mod edge;
mod idempotency;
pub mod landing;
pub mod language;
mod listing;
mod long_poll;
pub mod merchant_api;
mod offer;
mod old_platform;
mod outlive;
pub mod page;
pub mod payer;
mod records;
mod refusal;
mod reply;
pub mod visit;
pub mod watching;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use gateway::Gateway;

use crate::edge::{Edge, PageTurn};
use crate::visit::Visit;

/// What the routes stand on.
#[derive(Clone)]
pub struct Site {
    gateway: Gateway,
    edge: Edge,
}

impl FromRef<Site> for Gateway {
    fn from_ref(site: &Site) -> Self {
        site.gateway.clone()
    }
}

impl FromRef<Site> for Edge {
    fn from_ref(site: &Site) -> Self {
        site.edge.clone()
    }
}

/// All routes. What no page answers is an address of the merchants' API, or unknown. Assets cost
/// nothing, and health is asked about when all is not well: neither waits for a turn.
pub fn router(gateway: Gateway, edge: Edge) -> Router {
    let refusing = gateway.clone();
    edge.refuse_with(move |head| refusal::busy(&refusing, head));
    let site = Site { gateway, edge };
    let elsewhere = || from_fn_with_state(site.clone(), old_platform::page);
    Router::new()
        .route("/", get(front).fallback(old_platform::call))
        .route("/index.php", get(front).fallback(old_platform::call))
        .route("/pay/{token}", get(payer::page).layer(elsewhere()).post(payer::returned))
        .route("/pay/{token}/go", get(payer::go))
        .route("/pay/{token}/openid", get(payer::logged_in))
        .route("/pay/{token}/state", get(watching::state))
        .route("/pay/{token}/events", get(watching::events))
        .route("/order/qrcode/{token}", get(payer::scanned).layer(elsewhere()))
        .route("/callback/{channel}/{mch_id}/{account_id}/{version}", any(callbacks::receive))
        .route("/assets/{name}", get(asset))
        .route("/openapi.json", get(docs::serve_openapi))
        .route("/docs", get(docs::serve_page))
        .route("/docs/", get(docs::serve_page))
        .route("/docs/search", get(docs::serve_search))
        .route("/docs/{page}", get(docs::serve_page))
        .route("/platform_key.pem", get(platform_key))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .fallback(old_platform::call)
        .with_state(site)
}

/// GET where pages share an address with the merchants' API: `_m` tells them apart.
async fn front(State(site): State<Site>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let address = parts.uri.clone();
    let is_landing = match (parts.uri.path(), visit::module(&parts.uri).as_deref()) {
        ("/", None) => true,
        (_, Some("pay")) => false,
        _ => return old_platform::call(State(site), Request::from_parts(parts, body)).await,
    };
    let turn = match PageTurn::from_request_parts(&mut parts, &site).await {
        Ok(turn) => turn,
        Err(refusal) => return refusal,
    };
    match Visit::from_request_parts(&mut parts, &site).await {
        Ok(visit) if is_landing => landing_page(&site.gateway, &visit),
        Ok(visit) => {
            let page = payer::page(State(site.gateway.clone()), turn, visit).await;
            old_platform::or_elsewhere(&site, &address, page)
        }
        Err(rejection) => rejection.into_response(),
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

/// The platform's public key, for merchants who sign with RSA2; 404 while there is none.
async fn platform_key(State(gateway): State<Gateway>, _turn: PageTurn) -> (StatusCode, String) {
    match gateway.platform_public_key().await {
        Ok(Some(key)) => (StatusCode::OK, key.pem()),
        Ok(None) => (StatusCode::NOT_FOUND, "no application signs with RSA2 yet".to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer".to_owned()),
    }
}

/// 200 when the store answers and nobody has told us to stop, else 503: a load balancer's question.
async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    if !site.edge.is_open() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if site.gateway.is_ready().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
    }
}

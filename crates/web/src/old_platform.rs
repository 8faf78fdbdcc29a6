//! Between the routes and the merchants' API while the platform before still holds orders: what we do
//! not know is passed on to it and its answer given back as it is, callbacks of its upstreams too.
//!
//! The merchants' API answers first, as always. Only its "there is no such order" or "no such refund",
//! which nobody hears whose signature is wrong, is looked into any further.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST,
    LOCATION, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use axum::middleware::Next;
use channels::http::HttpRequest;
use futures_util::TryStreamExt;
use gateway::{Gateway, KeyClaim, KeyTurn};
use kernel::address::{self, Operation};
use kernel::dialect::answer;
use kernel::dialect::jubao::{self, BODY_BYTES_MAX, RawCall};
use kernel::fault::Fault;
use kernel::old_platform::{OldAnswer, PASSED_ON, is_passed_on};
use serde_json::Value;
use tracing::Instrument;

use crate::edge::Client;
use crate::outlive::Outlive;
use crate::{Site, callbacks, idempotency, merchant_api, reply};

/// Headers that belong to one connection, or that we write ourselves.
const NOT_PASSED_ON: [HeaderName; 12] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// Where the old platform finds whom we speak for.
const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Headers by which a proxy says where a request came from, which we alone may say, or another address or
/// method than the request's: whoever is behind us may believe them.
const OF_PROXIES: [&str; 14] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "proxy",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method-override",
    "x-original-url",
    "x-originating-ip",
    "x-real-ip",
    "x-rewrite-url",
];
/// What the names of more of them begin with.
const FORWARDED: &str = "x-forwarded";

/// Answers every request to an address that no page has.
pub async fn call(State(site): State<Site>, request: Request) -> Response<Body> {
    // A marked request was passed on to us: were it passed back, it would never end.
    let is_marked = request.headers().contains_key(PASSED_ON);
    if !site.gateway.passes_on() || is_marked {
        return merchant_api::call(State(site), request).await;
    }
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    match address::resolve(path, query) {
        Some(operation) if is_passed_on(operation) && request.method() == Method::POST => {
            Box::pin(about_an_order(site, operation, request)).await
        }
        None if site.gateway.is_old_callback(path, query) => {
            Box::pin(callback(site, request)).await
        }
        Some(_) | None => merchant_api::call(State(site), request).await,
    }
}

/// Around a payer's page: of an order that is not ours, the browser goes on to the platform before.
pub async fn page(State(site): State<Site>, request: Request, next: Next) -> Response<Body> {
    let address = request.uri().clone();
    or_elsewhere(&site, &address, next.run(request).await)
}

/// A page of ours, or the way to that of the platform before if we do not know the order.
pub fn or_elsewhere(site: &Site, address: &Uri, page: Response<Body>) -> Response<Body> {
    if page.status() != StatusCode::NOT_FOUND {
        return page;
    }
    let address = address.path_and_query().map_or("/", PathAndQuery::as_str);
    let there = site.gateway.old_address(address);
    let Some(there) = there.and_then(|text| HeaderValue::try_from(text).ok()) else { return page };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, there);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Asks our own API, and the platform before if we know nothing.
async fn about_an_order(site: Site, operation: Operation, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (body, kept) = keeping(body);
    let ours = merchant_api::call(State(site.clone()), Request::from_parts(parts.clone(), body));
    let (head, body) = ours.await.into_parts();
    // Our own answers are in memory.
    let ours = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Some(trace_no) = trace_of_unknown(&ours) else {
        return Response::from_parts(head, Body::from(ours));
    };
    let body = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    let asked = Asked { operation, trace_no: trace_no.clone(), body };
    let span = tracing::info_span!("passed_on", trace_no);
    let language = reply::language(&parts.headers);
    // It is finished even if the client hangs up: a refund may be on its way.
    let work = async move { elsewhere(&site, &parts, asked).await }.instrument(span);
    let answer = match Outlive::new(work).await {
        Ok(None) => Body::from(ours),
        Ok(Some(Ok(answer))) => Body::from(answer),
        Ok(Some(Err(fault))) => Body::from(answer::failure(&fault, language, None, &trace_no)),
        Err(_) => {
            tracing::error!(trace_no, "a request that was passed on was not finished");
            Body::from(answer::failure(&Fault::Uncertain, language, None, &trace_no))
        }
    };
    Response::from_parts(head, answer)
}

/// The trace number of an answer of ours that says that there is no such order or refund.
fn trace_of_unknown(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let unknown = [Fault::OrderNotFound.code(), Fault::NotFound.code()];
    unknown
        .contains(&answer["code"].as_i64()?)
        .then(|| answer["_trace_no"].as_str().map(str::to_owned))?
}

/// A request that is asked elsewhere.
struct Asked {
    operation: Operation,
    trace_no: String,
    body: Vec<u8>,
}

/// The answer of the platform before, or why there is none; `None` if it is not asked.
async fn elsewhere(site: &Site, parts: &Parts, asked: Asked) -> Option<Result<Vec<u8>, Fault>> {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let query = parts.uri.query().unwrap_or_default();
    let raw = RawCall { operation: asked.operation, content_type, query, body: &asked.body };
    let caller = jubao::open(&raw).ok()?.caller();
    let caller = match site.gateway.caller(caller).await {
        Ok(caller) => caller,
        // It was known a moment ago: what there is elsewhere is not known.
        Err(fault) => return Some(Err(fault)),
    };
    if !site.gateway.passes_on_for(&caller) {
        return None;
    }
    tracing::debug!(trace_no = asked.trace_no, operation = ?asked.operation, "asked elsewhere");
    let key = idempotency::key_of(&parts.headers);
    let turn = idempotency::turn(&site.gateway, &caller, &raw, &key).await;
    match turn {
        Err(fault) => Some(Err(fault)),
        Ok(Some(KeyTurn::Answered(answer))) => Some(Ok(answer.into_bytes())),
        Ok(None) => site.gateway.pass_on(&caller, outgoing(parts, asked.body)).await,
        Ok(Some(KeyTurn::Act(claim))) => {
            let answered = site.gateway.pass_on(&caller, outgoing(parts, asked.body)).await;
            let language = reply::language(&parts.headers);
            let in_doubt = |fault: &Fault| answer::failure(fault, language, None, &asked.trace_no);
            Some(once_by_key(&site.gateway, claim, answered, in_doubt).await)
        }
    }
}

/// What is answered to a request with an `Idempotency-Key` that was passed on. The platform before knows no
/// such key, and what it may have done it must not be asked for again: that it is not known what became of
/// it is kept like an answer.
async fn once_by_key(
    gateway: &Gateway,
    claim: KeyClaim,
    answered: Option<Result<Vec<u8>, Fault>>,
    in_doubt: impl Fn(&Fault) -> String,
) -> Result<Vec<u8>, Fault> {
    let answered = answered.unwrap_or(Err(Fault::NotSent));
    let kept = match &answered {
        Err(Fault::NotSent) => None,
        Err(fault) => Some(in_doubt(fault)),
        Ok(body) => match (OldAnswer::parse(body), std::str::from_utf8(body)) {
            (Some(read), Ok(text)) if read.is_success() => Some(text.to_owned()),
            // A refusal has had no effect.
            (Some(_) | None, _) => None,
        },
    };
    match kept {
        None => {
            gateway.settle_key(claim, Some(&Fault::NotFound), "").await;
            answered
        }
        Some(text) => {
            gateway.settle_key(claim, None, &text).await;
            Ok(text.into_bytes())
        }
    }
}

/// Passes a callback on and gives its answer back.
async fn callback(site: Site, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let wait = site.edge.limits().times.body;
    let body = match callbacks::whole(body, wait).await {
        Ok(body) => body,
        Err((status, why)) => return callbacks::plain(status, why),
    };
    // Upstreams call again.
    let Some(_turn) = site.edge.callback_turn().await else {
        return callbacks::plain(StatusCode::SERVICE_UNAVAILABLE, "busy");
    };
    match site.gateway.pass_callback_on(outgoing(&parts, body)).await {
        Some(mut answer) => {
            answer.headers.retain(|(name, _)| *name == CONTENT_TYPE.as_str());
            callbacks::response(answer)
        }
        None => callbacks::plain(StatusCode::BAD_GATEWAY, "not answered, call again"),
    }
}

/// The request as it goes on: method, address and body as they came in, and the headers that are not
/// of one connection.
fn outgoing(parts: &Parts, body: Vec<u8>) -> HttpRequest {
    let once = of_connection(&parts.headers);
    let kept = parts.headers.iter().filter(|(name, _)| !once.contains(*name));
    let mut headers: Vec<_> = kept.filter_map(passed_header).collect();
    if let Some(client) = parts.extensions.get::<Client>() {
        headers.push((X_FORWARDED_FOR.to_owned(), client.ip.to_string()));
    }
    HttpRequest {
        method: parts.method.to_string(),
        url: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers,
        body,
    }
}

/// Headers that `Connection` names: they are of one connection as well (RFC 9110, 7.6.1).
fn of_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

fn passed_header((name, value): (&HeaderName, &HeaderValue)) -> Option<(String, String)> {
    let text = name.as_str();
    let is_of_proxy = OF_PROXIES.contains(&text) || text.starts_with(FORWARDED);
    let is_passed = !NOT_PASSED_ON.contains(name) && !is_of_proxy;
    is_passed.then(|| Some((name.to_string(), value.to_str().ok()?.to_owned())))?
}

/// A body, and where a copy of it is kept while it is read, as far as the merchants' API reads it.
fn keeping(body: Body) -> (Body, Arc<Mutex<Vec<u8>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let copy = kept.clone();
    let chunks = body.into_data_stream().inspect_ok(move |chunk: &Bytes| {
        let mut kept = copy.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + chunk.len() <= BODY_BYTES_MAX {
            kept.extend_from_slice(chunk);
        }
    });
    (Body::from_stream(chunks), kept)
}

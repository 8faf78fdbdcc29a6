//! The reference that is served: `/openapi.json` for programs. It shows nothing of a merchant or an
//! order, and is made of the tables that the program works with.

pub mod openapi;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Response};

/// The OpenAPI document.
pub async fn serve_openapi() -> Response<Body> {
    let mut response = Response::new(Body::from(openapi::text()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

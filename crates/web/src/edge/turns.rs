//! A payer's turn: pages are counted and bounded before anything is looked up for them.

use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use super::{Client, Edge, Turn};
use crate::cashier::{self, Trouble};
use crate::payer;
use crate::visit;

/// When a refused browser may ask again, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// A page's turn, as long as it is made.
pub struct PageTurn(#[expect(dead_code, reason = "it counts until it is dropped")] Turn);

impl<S> FromRequestParts<S> for PageTurn
where
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response<Body>> {
        let edge = Edge::from_ref(state);
        let client = Client::from_request_parts(parts, state).await;
        if client.is_ok_and(|client| !edge.is_welcome(client)) {
            return Err(refusal(parts, StatusCode::TOO_MANY_REQUESTS));
        }
        let turn = edge.page_turn().await;
        turn.map(Self).ok_or_else(|| refusal(parts, StatusCode::SERVICE_UNAVAILABLE))
    }
}

/// A page that says when to come back, in the visitor's language. It says nothing about the order:
/// nobody has looked at it.
pub(crate) fn refusal(parts: &Parts, status: StatusCode) -> Response<Body> {
    let language = visit::language(parts);
    let again = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let page = cashier::error(language, Trouble::Busy, again);
    let mut response = payer::html(status, &page);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    response
}

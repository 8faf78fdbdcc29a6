//! Upstreams' callbacks. The path that we gave the upstream names channel, merchant and account. A
//! body has a limit and a time, whoever sends it: nothing is verified before it is whole.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use channels::http::{HttpRequest, HttpResponse};
use gateway::CallbackPath;
use kernel::id::{Id, MchId};

use crate::Site;

/// Bytes of a callback that are read; upstreams send a few thousand.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Hands a callback to the gateway and answers as the upstream expects.
pub async fn receive(
    State(Site { gateway, edge }): State<Site>,
    Path((channel, mch_id, account_id, account_version)): Path<(String, i64, i64, i64)>,
    request: Request,
) -> Response<Body> {
    let path = CallbackPath {
        channel,
        mch_id: MchId(mch_id),
        account_id: Id(account_id),
        account_version,
    };
    let request = match arrived(request, edge.limits().times.body).await {
        Ok(request) => request,
        Err((status, why)) => return plain(status, why),
    };
    // Upstreams call again.
    let Some(_turn) = edge.callback_turn().await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "busy");
    };
    match gateway.receive_callback(&path, &request).await {
        Some(answer) => response(answer),
        None => plain(StatusCode::NOT_FOUND, "no such account"),
    }
}

/// A whole body, if it arrives within `wait`.
pub(crate) async fn whole(
    body: Body,
    wait: Duration,
) -> Result<Vec<u8>, (StatusCode, &'static str)> {
    arrived(Request::new(body), wait).await.map(|request| request.body)
}

/// The whole request, if it arrives within `wait`.
async fn arrived(
    request: Request,
    wait: Duration,
) -> Result<HttpRequest, (StatusCode, &'static str)> {
    match tokio::time::timeout(wait, value(request)).await {
        Ok(Ok(request)) => Ok(request),
        Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not arrive")),
    }
}

async fn value(request: Request) -> Result<HttpRequest, axum::Error> {
    let (parts, body) = request.into_parts();
    Ok(HttpRequest {
        method: parts.method.to_string(),
        url: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: texts(&parts.headers),
        body: to_bytes(body, BODY_BYTES_MAX).await?.to_vec(),
    })
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Headers as text; a value that is no text cannot be one that an upstream signs.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

/// An HTTP value as axum's response. A header that cannot be sent is left out.
pub fn response(answer: HttpResponse) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    async fn status_of(body: Body, wait: Duration) -> Result<Vec<u8>, u16> {
        let arrived = arrived(Request::new(body), wait).await;
        arrived.map(|request| request.body).map_err(|(status, _)| status.as_u16())
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let endless = || Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
        assert_eq!(status_of(endless(), Duration::ZERO).await, Err(408));
        let long = vec![0; BODY_BYTES_MAX + 1];
        let wait = Duration::from_secs(10);
        assert_eq!(status_of(Body::from(long), wait).await, Err(413));
        assert_eq!(status_of(Body::from("a=1"), wait).await, Ok(b"a=1".to_vec()));
    }
}

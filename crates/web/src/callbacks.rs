//! Upstreams' callbacks. The path that we gave the upstream names channel, merchant and account.

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use channels::http::{HttpRequest, HttpResponse};
use gateway::{CallbackPath, Gateway};
use kernel::id::{Id, MchId};

/// Bytes of a callback that are read; upstreams send a few thousand.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Hands a callback to the gateway and answers as the upstream expects.
pub async fn receive(
    State(gateway): State<Gateway>,
    Path((channel, mch_id, account_id, account_version)): Path<(String, i64, i64, i64)>,
    request: Request,
) -> Response<Body> {
    let path = CallbackPath {
        channel,
        mch_id: MchId(mch_id),
        account_id: Id(account_id),
        account_version,
    };
    let Ok(request) = value(request).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    match gateway.receive_callback(&path, &request).await {
        Some(answer) => response(answer),
        None => plain(StatusCode::NOT_FOUND, "no such account"),
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

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
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

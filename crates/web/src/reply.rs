//! An answer of the merchants' API before it is written, and how it is written: the documented envelope.

use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use gateway::{Gateway, Statuses, Topic};
use kernel::dialect::answer;
use kernel::fault::{Fault, Language};

/// When a busy gateway may be asked again, in seconds.
pub(crate) const RETRY_SECONDS: &str = "1";
/// What an envelope is.
pub(crate) const CONTENT_TYPE_JSON: &str = "application/json; charset=utf-8";

/// An answer before it is written: what happened, and the signed data that goes with it, a JSON
/// object.
pub(crate) struct Reply {
    pub(crate) fault: Option<Fault>,
    /// Whether the merchant must ask how a barcode payment ended (201).
    pub(crate) is_awaited: bool,
    pub(crate) data: Option<String>,
    /// The whole answer that the first of equal requests got.
    pub(crate) kept: Option<String>,
    /// What could make it another answer, for requests that may wait for it.
    pub(crate) topic: Option<Topic>,
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        failure(fault)
    }
}

pub(crate) fn failure(fault: Fault) -> Reply {
    Reply { fault: Some(fault), is_awaited: false, data: None, kept: None, topic: None }
}

/// What is said when an answer cannot be signed, which could not have been asked for either.
pub(crate) fn unsigned() -> Reply {
    tracing::error!("an answer was not signed: the platform's key is missing");
    failure(Fault::Uncertain)
}

/// An answer with the HTTP status that its code has.
pub(crate) fn written(
    gateway: &Gateway,
    reply: &Reply,
    language: Language,
    trace_no: &str,
) -> Response<Body> {
    let status = status(gateway.settings().statuses, reply.fault.as_ref());
    with_status(status, reply, (language, trace_no))
}

fn with_status(
    status: StatusCode,
    reply: &Reply,
    (language, trace_no): (Language, &str),
) -> Response<Body> {
    let mut response = envelope(status, reply, language, trace_no);
    if matches!(reply.fault, Some(Fault::Busy)) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    }
    response
}

/// 200, but for the two answers whose status the operator chooses.
pub(crate) fn status(statuses: Statuses, fault: Option<&Fault>) -> StatusCode {
    let code = match fault {
        Some(Fault::Busy) => statuses.busy,
        Some(Fault::TooLarge) => statuses.too_large,
        Some(_) | None => 200,
    };
    StatusCode::from_u16(code).unwrap_or(StatusCode::OK)
}

pub(crate) fn envelope(
    status: StatusCode,
    reply: &Reply,
    language: Language,
    trace_no: &str,
) -> Response<Body> {
    let text = reply.kept.clone().unwrap_or_else(|| text(reply, language, trace_no));
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_JSON));
    response
}

pub(crate) fn text(reply: &Reply, language: Language, trace_no: &str) -> String {
    match (&reply.fault, &reply.data) {
        (None, Some(data)) if reply.is_awaited => answer::awaited(data, language, trace_no),
        (None, Some(data)) => answer::success(data, trace_no),
        (None, None) => answer::failure(&Fault::Defect, language, None, trace_no),
        (Some(fault), data) => answer::failure(fault, language, data.as_deref(), trace_no),
    }
}

pub(crate) fn language(headers: &HeaderMap) -> Language {
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
    Language::from_accept_language(header.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_busy_and_too_large_have_the_status_that_the_operator_chose_and_busy_says_when_to_come_back()
     {
        let chosen = Statuses { busy: 503, too_large: 413 };
        for (fault, statuses, expect, comes_back) in [
            (Fault::Busy, Statuses::default(), 200, true),
            (Fault::Busy, chosen, 503, true),
            (Fault::TooLarge, Statuses::default(), 200, false),
            (Fault::TooLarge, chosen, 413, false),
            (Fault::Uncertain, chosen, 200, false),
            (Fault::WrongSignature, chosen, 200, false),
        ] {
            let reply = failure(fault);
            let status = status(statuses, reply.fault.as_ref());
            let response = with_status(status, &reply, (Language::Zh, "trace"));
            assert_eq!(response.status().as_u16(), expect, "{:?}", reply.fault);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), comes_back);
            let content_type = response.headers().get(CONTENT_TYPE).unwrap();
            assert_eq!(content_type, CONTENT_TYPE_JSON);
        }
        assert_eq!(status(chosen, None), StatusCode::OK);
    }
}

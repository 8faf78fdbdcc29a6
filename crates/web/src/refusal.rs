//! "Busy", written from a head alone: what a merchant's request hears that is refused later, header by header.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::StatusCode;
use gateway::Gateway;
use kernel::address;
use kernel::fault::{Fault, Language};

use crate::edge::Head;
use crate::reply::{self, CONTENT_TYPE_JSON, RETRY_SECONDS};

/// An answer in HTTP/1.1, or nothing if the address is none of the merchants' API.
pub(crate) fn busy(gateway: &Gateway, head: &Head<'_>) -> Option<Vec<u8>> {
    let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
    address::resolve(path, query)?;
    let reply = reply::failure(Fault::Busy);
    let language = Language::from_accept_language(head.language);
    let text = reply::text(&reply, language, &gateway.trace_no());
    let status = reply::status(gateway.settings().statuses, reply.fault.as_ref());
    Some(written(status, &text, gateway.now().seconds()))
}

fn written(status: StatusCode, text: &str, now_s: i64) -> Vec<u8> {
    let date = UNIX_EPOCH + Duration::from_secs(now_s.try_into().unwrap_or(0));
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {CONTENT_TYPE_JSON}\r\nretry-after: {RETRY_SECONDS}\r\n\
         content-length: {}\r\ndate: {}\r\n\r\n{text}",
        text.len(),
        httpdate::fmt_http_date(date),
    )
    .into_bytes()
}

//! How a page inside WeChat learns who its payer is (微信网页授权): the payer is sent to `authorize` and
//! comes back with a code, which the page's server exchanges for the payer's openid.
//!
//! One thing is laxer here: any app and any secret will do.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::book::Book;
use super::trade::OPENID;
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};

/// Where the payer is sent.
pub(super) const AUTHORIZE: &str = "/connect/oauth2/authorize";
/// Where the code is exchanged.
pub(super) const ACCESS_TOKEN: &str = "/sns/oauth2/access_token";

/// How long a code can be exchanged.
const CODE_LIFE_MS: i64 = 5 * 60 * 1000;
/// Longest `state`, in bytes.
const STATE_MAX: usize = 128;

/// A payer who was sent back with a code.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    appid: String,
    scope: String,
    expires_ms: i64,
}

/// Answers the payer's browser, or the page's server.
pub(super) fn serve(book: &mut Book, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
    let query = Query(request.query().as_bytes());
    if request.path() == AUTHORIZE {
        let page = authorize(book, &query, stamp);
        return page.unwrap_or_else(|text| {
            HttpResponse::new(200, "text/html;charset=utf-8", format!("<h1>{text}</h1>"))
        });
    }
    let told = exchange(book, &query, stamp.now);
    let object = told.unwrap_or_else(|(code, text)| json!({ "errcode": code, "errmsg": text }));
    HttpResponse::new(200, "text/plain", object.to_string())
}

struct Query<'a>(&'a [u8]);

impl Query<'_> {
    /// A parameter; empty if it is missing.
    fn text(&self, name: &str) -> String {
        let mut pairs = url::form_urlencoded::parse(self.0);
        pairs.find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value.into_owned())
    }
}

fn authorize(
    book: &mut Book,
    query: &Query<'_>,
    stamp: &Stamp,
) -> Result<HttpResponse, &'static str> {
    let (appid, scope, state) = (query.text("appid"), query.text("scope"), query.text("state"));
    if !appid.starts_with("wx") {
        return Err("AppID 参数错误");
    }
    if query.text("response_type") != "code" {
        return Err("response_type 参数错误");
    }
    if !matches!(scope.as_str(), "snsapi_base" | "snsapi_userinfo") {
        return Err("Scope 参数错误或没有 Scope 权限");
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    if state.len() > STATE_MAX || !state.bytes().all(is_plain) {
        return Err("state 参数错误");
    }
    let mut back = Url::parse(&query.text("redirect_uri"))
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or("redirect_uri 参数错误")?;
    let code = stamp.nonce.clone();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
    let expires_ms = stamp.now.plus_millis(CODE_LIFE_MS).millis();
    book.logins.retain(|_, login| login.expires_ms > stamp.now.millis());
    book.logins.insert(code, Login { appid, scope, expires_ms });
    let mut answer = HttpResponse::new(302, "text/html", "");
    answer.headers.push(("Location".to_owned(), back.into()));
    Ok(answer)
}

fn exchange(
    book: &mut Book,
    query: &Query<'_>,
    now: Timestamp,
) -> Result<Value, (i64, &'static str)> {
    if query.text("grant_type") != "authorization_code" {
        return Err((40002, "invalid grant_type"));
    }
    if query.text("secret").is_empty() {
        return Err((41004, "appsecret missing"));
    }
    let appid = query.text("appid");
    let login = book.logins.remove(&query.text("code"));
    let login =
        login.filter(|login| login.expires_ms > now.millis()).ok_or((40029, "invalid code"))?;
    if login.appid != appid {
        return Err((40013, "invalid appid"));
    }
    Ok(json!({
        "access_token": "SIMULATED_ACCESS_TOKEN",
        "expires_in": 7200,
        "refresh_token": "SIMULATED_REFRESH_TOKEN",
        "openid": OPENID,
        "scope": login.scope,
    }))
}

//! How a page inside WeChat learns who its payer is (微信网页授权): the payer is sent to `authorize` and
//! comes back with a code, which the page's server exchanges for the payer's openid.
//!
//! And how such a page may call WeChat's script: token, ticket, and the script itself (JS-SDK).
//!
//! Two things are laxer here: any app and any secret will do, and the page's signature is not looked
//! at, since the script stays in the page.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::book::Book;
use super::trade::OPENID;
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};

/// Where the payer is sent.
const AUTHORIZE: &str = "/connect/oauth2/authorize";
/// Where the code is exchanged.
const ACCESS_TOKEN: &str = "/sns/oauth2/access_token";

/// Where a server gets its token.
const TOKEN: &str = "/cgi-bin/stable_token";
/// Where it gets the ticket that pages are signed with.
const TICKET: &str = "/cgi-bin/ticket/getticket";
/// Where pages get WeChat's script.
const SCRIPT: &str = "/wechat-js/jweixin-1.2.0.js";
const ACCESS: &str = "SIMULATED_ACCESS_TOKEN";
/// The ticket that every page is signed with.
pub const JSAPI_TICKET: &str = "SIMULATED_JSAPI_TICKET";
/// The part of WeChat's script that pages of the Hong Kong wallet use: it calls the app that the page
/// is in, once it is set up.
const JWEIXIN: &str = "\
(() => {
  let config = null, ready = [], failed = () => {};
  const settle = () => { if (config) { ready.splice(0).forEach((call) => call()); } };
  window.wx = {
    config(given) {
      const names = ['appId', 'timestamp', 'nonceStr', 'signature', 'jsApiList'];
      if (!names.every((name) => given[name])) return failed({ errMsg: 'config:fail' });
      config = given;
      settle();
    },
    ready(call) { ready.push(call); settle(); },
    error(call) { failed = call; },
    invoke(name, given, call) {
      if (!config.jsApiList.includes(name)) return call({ errMsg: name + ':permission denied' });
      window.WeixinJSBridge.invoke(name, given, (said) => call({ errMsg: said.err_msg }));
    },
  };
})();
";

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
    let told = match request.path() {
        AUTHORIZE => {
            let page = authorize(book, &query, stamp);
            return page.unwrap_or_else(|text| {
                HttpResponse::new(200, "text/html;charset=utf-8", format!("<h1>{text}</h1>"))
            });
        }
        SCRIPT => return HttpResponse::new(200, "text/javascript;charset=utf-8", JWEIXIN),
        TOKEN => token(&request.body),
        TICKET => ticket(&query),
        _ => exchange(book, &query, stamp.now),
    };
    let object = told.unwrap_or_else(|(code, text)| json!({ "errcode": code, "errmsg": text }));
    HttpResponse::new(200, "text/plain", object.to_string())
}

/// Whether such a path is of the web authorization or of WeChat's script.
pub(super) fn is_path(path: &str) -> bool {
    [AUTHORIZE, ACCESS_TOKEN, TOKEN, TICKET, SCRIPT].contains(&path)
}

/// The answer, or `errcode` and `errmsg`.
type Told = Result<Value, (i64, &'static str)>;

fn token(body: &[u8]) -> Told {
    let asked: Value = serde_json::from_slice(body).map_err(|_| (47001, "data format error"))?;
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    match (text("grant_type"), text("appid").is_empty(), text("secret").is_empty()) {
        ("client_credential", false, false) => {
            Ok(json!({ "access_token": ACCESS, "expires_in": 7200 }))
        }
        ("client_credential", true, _) => Err((41002, "appid missing")),
        ("client_credential", false, true) => Err((41004, "appsecret missing")),
        _ => Err((40002, "invalid grant_type")),
    }
}

fn ticket(query: &Query<'_>) -> Told {
    if query.text("access_token") != ACCESS {
        return Err((40001, "invalid credential, access_token is invalid or not latest"));
    }
    if query.text("type") != "jsapi" {
        return Err((40097, "invalid args"));
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok", "ticket": JSAPI_TICKET, "expires_in": 7200 }))
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

fn exchange(book: &mut Book, query: &Query<'_>, now: Timestamp) -> Told {
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
        "access_token": ACCESS,
        "expires_in": 7200,
        "refresh_token": "SIMULATED_REFRESH_TOKEN",
        "openid": OPENID,
        "scope": login.scope,
    }))
}

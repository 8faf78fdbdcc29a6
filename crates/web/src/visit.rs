//! A browser that asks for a page: what its request says about the order it wants, the person in
//! front of it and the program it is.
//!
//! Payers' addresses pass through chats, wallets and cameras, which add to them and break them. So
//! nothing in a request's address or headers is an error here: what cannot be read counts as absent.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::{ACCEPT_LANGUAGE, HeaderName, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use kernel::product::Provider;

use crate::browser::{self, Browser};
use crate::edge::Client;
use crate::language::Language;

/// A browser's request for a page.
#[derive(Debug)]
pub struct Visit {
    /// The payer's token; empty if the address has none that can be read.
    pub token: String,
    /// The wallet that the payer chose, in `?wallet=`.
    pub wallet: Option<Provider>,
    /// The attempt that this browser began, in `?by=`.
    pub attempt: Option<i64>,
    /// Whether the payer would rather have a code, in `?with=code`.
    pub wants_code: bool,
    /// Path and query, as they were asked for.
    pub address: String,
    /// The language to answer in: `?lang=`, else what the browser prefers.
    pub language: Language,
    /// The program that asks.
    pub browser: Browser,
    /// Where it asks from, as the edge knows it.
    pub ip: IpAddr,
    /// HEAD: somebody looks whether there is a page, and nobody pays.
    pub is_head: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = <Client as FromRequestParts<S>>::Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let client = Client::from_request_parts(parts, state).await?;
        let wish = Wish::of(&parts.uri);
        let path = Path::<String>::from_request_parts(parts, state).await;
        let token = path.map_or_else(|_| wish.old_style_token(), |Path(token)| token);
        Ok(Self {
            token,
            wallet: wish.of_name("wallet").and_then(Provider::from_word),
            attempt: wish.of_name("by").and_then(|no| no.parse().ok()),
            wants_code: wish.of_name("with") == Some("code"),
            address: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            language: language_of(&wish, &parts.headers),
            browser: browser::detect(text(&parts.headers, USER_AGENT).unwrap_or_default()),
            ip: client.ip,
            is_head: parts.method == Method::HEAD,
        })
    }
}

/// What WeChat sends a payer back with. It has no `Debug`: a code is whoever shows it first.
pub struct LoginAnswer {
    /// The code.
    pub code: String,
    /// What we sent along.
    pub state: String,
}

impl<S: Send + Sync> FromRequestParts<S> for LoginAnswer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let wish = Wish::of(&parts.uri);
        let text = |name| wish.of_name(name).unwrap_or_default().to_owned();
        Ok(Self { code: text("code"), state: text("state") })
    }
}

/// The language to answer a request in.
pub fn language(parts: &Parts) -> Language {
    language_of(&Wish::of(&parts.uri), &parts.headers)
}

fn language_of(wish: &Wish, headers: &HeaderMap) -> Language {
    Language::choose(wish.of_name("lang"), text(headers, ACCEPT_LANGUAGE))
}

/// `_m` of an address in the old style: which part of the program it asks for.
pub fn module(uri: &Uri) -> Option<String> {
    Wish::of(uri).of_name("_m").map(str::to_owned)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The parameters of an address, in their order.
struct Wish(Vec<(String, String)>);

impl Wish {
    fn of(uri: &Uri) -> Self {
        Self(Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs))
    }

    /// The first parameter of that name: a second one was added by somebody on the way.
    fn of_name(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The token of `/index.php?_m=pay&parameter=TOKEN`.
    fn old_style_token(&self) -> String {
        let is_page = self.of_name("_m") == Some("pay");
        self.of_name("parameter").filter(|_| is_page).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn visit(method: Method, uri: &str, headers: &[(HeaderName, &str)]) -> Visit {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let client = Client::direct("192.0.2.7".parse().unwrap());
        let (mut parts, ()) = request.extension(client).body(()).unwrap().into_parts();
        Visit::from_request_parts(&mut parts, &()).await.unwrap()
    }

    #[tokio::test]
    async fn an_address_that_was_mangled_on_its_way_is_no_error() {
        for query in ["lang=a&lang=b", "lang=%ff%fe", "wallet", "=&&=", "wallet=gold&lang[]=en", ""]
        {
            let visit = visit(Method::GET, &format!("/pay/t?{query}"), &[]).await;
            assert_eq!((visit.language, visit.wallet), (Language::ZhHans, None), "{query}");
        }
        let repeated = visit(Method::GET, "/pay/t?lang=en&lang=zh-Hant&from=timeline", &[]).await;
        assert_eq!(repeated.language, Language::En);
    }

    #[tokio::test]
    async fn the_old_style_names_its_token_in_the_query() {
        let token = async |uri: &str| visit(Method::GET, uri, &[]).await.token;
        assert_eq!(token("/index.php?_m=pay&parameter=a-b-c").await, "a-b-c");
        assert_eq!(token("/index.php?_m=payment&parameter=a-b-c").await, "");
        assert_eq!(token("/index.php").await, "");
    }

    #[tokio::test]
    async fn a_request_says_who_asks() {
        let headers = [(USER_AGENT, "x MicroMessenger/8.0"), (ACCEPT_LANGUAGE, "zh-HK")];
        let visit = visit(Method::HEAD, "/pay/t?wallet=wechat", &headers).await;
        assert_eq!((visit.browser, visit.language), (Browser::Wechat, Language::ZhHant));
        assert_eq!((visit.wallet, visit.is_head), (Some(Provider::Wechat), true));
        assert_eq!(visit.ip.to_string(), "192.0.2.7");
    }
}

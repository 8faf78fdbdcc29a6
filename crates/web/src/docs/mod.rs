//! The reference that is served: `/openapi.json` for programs, `/docs` for people. It shows
//! nothing of a merchant or an order, and is made of the tables that the program works with.
//!
//! Pages are in 简体中文 and English; who reads 繁體中文 is given the first.

mod codes;
mod home;
mod notifications;
pub mod openapi;
mod operation;
mod samples;
mod search;
mod shell;
mod sign;
mod tables;

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use kernel::address::{ADDRESSES, Address};
use kernel::fault::Wording;
use kernel::reference::operations;
use maud::Markup;

use crate::edge::PageTurn;
use crate::language::Language;
use crate::page::CSP;
use crate::visit;

/// Where the pages are.
const ROOT: &str = "/docs";
/// The languages of the pages.
const LANGUAGES: [Language; 2] = [Language::ZhHans, Language::En];
/// Policy of the signature's page: it computes with the merchant's key, so nothing can leave it.
const SIGN_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self'; \
    connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A page.
#[derive(Copy, Clone, Debug)]
enum Page {
    Home,
    Sign,
    Operation(&'static Address),
    Notifications,
    Products,
    States,
    Codes,
}

impl Page {
    /// Every page, in the order of the navigation.
    fn all() -> impl Iterator<Item = Self> {
        let operations = ADDRESSES.iter().map(Self::Operation);
        let last = [Self::Notifications, Self::Products, Self::States, Self::Codes];
        [Self::Home, Self::Sign].into_iter().chain(operations).chain(last)
    }

    /// The last part of its address; the operation at `/payment/pay` has `payment-pay`.
    fn slug(self) -> String {
        match self {
            Self::Home => String::new(),
            Self::Sign => "sign".into(),
            Self::Operation(address) => address.path.trim_start_matches('/').replace('/', "-"),
            Self::Notifications => "notifications".into(),
            Self::Products => "products".into(),
            Self::States => "states".into(),
            Self::Codes => "codes".into(),
        }
    }

    /// Its address, without the language.
    fn path(self) -> String {
        let path = format!("{ROOT}/{}", self.slug());
        path.trim_end_matches('/').to_owned()
    }

    fn title(self) -> Wording {
        match self {
            Self::Home => ["开始", "Begin here"],
            Self::Sign => ["签名与验签工具", "Signature, and a tool for it"],
            Self::Operation(address) => operations::info(address.operation).title,
            Self::Notifications => ["付款通知", "Notifications"],
            Self::Products => ["支付产品", "Products"],
            Self::States => ["订单与退款状态", "States"],
            Self::Codes => ["响应码", "Answer codes"],
        }
    }

    fn main(self, language: Language) -> Markup {
        match self {
            Self::Home => home::page(language),
            Self::Sign => sign::page(language),
            Self::Operation(address) => operation::page(address, language),
            Self::Notifications => notifications::page(language),
            Self::Products => tables::products(language),
            Self::States => tables::states(language),
            Self::Codes => codes::page(language),
        }
    }

    fn policy(self) -> &'static str {
        match self {
            Self::Sign => SIGN_POLICY,
            Self::Home
            | Self::Operation(_)
            | Self::Notifications
            | Self::Products
            | Self::States
            | Self::Codes => CSP,
        }
    }
}

/// A text in a language that the pages have.
fn say(language: Language, [zh, en]: Wording) -> &'static str {
    language.of([zh, zh, en])
}

/// The language to answer in: one that the pages have.
fn language(parts: &Parts) -> Language {
    match visit::language(parts) {
        Language::ZhHans | Language::ZhHant => Language::ZhHans,
        Language::En => Language::En,
    }
}

/// A page as it is sent.
struct Written {
    slug: String,
    language: Language,
    text: String,
    policy: &'static str,
}

/// Every page in every language. They are constants, so they cost what an asset does, and wait
/// for no turn.
static PAGES: LazyLock<Vec<Written>> = LazyLock::new(|| {
    let each = Page::all().flat_map(|page| LANGUAGES.map(|language| (page, language)));
    let written = each.map(|(page, language)| Written {
        slug: page.slug(),
        language,
        text: shell::document(page, language, &page.main(language)).into_string(),
        policy: page.policy(),
    });
    written.collect()
});

fn find(slug: &str, language: Language) -> Option<&'static Written> {
    PAGES.iter().find(|page| page.slug == slug && page.language == language)
}

/// A page of the reference, or 404.
pub async fn serve_page(request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let language = language(&parts);
    let slug = parts.uri.path().trim_start_matches(ROOT).trim_matches('/');
    match find(slug, language) {
        Some(page) => html(StatusCode::OK, page.text.clone(), page.policy),
        None => {
            let text = shell::lost(language).into_string();
            html(StatusCode::NOT_FOUND, text, CSP)
        }
    }
}

/// What was searched for, in `?q=`.
pub async fn serve_search(_turn: PageTurn, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let language = language(&parts);
    let wanted = search::wanted(&parts.uri);
    html(StatusCode::OK, search::page(&wanted, language).into_string(), CSP)
}

/// The OpenAPI document.
pub async fn serve_openapi() -> Response<Body> {
    let mut response = Response::new(Body::from(openapi::text()));
    set(&mut response, &[(CONTENT_TYPE, "application/json; charset=utf-8")]);
    response
}

fn html(status: StatusCode, text: String, policy: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept-language"),
    ];
    set(&mut response, &headers);
    response
}

fn set(response: &mut Response<Body>, headers: &[(HeaderName, &'static str)]) {
    let every = [(CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    for (name, value) in headers.iter().chain(&every) {
        response.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_load_nothing_from_elsewhere_and_hold_nothing_inline() {
        for Written { slug, language, text, .. } in PAGES.iter() {
            for wrong in ["src=\"http", "href=\"http", "<style", " style=", "<script>", " onclick="]
            {
                assert!(!text.contains(wrong), "{slug} {wrong}");
            }
            assert!(text.contains(&format!("<html lang=\"{}\"", language.tag())), "{slug}");
        }
    }

    #[test]
    fn every_link_between_pages_leads_to_a_page_and_every_anchor_to_an_element() {
        for Written { slug, language, text, .. } in PAGES.iter() {
            for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let Some(rest) = link.strip_prefix(ROOT) else { continue };
                let (path, anchor) = rest.split_once('#').unwrap_or((rest, ""));
                let path = path.split('?').next().unwrap().trim_matches('/');
                let page = find(path, *language);
                let page = page.unwrap_or_else(|| panic!("{slug} links to {link}"));
                let id = format!("id=\"{anchor}\"");
                assert!(anchor.is_empty() || page.text.contains(&id), "{slug} links to {link}");
            }
        }
    }

    #[test]
    fn only_the_page_that_is_given_a_key_can_send_nothing() {
        for Written { slug, text, policy, .. } in PAGES.iter() {
            let is_sign = slug == "sign";
            assert_eq!(policy.contains("connect-src 'none'"), is_sign, "{slug}");
            assert_eq!(text.contains("<form"), !is_sign, "{slug}");
        }
    }
}

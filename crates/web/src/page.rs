//! The shell of every page of ours: head, brand, languages, and the policy that guards it.
//!
//! A page loads nothing from other hosts and holds no inline script or style, so text of a merchant
//! or a payer that slipped through could still do nothing. maud escapes every value.

use kernel::money::{Currency, Money};
use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::language::{Language, Text};

/// `Content-Security-Policy` of every page made here.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// [`CSP`] with one more script: WeChat's own, for the page that calls it.
pub fn policy_with_script(script: &str) -> String {
    let sources = script_address(script).map_or_else(String::new, |script| format!(" {script}"));
    CSP.replacen("script-src 'self'", &format!("script-src 'self'{sources}"), 1)
}

/// `url` if it is a script of another host that a policy can name: without query or anything that
/// would end its part of the policy.
pub fn script_address(url: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-_~%".contains(&byte);
    web_address(url).filter(|url| url.bytes().all(is_plain))
}

/// Characters of an amount from which it is set smaller, so that it stays on a phone's screen.
const LONG_AMOUNT: usize = 9;

/// What a page puts into the shell.
#[derive(Debug)]
pub struct Shell<'a> {
    /// Language of the page.
    pub language: Language,
    /// `<title>`.
    pub title: &'a str,
    /// Name of the style sheet among the assets.
    pub style: &'a str,
    /// Addresses of the scripts, in the order in which they run.
    pub scripts: &'a [String],
    /// Seconds after which a browser without script asks again; 0 for never.
    pub refresh_seconds: u32,
    /// Path of this page, for the links to its other languages; `None` leaves them out.
    pub path: Option<&'a str>,
}

/// A whole document around `main`, which holds the `<main>` element.
pub fn document(shell: &Shell<'_>, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(shell.language.tag()) {
            (head(shell))
            body {
                (header(shell.language))
                p #live .unseen role="status" aria-live="polite" {}
                (main)
                (footer(shell))
            }
        }
    }
}

/// The head of a document.
pub(crate) fn head(shell: &Shell<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="format-detection" content="telephone=no";
            title { (shell.title) }
            link rel="icon" href=(assets::address("icon.svg"));
            link rel="stylesheet" href=(assets::address(shell.style));
            @for script in shell.scripts { script src=(script) defer {} }
            @if shell.refresh_seconds > 0 {
                noscript { meta http-equiv="refresh" content=(shell.refresh_seconds); }
            }
        }
    }
}

/// `$`-like sign before an amount.
fn sign(currency: Currency) -> &'static str {
    match currency {
        Currency::Cny => "¥",
        Currency::Hkd => "HK$",
        Currency::Aud => "A$",
    }
}

/// An amount for people: its sign, its digits in groups of three, and its code for readers' voices.
pub fn money(amount: Money) -> Markup {
    let digits = grouped(&amount.decimal());
    html! {
        span .money .long[digits.len() > LONG_AMOUNT] role="img" aria-label=(amount) {
            span .sign aria-hidden="true" { (sign(amount.currency)) }
            span .digits aria-hidden="true" { (digits) }
        }
    }
}

/// `1234567.89` as `1,234,567.89`.
fn grouped(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let (minus, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::from(minus);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}.{fraction}")
}

/// `url` if a browser may be sent there: a page, never a script or a file.
pub fn web_address(url: &str) -> Option<&str> {
    has_scheme(url, &["http", "https"]).then_some(url)
}

/// `url` if it is a page, one of our own paths or a door into a wallet's app.
pub fn wallet_address(url: &str) -> Option<&str> {
    const SCHEMES: &[&str] =
        &["http", "https", "weixin", "alipay", "alipays", "alipayhk", "upwallet", "uppaywallet"];
    (has_scheme(url, SCHEMES) || is_own_path(url)).then_some(url)
}

/// Whether `url` is a path on our host. Browsers read `//x` and `/\x` as other hosts.
fn is_own_path(url: &str) -> bool {
    url.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']))
}

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| schemes.contains(&scheme.as_str()))
}

/// The brand's mark: a cut stone.
pub(crate) fn mark() -> Markup {
    html! {
        svg .mark viewBox="0 0 32 32" aria-hidden="true" {
            rect width="32" height="32" rx="8" fill="#0c5c4a" {}
            path d="M16 6l9 9-9 11-9-11zM7 15h18M12.5 15l3.5 11 3.5-11" fill="none"
                stroke="#f2cf7a" stroke-width="2" stroke-linejoin="round" {}
        }
    }
}

const BRAND: Text = ["聚宝 Pay", "聚寶 Pay", "Jubao Pay"];
const SECURE: Text = ["收银台", "收銀台", "Checkout"];
const LANGUAGES: Text = ["语言", "語言", "Language"];

/// The brand's name.
pub fn brand(language: Language) -> &'static str {
    language.of(BRAND)
}

fn header(language: Language) -> Markup {
    html! {
        header .top {
            (mark())
            span .brand { (brand(language)) }
            span .where { (language.of(SECURE)) }
        }
    }
}

fn footer(shell: &Shell<'_>) -> Markup {
    html! {
        footer .foot {
            @if let Some(path) = shell.path {
                nav aria-label=(shell.language.of(LANGUAGES)) {
                    @for language in Language::ALL {
                        a href={ (path) "?lang=" (language.tag()) } lang=(language.tag())
                            hreflang=(language.tag())
                            aria-current=[(language == shell.language).then_some("true")] {
                            (language.name())
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_named() {
        for (decimal, expect) in [
            ("0.01", "0.01"),
            ("999.00", "999.00"),
            ("1000.00", "1,000.00"),
            ("21474836.47", "21,474,836.47"),
            ("-1234.50", "-1,234.50"),
        ] {
            assert_eq!(grouped(decimal), expect);
        }
        let text = money(Money::new(123_456, Currency::Hkd)).into_string();
        assert!(text.contains("HK$") && text.contains("1,234.56"), "{text}");
        assert!(text.contains(r#"aria-label="1234.56 HKD""#), "{text}");
    }

    #[test]
    fn one_script_of_another_host_is_allowed_where_it_is_named() {
        let policy = policy_with_script("https://res.wx.qq.com/open/js/jweixin-1.2.0.js");
        assert!(
            policy.contains("script-src 'self' https://res.wx.qq.com/open/js/jweixin-1.2.0.js;"),
            "{policy}"
        );
        for wrong in
            ["", "*", "https://a.example/x.js; img-src *", "https://a.example/ *", "data:x"]
        {
            assert_eq!(policy_with_script(wrong), CSP, "{wrong}");
        }
    }

    #[test]
    fn only_pages_and_wallets_are_linked() {
        assert!(web_address("https://shop.example/a?b=c").is_some());
        assert!(web_address("HTTP://聚宝.com/").is_some());
        for url in
            ["javascript:alert(1)", "javascript://%0aalert(1)", "data:text/html,x", "", "//x"]
        {
            assert_eq!(web_address(url), None, "{url}");
            assert_eq!(wallet_address(url), None, "{url}");
        }
        assert!(wallet_address("alipays://platformapi/startapp?appId=1").is_some());
        assert!(wallet_address("/pay/1-2-3/go?wallet=alipay").is_some());
        for url in ["//evil.example/", "/\\evil.example/", "pay/1-2-3/go"] {
            assert_eq!(wallet_address(url), None, "{url}");
        }
        assert_eq!(web_address("/orders/1"), None);
        assert_eq!(web_address("weixin://wxpay/bizpayurl?pr=x"), None);
    }
}

//! The part of the payer's page that is acted on: a code, buttons, or word that one has to wait.

use kernel::product::Provider;
use kernel::state::TradeState;
use maud::{Markup, html};

use super::marks::{self, Sign};
use super::texts::{self, TEXTS};
use super::{Trouble, View, Way, address, qr};
use crate::language::Language;
use crate::page;

/// What a wallet learns of where its payer came from: the host, which WeChat Pay compares with the
/// one registered for H5 (v3 manual, H5 payment: Referer), but never the payer's token.
const WALLET_REFERRER: &str = "origin";

/// What this browser can do about the order now.
pub(crate) fn way(view: &View<'_>) -> Markup {
    let language = view.language;
    match view.way {
        Way::Scan { qr_text, wallets } => scan(view, qr_text, wallets),
        Way::Open { href, wallet, before } => open(view, href, (wallet, before)),
        Way::Choose { alipay_href, wechat_href, unionpay_href, qr_text, wallets } => html! {
            h1 { (language.of(TEXTS.choose)) }
            (choices(language, &[
                (Provider::Alipay, alipay_href),
                (Provider::Wechat, wechat_href),
                (Provider::Unionpay, unionpay_href),
            ]))
            @if !wallets.is_empty() { (or_scan(language, qr_text, wallets)) }
            (check(view))
        },
        Way::LongPress { qr_text, href } => long_press(view, qr_text, href),
        Way::Call { call, config, begins, again_href, code_href, .. } => {
            self::call(view, (call, config, begins), (again_href, code_href))
        }
        Way::Outside { url } => outside(view, url),
        Way::Wait => wait(view),
        Way::Trouble { why } => trouble(view, why),
    }
}

fn scan(view: &View<'_>, qr_text: &str, wallets: &[Provider]) -> Markup {
    let language = view.language;
    let names = texts::wallets(language, wallets);
    html! {
        h1 .with-marks {
            @for wallet in wallets { (marks::wallet(*wallet)) }
            span { (texts::fill(language, TEXTS.scan, &names)) }
        }
        (code(language, qr_text))
        p .hint { (language.of(TEXTS.scan_hint)) }
        p .hint.on-phone { (texts::fill(language, TEXTS.scan_phone, &names)) }
        (check(view))
    }
}

fn open(view: &View<'_>, href: &str, (wallet, before): (Provider, Option<Provider>)) -> Markup {
    let language = view.language;
    html! {
        h1 .unseen { (language.of(TEXTS.title)) }
        (choices(language, &[(wallet, Some(href))]))
        @if let Some(before) = before {
            p #before .hint {
                (texts::fill(language, TEXTS.open_before, texts::wallet(language, before)))
            }
        }
        p .hint { (language.of(TEXTS.open_hint)) }
        (check(view))
    }
}

/// A button for each wallet that can be opened.
fn choices(language: Language, offers: &[(Provider, Option<&str>)]) -> Markup {
    html! {
        div .choices {
            @for (wallet, href) in offers {
                @if let Some(href) = href.and_then(page::wallet_address) {
                    a id={ "pay-" (wallet.word()) } class={ "button wallet-" (wallet.word()) }
                        href=(href) referrerpolicy=(WALLET_REFERRER) {
                        (marks::wallet(*wallet))
                        span { (texts::fill(language, TEXTS.open, texts::wallet(language, *wallet))) }
                    }
                }
            }
        }
    }
}

/// The code for the wallets that the merchant takes.
fn or_scan(language: Language, qr_text: &str, wallets: &[Provider]) -> Markup {
    let names = texts::wallets(language, wallets);
    html! {
        p .divider { span { (texts::fill(language, TEXTS.choose_scan, &names)) } }
        (code(language, qr_text))
    }
}

fn long_press(view: &View<'_>, qr_text: &str, href: Option<&str>) -> Markup {
    let language = view.language;
    html! {
        h1 .with-marks {
            (marks::wallet(Provider::Wechat))
            span { (language.of(TEXTS.long_press)) }
        }
        (code(language, qr_text))
        p .hint { (language.of(TEXTS.long_press_hint)) }
        @if let Some(href) = href.and_then(page::wallet_address) {
            a #continue .button.quiet href=(href) referrerpolicy=(WALLET_REFERRER) {
                (language.of(TEXTS.long_press_link))
            }
        }
        (check(view))
    }
}

/// WeChat's own payment. What WeChat says of it is shown as a hint; only the order's state is believed.
fn call(
    view: &View<'_>,
    (call, config, begins): (&str, &str, bool),
    (again_href, code_href): (Option<&str>, Option<&str>),
) -> Markup {
    let language = view.language;
    html! {
        h1 .unseen { (language.of(TEXTS.title)) }
        button #call .button.wallet-wechat type="button" data-call=(call)
            data-config=[(!config.is_empty()).then_some(config)] data-begins[begins] {
            (marks::wallet(Provider::Wechat))
            span { (language.of(TEXTS.call)) }
        }
        noscript { p .hint role="alert" { (language.of(TEXTS.call_no_script)) } }
        p #called-cancel .hint role="status" hidden { (language.of(TEXTS.call_cancelled)) }
        p #called-fail .hint role="alert" hidden { (language.of(TEXTS.call_failed)) }
        p #called-ok .hint role="status" hidden { (language.of(TEXTS.call_done)) }
        p #called-not .hint role="alert" hidden { (language.of(TEXTS.call_no_wechat)) }
        @if let Some(href) = again_href.and_then(page::wallet_address) {
            a #again .button.quiet href=(href) hidden { (language.of(TEXTS.call_again)) }
        }
        @if let Some(href) = code_href.and_then(page::wallet_address) {
            a #with-code .button.quiet href=(href) hidden { (language.of(TEXTS.call_code)) }
        }
        (check(view))
    }
}

/// How to leave an app that does not open this payment. Without script the address can be copied by
/// hand.
fn outside(view: &View<'_>, url: &str) -> Markup {
    let language = view.language;
    html! {
        h1 .with-marks { (marks::outside()) span { (language.of(TEXTS.outside)) } }
        p .hint { (language.of(TEXTS.outside_hint)) }
        ol .steps {
            li { (language.of(TEXTS.outside_menu)) }
            li { (language.of(TEXTS.outside_open)) }
        }
        p .divider { span { (language.of(TEXTS.or)) } }
        label .unseen for="link" { (language.of(TEXTS.outside_link)) }
        input #link .link type="text" readonly value=(url);
        button #copy .quiet.button type="button" hidden
            data-done=(language.of(TEXTS.outside_copied)) {
            (language.of(TEXTS.outside_copy))
        }
        (check(view))
    }
}

fn wait(view: &View<'_>) -> Markup {
    let language = view.language;
    html! {
        div .waiting {
            (marks::sign(Sign::Unknown))
            h1 { (language.of(TEXTS.wait)) }
            p .hint { (language.of(TEXTS.wait_hint)) }
        }
        (check(view))
    }
}

fn trouble(view: &View<'_>, why: Trouble) -> Markup {
    let language = view.language;
    let (heading, sentence) = why.texts();
    html! {
        div .waiting {
            (marks::sign(Sign::Alert))
            h1 { (language.of(heading)) }
            p .hint { (language.of(sentence)) }
        }
        a #retry .button href=(address(view.token, language)) { (language.of(TEXTS.retry)) }
    }
}

/// A link to this page for whoever comes back from a wallet before the news does.
fn check(view: &View<'_>) -> Markup {
    let language = view.language;
    html! {
        @if view.state == TradeState::UserPaying {
            a #check .button.quiet href=(address(view.token, language)) { (language.of(TEXTS.check)) }
        }
    }
}

fn code(language: Language, qr_text: &str) -> Markup {
    html! {
        @match qr::svg(qr_text, language.of(TEXTS.qr_label)) {
            Some(code) => (code),
            None => p .hint role="alert" { (language.of(TEXTS.qr_missing)) },
        }
    }
}

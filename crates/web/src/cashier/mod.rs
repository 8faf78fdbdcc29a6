//! The payer's page (收银台): one page that shows what is to be paid, how this browser can pay it,
//! and what became of it.
//!
//! Pure: a [`View`] goes in, markup comes out. The page tells only what the order's state says; a
//! wish, a timeout or a wallet's redirect never makes it say “paid” or “not charged”.

mod marks;
mod qr;
mod stage;
mod texts;
mod ways;

use kernel::money::Money;
use kernel::product::Provider;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use maud::{Markup, html};

use crate::assets;
use crate::language::{Language, Text};
pub use crate::page::CSP;
use crate::page::{self, Shell};
use marks::Sign;
use stage::Stage;
use texts::TEXTS;

/// Seconds after which a browser without script asks again.
const REFRESH_SECONDS: u32 = 5;

/// Everything that the page shows.
#[derive(Debug)]
pub struct View<'a> {
    /// Language of the page.
    pub language: Language,
    /// Who is paid, as payers know them.
    pub merchant: &'a str,
    /// `body` of the order; may be empty.
    pub body: &'a str,
    /// What is charged (`pay_amount`).
    pub amount: Money,
    /// The order's number.
    pub sn: &'a str,
    /// The order's state.
    pub state: TradeState,
    /// When the order can no longer be paid.
    pub expires_at: Timestamp,
    /// The server's time, from which the page counts down.
    pub now: Timestamp,
    /// The payer's token, the last part of this page's path.
    pub token: &'a str,
    /// `return_url` of the order.
    pub return_url: Option<&'a str>,
    /// What this browser is offered while the order can be paid.
    pub way: Way<'a>,
}

/// How the browser that asks can pay.
#[derive(Copy, Clone, Debug)]
pub enum Way<'a> {
    /// A code to scan with another device.
    Scan {
        /// What the code says.
        qr_text: &'a str,
        /// The wallets that understand it.
        wallets: &'a [Provider],
    },
    /// A button that continues in the wallet (Alipay WAP, WeChat H5).
    Open {
        /// Where it leads.
        href: &'a str,
        /// Whose page that is.
        wallet: Provider,
        /// The wallet in which the payer began before, if that ends by it.
        before: Option<Provider>,
    },
    /// Mixed QR in an ordinary browser: a button for each wallet, and the code for all of them.
    Choose {
        /// Continues with Alipay, if the merchant takes it.
        alipay_href: Option<&'a str>,
        /// Continues with WeChat Pay, if the merchant takes it.
        wechat_href: Option<&'a str>,
        /// Continues with UnionPay, if the merchant takes it in any browser.
        unionpay_href: Option<&'a str>,
        /// Our page's address, which serves whichever wallet opens it.
        qr_text: &'a str,
        /// The wallets that it serves.
        wallets: &'a [Provider],
    },
    /// Inside WeChat: a code to press and hold.
    LongPress {
        /// What the code says.
        qr_text: &'a str,
        /// Another way on, if there is one.
        href: Option<&'a str>,
    },
    /// Inside WeChat: its own payment, which a script of ours calls.
    Call {
        /// What WeChat is called with, as JSON.
        call: &'a str,
        /// What its script is set up with before, as JSON; empty where it needs no script of its own.
        config: &'a str,
        /// The address of that script, or empty.
        script: &'a str,
        /// Whether the payer has just asked for it: then it begins by itself.
        begins: bool,
        /// Begins anew, for another payer.
        again_href: Option<&'a str>,
        /// Pays with a code instead.
        code_href: Option<&'a str>,
    },
    /// Inside an app that does not open this payment: how to go on in a browser.
    Outside {
        /// This page's address.
        url: &'a str,
    },
    /// The payer is at it elsewhere.
    Wait,
    /// There is nothing to pay with, so far.
    Trouble {
        /// Why not.
        why: Trouble,
    },
}

/// Why a payer is offered nothing to pay with, as far as payers are concerned.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The upstream, or we, gave no usable answer; it may help to ask again.
    NoAnswer,
    /// The merchant does not take this wallet.
    NotOffered,
    /// What was begun in another way is not known to be over.
    Elsewhere,
    /// Too many ask at once, or this payer's network asks too often.
    Busy,
}

impl Trouble {
    /// Heading and sentence.
    fn texts(self) -> (Text, Text) {
        match self {
            Self::NoAnswer => (TEXTS.trouble, TEXTS.trouble_hint),
            Self::NotOffered => (TEXTS.not_offered, TEXTS.not_offered_hint),
            Self::Elsewhere => (TEXTS.elsewhere, TEXTS.elsewhere_hint),
            Self::Busy => (TEXTS.busy, TEXTS.busy_hint),
        }
    }
}

/// Path of a payer's page (contract section 1).
pub fn path(token: &str) -> String {
    format!("/pay/{token}")
}

/// Address of a payer's page in a language, for links from one page of ours to another.
pub fn address(token: &str, language: Language) -> String {
    format!("{}?lang={}", path(token), language.tag())
}

/// Address that begins the payment and leads into a wallet.
pub fn go_address(token: &str, language: Language, wallet: Provider) -> String {
    format!("{}/go?wallet={}&lang={}", path(token), wallet.word(), language.tag())
}

/// An address of ours for a payer inside WeChat who would rather have a code.
pub fn with_code(address: &str) -> String {
    format!("{address}&with=code")
}

/// Address that WeChat sends the payer back to once it has told who it is.
pub fn login_address(token: &str, language: Language) -> String {
    format!("{}/openid?lang={}", path(token), language.tag())
}

/// The policy of a page: where it calls WeChat, WeChat's script is the one thing from elsewhere.
pub fn policy(way: &Way<'_>) -> String {
    match way {
        Way::Call { script, .. } if !script.is_empty() => page::policy_with_script(script),
        Way::Call { .. }
        | Way::Scan { .. }
        | Way::Open { .. }
        | Way::Choose { .. }
        | Way::LongPress { .. }
        | Way::Outside { .. }
        | Way::Wait
        | Way::Trouble { .. } => CSP.to_owned(),
    }
}

/// Path of the page's server-sent events: unnamed events whose data is what [`state_path`] answers.
pub fn events_path(token: &str) -> String {
    format!("/pay/{token}/events")
}

/// Path of the state as JSON, `{"state":"SUCCESS","status":2,"paid":true}`.
pub fn state_path(token: &str) -> String {
    format!("/pay/{token}/state")
}

/// The payer's page.
pub fn page(view: &View<'_>) -> Markup {
    let language = view.language;
    let stage = Stage::of(view);
    let title = format!("{} · {}", stage.heading(view), page::brand(language));
    let path = path(view.token);
    let scripts = scripts(&view.way);
    let shell = Shell {
        language,
        title: &title,
        style: "cashier.css",
        scripts: &scripts,
        refresh_seconds: if stage.is_final() { 0 } else { REFRESH_SECONDS },
        path: Some(&path),
    };
    page::document(&shell, &main(view, stage))
}

/// The scripts of a page, in the order in which they run.
fn scripts(way: &Way<'_>) -> Vec<String> {
    let own = |name: &str| assets::address(name);
    match way {
        Way::Call { script, .. } => {
            let of_wechat = page::script_address(script).map(str::to_owned);
            let scripts = [own("cashier.js")].into_iter().chain(of_wechat);
            scripts.chain([own("wallet.js")]).collect()
        }
        Way::Outside { .. } => vec![own("cashier.js"), own("wallet.js")],
        Way::Scan { .. }
        | Way::Open { .. }
        | Way::Choose { .. }
        | Way::LongPress { .. }
        | Way::Wait
        | Way::Trouble { .. } => vec![own("cashier.js")],
    }
}

/// What is shown for a token that names no order.
pub fn not_found(language: Language) -> Markup {
    let hint = language.of(TEXTS.not_found_hint);
    apology(language, language.of(TEXTS.not_found), html! { p .hint { (hint) } })
}

/// What is shown when the page cannot be made; `again` is the address to try.
pub fn error(language: Language, why: Trouble, again: &str) -> Markup {
    let (heading, sentence) = why.texts();
    let hint = html! {
        p .hint { (language.of(sentence)) }
        a #retry .button href=(again) { (language.of(TEXTS.retry)) }
    };
    apology(language, language.of(heading), hint)
}

fn apology(language: Language, heading: &str, hint: Markup) -> Markup {
    let shell = Shell {
        language,
        title: heading,
        style: "cashier.css",
        scripts: &[],
        refresh_seconds: 0,
        path: None,
    };
    let main = html! {
        main .card.alone {
            section .act.result {
                (marks::sign(Sign::Alert))
                h1 { (heading) }
                (hint)
            }
        }
    };
    page::document(&shell, &main)
}

fn main(view: &View<'_>, stage: Stage) -> Markup {
    html! {
        main #main .card data-state=(view.state.word()) data-status=(view.state.status())
            data-events=(events_path(view.token)) data-poll=(state_path(view.token))
            data-final[stage.is_final()] data-say=(stage.heading(view)) {
            (bill(view, stage))
            section #state .act.result[stage != Stage::Pay] {
                @if stage == Stage::Pay { (ways::way(view)) } @else { (result(view, stage)) }
                p #offline .hint hidden { (view.language.of(TEXTS.offline)) }
            }
        }
    }
}

/// Who is paid, how much, for what.
fn bill(view: &View<'_>, stage: Stage) -> Markup {
    let language = view.language;
    html! {
        section .bill {
            p .to { (language.of(TEXTS.pay_to)) " " strong { (view.merchant) } }
            p #amount .amount { (page::money(view.amount)) }
            dl {
                @if !view.body.is_empty() {
                    div { dt { (language.of(TEXTS.goods)) } dd .goods { (view.body) } }
                }
                @if stage == Stage::Pay {
                    div { dt { (language.of(TEXTS.time_left)) } dd { (countdown(view)) } }
                }
                div .number { dt { (language.of(TEXTS.order)) } dd { (view.sn) } }
            }
        }
    }
}

/// The time left, which the script counts down by its own clock: clocks of phones are wrong.
fn countdown(view: &View<'_>) -> Markup {
    let left_ms = view.expires_at.millis_since(view.now).max(0);
    html! {
        span #countdown role="timer" data-left=(left_ms) { (clock(left_ms)) }
    }
}

/// `29:59`, or `1:02:03` from an hour on.
fn clock(left_ms: i64) -> String {
    let seconds = left_ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        return format!("{hours}:{minutes:02}:{seconds:02}");
    }
    format!("{minutes:02}:{seconds:02}")
}

fn result(view: &View<'_>, stage: Stage) -> Markup {
    let language = view.language;
    let back = view.return_url.and_then(page::web_address);
    html! {
        (marks::sign(stage.sign()))
        h1 { (stage.heading(view)) }
        p .hint { (language.of(stage.hint())) }
        @if !stage.is_final() {
            a #check .button.quiet href=(address(view.token, language)) { (language.of(TEXTS.check)) }
        }
        @if let Some(back) = back.filter(|_| stage.is_final()) {
            a #return .button href=(back) rel="noreferrer"
                data-soon=[(stage == Stage::Paid).then_some(language.of(TEXTS.back_soon))] {
                (language.of(TEXTS.back))
            }
            button #stay .quiet.button type="button" hidden { (language.of(TEXTS.stay)) }
        } @else if stage.is_final() {
            p .hint { (language.of(TEXTS.may_close)) }
        }
    }
}

#[cfg(test)]
mod tests;

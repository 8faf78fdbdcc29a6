//! The simulated wallet: what a payer sees after scanning a code or opening an H5 order's page.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::book::{Book, Trade, TradeKind, TradeState};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};

const STYLE: &str = "
*{box-sizing:border-box}body{margin:0;background:#ededed;color:#191919;
font:16px/1.5 -apple-system,'PingFang SC','Noto Sans CJK SC',sans-serif}
main{max-width:26rem;margin:0 auto;padding:2rem 1.25rem;text-align:center}
.note{background:#07c160;color:#fff;padding:.5rem;text-align:center;font-size:.875rem}
.amount{font-size:2.75rem;font-weight:600;margin:.5rem 0 2rem}
.hint{color:#b06000;margin:0 0 1rem}
button,input,a.button{display:block;width:100%;min-height:3rem;margin:.75rem 0;border:0;
border-radius:.5rem;font:inherit;text-align:center;text-decoration:none;line-height:3rem}
input{background:#fff;padding:0 1rem}
button{background:#fff;color:#191919}.primary{background:#07c160;color:#fff}
";

/// What the payer does.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Choice {
    Pay,
    AskPassword,
    LackBalance,
    Cancel,
}

impl Choice {
    fn from_word(word: &str) -> Self {
        match word {
            "password" => Self::AskPassword,
            "balance" => Self::LackBalance,
            "cancel" => Self::Cancel,
            _ => Self::Pay,
        }
    }
}

/// A page of the wallet: where it goes back to, and what it tells besides the order.
#[derive(Default)]
struct View {
    redirect_url: String,
    hint: &'static str,
}

/// Answers the payer's browser.
pub(super) fn serve(book: &mut Book, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
    let parts: Vec<&str> = request.path().split('/').skip(1).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["wechat", kind @ ("qr" | "h5"), id]) => {
            let redirect_url = field(request.query().as_bytes(), "redirect_url");
            match book.by_page(id) {
                Some(trade) if path_kind(trade.kind) == *kind => {
                    wallet(trade, &View { redirect_url, hint: "" }, stamp.now)
                }
                Some(_) | None => missing(),
            }
        }
        ("POST", ["wechat", "trades", id, "pay"]) => act(book, id, &request.body, stamp),
        _ => missing(),
    }
}

fn act(book: &mut Book, id: &str, form: &[u8], stamp: &Stamp) -> HttpResponse {
    let Some(out_trade_no) = book.by_page(id).map(|trade| trade.out_trade_no.clone()) else {
        return missing();
    };
    let hint = match Choice::from_word(&field(form, "choice")) {
        Choice::Pay => {
            // Why it cannot be paid shows on the page itself: it is paid or closed.
            let _ = book.pay(&out_trade_no, None, stamp);
            ""
        }
        Choice::AskPassword => {
            book.set_acting(&out_trade_no, TradeState::UserPaying, stamp.now);
            ""
        }
        Choice::LackBalance => {
            book.set_acting(&out_trade_no, TradeState::NotPay, stamp.now);
            "余额不足，请更换支付方式"
        }
        Choice::Cancel => {
            book.set_acting(&out_trade_no, TradeState::NotPay, stamp.now);
            "已取消支付"
        }
    };
    let view = View { redirect_url: field(form, "redirect_url"), hint };
    book.by_page(id).map_or_else(missing, |trade| wallet(trade, &view, stamp.now))
}

fn path_kind(kind: TradeKind) -> &'static str {
    match kind {
        TradeKind::Native => "qr",
        TradeKind::H5 => "h5",
    }
}

fn field(form: &[u8], name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(form);
    pairs.find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value.into_owned())
}

fn wallet(trade: &Trade, view: &View, now: Timestamp) -> HttpResponse {
    let content = match trade.state_at(now) {
        TradeState::NotPay => choices(trade, view),
        TradeState::UserPaying => password(trade, view),
        TradeState::Paid { .. } => html! {
            h1 id="result" { "支付成功" }
            (way_back(view))
        },
        TradeState::Closed => html! {
            h1 id="result" { "订单已关闭" }
            (way_back(view))
        },
    };
    page(
        200,
        html! {
            p id="description" { (trade.description) }
            p.amount id="amount" { "¥" (Money::new(trade.total, Currency::Cny).decimal()) }
            @if !view.hint.is_empty() { p.hint id="hint" { (view.hint) } }
            (content)
            @if !view.hint.is_empty() { (way_back(view)) }
        },
    )
}

fn choices(trade: &Trade, view: &View) -> Markup {
    form(
        trade,
        view,
        html! {
            button.primary id="pay" name="choice" value="pay" { "立即支付" }
            button id="password" name="choice" value="password" { "需要支付密码" }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消" }
        },
    )
}

fn password(trade: &Trade, view: &View) -> Markup {
    form(
        trade,
        view,
        html! {
            input type="password" inputmode="numeric" placeholder="任意支付密码" autocomplete="off"
                aria-label="支付密码";
            button.primary id="pay" name="choice" value="pay" { "确认支付" }
            button id="cancel" name="choice" value="cancel" { "取消" }
        },
    )
}

fn form(trade: &Trade, view: &View, buttons: Markup) -> Markup {
    html! {
        form method="post" action={ "/wechat/trades/" (trade.page_id) "/pay" } {
            input type="hidden" name="redirect_url" value=(view.redirect_url);
            (buttons)
        }
    }
}

/// The link to the merchant's page, for an H5 order that named one.
fn way_back(view: &View) -> Markup {
    let is_web =
        view.redirect_url.starts_with("https://") || view.redirect_url.starts_with("http://");
    html! {
        @if is_web {
            a.button.primary id="return" href=(view.redirect_url) { "返回商家" }
        }
    }
}

fn missing() -> HttpResponse {
    page(404, html! { h1 id="result" { "订单不存在" } })
}

fn page(status: u16, content: Markup) -> HttpResponse {
    let document = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { "模拟微信支付" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.note { "模拟微信支付，不涉及真实资金" }
                main { (content) }
            }
        }
    };
    HttpResponse::new(status, "text/html; charset=utf-8", document.into_string())
}

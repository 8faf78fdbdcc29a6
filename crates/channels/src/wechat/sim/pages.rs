//! The simulated wallet: what a payer sees after scanning a code, opening an H5 order's page, or when
//! a page inside WeChat or an app calls its SDK.

use kernel::time::Timestamp;
use maud::{Markup, html};

use super::book::Book;
use super::trade::{Trade, TradeKind, TradeState};
use super::{WechatSimConfig, sdk};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::wallet::{self, Bill, Wallet};

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

impl View {
    /// The merchant's page, for an H5 order that named one.
    fn back(&self) -> Option<&str> {
        let is_web =
            ["https://", "http://"].iter().any(|scheme| self.redirect_url.starts_with(scheme));
        is_web.then_some(self.redirect_url.as_str())
    }
}

/// Answers the payer's browser.
pub(super) fn serve(
    book: &mut Book,
    config: &WechatSimConfig,
    request: &HttpRequest,
    stamp: &Stamp,
) -> HttpResponse {
    let parts: Vec<&str> = request.path().split('/').skip(1).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["wechat", kind @ ("qr" | "h5"), id]) => {
            let redirect_url = field(request.query().as_bytes(), "redirect_url");
            match book.by_page(id) {
                Some(trade) if path_kind(trade.kind) == Some(kind) => {
                    wallet(trade, &View { redirect_url, hint: "" }, stamp.now)
                }
                Some(_) | None => missing(),
            }
        }
        ("GET", ["wechat", "sdk"]) => {
            let call = field(request.query().as_bytes(), "call");
            match sdk::bring_up(book, config, &call, stamp.now) {
                Ok(trade) => wallet(trade, &View::default(), stamp.now),
                Err(why) => Wallet::Wechat.page("支付失败", &wallet::over("支付失败", why)),
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
            "余额不足，未扣款。可以换一种方式再付。"
        }
        Choice::Cancel => {
            book.set_acting(&out_trade_no, TradeState::NotPay, stamp.now);
            "已取消支付，未扣款。"
        }
    };
    let view = View { redirect_url: field(form, "redirect_url"), hint };
    book.by_page(id).map_or_else(missing, |trade| wallet(trade, &view, stamp.now))
}

/// Where the page of such an order is; `None` if it has none of its own.
fn path_kind(kind: TradeKind) -> Option<&'static str> {
    match kind {
        TradeKind::Native => Some("qr"),
        TradeKind::H5 => Some("h5"),
        TradeKind::Jsapi | TradeKind::App | TradeKind::Barcode => None,
    }
}

fn field(form: &[u8], name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(form);
    pairs.find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value.into_owned())
}

fn wallet(trade: &Trade, view: &View, now: Timestamp) -> HttpResponse {
    let bill =
        Bill { goods: &trade.description, total: trade.total, out_trade_no: &trade.out_trade_no };
    match trade.state_at(now) {
        TradeState::NotPay => ask(view, &bill, &choices(trade, view)),
        TradeState::UserPaying | TradeState::Acting { .. } => {
            ask(view, &bill, &password(trade, view))
        }
        TradeState::Paid { transaction_id, .. } => {
            let content = html! { (bill.paid(&transaction_id)) (wallet::way_back(view.back())) };
            Wallet::Wechat.page_that_goes_on("支付成功", view.back(), &content)
        }
        TradeState::Closed | TradeState::PayError | TradeState::Revoked => {
            let closed = wallet::over("订单已关闭", "这笔订单已经关闭，未付款。");
            let content = html! { (closed) (wallet::way_back(view.back())) };
            Wallet::Wechat.page("订单已关闭", &content)
        }
    }
}

fn ask(view: &View, bill: &Bill<'_>, buttons: &Markup) -> HttpResponse {
    let content = html! {
        (wallet::hint(view.hint))
        (bill.open())
        (buttons)
        @if !view.hint.is_empty() { (wallet::way_out(view.back())) }
    };
    Wallet::Wechat.page("确认支付", &content)
}

fn choices(trade: &Trade, view: &View) -> Markup {
    form(
        trade,
        view,
        html! {
            button.main id="pay" name="choice" value="pay" { "立即支付" }
            p .note { "或者模拟别的结果" }
            button id="password" name="choice" value="password" { "需要支付密码" }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消支付" }
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
            button.main id="pay" name="choice" value="pay" { "确认支付" }
            p .note { "或者模拟别的结果" }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消支付" }
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

fn missing() -> HttpResponse {
    let page = Wallet::Wechat.page("订单不存在", &wallet::over("订单不存在", "没有这笔订单。"));
    HttpResponse { status: 404, ..page }
}

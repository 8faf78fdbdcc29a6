//! The simulated wallet: what a payer sees after scanning a code, opening an H5 order's page, or
//! when an official account's page or an app calls the wallet (`/wechat_v2/invoke?config=…`).

use maud::{Markup, html};

use super::super::pay_text::{hk_sign, members};
use super::super::sign::SignType;
use super::super::xml::Members;
use super::answer::cash;
use super::book::{Trade, TradeState};
use super::{WechatV2Sim, WechatV2SimConfig};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::wallet::{self, Bill, Wallet};
use crate::{Stamp, json};

/// A page of the wallet: where it goes back to, and what it tells besides the order.
#[derive(Default)]
struct View {
    redirect_url: String,
    hint: &'static str,
}

impl View {
    /// The merchant's page, if the order named one.
    fn back(&self) -> Option<&str> {
        let is_web =
            ["https://", "http://"].iter().any(|scheme| self.redirect_url.starts_with(scheme));
        is_web.then_some(self.redirect_url.as_str())
    }
}

/// Answers the payer's browser.
pub(super) fn serve(sim: &mut WechatV2Sim, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
    let parts: Vec<&str> = request.path().split('/').skip(1).collect();
    let query = request.query().as_bytes();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["wechat_v2", kind @ ("qr" | "h5"), id]) => {
            let trade_type = if *kind == "qr" { "NATIVE" } else { "MWEB" };
            let trade = sim.book.by_page(id).filter(|trade| trade.trade_type == trade_type);
            let view = View { redirect_url: field(query, "redirect_url"), hint: "" };
            trade.map_or_else(missing, |trade| page(trade, &view, &sim.config))
        }
        ("GET", ["wechat_v2", "invoke"]) => {
            let trade = invoked(sim, &field(query, "config"));
            trade.map_or_else(misused, |trade| page(trade, &View::default(), &sim.config))
        }
        ("POST", ["wechat_v2", "trades", id, "pay"]) => act(sim, id, &request.body, stamp),
        _ => missing(),
    }
}

/// The order that a page or an app asks the wallet to have paid; `None` if what it gives the wallet
/// is not signed as it must be.
fn invoked<'a>(sim: &'a WechatV2Sim, config: &str) -> Option<&'a Trade> {
    let asked = members(&json::parse(config.as_bytes())?);
    let trade = if asked.has("prepayid") {
        sim.book.by_prepay(asked.of("prepayid"))?
    } else {
        let package = url::form_urlencoded::parse(asked.of("package").as_bytes());
        let id = package.into_owned().find(|(name, _)| name == "prepay_id")?.1;
        sim.book.by_prepay(&id)?
    };
    is_signed(trade, &asked, sim).then_some(trade)
}

fn is_signed(trade: &Trade, asked: &Members, sim: &WechatV2Sim) -> bool {
    let mut signed = Members::default();
    for (name, value) in asked.iter().filter(|(name, _)| !["paySign", "sign"].contains(name)) {
        signed.put(name, value);
    }
    let key = sim.config.api_key.expose();
    let of_order = SignType::from_word(&trade.sign_type).unwrap_or(SignType::Md5);
    match trade.trade_type.as_str() {
        "APP" => asked.of("sign") == of_order.sign(&signed, key),
        "JSAPI" if asked.of("signType") == "SHA1" => {
            asked.of("paySign") == hk_sign(sim.hk_paysign, &signed, key)
        }
        "JSAPI" => {
            let is_same = asked.of("signType") == of_order.word();
            is_same && asked.of("paySign") == of_order.sign(&signed, key)
        }
        _ => false,
    }
}

fn act(sim: &mut WechatV2Sim, id: &str, form: &[u8], stamp: &Stamp) -> HttpResponse {
    let Some(out_trade_no) = sim.book.by_page(id).map(|trade| trade.out_trade_no.clone()) else {
        return missing();
    };
    let hint = match field(form, "choice").as_str() {
        "password" => {
            sim.book.set_acting(&out_trade_no, TradeState::UserPaying);
            ""
        }
        "balance" => {
            sim.book.set_acting(&out_trade_no, TradeState::NotPay);
            "余额不足，未扣款。可以换一种方式再付。"
        }
        "cancel" => {
            sim.book.set_acting(&out_trade_no, TradeState::NotPay);
            "已取消支付，未扣款。"
        }
        _ => {
            // Why it cannot be paid shows on the page itself: it is paid or closed.
            let _ = sim.book.pay(&out_trade_no, None, stamp);
            ""
        }
    };
    let view = View { redirect_url: field(form, "redirect_url"), hint };
    sim.book.by_page(id).map_or_else(missing, |trade| page(trade, &view, &sim.config))
}

fn field(form: &[u8], name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(form);
    pairs.find(|(key, _)| key == name).map_or_else(String::new, |(_, value)| value.into_owned())
}

/// The payer sees what they pay themselves: renminbi.
fn page(trade: &Trade, view: &View, config: &WechatV2SimConfig) -> HttpResponse {
    let total = cash(trade.total, config);
    let bill = Bill { goods: &trade.body, total, out_trade_no: &trade.out_trade_no };
    match &trade.state {
        TradeState::NotPay | TradeState::UserPaying => {
            ask(view, &bill, &buttons(trade, view, config))
        }
        TradeState::Paid { transaction_id, .. } => {
            let content = html! { (bill.paid(transaction_id)) (wallet::way_back(view.back())) };
            Wallet::Wechat.page_that_goes_on("支付成功", view.back(), &content)
        }
        TradeState::Closed | TradeState::Revoked | TradeState::PayError => {
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

fn buttons(trade: &Trade, view: &View, config: &WechatV2SimConfig) -> Markup {
    let asks_password = matches!(trade.state, TradeState::UserPaying);
    html! {
        form method="post" action={ (config.base_url) "/wechat_v2/trades/" (trade.page_id) "/pay" } {
            input type="hidden" name="redirect_url" value=(view.redirect_url);
            @if asks_password {
                input type="password" inputmode="numeric" placeholder="任意支付密码"
                    autocomplete="off" aria-label="支付密码";
            }
            button.main id="pay" name="choice" value="pay" {
                @if asks_password { "确认支付" } @else { "立即支付" }
            }
            p .note { "或者模拟别的结果" }
            @if !asks_password {
                button id="password" name="choice" value="password" { "需要支付密码" }
            }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消支付" }
        }
    }
}

fn missing() -> HttpResponse {
    let page = Wallet::Wechat.page("订单不存在", &wallet::over("订单不存在", "没有这笔订单。"));
    HttpResponse { status: 404, ..page }
}

fn misused() -> HttpResponse {
    let over = wallet::over("支付验证签名失败", "调起支付的参数不是这笔订单的，或签名不对。");
    HttpResponse { status: 400, ..Wallet::Wechat.page("支付验证签名失败", &over) }
}

//! What the simulated wallets show a payer after a scan, or in the phone's browser. What merchants
//! sent is always escaped.

use kernel::money::Money;
use maud::{Markup, html};

use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::sim::books::{Failure, Order, State};
use crate::jeepay::sim::{JeepaySim, JeepaySimConfig};
use crate::sim::wallet::{self, Wallet};

impl JeepaySim {
    /// Answers the payer's browser.
    pub(super) fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let id = request.path().strip_prefix("/jeepay/pay/").unwrap_or_default();
        let Some(number) = self.books.by_id(id).map(|order| order.asked.mch_order_no.clone())
        else {
            return missing();
        };
        let hint = match request.method.as_str() {
            "GET" => Hint::default(),
            "POST" => self.act(&number, &request.body, stamp),
            _ => return missing(),
        };
        self.books.order(&number).map_or_else(missing, |order| page(order, &self.config, &hint))
    }

    /// Presses a button; the answer is what there is to say of it.
    fn act(&mut self, number: &str, form: &[u8], stamp: &Stamp) -> Hint {
        let mut pairs = url::form_urlencoded::parse(form);
        let choice = pairs.find(|(name, _)| name == "choice").map(|(_, value)| value);
        let is_open = self.books.newest(number).is_ok();
        match choice.as_deref() {
            Some("pay") => {
                // Why it cannot be paid shows on the page itself: it is paid or over.
                let _ = self.books.pay(number, None, stamp.now);
                Hint::default()
            }
            Some("password") => Hint { text: "", asks_password: is_open },
            Some("balance") => Hint::said("余额不足，未扣款。可以换一种方式再付。"),
            Some("cancel") => Hint::said("已取消支付，未扣款。"),
            Some(_) | None => Hint::default(),
        }
    }
}

/// What a page shows besides its order.
#[derive(Default)]
struct Hint {
    text: &'static str,
    asks_password: bool,
}

impl Hint {
    fn said(text: &'static str) -> Self {
        Self { text, asks_password: false }
    }
}

fn wallet_of(order: &Order) -> Wallet {
    match order.asked.way.split('_').next() {
        Some("ALI") => Wallet::Alipay,
        Some("WX") => Wallet::Wechat,
        Some(_) | None => Wallet::Unionpay,
    }
}

fn page(order: &Order, config: &JeepaySimConfig, hint: &Hint) -> HttpResponse {
    let back = Some(order.asked.return_url.as_str()).filter(|url| !url.is_empty());
    let (wallet, bill) = (wallet_of(order), bill(order, config));
    let over = |title: &str, text: &str| {
        let content = html! { (wallet::over(title, text)) (wallet::way_back(back)) };
        wallet.page(title, &content)
    };
    match order.state {
        State::Init | State::Paying => {
            let content = html! {
                (wallet::hint(hint.text))
                section { h1 { "付款金额" } (bill) }
                (buttons(order, hint))
                @if !hint.text.is_empty() { (wallet::way_out(back)) }
            };
            wallet.page("确认支付", &content)
        }
        State::Paid { .. } => {
            let content = html! {
                section .result.done {
                    p .mark aria-hidden="true" { "✓" }
                    h1 id="result" { "支付成功" }
                    (bill)
                }
                (wallet::way_back(back))
            };
            wallet.page_that_goes_on("支付成功", back, &content)
        }
        State::Failed(Failure::Balance | Failure::CodeUsed | Failure::Cancelled) => {
            over("支付失败", "这笔订单没有付成，未扣款。")
        }
        State::Closed => over("订单已关闭", "这笔订单已经关闭，未付款。"),
    }
}

fn buttons(order: &Order, hint: &Hint) -> Markup {
    html! {
        form method="post" action={ "/jeepay/pay/" (order.pay_order_id) } {
            @if hint.asks_password {
                input type="password" inputmode="numeric" placeholder="任意支付密码"
                    autocomplete="off" aria-label="支付密码";
            }
            button.main id="pay" name="choice" value="pay" { "立即支付" }
            p .note { "或者模拟别的结果" }
            @if !hint.asks_password {
                button id="password" name="choice" value="password" { "需要支付密码" }
            }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消支付" }
        }
    }
}

/// The amount with its currency, what for, and the numbers.
fn bill(order: &Order, config: &JeepaySimConfig) -> Markup {
    let amount = Money::new(order.asked.amount, config.currency);
    html! {
        p .amount id="amount" { (config.currency.code()) " " (amount.decimal()) }
        dl {
            div { dt { "商品" } dd id="goods" { (order.asked.subject) } }
            div .number { dt { "订单号" } dd { (order.asked.mch_order_no) } }
            div .number { dt { "交易号" } dd { (order.pay_order_id) } }
        }
    }
}

fn missing() -> HttpResponse {
    let over = wallet::over("订单不存在", "没有这笔订单。");
    HttpResponse { status: 404, ..Wallet::Unionpay.page("订单不存在", &over) }
}

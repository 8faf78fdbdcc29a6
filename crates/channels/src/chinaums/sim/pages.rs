//! The page that the payer opens, `CreateChannelData`, and its buttons. Its address is judged each
//! time, a button's too.

use kernel::money::Money;
use maud::{Markup, html};

use crate::Stamp;
use crate::chinaums::request::PAGE;
use crate::chinaums::sign::{ACCESS_KEY, verifies};
use crate::chinaums::sim::books::{Payment, State};
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig, ROOT};
use crate::chinaums::wire::{self, Fields};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::wallet::{self, Wallet};

/// Whether a path is the page's.
pub(super) fn is_page(path: &str) -> bool {
    path.strip_prefix(ROOT) == Some(PAGE)
}

impl ChinaumsSim {
    /// Answers the payer's browser.
    pub(super) fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let asked = Fields::from_form(request.query());
        let Some(payment_id) = asked.and_then(|asked| self.admit_payer(&asked)) else {
            return refused();
        };
        let hint = match request.method.as_str() {
            "GET" => "",
            "POST" => self.act(&payment_id, &request.body, stamp),
            _ => return refused(),
        };
        let Some(payment) = self.books.payment(&payment_id) else { return refused() };
        let address = format!("{ROOT}{PAGE}?{}", request.query());
        let back = payment.frontend_url.as_str();
        page(payment, &self.config, &View { address, hint, back }, stamp)
    }

    /// The payment of an address that is signed and names its amount and currency.
    fn admit_payer(&self, asked: &Fields) -> Option<String> {
        let names = ["amount", "currency", "paymentInfoId", ACCESS_KEY];
        let signed = asked.only(&names);
        let is_signed =
            signed.0.len() == names.len() && verifies(&signed, self.config.secret_key.expose());
        let payment = self.books.payment(asked.of("paymentInfoId")).filter(|_| is_signed)?;
        let amount = wire::major(Money::new(payment.amount, self.config.currency));
        let is_same = asked.of("amount") == amount
            && asked.of("currency") == wire::number_of(self.config.currency);
        is_same.then(|| payment.payment_id.clone())
    }

    /// Presses a button; the answer is what there is to say of it.
    fn act(&mut self, payment_id: &str, form: &[u8], stamp: &Stamp) -> &'static str {
        let mut pairs = url::form_urlencoded::parse(form);
        let choice = pairs.find(|(name, _)| name == "choice").map(|(_, value)| value);
        match choice.as_deref() {
            Some("password") => {
                self.books.set_state(payment_id, State::Acting, stamp.now);
                ""
            }
            Some("balance") => {
                self.books.set_state(payment_id, State::Failed, stamp.now);
                "余额不足，未扣款。可以换一张卡再付。"
            }
            Some("cancel") => {
                self.books.set_state(payment_id, State::Waiting, stamp.now);
                "已取消付款，未扣款。"
            }
            Some("pay") => {
                // Why it cannot be paid shows on the page itself: it is paid or over.
                let _ = self.books.pay(payment_id, None, stamp);
                ""
            }
            Some(_) | None => "",
        }
    }
}

/// A page besides its payment: its own address, and the merchant's.
struct View<'a> {
    address: String,
    hint: &'static str,
    back: &'a str,
}

fn page(
    payment: &Payment,
    config: &ChinaumsSimConfig,
    view: &View<'_>,
    stamp: &Stamp,
) -> HttpResponse {
    let back = Some(view.back);
    let bill = bill(payment, config);
    match payment.state_at(stamp.now) {
        state @ (State::Waiting | State::Failed | State::Acting) => ask(view, &bill, state),
        State::Paid { .. } => {
            let content = html! {
                section .result.done {
                    p .mark aria-hidden="true" { "✓" }
                    h1 id="result" { "支付成功" }
                    (bill)
                }
                (wallet::way_back(back))
            };
            Wallet::Unionpay.page_that_goes_on("支付成功", back, &content)
        }
        State::Expired => {
            let over = wallet::over("订单已失效", "付款时间已过，未付款。");
            let content = html! { (over) (wallet::way_back(back)) };
            Wallet::Unionpay.page("订单已失效", &content)
        }
    }
}

fn ask(view: &View<'_>, bill: &Markup, state: State) -> HttpResponse {
    let is_acting = state == State::Acting;
    let content = html! {
        (wallet::hint(view.hint))
        section { h1 { "付款金额" } (bill) }
        form method="post" action=(view.address) {
            @if is_acting {
                input type="password" inputmode="numeric" placeholder="任意支付密码"
                    autocomplete="off" aria-label="支付密码";
            }
            button.main id="pay" name="choice" value="pay" { "确认付款" }
            p .note { "或者模拟别的结果" }
            @if !is_acting {
                button id="password" name="choice" value="password" { "需要支付密码" }
            }
            button id="balance" name="choice" value="balance" { "余额不足" }
            button id="cancel" name="choice" value="cancel" { "取消付款" }
        }
        @if !view.hint.is_empty() { (wallet::way_out(Some(view.back))) }
    };
    Wallet::Unionpay.page("确认付款", &content)
}

/// The amount with its currency, and the numbers.
fn bill(payment: &Payment, config: &ChinaumsSimConfig) -> Markup {
    let amount = Money::new(payment.amount, config.currency);
    html! {
        p .amount id="amount" { (config.currency.code()) " " (amount.decimal()) }
        dl {
            div .number { dt { "订单号" } dd { (payment.order_id) } }
            div .number { dt { "交易号" } dd { (payment.payment_id) } }
        }
    }
}

fn refused() -> HttpResponse {
    let over = wallet::over("链接无效", "没有这笔订单，或者链接被改动过。");
    HttpResponse { status: 404, ..Wallet::Unionpay.page("链接无效", &over) }
}

//! What the simulated wallet shows a payer who scans the code. What merchants sent is escaped.

use kernel::money::Money;
use maud::html;

use crate::Stamp;
use crate::demo::sim::DemoSim;
use crate::demo::sim::books::State;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::wallet::{self, Wallet};

impl DemoSim {
    /// The page of an order; its button pays.
    pub(super) fn serve_page(
        &mut self,
        number: &str,
        request: &HttpRequest,
        stamp: &Stamp,
    ) -> HttpResponse {
        if request.method == "POST" {
            // Why it cannot be paid shows on the page itself: it is paid or over.
            let _ = self.books.pay(number, None, stamp);
        }
        let Some(order) = self.books.order(number) else {
            let over = wallet::over("订单不存在", "没有这笔订单。");
            return HttpResponse { status: 404, ..Wallet::Unionpay.page("订单不存在", &over) };
        };
        let amount = Money::new(order.asked.amount, self.config.currency);
        let (title, is_open) = match order.state(stamp.now) {
            State::Open => ("确认支付", true),
            State::Paid { .. } => ("支付成功", false),
            State::Closed => ("订单已关闭", false),
        };
        let content = html! {
            section {
                h1 id="result" { (title) }
                p .amount id="amount" { (amount.currency.code()) " " (amount.decimal()) }
                p .note { (order.asked.subject) }
            }
            @if is_open { form method="post" { button.main id="pay" { "立即支付" } } }
        };
        Wallet::Unionpay.page(title, &content)
    }
}

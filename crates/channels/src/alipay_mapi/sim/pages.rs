//! What the simulated MAPI shows a payer, in the pages of the simulated Alipay. Amounts are in the
//! order's own currency. What merchants sent is always escaped.

use maud::{Markup, html};

use crate::alipay_mapi::sim::books::{Status, Trade};
use crate::http::HttpResponse;
use crate::sim::wallet::{self, Wallet};

/// Said after the button of an empty purse.
pub(super) const POOR: &str = "余额不足，未扣款。可以换一种方式再付。";
/// Said after the payer turned away.
pub(super) const CANCELLED: &str = "已取消付款，未扣款。";
/// Said after a wrong password.
pub(super) const PASSWORD: &str = "支付密码不正确，未扣款。请重新输入。";

/// The page of a trade as it stands. `return_to` is the merchant's address, if there is one; `hint`
/// tells what became of the last button, and may be empty.
pub(super) fn of(trade: &Trade, return_to: Option<&str>, hint: &str) -> HttpResponse {
    match trade.status {
        Status::WaitBuyerPay => ask(trade, return_to, hint),
        Status::Finished => paid(trade, return_to),
        Status::Closed => message("交易已关闭", "这笔交易已经关闭。"),
    }
}

fn ask(trade: &Trade, return_to: Option<&str>, hint: &str) -> HttpResponse {
    let action = |verb: &str| format!("/alipay_mapi/trades/{}/{verb}", trade.trade_no);
    let others = [("password", "支付密码错误"), ("poor", "余额不足"), ("cancel", "取消付款")];
    let content = html! {
        (wallet::hint(hint))
        section { h1 { "付款金额" } (bill(trade)) }
        form method="post" action=(action("pay")) {
            button.main id="pay" type="submit" { "确认付款" }
        }
        p .note { "或者模拟别的结果" }
        @for (verb, title) in others {
            form method="post" action=(action(verb)) {
                button id=(verb) type="submit" { (title) }
            }
        }
        (wallet::way_out(return_to))
    };
    Wallet::Alipay.page("确认付款", &content)
}

fn paid(trade: &Trade, return_to: Option<&str>) -> HttpResponse {
    let content = html! {
        section .result.done {
            p .mark aria-hidden="true" { "✓" }
            h1 id="result" { "支付成功" }
            (bill(trade))
        }
        (wallet::way_back(return_to))
    };
    Wallet::Alipay.page_that_goes_on("支付成功", return_to, &content)
}

fn bill(trade: &Trade) -> Markup {
    let order = &trade.order;
    html! {
        p .amount id="amount" { (order.currency) " " (order.decimal(order.total)) }
        dl {
            div { dt { "商品" } dd id="goods" { (order.subject) } }
            div .number { dt { "订单号" } dd { (order.out_trade_no) } }
            div .number { dt { "交易号" } dd { (trade.trade_no) } }
        }
    }
}

/// Takes an order string by hand.
pub(super) fn ask_for_order() -> HttpResponse {
    let content = html! {
        section { h1 { "App 订单字符串" } p .note { "粘贴 app_format，如同商户的 App 交给钱包。" } }
        form method="post" action="/alipay_mapi/app" {
            input id="order" name="order" aria-label="app_format" autocomplete="off" required;
            button.main type="submit" { "打开订单" }
        }
    };
    Wallet::Alipay.page("App 支付", &content)
}

/// A page that only says something.
pub(super) fn message(title: &str, text: &str) -> HttpResponse {
    Wallet::Alipay.page(title, &wallet::over(title, text))
}

/// There is nothing at this address.
pub(super) fn not_found() -> HttpResponse {
    HttpResponse { status: 404, ..message("页面不存在", "没有这笔交易。") }
}

/// The browser shall go elsewhere, and ask with GET.
pub(super) fn see_other(address: &str) -> HttpResponse {
    let headers = vec![("Location".to_owned(), address.to_owned())];
    HttpResponse { status: 303, headers, body: Vec::new() }
}

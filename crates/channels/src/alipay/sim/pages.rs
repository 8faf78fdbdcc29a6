//! What the simulated Alipay shows a payer after a scan, or in the phone's browser. What merchants
//! sent is always escaped.

use maud::html;

use crate::alipay::sim::trade::{Status, Trade};
use crate::http::HttpResponse;
use crate::sim::wallet::{self, Bill, Wallet};

/// Said after the button of an empty purse.
pub(super) const POOR: &str = "余额不足，未扣款。可以换一种方式再付。";
/// Said after the payer turned away, where there is no page to go back to.
pub(super) const CANCELLED: &str = "已取消付款，未扣款。";

/// The page of a trade as it stands. `return_to` is the merchant's address, if there is one; `hint`
/// tells what became of the last button, and may be empty.
pub(super) fn of(trade: &Trade, return_to: Option<&str>, hint: &str) -> HttpResponse {
    match trade.status {
        Status::WaitBuyerPay => ask(trade, hint),
        Status::Success => paid(trade, return_to),
        Status::Closed if trade.paid_at > 0 => message("已全额退款", "款项已退回原付款账户。"),
        Status::Closed => message("交易已关闭", "这笔交易已经关闭，未付款。"),
        Status::Coded => message("二维码已失效", "请商户重新下单。"),
    }
}

fn bill(trade: &Trade) -> Bill<'_> {
    let order = &trade.order;
    Bill { goods: &order.subject, total: order.total, out_trade_no: &order.out_trade_no }
}

fn ask(trade: &Trade, hint: &str) -> HttpResponse {
    let action = |verb: &str| format!("/alipay/trades/{}/{verb}", trade.trade_no);
    let content = html! {
        (wallet::hint(hint))
        (bill(trade).open())
        form method="post" action=(action("pay")) {
            button.main id="pay" type="submit" { "确认付款" }
        }
        p .note { "或者模拟别的结果" }
        form method="post" action=(action("poor")) {
            button id="balance" type="submit" { "余额不足" }
        }
        form method="post" action=(action("cancel")) {
            button id="cancel" type="submit" { "取消付款" }
        }
    };
    Wallet::Alipay.page("确认付款", &content)
}

fn paid(trade: &Trade, return_to: Option<&str>) -> HttpResponse {
    let content = html! { (bill(trade).paid(&trade.trade_no)) (wallet::way_back(return_to)) };
    Wallet::Alipay.page_that_goes_on("支付成功", return_to, &content)
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

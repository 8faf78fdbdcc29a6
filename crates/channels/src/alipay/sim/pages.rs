//! The simulated wallet's pages: what a payer sees after a scan, or in the phone's browser. Each is
//! one self-contained page of Chinese HTML; what merchants sent is always escaped.

use maud::{DOCTYPE, Markup, html};

use crate::alipay::sim::books::{Status, Trade};
use crate::alipay::sim::notify;
use crate::http::HttpResponse;

/// Seconds after which the page of a paid order goes back to the merchant by itself.
const RETURN_AFTER_S: u32 = 3;

const STYLE: &str = "body{margin:0;background:#f5f5f5;color:#333;font:16px/1.5 sans-serif}\
header{background:#1677ff;color:#fff;padding:14px 20px;font-size:18px}\
main{max-width:420px;margin:24px auto;padding:0 20px;text-align:center}\
.amount{font-size:40px;margin:8px 0 24px}.note{color:#999;font-size:13px}\
button,a.button{display:block;width:100%;box-sizing:border-box;margin:12px 0;padding:14px;border:0;\
border-radius:8px;background:#1677ff;color:#fff;font-size:18px;text-decoration:none;cursor:pointer}\
button.plain{background:#fff;color:#666;border:1px solid #ddd}";

/// The page that asks the payer to pay.
pub(super) fn wallet(trade: &Trade) -> HttpResponse {
    let action = |verb: &str| format!("/alipay/trades/{}/{verb}", trade.trade_no);
    page(
        "确认付款",
        None,
        &html! {
            p id="subject" { (trade.order.subject) }
            p.amount id="amount" { "¥" (notify::fen(trade.order.total)) }
            form method="post" action=(action("pay")) {
                button.pay id="pay" type="submit" { "确认付款" }
            }
            form method="post" action=(action("poor")) {
                button.plain id="poor" type="submit" { "模拟余额不足" }
            }
            form method="post" action=(action("cancel")) {
                button.plain id="cancel" type="submit" { "取消" }
            }
            p.note { "订单号 " (trade.order.out_trade_no) }
        },
    )
}

/// The page after a payment; `return_to` is the merchant's address, if there is one.
pub(super) fn paid(trade: &Trade, return_to: Option<&str>) -> HttpResponse {
    page(
        "支付成功",
        return_to,
        &html! {
            h1 id="result" { "支付成功" }
            p id="subject" { (trade.order.subject) }
            p.amount id="amount" { "¥" (notify::fen(trade.order.total)) }
            @if let Some(address) = return_to {
                a.button id="return" href=(address) { "返回商户" }
            }
            p.note { "支付宝交易号 " (trade.trade_no) }
        },
    )
}

/// The page of a trade that has been paid or closed, or waits.
pub(super) fn of(trade: &Trade, return_to: Option<&str>) -> HttpResponse {
    match trade.status {
        Status::WaitBuyerPay => wallet(trade),
        Status::Success => paid(trade, return_to),
        Status::Closed => message("交易已关闭", "这笔交易已经关闭，未付款。"),
        Status::Coded => message("二维码已失效", "请商户重新下单。"),
    }
}

/// A page that only says something.
pub(super) fn message(title: &str, text: &str) -> HttpResponse {
    page(title, None, &html! { h1 id="result" { (title) } p { (text) } })
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

fn page(title: &str, goes_to: Option<&str>, content: &Markup) -> HttpResponse {
    let markup = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(address) = goes_to {
                    meta http-equiv="refresh" content=(format!("{RETURN_AFTER_S};url={address}"));
                }
                title { (title) " - 支付宝（模拟）" }
                style { (STYLE) }
            }
            body {
                header { "支付宝 · 模拟钱包" }
                main { (content) }
            }
        }
    };
    HttpResponse::new(200, "text/html;charset=utf-8", markup.into_string())
}

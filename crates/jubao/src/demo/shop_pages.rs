//! The pages of 聚宝小店, the demo's merchant: what it sells, an order, and the notices it got.
//!
//! A shop of its own, not part of the gateway: it believes only notices whose signature it has
//! verified, so an order without one is shown as waiting, whatever the payer's browser came back with.

use kernel::money::{Currency, Money};
use kernel::product::{PRODUCTS, Product, ProductInfo, Provider};
use kernel::state::TradeState;
use kernel::time::Timestamp;
use maud::{DOCTYPE, Markup, html};

/// The style sheet, served at [`STYLE_PATH`].
pub const STYLE: &str = include_str!("shop.css");
/// Where the pages look for [`STYLE`].
pub const STYLE_PATH: &str = "/shop.css";
/// The script, served at [`SCRIPT_PATH`].
pub const SCRIPT: &str = include_str!("shop.js");
/// Where the pages look for [`SCRIPT`].
pub const SCRIPT_PATH: &str = "/shop.js";
/// `Content-Security-Policy` of the pages. It leaves `form-action` open: buying is a form whose
/// answer redirects to the gateway's host, and browsers apply that directive to redirects too.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/// Something that the shop sells.
#[derive(Debug)]
pub struct Goods {
    /// Value of `goods` in the form.
    pub id: &'static str,
    /// Its name, which becomes the order's `body`.
    pub name: &'static str,
    /// A word about it.
    pub note: &'static str,
    /// One character in the place of a picture.
    pub picture: &'static str,
    /// Its price.
    pub price: Money,
}

/// What is on the shelf.
pub static SHELF: &[Goods] = &[
    Goods {
        id: "tea", name: "明前龙井", note: "50 克罐装", picture: "茶", price: yuan(8888)
    },
    Goods { id: "cup", name: "青瓷茶杯", note: "一对", picture: "杯", price: yuan(12_800) },
    Goods { id: "cake", name: "桂花糕", note: "六块", picture: "糕", price: yuan(1990) },
    Goods {
        id: "bag", name: "一分钱茶样", note: "试试付款", picture: "样", price: yuan(1)
    },
];

const fn yuan(fen: i64) -> Money {
    Money { minor: fen, currency: Currency::Cny }
}

/// The goods of that id.
pub fn goods(id: &str) -> Option<&'static Goods> {
    SHELF.iter().find(|goods| goods.id == id)
}

/// A notice that the shop received.
#[derive(Clone, Debug)]
pub struct Notice {
    /// When it came.
    pub at: Timestamp,
    /// The order that it names; empty if it names none.
    pub out_trade_no: String,
    /// Whether its signature is the gateway's.
    pub is_verified: bool,
    /// Every member, as received.
    pub members: Vec<(String, String)>,
}

/// What the first page shows.
#[derive(Debug)]
pub struct HomeView<'a> {
    /// The latest notices, newest first.
    pub notices: &'a [Notice],
    /// What went wrong with the last attempt to buy, if something did.
    pub problem: Option<&'a str>,
}

/// What an order's page shows.
#[derive(Debug)]
pub struct OrderView<'a> {
    /// The shop's number of it.
    pub out_trade_no: &'a str,
    /// The gateway's number of it, if it has answered.
    pub sn: Option<&'a str>,
    /// What was bought.
    pub goods: &'a str,
    /// What it costs.
    pub amount: Money,
    /// How it was to be paid.
    pub product: Product,
    /// What the last verified notice says; `None` before the first.
    pub state: Option<TradeState>,
    /// The payer's page at the gateway.
    pub code_url: Option<&'a str>,
    /// The notices about it, newest first.
    pub notices: &'a [Notice],
}

/// The first page: the shelf, five ways to pay, the latest notices.
pub fn home(view: &HomeView<'_>) -> Markup {
    let main = html! {
        main {
            @if let Some(problem) = view.problem {
                p #problem .problem role="alert" { (problem) }
            }
            (form())
            (notifications("最近的通知", view.notices))
        }
    };
    document("聚宝小店", &main)
}

/// An order's page: its state as the notices tell it, and a way to pay while it waits.
pub fn order(view: &OrderView<'_>) -> Markup {
    let main = html! {
        main {
            (receipt(view))
            (notifications("这笔订单的通知", view.notices))
            p { a #home href="/" { "← 继续购物" } }
        }
    };
    document(&format!("订单 {} · 聚宝小店", view.out_trade_no), &main)
}

fn document(title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-Hans" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE_PATH);
                script src=(SCRIPT_PATH) defer {}
                noscript { meta http-equiv="refresh" content="3"; }
            }
            body {
                header .top {
                    h1 { a .name href="/" { "聚宝小店" } }
                    p { "演示商家 · 用的是模拟钱包，不会动真钱" }
                }
                (main)
            }
        }
    }
}

fn form() -> Markup {
    html! {
        form #buy method="post" action="/buy" {
            fieldset {
                legend { "一、选一样" }
                div .shelf { @for (at, goods) in SHELF.iter().enumerate() { (choice(goods, at == 0)) } }
            }
            fieldset {
                legend { "二、怎么付款" }
                div .ways { @for row in offered() { (way(row)) } }
            }
        }
    }
}

fn choice(goods: &Goods, is_first: bool) -> Markup {
    html! {
        label .goods for={ "goods-" (goods.id) } {
            input type="radio" name="goods" id={ "goods-" (goods.id) } value=(goods.id)
                checked[is_first] required;
            span .picture aria-hidden="true" { (goods.picture) }
            span .what { strong { (goods.name) } small { (goods.note) } }
            span .price { (price(goods.price)) }
        }
    }
}

/// What a browser can pay: apps, pages inside WeChat and counters have no place in a web shop.
fn offered() -> impl Iterator<Item = &'static ProductInfo> {
    PRODUCTS.iter().filter(|row| row.product.is_paid_on_a_page())
}

fn way(row: &ProductInfo) -> Markup {
    let color = row.provider.map_or("mixed", Provider::word);
    html! {
        button id={ "buy-" (row.channel_id) } class=(color) name="product" value=(row.channel_id) {
            strong { (row.names[0]) }
            small { (row.channel_id) " · " (row.payment) }
        }
    }
}

fn receipt(view: &OrderView<'_>) -> Markup {
    let is_open = view.state.is_none_or(TradeState::is_open);
    let code_url = view.code_url.filter(|url| is_page(url));
    html! {
        section #order .receipt.live {
            p #state class={ "state " (state_color(view.state)) }
                data-state=(view.state.map_or("", TradeState::word)) { (state_name(view.state)) }
            p #amount .total { (price(view.amount)) }
            dl {
                dt { "商品" } dd { (view.goods) }
                dt { "付款方式" } dd { (view.product.info().names[0]) }
                dt { "小店订单号" } dd { code #out_trade_no { (view.out_trade_no) } }
                @if let Some(sn) = view.sn { dt { "聚宝订单号" } dd { code #sn { (sn) } } }
            }
            @if let Some(code_url) = code_url.filter(|_| is_open) {
                a #pay .button href=(code_url) { "去付款" }
            }
        }
    }
}

fn notifications(heading: &str, notices: &[Notice]) -> Markup {
    html! {
        section .live id="log" {
            h2 { (heading) }
            div .scroll role="region" aria-label=(heading) tabindex="0" {
                table #notifications {
                    thead { tr {
                        th scope="col" { "时间" } th scope="col" { "验签" } th scope="col" { "订单" }
                        th scope="col" { "内容" }
                    } }
                    tbody { @for notice in notices { (row(notice)) } }
                }
            }
            @if notices.is_empty() { p .empty { "还没有收到通知。" } }
        }
    }
}

fn row(notice: &Notice) -> Markup {
    let (class, verdict) =
        if notice.is_verified { ("good", "✓ 相符") } else { ("bad", "✗ 不符") };
    html! {
        tr class=(class) {
            td .at { (notice.at.beijing()) }
            td .verdict { (verdict) }
            td { @if is_order_number(&notice.out_trade_no) {
                a href={ "/orders/" (notice.out_trade_no) } { (notice.out_trade_no) }
            } @else { (notice.out_trade_no) } }
            td .members {
                details {
                    summary { (summary(notice)) }
                    @for (name, value) in &notice.members {
                        span .member { b { (name) } "=" (value) } " "
                    }
                }
            }
        }
    }
}

/// What a merchant looks for first: the state, and the amount in fen as it was sent.
fn summary(notice: &Notice) -> String {
    let value = |wanted: &str| {
        let found = notice.members.iter().find(|(name, _)| name == wanted);
        found.map_or("—", |(_, value)| value.as_str())
    };
    format!("{}，{} 分，{}", value("trade_state"), value("pay_amount"), value("provider"))
}

/// Whether the text can stand in a path: a stranger's notice may hold anything.
fn is_order_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_page(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn price(amount: Money) -> String {
    match amount.currency {
        Currency::Cny => format!("¥{}", amount.decimal()),
        Currency::Hkd | Currency::Aud => amount.to_string(),
    }
}

fn state_name(state: Option<TradeState>) -> &'static str {
    match state {
        None => "等待付款通知",
        Some(TradeState::NotPay) => "待付款",
        Some(TradeState::UserPaying) => "付款中",
        Some(TradeState::PayError) => "付款失败",
        Some(TradeState::Success) => "已付款，准备发货",
        Some(TradeState::Refund) => "已退款",
        Some(TradeState::Closed) => "已关闭",
        Some(TradeState::Revoked) => "已撤销",
    }
}

fn state_color(state: Option<TradeState>) -> &'static str {
    match state {
        None | Some(TradeState::NotPay | TradeState::UserPaying) => "waiting",
        Some(TradeState::Success) => "good",
        Some(
            TradeState::PayError | TradeState::Refund | TradeState::Closed | TradeState::Revoked,
        ) => "over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "\"><script>alert(1)</script>";

    fn notice(out_trade_no: &str, is_verified: bool) -> Notice {
        Notice {
            at: Timestamp::from_seconds(1_795_320_005),
            out_trade_no: out_trade_no.to_owned(),
            is_verified,
            members: vec![("trade_state".to_owned(), EVIL.to_owned())],
        }
    }

    fn order_text(state: Option<TradeState>) -> String {
        let view = OrderView {
            out_trade_no: "S1",
            sn: Some("11202611221200050000065538"),
            goods: EVIL,
            amount: yuan(8888),
            product: Product::MixedQr,
            state,
            code_url: Some("https://pay.example/pay/t"),
            notices: &[notice("S1", true)],
        };
        order(&view).into_string()
    }

    #[test]
    fn every_product_of_a_page_has_a_button_and_every_price_is_in_yuan() {
        let text = home(&HomeView { notices: &[], problem: None }).into_string();
        for row in PRODUCTS {
            let is_offered = row.product.is_paid_on_a_page();
            let button = format!("id=\"buy-{}\"", row.channel_id);
            assert_eq!(text.contains(&button), is_offered, "{}", row.payment);
        }
        for goods in SHELF {
            assert!(text.contains(&price(goods.price)) && super::goods(goods.id).is_some());
        }
        assert!(text.contains("¥0.01") && goods("gold").is_none());
    }

    #[test]
    fn a_forged_notice_is_shown_as_one() {
        let notices = [notice("S1", true), notice(EVIL, false)];
        let text = home(&HomeView { notices: &notices, problem: Some(EVIL) }).into_string();
        assert_eq!(text.matches("✓").count(), 1);
        assert_eq!(text.matches("✗").count(), 1);
        assert_eq!(text.matches("href=\"/orders/").count(), 1);
        assert_eq!(text.matches("<script").count(), 1, "{text}");
        assert!(text.contains("2026-11-22 12:00:05"));
    }

    #[test]
    fn an_order_is_paid_only_by_what_a_notice_says() {
        let waiting = order_text(None);
        assert!(waiting.contains("等待付款通知") && waiting.contains("id=\"pay\""));
        let paid = order_text(Some(TradeState::Success));
        assert!(paid.contains("data-state=\"SUCCESS\"") && !paid.contains("id=\"pay\""));
        assert_eq!(paid.matches("<script").count(), 1, "{paid}");
    }
}

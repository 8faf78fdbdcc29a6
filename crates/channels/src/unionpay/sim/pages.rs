//! What the simulated UnionPay shows a payer: after a scan, or in the browser. What merchants sent is
//! always escaped.

use kernel::time::Timestamp;
use maud::{Markup, html};

use crate::http::HttpResponse;
use crate::sim::wallet::{self, Bill, Wallet};
use crate::unionpay::sim::books::{Code, State, Trade, Way};
use crate::unionpay::sim::facts;
use crate::unionpay::wire::Fields;

/// What a page tells besides its order.
#[derive(Default)]
pub(super) struct View {
    /// What became of the last button; may be empty.
    pub(super) hint: &'static str,
    /// Whether the payer is asked for a password.
    pub(super) asks_password: bool,
    /// The signed form that goes back to the merchant, if there is one.
    pub(super) back: Option<Fields>,
}

/// The page of an order as it stands.
pub(super) fn of(trade: &Trade, view: &View, now: Timestamp) -> HttpResponse {
    match trade.state {
        State::Paid => paid(trade, view),
        State::Fresh | State::Acting(_) if trade.is_payable(now) => ask(trade, view),
        State::Fresh | State::Acting(_) => message("订单已超时", "这笔订单已经超时，未付款。"),
        State::Failed(_) | State::Reversed => message("交易未成功", "这笔交易没有成功。"),
    }
}

fn bill(trade: &Trade) -> Bill<'_> {
    let order = &trade.order;
    Bill { goods: &order.goods, total: order.total, out_trade_no: &order.key.0 }
}

fn ask(trade: &Trade, view: &View) -> HttpResponse {
    let front_url = Some(trade.order.front_url.as_str());
    let way_out = front_url.filter(|_| trade.order.way == Way::Front && !view.hint.is_empty());
    let content = html! {
        (wallet::hint(view.hint))
        (bill(trade).open())
        (currency(trade))
        form method="post" action={ "/unionpay/orders/" (trade.page) } {
            (choices(view))
        }
        (wallet::way_out(way_out))
    };
    Wallet::Unionpay.page("确认付款", &content)
}

fn choices(view: &View) -> Markup {
    html! {
        @if view.asks_password {
            input type="password" inputmode="numeric" placeholder="任意支付密码" autocomplete="off"
                aria-label="支付密码";
            button.main id="pay" name="choice" value="pay" { "确认支付" }
        } @else {
            button.main id="pay" name="choice" value="pay" { "立即付款" }
        }
        p .note { "或者模拟别的结果" }
        @if !view.asks_password {
            button id="password" name="choice" value="password" { "需要支付密码" }
        }
        button id="balance" name="choice" value="balance" { "余额不足" }
        button id="cancel" name="choice" value="cancel" { "取消付款" }
    }
}

/// The bill shows renminbi: another currency is said in words.
fn currency(trade: &Trade) -> Markup {
    html! {
        @match trade.order.currency.as_str() {
            "344" => p .note { "交易币种：港元 HKD" },
            "036" => p .note { "交易币种：澳元 AUD" },
            _ => {},
        }
    }
}

/// A front order goes back with a signed form (manual: front notification; it proves nothing).
fn paid(trade: &Trade, view: &View) -> HttpResponse {
    let content = html! {
        (bill(trade).paid(&trade.query_id))
        (currency(trade))
        @match &view.back {
            Some(fields) => form method="post" action=(trade.order.front_url) {
                @for (name, value) in fields.iter() {
                    input type="hidden" name=(name) value=(value);
                }
                button.main id="return" { "返回商家" }
            },
            None => (wallet::way_back(None)),
        }
    };
    Wallet::Unionpay.page("支付成功", &content)
}

/// A front request that is refused.
pub(super) fn refused(code: Code) -> HttpResponse {
    message("订单信息有误", &format!("{}（{code}）", facts::words(code)))
}

/// A page that only says something.
pub(super) fn message(title: &str, text: &str) -> HttpResponse {
    Wallet::Unionpay.page(title, &wallet::over(title, text))
}

/// There is nothing at this address.
pub(super) fn not_found() -> HttpResponse {
    HttpResponse { status: 404, ..message("页面不存在", "没有这笔交易。") }
}

//! The pages of the simulated wallets, of one make: phone first, with the wallet's own colour, and
//! with the word that no real money moves on every one of them. They load nothing and run nothing.

use kernel::money::{Currency, Money};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::http::HttpResponse;

/// Seconds after which the page of a result goes on to the merchant by itself.
const GOES_ON_AFTER_S: u32 = 3;

const STYLE: &str = "\
:root{color-scheme:light dark;--g:#f1f2f4;--c:#fff;--i:#191b1f;--s:#5c6370;--l:#e2e5ea;--w:#8a4b00}\
@media(prefers-color-scheme:dark){:root{--g:#121417;--c:#1c1f24;--i:#eef0f3;--s:#a6adb8;--l:#333841;\
--w:#ffbd66}}\
*{box-sizing:border-box;margin:0}\
body{background:var(--g);color:var(--i);min-height:100vh;font:16px/1.5 system-ui,-apple-system,\
'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}\
.alipay{--b:#0a5fd6}.wechat{--b:#06763f}.unionpay{--b:#00636e}\
header{background:var(--b);color:#fff;padding:14px 16px}\
header div{max-width:440px;margin:0 auto;display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 12px}\
header strong{font-size:18px}header span{font-size:14px}\
main{max-width:440px;margin:0 auto;padding:16px 16px 32px;display:grid;gap:12px}\
section{background:var(--c);border-radius:16px;padding:22px 20px;text-align:center}\
h1{font-size:17px;font-weight:500;color:var(--s)}\
.result h1{font-size:22px;font-weight:650;color:inherit}\
.amount{font-size:44px;line-height:1.25;font-weight:700;font-variant-numeric:tabular-nums}\
dl{margin-top:14px;padding-top:12px;border-top:1px solid var(--l);font-size:14px}\
dl div{display:flex;gap:16px;justify-content:space-between;padding:2px 0}\
dt{color:var(--s);flex:none}dd{text-align:right;overflow-wrap:anywhere}.number dd{font-size:13px}\
.mark{display:grid;place-items:center;width:64px;height:64px;margin:4px auto 12px;border-radius:50%;\
background:var(--s);color:var(--c);font-size:34px;line-height:1}\
.done .mark{background:var(--b);color:#fff}\
.hint{border:1px solid;border-radius:12px;padding:10px 14px;color:var(--w);text-align:center}\
.note{color:var(--s);font-size:14px;text-align:center}\
form{display:grid;gap:12px}\
button,input,.button{display:block;width:100%;min-height:50px;padding:11px 16px;border:1px solid var(--l);\
border-radius:12px;background:var(--c);color:inherit;font:inherit;text-align:center;\
text-decoration:none;cursor:pointer}\
.main{background:var(--b);border-color:transparent;color:#fff;font-size:17px;font-weight:650}\
:focus-visible{outline:3px solid var(--b);outline-offset:3px}";

/// Whose wallet it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wallet {
    /// Alipay.
    Alipay,
    /// WeChat Pay.
    Wechat,
    /// UnionPay.
    Unionpay,
}

impl Wallet {
    fn name(self) -> &'static str {
        match self {
            Self::Alipay => "模拟支付宝",
            Self::Wechat => "模拟微信支付",
            Self::Unionpay => "模拟银联云闪付",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            Self::Wechat => "wechat",
            Self::Unionpay => "unionpay",
        }
    }

    /// A page with that title.
    pub(crate) fn page(self, title: &str, content: &Markup) -> HttpResponse {
        self.page_that_goes_on(title, None, content)
    }

    /// A page that goes on to an address by itself, if there is one.
    pub(crate) fn page_that_goes_on(
        self,
        title: &str,
        address: Option<&str>,
        content: &Markup,
    ) -> HttpResponse {
        let markup = html! {
            (DOCTYPE)
            html lang="zh-Hans" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if let Some(address) = address {
                        meta http-equiv="refresh" content={ (GOES_ON_AFTER_S) ";url=" (address) };
                    }
                    title { (title) " · " (self.name()) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body class=(self.class()) {
                    header { div { strong { (self.name()) } span { "不涉及真实资金" } } }
                    main { (content) }
                }
            }
        };
        HttpResponse::new(200, "text/html;charset=utf-8", markup.into_string())
    }
}

/// What is to be paid.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bill<'a> {
    /// What for.
    pub(crate) goods: &'a str,
    /// Fen.
    pub(crate) total: i64,
    /// The merchant's number.
    pub(crate) out_trade_no: &'a str,
}

impl Bill<'_> {
    /// The bill before its payment.
    pub(crate) fn open(&self) -> Markup {
        html! {
            section {
                h1 { "付款金额" }
                (self.amount())
                (self.rows(None))
            }
        }
    }

    /// The bill after its payment, with the wallet's own number.
    pub(crate) fn paid(&self, transaction_id: &str) -> Markup {
        html! {
            section .result.done {
                p .mark aria-hidden="true" { "✓" }
                h1 id="result" { "支付成功" }
                (self.amount())
                (self.rows(Some(transaction_id)))
            }
        }
    }

    fn amount(&self) -> Markup {
        let total = Money::new(self.total, Currency::Cny).decimal();
        html! { p .amount id="amount" { "¥" (total) } }
    }

    fn rows(&self, transaction_id: Option<&str>) -> Markup {
        html! {
            dl {
                div { dt { "商品" } dd id="goods" { (self.goods) } }
                div .number { dt { "订单号" } dd { (self.out_trade_no) } }
                @if let Some(id) = transaction_id { div .number { dt { "交易号" } dd { (id) } } }
            }
        }
    }
}

/// A result that is no payment.
pub(crate) fn over(title: &str, text: &str) -> Markup {
    html! {
        section .result {
            p .mark aria-hidden="true" { "!" }
            h1 id="result" { (title) }
            p .note { (text) }
        }
    }
}

/// What became of the last button; nothing if there is nothing to say.
pub(crate) fn hint(text: &str) -> Markup {
    html! { @if !text.is_empty() { p .hint id="hint" role="status" { (text) } } }
}

/// The way back to the merchant for who may still pay; nothing if there is no address.
pub(crate) fn way_out(address: Option<&str>) -> Markup {
    html! {
        @if let Some(address) = address { a.button id="return" href=(address) { "返回商家" } }
    }
}

/// The way back to the merchant, or word that there is none to go.
pub(crate) fn way_back(address: Option<&str>) -> Markup {
    html! {
        @match address {
            Some(address) => a.button.main id="return" href=(address) { "返回商家" },
            None => p .note { "可以关闭本页，商家的页面会自动更新。" },
        }
    }
}

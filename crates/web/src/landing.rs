//! The page at `/`: what this address is, for whoever opens it in a browser.
//!
//! It says what the program does and where to begin; it shows nothing of a merchant or an order.

use kernel::product::{PRODUCTS, Provider};
use maud::{Markup, html};

use crate::language::{Language, Text};
use crate::page::{self, Shell};

/// What the page shows.
#[derive(Debug)]
pub struct View<'a> {
    /// Language of the page.
    pub language: Language,
    /// Where merchants call us, without a slash at its end: `https://pay.example`.
    pub base_url: &'a str,
    /// Version of the program.
    pub version: &'a str,
}

const TITLE: Text = ["聚合支付网关", "聚合支付閘道", "One gateway for every wallet"];
const LEAD: Text = [
    "一个接口接入支付宝与微信支付。每一分钱都有账可查：结果不明就说不明，绝不猜测。",
    "一個介面接入支付寶與微信支付。每一分錢都有賬可查：結果不明就說不明，絕不猜測。",
    "One interface to Alipay and WeChat Pay. Every cent is on the books, and what is not known yet is \
     said to be unknown, never guessed.",
];
const RUNS: Text = ["服务已启动", "服務已啟動", "The service is up"];
const HEALTH: Text = ["查看健康状态", "查看健康狀態", "See its health"];
const BASE: Text = ["接口地址", "介面地址", "API base address"];
const PRODUCTS_TITLE: Text = ["支付产品", "支付產品", "Ways to pay"];
const START: Text = ["如何开始", "如何開始", "How to start"];
const COLUMNS: [Text; 3] =
    [["编号", "編號", "Channel"], ["名称", "名稱", "Name"], ["payment", "payment", "payment"]];

/// How a merchant begins: a heading and a sentence each.
const STEPS: [(Text, Text); 3] = [
    (
        ["先试用", "先試用", "Try it"],
        [
            "运行 jubao demo：模拟的支付宝与微信、一家小店，全部在本机，不动真钱。",
            "執行 jubao demo：模擬的支付寶與微信、一家小店，全部在本機，不動真錢。",
            "Run jubao demo: simulated Alipay and WeChat Pay and a small shop, all on your machine, \
             without real money.",
        ],
    ),
    (
        ["下单", "下單", "Place an order"],
        [
            "向接口地址 POST /payment/pay，带上签名；把返回的 code_url 交给付款人。",
            "向介面地址 POST /payment/pay，帶上簽名；把返回的 code_url 交給付款人。",
            "POST /payment/pay at the base address, signed; hand the code_url of the answer to the payer.",
        ],
    ),
    (
        ["收通知", "收通知", "Hear the result"],
        [
            "付款成功后，我们向 notify_url 发送签名的通知；验签后回复 SUCCESS。",
            "付款成功後，我們向 notify_url 發送簽名的通知；驗簽後回覆 SUCCESS。",
            "Once it is paid we send a signed notice to notify_url; verify it and answer SUCCESS.",
        ],
    ),
];
const DOCS: Text = ["接口文档", "介面文件", "API reference"];
const DOCS_ABOUT: Text = [
    "参数、响应码、各语言示例与验签工具。",
    "參數、回應碼、各語言範例與驗簽工具。",
    "Parameters, codes, samples in six languages, and a tool for signatures.",
];

/// The landing page.
pub fn page(view: &View<'_>) -> Markup {
    let language = view.language;
    let title = format!("{} · {}", page::brand(language), language.of(TITLE));
    let shell = Shell {
        language,
        title: &title,
        style: "landing.css",
        scripts: &[],
        refresh_seconds: 0,
        path: Some("/"),
    };
    let main = html! {
        main #main {
            (hero(view))
            (steps(language))
            (products(language))
            p .docs {
                a href={ "/docs?lang=" (language.tag()) } { (language.of(DOCS)) } " "
                (language.of(DOCS_ABOUT)) " " a href="/openapi.json" { "OpenAPI" } " v" (view.version)
            }
        }
    };
    page::document(&shell, &main)
}

fn hero(view: &View<'_>) -> Markup {
    let language = view.language;
    html! {
        section .hero {
            p .up { span .dot {} (language.of(RUNS)) }
            h1 { (language.of(TITLE)) }
            p .lead { (language.of(LEAD)) }
            dl .base {
                dt { (language.of(BASE)) }
                dd { code #base { (view.base_url) } }
            }
            a .button href="/healthz" { (language.of(HEALTH)) }
        }
    }
}

fn steps(language: Language) -> Markup {
    html! {
        section {
            h2 { (language.of(START)) }
            ol .steps {
                @for (heading, sentence) in STEPS {
                    li { h3 { (language.of(heading)) } p { (language.of(sentence)) } }
                }
            }
        }
    }
}

fn products(language: Language) -> Markup {
    html! {
        section {
            h2 { (language.of(PRODUCTS_TITLE)) }
            table {
                thead { tr { @for column in COLUMNS { th scope="col" { (language.of(column)) } } } }
                tbody {
                    @for row in PRODUCTS {
                        tr {
                            td { span class={ "number " (color(row.provider)) } { (row.channel_id) } }
                            td { (name(language, row.names)) }
                            td { code { (row.payment) } }
                        }
                    }
                }
            }
        }
    }
}

fn name(language: Language, [chinese, english]: [&'static str; 2]) -> &'static str {
    language.of([chinese, chinese, english])
}

fn color(provider: Option<Provider>) -> &'static str {
    provider.map_or("mixed", Provider::word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: Language) -> String {
        let view = View { language, base_url: "https://pay.example/<b>", version: "0.1.0" };
        page(&view).into_string()
    }

    #[test]
    fn every_product_is_listed_from_the_one_table() {
        let text = text(Language::En);
        for row in PRODUCTS {
            assert!(text.contains(row.payment) && text.contains(row.names[1]), "{}", row.payment);
        }
    }

    #[test]
    fn the_base_address_is_shown_escaped_and_health_is_linked() {
        for language in Language::ALL {
            let text = text(language);
            assert!(text.contains("https://pay.example/&lt;b&gt;"));
            assert!(text.contains(r#"href="/healthz""#));
            assert!(text.contains(&format!(r#"<html lang="{}""#, language.tag())));
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let text = text(Language::ZhHans);
        assert!(!text.contains("src=\"http") && !text.contains("href=\"http"), "{text}");
        assert!(!text.contains("<style") && !text.contains(" style="), "{text}");
    }
}

//! The first page: what there is, and the way to a first order.

use kernel::address::ADDRESSES;
use kernel::fault::Wording;
use kernel::reference::operations;
use maud::{Markup, html};

use super::shell::{address, code};
use super::{Page, openapi, samples, say};
use crate::language::Language;

const LEAD: Wording = [
    "一个接口接入支付宝、微信支付与银联。请求一律 POST，JSON、表单或 multipart 均可；HTTP 状态恒为 200，成败看 code。",
    "One interface to Alipay, WeChat Pay and UnionPay. Every request is a POST, as JSON, form or \
     multipart; HTTP status is \
     200, and code says how it went.",
];

/// What a merchant does, in its order.
const STEPS: [(Wording, &str, Wording); 5] = [
    (
        ["签名", "Sign"],
        "/docs/sign",
        [
            "key、各参数的名与值（按名排序）、key，直接相连，取 MD5。",
            "Key, name and value of each parameter sorted by name, key: joined, MD5 of it.",
        ],
    ),
    (
        ["下单", "Place"],
        "/docs/payment-pay",
        ["把返回的 code_url 交给付款人。", "Hand the code_url of the answer to the payer."],
    ),
    (
        ["收通知", "Be told"],
        "/docs/notifications",
        [
            "验签、核对金额，回复 success。",
            "Verify the signature, compare the amount, answer success.",
        ],
    ),
    (
        ["查询", "Ask"],
        "/docs/order-query",
        ["不确定就查：trade_state 就是事实。", "In doubt, query: trade_state is the truth."],
    ),
    (
        ["退款", "Give back"],
        "/docs/payment-refund",
        ["同一 out_refund_no 就是同一笔退款。", "One out_refund_no is one refund."],
    ),
];

const RULES: [Wording; 4] = [
    [
        "没有收到答复？原样重复同一请求：同一 out_trade_no 只会有一笔订单。",
        "No answer? Repeat the same request: one out_trade_no is one order.",
    ],
    [
        "492004 与 40400 表示结果未知，先查询；4006 表示什么也没发生，可原样重试。",
        "492004 and 40400 mean that the outcome is unknown: query first. 4006 means that nothing \
         happened: repeat.",
    ],
    [
        "return_url 只是付款人的浏览器回来了，不证明付款；通知与查询才证明。",
        "The way back over return_url proves nothing; a notification or a query does.",
    ],
    [
        "金额是整数，单位为分；绝不要发送 19.99。",
        "Amounts are integers in minor units; never send 19.99.",
    ],
];

/// A request in outline.
const REQUEST: &str = "POST /payment/pay\nContent-Type: application/json\n\n\
    {\"mch_id\": …, \"sign\": …}";

/// The page.
pub fn page(language: Language) -> Markup {
    html! {
        h1 { (say(language, ["聚宝 Pay 接口文档", "Jubao Pay API reference"])) }
        p .lead { (say(language, LEAD)) }
        ol .steps {
            @for (title, path, words) in STEPS {
                li {
                    a href=(address(path, language)) { (say(language, title)) }
                    p { (say(language, words)) }
                }
            }
        }
        h2 { (say(language, ["务必记住", "Keep in mind"])) }
        ul { @for rule in RULES { li { (say(language, rule)) } } }
        h2 { (say(language, ["接口地址", "Operations"])) }
        (operations_table(language))
        h2 { (say(language, ["示例客户端", "A client to begin with"])) }
        p { (say(language, [
            "只用标准库。JUBAO_API 是接口地址，JUBAO_MCH_ID 与 JUBAO_KEY 是您的商户号与密钥；其余页面的示例都用它。",
            "Standard libraries alone. JUBAO_API is this address, JUBAO_MCH_ID and JUBAO_KEY are \
             yours; the samples of the other \
             pages use it.",
        ])) }
        (samples::show(samples::Task::Client))
        h2 { (say(language, ["机器可读", "For programs"])) }
        p {
            a href="/openapi.json" { "/openapi.json" } " "
            (say(language, ["是同一内容的 OpenAPI 3.1 文档。", "is the same as an OpenAPI 3.1 document."]))
        }
    }
}

fn operations_table(language: Language) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (say(language, ["操作", "Operation"])) }
                th scope="col" { (say(language, ["地址（两种写法）", "Address, in either style"])) }
            } }
            tbody { @for row in ADDRESSES {
                tr {
                    td { a href=(address(&Page::Operation(row).path(), language)) {
                        (say(language, operations::info(row.operation).title))
                    } }
                    td { code { (row.path) } br; code .soft { (openapi::style(row)) } }
                }
            } }
        }
        (code("HTTP", REQUEST))
    }
}

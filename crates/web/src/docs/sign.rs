//! The signature's page: how it is made, and a tool that makes it in the browser. The key that is
//! typed there leaves the page nowhere: its policy allows no connection and no form.

use kernel::fault::Wording;
use kernel::sign_doctor::Mistake;
use maud::{Markup, html};

use super::{samples, say};
use crate::language::Language;

const LEAD: Wording = [
    "sign = 大写(十六进制(MD5(key + S + key)))。S 是除 sign 外每个参数的名与值，按参数名的字节升序，直接相连，不加任何分隔。",
    "sign = UPPER(hex(MD5(key + S + key))). S is name and value of every parameter but sign, in \
     ascending byte order of the names, \
     joined with nothing between.",
];

const RULES: [Wording; 4] = [
    [
        "带 version=2 时 S 用 UTF-8 原文；不带时，先经 PHP 的 utf8_encode，直接用 UTF-8 也接受。",
        "With version=2, S is plain UTF-8. Without it S goes through PHP's utf8_encode first; \
         plain UTF-8 is accepted too.",
    ],
    [
        "空值也参与签名（只有参数名）。发送什么就签什么：不要改写、不要 URL 编码。",
        "Empty values take part, as their name alone. Sign what you send, byte for byte; never \
         URL-encode before.",
    ],
    [
        "响应与通知用同样的方式签名：拿到全部成员，去掉 sign，自己再算一遍。",
        "Answers and notifications are signed alike: take all members but sign, and compute it \
         again.",
    ],
    [
        "绝不要发送 _sign；签名比较不区分大小写。",
        "Never send _sign; the hexadecimal digits may be of either case.",
    ],
];

/// The page.
pub fn page(language: Language) -> Markup {
    html! {
        h1 { (say(language, ["签名与验签工具", "The signature, and a tool for it"])) }
        p .lead { (say(language, LEAD)) }
        ul { @for rule in RULES { li { (say(language, rule)) } } }
        h2 #tool { (say(language, ["算一算", "Try it"])) }
        p #privacy .notice { (say(language, [
            "只在您的浏览器里计算：本页的安全策略禁止一切网络连接与表单提交，密钥不会离开这里。",
            "Computed in your browser alone: this page's policy allows no connection and no \
             form, so the key cannot leave it.",
        ])) }
        noscript { p .notice {
            (say(language, ["这个工具需要 JavaScript。", "This tool needs JavaScript."]))
        } }
        (tool(language))
        h2 { (say(language, ["用代码签名", "Sign in code"])) }
        (samples::show(samples::Task::Client))
    }
}

fn tool(language: Language) -> Markup {
    html! {
        div #doctor hidden {
            label for="members" {
                (say(language, ["参数：JSON 对象或表单", "Members: a JSON object, or a form"]))
            }
            textarea #members rows="8" spellcheck="false" autocomplete="off" {}
            label for="key" { (say(language, ["密钥", "Key"])) }
            div .row {
                input #key type="password" autocomplete="off" spellcheck="false";
                label .check { input #show type="checkbox"; " " (say(language, ["显示", "show"])) }
            }
            label for="given" {
                (say(language, [
                    "您算出的 sign（可选，也可写在参数里）",
                    "Your own sign (optional; may stand among the members)",
                ]))
            }
            input #given autocomplete="off" spellcheck="false";
            div #result aria-live="polite" {
                p #verdict {}
                div #made hidden {
                    h3 { (say(language, ["参与 MD5 的文本", "The text that goes into MD5"])) }
                    pre tabindex="0" role="region" aria-label="S" { code #text {} }
                    dl .facts {
                        dt {
                            (say(language, [
                                "version 2 或 UTF-8 原文",
                                "version 2, or plain UTF-8",
                            ]))
                        }
                        dd { code #plain {} }
                        dt {
                            (say(language, [
                                "经 utf8_encode（不带 version）",
                                "through utf8_encode, without version",
                            ]))
                        }
                        dd { code #widened {} }
                    }
                }
            }
            (words(language))
        }
    }
}

/// What the script says: its verdicts, and the cure of each mistake from the one table of them.
fn words(language: Language) -> Markup {
    let verdicts: [(&str, Wording); 6] = [
        ("right-version2", ["签名正确（version 2）。", "The signature is right (version 2)."]),
        (
            "right-widened",
            ["签名正确（经 utf8_encode）。", "The signature is right (through utf8_encode)."],
        ),
        ("right-plain", ["签名正确（UTF-8 原文）。", "The signature is right (plain UTF-8)."]),
        (
            "unexplained",
            [
                "与密钥和参数都对不上：检查密钥是否是当前的那一个，参数是否与发送的完全一致。",
                "No known mistake explains it: is the key the current one, and are these the \
                 members exactly as sent?",
            ],
        ),
        ("mistake", ["找到原因：", "Found: "]),
        (
            "unreadable",
            [
                "参数既不是 JSON 对象，也不是表单；数字须为整数。",
                "The members are neither a JSON object nor a form; numbers must be integers.",
            ],
        ),
    ];
    html! {
        ul #words hidden {
            @for (name, words) in verdicts { li data-word=(name) { (say(language, words)) } }
            @for mistake in Mistake::ALL {
                li data-word=(format!("{mistake:?}")) { (say(language, mistake.cure())) }
            }
        }
    }
}

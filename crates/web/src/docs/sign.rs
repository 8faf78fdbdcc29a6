//! The signature's page: how it is made by each scheme, and a tool that makes it in the browser. The key
//! that is typed there leaves the page nowhere: its policy allows no connection and no form. A private
//! RSA key is not even taken: it belongs in no page.

use kernel::fault::Wording;
use kernel::scheme::Scheme;
use kernel::sign_diagnosis::KeyMistake;
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

const SCHEMES: [Wording; 4] = [
    [
        "由平台为应用开通；除 md5、suffix 外都要带 sign_type，它自己也参与签名。",
        "The operator opens them for your application; all but md5 and suffix send sign_type, \
         which is signed as well.",
    ],
    [
        "suffix：非空参数按名升序写成 name=value，用 & 连接，最后接 &key= 与密钥，取 MD5 大写十六进制。",
        "suffix: parameters that are not empty as name=value, ascending, joined by &, then &key= \
         and the key; MD5 in upper-case hex.",
    ],
    [
        "HMAC-SHA256：对 S 以密钥为键做 HMAC-SHA256，大写十六进制；首尾不拼接密钥。",
        "HMAC-SHA256: HMAC-SHA256 of S keyed by the key, in upper-case hex; no key around S.",
    ],
    [
        "RSA2：用您的 RSA 私钥对 S 做 RSA-SHA256（PKCS#1 v1.5），Base64。私钥不能交给任何网页，\
         所以这里不能签，只能用公钥核对：请用您的程序、openssl 或 jubao sign --scheme rsa2 来签。",
        "RSA2: RSA-SHA256 (PKCS#1 v1.5) of S with your RSA private key, in Base64. A private key \
         belongs in no web page, so this one cannot sign, only check with the public key: sign \
         with your program, openssl, or jubao sign --scheme rsa2.",
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
        h2 #schemes { (say(language, ["其他签名方案", "Other schemes"])) }
        ul { @for rule in SCHEMES { li { (say(language, rule)) } } }
        h2 { (say(language, ["用代码签名", "Sign in code"])) }
        (samples::show(samples::Task::Client))
    }
}

fn tool(language: Language) -> Markup {
    html! {
        div #doctor hidden {
            label for="scheme" { (say(language, ["签名方案", "Scheme"])) }
            select #scheme {
                @for scheme in Scheme::ALL { option value=(scheme.word()) { (label(scheme)) } }
            }
            label for="members" {
                (say(language, ["参数：JSON 对象或表单", "Members: a JSON object, or a form"]))
            }
            textarea #members rows="8" spellcheck="false" autocomplete="off" {}
            (keys(language))
            label for="given" {
                (say(language, [
                    "您算出的 sign（可选，也可写在参数里）",
                    "Your own sign (optional; may stand among the members)",
                ]))
            }
            input #given autocomplete="off" spellcheck="false";
            (result(language))
            (words(language))
        }
    }
}

/// The shared key, or for RSA2 the public one.
fn keys(language: Language) -> Markup {
    html! {
        div #shared {
            label for="key" { (say(language, ["密钥", "Key"])) }
            div .row {
                input #key type="password" autocomplete="off" spellcheck="false";
                label .check { input #show type="checkbox"; " " (say(language, ["显示", "show"])) }
            }
        }
        div #rsa hidden {
            label for="public" {
                (say(language, [
                    "RSA 公钥（PEM）：核对请求用您的，核对响应与通知用平台的（/platform_key.pem）",
                    "RSA public key (PEM): yours for requests, the platform's (/platform_key.pem) for \
                     answers and notifications",
                ]))
            }
            textarea #public rows="5" spellcheck="false" autocomplete="off" {}
            p .notice { (say(language, [
                "不要在这里（或任何网页里）粘贴私钥。本页不会用它签名。",
                "Never paste a private key here, or into any page. This one does not sign with it.",
            ])) }
            p #forgotten .notice role="alert" hidden { (say(language, [
                "刚才那是私钥：本页已将它清除。请当作已泄露，换一把。",
                "That was a private key: the page has forgotten it. Consider it known to others, and \
                 replace it.",
            ])) }
        }
    }
}

/// What was made, and what became of the signature that was given.
fn result(language: Language) -> Markup {
    let (plain, widened) = (
        ["version 2 或 UTF-8 原文", "version 2, or plain UTF-8"],
        ["经 utf8_encode（不带 version）", "through utf8_encode, without version"],
    );
    html! {
        div #result aria-live="polite" {
            p #verdict {}
            div #made hidden {
                h3 { (say(language, ["参与签名的文本", "The text that is signed"])) }
                pre tabindex="0" role="region" aria-label="S" { code #text {} }
                dl .facts {
                    div #plain-row { dt { (say(language, plain)) } dd { code #plain {} } }
                    div #widened-row { dt { (say(language, widened)) } dd { code #widened {} } }
                }
            }
        }
    }
}

/// A scheme as people call it.
fn label(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Md5 => "MD5",
        Scheme::Suffix => "suffix (MD5, &key=)",
        Scheme::HmacSha256 => "HMAC-SHA256",
        Scheme::Rsa2 => "RSA2",
    }
}

/// What the script says: its verdicts, and the cure of each mistake from the one table of them.
fn words(language: Language) -> Markup {
    let verdicts: [(&str, Wording); 8] = [
        ("right-version2", ["签名正确（version 2）。", "The signature is right (version 2)."]),
        (
            "right-widened",
            ["签名正确（经 utf8_encode）。", "The signature is right (through utf8_encode)."],
        ),
        ("right-plain", ["签名正确（UTF-8 原文）。", "The signature is right (plain UTF-8)."]),
        ("right-suffix", ["签名正确（suffix）。", "The signature is right (suffix)."]),
        (
            "md5-not-suffix",
            [
                "这是 md5 方案的签名；suffix 方案要用 = 与 & 连接，末尾接 &key=。",
                "this is the scheme md5; suffix joins with = and &, and ends in &key=",
            ],
        ),
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
            @for (name, cure) in cures() { li data-word=(name) { (say(language, cure)) } }
        }
    }
}

/// The cure of each mistake that the script can find; some names are of texts in every scheme.
fn cures() -> Vec<(String, Wording)> {
    let of_texts = Mistake::ALL.map(|mistake| (format!("{mistake:?}"), mistake.cure()));
    let mut all = of_texts.to_vec();
    let no_key = ["先在上面填入 RSA 公钥（PEM）。", "Give the RSA public key first, in PEM."];
    all.push((format!("{:?}", KeyMistake::NoPublicKey), no_key));
    for mistake in KeyMistake::ALL {
        let name = format!("{mistake:?}");
        if all.iter().all(|(known, _)| *known != name) {
            all.push((name, mistake.cure()));
        }
    }
    all
}

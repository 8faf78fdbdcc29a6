//! The error catalogue: every code with its cause and cure.

use kernel::code::CODES;
use maud::{Markup, html};

use super::say;
use crate::language::Language;

/// The page.
pub fn page(language: Language) -> Markup {
    html! {
        h1 { (say(language, ["响应码：原因与处理", "Answer codes: cause and cure"])) }
        p .lead { (say(language, [
            "每个响应都带 code 与 message（同时写作 ret 与 msg，成功时 ret 为 0）。联系我们时请给出 _trace_no。",
            "Every answer has code and message, and the same as ret and msg (ret is 0 on \
             success). Tell us _trace_no when you ask.",
        ])) }
        dl .catalogue {
            @for row in CODES {
                div id={ "c" (row.code) } {
                    dt { span .number { (row.code) } " " (say(language, [row.zh, row.en])) }
                    dd {
                        p { (say(language, row.cause)) }
                        p .cure { (say(language, row.cure)) }
                    }
                }
            }
        }
    }
}

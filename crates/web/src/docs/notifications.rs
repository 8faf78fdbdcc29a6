//! The page of notifications: members, how to verify, when they come again.

use kernel::notice::RETRY_SECONDS;
use kernel::reference::answers::{self, NOTICE, NOTICE_TIME};
use maud::{Markup, html};

use super::operation::kind;
use super::{samples, say};
use crate::language::Language;

/// The page.
pub fn page(language: Language) -> Markup {
    html! {
        h1 { (say(language, ["付款通知", "Notifications"])) }
        p .lead { (say(language, [
            "订单付款后，我们把事实以签名的表单或 JSON 发到 notify_url。对全部成员验签（不论名称），核对 total_fee，再回复 HTTP 200 与 \
             success。",
            "When an order is paid we POST its facts, signed, to notify_url, as a form or as \
             JSON. Verify the signature over all members, \
             whatever their names, compare total_fee, then answer HTTP 200 with the body success.",
        ])) }
        p { (say(language, [
            "同一通知可能多次到达：已处理过的也要回复 success。",
            "The same notification may come more than once: answer success to one that you know \
             already.",
        ])) }
        h2 #samples { (say(language, ["示例", "Samples"])) }
        (samples::show(samples::Task::Notify))
        h2 #members { (say(language, ["成员", "Members"])) }
        table {
            thead { tr {
                th scope="col" { (say(language, ["成员", "Member"])) }
                th scope="col" { (say(language, ["说明", "What it is"])) }
            } }
            tbody { @for row in NOTICE.iter().filter_map(|name| answers::member(name)) {
                @let is_time = row.name == "time_end";
                tr id=(row.name) {
                    td {
                        code { (row.name) } " "
                        span .soft { (if is_time { "string" } else { kind(row.kind) }) }
                    }
                    td { (say(language, if is_time { NOTICE_TIME } else { row.words })) }
                }
            } }
        }
        h2 #retries { (say(language, ["重发", "When it comes again"])) }
        p { (say(language, [
            "没有收到 success 时，按以下间隔重发（各浮动 10%），事实不变，nonce_str 与 sign 重新生成：",
            "Without success it is sent again after these waits, each ±10 %, with the same facts \
             and a new nonce_str and sign:",
        ])) }
        p { code { (RETRY_SECONDS.map(wait).join(", ")) } }
        p { (say(language, [
            "全部用完后搁置，可请平台重发；订单状态随时可以查询。",
            "After the last it is parked, and the operator can resend it; the order can be \
             queried at any time.",
        ])) }
    }
}

fn wait(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

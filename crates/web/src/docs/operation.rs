//! The page of an operation: its address, parameters, answer, codes, examples and samples.

use kernel::address::Address;
use kernel::code;
use kernel::fault::Wording;
use kernel::name::{NameInfo, NameTable, Role};
use kernel::reference::answers::Kind;
use kernel::reference::examples::EXAMPLES;
use kernel::reference::names;
use kernel::reference::operations::{self, Answer, COMMON};
use maud::{Markup, html};
use serde_json::Value;

use super::openapi::{self, request};
use super::shell::{address, code};
use super::{samples, say};
use crate::language::Language;

/// The page.
pub fn page(row: &Address, language: Language) -> Markup {
    let info = operations::info(row.operation);
    html! {
        h1 { (say(language, info.title)) }
        p .lead { (say(language, info.about)) }
        dl .facts {
            dt { (say(language, ["地址", "Address"])) }
            dd { code { "POST " (row.path) } }
            dt { (say(language, ["查询串写法", "In the query style"])) }
            dd { code { "POST " (openapi::style(row)) } }
            dt { (say(language, ["签名", "Signed"])) }
            dd { (say(language, if info.is_signed { ["是", "yes"] } else { ["否", "no"] })) }
        }
        @if let Some(task) = samples::Task::of(row.operation) {
            h2 #samples { (say(language, ["示例", "Samples"])) }
            (samples::show(task))
        }
        h2 #parameters { (say(language, ["参数", "Parameters"])) }
        (parameters(row, language))
        h2 #requests { (say(language, ["请求示例", "Requests"])) }
        (examples(row, language))
        h2 #answer { (say(language, ["响应 data", "Answer: data"])) }
        (members(info.answer, language))
        h2 #codes { (say(language, ["响应码", "Codes"])) }
        (codes(info.codes, language))
    }
}

fn parameters(row: &Address, language: Language) -> Markup {
    let rows = &NameTable::of(row.operation).rows;
    let required = request::required(rows);
    html! {
        table {
            thead { tr {
                th scope="col" { (say(language, ["参数", "Parameter"])) }
                th scope="col" { (say(language, ["说明", "What it is"])) }
            } }
            tbody { @for row in rows { (parameter(row, &required, language)) } }
        }
    }
}

fn parameter(row: &NameInfo, required: &[Vec<&'static str>], language: Language) -> Markup {
    let group = required.iter().find(|names| names.contains(&row.name));
    let is_alone = group.is_some_and(|names| names.len() == 1);
    let need = if is_alone { ["必填", "required"] } else { ["其一必填", "one of these"] };
    let words = names::words(row.name).map_or("", |words| say(language, words));
    let form = openapi::form::words(row.form);
    html! {
        tr id=(row.name) {
            td {
                code { (row.name) }
                @if row.role != Role::Optional {
                    " " span .need { (say(language, need)) }
                }
            }
            td { (words) @if !form.is_empty() { br; span .soft { (form) } } }
        }
    }
}

fn examples(row: &Address, language: Language) -> Markup {
    let rows = EXAMPLES.iter().filter(|example| example.operation == row.operation);
    html! {
        @for example in rows {
            @let text = serde_json::to_string_pretty(&request::value(example)).unwrap_or_default();
            p {
                (say(language, example.words)) " → "
                a href=(of_code(example.code, language)) { (example.code) }
            }
            (code(say(language, example.words), &text))
        }
    }
}

/// The members of `data`, from the schema that the OpenAPI document has of it.
fn members(answer: Answer, language: Language) -> Markup {
    let schemas = &openapi::document()["components"]["schemas"];
    let rows = flattened(&schemas[openapi::answer::name(answer)]);
    html! {
        @if let Some(words) = around(answer) { p { (say(language, words)) } }
        table {
            thead { tr {
                th scope="col" { (say(language, ["成员", "Member"])) }
                th scope="col" { (say(language, ["说明", "What it is"])) }
            } }
            tbody { @for Row { name, kind, words } in rows {
                @let (zh, en) = words.split_once(" · ").unwrap_or((words, words));
                tr id={ "answer-" (name) } {
                    td { code { (name) } " " span .soft { (kind) } }
                    td { (language.of([zh, zh, en])) }
                }
            } }
        }
    }
}

/// What stands around the members, where `data` has several of them.
fn around(answer: Answer) -> Option<Wording> {
    match answer {
        Answer::Order | Answer::Refund | Answer::LogIn | Answer::User => None,
        Answer::Orders | Answer::Refunds => Some([
            "data 含 page、limit、total 与 items；items 的每一项（不含签名）：",
            "data has page, limit, total and items; each of the items, unsigned:",
        ]),
        Answer::Events => Some([
            "data 含 items、next、has_more、newest 与 sandbox；每一项含 id、type、time 与 data，其 data 与通知相同（退款事件另含退款成员）：",
            "data has items, next, has_more, newest and sandbox; each item has id, type, time and data, which is as a notification \
             is (and has the refund's members for an event of a refund):",
        ]),
        Answer::Users => Some([
            "data 含 page、limit、total 与 items；items 的每一项：",
            "data has page, limit, total and items; each of the items:",
        ]),
        Answer::Rates => {
            Some(["data 以币种为键；每个币种：", "data is by currency; each of them:"])
        }
    }
}

/// A member as it is shown.
struct Row {
    name: String,
    kind: &'static str,
    words: &'static str,
}

/// An object's members, and behind them those that they hold themselves: `items[].sn`. No schema
/// refers to itself.
fn flattened(schema: &'static Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((before, schema)) = open.pop() {
        let schema = openapi::resolved(schema);
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let (name, member) = (format!("{before}{name}"), openapi::resolved(member));
            let kind = member["type"].as_str().unwrap_or_default();
            let words = member["description"].as_str().unwrap_or_default();
            rows.push(Row { name: name.clone(), kind, words });
            match kind {
                "array" => open.push((format!("{name}[]."), &member["items"])),
                "object" => open.push((format!("{name}."), member)),
                _ => {}
            }
        }
        if schema["additionalProperties"].is_object() {
            open.push((format!("{before}*."), &schema["additionalProperties"]));
        }
    }
    rows
}

/// The type of a member, as JSON calls it.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Int => "integer",
    }
}

fn codes(own: &[i64], language: Language) -> Markup {
    let mut all = COMMON.iter().chain(own).copied().collect::<Vec<_>>();
    all.sort_unstable();
    html! {
        ul .codes { @for number in all {
            @let row = code::info(number);
            li {
                a href=(of_code(number, language)) { (number) }
                " " (say(language, [row.zh, row.en]))
            }
        } }
    }
}

/// The address of a code in the catalogue.
fn of_code(number: i64, language: Language) -> String {
    address(&format!("/docs/codes#c{number}"), language)
}

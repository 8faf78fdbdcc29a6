//! The OpenAPI 3.1 document, made from the program's own tables: addresses, names with their forms,
//! codes, products, states, members of answers, examples. Nothing about an operation is written here,
//! so one that gets its rows is documented. The document is a constant: served, and kept as a file.

pub mod answer;
pub mod form;
pub mod request;

use std::sync::LazyLock;

use kernel::address::{ADDRESSES, Address};
use kernel::code::CODES;
use kernel::reference::operations;
use serde_json::{Map, Value, json};

/// What is said of the whole interface.
const ABOUT: &str = "\
聚合支付接口。请求一律 POST，JSON、表单或 multipart 均可；除 404 与 405 外，HTTP 状态恒为 200，成败看 `code`。\n\n\
One interface to several wallets. Every request is a POST, as JSON, form or multipart. HTTP status is 200 but for \
unknown addresses (404) and other methods (405): `code` says how it went.\n\n\
**sign** = UPPER(hex(MD5(key + S + key))), S being name and value of every parameter but `sign`, sorted by name and joined \
with nothing between. With `version` 2 S is plain UTF-8; without it, PHP's utf8_encode of S is accepted as well. An optional \
parameter that is empty counts as absent, and is signed all the same. Parameters that are not listed are signed and ignored. \
Answers and notifications are signed alike.\n\n\
The same operations answer in the query style, `/index.php?_m=…&_a=…`; `x-query-style` of each names it.";

/// The document as JSON text.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // A value of our own making is always written.
        let text = serde_json::to_string_pretty(document()).unwrap_or_default();
        text + "\n"
    });
    &TEXT
}

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(written);
    &DOCUMENT
}

/// The schema that `schema` refers to, or itself.
pub fn resolved(schema: &'static Value) -> &'static Value {
    let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document().pointer(pointer)).unwrap_or(schema)
}

fn written() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "聚宝 Pay · Jubao Pay",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths(),
        "webhooks": { "notification": { "post": answer::notification() } },
        "components": { "schemas": schemas() },
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    for address in ADDRESSES {
        paths.insert(address.path.to_owned(), json!({ "post": operation(address) }));
    }
    paths.insert("/index.php".to_owned(), json!({ "post": query_style() }));
    Value::Object(paths)
}

fn operation(address: &Address) -> Value {
    let info = operations::info(address.operation);
    let [zh, en] = info.title;
    json!({
        "operationId": identifier(address.path),
        "summary": format!("{zh} · {en}"),
        "description": format!("{}\n\n{}", info.about[0], info.about[1]),
        "x-query-style": style(address),
        "x-signed": info.is_signed,
        "requestBody": request::body(address),
        "responses": { "200": answer::response(address) },
    })
}

/// The address of the query style, as a merchant writes it.
pub fn style(address: &Address) -> String {
    format!("/index.php?_m={}&_a={}", address.query_style.0, address.query_style.1)
}

/// All operations at the one path that the query style has.
fn query_style() -> Value {
    let words = |pick: fn(&Address) -> &'static str| {
        let mut words = ADDRESSES.iter().map(pick).collect::<Vec<_>>();
        words.sort_unstable();
        words.dedup();
        words
    };
    let parameter = |name: &str, words: Vec<&str>| json!({ "name": name, "in": "query", "required": true, "schema": { "type": "string", "enum": words } });
    json!({
        "operationId": "queryStyle",
        "summary": "查询串式地址 · The same operations in the query style",
        "description": "`_m` 与 `_a` 指明操作；请求体与路径式相同。`_m` and `_a` name the operation; bodies are those of \
            the path style.",
        "parameters": [
            parameter("_m", words(|row| row.query_style.0)),
            parameter("_a", words(|row| row.query_style.1)),
        ],
        "requestBody": request::any_body(),
        "responses": {
            "200": answer::any_response(),
            "404": answer::unknown_address(),
        },
    })
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    let codes = CODES.iter().map(|row| {
        let description = format!(
            "{} {}\n\n{} {}", row.cause[0], row.cure[0], row.cause[1], row.cure[1]
        );
        json!({ "const": row.code, "title": format!("{} · {}", row.zh, row.en), "description": description })
    });
    schemas.insert("Code".into(), json!({ "type": "integer", "oneOf": codes.collect::<Vec<_>>() }));
    for address in ADDRESSES {
        schemas.insert(request::schema_name(address), request::schema(address.operation));
    }
    answer::add_schemas(&mut schemas);
    Value::Object(schemas)
}

/// `/order/refundquery` as `orderRefundquery`.
fn identifier(path: &str) -> String {
    let mut words = path.split(['/', '_']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &capital(word))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` of a value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_address_is_there_in_both_styles_and_every_reference_leads_somewhere() {
        let document = document();
        for address in ADDRESSES {
            let operation = &document["paths"][address.path]["post"];
            assert_eq!(operation["x-query-style"], style(address));
        }
        let mut found = Vec::new();
        references(document, &mut found);
        assert!(found.len() > ADDRESSES.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn identifiers_are_camel_case() {
        assert_eq!(identifier("/order/refundquery"), "orderRefundquery");
        assert_eq!(request::schema_name(&ADDRESSES[0]), "PaymentPayRequest");
    }
}

//! Bodies of requests: one schema for each operation, in the three encodings that are read.

use kernel::address::{ADDRESSES, Address, Operation};
use kernel::name::{NameInfo, NameTable, Role};
use kernel::reference::examples::{EXAMPLES, Example, Sample};
use kernel::reference::{names, operations};
use serde_json::{Map, Value, json};

use super::{capital, form, identifier};

/// The encodings, the documented one first.
const ENCODINGS: [&str; 3] =
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

/// `requestBody` of an operation.
pub fn body(address: &Address) -> Value {
    let schema = json!({ "$ref": reference(address) });
    content(&schema, &examples(address.operation))
}

/// `requestBody` of every operation at once.
pub fn any_body() -> Value {
    let schemas = ADDRESSES.iter().map(|row| json!({ "$ref": reference(row) }));
    content(&json!({ "anyOf": schemas.collect::<Vec<_>>() }), &json!({}))
}

fn content(schema: &Value, examples: &Value) -> Value {
    let mut content = Map::new();
    for encoding in ENCODINGS {
        content.insert(encoding.to_owned(), json!({ "schema": schema, "examples": examples }));
    }
    json!({ "required": true, "content": content })
}

fn examples(operation: Operation) -> Value {
    let rows = EXAMPLES.iter().filter(|row| row.operation == operation);
    let written = |row: &Example| {
        let [zh, en] = row.words;
        let example =
            json!({ "summary": format!("{zh} · {en}"), "x-code": row.code, "value": value(row) });
        (row.name.to_owned(), example)
    };
    Value::Object(rows.map(written).collect())
}

/// An example as it is sent.
pub fn value(example: &Example) -> Value {
    let mut members = Map::new();
    for (name, value) in example.members {
        let value = match value {
            Sample::Text(text) => json!(text),
            Sample::Int(number) => json!(number),
        };
        members.insert((*name).to_owned(), value);
    }
    if operations::info(example.operation).is_signed {
        members.insert("sign".into(), json!(example.sign()));
    }
    Value::Object(members)
}

/// The name of an operation's schema.
pub fn schema_name(address: &Address) -> String {
    capital(&identifier(address.path)) + "Request"
}

fn reference(address: &Address) -> String {
    format!("#/components/schemas/{}", schema_name(address))
}

/// The schema of an operation's parameters.
pub fn schema(operation: Operation) -> Value {
    let rows = &NameTable::of(operation).rows;
    let mut properties = Map::new();
    for row in rows {
        properties.insert(row.name.to_owned(), property(row));
    }
    let is_signed = operations::info(operation).is_signed;
    if is_signed {
        properties.insert("sign".into(), json!({
            "type": "string", "pattern": "^[0-9A-Za-z+/=]{32,1024}$", "description": "签名 · The signature",
        }));
    }
    let alternatives = required(rows).into_iter().map(|names| {
        let each = names.iter().map(|name| json!({ "required": [name] }));
        json!({ "anyOf": each.collect::<Vec<_>>() })
    });
    json!({
        "type": "object",
        "properties": properties,
        "required": if is_signed { vec!["sign"] } else { Vec::new() },
        "allOf": alternatives.collect::<Vec<_>>(),
    })
}

fn property(row: &NameInfo) -> Value {
    let mut property = form::schema(row.form);
    if let Some([zh, en]) = names::words(row.name) {
        property["description"] = json!(format!("{zh} · {en}"));
    }
    property
}

/// The requirements of an operation: of each list one name must be sent.
pub fn required(rows: &[&'static NameInfo]) -> Vec<Vec<&'static str>> {
    let mut found: Vec<(Role, Vec<&'static str>)> = Vec::new();
    for row in rows.iter().filter(|row| row.role != Role::Optional) {
        let is_same = |role: Role| role == row.role && role != Role::Alone;
        match found.iter_mut().find(|(role, _)| is_same(*role)) {
            Some((_, names)) => names.push(row.name),
            None => found.push((row.role, vec![row.name])),
        }
    }
    found.into_iter().map(|(_, names)| names).collect()
}

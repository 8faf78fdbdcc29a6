//! Bodies: JSON objects and forms.

use arbitrary::Arbitrary;
use kernel::form::{self, Escapes};
use kernel::json::{self, JsonFault, JsonValue};
use serde_json::Value;

/// Deepest nesting that serde reads; deeper texts are not compared.
const SERDE_DEPTH: usize = 127;

/// What our reader accepts, serde accepts and reads alike; what it calls no JSON, serde does too.
pub fn json(text: &str) {
    let theirs = serde_json::from_str::<Value>(text);
    match json::object(text) {
        Ok(members) => {
            let theirs = match theirs {
                Ok(Value::Object(map)) => map,
                // Numbers beyond a float's range are no number to serde.
                Err(error) if error.to_string().contains("number out of range") => return,
                other => panic!("ours is an object, serde's {other:?}"),
            };
            assert_eq!(members.len(), theirs.len(), "a duplicate was let through");
            for (name, value) in members {
                agree(&value, &theirs[name.as_ref()]);
            }
        }
        Err(JsonFault::Syntax) => {
            let is_object = matches!(theirs, Ok(Value::Object(_)));
            assert!(!is_object, "serde reads an object where ours sees none");
        }
        Err(JsonFault::DuplicateKey | JsonFault::TooDeep | JsonFault::LoneSurrogate) => {}
    }
    assert!(SERDE_DEPTH > json::DEPTH_MAX);
    let mut written = String::from("{\"a\":");
    json::push_string(&mut written, text);
    written.push('}');
    let members = json::object(&written).expect("what we write, we read");
    assert_eq!(members[0].1, JsonValue::Text(text.into()));
}

fn agree(ours: &JsonValue<'_>, theirs: &Value) {
    match (ours, theirs) {
        (JsonValue::Text(text), Value::String(other)) => assert_eq!(text, other),
        (JsonValue::Number(text), Value::Number(other)) => {
            if let Some(number) = other.as_i64().filter(|_| !text.contains(['.', 'e', 'E'])) {
                assert!(*text == number.to_string() || *text == "-0", "{text}");
            }
        }
        (JsonValue::Null, Value::Null)
        | (JsonValue::Other, Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {}
        other => panic!("read as different kinds: {other:?}"),
    }
}

/// A form and the words around it.
#[derive(Arbitrary, Debug)]
pub struct Form<'a> {
    text: &'a str,
    boundary: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
}

/// Nothing panics, and what is encoded is decoded.
pub fn form(form: &Form<'_>) {
    let verbatim = form::urlencoded(form.text, Escapes::Verbatim).expect("nothing is decoded");
    if let Ok(decoded) = form::urlencoded(form.text, Escapes::Decoded) {
        assert_eq!(decoded.len(), verbatim.len());
        if !form::has_escapes(form.text) {
            assert_eq!(decoded, verbatim);
        }
        let plain = form.text.trim_end_matches(['\r', '\n']);
        let theirs = url::form_urlencoded::parse(plain.as_bytes()).collect::<Vec<_>>();
        assert_eq!(decoded, theirs, "read unlike the URL standard");
    }
    let mut parts = String::new();
    let can_divide = !form.boundary.is_empty()
        && !form.boundary.contains(['\r', '\n'])
        && form.pairs.iter().all(|(name, value)| {
            let odd = ['"', '\r', '\n', ';', ','];
            !name.is_empty() && name.trim() == *name && !name.contains(odd) && !value.contains("--")
        });
    for (name, value) in &form.pairs {
        let b = form.boundary;
        parts
            .push_str(&format!("--{b}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n"));
        parts.push_str(&format!("{value}\r\n"));
    }
    parts.push_str(&format!("--{}--\r\n", form.boundary));
    if can_divide {
        let read = form::multipart(&parts, form.boundary).expect("a whole form");
        let read = read.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        assert_eq!(read.collect::<Vec<_>>(), form.pairs);
    }
    if !form.boundary.is_empty() {
        let _ = form::multipart(form.text, form.boundary);
    }
}

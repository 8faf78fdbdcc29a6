//! A request's body as fields (contract section 1): JSON, URL-encoded form or multipart form,
//! whatever the label says. It reads nothing into the fields: their meaning comes after the signature.

use crate::fault::{Fault, Wording};
use crate::fields::Fields;
use crate::form::{self, Escapes, FormFault};
use crate::json::{self, JsonFault};

/// Characters of a multipart boundary (RFC 2046).
const BOUNDARY_MAX: usize = 70;

const NOT_JSON: Wording = ["不是 JSON 对象", "the body is no JSON object"];
const KEY_TWICE: Wording = ["参数名重复", "a parameter is given twice"];
const TOO_DEEP: Wording = ["JSON 嵌套过深", "the JSON is nested too deeply"];
const NOT_FORM: Wording = ["不是合法的表单", "the body is no form"];

/// A body in one or two readings: a form without percent-encoding reads differently when it is
/// decoded, and only its signature can tell which was meant.
#[derive(Debug)]
pub struct Readings<'a> {
    /// As PHP would read it.
    pub first: Fields<'a>,
    /// As it stands, if that is something else.
    pub verbatim: Option<Fields<'a>>,
}

/// Reads a body under its content type.
///
/// # Errors
/// 40110 if it is not UTF-8, 4001 if its shape is wrong, 492001 and 491002 as [`Fields`] says.
pub fn read<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Readings<'a>, Fault> {
    let content_type = content_type.unwrap_or("");
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotUtf8)?;
    if form::parameter(content_type, "charset").is_some_and(|charset| !form::is_utf8(charset)) {
        return Err(Fault::NotUtf8);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let label = content_type.split([';', ',']).next().unwrap_or("").trim();
    if label.eq_ignore_ascii_case("multipart/form-data") {
        return multipart(content_type, text);
    }
    let begin = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if begin.starts_with('{') {
        let members = json::object(text).map_err(json_fault)?;
        return Ok(Readings { first: Fields::from_json(members)?, verbatim: None });
    }
    let is_labelled_json = label.eq_ignore_ascii_case("application/json");
    if begin.starts_with(['[', '"']) || (is_labelled_json && !begin.contains('=')) {
        return Err(Fault::Malformed(NOT_JSON));
    }
    urlencoded(text)
}

fn multipart<'a>(content_type: &str, text: &'a str) -> Result<Readings<'a>, Fault> {
    let boundary = form::parameter(content_type, "boundary").unwrap_or("");
    if boundary.is_empty() || boundary.len() > BOUNDARY_MAX {
        return Err(Fault::Malformed(NOT_FORM));
    }
    let pairs = form::multipart(text, boundary).map_err(form_fault)?;
    Ok(Readings { first: Fields::from_form(pairs)?, verbatim: None })
}

fn urlencoded(text: &str) -> Result<Readings<'_>, Fault> {
    let read =
        |escapes| form::urlencoded(text, escapes).map_err(form_fault).and_then(Fields::from_form);
    let decoded = read(Escapes::Decoded);
    if !form::has_escapes(text) {
        return Ok(Readings { first: decoded?, verbatim: None });
    }
    match (decoded, read(Escapes::Verbatim)) {
        (Ok(first), verbatim) => Ok(Readings { first, verbatim: verbatim.ok() }),
        (Err(_), Ok(first)) if form::is_bare(text) => Ok(Readings { first, verbatim: None }),
        (Err(fault), _) => Err(fault),
    }
}

fn json_fault(fault: JsonFault) -> Fault {
    match fault {
        JsonFault::Syntax => Fault::Malformed(NOT_JSON),
        JsonFault::DuplicateKey => Fault::Malformed(KEY_TWICE),
        JsonFault::TooDeep => Fault::Malformed(TOO_DEEP),
        JsonFault::LoneSurrogate => Fault::NotUtf8,
    }
}

fn form_fault(fault: FormFault) -> Fault {
    match fault {
        FormFault::Syntax => Fault::Malformed(NOT_FORM),
        FormFault::NotUtf8 => Fault::NotUtf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(content_type: &str, body: &[u8]) -> i64 {
        read(Some(content_type), body).map_or_else(|fault| fault.code(), |_| 0)
    }

    #[test]
    fn the_first_byte_tells_json_from_a_form_whatever_the_label() {
        for label in ["", "application/json,", "application/x-www-form-urlencoded", "text/plain"] {
            for body in ["{\"a\":\"1\"}", " \r\n{\"a\":1}", "a=1", "\u{feff}{\"a\":1}"] {
                let read = read(Some(label), body.as_bytes()).unwrap();
                assert_eq!(read.first.text("a"), Some("1"), "{label} {body}");
            }
        }
    }

    #[test]
    fn a_form_with_escapes_is_read_as_it_stands_too() {
        let read = |text: &'static str| read(None, text.as_bytes()).unwrap();
        let plus = read("a=6+1");
        assert_eq!(plus.first.text("a"), Some("6 1"));
        assert_eq!(plus.verbatim.unwrap().text("a"), Some("6+1"));
        assert!(read("a=6").verbatim.is_none());
        assert_eq!(read("a=聚%ff").first.text("a"), Some("聚%ff"));
    }

    #[test]
    fn wrong_shapes_are_told_apart() {
        for (label, body, expect) in [
            ("application/json", "", 4001),
            ("application/json", "[1]", 4001),
            ("application/json", "null", 4001),
            ("", "\"a\"", 4001),
            ("", "{\"a\":1,\"a\":1}", 4001),
            ("", "{\"a\":1", 4001),
            ("", "a=1&a=2", 4001),
            ("", "{\"a\":\"\\ud800\"}", 40110),
            ("", "a=%ff", 40110),
            ("application/json; charset=GBK", "{}", 40110),
            ("application/json;charset=\"UTF-8\"", "{}", 0),
            ("application/json,charset=utf8,", "{}", 0),
            ("multipart/form-data", "{}", 4001),
            ("multipart/form-data; boundary=X", "{}", 4001),
            ("", "", 0),
            ("", "A=1", 492_001),
        ] {
            assert_eq!(code(label, body.as_bytes()), expect, "{label} {body}");
        }
        assert_eq!(code("", b"{\"a\":\"\xff\"}"), 40110);
    }
}

//! Alipay's bytes: forms, and JSON answers whose signature covers an exact piece of them. Nothing
//! is repaired here: a name that comes twice, bytes that are no UTF-8, JSON that is cut short are
//! all "cannot be read", because two readers could understand them differently.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::json;

/// Members that a form may have; Alipay's longest notification has about forty.
const FORM_MEMBERS_MAX: usize = 128;
/// White space of JSON.
const JSON_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Named texts in the order of the wire, no name twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Reads a form or a query, percent-decoding once; `None` if it is not UTF-8, a name comes
    /// twice, or there are too many.
    pub(super) fn from_form(text: &str) -> Option<Self> {
        let mut fields = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fields.push((decode(name)?, decode(value)?));
        }
        Self(fields).checked()
    }

    /// The members of a JSON object that are texts; the others are left out.
    pub(super) fn from_json(object: &Map<String, Value>) -> Self {
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.into()));
        Self(object.iter().filter_map(text).collect())
    }

    /// Both together; `None` if a name comes twice.
    pub(super) fn merged(self, other: Self) -> Option<Self> {
        Self(self.0.into_iter().chain(other.0).collect()).checked()
    }

    /// A text by its name; empty if it is not there, which Alipay treats alike.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a text of that name is there and not empty.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// Adds a text, unless it is empty.
    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
    }

    /// Puts another text in the place of one.
    pub(super) fn replace(&mut self, name: &str, value: String) {
        if let Some((_, old)) = self.0.iter_mut().find(|(key, _)| key == name) {
            *old = value;
        }
    }

    /// As a form or a query.
    pub(super) fn to_form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    fn checked(self) -> Option<Self> {
        let mut names = HashSet::new();
        let is_sound = self.0.len() <= FORM_MEMBERS_MAX
            && self.0.iter().all(|(name, _)| names.insert(name.as_str()));
        is_sound.then_some(self)
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

/// The members of the JSON object `text`, each with its exact bytes: what a signature covers.
/// `None` for whatever [`json::parse`] would not read as an object that has members.
pub(super) fn raw_members(text: &str) -> Option<Vec<(String, &str)>> {
    json::parse(text.as_bytes())?;
    let mut members = Vec::new();
    let mut rest = text.trim_start_matches(JSON_SPACE).strip_prefix('{')?;
    loop {
        rest = rest.trim_start_matches(JSON_SPACE);
        let (name, after) = rest.split_at_checked(value_length(rest)?)?;
        rest = after.trim_start_matches(JSON_SPACE).strip_prefix(':')?;
        rest = rest.trim_start_matches(JSON_SPACE);
        let (value, after) = rest.split_at_checked(value_length(rest)?)?;
        members.push((serde_json::from_str(name).ok()?, value));
        rest = after.trim_start_matches(JSON_SPACE);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return rest.starts_with('}').then_some(members),
        }
    }
}

/// The bytes of the JSON value that `text` begins with. `text` is a piece of sound JSON.
fn value_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let (mut is_in_string, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if is_in_string {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_in_string = !is_end;
            if is_end && depth == 0 {
                return Some(at + 1);
            }
            continue;
        }
        match byte {
            b'"' => is_in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return Some(at + depth),
            b'}' | b']' => depth -= 1,
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_decoded_once_and_refused_when_two_readings_are_possible() {
        let fields = Fields::from_form("a=1%2B1+%25E6&b=%E6%B5%8B&c=&d").unwrap();
        assert_eq!(fields.of("a"), "1+1 %E6");
        assert_eq!(fields.of("b"), "测");
        assert!(!fields.has("c") && !fields.has("d"));
        assert_eq!(Fields::from_form(&fields.to_form()), Some(fields));
        for wrong in ["a=1&a=1", "a=1&%61=2", "a=%FF"] {
            assert_eq!(Fields::from_form(wrong), None, "{wrong}");
        }
        let many: String = (0..=FORM_MEMBERS_MAX).map(|at| format!("n{at}=&")).collect();
        assert_eq!(Fields::from_form(&many), None);
    }

    #[test]
    fn members_keep_their_exact_bytes() {
        let text =
            r#" { "a" : {"x":"}\"]\\", "y":[1, {"z":2.50}]} ,"b\u0031":"q" , "c":-1e3,"d":null}"#;
        let expect = [
            ("a", r#"{"x":"}\"]\\", "y":[1, {"z":2.50}]}"#),
            ("b1", "\"q\""),
            ("c", "-1e3"),
            ("d", "null"),
        ];
        let members = raw_members(text).unwrap();
        let members: Vec<_> = members.iter().map(|(name, raw)| (name.as_str(), *raw)).collect();
        assert_eq!(members, expect);
    }

    proptest! {
        #[test]
        fn reading_is_total(text in ".{0,64}", json in r#"[{}\[\]":,a0 \\]{0,24}"#) {
            let _ = (Fields::from_form(&text), raw_members(&text));
            let is_object = json::parse(json.as_bytes()).is_some_and(|value| value.as_object().is_some_and(|o| !o.is_empty()));
            prop_assert_eq!(raw_members(&json).is_some(), is_object);
        }

        #[test]
        fn a_form_reads_back(pairs in proptest::collection::btree_map(".{1,8}", ".{0,8}", 0..8)) {
            let fields = Fields(pairs.into_iter().collect());
            prop_assert_eq!(Fields::from_form(&fields.to_form()), Some(fields));
        }
    }
}

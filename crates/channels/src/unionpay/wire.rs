//! UnionPay's bytes: forms out, and answers that are `name=value&…` without any encoding, in which a
//! value may be a certificate's lines or a group in braces. Nothing is repaired: a name that comes
//! twice, or a group without its end, makes the whole text unreadable.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// Members that a message may have; UnionPay's longest has about fifty.
const MEMBERS_MAX: usize = 128;

/// The member that holds the signature.
pub(super) const SIGNATURE: &str = "signature";

/// Named texts, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a form or a query, percent-decoding once.
    pub(super) fn from_form(text: &str) -> Option<Self> {
        let mut fields = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fields.add(&decode(name)?, decode(value)?)?;
        }
        Some(fields)
    }

    /// Reads an answer (manual: 5.1.0, messages; values are not encoded, `{}` and `[]` are groups).
    pub(super) fn from_raw(text: &str) -> Option<Self> {
        let mut fields = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, tail) = after.split_at_checked(value_length(after)?)?;
            fields.add(name, value.to_owned())?;
            rest = tail.strip_prefix('&').unwrap_or(tail);
        }
        Some(fields)
    }

    /// A text by its name; empty if it is not there, which UnionPay treats alike.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a text of that name is there and not empty.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// Puts a text in; an empty one takes it out.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// Puts several texts in.
    pub(super) fn set_all<'a>(&mut self, members: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in members {
            self.set(name, value);
        }
    }

    /// Names and texts, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What is signed (manual: 5.1.0, signatures): all but the signature that is not empty, by name.
    pub(super) fn signed_text(&self) -> String {
        let is_signed = |(name, value): &(&str, &str)| *name != SIGNATURE && !value.is_empty();
        let pairs = self.iter().filter(is_signed).map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// As a form or a query.
    pub(super) fn to_form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }

    /// As an answer: what [`Fields::from_raw`] reads.
    pub(super) fn to_raw(&self) -> String {
        let pairs = self.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn add(&mut self, name: &str, value: String) -> Option<()> {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_new = is_name && self.0.insert(name.to_owned(), value).is_none();
        (is_new && self.0.len() <= MEMBERS_MAX).then_some(())
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

/// The bytes of the value that `text` begins with: up to the first `&` outside of every group; `None`
/// if a group does not end.
fn value_length(text: &str) -> Option<usize> {
    let mut ends = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => ends.push(b'}'),
            b'[' => ends.push(b']'),
            b'&' if ends.is_empty() => return Some(at),
            _ if ends.last() == Some(&byte) => {
                ends.pop();
            }
            _ => {}
        }
    }
    ends.is_empty().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answers_values_are_taken_as_they_are() {
        let text = "reserved={a=1&b={c=2&d=[3&4]}&e=5}&signPubKeyCert=-----BEGIN-----\r\nMI+/a==\r\n\
                    -----END-----&respMsg=成功[0000000]&empty=&orderId=1";
        let fields = Fields::from_raw(text).unwrap();
        assert_eq!(fields.of("reserved"), "{a=1&b={c=2&d=[3&4]}&e=5}");
        assert_eq!(fields.of("signPubKeyCert"), "-----BEGIN-----\r\nMI+/a==\r\n-----END-----");
        assert_eq!((fields.of("respMsg"), fields.of("orderId")), ("成功[0000000]", "1"));
        assert!(!fields.has("empty"));
        assert_eq!(Fields::from_raw(&fields.to_raw()), Some(fields));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        let wrong = ["a=1&a=2", "a", "a=1&b", "=1", "a&b=1", "a={b=1", "a=[{]}", "a b=1", "<p>=1"];
        for text in wrong {
            assert_eq!(Fields::from_raw(text), None, "{text}");
        }
        for text in ["a=1&a=1", "a=1&%61=2", "a=%FF", "%26=1"] {
            assert_eq!(Fields::from_form(text), None, "{text}");
        }
        let many: String = (0..=MEMBERS_MAX).map(|at| format!("n{at}=1&")).collect();
        assert_eq!((Fields::from_raw(&many), Fields::from_form(&many)), (None, None));
    }

    #[test]
    fn the_signed_text_has_neither_the_signature_nor_what_is_empty() {
        let fields = Fields::from_form("b=2&signature=s&a=%E6%B5%8B+1&c=").unwrap();
        assert_eq!(fields.signed_text(), "a=测 1&b=2");
    }

    proptest! {
        #[test]
        fn reading_is_total(text in ".{0,64}", near in r"[ab=&{}\[\]]{0,24}") {
            for text in [&text, &near] {
                let _ = (Fields::from_raw(text), Fields::from_form(text));
            }
        }

        #[test]
        fn a_message_reads_back(
            pairs in proptest::collection::btree_map("[a-zA-Z0-9]{1,8}", r"[^&{}\[\]]{0,8}", 0..8),
        ) {
            let fields = Fields(pairs);
            prop_assert_eq!(Fields::from_form(&fields.to_form()), Some(fields.clone()));
            prop_assert_eq!(Fields::from_raw(&fields.to_raw()), Some(fields));
        }
    }
}

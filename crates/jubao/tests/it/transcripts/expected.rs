//! What a member of an answer must be.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Members with what each must be.
pub type Members = BTreeMap<String, Expected>;

/// What a member must be.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Expected {
    /// Exactly this.
    Is(Value),
    /// `string` or `integer`, not empty.
    Type(String),
    /// A text of this form: literally, but for pieces like `{d:28}` (see [`is_of_form`]).
    Form(String),
    /// The text of a JSON object with these members and no other.
    Json(Members),
}

impl Expected {
    /// Panics, naming `name`, if `value` is not so.
    pub fn check(&self, name: &str, value: &Value) {
        match self {
            Self::Is(exact) => assert_eq!(value, exact, "{name}"),
            Self::Type(kind) if kind == "string" => {
                assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {value}");
            }
            Self::Type(kind) => {
                assert!(kind == "integer" && value.is_i64(), "{name}: {value}");
            }
            Self::Form(form) => {
                let text = value.as_str();
                assert!(text.is_some_and(|text| is_of_form(form, text)), "{name}: {value} {form}");
            }
            Self::Json(members) => {
                let text = value.as_str().unwrap_or_else(|| panic!("{name}: {value}"));
                let inner: Value = serde_json::from_str(text).unwrap();
                let mut names: Vec<_> = inner.as_object().unwrap().keys().collect();
                names.sort_unstable();
                assert!(names.into_iter().eq(members.keys()), "{name}: {inner}");
                for (member, expected) in members {
                    expected.check(&format!("{name}.{member}"), &inner[member]);
                }
            }
        }
    }
}

/// Whether `text` has a form. A piece `{K}`, `{K:n}` or `{K:n-m}` stands for one or more, for n, or for n to
/// m characters of a kind: `d` digits, `x` and `X` hexadecimal digits in lower and upper case, `w`
/// letters, digits, `_` and `-`, `u` what an encoded address is made of. It takes as many as it can.
fn is_of_form(form: &str, text: &str) -> bool {
    let Some((literal, rest)) = form.split_once('{') else { return form == text };
    let (piece, rest) = rest.split_once('}').unwrap();
    let Some(text) = text.strip_prefix(literal) else { return false };
    let (kind, count) = piece.split_once(':').unwrap_or((piece, "1-65536"));
    let (least, most) = count.split_once('-').unwrap_or((count, count));
    let is_of_kind = |byte: &u8| match kind {
        "d" => byte.is_ascii_digit(),
        "x" => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
        "X" => byte.is_ascii_digit() || (b'A'..=b'F').contains(byte),
        "w" => byte.is_ascii_alphanumeric() || b"_-".contains(byte),
        "u" => byte.is_ascii_alphanumeric() || b"_-.~:/?=&%+".contains(byte),
        other => panic!("{other} is no kind of character"),
    };
    let [least, most] = [least, most].map(|count| count.parse::<usize>().unwrap());
    let taken = text.bytes().take(most).take_while(is_of_kind).count();
    taken >= least && is_of_form(rest, &text[taken..])
}

#[test]
fn a_form_takes_what_it_says_and_nothing_more() {
    for (form, yes, no) in [
        ("wx{d:2}", "wx12", "wx1"),
        ("wx{d:2}", "wx12", "wx123"),
        ("{x:4}", "0af9", "0AF9"),
        ("{X:4}", "0AF9", "0af9"),
        ("a={w:0-3}&b", "a=&b", "a=&"),
        ("a={w:0-3}&b", "a=x_1&b", "a=x_12&b"),
        ("http://h:{d}/{u}", "http://h:80/a?b=%20", "http://h:80/"),
        ("same", "same", "same "),
    ] {
        assert!(is_of_form(form, yes), "{form} {yes}");
        assert!(!is_of_form(form, no), "{form} {no}");
    }
}

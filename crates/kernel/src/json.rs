//! Reading a JSON object of parameters, and writing JSON text. Strict (RFC 8259): no comments, no
//! trailing commas, no raw control characters. Numbers stay as they were spelled and are never
//! turned into floats; texts without escapes are borrowed.

use std::borrow::Cow;

use crate::defect::{self, Defect};

/// Nesting that is still read: the object itself is depth 1.
pub const DEPTH_MAX: usize = 8;

/// A value of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JsonValue<'a> {
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A number as it was spelled.
    Number(&'a str),
    /// null.
    Null,
    /// true, false, an array or an object: nothing that a parameter can be.
    Other,
}

/// Why a text is not read.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum JsonFault {
    /// Not JSON, or not an object.
    Syntax,
    /// An object names a key twice, after unescaping.
    DuplicateKey,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// An escaped half of a surrogate pair: no Unicode text.
    LoneSurrogate,
}

/// Members in the order of the text.
pub type JsonMembers<'a> = Vec<(Cow<'a, str>, JsonValue<'a>)>;

/// Reads a text that is one object.
///
/// # Errors
/// The text is not JSON, is not an object, or breaks one of the limits of [`JsonFault`].
pub fn object(text: &str) -> Result<JsonMembers<'_>, JsonFault> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let members = reader.object(1)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(members) } else { Err(JsonFault::Syntax) }
}

/// Whether a text is one JSON value of any kind.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Appends `text` as a JSON string; other than control characters, `"` and `\`, all stays as it is.
pub fn push_string(out: &mut String, text: &str) {
    let is_escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push('"');
    // Without a branch for each byte the usual text is judged many bytes at a time.
    if !text.bytes().fold(false, |any, byte| any | is_escaped(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| is_escaped(*byte)) {
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn object(&mut self, depth: usize) -> Result<JsonMembers<'a>, JsonFault> {
        self.expect(b'{')?;
        if depth > DEPTH_MAX {
            return Err(JsonFault::TooDeep);
        }
        let mut members = JsonMembers::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            members.push((name, self.value(depth)?));
            self.skip_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if !has_duplicates(&members) {
            return Ok(members);
        }
        if defect::is_seeded(Defect::DuplicateNameLastWins) {
            return Ok(last_of_each_name(members));
        }
        Err(JsonFault::DuplicateKey)
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonFault> {
        self.expect(b'[')?;
        if depth > DEPTH_MAX {
            return Err(JsonFault::TooDeep);
        }
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.skip_space();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads a value that stands at `depth`; what it holds is one deeper.
    fn value(&mut self, depth: usize) -> Result<JsonValue<'a>, JsonFault> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(JsonValue::Text),
            Some(b'{') => self.object(depth + 1).map(|_| JsonValue::Other),
            Some(b'[') => self.array(depth + 1).map(|()| JsonValue::Other),
            Some(b't') => self.word("true").map(|()| JsonValue::Other),
            Some(b'f') => self.word("false").map(|()| JsonValue::Other),
            Some(b'n') => self.word("null").map(|()| JsonValue::Null),
            _ => self.number().map(JsonValue::Number),
        }
    }

    fn number(&mut self) -> Result<&'a str, JsonFault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(JsonFault::Syntax) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let tail = &self.text[start..self.at];
                    self.at += 1;
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(tail));
                    }
                    unescaped.push_str(tail);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    unescaped.push(self.escape()?);
                    start = self.at;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return Err(JsonFault::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let byte = self.peek().ok_or(JsonFault::Syntax)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(JsonFault::Syntax),
        })
    }

    fn unicode(&mut self) -> Result<char, JsonFault> {
        let unit = self.four_digits()?;
        if let Some(letter) = char::from_u32(unit) {
            return Ok(letter);
        }
        let is_high = (0xD800..0xDC00).contains(&unit);
        if !is_high || !self.text[self.at..].starts_with("\\u") {
            return Err(JsonFault::LoneSurrogate);
        }
        self.at += 2;
        let low = self.four_digits()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(JsonFault::LoneSurrogate);
        }
        let point = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        char::from_u32(point).ok_or(JsonFault::LoneSurrogate)
    }

    fn four_digits(&mut self) -> Result<u32, JsonFault> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(JsonFault::Syntax)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(JsonFault::Syntax);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| JsonFault::Syntax)
    }

    fn word(&mut self, word: &str) -> Result<(), JsonFault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(JsonFault::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.take(byte) { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

fn has_duplicates(members: &JsonMembers<'_>) -> bool {
    let mut names = members.iter().map(|(name, _)| name.as_ref()).collect::<Vec<_>>();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// What a reader that lets the last one win would make of it.
fn last_of_each_name(members: JsonMembers<'_>) -> JsonMembers<'_> {
    let mut kept = JsonMembers::new();
    for (name, value) in members {
        kept.retain(|(known, _)| *known != name);
        kept.push((name, value));
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str, expect: JsonFault) {
        assert_eq!(object(text), Err(expect), "{text}");
    }

    #[test]
    fn values_keep_their_spelling() {
        let members = object(r#" {"a":"x\/\u8058\ud83c\udf89","b":010e0,"c":null}"#);
        assert_eq!(members, Err(JsonFault::Syntax));
        let members = object(r#" {"a":"x\/\u8058\ud83c\udf89","b":-1.50,"c":null,"d":[{}]} "#);
        let expect = vec![
            (Cow::Borrowed("a"), JsonValue::Text(Cow::Borrowed("x/聘🎉"))),
            (Cow::Borrowed("b"), JsonValue::Number("-1.50")),
            (Cow::Borrowed("c"), JsonValue::Null),
            (Cow::Borrowed("d"), JsonValue::Other),
        ];
        assert_eq!(members, Ok(expect));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for text in [
            "",
            "[]",
            "null",
            "{",
            "{}x",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{"a":.5}"#,
            r#"{"a":1.}"#,
            r#"{"a":+1}"#,
            r#"{"a":alipay.wappay}"#,
            "{\"a\":\"line\nfeed\"}",
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            r#"{"a":"\u+123"}"#,
            r#"{"a":"\u12聚"}"#,
            "{'a':1}",
            "{\u{a0}}",
        ] {
            refused(text, JsonFault::Syntax);
        }
    }

    #[test]
    fn a_key_may_not_come_twice_however_it_is_spelled() {
        refused(r#"{"a":1,"a":1}"#, JsonFault::DuplicateKey);
        refused(r#"{"a":1,"\u0061":2}"#, JsonFault::DuplicateKey);
        refused(r#"{"x":{"a":1,"a":2}}"#, JsonFault::DuplicateKey);
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        for text in [r#"{"a":"\ud83c"}"#, r#"{"a":"\udf89"}"#, r#"{"a":"\ud83c\u0041"}"#] {
            refused(text, JsonFault::LoneSurrogate);
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(object(&nested(DEPTH_MAX)).is_ok());
        refused(&nested(DEPTH_MAX + 1), JsonFault::TooDeep);
        let list = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(&list(DEPTH_MAX - 1)).is_ok());
        refused(&list(DEPTH_MAX), JsonFault::TooDeep);
        refused(&list(60_000), JsonFault::TooDeep);
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(text in any::<String>()) {
            let mut written = String::from("{\"k\":");
            push_string(&mut written, &text);
            written.push('}');
            let members = object(&written).unwrap();
            prop_assert_eq!(&members[0].1, &JsonValue::Text(Cow::Borrowed(text.as_str())));
        }

        #[test]
        fn an_object_is_read_where_serde_reads_one(text in r#"[\{\}\[\]",:0-9a\\un. e-]{0,24}"#) {
            let ours = object(&text);
            let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok() || text.contains(['e']), "{text}"),
                Err(JsonFault::Syntax) => prop_assert!(theirs.is_err(), "{text}"),
                Err(_) => {}
            }
        }
    }
}

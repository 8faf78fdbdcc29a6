//! A request's parameters in signing order, each with the text that it signs as. Numbers are judged
//! digit by digit as PHP would print them: no float is involved, and nothing is normalised.

use std::borrow::Cow;

use crate::fault::{Fault, Wording};
use crate::form::{self, Escapes, Pairs};
use crate::json::{self, JsonMembers, JsonValue};

/// Members that a request can have.
pub const FIELDS_MAX: usize = 64;
/// Characters of a name.
const NAME_MAX: usize = 32;
/// Digits of an integer.
const DIGITS_MAX: usize = 18;
/// Significant digits that PHP prints of a float (`precision`).
const PHP_PRECISION: usize = 14;

const NAME: Wording =
    ["参数名应为 [a-z_][a-z0-9_]{0,31}", "is no name of the form [a-z_][a-z0-9_]{0,31}"];
const TYPE: Wording =
    ["应为字符串或最多 18 位的整数", "must be a string, or an integer of at most 18 digits"];
const TWICE: Wording = ["参数名重复", "a parameter is given twice"];

/// Parameters in ascending byte order of the name, `sign` among them, each name once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// Takes the members of a JSON body.
    ///
    /// # Errors
    /// 492001 for a value or name of the wrong form, 491002 for too many.
    pub fn from_json(members: JsonMembers<'a>) -> Result<Self, Fault> {
        let fields = members.into_iter().map(|(name, value)| {
            let text = text_of(value).ok_or_else(|| Fault::bad_format(name.clone(), TYPE))?;
            Ok((name, text))
        });
        Self::collect(fields.collect::<Result<_, Fault>>()?)
    }

    /// Takes the pairs of a form.
    ///
    /// # Errors
    /// As [`Fields::from_json`], and 4001 for a name that comes twice.
    pub fn from_form(pairs: Pairs<'a>) -> Result<Self, Fault> {
        let mut names = pairs.iter().map(|(name, _)| name.as_ref()).collect::<Vec<_>>();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Fault::Malformed(TWICE));
        }
        Self::collect(pairs)
    }

    fn collect(mut fields: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Result<Self, Fault> {
        if fields.len() > FIELDS_MAX {
            return Err(Fault::TooLarge);
        }
        if let Some((name, _)) = fields.iter().find(|(name, _)| !is_name(name)) {
            return Err(Fault::bad_format(shown(name), NAME));
        }
        fields.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        Ok(Self(fields))
    }

    /// A parameter's text, as it was signed; `None` if it was not sent.
    pub fn text(&self, name: &str) -> Option<&str> {
        // Requests have about ten parameters: to compare lengths is faster than to search.
        self.0.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_ref())
    }

    /// A parameter's text unless it is absent, empty or null: the three mean the same.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// Whether a parameter was sent, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Names and texts, `sign` among them, in the order in which `body` names them first where it is JSON
    /// or a form that can be read again: whoever explains a signature wants to know it.
    pub fn as_sent(&self, body: &[u8]) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> =
            self.0.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        let text = std::str::from_utf8(body).unwrap_or_default().trim_start();
        let names: Vec<String> = match text.starts_with('{') {
            true => json::object(text)
                .map(|members| members.into_iter().map(|(name, _)| name.into_owned()).collect())
                .unwrap_or_default(),
            false => form::urlencoded(text, Escapes::Decoded)
                .map(|pairs| pairs.into_iter().map(|(name, _)| name.into_owned()).collect())
                .unwrap_or_default(),
        };
        fields.sort_by_key(|(name, _)| names.iter().position(|one| one == name));
        fields
    }

    /// Everything that is signed, in signing order: all but `sign`.
    pub fn signed(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let fields = self.0.iter().map(|(name, text)| (name.as_ref(), text.as_ref()));
        fields.filter(|(name, _)| *name != "sign")
    }
}

/// Whether a name is `[a-z_][a-z0-9_]{0,31}` (contract section 2).
pub fn is_name(name: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    name.len() <= NAME_MAX
        && name.as_bytes().first().is_some_and(is_first)
        && name.bytes().all(|byte| is_first(&byte) || byte.is_ascii_digit())
}

/// A stranger's name, short enough to be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect()
}

/// The text that a JSON value signs as; `None` for a value that no parameter can have.
fn text_of(value: JsonValue<'_>) -> Option<Cow<'_, str>> {
    match value {
        JsonValue::Text(text) => Some(text),
        JsonValue::Null => Some(Cow::Borrowed("")),
        JsonValue::Number(spelling) => number_text(spelling),
        JsonValue::Other => None,
    }
}

/// An integer stays as it was spelled; a fraction counts if PHP prints it as a whole number.
fn number_text(spelling: &str) -> Option<Cow<'_, str>> {
    if let Some((whole, fraction)) = spelling.split_once('.') {
        return rounded(whole, fraction).map(Cow::Owned);
    }
    let digits = spelling.strip_prefix('-').unwrap_or(spelling);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_integer && digits.len() <= DIGITS_MAX).then_some(Cow::Borrowed(spelling))
}

/// `whole.fraction` rounded to 14 significant digits, if that is a whole number. PHP rounds the
/// nearest float, which lies within a hundredth of the last digit kept; so a fraction that close
/// to one half could go either way there, and is refused here.
fn rounded(whole: &str, fraction: &str) -> Option<String> {
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if whole == "0" || whole.len() > PHP_PRECISION {
        return small(sign, whole, fraction);
    }
    let places = PHP_PRECISION - whole.len();
    let padded = format!("{fraction:0<width$}", width = places + 2);
    let (kept, rest) = padded.split_at(places);
    if matches!(rest.get(..2)?, "48" | "49" | "50" | "51") {
        return None;
    }
    let rounds_up = *rest.as_bytes().first()? >= b'5';
    let is_all = |digit: u8| kept.bytes().all(|byte| byte == digit);
    if !rounds_up && is_all(b'0') {
        return Some(format!("{sign}{whole}"));
    }
    // An empty `kept` has all nines: then the rounding itself carries into the whole part.
    let carried = whole.parse::<u64>().ok()?.checked_add(1)?.to_string();
    (rounds_up && is_all(b'9') && carried.len() <= PHP_PRECISION)
        .then(|| format!("{sign}{carried}"))
}

/// Numbers below 1, whose significant digits begin behind the point: whole only if they are 0, or
/// within half a unit of the 14th digit of 1.
fn small(sign: &str, whole: &str, fraction: &str) -> Option<String> {
    if whole != "0" {
        return None;
    }
    if fraction.bytes().all(|byte| byte == b'0') {
        return Some(format!("{sign}0"));
    }
    let padded = format!("{fraction:0<width$}", width = PHP_PRECISION + 2);
    let (kept, rest) = padded.split_at(PHP_PRECISION);
    let rounds_to_one = kept.bytes().all(|byte| byte == b'9') && rest.get(..2)? > "51";
    rounds_to_one.then(|| format!("{sign}1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> Result<Fields<'_>, Fault> {
        Fields::from_json(json::object(text).unwrap())
    }

    fn number(spelling: &str, expect: Option<&str>) {
        assert_eq!(number_text(spelling).as_deref(), expect, "{spelling}");
    }

    #[test]
    fn integers_stay_as_they_were_spelled() {
        number("0", Some("0"));
        number("-1", Some("-1"));
        number("123456789012345678", Some("123456789012345678"));
        number("1234567890123456789", None);
        number("1e5", None);
        number("1E+2", None);
    }

    #[test]
    fn a_fraction_counts_where_php_prints_a_whole_number() {
        number("1998.9999999999998", Some("1999"));
        number("1999.0000000000002", Some("1999"));
        number("10.0", Some("10"));
        number("-10.0", Some("-10"));
        number("0.0", Some("0"));
        number("0.99999999999999989", Some("1"));
        number("0.999999999999996", Some("1"));
        number("99.99999999999999", Some("100"));
        number("9999999999999.99", Some("10000000000000"));
        number("99999999999999.9", None);
        number("12345678901234.0", Some("12345678901234"));
        number("12345678901234.9", Some("12345678901235"));
        number("123456789012345.0", None);
        for not_whole in ["19.99", "0.5", "1998.999", "1998.9999999999", "0.00001", "1.5e3"] {
            number(not_whole, None);
        }
    }

    #[test]
    fn what_php_could_round_either_way_is_refused() {
        for tie in ["1998.99999999995", "1998.99999999994999999", "1998.0000000000500001"] {
            number(tie, None);
        }
    }

    #[test]
    fn fields_come_in_byte_order_and_sign_is_not_signed() {
        let fields = read(r#"{"sign":"x","b":null,"a_":1,"a1":"y"}"#).unwrap();
        let signed = fields.signed().collect::<Vec<_>>();
        assert_eq!(signed, [("a1", "y"), ("a_", "1"), ("b", "")]);
        assert_eq!(fields.text("sign"), Some("x"));
        assert_eq!((fields.text("b"), fields.given("b")), (Some(""), None));
    }

    #[test]
    fn values_and_names_of_another_kind_are_refused() {
        for text in [
            r#"{"a":true}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":1.5}"#,
            r#"{"A":1}"#,
            r#"{"":1}"#,
            r#"{"1a":1}"#,
            r#"{"聚宝":1}"#,
            r#"{"a[]":1}"#,
            r#"{"a23456789012345678901234567890123":1}"#,
        ] {
            assert_eq!(read(text).unwrap_err().code(), 492_001, "{text}");
        }
    }

    #[test]
    fn a_form_may_not_name_a_parameter_twice() {
        let twice = vec![("a".into(), "1".into()), ("a".into(), "1".into())];
        assert_eq!(Fields::from_form(twice).unwrap_err().code(), 4001);
    }

    #[test]
    fn the_number_of_members_is_limited() {
        let pairs = |count: usize| (0..count).map(|at| (format!("x{at}").into(), "".into()));
        assert!(Fields::from_form(pairs(FIELDS_MAX).collect()).is_ok());
        assert_eq!(Fields::from_form(pairs(FIELDS_MAX + 1).collect()), Err(Fault::TooLarge));
    }
}

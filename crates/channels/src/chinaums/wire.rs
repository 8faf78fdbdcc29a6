//! EasyLink's bytes: forms and flat JSON, amounts in major units, currencies by ISO number. A name
//! that comes twice, or bytes that are no UTF-8, make the whole unreadable.

use std::collections::HashSet;

use kernel::money::{Currency, Money};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Members that a form may have; the longest known has twenty.
const FORM_MEMBERS_MAX: usize = 64;

/// Named texts in the order of the wire, no name twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Reads a form or a query, percent-decoding once; `None` if it is not UTF-8, a name comes
    /// twice, or there are too many.
    pub(super) fn from_form(text: &str) -> Option<Self> {
        let mut fields = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fields.push(&decode(name)?, decode(value)?);
        }
        fields.is_sound().then_some(fields)
    }

    /// The members of a JSON object: texts and integers as they are, objects as their JSON. A
    /// fraction is no text: an amount is never read from it.
    pub(super) fn from_json(object: &Map<String, Value>) -> Self {
        let text = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) if !number.is_f64() => number.to_string(),
                Value::Object(_) | Value::Array(_) | Value::Bool(_) => value.to_string(),
                Value::Number(_) | Value::Null => return None,
            };
            Some((name.clone(), text))
        };
        Self(object.iter().filter_map(text).collect())
    }

    /// A text by its name; empty if it is not there.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a text of that name is there and not empty.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// Adds a text, empty or not.
    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// Puts another text in the place of one.
    pub(super) fn replace(&mut self, name: &str, value: impl Into<String>) {
        if let Some((_, old)) = self.0.iter_mut().find(|(key, _)| key == name) {
            *old = value.into();
        }
    }

    /// Those that are not called `name`.
    pub(super) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// Those whose names are listed, in the order of the list.
    pub(super) fn only(&self, names: &[&str]) -> Self {
        let mut picked = Self::default();
        for name in names {
            if let Some((_, value)) = self.0.iter().find(|(key, _)| key == name) {
                picked.push(name, value.as_str());
            }
        }
        picked
    }

    /// As a form or a query.
    pub(super) fn to_form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// Whether no name comes twice, and there are not too many.
    pub(super) fn is_sound(&self) -> bool {
        let mut names = HashSet::new();
        self.0.len() <= FORM_MEMBERS_MAX && self.0.iter().all(|(name, _)| names.insert(name))
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

/// An amount as EasyLink writes it: major units without trailing zeros, `0.1`.
pub(super) fn major(money: Money) -> String {
    money.decimal().trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A currency's number in ISO 4217.
pub(super) fn number_of(currency: Currency) -> &'static str {
    match currency {
        Currency::Cny => "156",
        Currency::Hkd => "344",
        Currency::Aud => "036",
    }
}

/// Reads a currency's number, or its letters.
pub(super) fn currency(text: &str) -> Option<Currency> {
    let is_named = |one: &Currency| number_of(*one) == text || one.code() == text;
    Currency::ALL.into_iter().find(is_named)
}

/// Reads an amount of the members `amount` and `currency`.
pub(super) fn money(fields: &Fields, amount: &str, currency: &str) -> Option<Money> {
    Money::from_decimal(fields.of(amount), self::currency(fields.of(currency))?)
}

/// Whether `text` can be a number of EasyLink's: it goes into addresses and signed texts.
pub(super) fn is_payment_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_have_no_trailing_zeros() {
        for (minor, text) in [(10, "0.1"), (1, "0.01"), (100, "1"), (8888, "88.88"), (1000, "10")] {
            let money = Money::new(minor, Currency::Hkd);
            assert_eq!(major(money), text);
            assert_eq!(Money::from_decimal(text, Currency::Hkd), Some(money));
        }
    }

    #[test]
    fn a_form_that_can_be_read_in_two_ways_is_not_read() {
        for wrong in ["a=1&a=1", "a=1&%61=2", "a=%FF"] {
            assert_eq!(Fields::from_form(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_form_reads_back(pairs in proptest::collection::btree_map(".{1,8}", ".{0,8}", 0..8)) {
            let fields = Fields(pairs.into_iter().collect());
            prop_assert_eq!(Fields::from_form(&fields.to_form()), Some(fields));
        }

        #[test]
        fn an_amount_reads_back(minor in 0..i64::MAX) {
            let money = Money::new(minor, Currency::Aud);
            prop_assert_eq!(Money::from_decimal(&major(money), Currency::Aud), Some(money));
        }
    }
}

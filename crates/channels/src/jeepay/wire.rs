//! JeePay's bytes: flat JSON and forms. A name that comes twice, or bytes that are no UTF-8, make the
//! whole unreadable.

use std::collections::HashSet;

use kernel::money::{Currency, Money};
use kernel::product::Provider;
use kernel::time::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Members that a form may have; the longest notification has twenty.
const FORM_MEMBERS_MAX: usize = 64;
/// Longest number of JeePay's, or of a wallet's, that is believed.
const NUMBER_CHARS_MAX: usize = 64;

/// Named texts, no name twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Reads a form, percent-decoding once; `None` if it is not UTF-8, a name comes twice, or there
    /// are too many.
    pub(super) fn from_form(text: &str) -> Option<Self> {
        let mut fields = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fields.push((decode(name)?, decode(value)?));
        }
        let mut names = HashSet::new();
        let is_sound = fields.len() <= FORM_MEMBERS_MAX
            && fields.iter().all(|(name, _)| names.insert(name.clone()));
        is_sound.then_some(Self(fields))
    }

    /// The members of a JSON object as JeePay signs them: what is not a text as its JSON, nulls left
    /// out.
    pub(super) fn from_json(object: &Map<String, Value>) -> Self {
        let text = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    value.to_string()
                }
            };
            Some((name.clone(), text))
        };
        Self(object.iter().filter_map(text).collect())
    }

    /// A text by its name; empty if it is not there, which JeePay treats alike.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a text of that name is there and not empty.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// As a form.
    pub(super) fn to_form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// The amount that the member `name` holds, in the member `currency`, or in `currency` if there
    /// is no such member.
    pub(super) fn money(&self, name: &str, currency: Option<Currency>) -> Option<Money> {
        let told = self.of("currency").to_ascii_uppercase();
        let currency = if told.is_empty() { currency? } else { Currency::from_code(&told)? };
        Some(Money::new(whole(self.of(name))?, currency))
    }

    /// The moment that the member `name` holds, in milliseconds.
    pub(super) fn moment(&self, name: &str) -> Option<Timestamp> {
        whole(self.of(name)).filter(|millis| *millis > 0).map(Timestamp::from_millis)
    }

    /// The number of a payment: the wallet's, else JeePay's.
    pub(super) fn transaction_id(&self) -> Option<&str> {
        let is_number = |text: &&str| {
            (1..=NUMBER_CHARS_MAX).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_graphic())
        };
        [self.of("channelOrderNo"), self.of("payOrderId")].into_iter().find(is_number)
    }

    /// Whose wallet paid, by the way that was taken.
    pub(super) fn provider(&self) -> Option<Provider> {
        match self.of("wayCode").split('_').next() {
            Some("ALI") => Some(Provider::Alipay),
            Some("WX") => Some(Provider::Wechat),
            Some("UP" | "YSF") => Some(Provider::Unionpay),
            Some(_) | None => None,
        }
    }
}

/// A number without sign or fraction.
fn whole(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_that_can_be_read_in_two_ways_is_not_read() {
        for wrong in ["a=1&a=1", "a=1&%61=2", "a=%FF"] {
            assert_eq!(Fields::from_form(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_whole_numbers() {
        for (text, expect) in [("8888", Some(8888)), ("", None), ("-1", None), ("1.0", None)] {
            assert_eq!(whole(text), expect);
        }
        let fields = Fields::from_form("amount=1&currency=hkd").unwrap();
        assert_eq!(fields.money("amount", None), Some(Money::new(1, Currency::Hkd)));
    }

    proptest! {
        #[test]
        fn a_form_reads_back(pairs in proptest::collection::btree_map(".{1,8}", ".{0,8}", 0..8)) {
            let fields = Fields(pairs.into_iter().collect());
            prop_assert_eq!(Fields::from_form(&fields.to_form()), Some(fields));
        }
    }
}

//! The unique parse of the scheme `suffix` (contract section 2). Its text has separators, but a value
//! may hold them: `attach=x&body=y` is the text of two parameters and of one.
//!
//! Two requests with one text differ in a cut, so one of them has `&name=` inside a value. Refused are
//! therefore: any `&name=` in a text or an unknown parameter, where ordinary values have none; and in a
//! URL or `detail`, where queries do, `&name=` with a name that the operation acts on, but for the free
//! texts. What is left can be cut only into a name that nothing acts on: behind a URL that is refused
//! (`Scan::refused_unknown`), and behind `detail` it changes a free text, which the contract lets be.
//! Empty values are not signed; they count as absent, so one that is added or lost changes nothing.
//! Notifications tell `attach` and `body`, which so can hold no parameter of theirs either.

use crate::fields::{Fields, is_name};
use crate::name::NameTable;
use crate::value_form::ValueForm;

/// The first field, in signing order, whose value could be cut into parameters.
pub fn ambiguous_field(fields: &Fields<'_>, table: &NameTable) -> Option<usize> {
    fields.signed().position(|(name, value)| {
        let form = table.row(name).map(|row| row.form);
        let mut inside = names_inside(value);
        match form {
            Some(ValueForm::NotifyUrl | ValueForm::PageUrl | ValueForm::Detail) => {
                inside.any(|name| table.row(name).is_some_and(|row| !is_free(row.name)))
            }
            Some(_) | None => inside.next().is_some(),
        }
    })
}

fn is_free(name: &str) -> bool {
    matches!(name, "attach" | "body" | "detail")
}

/// Every `name` of a `&name=` in a value.
fn names_inside(value: &str) -> impl Iterator<Item = &str> {
    value
        .split('&')
        .skip(1)
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Operation;

    fn ambiguous(fields: &[(&str, &str)]) -> Option<usize> {
        let pairs = fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        let fields = Fields::from_form(pairs).unwrap();
        ambiguous_field(&fields, NameTable::of(Operation::Place))
    }

    #[test]
    fn ordinary_values_pass() {
        for (name, value) in [
            ("body", "tea & cake"),
            ("body", "1=1&2=2"),
            ("attach", "a=1;b=2"),
            ("notify_url", "https://shop.example/notify?order=1&token=2"),
            ("return_url", "https://shop.example/?a=1&body=tea"),
            ("detail", r#"{"url":"https://shop.example/?a=1&b=2"}"#),
        ] {
            assert_eq!(ambiguous(&[(name, value), ("total_fee", "1")]), None, "{name} {value}");
        }
    }

    #[test]
    fn a_value_that_holds_a_parameter_is_refused() {
        for (name, value) in [
            ("attach", "x&body=y"),
            ("attach", "x&total_fee=1"),
            ("attach", "x&trade_state=SUCCESS"),
            ("foo", "x&bar=1"),
            ("notify_url", "https://shop.example/?a=1&out_trade_no=2"),
            ("detail", r#"{"a":"&total_fee=1"}"#),
        ] {
            assert_eq!(ambiguous(&[(name, value), ("zzz", "1")]), Some(0), "{name} {value}");
        }
    }
}

//! Named texts, as forms, queries and the children of an element carry them. Nothing is repaired:
//! a name that comes twice, or bytes that are no UTF-8, could be understood in two ways.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

/// Members that a form or an answer may have; MAPI's longest has about thirty.
const MEMBERS_MAX: usize = 128;

/// Named texts in the order of the wire, no name twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// The texts of a table, without the empty ones.
    pub(super) fn of_table(table: &[(&str, &str)]) -> Self {
        let mut fields = Self::default();
        for (name, value) in table {
            fields.push(name, *value);
        }
        fields
    }

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

    /// Itself, unless a name comes twice or there are too many.
    pub(super) fn checked(self) -> Option<Self> {
        let mut names = HashSet::new();
        let is_sound = self.0.len() <= MEMBERS_MAX
            && self.0.iter().all(|(name, _)| names.insert(name.as_str()));
        is_sound.then_some(self)
    }

    /// A text by its name; empty if it is not there, which MAPI treats alike.
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

    /// Puts a text in the place of one of that name, if there is one.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(key, _)| key != name);
        self.push(name, value);
    }

    /// As a form or a query.
    pub(super) fn to_form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// A text of a form, percent-decoded once.
pub(super) fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

//! The flat XML of WeChat Pay v2: one root, and in it named texts, plain or CDATA, in any order. A name
//! that comes twice, or an element in an element, makes the whole message unreadable.

use std::collections::BTreeMap;

use crate::xml::{self, Dialect};

/// Named texts, sorted by name as signatures want them. A member that is empty counts as absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Members(BTreeMap<String, String>);

impl Members {
    /// Reads a message whose root element is `root`; `None` if it is not one.
    pub(super) fn parse(bytes: &[u8], root: &str) -> Option<Self> {
        let message = xml::parse(bytes, Dialect::Plain).filter(|message| message.name == root)?;
        let has_text = message.children.is_empty() && !message.text.trim_ascii().is_empty();
        let is_flat = message.children.iter().all(|member| member.children.is_empty());
        if has_text || !is_flat {
            return None;
        }
        let count = message.children.len();
        let members: BTreeMap<_, _> =
            message.children.into_iter().map(|member| (member.name, member.text)).collect();
        (members.len() == count).then_some(Self(members))
    }

    /// A text by its name; empty if it is not there.
    pub(super) fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a text of that name is there and not empty.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// Puts a text in, unless it is empty; it replaces one of the same name.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// What is not empty, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(_, value)| !value.is_empty())
    }

    /// As a message whose root element is `root`, each text in CDATA.
    pub(super) fn to_xml(&self, root: &str) -> String {
        let member =
            |(name, value): (&str, &str)| format!("<{name}>{}</{name}>", xml::cdata(value));
        format!("<{root}>{}</{root}>", self.iter().map(member).collect::<String>())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Members {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let mut members = Self::default();
        for (name, value) in pairs {
            members.put(name, value);
        }
        members
    }
}

#[cfg(test)]
#[path = "tests/xml.rs"]
mod tests;

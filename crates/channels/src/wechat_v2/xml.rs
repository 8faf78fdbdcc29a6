//! The flat XML of WeChat Pay v2: one root, and in it named texts, plain or CDATA, in any order.
//!
//! Whatever two readers could understand differently is not read at all: a DOCTYPE, an entity other
//! than the five predefined, a comment, an attribute, an element in an element, a name that comes
//! twice. Reading takes time in proportion to the text.

use std::collections::BTreeMap;

/// Members that a message may have; ten refunds with their coupons are far fewer.
const MEMBERS_MAX: usize = 1024;
/// Bytes that a name may have.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of the longest entity, `&quot;`, without its `&` and `;`.
const ENTITY_BYTES_MAX: usize = 4;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";
/// White space of XML.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Named texts, sorted by name as signatures want them. A member that is empty counts as absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Members(BTreeMap<String, String>);

impl Members {
    /// Reads a message whose root element is `root`; `None` if it is not one.
    pub(super) fn parse(bytes: &[u8], root: &str) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        if text.chars().any(|char| char < ' ' && !SPACE.contains(&char)) {
            return None;
        }
        let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text) };
        reader.skip_declaration()?;
        let members = reader.root(root)?;
        reader.skip_space();
        reader.rest.is_empty().then_some(members)
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
        let member = |(name, value): (&str, &str)| {
            let value = value.replace(CDATA_END, "]]]]><![CDATA[>");
            format!("<{name}>{CDATA}{value}{CDATA_END}</{name}>")
        };
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

/// What is left to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(SPACE);
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// `<?xml … ?>`, if it is there; no other encoding than UTF-8 is read.
    fn skip_declaration(&mut self) -> Option<()> {
        self.skip_space();
        if self.take("<?xml").is_some() {
            let (declaration, rest) = self.rest.split_once("?>")?;
            let declaration = declaration.to_ascii_lowercase();
            let is_other = declaration.contains("encoding") && !declaration.contains("utf-8");
            if is_other || declaration.contains(['<', '>']) {
                return None;
            }
            self.rest = rest;
        }
        self.skip_space();
        Some(())
    }

    /// The root element with its members.
    fn root(&mut self, root: &str) -> Option<Members> {
        let mut members = BTreeMap::new();
        if self.open()? != (root, false) {
            return None;
        }
        loop {
            self.skip_space();
            if self.rest.starts_with("</") {
                self.close(root)?;
                return Some(Members(members));
            }
            let (name, is_empty) = self.open()?;
            let value = if is_empty { String::new() } else { self.value(name)? };
            let is_new = members.insert(name.to_owned(), value).is_none();
            if !is_new || members.len() > MEMBERS_MAX {
                return None;
            }
        }
    }

    /// `<name>` or `<name/>`, and whether it was the latter.
    fn open(&mut self) -> Option<(&'a str, bool)> {
        self.take("<")?;
        let name = self.name()?;
        self.skip_space();
        let is_empty = self.take("/").is_some();
        self.take(">")?;
        Some((name, is_empty))
    }

    fn close(&mut self, name: &str) -> Option<()> {
        self.take("</")?;
        self.take(name)?;
        self.skip_space();
        self.take(">")
    }

    fn name(&mut self) -> Option<&'a str> {
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let length = self.rest.bytes().take_while(|byte| is_of_name(*byte)).count();
        let (name, rest) = self.rest.split_at(length);
        let is_begun = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        self.rest = rest;
        (is_begun && name.len() <= NAME_BYTES_MAX).then_some(name)
    }

    /// The text up to the end of the element `name`. White space around CDATA does not count.
    fn value(&mut self, name: &str) -> Option<String> {
        let (mut value, mut space) = (String::new(), String::new());
        let mut has_cdata = false;
        loop {
            if self.take(CDATA).is_some() {
                let (piece, rest) = self.rest.split_once(CDATA_END)?;
                value.push_str(piece);
                self.rest = rest;
                has_cdata = true;
            } else if self.rest.starts_with('<') {
                self.close(name)?;
                return Some(if has_cdata { value } else { value + &space });
            } else {
                let (piece, rest) = self.rest.split_at(self.rest.find('<')?);
                let is_space = piece.trim_matches(SPACE).is_empty();
                let into = if is_space { &mut space } else { &mut value };
                into.push_str(&plain(piece)?);
                self.rest = rest;
            }
        }
    }
}

/// Plain text with its entities replaced.
fn plain(piece: &str) -> Option<String> {
    if piece.contains(CDATA_END) {
        return None;
    }
    let mut parts = piece.split('&');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let end = part.bytes().take(ENTITY_BYTES_MAX + 1).position(|byte| byte == b';')?;
        let (entity, rest) = part.split_at_checked(end)?;
        text.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
        text.push_str(&rest[1..]);
    }
    Some(text)
}

#[cfg(test)]
#[path = "tests/xml.rs"]
mod tests;

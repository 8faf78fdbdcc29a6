//! The XML of MAPI's answers, read with as little as they need: elements, attributes that are
//! skipped, text, CDATA, the five named entities and numbered characters.
//!
//! It never repairs: a DOCTYPE, a comment, an entity of its own, text between elements, or bytes
//! after the end make the whole answer unreadable. It runs once over the bytes, without recursion.

use std::collections::HashSet;

use crate::alipay_mapi::fields::Fields;

/// Elements that an answer may have; those of MAPI have about fifty.
const ELEMENTS_MAX: usize = 512;
/// How deep they may be nested; `alipay/response/trade/total_fee` is four.
const DEPTH_MAX: usize = 8;
/// Characters between `&` and `;`.
const ENTITY_CHARS_MAX: usize = 8;

/// An element: it has children or a text, never both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name, unless that has children.
    pub(super) fn leaf(&self, name: &str) -> Option<&str> {
        self.child(name).filter(|child| child.children.is_empty()).map(|child| child.text.as_str())
    }

    /// The children as named texts; `None` if a name comes twice, or one has children itself.
    pub(super) fn fields(&self) -> Option<Fields> {
        let leaf = |child: &Self| {
            child.children.is_empty().then(|| (child.name.clone(), child.text.clone()))
        };
        Fields(self.children.iter().map(leaf).collect::<Option<_>>()?).checked()
    }

    /// Whether no two children share a name.
    pub(super) fn is_unambiguous(&self) -> bool {
        let names: HashSet<_> = self.children.iter().map(|child| &child.name).collect();
        names.len() == self.children.len()
    }
}

/// Reads a document; `None` if it is not one of this kind.
pub(super) fn parse(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut rest = without_declaration(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let mut open: Vec<Element> = Vec::new();
    for _ in 0..=3 * ELEMENTS_MAX {
        rest = take_text(rest, open.last_mut())?;
        let mut ended = None;
        if let Some(inside) = rest.strip_prefix("<![CDATA[") {
            let (plain, after) = inside.split_once("]]>")?;
            open.last_mut()?.text.push_str(plain);
            rest = after;
        } else if let Some(inside) = rest.strip_prefix("</") {
            let (name, after) = inside.split_once('>')?;
            ended = Some(open.pop().filter(|element| element.name == name.trim_end())?);
            rest = after;
        } else {
            let tag = start_tag(rest)?;
            rest = tag.after;
            let element =
                Element { name: tag.name.to_owned(), text: String::new(), children: Vec::new() };
            match tag.is_empty {
                true => ended = Some(element),
                false if open.len() < DEPTH_MAX => open.push(element),
                false => return None,
            }
        }
        if let Some(element) = ended {
            match (open.last_mut(), settled(element)?) {
                (Some(parent), element) => parent.children.push(element),
                (None, element) => return is_blank(rest).then_some(element),
            }
        }
    }
    None
}

/// Text as it stands in a document.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An element whose end was read. White space between children is none of its text.
fn settled(mut element: Element) -> Option<Element> {
    if !element.children.is_empty() {
        if !is_blank(&element.text) {
            return None;
        }
        element.text.clear();
    }
    Some(element)
}

/// What follows `<?xml …?>`; `None` if that declares another charset than UTF-8.
fn without_declaration(text: &str) -> Option<&str> {
    let Some(inside) = text.strip_prefix("<?xml") else { return Some(text) };
    let (declaration, after) = inside.split_once("?>")?;
    let declaration = declaration.to_ascii_lowercase();
    let is_utf8 = !declaration.contains("encoding") || declaration.contains("utf-8");
    is_utf8.then_some(after)
}

/// Moves the text before the next tag to the open element; the rest begins with the tag.
fn take_text<'a>(rest: &'a str, open: Option<&mut Element>) -> Option<&'a str> {
    let (plain, rest) = rest.split_at(rest.find('<')?);
    match open {
        Some(element) => element.text.push_str(&unescape(plain)?),
        None if is_blank(plain) => {}
        None => return None,
    }
    Some(rest)
}

struct StartTag<'a> {
    name: &'a str,
    is_empty: bool,
    after: &'a str,
}

/// `<name a="b">` or `<name/>`; the attributes are read and dropped.
fn start_tag(rest: &str) -> Option<StartTag<'_>> {
    let (name, mut rest) = take_name(rest.strip_prefix('<')?)?;
    loop {
        let inside = rest.trim_start_matches(is_space);
        if let Some(after) = inside.strip_prefix('>') {
            return Some(StartTag { name, is_empty: false, after });
        }
        if let Some(after) = inside.strip_prefix("/>") {
            return Some(StartTag { name, is_empty: true, after });
        }
        if inside.len() == rest.len() {
            return None;
        }
        let (_, value) = take_name(inside)?;
        let value = value.trim_start_matches(is_space).strip_prefix('=')?;
        let value = value.trim_start_matches(is_space);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value.get(1..)?.split_once(quote)?;
        if value.contains('<') || unescape(value).is_none() {
            return None;
        }
        rest = after;
    }
}

fn take_name(rest: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (name, rest) = rest.split_at(rest.find(|c| !is_part(c))?);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some((name, rest))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('&') {
        let end = after.char_indices().take(ENTITY_CHARS_MAX + 1).find(|(_, c)| *c == ';')?.0;
        out.push_str(plain);
        out.push(entity(&after[..end])?);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = u32::from_str_radix(digits, radix).ok().filter(|_| is_plain);
        found.and_then(char::from_u32).filter(|c| !c.is_control() || is_space(*c))
    };
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => number(digits, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

#[cfg(test)]
#[path = "tests/xml.rs"]
mod tests;

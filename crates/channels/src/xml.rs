//! XML as upstreams send it, read with as little as they need: elements, text, CDATA, entities.
//!
//! It never repairs and never expands. A DOCTYPE, an entity of its own, a comment, a processing
//! instruction, another encoding than UTF-8, text between elements or bytes after the end make the
//! whole document unreadable. It runs once over the bytes, without recursion.

/// Elements that a document may have below its root; ten refunds with their coupons are far fewer.
const ELEMENTS_MAX: usize = 1024;
/// How deep they may be nested; MAPI's `alipay/response/trade/total_fee` is four.
const DEPTH_MAX: usize = 8;
/// Bytes that a name may have.
const NAME_BYTES_MAX: usize = 64;
/// Characters between `&` and `;`.
const ENTITY_CHARS_MAX: usize = 8;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";
/// White space of XML.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// How much of XML an upstream writes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// Neither attributes nor numbered characters.
    Plain,
    /// Both; attributes are read and dropped.
    Full,
}

/// An element: it has children or a text, never both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name, unless that has children.
    pub(crate) fn leaf(&self, name: &str) -> Option<&str> {
        self.child(name).filter(|child| child.children.is_empty()).map(|child| child.text.as_str())
    }
}

/// Reads a document; `None` if it is not one of this kind.
pub(crate) fn parse(bytes: &[u8], dialect: Dialect) -> Option<Element> {
    let text = str::from_utf8(bytes).ok()?;
    if text.chars().any(|char| char < ' ' && !SPACE.contains(&char)) {
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text, dialect };
    reader.skip_space();
    reader.skip_declaration()?;
    reader.skip_space();
    let root = reader.root()?;
    reader.skip_space();
    reader.rest.is_empty().then_some(root)
}

/// Text as it stands in a document.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text in CDATA.
pub(crate) fn cdata(text: &str) -> String {
    format!("{CDATA}{}{CDATA_END}", text.replace(CDATA_END, "]]]]><![CDATA[>"))
}

/// What is left to be read.
struct Reader<'a> {
    rest: &'a str,
    dialect: Dialect,
}

/// An element whose end was not read yet.
struct Open {
    element: Element,
    /// White space, which counts only where there is nothing else.
    space: String,
    has_text: bool,
}

impl<'a> Reader<'a> {
    /// Elements up to the end of the first.
    fn root(&mut self) -> Option<Element> {
        let mut open: Vec<Open> = Vec::new();
        for _ in 0..=ELEMENTS_MAX {
            self.take("<")?;
            let (name, is_empty) = self.start_tag()?;
            if open.len() == DEPTH_MAX {
                return None;
            }
            let element = Element { name: name.to_owned(), text: String::new(), children: vec![] };
            open.push(Open { element, space: String::new(), has_text: false });
            let mut has_ended = is_empty;
            loop {
                if has_ended {
                    let element = open.pop()?.end()?;
                    match open.last_mut() {
                        Some(parent) => parent.element.children.push(element),
                        None => return Some(element),
                    }
                }
                let inside = open.last_mut()?;
                self.text(inside)?;
                if self.take("</").is_none() {
                    break;
                }
                self.take(&inside.element.name)?;
                self.skip_space();
                self.take(">")?;
                has_ended = true;
            }
        }
        None
    }

    /// Text and CDATA up to the next tag.
    fn text(&mut self, inside: &mut Open) -> Option<()> {
        loop {
            if self.take(CDATA).is_some() {
                let (piece, rest) = self.rest.split_once(CDATA_END)?;
                inside.element.text.push_str(piece);
                inside.has_text = true;
                self.rest = rest;
            } else if self.rest.starts_with('<') {
                return Some(());
            } else {
                let (piece, rest) = self.rest.split_at(self.rest.find('<')?);
                if piece.trim_matches(SPACE).is_empty() {
                    inside.space.push_str(piece);
                } else {
                    inside.element.text.push_str(&self.unescape(piece)?);
                    inside.has_text = true;
                }
                self.rest = rest;
            }
        }
    }

    /// `name>`, `name a="b">` or `name/>`, and whether it was the latter.
    fn start_tag(&mut self) -> Option<(&'a str, bool)> {
        let name = self.name()?;
        while let Some((_, value)) = self.attribute()? {
            if self.dialect == Dialect::Plain || self.unescape(value).is_none() {
                return None;
            }
        }
        let is_empty = self.take("/").is_some();
        self.take(">")?;
        Some((name, is_empty))
    }

    /// `<?xml … ?>`, if it is there; no other encoding than UTF-8 is read.
    fn skip_declaration(&mut self) -> Option<()> {
        if self.take("<?xml").is_none() {
            return Some(());
        }
        while let Some((name, value)) = self.attribute()? {
            if name == "encoding" && !value.eq_ignore_ascii_case("utf-8") {
                return None;
            }
        }
        self.take("?>")
    }

    /// White space, then `name="value"`, if one begins there.
    fn attribute(&mut self) -> Option<Option<(&'a str, &'a str)>> {
        let before = self.rest;
        self.skip_space();
        if !self.rest.starts_with(begins_name) {
            return Some(None);
        }
        if self.rest.len() == before.len() {
            return None;
        }
        let name = self.name()?;
        self.skip_space();
        self.take("=")?;
        self.skip_space();
        let quote = self.rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, rest) = self.rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        (!value.contains('<')).then_some(Some((name, value)))
    }

    fn name(&mut self) -> Option<&'a str> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let length = self.rest.bytes().take_while(|byte| is_part(*byte)).count();
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        (name.starts_with(begins_name) && length <= NAME_BYTES_MAX).then_some(name)
    }

    /// Plain text with its entities replaced.
    fn unescape(&self, piece: &str) -> Option<String> {
        if piece.contains(CDATA_END) {
            return None;
        }
        let mut text = String::with_capacity(piece.len());
        let mut rest = piece;
        while let Some((plain, after)) = rest.split_once('&') {
            let end = after.char_indices().take(ENTITY_CHARS_MAX + 1).find(|(_, c)| *c == ';')?.0;
            text.push_str(plain);
            text.push(self.entity(&after[..end])?);
            rest = &after[end + 1..];
        }
        text.push_str(rest);
        Some(text)
    }

    fn entity(&self, name: &str) -> Option<char> {
        match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ if self.dialect == Dialect::Plain => None,
            _ => match name.strip_prefix("#x") {
                Some(digits) => numbered(digits, 16),
                None => numbered(name.strip_prefix('#')?, 10),
            },
        }
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(SPACE);
    }
}

impl Open {
    /// The element, unless it has both children and a text.
    fn end(mut self) -> Option<Element> {
        let has_children = !self.element.children.is_empty();
        if !has_children && !self.has_text {
            self.element.text = self.space;
        }
        (!has_children || !self.has_text).then_some(self.element)
    }
}

fn begins_name(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_'
}

fn numbered(digits: &str, radix: u32) -> Option<char> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = u32::from_str_radix(digits, radix).ok().filter(|_| is_plain);
    found.and_then(char::from_u32).filter(|char| !char.is_control() || SPACE.contains(char))
}

#[cfg(test)]
#[path = "xml_tests.rs"]
pub(crate) mod tests;

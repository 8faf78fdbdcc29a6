//! Rust text seen three ways, each as long as the original with everything else blanked: code,
//! comments and string literals. Lines keep their numbers. It is no parser: it knows just enough
//! not to mistake a comment for code.

/// One Rust file, seen three ways.
pub struct Views {
    /// Code, with comments and the contents of literals blanked.
    pub code: String,
    /// Comments only.
    pub comments: String,
    /// The contents of string literals, each with the line it begins on.
    pub strings: Vec<(usize, String)>,
}

/// What the text at a place is.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// Splits a file.
pub fn split(text: &str) -> Views {
    let bytes = text.as_bytes();
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut strings = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = token(bytes, at);
        kinds[at..end].fill(kind);
        if kind == Kind::Text {
            strings.push((line_of(text, at), text.get(at..end).unwrap_or("").to_owned()));
        }
        at = end;
    }
    Views {
        code: only(bytes, &kinds, Kind::Code),
        comments: only(bytes, &kinds, Kind::Comment),
        strings,
    }
}

/// The line of a byte, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// `code` with every item under `#[cfg(test)]` blanked.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut bytes = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(at) = code[from..].find(MARK).map(|at| from + at) {
        let end = end_of_item(code.as_bytes(), at + MARK.len());
        bytes[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        from = end;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where the item that begins at `at` ends: its `;`, or its matching brace.
fn end_of_item(code: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code[at..].iter().enumerate() {
        match byte {
            b';' if depth == 0 => return at + offset + 1,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + offset + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// What begins at `at`, and where it ends.
fn token(bytes: &[u8], at: usize) -> (Kind, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (Kind::Comment, at + length);
    }
    if rest.starts_with(b"/*") {
        let close = rest.windows(2).position(|pair| pair == b"*/");
        return (Kind::Comment, close.map_or(bytes.len(), |close| at + close + 2));
    }
    if rest[0] == b'"' {
        return (Kind::Text, at + quoted(rest));
    }
    let begins_word = !at.checked_sub(1).is_some_and(|before| is_word(bytes[before]));
    if rest[0] == b'r'
        && begins_word
        && let Some(length) = raw(rest)
    {
        return (Kind::Text, at + length);
    }
    if rest[0] == b'\'' {
        return (Kind::Code, at + character(rest));
    }
    (Kind::Code, at + 1)
}

/// The length of a literal in double quotes.
fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw literal (`r"…"`, `r#"…"#`), if that is what begins here.
fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &rest[hashes + 2..];
    let length = body.windows(close.len()).position(|part| part == close.as_slice());
    Some(length.map_or(rest.len(), |length| hashes + 2 + length + close.len()))
}

/// The length of a character literal, or 1 for the tick of a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest.get(1..3) {
        Some([b'\\', _]) => {
            let close = rest.iter().skip(3).position(|byte| *byte == b'\'');
            close.map_or(1, |close| close + 4)
        }
        Some([_, b'\'']) => 3,
        _ => 1,
    }
}

/// Whether a byte can be part of a name.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn only(bytes: &[u8], kinds: &[Kind], wanted: Kind) -> String {
    let blank = |(byte, kind): (&u8, &Kind)| {
        if *kind == wanted || *byte == b'\n' { *byte } else { b' ' }
    };
    let kept: Vec<u8> = bytes.iter().zip(kinds).map(blank).collect();
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Head "not a string".
fn f<'a>(x: &'a str) -> char { let s = "a // b \" c"; '"' /* { */ }
const R: &str = r#"raw "inner" {"#; // tail
"##;

    #[test]
    fn comments_strings_and_code_are_told_apart() {
        let views = split(SAMPLE);
        let strings: Vec<_> =
            views.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(strings, [(2, r#""a // b \" c""#), (3, r##"r#"raw "inner" {"#"##)]);
        assert!(views.comments.contains("Head") && views.comments.contains("tail"));
        assert!(!views.code.contains("raw") && !views.code.contains("Head"));
        assert_eq!(views.code.matches('{').count(), 1);
        assert_eq!(views.code.lines().count(), SAMPLE.lines().count());
    }

    #[test]
    fn tests_are_cut_out_and_what_follows_stays() {
        let code = "use a;\n#[cfg(test)]\nmod tests { fn f() { x } }\nfn kept() {}\n#[cfg(test)]\nuse b;\nfn also() {}";
        let cut = without_tests(code);
        assert!(cut.contains("kept") && cut.contains("also") && cut.contains("use a"));
        assert!(!cut.contains("use b") && !cut.contains("tests"));
        assert_eq!(cut.lines().count(), code.lines().count());
    }
}

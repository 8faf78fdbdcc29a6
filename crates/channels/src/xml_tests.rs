//! The reader of XML: what it reads, what it must not, and how long it takes.

use proptest::prelude::*;

use super::Dialect::{Full, Plain};
use super::*;

fn leaf(text: &str, dialect: Dialect) -> Option<String> {
    Some(parse(text.as_bytes(), dialect)?.leaf("a")?.to_owned())
}

/// Forms of `document` that a reader which knows DTDs, entities or other encodings could read as
/// something else. None must be read, by anybody.
pub(crate) fn hostile(document: &str) -> Vec<(String, Vec<u8>)> {
    let body = document.split_once("?>").map_or(document, |(_, body)| body).trim_start();
    let (start, rest) = body.split_at(body.find('>').unwrap() + 1);
    let root = start.trim_matches(['<', '>']);
    let external = "SYSTEM \"file:///etc/passwd\"";
    let doctypes = [
        format!("<!DOCTYPE {root}>"),
        format!("<!doctype {root}>"),
        format!("<!DocType {root} {external}>"),
        format!("<!DOCTYPE {root} PUBLIC \"-//X//Y\" \"http://127.0.0.1/x.dtd\">"),
        format!("<!DOCTYPE {root} [<!ENTITY e {external}>]>"),
        format!("<!DOCTYPE {root} [<!entity e 'x'>]>"),
        format!("<!DOCTYPE {root} [<!ENTITY % p {external}> %p;]>"),
        format!("<!DOCTYPE {root} [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;'>]>"),
        format!("<!DOCTYPE {root} [<!ELEMENT {root} ANY><!ATTLIST {root} a CDATA 'b'>]>"),
        "<!ENTITY e 'x'>".to_owned(),
        "<!EnTiTy e 'x'>".to_owned(),
        "<!-- a comment -->".to_owned(),
        "<?xml-stylesheet href=\"x\"?>".to_owned(),
    ];
    let mut texts = Vec::new();
    for doctype in &doctypes {
        for declaration in ["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"] {
            texts.push(format!("{declaration}{doctype}{body}"));
            texts.push(format!("{declaration}<!-- first -->{doctype}{body}"));
            texts.push(format!("\u{feff}{declaration} \r\n\t{doctype}\n{body}"));
        }
        texts.push(format!("{start}{doctype}{rest}"));
        texts.push(format!("{body}{doctype}"));
    }
    texts.push(format!("{start}<e>&e;</e>{rest}"));
    texts.push(format!("{start}<e>&amp;&#x26;e;&xxe;</e>{rest}"));
    texts.push(format!("\u{feff}\u{feff}{body}"));
    for encoding in ["UTF-16", "utf-7", "UTF-8x", "ISO-8859-1", "GBK", "x-utf-8", ""] {
        texts.push(format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{body}"));
    }
    let mut all: Vec<_> = texts.into_iter().map(|text| (text.clone(), text.into_bytes())).collect();
    for (name, text) in [("itself", body), ("a DOCTYPE", &format!("{}{body}", doctypes[4]))] {
        let units = || text.encode_utf16();
        let (big, little): (Vec<u8>, Vec<u8>) = (
            units().flat_map(u16::to_be_bytes).collect(),
            units().flat_map(u16::to_le_bytes).collect(),
        );
        all.push((format!("UTF-16 of {name}"), [&[0xFE, 0xFF][..], &big].concat()));
        all.push((format!("UTF-16LE of {name}"), [&[0xFF, 0xFE][..], &little].concat()));
        all.push((format!("UTF-16 without a mark of {name}"), big));
        all.push((format!("UTF-16LE without a mark of {name}"), little));
        let utf7 = text.replace('<', "+ADw-").replace('>', "+AD4-").into_bytes();
        all.push((format!("UTF-7 of {name}"), utf7));
    }
    all
}

#[test]
fn a_doctype_an_entity_and_another_encoding_are_refused_unread() {
    let document = "<?xml version=\"1.0\" encoding=\"utf-8\"?><r><a>x</a></r>";
    for dialect in [Plain, Full] {
        assert_eq!(leaf(document, dialect).as_deref(), Some("x"));
        for (name, bytes) in hostile(document) {
            assert_eq!(parse(&bytes, dialect), None, "{name}");
        }
        // In CDATA it is a text like any other.
        let text = "<r><a><![CDATA[<!DOCTYPE r><!ENTITY e 'x'>&e;]]></a></r>";
        assert_eq!(leaf(text, dialect).as_deref(), Some("<!DOCTYPE r><!ENTITY e 'x'>&e;"));
    }
}

#[test]
fn what_answers_are_made_of_is_read() {
    let cases = [
        ("<r><a>x</a></r>", "x"),
        ("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<r>\n <a>x</a>\n</r>\n", "x"),
        ("<?xml version='1.0' encoding = 'utf-8' ?><r><a\t>x</a ></r >", "x"),
        ("<r><a/></r>", ""),
        ("<r><a /></r>", ""),
        ("<r><a></a></r>", ""),
        ("<r><a> x </a></r>", " x "),
        ("<r><a>  </a></r>", "  "),
        ("<r><a> <![CDATA[ x ]]> </a></r>", " x "),
        ("<r><a>&lt;&gt;&amp;&quot;&apos;&amp;lt;</a></r>", "<>&\"'&lt;"),
        ("<r><a>1<![CDATA[<b>&amp;]]>2</a></r>", "1<b>&amp;2"),
        ("<r><a>\n<![CDATA[x ]]><![CDATA[& <y>]]>\n</a></r>", "x & <y>"),
        ("<r><a>测试</a></r>", "测试"),
    ];
    for (text, expect) in cases {
        for dialect in [Plain, Full] {
            assert_eq!(leaf(text, dialect).as_deref(), Some(expect), "{text}");
        }
    }
}

#[test]
fn attributes_and_numbered_characters_are_read_where_they_are_written() {
    for (text, expect) in
        [("<r z=\"1\" y = '2'><a b=\"&lt;\">x</a ></r >", "x"), ("<r><a>&#65;&#x42;</a></r>", "AB")]
    {
        assert_eq!(leaf(text, Full).as_deref(), Some(expect), "{text}");
        assert_eq!(leaf(text, Plain), None, "{text}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read() {
    let cases = [
        "",
        "x",
        "<r>",
        "<r><a></r></a>",
        "<r><a>x</a></r><r/>",
        "<r><a>x</a></r>x",
        "x<r><a>x</a></r>",
        "<r>x<a>x</a></r>",
        "<r><a>1</a>2</r>",
        "<r><a>1</a><![CDATA[2]]></r>",
        "<r><a>x</a></R>",
        "<r><a>1<!-- -->2</a></r>",
        "<r><?php ?><a>x</a></r>",
        "<?xml version=\"1.0\"<?><r><a>x</a></r>",
        "<r><a>&e;</a></r>",
        "<r><a>&#0;</a></r>",
        "<r><a>&#xD800;</a></r>",
        "<r><a>&#+65;</a></r>",
        "<r><a>& </a></r>",
        "<r><a>&</a></r>",
        "<r><a>&amp</a></r>",
        "<r><a>&;</a></r>",
        "<r><a>&微;</a></r>",
        "<r><a>&AMP;</a></r>",
        "<r><a>& lt;</a></r>",
        "<r><a>1]]>2</a></r>",
        "<r><a b>x</a></r>",
        "<r><a b=x>x</a></r>",
        "<r><a b=\"1\"c=\"2\">x</a></r>",
        "<r><a b=\"<\">x</a></r>",
        "<r><a b=\"&e;\">x</a></r>",
        "<r>< a>x</a></r>",
        "<r><1>x</1></r>",
        "<r><a:b>x</a:b></r>",
        "<r><a>\u{0}</a></r>",
        "<r><a><![CDATA[\u{8}]]></a></r>",
        "<r><a><![CDATA[x</a></r>",
        "<r><a><![cdata[x]]></a></r>",
        "<![CDATA[x]]>",
    ];
    for text in cases {
        for dialect in [Plain, Full] {
            assert_eq!(parse(text.as_bytes(), dialect), None, "{text}");
        }
    }
    assert_eq!(parse(b"<r><a>\xff</a></r>", Full), None);
    let long = "n".repeat(NAME_BYTES_MAX + 1);
    assert_eq!(parse(format!("<r><{long}>x</{long}></r>").as_bytes(), Full), None);
}

#[test]
fn depth_and_number_of_elements_are_bounded() {
    let parse = |text: String| parse(text.as_bytes(), Full);
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(parse(nested(DEPTH_MAX)).is_some());
    assert!(parse(nested(DEPTH_MAX + 1)).is_none());
    assert!(parse(nested(1_000_000)).is_none());
    let wide = |count: usize| format!("<r>{}</r>", "<a/>".repeat(count));
    assert!(parse(wide(ELEMENTS_MAX)).is_some());
    assert!(parse(wide(ELEMENTS_MAX + 1)).is_none());
}

#[test]
fn hostile_texts_of_a_megabyte_are_read_in_no_time() {
    // Reading that took the square of the length would take hours.
    let pieces = [
        "<![CDATA[",
        "<a>",
        "&",
        "]]>",
        "</",
        "<![CDATA[]]>",
        "&amp;",
        "<a/>",
        " ",
        "<a b=\"",
        "<a ",
        "&#x",
        "<",
        "]]",
    ];
    for piece in pieces {
        for start in ["<r>", "<r><a>", "<r><a>&x"] {
            let text = format!("{start}{}", piece.repeat(1_000_000 / piece.len()));
            assert_eq!(parse(text.as_bytes(), Full), None, "{start}{piece}");
        }
    }
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
        let _ = parse(&bytes, Full);
    }

    #[test]
    fn reading_of_what_looks_alike_is_total(
        text in r#"(<r>)?([<>/!\[\]?&;=" a-d-]|</?a>|<!\[CDATA\[|\]\]>|&lt;|</r>){0,24}"#,
    ) {
        let _ = parse(text.as_bytes(), Full);
    }

    #[test]
    fn a_text_that_was_written_reads_back(text in "[^\\p{Cc}]{0,32}|[<>&\\]!\\[ ]{1,9}") {
        for written in [escape(&text), cdata(&text)] {
            prop_assert_eq!(leaf(&format!("<r><a>{written}</a></r>"), Plain), Some(text.clone()));
        }
    }
}

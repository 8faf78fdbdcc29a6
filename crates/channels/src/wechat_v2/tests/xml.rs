//! The codec: what it reads, what it refuses, and how long it takes.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Option<Members> {
    Members::parse(text.as_bytes(), "xml")
}

#[test]
fn plain_text_and_cdata_read_alike_in_any_order_and_with_any_space() {
    let expect = Members::from([("a", "1"), ("b", "x & <y>"), ("c", "微信")]);
    for text in [
        "<xml><a>1</a><b><![CDATA[x & <y>]]></b><c>微信</c></xml>",
        "<xml><c><![CDATA[微信]]></c><a><![CDATA[1]]></a><b>x &amp; &lt;y&gt;</b></xml>",
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<xml >\n  <a\t>1</a >\n\
         <b>\n<![CDATA[x ]]><![CDATA[& <y>]]>\n</b>\n<c>微信</c>\n<d/><e></e>\n</xml>\n",
        "<xml><a>1</a><b>x <![CDATA[& ]]>&lt;y&gt;</b><c>微信</c><d /></xml>",
    ] {
        let members = read(text).unwrap_or_else(|| panic!("{text}"));
        assert!(members.iter().eq(expect.iter()), "{text}");
        assert!(!members.has("d") && members.of("z").is_empty());
    }
}

#[test]
fn plain_white_space_belongs_to_a_text() {
    assert_eq!(read("<xml><a> x </a></xml>").unwrap().of("a"), " x ");
    assert_eq!(read("<xml><a>  </a></xml>").unwrap().of("a"), "  ");
    assert_eq!(read("<xml><a> <![CDATA[ x ]]> </a></xml>").unwrap().of("a"), " x ");
}

#[test]
fn the_five_entities_are_read_and_no_other() {
    let five = read("<xml><a>&lt;&gt;&amp;&quot;&apos;&amp;lt;</a></xml>").unwrap();
    assert_eq!(five.of("a"), "<>&\"'&lt;");
    for piece in ["&nbsp;", "&#38;", "&#x26;", "&", "a & b", "&amp", "&;", "&微;", "&AMP;", "& lt;"]
    {
        assert_eq!(read(&format!("<xml><a>{piece}</a></xml>")), None, "{piece}");
    }
}

#[test]
fn whatever_could_be_understood_differently_is_not_read() {
    for text in [
        "",
        "xml",
        "<xml>",
        "<xml/>",
        "<xml></xml>x",
        "<xml></xml><xml></xml>",
        "x<xml></xml>",
        "<XML></XML>",
        "<root></root>",
        "<xml><a>1</a><a>1</a></xml>",
        "<xml><a/><a>1</a></xml>",
        "<xml><a><b>1</b></a></xml>",
        "<xml><a>1</b></xml>",
        "<xml><a>1</a></xm>",
        "<xml>1</xml>",
        "<xml>1<a>1</a></xml>",
        "<xml><![CDATA[1]]></xml>",
        "<xml><a b=\"c\">1</a></xml>",
        "<xml xmlns=\"x\"><a>1</a></xml>",
        "<xml><a>1]]>2</a></xml>",
        "<xml><a><![CDATA[1</a></xml>",
        "<xml><a><![cdata[1]]></a></xml>",
        "<xml><a>1<!-- x --></a></xml>",
        "<xml><!-- x --><a>1</a></xml>",
        "<xml><?x?><a>1</a></xml>",
        "<xml>< a>1</a></xml>",
        "<xml><1>1</1></xml>",
        "<xml><a:b>1</a:b></xml>",
        "<xml><a>\u{0}</a></xml>",
        "<xml><a><![CDATA[\u{8}]]></a></xml>",
        "<?xml version=\"1.0\" encoding=\"GBK\"?><xml></xml>",
        "<?xml version=\"1.0\"<?><xml></xml>",
        "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><a>&a;</a></xml>",
        "<!DOCTYPE xml><xml><a>1</a></xml>",
        "<xml><!DOCTYPE x><a>1</a></xml>",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(Members::parse(b"<xml><a>\xff</a></xml>", "xml"), None);
    let long = "n".repeat(NAME_BYTES_MAX + 1);
    assert_eq!(read(&format!("<xml><{long}>1</{long}></xml>")), None);
    let many = |count| (0..count).map(|at| format!("<n{at}>1</n{at}>")).collect::<String>();
    assert!(read(&format!("<xml>{}</xml>", many(MEMBERS_MAX))).is_some());
    assert_eq!(read(&format!("<xml>{}</xml>", many(MEMBERS_MAX + 1))), None);
}

#[test]
fn hostile_texts_of_a_megabyte_are_read_in_no_time() {
    // Reading that took the square of the length would take hours.
    for piece in ["<![CDATA[", "<a>", "&", "]]>", "</", "<![CDATA[]]>", "&amp;", "<a/>", " "] {
        let _ = read(&format!("<xml><a>{}", piece.repeat(1_000_000 / piece.len())));
        let _ = read(&format!("<xml>{}", piece.repeat(1_000_000 / piece.len())));
    }
}

proptest! {
    #[test]
    fn reading_undoes_writing(
        pairs in btree_map(
            "[a-z_][a-z0-9_]{0,8}",
            "[^\u{0}-\u{1f}]{1,9}|[<>&\\]!\\[ ]{1,9}",
            0..9,
        ),
    ) {
        let mut members = Members::default();
        for (name, value) in &pairs {
            members.put(name, value.as_str());
        }
        prop_assert_eq!(Members::parse(members.to_xml("root").as_bytes(), "root"), Some(members));
    }

    #[test]
    fn reading_is_total(
        text in r#"(<xml>)?([<>/!\[\]?&;=" a-d-]|</?a>|<!\[CDATA\[|\]\]>|&lt;|</xml>){0,24}"#,
        bytes in vec(any::<u8>(), 0..64),
    ) {
        let _ = (read(&text), Members::parse(&bytes, "xml"));
    }
}

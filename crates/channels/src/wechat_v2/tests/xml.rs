//! The members of a message: flat, unique, sorted.

use proptest::collection::btree_map;
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
fn whatever_could_be_understood_differently_is_not_read() {
    for text in [
        "<XML></XML>",
        "<root></root>",
        "<xml><a>1</a><a>1</a></xml>",
        "<xml><a/><a>1</a></xml>",
        "<xml><a><b>1</b></a></xml>",
        "<xml>1</xml>",
        "<xml><![CDATA[1]]></xml>",
        "<xml><a b=\"c\">1</a></xml>",
        "<xml xmlns=\"x\"><a>1</a></xml>",
        "<xml><a>&#38;</a></xml>",
    ] {
        assert_eq!(read(text), None, "{text}");
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
}

//! The reader of answers: what it reads, and what it must not.

use proptest::prelude::*;

use super::*;

fn leaf(text: &str) -> Option<String> {
    Some(parse(text.as_bytes())?.leaf("a")?.to_owned())
}

#[test]
fn what_answers_are_made_of_is_read() {
    let cases = [
        ("<r><a>x</a></r>", "x"),
        ("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<r>\n <a>x</a>\n</r>\n", "x"),
        ("<r z=\"1\" y = '2'><a b=\"&lt;\">x</a ></r >", "x"),
        ("<r><a/></r>", ""),
        ("<r><a></a></r>", ""),
        ("<r><a> x </a></r>", " x "),
        ("<r><a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</a></r>", "<>&\"'AB"),
        ("<r><a>1<![CDATA[<b>&amp;]]>2</a></r>", "1<b>&amp;2"),
        ("<r><a>测试</a></r>", "测试"),
    ];
    for (text, expect) in cases {
        assert_eq!(leaf(text).as_deref(), Some(expect), "{text}");
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
        "<r><!-- --><a>x</a></r>",
        "<r><a>1<!-- -->2</a></r>",
        "<r><?php ?><a>x</a></r>",
        "<!DOCTYPE r><r><a>x</a></r>",
        "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><r><a>&e;</a></r>",
        "<?xml version=\"1.0\" encoding=\"GBK\"?><r><a>x</a></r>",
        "<r><a>&e;</a></r>",
        "<r><a>&#0;</a></r>",
        "<r><a>&#xD800;</a></r>",
        "<r><a>&#+65;</a></r>",
        "<r><a>& </a></r>",
        "<r><a>&amp</a></r>",
        "<r><a b>x</a></r>",
        "<r><a b=x>x</a></r>",
        "<r><a b=\"1\"c=\"2\">x</a></r>",
        "<r><a b=\"<\">x</a></r>",
        "<r><a b=\"&e;\">x</a></r>",
        "<r><1>x</1></r>",
        "<r><a><![CDATA[x</a></r>",
        "<![CDATA[x]]>",
    ];
    for text in cases {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse(b"<r><a>\xff</a></r>"), None);
}

#[test]
fn a_name_that_comes_twice_gives_no_fields() {
    let root = parse(b"<r><a>1</a><a>2</a></r>").unwrap();
    assert!(root.fields().is_none() && !root.is_unambiguous());
    let root = parse(b"<r><a>1</a><b>2</b></r>").unwrap();
    assert!(root.is_unambiguous());
    assert_eq!(root.fields().unwrap().of("b"), "2");
    assert!(parse(b"<r><a><b>1</b></a></r>").unwrap().fields().is_none());
}

#[test]
fn depth_and_number_of_elements_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(parse(nested(DEPTH_MAX).as_bytes()).is_some());
    assert!(parse(nested(DEPTH_MAX + 1).as_bytes()).is_none());
    assert!(parse(nested(1_000_000).as_bytes()).is_none());
    let wide = |count: usize| format!("<r>{}</r>", "<a/>".repeat(count));
    assert!(parse(wide(ELEMENTS_MAX).as_bytes()).is_some());
    assert!(parse(wide(1_000_000).as_bytes()).is_none());
}

#[test]
fn reading_takes_no_more_than_one_pass() {
    for piece in ["&", "<a>&x", "<![CDATA[", "<a b=\"", "<a ", "&#x", "<", "</", "]]"] {
        let text = format!("<r><a>{}", piece.repeat(200_000));
        assert_eq!(parse(text.as_bytes()), None, "{piece}");
    }
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn reading_of_what_looks_alike_is_total(text in "[<>/a&;#x\"'= !\\[\\]CDAT?-]{0,48}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn a_text_that_was_escaped_reads_back(text in "[^\\p{Cc}]{0,32}") {
        let document = format!("<r><a>{}</a></r>", escape(&text));
        prop_assert_eq!(leaf(&document), Some(text));
    }
}

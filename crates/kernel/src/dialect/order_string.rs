//! Alipay's signed order string as the JSON text that the document shows beside it (`app`, 2.1): the
//! same members, with numbers where the document has numbers and slashes escaped.

use url::form_urlencoded;

use crate::json;

/// Members that the document shows as numbers.
const NUMBERS: [&str; 2] = ["payment_type", "total_fee"];

/// The members of an order string, whose values stand in double quotes (MAPI) or are percent-encoded
/// (openapi), as a JSON object. `sign` stays as it is spelled.
pub(super) fn as_json(order_string: &str) -> String {
    let is_quoted = order_string.contains("=\"");
    let mut text = String::with_capacity(order_string.len() + 64);
    for (at, member) in members(order_string, is_quoted).enumerate() {
        let (name, value) = member;
        text.push_str(if at == 0 { "{" } else { "," });
        json::push_string(&mut text, &name);
        text.push(':');
        let is_number = is_quoted && NUMBERS.contains(&name.as_str());
        match Some(&value).filter(|_| is_number).and_then(|value| number(value)) {
            Some(number) => text.push_str(number),
            None => push_escaped(&mut text, &value),
        }
    }
    text.push_str(if text.is_empty() { "" } else { "}" });
    text
}

fn members(text: &str, is_quoted: bool) -> impl Iterator<Item = (String, String)> {
    let quoted = text.split("\"&").filter(move |_| is_quoted).filter_map(|member| {
        let (name, value) = member.split_once("=\"")?;
        Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    let encoded = form_urlencoded::parse(text.as_bytes()).filter(move |_| !is_quoted);
    quoted.chain(encoded.map(|(name, value)| (name.into_owned(), value.into_owned())))
}

/// A decimal as JSON spells it: without the zeros that end it.
fn number(value: &str) -> Option<&str> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = is_plain(whole) && (whole == "0" || !whole.starts_with('0'));
    if whole.is_empty() || !is_whole || !is_plain(fraction) {
        return None;
    }
    let shorter = if fraction.is_empty() { value } else { value.trim_end_matches('0') };
    Some(shorter.trim_end_matches('.'))
}

fn push_escaped(text: &mut String, value: &str) {
    let mut quoted = String::with_capacity(value.len() + 2);
    json::push_string(&mut quoted, value);
    text.push_str(&quoted.replace('/', "\\/"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_string_of_mapi_becomes_the_documents_object() {
        let text = concat!(
            r#"_input_charset="UTF-8"&body="a&b"&notify_url="https://x.cn/n"&payment_type="1""#,
            r#"&total_fee="0.20"&sign="a%2Bb%3D"&sign_type="RSA""#
        );
        let expect = concat!(
            r#"{"_input_charset":"UTF-8","body":"a&b","notify_url":"https:\/\/x.cn\/n","#,
            r#""payment_type":1,"total_fee":0.2,"sign":"a%2Bb%3D","sign_type":"RSA"}"#
        );
        assert_eq!(as_json(text), expect);
    }

    #[test]
    fn an_order_string_of_openapi_is_decoded() {
        let text = "app_id=2014&biz_content=%7B%22a%22%3A%221%22%7D&sign=x%2By";
        assert_eq!(
            as_json(text),
            r#"{"app_id":"2014","biz_content":"{\"a\":\"1\"}","sign":"x+y"}"#
        );
        assert_eq!(as_json(""), "");
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        for (text, expect) in [("1", Some("1")), ("0.20", Some("0.2")), ("10.00", Some("10"))] {
            assert_eq!(number(text), expect);
        }
        for text in ["", "1e5", "01", "-1", "1.", "."] {
            assert!(number(text).is_none_or(|number| number == "1"), "{text}");
        }
    }
}

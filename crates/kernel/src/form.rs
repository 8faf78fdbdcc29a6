//! Reading forms: `application/x-www-form-urlencoded`, also as a deployed Java client sends it
//! without percent-encoding, and `multipart/form-data`. Pairs come out in the order of the body;
//! whether names are good or repeated is not judged here.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Name and value of each parameter.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Why a form is not read.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FormFault {
    /// Not shaped as its content type says.
    Syntax,
    /// A name or value is not UTF-8 once it is decoded, or a part declares another charset.
    NotUtf8,
}

/// How escapes in a URL-encoded form are read.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Escapes {
    /// `%41` is `A` and `+` is a space, as PHP reads it; a `%` that begins no escape stands.
    Decoded,
    /// Everything stands as it is: the client does not encode.
    Verbatim,
}

/// Reads a URL-encoded form. Empty segments do not count; a segment without `=` has an empty value.
///
/// # Errors
/// Something is not UTF-8 once it is decoded.
pub fn urlencoded(text: &str, escapes: Escapes) -> Result<Pairs<'_>, FormFault> {
    let text = text.trim_end_matches(['\r', '\n']);
    let segments = text.split('&').filter(|segment| !segment.is_empty());
    segments
        .map(|segment| {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            Ok((decode(name, escapes)?, decode(value, escapes)?))
        })
        .collect()
}

/// Whether a form means another thing when it is decoded than as it stands.
pub fn has_escapes(text: &str) -> bool {
    text.contains(['%', '+'])
}

/// Whether a form was certainly written without percent-encoding: it holds a character that every
/// encoder escapes.
pub fn is_bare(text: &str) -> bool {
    let is_left_by_encoders =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~*!'()%+&=\r\n".contains(&byte);
    !text.bytes().all(is_left_by_encoders)
}

fn decode(text: &str, escapes: Escapes) -> Result<Cow<'_, str>, FormFault> {
    if escapes == Escapes::Verbatim || !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormFault::NotUtf8)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

/// Reads `multipart/form-data` whose parts are divided by `boundary`. A part that is a file is
/// refused: no parameter is one.
///
/// # Errors
/// The body is not so divided, a part has no name, or a part declares a charset other than UTF-8.
pub fn multipart<'a>(text: &'a str, boundary: &str) -> Result<Pairs<'a>, FormFault> {
    let opening = format!("--{boundary}");
    let divider = format!("\r\n--{boundary}");
    let start = text.find(&opening).ok_or(FormFault::Syntax)?;
    if start != 0 && !text[..start].ends_with("\r\n") {
        return Err(FormFault::Syntax);
    }
    let mut rest = &text[start + opening.len()..];
    let mut pairs = Pairs::new();
    loop {
        if rest.starts_with("--") {
            return Ok(pairs);
        }
        let line_end = rest.find("\r\n").ok_or(FormFault::Syntax)?;
        if !rest[..line_end].trim_matches([' ', '\t']).is_empty() {
            return Err(FormFault::Syntax);
        }
        let part = &rest[line_end + 2..];
        let end = part.find(&divider).ok_or(FormFault::Syntax)?;
        pairs.push(self::part(&part[..end])?);
        rest = &part[end + divider.len()..];
    }
}

fn part(part: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), FormFault> {
    let (headers, value) = part.split_once("\r\n\r\n").ok_or(FormFault::Syntax)?;
    let mut name = None;
    for line in headers.split("\r\n") {
        let (header, content) = line.split_once(':').ok_or(FormFault::Syntax)?;
        if header.eq_ignore_ascii_case("content-disposition") {
            let disposition = content.trim();
            if parameter(disposition, "filename").is_some() {
                return Err(FormFault::Syntax);
            }
            name = parameter(disposition, "name");
        } else if header.eq_ignore_ascii_case("content-type")
            && parameter(content, "charset").is_some_and(|charset| !is_utf8(charset))
        {
            return Err(FormFault::NotUtf8);
        }
    }
    Ok((Cow::Borrowed(name.ok_or(FormFault::Syntax)?), Cow::Borrowed(value)))
}

/// A parameter of a header's value, without its quotes. Parameters are divided by `;`, or by the
/// comma that the document's `application/json,` shows.
pub fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split([';', ',']).skip(1).find_map(|entry| {
        let (key, value) = entry.split_once('=')?;
        let is_named = key.trim().eq_ignore_ascii_case(name);
        is_named.then(|| value.trim().trim_matches('"'))
    })
}

/// Whether a declared charset is UTF-8.
pub fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str, escapes: Escapes, expect: &[(&str, &str)]) {
        let pairs = urlencoded(text, escapes).unwrap();
        let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        assert_eq!(pairs.collect::<Vec<_>>(), expect, "{text}");
    }

    #[test]
    fn a_form_is_read_as_php_reads_it() {
        reads("a=1&b=%E8%81%9A+x&c", Escapes::Decoded, &[("a", "1"), ("b", "聚 x"), ("c", "")]);
        reads("&&a=b=c&", Escapes::Decoded, &[("a", "b=c")]);
        reads("a=50%&b=%zz", Escapes::Decoded, &[("a", "50%"), ("b", "%zz")]);
        reads("", Escapes::Decoded, &[]);
        assert_eq!(urlencoded("a=%ff", Escapes::Decoded), Err(FormFault::NotUtf8));
    }

    #[test]
    fn a_form_without_encoding_keeps_every_character() {
        let text = "notify_url=http://a.cn/?x=%41&body=聚宝 6+";
        let expect = [("notify_url", "http://a.cn/?x=%41"), ("body", "聚宝 6+")];
        reads(text, Escapes::Verbatim, &expect);
        assert!(has_escapes(text) && is_bare(text));
        assert!(has_escapes("a=6+1") && !is_bare("a=http%3A%2F%2Fx+y&b=1"));
        assert!(!has_escapes("a=聚宝"));
    }

    #[test]
    fn multipart_is_read() {
        let text = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--X\r\n\
                    content-type: text/plain; charset=utf-8\r\n\
                    content-disposition: form-data; name=b\r\n\r\n聚--X\r\n--X--\r\n";
        let pairs = multipart(text, "X").unwrap();
        let expect = [("a", "1\r\n2"), ("b", "聚--X")];
        let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        assert_eq!(pairs.collect::<Vec<_>>(), expect);
    }

    #[test]
    fn what_is_no_multipart_form_is_refused() {
        let head = "--X\r\nContent-Disposition: form-data; name=\"a\"";
        for text in [
            "".to_owned(),
            "--X".to_owned(),
            "--X\r\n".to_owned(),
            format!("{head}\r\n\r\n1"),
            format!("{head}\r\n1\r\n--X--"),
            format!("{head}; filename=\"f\"\r\n\r\n1\r\n--X--"),
            "--X\r\nx: y\r\n\r\n1\r\n--X--".to_owned(),
            format!("--Y--{head}\r\n\r\n1\r\n--X--"),
        ] {
            assert_eq!(multipart(&text, "X"), Err(FormFault::Syntax), "{text}");
        }
        let other = format!("{head}\r\nContent-Type: text/plain; charset=GBK\r\n\r\n1\r\n--X--");
        assert_eq!(multipart(&other, "X"), Err(FormFault::NotUtf8));
    }

    proptest! {
        #[test]
        fn reading_undoes_encoding(pairs in prop::collection::vec((".{1,8}", any::<String>()), 0..6)) {
            let mut out = url::form_urlencoded::Serializer::new(String::new());
            let text = out.extend_pairs(&pairs).finish();
            let read = urlencoded(&text, Escapes::Decoded).unwrap();
            let read = read.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
            prop_assert_eq!(read.collect::<Vec<_>>(), pairs);
        }

        #[test]
        fn no_multipart_panics(text in "(--X|\r\n|:|;|name=|content-disposition|\"|聚){0,24}") {
            let _ = multipart(&text, "X");
            let _ = urlencoded(&text, Escapes::Decoded);
        }
    }
}

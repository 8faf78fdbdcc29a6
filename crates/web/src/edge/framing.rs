//! Where requests begin and end among the bytes of a connection, as far as that is plain: a length that is
//! told, and nothing sent before the answer to what went before. Whoever writes otherwise is served by
//! hyper all the same; of such a connection only nothing is known any more.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

use super::connection::HEADERS_MAX;

/// How far a connection's bytes have been followed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    /// Every request that began has ended.
    Between,
    /// So many bytes of a body are still to come.
    Within(usize),
    /// Not any more.
    Lost,
}

/// What is kept of a head: enough to refuse it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Head<'b> {
    /// The address, its query included.
    pub(crate) target: &'b str,
    /// `Accept-Language`; empty if it is missing, or no text.
    pub(crate) language: &'b str,
}

impl Framing {
    /// Follows `bytes` that were just read. A head if they are one request from beginning to end, with
    /// POST and a connection that stays open, whose client waits for nothing but the answer.
    pub(crate) fn read<'b>(&mut self, bytes: &'b [u8]) -> Option<Head<'b>> {
        match *self {
            Self::Between => {
                let (next, head) = first(bytes);
                *self = next;
                head.filter(|_| next == Self::Between)
            }
            Self::Within(left) => {
                *self = Self::after(left, bytes.len());
                None
            }
            Self::Lost => None,
        }
    }

    /// `left` bytes of a body were to come, and `read` came.
    fn after(left: usize, read: usize) -> Self {
        match left.checked_sub(read) {
            Some(0) => Self::Between,
            Some(left) => Self::Within(left),
            None => Self::Lost,
        }
    }
}

/// Follows the first bytes of a request.
fn first(bytes: &[u8]) -> (Framing, Option<Head<'_>>) {
    let mut lines = [MaybeUninit::<Header<'_>>::uninit(); HEADERS_MAX];
    let mut request = Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, &mut lines);
    let Ok(Status::Complete(head_bytes)) = parsed else { return (Framing::Lost, None) };
    let (mut length, mut language) = (None, "");
    let mut is_plain = request.version == Some(1) && request.method == Some("POST");
    for Header { name, value } in request.headers.iter() {
        if name.eq_ignore_ascii_case("content-length") {
            let told = str::from_utf8(value).ok().and_then(digits);
            match (told, length) {
                (Some(told), None) => length = Some(told),
                _ => return (Framing::Lost, None),
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            || name.eq_ignore_ascii_case("upgrade")
        {
            return (Framing::Lost, None);
        } else if name.eq_ignore_ascii_case("connection") {
            is_plain &= value.eq_ignore_ascii_case(b"keep-alive");
        } else if name.eq_ignore_ascii_case("expect") {
            is_plain = false;
        } else if name.eq_ignore_ascii_case("accept-language") && language.is_empty() {
            language = str::from_utf8(value).unwrap_or_default();
        }
    }
    let next = Framing::after(length.unwrap_or(0), bytes.len() - head_bytes);
    let head = request.path.map(|target| Head { target, language });
    (next, head.filter(|_| is_plain))
}

/// A length: digits and nothing else (RFC 9110, 8.6).
fn digits(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "POST /payment/pay HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

    /// What is known after these reads, and whether the last was a whole request.
    fn after(reads: &[&str]) -> (Framing, bool) {
        let mut framing = Framing::Between;
        let mut is_whole = false;
        for read in reads {
            is_whole = framing.read(read.as_bytes()).is_some();
        }
        (framing, is_whole)
    }

    #[test]
    fn a_request_in_one_piece_is_seen_with_its_address_and_language() {
        let bytes = "POST /?_m=payment&_a=query HTTP/1.1\r\naccept-language: en\r\n\
                     CONNECTION: Keep-Alive\r\ncontent-length: 3\r\n\r\na=b";
        let head = Head { target: "/?_m=payment&_a=query", language: "en" };
        assert_eq!(Framing::Between.read(bytes.as_bytes()), Some(head));
        assert_eq!(after(&[WHOLE, WHOLE]), (Framing::Between, true));
        assert_eq!(after(&["POST / HTTP/1.1\r\n\r\n"]), (Framing::Between, true));
    }

    #[test]
    fn a_body_that_comes_later_is_followed_and_its_request_is_not_refused_early() {
        let (head, body) = WHOLE.split_at(WHOLE.len() - 2);
        assert_eq!(after(&[head]), (Framing::Within(2), false));
        assert_eq!(after(&[head, "{"]), (Framing::Within(1), false));
        assert_eq!(after(&[head, body]), (Framing::Between, false));
        assert_eq!(after(&[head, body, WHOLE]), (Framing::Between, true));
        // A body may look like a request.
        let holds = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", WHOLE.len());
        assert_eq!(after(&[&holds, WHOLE]), (Framing::Between, false));
    }

    #[test]
    fn what_is_not_plain_is_hypers() {
        let with = |line: &str| WHOLE.replace("Host: x", line);
        for (request, next) in [
            (with("Connection: close"), Framing::Between),
            (with("Connection: keep-alive, close"), Framing::Between),
            (with("Expect: 100-continue"), Framing::Between),
            (WHOLE.replace("POST", "GET"), Framing::Between),
            (WHOLE.replace("1.1", "1.0"), Framing::Between),
            (with("Content-Length: 2"), Framing::Lost),
            (with("Transfer-Encoding: chunked"), Framing::Lost),
            (with("Upgrade: h2c"), Framing::Lost),
            (WHOLE.replace(": 2", ": +2"), Framing::Lost),
            (WHOLE.replace(": 2", ": "), Framing::Lost),
            (WHOLE.replace(": 2", ": 99999999999999999999"), Framing::Lost),
            (WHOLE.replace(": 2", ": 1"), Framing::Lost),
            (format!("{WHOLE}{WHOLE}"), Framing::Lost),
            (WHOLE[..20].to_owned(), Framing::Lost),
            ("\x16\x03\x01".to_owned(), Framing::Lost),
            (with(&"x: y\r\n".repeat(HEADERS_MAX + 1)), Framing::Lost),
        ] {
            assert_eq!(after(&[&request]), (next, false), "{request}");
        }
        assert_eq!(after(&[&WHOLE[..20], WHOLE]), (Framing::Lost, false), "it does not come back");
    }
}

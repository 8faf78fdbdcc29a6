//! HTTP messages as values: what a channel makes and reads, and what the egress and the simulators'
//! port carry.

/// A request, out to an upstream or in from one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Absolute when it goes out; path and query as received when it came in.
    pub url: String,
    /// Names in any case, in order.
    pub headers: Vec<(String, String)>,
    /// The body, empty if there is none.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A header's value; the name's case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The path, without scheme, host and query.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        });
        rest.split_once('?').map_or(rest, |(path, _)| path)
    }

    /// The query as it was sent, without `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }
}

/// An answer, in from an upstream or out to one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Names in any case, in order.
    pub headers: Vec<(String, String)>,
    /// The body as received, never decompressed.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// An answer with a body of `content_type`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// A header's value; the name's case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

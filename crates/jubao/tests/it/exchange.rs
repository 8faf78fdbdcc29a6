//! Requests signed as a test wants them, and answers as they came over HTTP.

use jubao::signing;
use kernel::order::SignForm;
use kernel::secret::Secret;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, as it came over HTTP.
#[derive(Debug)]
pub struct Exchange {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Exchange {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The envelope's code.
    pub fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    /// A header's text, or empty.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// `members` signed in one form, whatever their `version` says.
pub fn signed_as(members: &Value, key: &Secret, form: SignForm) -> Value {
    let texts = signing::read(members.to_string().as_bytes()).unwrap();
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut texts: Vec<_> = texts.filter(|(name, _)| *name != "sign").collect();
    texts.sort_unstable();
    let mut signed = members.clone();
    signed["sign"] = kernel::sign::sign(key, texts.into_iter(), form).into();
    signed
}

//! Members of answers and notices: strings and integers by name, written as a JSON object and signed
//! with the routine that signs requests (contract sections 2 and 3).

use std::borrow::Cow;

use crate::json;
use crate::order::SignForm;
use crate::scheme::{Scheme, Signing};
use crate::sign::Signer;

/// Bytes that an order's members rarely exceed, so that a text is allocated once.
const OBJECT_BYTES: usize = 2_048;

/// A member's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Member<'a> {
    /// A JSON string.
    Text(Cow<'a, str>),
    /// A JSON integer.
    Int(i64),
}

impl Member<'_> {
    /// The text that it signs as.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Int(number) => Cow::Owned(number.to_string()),
        }
    }

    fn push_text(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Int(number) => out.push_str(itoa::Buffer::new().format(*number)),
        }
    }

    pub(super) fn push_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => json::push_string(out, text),
            Self::Int(_) => self.push_text(out),
        }
    }
}

impl<'a> From<&'a str> for Member<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Member<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Member<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// Named values in the order in which they are written.
pub type Members<'a> = Vec<(Cow<'a, str>, Member<'a>)>;

/// Members as a JSON object.
pub fn object(members: &Members<'_>) -> String {
    let mut out = String::with_capacity(OBJECT_BYTES);
    out.push('{');
    for (at, (name, member)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        json::push_string(&mut out, name);
        out.push(':');
        member.push_json(&mut out);
    }
    out.push('}');
    out
}

/// Adds `nonce_str`, `version` where the request had it, `sign_type` of a scheme stronger than MD5, and
/// `sign` over all the others. `None` if the signer lacks the key for it: nothing may be sent then.
#[must_use]
pub fn sign_members<'a>(
    members: &mut Members<'a>,
    signer: Signer<'_>,
    signing: Signing,
    nonce: &'a str,
) -> Option<()> {
    members.push(("nonce_str".into(), nonce.into()));
    match signing.form {
        SignForm::Version2 => members.push(("version".into(), 2.into())),
        SignForm::Widened | SignForm::Plain => {}
    }
    if signing.scheme.is_strong() {
        members.push(("sign_type".into(), signing.scheme.sign_type().into()));
    }
    let signature = match signing.scheme {
        Scheme::Suffix => signer.sign_suffix(&pairs(members)),
        Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2 => {
            signer.sign_text(&signed_text(members), signing)?
        }
    };
    members.push(("sign".into(), signature.into()));
    Some(())
}

/// Names and texts in ascending order of the names.
fn pairs<'m>(members: &'m Members<'_>) -> Vec<(&'m str, Cow<'m, str>)> {
    let mut pairs = members.iter().map(|(name, member)| (name.as_ref(), member.text()));
    let mut pairs = pairs.by_ref().collect::<Vec<_>>();
    pairs.sort_unstable();
    pairs
}

/// Names and values joined in ascending order of the names. Comparing first eight bytes at once
/// decides nearly always.
fn signed_text(members: &Members<'_>) -> String {
    let mut sorted = members.iter().map(|row| (first_bytes(&row.0), row)).collect::<Vec<_>>();
    sorted.sort_unstable_by(|left, right| {
        left.0.cmp(&right.0).then_with(|| left.1.0.as_bytes().cmp(right.1.0.as_bytes()))
    });
    let mut text = String::with_capacity(OBJECT_BYTES);
    for (_, (name, member)) in sorted {
        text.push_str(name);
        member.push_text(&mut text);
    }
    text
}

/// The first eight bytes as a number that sorts as they do; what is missing counts as zero, which
/// no name holds.
fn first_bytes(name: &str) -> u64 {
    let mut first = [0; 8];
    let length = name.len().min(8);
    first[..length].copy_from_slice(&name.as_bytes()[..length]);
    u64::from_be_bytes(first)
}

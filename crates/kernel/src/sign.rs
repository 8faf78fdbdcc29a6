//! Signatures of the merchants' API (document 1.2 and 1.4; contract section 2). Never normalises a
//! text before it signs, never prints a key, and compares in constant time.

use std::borrow::Cow;

use aws_lc_rs::{digest as sha, hmac};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::application::Application;
use crate::fields::Fields;
use crate::order::SignForm;
use crate::rsa::{self, PrivateKey, PublicKey};
use crate::scheme::{Scheme, Signing};
use crate::secret::Secret;
use crate::time::Timestamp;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Names and values joined without separators: the text that is signed, before `utf8_encode`.
pub fn canonical<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// `sign` over `fields`, which come in ascending order of their names and without `sign`.
pub fn sign<'a>(
    key: &Secret,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    form: SignForm,
) -> String {
    md5_sign(key, &canonical(fields), form)
}

/// `UPPER(hex(MD5(key ++ S ++ key)))`, with S spelled as `form` says.
pub fn md5_sign(key: &Secret, text: &str, form: SignForm) -> String {
    hex(&digest(key, text, form))
}

/// `UPPER(hex(HMAC-SHA256(S)))` keyed by the key, with S spelled as `form` says.
pub fn hmac_sign(key: &Secret, text: &str, form: SignForm) -> String {
    hex(hmac::sign(&hmac_key(key), &spelled(text, form)).as_ref())
}

/// `UPPER(hex(SHA256(text)))`: what some make instead of an HMAC.
pub fn sha256_hex(text: &str) -> String {
    hex(sha::digest(&sha::SHA256, text.as_bytes()).as_ref())
}

/// `UPPER(hex(MD5(T)))` of the scheme `suffix`; `fields` come in ascending order of their names and
/// without `sign`.
pub fn suffix_sign<'a>(key: &Secret, fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    hex(&suffix_digest(key, fields))
}

/// What answers and notifications of an application are signed with.
#[derive(Copy, Clone, Debug)]
pub struct Signer<'a> {
    key: &'a Secret,
    platform: Option<&'a PrivateKey>,
}

impl<'a> Signer<'a> {
    /// A signer that has the application's key only.
    pub fn of_key(key: &'a Secret) -> Self {
        Self { key, platform: None }
    }

    /// The signer of an application.
    pub fn of(app: &'a Application) -> Self {
        Self { key: &app.key, platform: app.platform_key.as_ref() }
    }

    /// `sign` over a text that is already joined. `None` only for RSA2 without the platform's key, with
    /// which nothing could have been verified either, and for `suffix`, which joins otherwise.
    pub fn sign_text(self, text: &str, signing: Signing) -> Option<String> {
        let form = signing.form;
        match signing.scheme {
            Scheme::Md5 => Some(md5_sign(self.key, text, form)),
            Scheme::HmacSha256 => Some(hmac_sign(self.key, text, form)),
            Scheme::Rsa2 => self.platform?.sign(&spelled(text, form)).ok(),
            Scheme::Suffix => None,
        }
    }

    /// `sign` of the scheme `suffix` over `pairs`, which ascend.
    pub fn sign_suffix(self, pairs: &[(&str, Cow<'_, str>)]) -> String {
        suffix_sign(self.key, pairs.iter().map(|(name, text)| (*name, text.as_ref())))
    }
}

/// Finds how the signature among `fields`, whose signed text is `text`, was made with a key that counts
/// at `now`; `None` if it is wrong. Whether the application may sign so is another question, except
/// that `suffix` is only tried where it is allowed: nothing in the request names it.
pub fn verify_fields(
    app: &Application,
    now: Timestamp,
    fields: &Fields<'_>,
    text: &str,
) -> Option<Signing> {
    let (sent, version) = (fields.text("sign")?, fields.text("version"));
    let forms = forms(version == Some("2"), text);
    let stronger = match fields.text("sign_type") {
        Some("HMAC-SHA256") => (Scheme::HmacSha256, hmac_form(app, now, (text, forms), sent)),
        Some("RSA2") => (Scheme::Rsa2, rsa_form(app, (text, forms), sent)),
        Some(_) | None => (Scheme::Md5, None),
    };
    if let (scheme, Some(form)) = stronger {
        return Some(Signing { scheme, form });
    }
    let signature = Signature::parse(sent, version)?;
    if let Some(form) = verify(app, now, text, &signature) {
        return Some(form.into());
    }
    let is_made = |key| signature.is(&suffix_digest(key, fields.signed()));
    let is_suffix = app.settings.schemes.contains(&Scheme::Suffix) && app.keys_at(now).any(is_made);
    let form = if signature.is_version2 { SignForm::Version2 } else { SignForm::Plain };
    is_suffix.then_some(Signing { scheme: Scheme::Suffix, form })
}

/// The form in which an HMAC-SHA256 was made over a text.
fn hmac_form(
    app: &Application,
    now: Timestamp,
    (text, forms): (&str, &[SignForm]),
    sent: &str,
) -> Option<SignForm> {
    let sent = hex_bytes::<32>(sent)?;
    let is_made =
        |key: &Secret, form| hmac::verify(&hmac_key(key), &spelled(text, form), &sent).is_ok();
    app.keys_at(now).find_map(|key| forms.iter().find(|form| is_made(key, **form))).copied()
}

/// The form in which an RSA2 signature was made over a text, for an application that can be answered so.
fn rsa_form(app: &Application, (text, forms): (&str, &[SignForm]), sent: &str) -> Option<SignForm> {
    app.platform_key.as_ref()?;
    rsa_form_by(&app.settings.rsa_public_keys, (text, forms), sent)
}

fn rsa_form_by(
    keys: &[PublicKey],
    (text, forms): (&str, &[SignForm]),
    sent: &str,
) -> Option<SignForm> {
    let sent = rsa::signature(sent)?;
    let is_made =
        |form: &&SignForm| keys.iter().any(|key| key.verifies(&spelled(text, **form), &sent));
    forms.iter().find(is_made).copied()
}

/// Whether `fields` are signed by RSA2 with the private half of one of `keys`, as whoever holds no key
/// that is secret verifies them.
pub fn is_rsa_signed(keys: &[PublicKey], fields: &Fields<'_>) -> bool {
    let text = canonical(fields.signed());
    let forms = forms(fields.text("version") == Some("2"), &text);
    fields.text("sign").is_some_and(|sent| rsa_form_by(keys, (&text, forms), sent).is_some())
}

/// The forms that a text may be signed in. ASCII text counts as widened: both are alike.
fn forms(is_version2: bool, text: &str) -> &'static [SignForm] {
    match (is_version2, text.is_ascii()) {
        (true, _) => &[SignForm::Version2],
        (false, true) => &[SignForm::Widened],
        (false, false) => &[SignForm::Widened, SignForm::Plain],
    }
}

/// Finds the form in which `signature` was made over `text` with a key that counts at `now`;
/// `None` if it is wrong. With `version` 2 there is one form; without it the document's PHP widens,
/// and clients that sign plainly are accepted as well. ASCII text counts as widened: both are alike.
pub fn verify(
    app: &Application,
    now: Timestamp,
    text: &str,
    signature: &Signature,
) -> Option<SignForm> {
    let forms = forms(signature.is_version2, text);
    let mut tries = app.keys_at(now).flat_map(|key| forms.iter().map(move |form| (key, *form)));
    tries.find(|(key, form)| signature.is(&digest(key, text, *form))).map(|(_, form)| form)
}

/// A signature as it was sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    bytes: [u8; 16],
    is_version2: bool,
}

impl Signature {
    /// Reads 32 hexadecimal digits of either case, and the request's `version`.
    pub fn parse(text: &str, version: Option<&str>) -> Option<Self> {
        Some(Self { bytes: hex_bytes(text)?, is_version2: version == Some("2") })
    }

    fn is(&self, digest: &[u8; 16]) -> bool {
        self.bytes.ct_eq(digest).into()
    }
}

/// Twice as many hexadecimal digits, of either case, as bytes.
fn hex_bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * LENGTH {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn digest(key: &Secret, text: &str, form: SignForm) -> [u8; 16] {
    let mut hash = Md5::new();
    hash.update(key.expose());
    match form {
        SignForm::Widened => widen(&mut hash, text),
        SignForm::Plain | SignForm::Version2 => hash.update(text),
    }
    hash.update(key.expose());
    hash.finalize().into()
}

fn suffix_digest<'a>(key: &Secret, fields: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 16] {
    let mut hash = Md5::new();
    for (name, value) in fields.filter(|(_, value)| !value.is_empty()) {
        for part in [name, "=", value, "&"] {
            hash.update(part);
        }
    }
    hash.update("key=");
    hash.update(key.expose());
    hash.finalize().into()
}

fn hmac_key(key: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())
}

/// A text as its form spells it.
pub(crate) fn spelled(text: &str, form: SignForm) -> Cow<'_, [u8]> {
    match form {
        SignForm::Widened if !text.is_ascii() => {
            Cow::Owned(text.bytes().map(char::from).collect::<String>().into_bytes())
        }
        SignForm::Widened | SignForm::Plain | SignForm::Version2 => Cow::Borrowed(text.as_bytes()),
    }
}

/// PHP's `utf8_encode`: each byte from 0x80 up as if it were Latin-1, in two bytes.
fn widen(hash: &mut Md5, text: &str) {
    let mut chunk = [0; 128];
    let mut length = 0;
    for &byte in text.as_bytes() {
        if byte < 0x80 {
            chunk[length] = byte;
            length += 1;
        } else {
            chunk[length] = 0xC0 | byte >> 6;
            chunk[length + 1] = 0x80 | byte & 0x3F;
            length += 2;
        }
        if length + 2 > chunk.len() {
            hash.update(&chunk[..length]);
            length = 0;
        }
    }
    hash.update(&chunk[..length]);
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.map(|digit| char::from(HEX[usize::from(digit)])).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Value;

    use super::*;
    use crate::application::Settings;
    use crate::id::{AppId, MchId};

    /// Cases made with PHP 8.2 by the document's own function.
    const VECTORS: &str = include_str!("../vectors/sign.json");

    /// The application that this crate's tests sign for.
    pub(crate) fn an_application() -> Application {
        Application {
            mch_id: MchId(10_502_105_689_001),
            app_id: AppId(1_000_258),
            mch_name: "聚宝 Pay".into(),
            is_enabled: true,
            key: Secret::new("685c6e3eca5c964b2b8240aa151cb75d"),
            previous_keys: Vec::new(),
            platform_key: None,
            settings: Settings::default(),
        }
    }

    fn text_of(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    #[test]
    fn every_signature_made_with_php_is_made_and_verified_here() {
        let vectors = serde_json::from_str::<Vec<Value>>(VECTORS).unwrap();
        assert!(vectors.len() > 50, "{}", vectors.len());
        for vector in vectors {
            let mut fields = vector["params"].as_object().unwrap().clone();
            fields.remove("sign");
            let mut fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), text_of(value)))
                .collect::<Vec<_>>();
            fields.sort();
            let version = fields.iter().find(|(name, _)| name == "version").map(|(_, text)| text);
            let form = if version.is_some_and(|v| v == "2") {
                SignForm::Version2
            } else {
                SignForm::Widened
            };
            let key = Secret::new(vector["key"].as_str().unwrap());
            let expect = vector["sign"].as_str().unwrap();
            let pairs = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            assert_eq!(sign(&key, pairs.clone(), form), expect, "{vector}");
            let app = Application { key, ..an_application() };
            let signature = Signature::parse(expect, version.map(String::as_str)).unwrap();
            let now = Timestamp::from_seconds(0);
            assert_eq!(verify(&app, now, &canonical(pairs), &signature), Some(form), "{vector}");
        }
    }

    #[test]
    fn plain_utf8_is_accepted_without_version_two_and_remembered() {
        let (app, now) = (an_application(), Timestamp::from_seconds(0));
        let made = md5_sign(&app.key, "body聚宝", SignForm::Plain).to_lowercase();
        let signature = Signature::parse(&made, None).unwrap();
        assert_eq!(verify(&app, now, "body聚宝", &signature), Some(SignForm::Plain));
        let widened = md5_sign(&app.key, "body聚宝version2", SignForm::Widened);
        let signature = Signature::parse(&widened, Some("2")).unwrap();
        assert_eq!(verify(&app, now, "body聚宝version2", &signature), None);
    }

    #[test]
    fn a_previous_key_verifies_until_its_date() {
        let old = Secret::new("old");
        let until = Timestamp::from_seconds(10);
        let app = Application { previous_keys: vec![(old.clone(), until)], ..an_application() };
        let signature = Signature::parse(&md5_sign(&old, "a1", SignForm::Widened), None).unwrap();
        let at = |seconds| verify(&app, Timestamp::from_seconds(seconds), "a1", &signature);
        assert_eq!((at(9), at(10)), (Some(SignForm::Widened), None));
    }

    #[test]
    fn only_thirty_two_hexadecimal_digits_are_a_signature() {
        for text in ["", "xyz", &"0".repeat(31), &"0".repeat(33), &"g".repeat(32), &"聚".repeat(11)]
        {
            assert_eq!(Signature::parse(text, None), None, "{text}");
        }
        assert!(Signature::parse(&"aF".repeat(16), None).is_some());
    }
}

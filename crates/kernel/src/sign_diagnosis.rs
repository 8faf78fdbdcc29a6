//! What is told to a merchant who is still building, when its signature is wrong: the text that we
//! built, the form that we expected, and the mistake that explains what came. Beside the mistakes of the
//! text ([`Mistake`]) it knows those of keys and schemes. It never holds a key or the right signature.

use crate::fault::Wording;
use crate::order::SignForm;
use crate::rsa::{self, PublicKey};
use crate::secret::Secret;
use crate::sign;
use crate::sign_doctor::{self, Finding};

/// What stands for a key, and for a payer's code, in a text that is shown.
const MASK: &str = "<key>";
/// The spellings of a text that are tried.
const FORMS: [SignForm; 2] = [SignForm::Plain, SignForm::Widened];
/// Parameters whose values are not shown.
const HIDDEN: [&str; 2] = ["code", "password"];
/// The same for them.
const HIDDEN_MASK: &str = "<hidden>";

/// The keys that a wrong signature is tried with.
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    /// The one that counts.
    pub current: &'a Secret,
    /// Earlier ones whose time is over.
    pub expired: Vec<&'a Secret>,
    /// Those of the same merchant's other applications.
    pub others: Vec<&'a Secret>,
    /// The public keys that are registered for RSA2.
    pub public: &'a [PublicKey],
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// The text that must be signed, the key masked.
    pub text: String,
    /// How it must be signed.
    pub form: &'static str,
    /// The name of the mistake and its cure, if one explains the signature.
    pub mistake: Option<(String, Wording)>,
}

/// A mistake of keys or schemes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyMistake {
    /// An earlier key, whose overlap is over.
    ExpiredKey,
    /// The key of another application of the same merchant.
    AnotherApplicationsKey,
    /// MD5, though `sign_type` names another scheme.
    Md5DespiteSignType,
    /// HMAC-SHA256 or RSA2 without the `sign_type` that names it.
    SignTypeMissing,
    /// `utf8_encode` was applied to an HMAC's or RSA2's text although `version` is 2.
    WidenedDespiteVersion2,
    /// `sign_type` itself was left out of the text.
    SignTypeLeftOut,
    /// Parameters with empty values were left out of an HMAC's or RSA2's text.
    EmptiesLeftOut,
    /// An HMAC's or RSA2's text was joined as `k=v&k=v`.
    JoinedWithSeparators,
    /// SHA-256 of the text with the key around it, instead of HMAC.
    HashInsteadOfHmac,
    /// HMAC over a text that has the key around it too.
    HmacWithKeyAround,
    /// No public key is registered for RSA2.
    NoPublicKey,
    /// What came is no signature of any scheme.
    NoSignature,
}

impl KeyMistake {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::ExpiredKey,
        Self::AnotherApplicationsKey,
        Self::Md5DespiteSignType,
        Self::SignTypeMissing,
        Self::WidenedDespiteVersion2,
        Self::SignTypeLeftOut,
        Self::EmptiesLeftOut,
        Self::JoinedWithSeparators,
        Self::HashInsteadOfHmac,
        Self::HmacWithKeyAround,
        Self::NoPublicKey,
        Self::NoSignature,
    ];

    /// What to change.
    pub fn cure(self) -> Wording {
        match self {
            Self::ExpiredKey => {
                ["用的是已过期的旧密钥", "this key has been replaced: use the new one"]
            }
            Self::AnotherApplicationsKey => [
                "用的是同一商户另一应用的密钥",
                "this is the key of another application of the same merchant",
            ],
            Self::Md5DespiteSignType => [
                "sign_type 所指算法与实际签名（MD5）不符",
                "this is MD5, but sign_type names another scheme",
            ],
            Self::SignTypeMissing => [
                "HMAC-SHA256 与 RSA2 须带 sign_type 参数并参与签名",
                "HMAC-SHA256 and RSA2 need the parameter sign_type, which is signed too",
            ],
            Self::WidenedDespiteVersion2 => sign_doctor::Mistake::WidenedDespiteVersion2.cure(),
            Self::SignTypeLeftOut => ["sign_type 也要参与签名", "sign_type must be signed too"],
            Self::EmptiesLeftOut => sign_doctor::Mistake::EmptiesLeftOut.cure(),
            Self::JoinedWithSeparators => sign_doctor::Mistake::JoinedWithSeparators.cure(),
            Self::HashInsteadOfHmac => [
                "应为以密钥为键的 HMAC-SHA256，而非 SHA256",
                "use HMAC-SHA256 keyed by the key, not SHA-256",
            ],
            Self::HmacWithKeyAround => {
                ["HMAC-SHA256 的原文首尾不拼接密钥", "the text of HMAC-SHA256 has no key around it"]
            }
            Self::NoPublicKey => [
                "未登记商户 RSA 公钥，请联系平台",
                "no public key of yours is registered: give it to the operator",
            ],
            Self::NoSignature => [
                "sign 应为 32 位（MD5）或 64 位（HMAC-SHA256）十六进制，或 Base64（RSA2）",
                "sign must be 32 (MD5) or 64 (HMAC-SHA256) hexadecimal digits, or Base64 (RSA2)",
            ],
        }
    }
}

/// Explains the signature among `fields`, which come in the order in which they were sent.
pub fn diagnose(fields: &[(String, String)], keys: &Keys<'_>) -> Diagnosis {
    let of = |wanted: &str| fields.iter().find(|(name, _)| name == wanted);
    let text_of = |wanted| of(wanted).map_or("", |(_, text)| text.as_str());
    let form = match (text_of("sign_type"), text_of("version")) {
        ("HMAC-SHA256", "2") => "UPPER(hex(HMAC-SHA256(key, S)))",
        ("HMAC-SHA256", _) => "UPPER(hex(HMAC-SHA256(key, utf8_encode(S))))",
        ("RSA2", "2") => "base64(RSA-SHA256(S))",
        ("RSA2", _) => "base64(RSA-SHA256(utf8_encode(S)))",
        (_, "2") => "UPPER(hex(MD5(key + S + key)))",
        (_, _) => "UPPER(hex(MD5(key + utf8_encode(S) + key)))",
    };
    Diagnosis { text: shown(fields, keys), form, mistake: mistake(fields, keys) }
}

/// The signed text, without anything that must not be shown.
fn shown(fields: &[(String, String)], keys: &Keys<'_>) -> String {
    let mut sorted = fields.iter().filter(|(name, _)| name != "sign").collect::<Vec<_>>();
    sorted.sort_unstable();
    let value = |(name, value): &(String, String)| {
        if HIDDEN.contains(&name.as_str()) { HIDDEN_MASK.to_owned() } else { value.clone() }
    };
    let mut text: String = sorted.iter().map(|field| field.0.clone() + &value(field)).collect();
    for key in [keys.current].iter().chain(&keys.expired).chain(&keys.others) {
        text = text.replace(key.expose(), MASK);
    }
    text
}

fn mistake(fields: &[(String, String)], keys: &Keys<'_>) -> Option<(String, Wording)> {
    let sent = fields.iter().find(|(name, _)| name == "sign").map_or("", |(_, text)| text);
    let named = |mistake: KeyMistake| (format!("{mistake:?}"), mistake.cure());
    let is_hex = sent.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (sent.len(), rsa::signature(sent)) {
        (32, _) if is_hex => md5_mistake(fields, keys),
        (64, _) if is_hex => hmac_mistake(fields, keys, sent).map(named),
        (_, Some(bytes)) if bytes.len() >= 128 => rsa_mistake(fields, keys, &bytes).map(named),
        (_, _) => Some(named(KeyMistake::NoSignature)),
    }
}

fn md5_mistake(fields: &[(String, String)], keys: &Keys<'_>) -> Option<(String, Wording)> {
    let found = |mistake: KeyMistake| Some((format!("{mistake:?}"), mistake.cure()));
    match sign_doctor::explain(fields, keys.current).finding {
        Some(Finding::Mistake(mistake)) => return Some((format!("{mistake:?}"), mistake.cure())),
        Some(Finding::Right(_)) => return found(KeyMistake::Md5DespiteSignType),
        None => {}
    }
    let is_right = |key: &&Secret| {
        matches!(sign_doctor::explain(fields, key).finding, Some(Finding::Right(_)))
    };
    if keys.expired.iter().any(is_right) {
        return found(KeyMistake::ExpiredKey);
    }
    keys.others.iter().any(is_right).then(|| found(KeyMistake::AnotherApplicationsKey)).flatten()
}

/// The texts that somebody may have signed, the right one first.
fn texts(fields: &[(String, String)]) -> [(Option<KeyMistake>, String); 4] {
    let mut sorted = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut sorted = sorted.by_ref().filter(|(name, _)| *name != "sign").collect::<Vec<_>>();
    sorted.sort_unstable();
    let all = || sorted.iter().copied();
    let pairs = all().filter(|(_, value)| !value.is_empty());
    let pairs = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    [
        (None, sign::canonical(all())),
        (
            Some(KeyMistake::SignTypeLeftOut),
            sign::canonical(all().filter(|(name, _)| *name != "sign_type")),
        ),
        (
            Some(KeyMistake::EmptiesLeftOut),
            sign::canonical(all().filter(|(_, value)| !value.is_empty())),
        ),
        (Some(KeyMistake::JoinedWithSeparators), pairs.join("&")),
    ]
}

fn says(fields: &[(String, String)], sign_type: &str) -> bool {
    fields.iter().any(|(name, text)| name == "sign_type" && text == sign_type)
}

/// What is wrong with a signature over `text`, which is made in the form that `made` names: `mistake`
/// is the text's, and without one it is the right text.
fn of_text(
    fields: &[(String, String)],
    (mistake, text): (Option<KeyMistake>, &str),
    sign_type: &str,
    made: SignForm,
) -> Option<KeyMistake> {
    let is_version2 = fields.iter().any(|(name, text)| name == "version" && text == "2");
    let is_widened = made == SignForm::Widened && !text.is_ascii();
    match (mistake, says(fields, sign_type)) {
        (Some(mistake), _) => Some(mistake),
        (None, false) => Some(KeyMistake::SignTypeMissing),
        (None, true) => (is_version2 && is_widened).then_some(KeyMistake::WidenedDespiteVersion2),
    }
}

fn hmac_mistake(fields: &[(String, String)], keys: &Keys<'_>, sent: &str) -> Option<KeyMistake> {
    let form_of = |key: &Secret, text: &str| {
        let made = |form: &SignForm| sign::hmac_sign(key, text, *form).eq_ignore_ascii_case(sent);
        FORMS.into_iter().find(made)
    };
    let is_made = |key: &Secret, text: &str| form_of(key, text).is_some();
    let texts = texts(fields);
    for (mistake, text) in &texts {
        if let Some(form) = form_of(keys.current, text) {
            return of_text(fields, (*mistake, text), "HMAC-SHA256", form);
        }
    }
    let (key, right) = (keys.current.expose(), &texts[0].1);
    let around = format!("{key}{right}{key}");
    if sign::sha256_hex(&around).eq_ignore_ascii_case(sent) {
        return Some(KeyMistake::HashInsteadOfHmac);
    }
    if is_made(keys.current, &around) {
        return Some(KeyMistake::HmacWithKeyAround);
    }
    let by = |keys: &[&Secret]| keys.iter().any(|key| is_made(key, right));
    match (by(&keys.expired), by(&keys.others)) {
        (true, _) => Some(KeyMistake::ExpiredKey),
        (false, true) => Some(KeyMistake::AnotherApplicationsKey),
        (false, false) => None,
    }
}

fn rsa_mistake(fields: &[(String, String)], keys: &Keys<'_>, sent: &[u8]) -> Option<KeyMistake> {
    if keys.public.is_empty() {
        return Some(KeyMistake::NoPublicKey);
    }
    for (mistake, text) in texts(fields) {
        let made = |form: &SignForm| {
            keys.public.iter().any(|key| key.verifies(&sign::spelled(&text, *form), sent))
        };
        if let Some(form) = FORMS.into_iter().find(made) {
            return of_text(fields, (mistake, &text), "RSA2", form);
        }
    }
    None
}

#[cfg(test)]
#[path = "sign_diagnosis_tests.rs"]
mod tests;

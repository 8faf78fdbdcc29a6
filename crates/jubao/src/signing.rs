//! `jubao sign` and `jubao verify`: the merchants' signature at a command line, and what the demo
//! shop signs and verifies with.

use std::borrow::Cow;
use std::io::Read;

use gateway::ids::random_hex;
use kernel::fault::{Fault, Language};
use kernel::fields::Fields;
use kernel::form::{self, Escapes};
use kernel::order::SignForm;
use kernel::scheme::Scheme;
use kernel::secret::Secret;
use kernel::sign_diagnosis::{Diagnosis, Keys, diagnose};
use kernel::sign_doctor::{Explanation, Finding, explain};
use kernel::{json, sign};
use serde_json::Value;

use crate::cli::{
    Failure, SignArguments, SigningArguments, VerifyArguments, print_line, public_key,
};
use crate::merchant_keys::{Held, MerchantKeys, Verdict};

/// Bytes of standard input that are read.
const INPUT_BYTES_MAX: u64 = 1 << 20;
/// Said of what is no JSON object, or names a member twice.
const NOT_JSON: &str = "the input is no JSON object that names each member once";

/// Name and text of each member in the order in which they were sent, `sign` among them.
pub type Members = Vec<(String, String)>;

/// `jubao sign`.
pub fn sign_command(arguments: &SignArguments) -> Result<(), Failure> {
    let SigningArguments { scheme, shared, .. } = &arguments.signing;
    let held =
        Held { shared: shared.find()?, private: arguments.signing.private()?, ..Held::default() };
    let keys = MerchantKeys::new(*scheme, held).map_err(Failure::Input)?;
    let text = input()?;
    let fields = json_fields(&text).map_err(Failure::Input)?;
    print_line(keys.sign(&fields).map_err(Failure::Input)?);
    Ok(())
}

/// `jubao verify`.
pub fn verify_command(arguments: &VerifyArguments) -> Result<(), Failure> {
    let public = public_key(arguments.public_key.as_deref())?;
    let held =
        Held { shared: arguments.shared.find()?, platform: public.clone(), ..Held::default() };
    // Where only RSA2 can be verified, no text is explained by a key.
    let key = held.shared.clone().unwrap_or_else(|| Secret::new(random_hex::<16>()));
    let keys = MerchantKeys::verifying(arguments.scheme, held).map_err(Failure::Input)?;
    let text = input()?;
    let members = members(&text, Escapes::Decoded).map_err(Failure::Input)?;
    if !members.iter().any(|(name, _)| name == "sign") {
        return Err(Failure::Input("there is no member `sign`".into()));
    }
    let bare = || self::members(&text, Escapes::Verbatim).unwrap_or_default();
    match (judge(&keys, &members), judge(&keys, &bare())) {
        (Verdict::Right, _) | (_, Verdict::Right) => {
            print_line("right");
            return Ok(());
        }
        (Verdict::NoKey, _) => return Err(Failure::Input(no_key(&members))),
        (Verdict::Wrong, _) => {}
    }
    if arguments.scheme == Scheme::Suffix && !is_strong(&members) {
        print_line(said_of_suffix(&members, &key));
        return Err(Failure::Verdict);
    }
    let public: Vec<_> = public.into_iter().collect();
    let known = Keys { current: &key, expired: Vec::new(), others: Vec::new(), public: &public };
    print_line(said(&explain(&members, &key), &diagnose(&members, &known)));
    Err(Failure::Verdict)
}

fn judge(keys: &MerchantKeys, members: &Members) -> Verdict {
    let pairs = members.iter().map(|(name, text)| (name.clone(), text.as_str().into()));
    keys.judge(&Value::Object(pairs.collect()))
}

/// Which key is missing.
fn no_key(members: &Members) -> String {
    let is_rsa = members.iter().any(|(name, text)| name == "sign_type" && text == "RSA2");
    let option = if is_rsa { "--public-key" } else { "--key-from" };
    format!("it is signed by a scheme whose key is missing: name its file with {option}")
}

fn is_strong(members: &Members) -> bool {
    let strong = Scheme::ALL.into_iter().filter(|scheme| scheme.is_strong());
    let mut words = strong.map(Scheme::sign_type);
    words.any(|word| members.iter().any(|(name, text)| name == "sign_type" && text == word))
}

/// What is said of a signature that should be of the scheme `suffix`.
fn said_of_suffix(members: &Members, key: &Secret) -> String {
    let finding = match explain(members, key).finding {
        Some(Finding::Right(_)) => "this is the scheme md5, which joins without = and &",
        Some(Finding::Mistake(_)) | None => {
            "names ascend, empty values and sign are left out, the key stands behind as &key="
        }
    };
    let mut sorted: Vec<_> =
        members.iter().filter(|(name, text)| name != "sign" && !text.is_empty()).collect();
    sorted.sort_unstable();
    let text: String = sorted.iter().map(|(name, text)| format!("{name}={text}&")).collect();
    format!("wrong: {finding}\nsigned text: {text}key=<key>")
}

/// The doctor's words: what had to be signed, and which mistake made what was sent.
fn said(explanation: &Explanation, diagnosis: &Diagnosis) -> String {
    let finding = match (explanation.finding, &diagnosis.mistake) {
        (Some(Finding::Mistake(mistake)), _) => mistake.cure()[1].to_owned(),
        (_, Some((_, cure))) => cure[1].to_owned(),
        (Some(Finding::Right(form)), None) => format!("it is right in the form {}", form.word()),
        (None, None) => "no common mistake explains it: check the key and every value".to_owned(),
    };
    let is_md5 = diagnosis.form.contains("MD5");
    let text = if is_md5 { &explanation.text } else { &diagnosis.text };
    format!("wrong: {finding}\nsigned text: {text}\nsigned as: {}", diagnosis.form)
}

/// `members` with their `sign`.
///
/// # Errors
/// They are no JSON object of strings and integers.
pub fn signed(members: &Value, key: &Secret) -> Result<Value, String> {
    let text = members.to_string();
    let sign = signature(&json_fields(&text)?, key);
    let mut signed = members.clone();
    match &mut signed {
        Value::Object(map) => map.insert("sign".into(), sign.into()),
        _ => return Err("not a JSON object".into()),
    };
    Ok(signed)
}

/// The members of a JSON object or a form.
///
/// # Errors
/// It is neither.
pub fn read(body: &[u8]) -> Result<Members, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the input is not UTF-8")?;
    members(text, Escapes::Decoded)
}

fn members(text: &str, escapes: Escapes) -> Result<Members, String> {
    let wrong = |fault: Fault| fault.message(Language::En);
    let (names, fields) = if text.trim_start().starts_with('{') {
        let members = json::object(text).map_err(|_| NOT_JSON)?;
        (names(&members), Fields::from_json(members).map_err(wrong)?)
    } else {
        let text = text.trim_start();
        let pairs =
            form::urlencoded(text, escapes).map_err(|_| "the input is neither JSON nor a form")?;
        (names(&pairs), Fields::from_form(pairs).map_err(wrong)?)
    };
    let text_of = |name: String| Some((fields.text(&name)?.to_owned(), name));
    let members = names.into_iter().filter_map(text_of);
    Ok(members.map(|(text, name)| (name, text)).collect())
}

fn names<V>(members: &[(Cow<'_, str>, V)]) -> Vec<String> {
    members.iter().map(|(name, _)| name.to_string()).collect()
}

/// Whether `members` are signed with `key`, in one of the forms that a merchant may use.
pub fn is_signed(members: &Members, key: &Secret) -> bool {
    let given = members.iter().find(|(name, _)| name == "sign");
    let Some((_, given)) = given else { return false };
    let mut rest: Vec<_> = members
        .iter()
        .filter(|(name, _)| name != "sign")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    rest.sort_unstable();
    let is_version2 = rest.contains(&("version", "2"));
    let forms: &[SignForm] =
        if is_version2 { &[SignForm::Version2] } else { &[SignForm::Widened, SignForm::Plain] };
    let made = |form: &SignForm| sign::sign(key, rest.iter().copied(), *form);
    forms.iter().any(|form| made(form).eq_ignore_ascii_case(given))
}

fn signature(fields: &Fields<'_>, key: &Secret) -> String {
    let is_version2 = fields.text("version") == Some("2");
    let form = if is_version2 { SignForm::Version2 } else { SignForm::Widened };
    sign::sign(key, fields.signed(), form)
}

fn json_fields(text: &str) -> Result<Fields<'_>, String> {
    let members = json::object(text).map_err(|_| NOT_JSON)?;
    Fields::from_json(members).map_err(|fault| fault.message(Language::En))
}

fn input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(INPUT_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Machine(format!("standard input: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Failure::Input("the input is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_signed_here_is_verified_here() {
        let key = Secret::new("685c6e3eca5c964b2b8240aa151cb75d");
        for members in
            [json!({ "body": "聚宝", "total_fee": 10 }), json!({ "a": "", "version": 2 })]
        {
            let signed = signed(&members, &key).unwrap();
            let read = read(signed.to_string().as_bytes()).unwrap();
            assert!(is_signed(&read, &key));
            assert!(!is_signed(&read, &Secret::new("another")));
            let mut changed = read.clone();
            changed[0].1.push('1');
            assert!(!is_signed(&changed, &key));
        }
    }
}

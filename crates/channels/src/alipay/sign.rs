//! What Alipay signs: the non-empty members, sorted by name, as `name=value` joined by `&`, in raw
//! text. Only RSA2 (SHA-256); the older RSA with SHA-1 is never accepted.

use crate::SetupError;
use crate::alipay::wire::Fields;
use crate::seal::{self, RsaSigner};

/// The one `sign_type` that counts.
pub(super) const RSA2: &str = "RSA2";

/// The text under a request's signature: everything but `sign`.
pub(super) fn request_text(fields: &Fields) -> String {
    text(fields, &["sign"])
}

/// The text under a notification's signature, and that of the parameters that a payer comes back
/// with: everything but `sign` and `sign_type`.
pub(super) fn notice_text(fields: &Fields) -> String {
    text(fields, &["sign", "sign_type"])
}

/// Adds `sign` to a request's members.
///
/// # Errors
/// The key cannot sign.
pub(super) fn sign_request(fields: &mut Fields, signer: &RsaSigner) -> Result<(), SetupError> {
    let sign = signer.sign(request_text(fields).as_bytes())?;
    fields.push("sign", sign);
    Ok(())
}

/// Whether a notification was signed with the private half of `public_key`.
pub(super) fn notice_verifies(fields: &Fields, public_key: &str) -> bool {
    seal::verifies(public_key, notice_text(fields).as_bytes(), fields.of("sign"))
}

/// The piece of an answer that `sign` was made over. Some of Alipay's gateways sign before they
/// write `/` as `\/`; the piece is then tried without these backslashes, as Alipay's own clients
/// do, and it is this text, the one that was signed, that is returned to be read.
pub(super) fn signed_text(raw: &str, sign: &str, public_key: &str) -> Option<String> {
    let verifies = |text: &str| seal::verifies(public_key, text.as_bytes(), sign);
    if verifies(raw) {
        return Some(raw.to_owned());
    }
    let plain = raw.replace(r"\/", "/");
    (plain != raw && verifies(&plain)).then_some(plain)
}

fn text(fields: &Fields, left_out: &[&str]) -> String {
    let is_signed =
        |(name, value): &&(String, String)| !value.is_empty() && !left_out.contains(&name.as_str());
    let mut signed: Vec<_> = fields.0.iter().filter(is_signed).collect();
    signed.sort();
    let pairs: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::alipay::wire;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../vectors/upstreams.json")).unwrap()
    }

    fn vector(name: &str) -> (Value, String) {
        let all = vectors();
        let cases = all["vectors"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == name).unwrap().clone();
        (case, all["public_key"].as_str().unwrap().to_owned())
    }

    fn fields(case: &Value) -> Fields {
        Fields::from_json(case["params"].as_object().unwrap())
    }

    #[test]
    fn a_request_signs_sign_type_too() {
        let (case, key) = vector("alipay_v2_request_RSA2");
        let text = request_text(&fields(&case));
        assert_eq!(text, case["string_to_sign"]);
        assert!(seal::verifies(&key, text.as_bytes(), case["sign"].as_str().unwrap()));
    }

    #[test]
    fn a_signature_with_sha1_is_never_accepted() {
        let (case, key) = vector("alipay_v2_request_RSA_sha1");
        let text = request_text(&fields(&case));
        assert_eq!(text, case["string_to_sign"]);
        assert!(!seal::verifies(&key, text.as_bytes(), case["sign"].as_str().unwrap()));
    }

    #[test]
    fn a_notification_signs_neither_sign_nor_sign_type() {
        let (case, key) = vector("alipay_v2_notify");
        let mut fields = fields(&case);
        assert_eq!(notice_text(&fields), case["string_to_sign"]);
        assert!(notice_verifies(&fields, &key));
        fields.push("buyer_logon_id", "a***@b.c");
        assert!(!notice_verifies(&fields, &key));
    }

    #[test]
    fn an_answer_is_signed_over_its_exact_bytes() {
        let (case, key) = vector("alipay_v2_response");
        let members = wire::raw_members(case["body"].as_str().unwrap()).unwrap();
        let [(_, raw), (_, sign)] = members.as_slice() else { panic!("two members") };
        assert_eq!(*raw, case["signed_substring"]);
        let sign = sign.trim_matches('"');
        assert_eq!(signed_text(raw, sign, &key).as_deref(), Some(*raw));
        let escaped = raw.replace('/', r"\/");
        assert_eq!(signed_text(&escaped, sign, &key).as_deref(), Some(*raw));
        assert_eq!(signed_text(&raw.replace("10000", "10001"), sign, &key), None);
    }
}

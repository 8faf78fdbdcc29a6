//! `sign`: MD5 over the members that are not empty, and the application's secret.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::jeepay::wire::Fields;
use crate::legacy::md5_hex;

/// The member that carries it in a request and in a notification.
pub(super) const SIGN: &str = "sign";

/// The `sign` of `fields`: 32 hexadecimal digits in capitals. JeePay sorts whole pieces `k=v&`, and
/// without regard to case.
pub(super) fn sign(fields: &Fields, secret: &str) -> String {
    let signed = fields.0.iter().filter(|(name, value)| name != SIGN && !value.is_empty());
    let mut pieces: Vec<String> = signed.map(|(name, value)| format!("{name}={value}&")).collect();
    pieces.sort_by_key(|piece| piece.to_lowercase());
    md5_hex(format!("{}key={secret}", pieces.concat()).as_bytes()).to_uppercase()
}

/// Whether `given` is the sign of `fields`; its case does not count. A text without a secret proves
/// nothing.
pub(super) fn verifies(fields: &Fields, given: &str, secret: &str) -> bool {
    let (expect, given) = (sign(fields, secret), given.to_uppercase());
    !secret.is_empty() && verify_slices_are_equal(expect.as_bytes(), given.as_bytes()).is_ok()
}

/// Whether the signed text of `fields` can be cut into members in no other way: it is not escaped.
pub(super) fn is_cut_one_way(fields: &Fields) -> bool {
    fields.0.iter().all(|(name, value)| !name.contains(['&', '=']) && !value.contains('&'))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_sign_is_that_of_another_program() {
        let all: Value =
            serde_json::from_str(include_str!("../../vectors/upstreams.json")).unwrap();
        let mut cases = all["vectors"].as_array().unwrap().iter();
        let case = cases.find(|case| case["name"] == "jeepay_md5").unwrap();
        let (text, secret) = case["string"].as_str().unwrap().rsplit_once("&key=").unwrap();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let pairs = text.rsplit('&').map(|pair| owned(pair.split_once('=').unwrap()));
        let fields = Fields(pairs.collect());
        let given = case["sign"].as_str().unwrap();
        assert_eq!(sign(&fields, secret), given);
        assert!(verifies(&fields, given, secret) && !verifies(&fields, given, "another"));
    }
}

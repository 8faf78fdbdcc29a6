//! `accessKey`: SHA-256 over the members in the order of their names, and the secret.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::chinaums::wire::Fields;
use crate::legacy::sha256_hex;

/// The member that carries it.
pub(super) const ACCESS_KEY: &str = "accessKey";

/// The `accessKey` of `fields`: 64 hexadecimal digits in lower case.
pub(super) fn access_key(fields: &Fields, secret: &str) -> String {
    let mut pairs: Vec<String> =
        sorted(fields).iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.push(secret.to_owned());
    sha256_hex(pairs.join("&").as_bytes())
}

/// Whether `fields` carry the `accessKey` over all their other members. A text without a secret
/// proves nothing.
pub(super) fn verifies(fields: &Fields, secret: &str) -> bool {
    let expect = access_key(&fields.without(ACCESS_KEY), secret);
    let given = fields.of(ACCESS_KEY);
    !secret.is_empty() && verify_slices_are_equal(expect.as_bytes(), given.as_bytes()).is_ok()
}

/// Whether the signed text of `fields` can be cut into members in no other way: it is not escaped.
pub(super) fn is_cut_one_way(fields: &Fields) -> bool {
    fields.0.iter().all(|(name, value)| !name.contains(['&', '=']) && !value.contains('&'))
}

fn sorted(fields: &Fields) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = fields.0.iter().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_access_key_is_that_of_another_program() {
        let all: Value =
            serde_json::from_str(include_str!("../../vectors/upstreams.json")).unwrap();
        let mut cases = all["vectors"].as_array().unwrap().iter();
        let case = cases.find(|case| case["name"] == "easylink_accessKey").unwrap();
        let (text, secret) = case["string"].as_str().unwrap().rsplit_once('&').unwrap();
        let mut pairs: Vec<_> = text.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
        pairs.reverse();
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.push(name, value);
        }
        assert_eq!(access_key(&fields, secret), case["accessKey"]);
        fields.push(ACCESS_KEY, case["accessKey"].as_str().unwrap());
        assert!(verifies(&fields, secret) && !verifies(&fields, "SECRE"));
    }
}

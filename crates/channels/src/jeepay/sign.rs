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

//! `Demo-Signature`: HMAC-SHA256 of the body, in lower-case hexadecimal.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::legacy::hmac_sha256_hex;

/// The header that carries it.
pub(super) const HEADER: &str = "Demo-Signature";

/// The signature of `body`.
pub(super) fn sign(body: &[u8], secret: &str) -> String {
    hmac_sha256_hex(secret.as_bytes(), body)
}

/// Whether `signature` is that of `body`. A message without a secret proves nothing.
pub(super) fn verifies(body: &[u8], signature: &str, secret: &str) -> bool {
    let expect = sign(body, secret);
    !secret.is_empty() && verify_slices_are_equal(expect.as_bytes(), signature.as_bytes()).is_ok()
}

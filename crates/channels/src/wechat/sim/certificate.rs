//! Throw-away platform certificates for the simulator.

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use super::super::keys::CertificateFacts;
use crate::SetupError;

/// A self-signed certificate of the RSA key `private_key` (PKCS#8 PEM): its PEM and its serial
/// number. The same key has the same serial number each time.
///
/// # Errors
/// The text is no such key.
pub fn certificate(private_key: &str) -> Result<(String, String), SetupError> {
    make(private_key).ok_or_else(|| SetupError("platform key: cannot sign a certificate".into()))
}

fn make(private_key: &str) -> Option<(String, String)> {
    let key = KeyPair::from_pem(private_key).ok()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Simulated Tenpay.com Root CA");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    let pem = params.self_signed(&key).ok()?.pem();
    let serial = CertificateFacts::read(&pem)?.serial;
    Some((pem, serial))
}

//! The certificate that UnionPay sends along with what it signs (manual: 5.1.0, `signPubKeyCert`). It
//! is believed only with its whole chain: the account knows UnionPay's root and middle certificates,
//! and the name in it must be UnionPay's own.

use kernel::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_PKCS1_SHA256WITHRSA;

use crate::Account;
use crate::seal::{self, base64};
use crate::unionpay::setting;

/// The third part of the common name of UnionPay's certificate, between `@`.
const UNIONPAY: &str = "中国银联股份有限公司";
/// The same of its test system.
const UNIONPAY_TEST: &str = "00040000:SIGN";

/// When a certificate must count.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    /// At this time.
    At(Timestamp),
    /// At some time from then on: an answer is read without a clock, but it is not older than its
    /// question.
    Since(Timestamp),
}

/// The key of the certificate `pem`, as [`seal::verifies`] takes it, if `account` has reason to
/// believe that it is UnionPay's.
pub(super) fn trusted_key(account: &Account, pem: &str, moment: Moment) -> Option<String> {
    let ders = [pem, account.setting(setting::MIDDLE), account.setting(setting::ROOT)];
    let ders = ders.map(|pem| seal::der_of(pem).unwrap_or_default());
    let [leaf, middle, root] = [read(&ders[0])?, read(&ders[1])?, read(&ders[2])?];
    let is_chain = is_issued(&leaf, &middle) && is_issued(&middle, &root);
    let counts = [&leaf, &middle, &root].iter().all(|one| counts_at(one, moment));
    let is_trusted = is_chain && counts && is_unionpay(&leaf, account);
    is_trusted.then(|| key_of(&leaf))
}

/// The serial number of a PEM certificate in decimal digits (`certId`).
pub(super) fn serial(pem: &str) -> Option<String> {
    Some(read(&seal::der_of(pem)?)?.serial.to_string())
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// RSA with SHA-256 only: nothing older is worth belief.
fn is_issued(child: &X509Certificate<'_>, parent: &X509Certificate<'_>) -> bool {
    let signature = base64(&child.signature_value.data);
    child.signature_algorithm.algorithm == OID_PKCS1_SHA256WITHRSA
        && child.issuer().as_raw() == parent.subject().as_raw()
        && seal::verifies(&key_of(parent), child.tbs_certificate.as_ref(), &signature)
}

fn key_of(certificate: &X509Certificate<'_>) -> String {
    base64(certificate.public_key().raw)
}

fn counts_at(certificate: &X509Certificate<'_>, moment: Moment) -> bool {
    let validity = certificate.validity();
    let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    match moment {
        Moment::At(time) => (from..=to).contains(&time.seconds()),
        Moment::Since(time) => time.seconds() <= to,
    }
}

fn is_unionpay(leaf: &X509Certificate<'_>, account: &Account) -> bool {
    let mut names = leaf.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else { return false };
    let Some(part) = name.as_str().ok().and_then(|name| name.split('@').nth(2)) else {
        return false;
    };
    let is_test = account.setting(setting::IS_TEST_CN).trim() == "true";
    part == UNIONPAY || (is_test && part == UNIONPAY_TEST)
}

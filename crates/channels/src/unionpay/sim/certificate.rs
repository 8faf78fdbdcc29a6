//! Throw-away certificates: UnionPay's chain and a merchant's own.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use crate::SetupError;

/// Common name of the simulated UnionPay's certificate: that of its test system.
const COMMON_NAME: &str = "041@Z12@00040000:SIGN@00000001";

/// UnionPay's certificates as PEM.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The root that an account trusts.
    pub root: String,
    /// Between the two.
    pub middle: String,
    /// The one that signs, sent along with every answer.
    pub leaf: String,
}

/// The chain over three private RSA keys (PKCS#8 PEM): root, middle and the one that signs. The same
/// keys give the same serial numbers each time.
///
/// # Errors
/// A text is no such key.
pub fn chain(keys: [&str; 3]) -> Result<Chain, SetupError> {
    make_chain(keys).ok_or_else(|| SetupError("platform keys: cannot make certificates".into()))
}

/// A merchant's certificate for its private RSA key (PKCS#8 PEM), as PEM.
///
/// # Errors
/// The text is no such key.
pub fn merchant_certificate(private_key: &str) -> Result<String, SetupError> {
    Party::root("simulated merchant", private_key, YEARS)
        .map(|party| party.pem)
        .ok_or_else(|| SetupError("merchant key: cannot make a certificate".into()))
}

fn make_chain([root, middle, leaf]: [&str; 3]) -> Option<Chain> {
    let root = Party::root("simulated UnionPay root", root, YEARS)?;
    let middle = root.issue("simulated UnionPay middle", middle, YEARS)?;
    let leaf = middle.issue(COMMON_NAME, leaf, YEARS)?;
    Some(Chain { root: root.pem, middle: middle.pem, leaf: leaf.pem })
}

/// Years at whose beginnings a certificate begins and ends to count.
pub(in crate::unionpay) type Years = (i32, i32);

const YEARS: Years = (2020, 2049);

/// Who has a certificate, and can issue others.
pub(in crate::unionpay) struct Party {
    params: CertificateParams,
    key: KeyPair,
    /// The certificate.
    pub(in crate::unionpay) pem: String,
}

impl Party {
    /// One that signs itself.
    pub(in crate::unionpay) fn root(name: &str, private_key: &str, years: Years) -> Option<Self> {
        let key = KeyPair::from_pem(private_key).ok()?;
        let params = params(name, years);
        let pem = params.self_signed(&key).ok()?.pem();
        Some(Self { params, key, pem })
    }

    /// One whose certificate this one signs.
    pub(in crate::unionpay) fn issue(
        &self,
        name: &str,
        private_key: &str,
        years: Years,
    ) -> Option<Self> {
        let key = KeyPair::from_pem(private_key).ok()?;
        let params = params(name, years);
        let issuer = Issuer::from_params(&self.params, &self.key);
        let pem = params.signed_by(&key, &issuer).ok()?.pem();
        Some(Self { params, key, pem })
    }
}

fn params(name: &str, (from, to): Years) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

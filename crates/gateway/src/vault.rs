//! Envelope encryption of merchants' keys and channel credentials.
//!
//! Each secret has a data key of its own (AES-256-GCM), sealed under the key-encryption key, which
//! lives outside the database. Both seals are bound to the row that the secret belongs to, so a
//! sealed text moved to another row does not open.

use channels::legacy::hmac_sha256_hex;
use channels::seal::{base64, from_base64, open_aes_gcm, seal_aes_gcm};
use kernel::secret::Secret;
use zeroize::Zeroizing;

use crate::ids::random_bytes;

/// Bytes of a key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a nonce, which stands before what was sealed.
const NONCE_LENGTH: usize = 12;
/// Format of sealed texts.
const VERSION: &str = "v1";

/// Seals and opens secrets.
pub struct Vault {
    key_encryption_key: Zeroizing<[u8; KEY_LENGTH]>,
}

/// A sealed text that this vault cannot open: another key, another row, or damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsealable;

impl Vault {
    /// A vault under this key-encryption key.
    pub fn new(key: [u8; KEY_LENGTH]) -> Self {
        Self { key_encryption_key: Zeroizing::new(key) }
    }

    /// A vault under a key in Base64 (what a key file holds).
    ///
    /// # Errors
    /// The text is not the Base64 of 32 bytes; it is not repeated in the message.
    pub fn from_base64(text: &str) -> Result<Self, String> {
        let bytes = from_base64(text).map(Zeroizing::new);
        let key = bytes.and_then(|bytes| <[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).ok());
        key.map(Self::new).ok_or_else(|| "the key must be 32 bytes in Base64".to_owned())
    }

    /// A tag of `text` that only who has the key can make, in hexadecimal. Tags of one purpose say
    /// nothing of those of another.
    pub fn tag(&self, purpose: &str, text: &str) -> String {
        let key = hmac_sha256_hex(&*self.key_encryption_key, format!("tag/{purpose}").as_bytes());
        hmac_sha256_hex(Zeroizing::new(key).as_bytes(), text.as_bytes())
    }

    /// Seals `secret` for the row that `row` names (`application/1000258`).
    pub fn seal(&self, row: &str, secret: &Secret) -> String {
        let data_key = Zeroizing::new(random_bytes::<KEY_LENGTH>());
        let wrapped = seal(&self.key_encryption_key, row, &*data_key);
        let body = seal(&data_key, row, secret.expose().as_bytes());
        format!("{VERSION}:{wrapped}:{body}")
    }

    /// Opens what [`Vault::seal`] made for the same row.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(&self, row: &str, sealed: &str) -> Result<Secret, Unsealable> {
        let mut parts = sealed.split(':');
        let (Some(VERSION), Some(wrapped), Some(body), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Unsealable);
        };
        let data_key = open(&*self.key_encryption_key, row, wrapped).ok_or(Unsealable)?;
        let plain = open(&data_key, row, body).ok_or(Unsealable)?;
        let text = std::str::from_utf8(&plain).map_err(|_| Unsealable)?;
        Ok(Secret::new(text))
    }
}

fn seal(key: &[u8; KEY_LENGTH], row: &str, plain: &[u8]) -> String {
    let nonce = random_bytes::<NONCE_LENGTH>();
    // A key of 32 bytes and a nonce of 12 always seal.
    let sealed = seal_aes_gcm(key, &nonce, row.as_bytes(), plain).unwrap_or_default();
    base64(&[&nonce[..], &sealed].concat())
}

fn open(key: &[u8], row: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = from_base64(text)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LENGTH)?;
    open_aes_gcm(key, nonce, row.as_bytes(), sealed).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_under_its_key_and_for_its_row() {
        let vault = Vault::new([7; KEY_LENGTH]);
        let secret = Secret::new("685c6e3eca5c964b2b8240aa151cb75d");
        let sealed = vault.seal("application/1", &secret);
        assert!(!sealed.contains(secret.expose()));
        assert_eq!(vault.open("application/1", &sealed), Ok(secret));
        assert_eq!(vault.open("application/2", &sealed), Err(Unsealable));
        assert_eq!(Vault::new([8; KEY_LENGTH]).open("application/1", &sealed), Err(Unsealable));
        for broken in ["", "v1", "v2:a:b", "v1:AAAA:AAAA", &sealed[..sealed.len() - 4]] {
            assert_eq!(vault.open("application/1", broken), Err(Unsealable), "{broken}");
        }
    }
}

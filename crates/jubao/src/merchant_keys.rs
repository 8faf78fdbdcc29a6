//! The keys of an application at its merchant's side: signs requests by the scheme that was chosen, and
//! says of answers and events whether they are signed with the keys that are at hand. It never shows one.

use std::borrow::Cow;

use gateway::ids::random_hex;
use kernel::application::{Application, Settings};
use kernel::fault::Language;
use kernel::fields::Fields;
use kernel::id::{AppId, MchId};
use kernel::json;
use kernel::order::SignForm;
use kernel::rsa::{PrivateKey, PublicKey};
use kernel::scheme::{Scheme, Signing};
use kernel::secret::Secret;
use kernel::sign::{self, Signer};
use kernel::time::Timestamp;
use serde_json::Value;

/// Said of what is no JSON object, or names a member twice.
const NOT_JSON: &str = "the input is no JSON object that names each member once";
/// Said where the shared key is needed.
const NO_KEY: &str = "the key is missing: name its file with --key-from, or set JUBAO_KEY";
/// Said where the merchant's own is.
const NO_RSA_KEY: &str = "the RSA key is missing: name its file with --rsa-key-from";

/// What a merchant holds.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The key that merchant and platform share.
    pub shared: Option<Secret>,
    /// The merchant's RSA key.
    pub private: Option<PrivateKey>,
    /// The platform's RSA key.
    pub platform: Option<PublicKey>,
}

/// Whether something is signed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// With a key at hand.
    Right,
    /// Not with it.
    Wrong,
    /// By a scheme whose key is not at hand.
    NoKey,
}

/// Signs by one scheme, and verifies by each whose key is at hand.
pub struct MerchantKeys {
    scheme: Scheme,
    has_shared: bool,
    /// Our side seen from the platform's: its key is ours, and what verifies is the platform's.
    mirrored: Application,
}

impl MerchantKeys {
    /// What signs by `scheme`, and verifies by all.
    ///
    /// # Errors
    /// The scheme's key is not among those that are held.
    pub fn new(scheme: Scheme, held: Held) -> Result<Self, String> {
        match scheme {
            Scheme::Md5 | Scheme::Suffix | Scheme::HmacSha256 if held.shared.is_none() => {
                Err(NO_KEY.into())
            }
            Scheme::Rsa2 if held.private.is_none() => Err(NO_RSA_KEY.into()),
            Scheme::Md5 | Scheme::Suffix | Scheme::HmacSha256 | Scheme::Rsa2 => {
                Ok(Self::holding(scheme, held, Scheme::ALL.to_vec()))
            }
        }
    }

    /// What verifies only: by `scheme` what does not say by which it is signed.
    ///
    /// # Errors
    /// No key is held.
    pub fn verifying(scheme: Scheme, held: Held) -> Result<Self, String> {
        if held.shared.is_none() && held.platform.is_none() {
            return Err(NO_KEY.into());
        }
        Ok(Self::holding(scheme, held, vec![scheme]))
    }

    fn holding(scheme: Scheme, held: Held, schemes: Vec<Scheme>) -> Self {
        let has_shared = held.shared.is_some();
        let rsa_public_keys: Vec<_> = held.platform.into_iter().collect();
        let mirrored = Application {
            mch_id: MchId(0),
            app_id: AppId(0),
            mch_name: String::new(),
            is_enabled: true,
            // Nobody else knows this one: it verifies nothing.
            key: held.shared.unwrap_or_else(|| Secret::new(random_hex::<16>())),
            previous_keys: Vec::new(),
            platform_key: held.private,
            settings: Settings { schemes, rsa_public_keys, ..Settings::default() },
        };
        Self { scheme, has_shared, mirrored }
    }

    /// The scheme that requests are signed by.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// `members`, a JSON object, with their `sign`; with the stronger schemes `sign_type` must stand among
    /// them.
    ///
    /// # Errors
    /// They are no JSON object of strings and integers, or RSA refuses the key.
    pub fn signed(&self, members: &Value) -> Result<Value, String> {
        let text = members.to_string();
        let sign = self.sign(&fields(&text)?)?;
        let mut signed = members.clone();
        match &mut signed {
            Value::Object(map) => map.insert("sign".into(), sign.into()),
            _ => return Err(NOT_JSON.into()),
        };
        Ok(signed)
    }

    /// The `sign` of these fields.
    ///
    /// # Errors
    /// RSA refuses the key.
    pub fn sign(&self, fields: &Fields<'_>) -> Result<String, String> {
        let signer = Signer::of(&self.mirrored);
        let form = match fields.text("version") {
            Some("2") => SignForm::Version2,
            Some(_) | None => SignForm::Widened,
        };
        let made = match self.scheme {
            Scheme::Suffix => {
                let pairs = fields.signed().map(|(name, text)| (name, Cow::Borrowed(text)));
                Some(signer.sign_suffix(&pairs.collect::<Vec<_>>()))
            }
            scheme @ (Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2) => {
                signer.sign_text(&sign::canonical(fields.signed()), Signing { scheme, form })
            }
        };
        made.ok_or_else(|| format!("{} makes no signature with this key", self.scheme.word()))
    }

    /// How the members of a JSON object are signed.
    #[must_use]
    pub fn judge(&self, members: &Value) -> Verdict {
        let text = members.to_string();
        fields(&text).map_or(Verdict::Wrong, |fields| self.judge_fields(&fields))
    }

    /// How these fields are signed.
    pub fn judge_fields(&self, fields: &Fields<'_>) -> Verdict {
        let is_rsa = fields.text("sign_type") == Some(Scheme::Rsa2.sign_type());
        let public = &self.mirrored.settings.rsa_public_keys;
        let is_right = match (is_rsa, self.has_shared) {
            (true, _) if public.is_empty() => return Verdict::NoKey,
            (false, false) => return Verdict::NoKey,
            (true, _) => sign::is_rsa_signed(public, fields),
            (false, true) => self.is_signed_with_shared(fields),
        };
        if is_right { Verdict::Right } else { Verdict::Wrong }
    }

    fn is_signed_with_shared(&self, fields: &Fields<'_>) -> bool {
        // No key of ours has an end.
        let now = Timestamp::from_seconds(0);
        let text = sign::canonical(fields.signed());
        sign::verify_fields(&self.mirrored, now, fields, &text).is_some()
    }
}

fn fields(text: &str) -> Result<Fields<'_>, String> {
    let members = json::object(text).map_err(|_| NOT_JSON)?;
    Fields::from_json(members).map_err(|fault| fault.message(Language::En))
}

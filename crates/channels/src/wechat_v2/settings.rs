//! An account's settings, read once into what cannot be wrong. A fault names the setting, never its
//! value.

use kernel::secret::Secret;

use super::sign::{API_KEY_BYTES, SignType};
use crate::seal::{self, RsaSigner};
use crate::{Account, ClientCertificate, SettingInfo, SetupError, login};

/// The account's setting of each name; one list for reading and for [`SETTINGS`].
mod setting {
    pub(super) const APPID: &str = "appid";
    pub(super) const MCH_ID: &str = "mch_id";
    pub(super) const API_KEY: &str = "api_key";
    pub(super) const SIGN_TYPE: &str = "sign_type";
    pub(super) const SUB_MCH_ID: &str = "sub_mch_id";
    pub(super) const CERTIFICATE: &str = "certificate";
    pub(super) const CERTIFICATE_KEY: &str = "certificate_key";
    pub(super) const HK_PAYSIGN: &str = "hk_paysign";
    pub(super) const HK_PACKAGE: &str = "hk_package";
    pub(super) const APP_NAME: &str = "app_name";
    pub(super) const APP_URL: &str = "app_url";
    pub(super) const RATES_SIGNATURE: &str = "rates_signature";
    pub(super) const API_BASE: &str = "api_base";
}

/// Where the prepay number goes in `hk_package`.
const ID_MARK: &str = "{id}";

const PLAIN: SettingInfo =
    SettingInfo { key: "", help: "", is_secret: false, is_required: false, default: "" };

/// What an account is asked for.
pub(super) static SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        key: setting::APPID,
        help: "app bound to the merchant number, AppID (产品中心 > AppID账号管理)",
        is_required: true,
        ..PLAIN
    },
    SettingInfo {
        key: setting::MCH_ID,
        help: "merchant number, 商户号; of a service provider its own",
        is_required: true,
        ..PLAIN
    },
    SettingInfo {
        key: setting::API_KEY,
        help: "API key (v2), APIv2密钥: 32 characters (账户中心 > API安全)",
        is_secret: true,
        is_required: true,
        ..PLAIN
    },
    SettingInfo {
        key: setting::SIGN_TYPE,
        help: "MD5 or HMAC-SHA256: how both sides sign",
        default: "MD5",
        ..PLAIN
    },
    SettingInfo {
        key: setting::SUB_MCH_ID,
        help: "the sub-merchant's number, 子商户号, if the account is a service provider's",
        ..PLAIN
    },
    SettingInfo {
        key: setting::CERTIFICATE,
        help: "merchant API certificate, apiclient_cert.pem; refunds and reversals need it",
        ..PLAIN
    },
    SettingInfo {
        key: setting::CERTIFICATE_KEY,
        help: "its private key, apiclient_key.pem",
        is_secret: true,
        ..PLAIN
    },
    SettingInfo {
        key: setting::HK_PAYSIGN,
        help: "how paySign of the Hong Kong wallet is made: sha1_appkey or sha1_key_suffix; \
               unverified against production: no primary document was found, try both",
        default: "sha1_appkey",
        ..PLAIN
    },
    SettingInfo {
        key: setting::HK_PACKAGE,
        help: "package of the Hong Kong wallet, {id} for the prepay number; it may need the \
               merchant's region too: unverified against production",
        default: "prepay_id={id}",
        ..PLAIN
    },
    SettingInfo {
        key: setting::APP_NAME,
        help: "the website's name, sent with H5 orders",
        ..PLAIN
    },
    SettingInfo {
        key: setting::APP_URL,
        help: "the website's address, sent with H5 orders",
        ..PLAIN
    },
    SettingInfo {
        key: setting::RATES_SIGNATURE,
        help: "verify: the answer about an exchange rate must be signed; ignore: TLS alone vouches \
               for it (unverified against production)",
        default: "verify",
        ..PLAIN
    },
    SettingInfo {
        key: setting::API_BASE,
        help: "address of the API; Hong Kong: https://apihk.mch.weixin.qq.com",
        default: "https://api.mch.weixin.qq.com",
        ..PLAIN
    },
    login::APP_SECRET,
    login::PAGE_BASE,
    login::OPEN_BASE,
    login::MP_BASE,
    login::JS_SDK,
];

/// The settings of an account, each in its language.
pub(super) struct Settings<'a> {
    pub(super) appid: &'a str,
    pub(super) mch_id: &'a str,
    pub(super) api_key: &'a str,
    pub(super) sign_type: SignType,
    /// Empty unless the account is a service provider's.
    pub(super) sub_mch_id: &'a str,
    pub(super) hk_paysign: HkPaySign,
    /// With [`ID_MARK`] in it.
    hk_package: &'a str,
    pub(super) app_name: &'a str,
    pub(super) app_url: &'a str,
    /// Whether an answer about a rate must be signed.
    pub(super) is_rate_signed: bool,
    /// Without a slash at the end.
    pub(super) api_base: &'a str,
}

/// How `paySign` of the Hong Kong wallet is made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum HkPaySign {
    /// SHA-1 over lower-case names, the key among them as `appkey`.
    AppKey,
    /// SHA-1 over the names as they are sent, the key at the end.
    KeySuffix,
}

impl HkPaySign {
    /// Reads a word of `hk_paysign`.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "sha1_appkey" => Some(Self::AppKey),
            "sha1_key_suffix" => Some(Self::KeySuffix),
            _ => None,
        }
    }
}

impl<'a> Settings<'a> {
    /// Reads an account's settings.
    ///
    /// # Errors
    /// One of them is not what it must be.
    pub(super) fn read(account: &'a Account) -> Result<Self, SetupError> {
        let fault = |key: &str, rule: &str| SetupError(format!("{key}: must be {rule}"));
        let name = |key: &str| {
            let value = account.setting(key);
            let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_plain { Ok(value) } else { Err(fault(key, "letters and digits")) }
        };
        let required = |key: &str| match name(key)? {
            "" => Err(fault(key, "letters and digits")),
            value => Ok(value),
        };
        let api_key = account.setting(setting::API_KEY);
        if api_key.len() != API_KEY_BYTES {
            return Err(fault(setting::API_KEY, "32 characters"));
        }
        let hk_package = account.setting(setting::HK_PACKAGE);
        if hk_package.matches(ID_MARK).count() != 1 {
            return Err(fault(setting::HK_PACKAGE, "a text with {id} in it"));
        }
        let api_base = account.setting(setting::API_BASE).trim_end_matches('/');
        if !is_web(api_base) {
            return Err(fault(setting::API_BASE, "an http(s) address without query"));
        }
        Ok(Self {
            appid: required(setting::APPID)?,
            mch_id: required(setting::MCH_ID)?,
            api_key,
            sign_type: SignType::from_word(account.setting(setting::SIGN_TYPE))
                .ok_or_else(|| fault(setting::SIGN_TYPE, "MD5 or HMAC-SHA256"))?,
            sub_mch_id: name(setting::SUB_MCH_ID)?,
            hk_paysign: HkPaySign::from_word(account.setting(setting::HK_PAYSIGN))
                .ok_or_else(|| fault(setting::HK_PAYSIGN, "sha1_appkey or sha1_key_suffix"))?,
            hk_package,
            app_name: account.setting(setting::APP_NAME),
            app_url: account.setting(setting::APP_URL),
            is_rate_signed: match account.setting(setting::RATES_SIGNATURE) {
                "" | "verify" => true,
                "ignore" => false,
                _ => return Err(fault(setting::RATES_SIGNATURE, "verify or ignore")),
            },
            api_base,
        })
    }

    /// `package` of the Hong Kong wallet.
    pub(super) fn hk_package(&self, prepay_id: &str) -> String {
        self.hk_package.replace(ID_MARK, prepay_id)
    }
}

/// The certificate that refunds and reversals must show.
///
/// # Errors
/// A setting is missing or is none.
pub(super) fn certificate(account: &Account) -> Result<ClientCertificate, SetupError> {
    let fault = |key: &str, what: &str| {
        SetupError(format!("{key}: refunds and reversals need the {what} as PEM"))
    };
    let certificate = account.setting(setting::CERTIFICATE);
    if !block(certificate, "CERTIFICATE").is_some_and(seal::is_public_key) {
        return Err(fault(setting::CERTIFICATE, "merchant certificate"));
    }
    let private_key = account.setting(setting::CERTIFICATE_KEY);
    let is_key = |block: &str| RsaSigner::parse(setting::CERTIFICATE_KEY, block).is_ok();
    let labels = ["PRIVATE KEY", "RSA PRIVATE KEY"];
    if !labels.into_iter().filter_map(|label| block(private_key, label)).any(is_key) {
        return Err(fault(setting::CERTIFICATE_KEY, "merchant certificate's private key"));
    }
    Ok(ClientCertificate {
        certificate: certificate.to_owned(),
        private_key: Secret::new(private_key),
    })
}

/// The first block of that label: files of WeChat Pay have lines of text before it.
fn block<'a>(pem: &'a str, label: &str) -> Option<&'a str> {
    let end = format!("-----END {label}-----");
    let from = pem.find(&format!("-----BEGIN {label}-----"))?;
    let to = pem[from..].find(&end)?;
    Some(&pem[from..from + to + end.len()])
}

fn is_web(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_web && url.query().is_none() && url.fragment().is_none()
    })
}

//! Who is who in the demo: the document's merchant, and the keys of it and of the simulated upstreams.

use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use channels::wechat::sim::certificate;
use gateway::ids::random_hex;
use kernel::id::{AppId, MchId};
use serde::{Deserialize, Serialize};

use crate::cli::Failure;

/// The merchant of the document.
pub struct DemoMerchant {
    /// Its number.
    pub mch_id: MchId,
    /// Its application.
    pub app_id: AppId,
    /// Its key: published in the document, worth nothing.
    pub key: &'static str,
    /// Its store.
    pub store: (i64, &'static str),
}

/// The merchant of the document (1.2 and 2.1).
pub const MERCHANT: DemoMerchant = DemoMerchant {
    mch_id: MchId(10_502_105_689_001),
    app_id: AppId(1_000_258),
    key: "685c6e3eca5c964b2b8240aa151cb75d",
    store: (1_000_342, "聚宝一号店"),
};

/// The application at the simulated Alipay.
pub const ALIPAY_APP_ID: &str = "2014072300007148";
/// The seller at the simulated Alipay.
pub const ALIPAY_SELLER_ID: &str = "2088101106499364";
/// The merchant at the simulated WeChat Pay.
pub const WECHAT_MCHID: &str = "1900000109";
/// The application at the simulated WeChat Pay.
pub const WECHAT_APPID: &str = "wxd930ea5d5a258f4f";
/// The secret of the official accounts: no simulator looks at it.
pub const WECHAT_APP_SECRET: &str = "3f1c5a7be29d40868d1c2f5e6a7b8c9d";
/// Serial number of the merchant's certificate at the simulated WeChat Pay.
pub const WECHAT_MERCHANT_SERIAL: &str = "7132D72A03E93CDDF8C03BBD1F37EEDF7E2C5B40";
/// The public key's id at the simulated WeChat Pay.
pub const WECHAT_PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000001092026112200000000000001";
/// The merchant at the simulated MAPI: its PID.
pub const ALIPAY_MAPI_PARTNER: &str = "2088531021234567";
/// The merchant at the simulated WeChat Pay of Hong Kong.
pub const WECHAT_HK_MCHID: &str = "1503284471";
/// The application at the simulated WeChat Pay of Hong Kong.
pub const WECHAT_HK_APPID: &str = "wx6f4b43d0a7c15e29";
/// The merchant at the simulated EasyLink.
pub const CHINAUMS_PIN: &str = "852100000000001";
/// The payment channel of its contract there: the default of the account's setting.
pub const CHINAUMS_CHANNEL: &str = "43962300";
/// The merchant at the simulated UnionPay.
pub const UNIONPAY_MER_ID: &str = "777290058110048";
/// What the demo remembers in its data folder.
const FILE_NAME: &str = "demo.json";

/// Ports that stay the same while a data folder lives: upstream accounts name them.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ports {
    /// The simulators'; 0 takes a free one.
    pub sim: u16,
    /// The shop's; 0 takes a free one.
    pub shop: u16,
}

/// Keys and ports of one demo, kept in its data folder. What is empty is missing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DemoIdentity {
    /// Ports of the last run.
    pub ports: Ports,
    /// The merchant's key pair at Alipay, and at its MAPI.
    pub alipay_merchant: KeyPem,
    /// Alipay's own.
    pub alipay_platform: KeyPem,
    /// That of its MAPI.
    pub alipay_mapi_platform: KeyPem,
    /// The merchant's at WeChat Pay; its certificate is the client certificate of v2.
    pub wechat_merchant: KeyPem,
    /// WeChat Pay's own.
    pub wechat_platform: KeyPem,
    pub(super) wechat_certificate: String,
    pub(super) wechat_serial: String,
    /// What the simulated WeChat Pay seals notifications under: 32 bytes.
    pub wechat_apiv3_key: String,
    /// What both sides of WeChat Pay v2 sign with: 32 characters.
    pub wechat_v2_api_key: String,
    /// The same in Hong Kong.
    pub wechat_hk_api_key: String,
    /// What EasyLink's `accessKey` is made with.
    pub chinaums_secret_key: String,
    /// The merchant's key pair at UnionPay.
    pub unionpay_merchant: KeyPem,
    /// UnionPay's own.
    pub unionpay_platform: KeyPem,
}

/// A throw-away RSA key pair as PEM.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KeyPem {
    /// PKCS#8.
    pub private: String,
    /// SubjectPublicKeyInfo.
    pub public: String,
}

impl DemoIdentity {
    /// The identity in `folder`, or a new one. What an older demo did not have is made, and kept.
    ///
    /// # Errors
    /// The folder's file cannot be read or written, or keys cannot be made.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join(FILE_NAME);
        let failed =
            |why: &dyn std::fmt::Display| Failure::Machine(format!("{}: {why}", file.display()));
        let mut identity = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| failed(&error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(failed(&error)),
        };
        let was_incomplete = identity.complete()?;
        if was_incomplete && file.exists() {
            identity.save(folder, identity.ports)?;
        }
        Ok(identity)
    }

    /// Keeps the identity with the ports of this run.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: &Path, ports: Ports) -> Result<(), Failure> {
        let kept = Self { ports, ..self.clone() };
        let text = serde_json::to_string_pretty(&kept)
            .map_err(|error| Failure::Machine(error.to_string()))?;
        let written =
            fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(FILE_NAME), text));
        written.map_err(|error| Failure::Machine(format!("{}: {error}", folder.display())))
    }

    /// Makes whatever is missing; true if something was.
    fn complete(&mut self) -> Result<bool, Failure> {
        let keys = [
            &mut self.alipay_merchant,
            &mut self.alipay_platform,
            &mut self.alipay_mapi_platform,
            &mut self.wechat_merchant,
            &mut self.wechat_platform,
            &mut self.unionpay_merchant,
            &mut self.unionpay_platform,
        ];
        let mut is_changed = false;
        for key in keys.into_iter().filter(|key| key.private.is_empty()) {
            *key = make_key()?;
            is_changed = true;
        }
        let texts = [
            &mut self.wechat_apiv3_key,
            &mut self.wechat_v2_api_key,
            &mut self.wechat_hk_api_key,
            &mut self.chinaums_secret_key,
        ];
        for text in texts.into_iter().filter(|text| text.is_empty()) {
            *text = random_hex::<16>();
            is_changed = true;
        }
        if self.wechat_certificate.is_empty() {
            (self.wechat_certificate, self.wechat_serial) =
                certificate(&self.wechat_platform.private)
                    .map_err(|error| Failure::Machine(error.0))?;
            is_changed = true;
        }
        Ok(is_changed)
    }
}

fn make_key() -> Result<KeyPem, Failure> {
    let failed = |_| Failure::Machine("a demo key could not be made".into());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    Ok(KeyPem {
        private: pem("PRIVATE KEY", private.as_ref()),
        public: pem("PUBLIC KEY", public.as_ref()),
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = channels::seal::base64(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::demo::FreshFolder;

    #[test]
    fn a_demo_of_before_keeps_its_keys_and_gets_those_that_it_lacks_once() {
        let folder = FreshFolder::make().unwrap();
        let ports = Ports { sim: 1, shop: 2 };
        DemoIdentity::load(folder.path()).unwrap().save(folder.path(), ports).unwrap();
        let file = folder.path().join(FILE_NAME);
        let mut old: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let newer = ["alipay_mapi_platform", "wechat_v2_api_key", "wechat_hk_api_key"]
            .into_iter()
            .chain(["chinaums_secret_key", "unionpay_merchant", "unionpay_platform"]);
        for name in newer {
            assert!(old.as_object_mut().unwrap().remove(name).is_some(), "{name}");
        }
        fs::write(&file, old.to_string()).unwrap();
        let json = |identity: DemoIdentity| serde_json::to_value(identity).unwrap();
        let first = json(DemoIdentity::load(folder.path()).unwrap());
        assert_eq!(first, json(DemoIdentity::load(folder.path()).unwrap()));
        for (name, value) in old.as_object().unwrap() {
            assert_eq!(first[name], *value, "{name}");
        }
        assert!(DemoIdentity::load(folder.path()).unwrap().sims("http://sim.test").is_ok());
    }
}

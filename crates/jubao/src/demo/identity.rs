//! Who is who in the demo: the document's merchant, the keys of it and of the simulated upstreams,
//! and the accounts that connect them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use channels::alipay::sim::{AlipaySim, AlipaySimConfig};
use channels::wechat::sim::{WechatSim, WechatSimConfig, certificate};
use gateway::Gateway;
use gateway::ids::random_hex;
use gateway::manage::{AccountWish, MerchantWish};
use kernel::application::Settings;
use kernel::id::{AppId, MchId};
use kernel::money::Currency;
use kernel::secret::Secret;
use serde::{Deserialize, Serialize};
use store::stores::Shop;

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

/// The demo merchant's fee: 0.6 %.
const FEE_PPM: i64 = 6_000;
/// The application at the simulated Alipay.
pub const ALIPAY_APP_ID: &str = "2014072300007148";
/// The seller at the simulated Alipay.
pub const ALIPAY_SELLER_ID: &str = "2088101106499364";
/// The merchant at the simulated WeChat Pay.
pub const WECHAT_MCHID: &str = "1900000109";
/// The application at the simulated WeChat Pay.
pub const WECHAT_APPID: &str = "wxd930ea5d5a258f4f";
/// Serial number of the merchant's certificate at the simulated WeChat Pay.
pub const WECHAT_MERCHANT_SERIAL: &str = "7132D72A03E93CDDF8C03BBD1F37EEDF7E2C5B40";
/// The public key's id at the simulated WeChat Pay.
pub const WECHAT_PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000001092026112200000000000001";
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

/// Keys and ports of one demo, kept in its data folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct DemoIdentity {
    /// Ports of the last run.
    pub ports: Ports,
    /// The merchant's key pair at Alipay.
    pub alipay_merchant: KeyPem,
    /// Alipay's own.
    pub alipay_platform: KeyPem,
    /// The merchant's at WeChat Pay.
    pub wechat_merchant: KeyPem,
    /// WeChat Pay's own.
    pub wechat_platform: KeyPem,
    wechat_certificate: String,
    wechat_serial: String,
    /// What the simulated WeChat Pay seals notifications under: 32 bytes.
    pub wechat_apiv3_key: String,
}

/// A throw-away RSA key pair as PEM.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyPem {
    /// PKCS#8.
    pub private: String,
    /// SubjectPublicKeyInfo.
    pub public: String,
}

impl DemoIdentity {
    /// The identity in `folder`, or a new one.
    ///
    /// # Errors
    /// The folder's file cannot be read, or keys cannot be made.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join(FILE_NAME);
        match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| Failure::Machine(format!("{}: {error}", file.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(),
            Err(error) => Err(Failure::Machine(format!("{}: {error}", file.display()))),
        }
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

    /// Adds the merchant and its accounts to a store that does not have them yet.
    ///
    /// # Errors
    /// The store fails.
    pub async fn install(&self, gateway: &Gateway, sim: &str) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Machine(error.to_string());
        let known = store::merchants::list(gateway.store()).await;
        let known = known.map_err(|error| failed(&error))?;
        if known.iter().any(|merchant| merchant.mch_id == MERCHANT.mch_id) {
            return Ok(());
        }
        let wish = MerchantWish {
            name: "聚宝 Pay".into(),
            mch_id: Some(MERCHANT.mch_id.0),
            app_id: Some(MERCHANT.app_id.0),
            key: Some(Secret::new(MERCHANT.key)),
            fee_rate_ppm: FEE_PPM,
            shops: vec![Shop { store_id: MERCHANT.store.0, name: MERCHANT.store.1.to_owned() }],
            settings: Settings::default(),
        };
        gateway.add_merchant("demo", wish).await.map_err(|error| failed(&error))?;
        for wish in [self.alipay_account(sim), self.wechat_account(sim)] {
            gateway.add_account("demo", &wish).await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The simulated Alipay.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn alipay_sim(&self, base_url: &str) -> Result<AlipaySim, Failure> {
        AlipaySim::new(AlipaySimConfig {
            base_url: base_url.to_owned(),
            app_id: ALIPAY_APP_ID.into(),
            seller_id: ALIPAY_SELLER_ID.into(),
            app_public_key: self.alipay_merchant.public.clone(),
            platform_private_key: self.alipay_platform.private.clone(),
        })
        .map_err(|error| Failure::Machine(error.0))
    }

    /// The simulated WeChat Pay.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn wechat_sim(&self, base_url: &str) -> Result<WechatSim, Failure> {
        WechatSim::new(WechatSimConfig {
            base_url: base_url.to_owned(),
            mchid: WECHAT_MCHID.into(),
            appid: WECHAT_APPID.into(),
            apiv3_key: Secret::new(&*self.wechat_apiv3_key),
            merchant_serial: WECHAT_MERCHANT_SERIAL.into(),
            merchant_public_key: self.wechat_merchant.public.clone(),
            platform_private_key: Secret::new(&*self.wechat_platform.private),
            platform_certificate: self.wechat_certificate.clone(),
            platform_serial: self.wechat_serial.clone(),
            public_key_id: Some(WECHAT_PUBLIC_KEY_ID.into()),
        })
        .map_err(|error| Failure::Machine(error.0))
    }

    fn make() -> Result<Self, Failure> {
        let wechat_platform = make_key()?;
        let (certificate, serial) =
            certificate(&wechat_platform.private).map_err(|error| Failure::Machine(error.0))?;
        Ok(Self {
            ports: Ports::default(),
            alipay_merchant: make_key()?,
            alipay_platform: make_key()?,
            wechat_merchant: make_key()?,
            wechat_platform,
            wechat_certificate: certificate,
            wechat_serial: serial,
            wechat_apiv3_key: random_hex::<16>(),
        })
    }

    fn alipay_account(&self, sim: &str) -> AccountWish {
        account(
            "alipay",
            [
                ("app_id", ALIPAY_APP_ID),
                ("seller_id", ALIPAY_SELLER_ID),
                ("private_key", &self.alipay_merchant.private),
                ("alipay_public_key", &self.alipay_platform.public),
                ("gateway", &format!("{sim}/gateway.do")),
            ],
        )
    }

    fn wechat_account(&self, sim: &str) -> AccountWish {
        account(
            "wechat",
            [
                ("mchid", WECHAT_MCHID),
                ("appid", WECHAT_APPID),
                ("private_key", &self.wechat_merchant.private),
                ("serial_no", WECHAT_MERCHANT_SERIAL),
                ("apiv3_key", &self.wechat_apiv3_key),
                ("api_base", sim),
            ],
        )
    }
}

fn account<const N: usize>(channel: &str, settings: [(&str, &str); N]) -> AccountWish {
    let owned = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    AccountWish {
        channel: channel.to_owned(),
        name: format!("demo {channel}"),
        mch_id: MERCHANT.mch_id.0,
        currency: Currency::Cny,
        products: Vec::new(),
        settings: owned.collect::<BTreeMap<_, _>>(),
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

//! Where the contract is tested: one account at each simulated upstream, for every channel of the table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use channels::alipay_mapi::sim::{AlipayMapiSim, AlipayMapiSimConfig};
use channels::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig};
use channels::jeepay::sim::{JeepaySim, JeepaySimConfig};
use channels::sim::Simulator;
use channels::wechat_v2::sim::{WechatV2Sim, WechatV2SimConfig};
use channels::{Account, Channel, PrivateKey};
use gateway::manage::AccountWish;
use jubao::demo::FreshFolder;
use jubao::demo::identity::{CHINAUMS_CHANNEL, DemoIdentity, MERCHANT};
use kernel::id::Id;
use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;

use crate::leaks;

/// Where the simulated upstreams are.
pub const UPSTREAM_URL: &str = "https://upstream.example";
/// The application at the simulated JeePay: merchant, application, secret.
const JEEPAY: [&str; 3] =
    ["M1623984572", "60cc09bce4b0f1c0b83761c9", "EWEFD123RGSRETYDFNGFGFGSHDFGH"];

/// Keys of one demo, made once.
pub fn identity() -> &'static DemoIdentity {
    static IDENTITY: OnceLock<DemoIdentity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = DemoIdentity::load(FreshFolder::make().unwrap().path()).unwrap();
        leaks::remember_identity(&made);
        made
    })
}

/// A merchant's account at an upstream.
pub struct Counter {
    /// The simulator's name.
    pub name: &'static str,
    /// The channel's name.
    pub channel: &'static str,
    /// The account, for every product that is tried here.
    pub account: AccountWish,
}

impl Counter {
    /// What it speaks.
    pub fn speaks(&self) -> &'static dyn Channel {
        channels::by_name(self.channel).unwrap()
    }

    /// The account as a channel knows it, which has heard of no keys yet.
    pub fn bare_account(&self) -> Account {
        let settings = self.speaks().info().settings.iter().map(|setting| {
            let given = self.account.settings.get(setting.key);
            (setting.key.to_owned(), Secret::new(given.map_or(setting.default, |text| text)))
        });
        Account {
            id: Id(1),
            version: 1,
            mch_id: MERCHANT.mch_id,
            channel: self.channel.to_owned(),
            currency: self.account.currency,
            settings: settings.collect(),
            upstream_keys: Vec::new(),
            private_key: PrivateKey::default(),
        }
    }

    /// Its upstream, without orders.
    pub fn upstream(&self) -> Box<dyn Simulator> {
        let setting = |key: &str| self.account.settings[key].clone();
        let currency = self.account.currency;
        match (self.name, currency) {
            ("jeepay", _) => Box::new(JeepaySim::new(JeepaySimConfig {
                base_url: UPSTREAM_URL.into(),
                mch_no: setting("mch_no"),
                app_id: setting("app_id"),
                app_secret: Secret::new(setting("app_secret")),
                currency,
            })),
            ("alipay_mapi", Currency::Aud) => {
                let config = AlipayMapiSimConfig {
                    partner: setting("partner"),
                    currency,
                    md5_key: Secret::new(""),
                    partner_public_key: identity().alipay_merchant.public.clone(),
                    platform_private_key: Secret::new(&*identity().alipay_mapi_platform.private),
                };
                Box::new(AlipayMapiSim::new(config).unwrap())
            }
            ("wechat_v2", Currency::Aud | Currency::Hkd) => {
                let config = WechatV2SimConfig {
                    base_url: UPSTREAM_URL.into(),
                    appid: setting("appid"),
                    mch_id: setting("mch_id"),
                    api_key: Secret::new(setting("api_key")),
                    currency,
                    hk_paysign: "sha1_appkey".into(),
                };
                Box::new(WechatV2Sim::new(config).unwrap())
            }
            ("chinaums", _) => Box::new(ChinaumsSim::new(ChinaumsSimConfig {
                pin: setting("pin"),
                sec_pin: String::new(),
                secret_key: Secret::new(setting("secret_key")),
                channel: CHINAUMS_CHANNEL.into(),
                currency,
                echoes_reserved: true,
                signs_answers: false,
            })),
            (name, _) => {
                let all = identity().sims(UPSTREAM_URL).unwrap();
                all.into_iter().find(|sim| sim.name() == name).unwrap()
            }
        }
    }

    /// The same in another currency.
    pub fn in_currency(&self, currency: Currency) -> Self {
        let mut account = AccountWish { currency, ..self.account.clone() };
        if self.channel == "chinaums" {
            account.settings.insert("currencies".into(), currency.code().into());
        }
        Self { account, ..*self }
    }
}

/// Every counter: those of the demo, and JeePay's.
pub fn counters() -> &'static [Counter] {
    static COUNTERS: OnceLock<Vec<Counter>> = OnceLock::new();
    COUNTERS.get_or_init(|| {
        let of_demo = identity().accounts(UPSTREAM_URL).unwrap().into_iter().map(of_demo);
        of_demo.chain([jeepay()]).collect()
    })
}

/// An account of the demo, for everything that its channel offers at that upstream.
fn of_demo(account: AccountWish) -> Counter {
    let channel = channels::by_name(&account.channel).unwrap().info();
    let is_of_hong_kong = account.currency == Currency::Hkd && channel.name == "wechat_v2";
    let (name, products) = match (channel.name, is_of_hong_kong) {
        (_, true) => ("wechat_v2_hk", vec![Product::WechatHkJsapi, Product::WechatQr]),
        ("wechat_v2", false) => {
            let not_hong_kong = |product: &&Product| **product != Product::WechatHkJsapi;
            ("wechat_v2", channel.products.iter().filter(not_hong_kong).copied().collect())
        }
        (name, false) => (name, channel.products.to_vec()),
    };
    Counter { name, channel: channel.name, account: AccountWish { products, ..account } }
}

fn jeepay() -> Counter {
    let [mch_no, app_id, secret] = JEEPAY;
    let settings = [
        ("base_url", UPSTREAM_URL),
        ("mch_no", mch_no),
        ("app_id", app_id),
        ("app_secret", secret),
    ];
    let owned = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Counter {
        name: "jeepay",
        channel: "jeepay",
        account: AccountWish {
            channel: "jeepay".into(),
            name: "contract jeepay".into(),
            mch_id: MERCHANT.mch_id.0,
            currency: Currency::Cny,
            products: channels::by_name("jeepay").unwrap().info().products.to_vec(),
            settings: BTreeMap::from(owned),
        },
    }
}

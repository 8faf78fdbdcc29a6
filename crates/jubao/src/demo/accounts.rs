//! The demo merchant at the upstreams: one account for each channel, and for each currency of one.
//!
//! The first account that lists a product serves it, so each product stands where the merchants'
//! document shows it: 103 with MAPI, 203 and 204 with WeChat Pay v2, 301 with EasyLink. The
//! official account's secret is known where 203 and 205 are, so that our page pays by them too.

use std::collections::BTreeMap;

use channels::unionpay::sim::merchant_certificate;
use channels::wechat::sim::certificate;
use gateway::Gateway;
use gateway::manage::{AccountWish, MerchantWish};
use kernel::application::Settings;
use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;
use store::stores::Shop;

use crate::cli::Failure;
use crate::demo::identity::{self, DemoIdentity, MERCHANT};
use crate::demo::sims::WechatV2Merchant;

/// The demo merchant's fee: 0.6 %.
const FEE_PPM: i64 = 6_000;
/// The site that MAPI knows of the demo merchant.
const REFER_URL: &str = "https://shop.example/";

/// Settings of an account, by key.
type Filled = Vec<(&'static str, String)>;

impl DemoIdentity {
    /// Adds the merchant and its accounts to a store that does not have them yet.
    ///
    /// # Errors
    /// The store fails, or a key makes no certificate.
    pub async fn install(&self, gateway: &Gateway, sim: &str) -> Result<(), Failure> {
        install(gateway, self.accounts(sim)?).await
    }

    /// The accounts, in the order in which they are asked whether they serve a product.
    ///
    /// # Errors
    /// A key makes no certificate.
    pub fn accounts(&self, sim: &str) -> Result<Vec<AccountWish>, Failure> {
        use Currency::{Cny, Hkd};
        let alipay = [Product::AlipayWap, Product::AlipayQr, Product::Micropay];
        let wechat = [Product::WechatH5, Product::WechatQr, Product::Micropay];
        let [mainland, hong_kong] = self.wechat_v2(sim);
        let wechat_v2 = [Product::WechatJsapi, Product::WechatApp];
        let hk_jsapi = [Product::WechatHkJsapi];
        let unionpay = [Product::UnionpayQr, Product::Micropay];
        Ok(vec![
            account("alipay", (Cny, &alipay), self.at_alipay(sim)),
            account("alipay_mapi", (Hkd, &[Product::AlipayApp]), self.at_alipay_mapi(sim)),
            account("wechat", (Cny, &wechat), self.at_wechat(sim)),
            account("wechat_v2", (Cny, &wechat_v2), self.at_wechat_v2((sim, &mainland))?),
            AccountWish {
                name: "demo wechat_v2 HKD".to_owned(),
                ..account("wechat_v2", (Hkd, &hk_jsapi), self.at_wechat_v2((sim, &hong_kong))?)
            },
            account("chinaums", (Hkd, &[Product::UnionpayLink]), self.at_chinaums(sim)),
            account("unionpay", (Cny, &unionpay), self.at_unionpay(sim)?),
        ])
    }

    fn at_alipay(&self, sim: &str) -> Filled {
        vec![
            ("app_id", identity::ALIPAY_APP_ID.into()),
            ("seller_id", identity::ALIPAY_SELLER_ID.into()),
            ("private_key", self.alipay_merchant.private.clone()),
            ("alipay_public_key", self.alipay_platform.public.clone()),
            ("gateway", format!("{sim}/gateway.do")),
        ]
    }

    fn at_alipay_mapi(&self, sim: &str) -> Filled {
        vec![
            ("partner", identity::ALIPAY_MAPI_PARTNER.into()),
            ("refer_url", REFER_URL.into()),
            ("sign_type", "RSA".into()),
            ("private_key", self.alipay_merchant.private.clone()),
            ("alipay_public_key", self.alipay_mapi_platform.public.clone()),
            ("gateway", format!("{sim}/mapi/gateway.do")),
        ]
    }

    fn at_wechat(&self, sim: &str) -> Filled {
        vec![
            ("mchid", identity::WECHAT_MCHID.into()),
            ("appid", identity::WECHAT_APPID.into()),
            ("private_key", self.wechat_merchant.private.clone()),
            ("serial_no", identity::WECHAT_MERCHANT_SERIAL.into()),
            ("apiv3_key", self.wechat_apiv3_key.clone()),
            ("api_base", sim.to_owned()),
        ]
    }

    fn at_wechat_v2(
        &self,
        (sim, merchant): (&str, &WechatV2Merchant<'_>),
    ) -> Result<Filled, Failure> {
        let (certificate, _) = certificate(&self.wechat_merchant.private)
            .map_err(|error| Failure::Machine(error.0))?;
        Ok(vec![
            ("app_secret", identity::WECHAT_APP_SECRET.into()),
            ("open_base", sim.to_owned()),
            ("mp_base", sim.to_owned()),
            ("js_sdk", format!("{sim}/wechat-js/jweixin-1.2.0.js")),
            ("appid", merchant.appid.into()),
            ("mch_id", merchant.mch_id.into()),
            // A service provider's account: orders may name any app of the merchant (sub_appid).
            ("sub_mch_id", merchant.sub_mch_id.into()),
            ("api_key", merchant.api_key.into()),
            ("sign_type", "MD5".into()),
            ("certificate", certificate),
            ("certificate_key", self.wechat_merchant.private.clone()),
            ("api_base", merchant.base_url.clone()),
        ])
    }

    fn at_chinaums(&self, sim: &str) -> Filled {
        vec![
            ("pin", identity::CHINAUMS_PIN.into()),
            ("secret_key", self.chinaums_secret_key.clone()),
            ("base_url", format!("{sim}/easyLinkApi")),
        ]
    }

    fn at_unionpay(&self, sim: &str) -> Result<Filled, Failure> {
        let chain = self.unionpay_chain()?;
        let certificate = merchant_certificate(&self.unionpay_merchant.private)
            .map_err(|error| Failure::Machine(error.0))?;
        Ok(vec![
            ("mer_id", identity::UNIONPAY_MER_ID.into()),
            ("sign_method", "01".into()),
            ("private_key", self.unionpay_merchant.private.clone()),
            ("certificate", certificate),
            ("root_certificate", chain.root),
            ("middle_certificate", chain.middle),
            ("is_test_cn", "true".into()),
            ("term_id", "00000001".into()),
            ("api_base", sim.to_owned()),
        ])
    }
}

/// Adds the demo's merchant and those of its accounts that are not there.
///
/// # Errors
/// The store refuses.
pub async fn install(gateway: &Gateway, accounts: Vec<AccountWish>) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Machine(error.to_string());
    let merchants = store::merchants::list(gateway.store()).await;
    let merchants = merchants.map_err(|error| failed(&error))?;
    if !merchants.iter().any(|merchant| merchant.mch_id == MERCHANT.mch_id) {
        gateway.add_merchant("demo", merchant()).await.map_err(|error| failed(&error))?;
    }
    let known = store::accounts::list(gateway.store()).await.map_err(|error| failed(&error))?;
    let is_known = |wish: &AccountWish| {
        known.iter().any(|row| row.mch_id == MERCHANT.mch_id && row.name == wish.name)
    };
    for wish in accounts.into_iter().filter(|wish| !is_known(wish)) {
        gateway.add_account("demo", &wish).await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn merchant() -> MerchantWish {
    MerchantWish {
        name: "聚宝 Pay".into(),
        mch_id: Some(MERCHANT.mch_id.0),
        app_id: Some(MERCHANT.app_id.0),
        key: Some(Secret::new(MERCHANT.key)),
        fee_rate_ppm: FEE_PPM,
        shops: vec![Shop { store_id: MERCHANT.store.0, name: MERCHANT.store.1.to_owned() }],
        settings: Settings { sandbox: true, ..Settings::default() },
    }
}

fn account(
    channel: &str,
    (currency, products): (Currency, &[Product]),
    settings: Filled,
) -> AccountWish {
    let owned = settings.into_iter().map(|(key, value)| (key.to_owned(), value));
    AccountWish {
        channel: channel.to_owned(),
        name: format!("demo {channel}"),
        mch_id: MERCHANT.mch_id.0,
        currency,
        products: products.to_vec(),
        settings: owned.collect::<BTreeMap<_, _>>(),
    }
}

//! The simulated upstreams of the demo: one for each of the merchant's accounts.

use channels::SetupError;
use channels::alipay::sim::{AlipaySim, AlipaySimConfig};
use channels::alipay_mapi::sim::{AlipayMapiSim, AlipayMapiSimConfig};
use channels::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig};
use channels::sim::Simulator;
use channels::unionpay::sim::{Chain, UnionpaySim, UnionpaySimConfig, chain, merchant_certificate};
use channels::wechat::sim::{WechatSim, WechatSimConfig};
use channels::wechat_v2::sim::{WechatV2Sim, WechatV2SimConfig};
use kernel::money::Currency;
use kernel::secret::Secret;

use crate::cli::Failure;
use crate::demo::identity::{self, DemoIdentity};
use crate::demo::prefixed::Prefixed;

/// Below it is the WeChat Pay v2 of Hong Kong, whose real one has a host of its own.
const HK_PREFIX: &str = "/hk";

/// The default of the account's setting of that name.
const HK_PAYSIGN: &str = "sha1_appkey";

/// The demo merchant at one of the two simulated WeChat Pay v2.
pub(super) struct WechatV2Merchant<'a> {
    /// Where the simulator is.
    pub(super) base_url: String,
    /// What its orders are in.
    pub(super) currency: Currency,
    /// The application.
    pub(super) appid: &'a str,
    /// The service provider that signs for the merchant.
    pub(super) mch_id: &'a str,
    /// The merchant's own number, below the service provider.
    pub(super) sub_mch_id: &'a str,
    /// What both sides sign with.
    pub(super) api_key: &'a str,
}

impl DemoIdentity {
    /// Every simulator, reached at `base_url`.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn sims(&self, base_url: &str) -> Result<Vec<Box<dyn Simulator>>, Failure> {
        let [mainland, hong_kong] = self.wechat_v2(base_url).map(wechat_v2_sim);
        Ok(vec![
            Box::new(self.alipay_sim(base_url)?),
            Box::new(self.alipay_mapi_sim()?),
            Box::new(self.wechat_sim(base_url)?),
            Box::new(mainland?),
            Box::new(Prefixed::new("wechat_v2_hk", HK_PREFIX, Box::new(hong_kong?))),
            Box::new(self.chinaums_sim()),
            Box::new(self.unionpay_sim(base_url)?),
        ])
    }

    /// The simulated Alipay.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn alipay_sim(&self, base_url: &str) -> Result<AlipaySim, Failure> {
        AlipaySim::new(AlipaySimConfig {
            base_url: base_url.to_owned(),
            app_id: identity::ALIPAY_APP_ID.into(),
            seller_id: identity::ALIPAY_SELLER_ID.into(),
            app_public_key: self.alipay_merchant.public.clone(),
            platform_private_key: self.alipay_platform.private.clone(),
        })
        .map_err(failed)
    }

    /// The simulated MAPI.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn alipay_mapi_sim(&self) -> Result<AlipayMapiSim, Failure> {
        AlipayMapiSim::new(AlipayMapiSimConfig {
            partner: identity::ALIPAY_MAPI_PARTNER.into(),
            currency: Currency::Hkd,
            md5_key: Secret::new(""),
            partner_public_key: self.alipay_merchant.public.clone(),
            platform_private_key: Secret::new(&*self.alipay_mapi_platform.private),
        })
        .map_err(failed)
    }

    /// The simulated WeChat Pay.
    ///
    /// # Errors
    /// A key does not parse.
    pub fn wechat_sim(&self, base_url: &str) -> Result<WechatSim, Failure> {
        WechatSim::new(WechatSimConfig {
            base_url: base_url.to_owned(),
            mchid: identity::WECHAT_MCHID.into(),
            appid: identity::WECHAT_APPID.into(),
            apiv3_key: Secret::new(&*self.wechat_apiv3_key),
            merchant_serial: identity::WECHAT_MERCHANT_SERIAL.into(),
            merchant_public_key: self.wechat_merchant.public.clone(),
            platform_private_key: Secret::new(&*self.wechat_platform.private),
            platform_certificate: self.wechat_certificate.clone(),
            platform_serial: self.wechat_serial.clone(),
            public_key_id: Some(identity::WECHAT_PUBLIC_KEY_ID.into()),
        })
        .map_err(failed)
    }

    /// The merchant at WeChat Pay v2: on the mainland and in Hong Kong.
    pub(super) fn wechat_v2(&self, base_url: &str) -> [WechatV2Merchant<'_>; 2] {
        let mainland = WechatV2Merchant {
            base_url: base_url.to_owned(),
            currency: Currency::Cny,
            appid: identity::WECHAT_APPID,
            mch_id: identity::WECHAT_MCHID,
            sub_mch_id: "1900013511",
            api_key: &self.wechat_v2_api_key,
        };
        let hong_kong = WechatV2Merchant {
            base_url: format!("{base_url}{HK_PREFIX}"),
            currency: Currency::Hkd,
            appid: identity::WECHAT_HK_APPID,
            mch_id: identity::WECHAT_HK_MCHID,
            sub_mch_id: "1900013512",
            api_key: &self.wechat_hk_api_key,
        };
        [mainland, hong_kong]
    }

    fn chinaums_sim(&self) -> ChinaumsSim {
        ChinaumsSim::new(ChinaumsSimConfig {
            pin: identity::CHINAUMS_PIN.into(),
            sec_pin: String::new(),
            secret_key: Secret::new(&*self.chinaums_secret_key),
            channel: identity::CHINAUMS_CHANNEL.into(),
            currency: Currency::Hkd,
            echoes_reserved: true,
            signs_answers: false,
        })
    }

    fn unionpay_sim(&self, base_url: &str) -> Result<UnionpaySim, Failure> {
        let merchant = &self.unionpay_merchant.private;
        UnionpaySim::new(UnionpaySimConfig {
            base_url: base_url.to_owned(),
            mer_id: identity::UNIONPAY_MER_ID.into(),
            merchant_certificate: merchant_certificate(merchant).map_err(failed)?,
            secure_key: Secret::new(""),
            platform_private_key: Secret::new(&*self.unionpay_platform.private),
            platform_certificate: self.unionpay_chain()?.leaf,
        })
        .map_err(failed)
    }

    /// UnionPay's certificates. One key is enough for three that nobody else believes.
    pub(super) fn unionpay_chain(&self) -> Result<Chain, Failure> {
        chain([self.unionpay_platform.private.as_str(); 3]).map_err(failed)
    }
}

fn wechat_v2_sim(merchant: WechatV2Merchant<'_>) -> Result<WechatV2Sim, Failure> {
    WechatV2Sim::new(WechatV2SimConfig {
        base_url: merchant.base_url,
        appid: merchant.appid.into(),
        mch_id: merchant.mch_id.into(),
        api_key: Secret::new(merchant.api_key),
        currency: merchant.currency,
        hk_paysign: HK_PAYSIGN.into(),
    })
    .map_err(failed)
}

fn failed(error: SetupError) -> Failure {
    Failure::Machine(error.0)
}

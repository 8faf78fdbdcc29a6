//! Products: what a merchant can ask for, by number (`pay_channel_id`) or by word (`payment`).
//!
//! [`PRODUCTS`] is the one table of them (document 2.1, contract section 4); the API, the payer's
//! page, help and docs are derived from it.

/// Whose wallet or network moves the money.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Provider {
    /// Alipay.
    Alipay,
    /// WeChat Pay.
    Wechat,
    /// UnionPay.
    Unionpay,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::Alipay, Self::Wechat, Self::Unionpay];

    /// The word of the merchant API and of the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            Self::Wechat => "wechat",
            Self::Unionpay => "unionpay",
        }
    }

    /// Reads [`Provider::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.word() == word)
    }
}

/// A product, by what the payer does.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Product {
    /// 101: a page of Alipay in a phone's browser.
    AlipayWap,
    /// 102: a code that the Alipay app scans.
    AlipayQr,
    /// 201: WeChat Pay from a phone's browser (H5).
    WechatH5,
    /// 202: a code that WeChat scans.
    WechatQr,
    /// 304: one code for every wallet; our page continues with the one that opened it.
    MixedQr,
}

/// One row of [`PRODUCTS`].
#[derive(Debug)]
pub struct ProductInfo {
    /// The product.
    pub product: Product,
    /// `pay_channel_id`.
    pub channel_id: i64,
    /// `payment`.
    pub payment: &'static str,
    /// Other spellings of `payment` that deployed clients send.
    pub aliases: &'static [&'static str],
    /// `trade_type` of the answer.
    pub trade_type: &'static str,
    /// Whose product it is; `None` while the payer has not chosen (mixed QR).
    pub provider: Option<Provider>,
    /// Whether an order starts as USERPAYING (contract section 4: a link, or H5), else as NOTPAY.
    pub starts_acting: bool,
    /// Largest `total_fee` in minor units; an account may set less.
    pub amount_max: i64,
    /// Name for people: 简体中文, English.
    pub names: [&'static str; 2],
}

/// What Alipay's openapi takes at most: 100,000,000.00 (upstream manual, `total_amount`).
const ALIPAY_AMOUNT_MAX: i64 = 10_000_000_000;
/// What WeChat Pay v3 takes at most: a 32-bit number of fen.
const WECHAT_AMOUNT_MAX: i64 = 2_147_483_647;

/// Every product, in the order of the contract's section 4.
pub static PRODUCTS: &[ProductInfo] = &[
    ProductInfo {
        product: Product::AlipayWap,
        channel_id: 101,
        payment: "alipay.wappay",
        aliases: &[],
        trade_type: "WAPPAY",
        provider: Some(Provider::Alipay),
        // The document's sample of it (2.1) answers NOTPAY.
        starts_acting: false,
        amount_max: ALIPAY_AMOUNT_MAX,
        names: ["支付宝手机网站", "Alipay WAP"],
    },
    ProductInfo {
        product: Product::AlipayQr,
        channel_id: 102,
        payment: "alipay.qrcode",
        aliases: &[],
        trade_type: "NATIVE",
        provider: Some(Provider::Alipay),
        starts_acting: false,
        amount_max: ALIPAY_AMOUNT_MAX,
        names: ["支付宝扫码", "Alipay QR"],
    },
    ProductInfo {
        product: Product::WechatH5,
        channel_id: 201,
        payment: "wechat.mweb",
        aliases: &["wechat.h5"],
        trade_type: "MWEB",
        provider: Some(Provider::Wechat),
        starts_acting: true,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信 H5", "WeChat H5"],
    },
    ProductInfo {
        product: Product::WechatQr,
        channel_id: 202,
        payment: "wechat.qrcode",
        aliases: &[],
        trade_type: "NATIVE",
        provider: Some(Provider::Wechat),
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信扫码", "WeChat QR"],
    },
    ProductInfo {
        product: Product::MixedQr,
        channel_id: 304,
        payment: "jubao.qrcode",
        aliases: &["聚宝.qrcode", "blueocean.qrcode"],
        trade_type: "NATIVE",
        provider: None,
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["聚宝混合码", "Mixed QR"],
    },
];

impl Product {
    /// Its row of [`PRODUCTS`].
    pub fn info(self) -> &'static ProductInfo {
        let at = match self {
            Self::AlipayWap => 0,
            Self::AlipayQr => 1,
            Self::WechatH5 => 2,
            Self::WechatQr => 3,
            Self::MixedQr => 4,
        };
        &PRODUCTS[at]
    }

    /// The product of a `pay_channel_id`.
    pub fn from_channel_id(channel_id: i64) -> Option<Self> {
        PRODUCTS.iter().find(|row| row.channel_id == channel_id).map(|row| row.product)
    }

    /// The product of a `payment` word or one of its aliases.
    pub fn from_payment(word: &str) -> Option<Self> {
        let is_named = |row: &&ProductInfo| row.payment == word || row.aliases.contains(&word);
        PRODUCTS.iter().find(is_named).map(|row| row.product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_itself_its_number_and_its_words() {
        for row in PRODUCTS {
            assert_eq!(row.product.info().channel_id, row.channel_id);
            assert_eq!(Product::from_channel_id(row.channel_id), Some(row.product));
            for word in row.aliases.iter().chain([&row.payment]) {
                assert_eq!(Product::from_payment(word), Some(row.product));
            }
        }
        assert_eq!(Product::from_channel_id(999), None);
        assert_eq!(Product::from_payment("ALIPAY.QRCODE"), None);
    }
}

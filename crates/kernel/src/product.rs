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

    /// The wallet whose app shows a payer's code of these digits (upstreams' manuals): WeChat 18 from
    /// 10–15, Alipay 16–24 from 25–30, UnionPay 19 from 62.
    pub fn of_code(code: &str) -> Option<Self> {
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match (code.get(..2)?.parse::<u8>().ok()?, code.len()) {
            (10..=15, 18) => Some(Self::Wechat),
            (25..=30, 16..=24) => Some(Self::Alipay),
            (62, 19) => Some(Self::Unionpay),
            _ => None,
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
    /// 103: the merchant's app calls Alipay's.
    AlipayApp,
    /// 201: WeChat Pay from a phone's browser (H5).
    WechatH5,
    /// 202: a code that WeChat scans.
    WechatQr,
    /// 203: an official account's page, or a mini program, inside WeChat.
    WechatJsapi,
    /// 204: the merchant's app calls WeChat.
    WechatApp,
    /// 205: an official account's page for the Hong Kong wallet.
    WechatHkJsapi,
    /// 301: a page of UnionPay.
    UnionpayLink,
    /// 302: a code that UnionPay's app and the banks' scan.
    UnionpayQr,
    /// 304: one code for every wallet; our page continues with the one that opened it.
    MixedQr,
    /// 401: the code that the payer shows to the merchant's scanner.
    Micropay,
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
    /// Parameters that it requires: one of each list (contract section 4).
    pub requires: &'static [&'static [&'static str]],
    /// Whose product it is; `None` while that is open (mixed QR, barcode).
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
/// What we take through UnionPay: its `txnAmt` has 12 digits, which no other wallet can pay.
const UNIONPAY_AMOUNT_MAX: i64 = ALIPAY_AMOUNT_MAX;

/// The payer at the merchant's account, as WeChat's own pages need it.
const OF_PAYER: &[&[&str]] = &[&["sub_appid"], &["sub_openid", "openid"]];

/// Every product, in the order of the contract's section 4.
pub static PRODUCTS: &[ProductInfo] = &[
    ProductInfo {
        product: Product::AlipayWap,
        channel_id: 101,
        payment: "alipay.wappay",
        aliases: &[],
        trade_type: "WAPPAY",
        requires: &[],
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
        requires: &[],
        provider: Some(Provider::Alipay),
        starts_acting: false,
        amount_max: ALIPAY_AMOUNT_MAX,
        names: ["支付宝扫码", "Alipay QR"],
    },
    ProductInfo {
        product: Product::AlipayApp,
        channel_id: 103,
        payment: "alipay.app",
        aliases: &[],
        trade_type: "APP",
        requires: &[],
        provider: Some(Provider::Alipay),
        starts_acting: false,
        amount_max: ALIPAY_AMOUNT_MAX,
        names: ["支付宝 APP", "Alipay APP"],
    },
    ProductInfo {
        product: Product::WechatH5,
        channel_id: 201,
        payment: "wechat.mweb",
        aliases: &["wechat.h5"],
        trade_type: "MWEB",
        requires: &[],
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
        requires: &[],
        provider: Some(Provider::Wechat),
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信扫码", "WeChat QR"],
    },
    ProductInfo {
        product: Product::WechatJsapi,
        channel_id: 203,
        payment: "wechat.jsapi",
        aliases: &[],
        trade_type: "JSAPI",
        requires: OF_PAYER,
        provider: Some(Provider::Wechat),
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信公众号、小程序", "WeChat JSAPI"],
    },
    ProductInfo {
        product: Product::WechatApp,
        channel_id: 204,
        payment: "wechat.app",
        aliases: &[],
        trade_type: "APP",
        requires: &[],
        provider: Some(Provider::Wechat),
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信 APP", "WeChat APP"],
    },
    ProductInfo {
        product: Product::WechatHkJsapi,
        channel_id: 205,
        payment: "wechat.hkjsapi",
        aliases: &[],
        trade_type: "JSAPI",
        requires: OF_PAYER,
        provider: Some(Provider::Wechat),
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["微信香港钱包公众号", "WeChat HK JSAPI"],
    },
    ProductInfo {
        product: Product::UnionpayLink,
        channel_id: 301,
        payment: "unionpay.link",
        aliases: &[],
        trade_type: "LINK",
        requires: &[],
        provider: Some(Provider::Unionpay),
        starts_acting: true,
        amount_max: UNIONPAY_AMOUNT_MAX,
        names: ["银联在线链接", "UnionPay link"],
    },
    ProductInfo {
        product: Product::UnionpayQr,
        channel_id: 302,
        payment: "unionpay.qrcode",
        aliases: &[],
        trade_type: "NATIVE",
        requires: &[],
        provider: Some(Provider::Unionpay),
        starts_acting: false,
        amount_max: UNIONPAY_AMOUNT_MAX,
        names: ["银联扫码", "UnionPay QR"],
    },
    ProductInfo {
        product: Product::MixedQr,
        channel_id: 304,
        payment: "jubao.qrcode",
        aliases: &["聚宝.qrcode", "blueocean.qrcode"],
        trade_type: "NATIVE",
        requires: &[],
        provider: None,
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["聚宝混合码", "Mixed QR"],
    },
    ProductInfo {
        product: Product::Micropay,
        channel_id: 401,
        payment: "micropay",
        aliases: &[],
        trade_type: "MICROPAY",
        requires: &[&["code"]],
        provider: None,
        starts_acting: false,
        amount_max: WECHAT_AMOUNT_MAX,
        names: ["付款码", "Barcode"],
    },
];

impl Product {
    /// Its row of [`PRODUCTS`].
    pub fn info(self) -> &'static ProductInfo {
        let at = match self {
            Self::AlipayWap => 0,
            Self::AlipayQr => 1,
            Self::AlipayApp => 2,
            Self::WechatH5 => 3,
            Self::WechatQr => 4,
            Self::WechatJsapi => 5,
            Self::WechatApp => 6,
            Self::WechatHkJsapi => 7,
            Self::UnionpayLink => 8,
            Self::UnionpayQr => 9,
            Self::MixedQr => 10,
            Self::Micropay => 11,
        };
        &PRODUCTS[at]
    }

    /// Whether a page of ours can lead the payer to it, or draw it.
    pub fn is_paid_on_a_page(self) -> bool {
        match self {
            Self::AlipayWap
            | Self::AlipayQr
            | Self::WechatH5
            | Self::WechatQr
            | Self::UnionpayLink
            | Self::UnionpayQr
            | Self::MixedQr => true,
            Self::AlipayApp
            | Self::WechatJsapi
            | Self::WechatApp
            | Self::WechatHkJsapi
            | Self::Micropay => false,
        }
    }

    /// Whether it is paid inside WeChat by a payer whose openid has to be known.
    pub fn needs_openid(self) -> bool {
        self.info().requires == OF_PAYER
    }

    /// The product of a `pay_channel_id`.
    pub fn from_channel_id(channel_id: i64) -> Option<Self> {
        PRODUCTS.iter().find(|row| row.channel_id == channel_id).map(|row| row.product)
    }

    /// The product of a `payment` word or one of its aliases; `wechat.jsapi` in the Hong Kong wallet is
    /// another one.
    pub fn from_payment(word: &str, wallet: Option<&str>) -> Option<Self> {
        let word = match (word, wallet) {
            ("wechat.jsapi", Some("HK")) => "wechat.hkjsapi",
            _ => word,
        };
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
                assert_eq!(Product::from_payment(word, None), Some(row.product));
            }
        }
        assert_eq!(Product::from_channel_id(999), None);
        assert_eq!(Product::from_payment("ALIPAY.QRCODE", None), None);
        let hong_kong = Product::from_payment("wechat.jsapi", Some("HK"));
        assert_eq!(hong_kong, Some(Product::WechatHkJsapi));
    }
}

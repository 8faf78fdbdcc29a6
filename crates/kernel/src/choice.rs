//! Which product a request names: by `pay_channel_id` or by `payment`. Beside the products that we
//! offer, the document names others; they are understood, and answered 492003.

use crate::product::Product;

/// A product of the document that we do not offer.
#[derive(Debug)]
struct Unoffered {
    channel_id: i64,
    payment: &'static str,
    /// Names of which the product requires one each.
    requires: &'static [&'static [&'static str]],
}

const JSAPI: &[&[&str]] = &[&["sub_appid"], &["sub_openid", "openid"]];

/// The rest of the contract's table in section 4.
static UNOFFERED: &[Unoffered] = &[
    Unoffered { channel_id: 103, payment: "alipay.app", requires: &[] },
    Unoffered { channel_id: 203, payment: "wechat.jsapi", requires: JSAPI },
    Unoffered { channel_id: 204, payment: "wechat.app", requires: &[] },
    Unoffered { channel_id: 205, payment: "wechat.hkjsapi", requires: JSAPI },
    Unoffered { channel_id: 301, payment: "unionpay.link", requires: &[] },
    Unoffered { channel_id: 302, payment: "unionpay.qrcode", requires: &[] },
    Unoffered { channel_id: 401, payment: "micropay", requires: &[&["code"]] },
];

/// A product that a request names, offered or not.
#[derive(Copy, Clone, Debug)]
pub struct Choice(Result<Product, &'static Unoffered>);

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.channel_id() == other.channel_id()
    }
}

impl Choice {
    /// The product of a `pay_channel_id`.
    pub fn from_channel_id(channel_id: i64) -> Option<Self> {
        let unoffered = || UNOFFERED.iter().find(|row| row.channel_id == channel_id);
        let offered = Product::from_channel_id(channel_id).map(Ok);
        offered.or_else(|| unoffered().map(Err)).map(Self)
    }

    /// The product of a `payment` word; `wechat.jsapi` in the Hong Kong wallet is another one.
    pub fn from_payment(word: &str, wallet: Option<&str>) -> Option<Self> {
        let word = match (word, wallet) {
            ("wechat.jsapi", Some("HK")) => "wechat.hkjsapi",
            _ => word,
        };
        let unoffered = || UNOFFERED.iter().find(|row| row.payment == word);
        let offered = Product::from_payment(word).map(Ok);
        offered.or_else(|| unoffered().map(Err)).map(Self)
    }

    /// The product, if we offer it.
    pub fn offered(self) -> Option<Product> {
        self.0.ok()
    }

    /// Names that the product requires: one of each list.
    pub fn requires(self) -> &'static [&'static [&'static str]] {
        match self.0 {
            Ok(_) => &[],
            Err(row) => row.requires,
        }
    }

    /// Its `pay_channel_id`.
    pub fn channel_id(self) -> i64 {
        match self.0 {
            Ok(product) => product.info().channel_id,
            Err(row) => row.channel_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_word_name_the_same_product() {
        for (number, word) in [
            (101, "alipay.wappay"),
            (102, "alipay.qrcode"),
            (103, "alipay.app"),
            (201, "wechat.mweb"),
            (201, "wechat.h5"),
            (202, "wechat.qrcode"),
            (203, "wechat.jsapi"),
            (204, "wechat.app"),
            (205, "wechat.hkjsapi"),
            (301, "unionpay.link"),
            (302, "unionpay.qrcode"),
            (304, "jubao.qrcode"),
            (304, "聚宝.qrcode"),
            (304, "blueocean.qrcode"),
            (401, "micropay"),
        ] {
            let choice = Choice::from_channel_id(number).unwrap();
            assert_eq!(Some(choice), Choice::from_payment(word, None), "{word}");
            assert_eq!(choice.channel_id(), number);
        }
        let hong_kong = Choice::from_payment("wechat.jsapi", Some("HK")).unwrap();
        assert_eq!(hong_kong.channel_id(), 205);
        assert_eq!(Choice::from_channel_id(303), None);
        assert_eq!(Choice::from_payment("Micropay", None), None);
    }

    #[test]
    fn a_product_that_is_not_offered_has_no_product() {
        assert_eq!(Choice::from_channel_id(401).unwrap().offered(), None);
        assert_eq!(Choice::from_channel_id(102).unwrap().offered(), Some(Product::AlipayQr));
    }
}

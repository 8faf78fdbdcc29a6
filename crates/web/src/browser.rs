//! Which program opened the payer's page, by what its `User-Agent` says.
//!
//! A user agent proves nothing: it chooses what is offered to the payer, never what is allowed.

use kernel::product::Provider;

/// What kind of program asks.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Browser {
    /// The page inside the Alipay app, AlipayHK's too.
    Alipay,
    /// The page inside WeChat or WeCom. A payer's Hong Kong wallet does not show.
    Wechat,
    /// The page inside the UnionPay app or a bank's app that speaks for it.
    Unionpay,
    /// An ordinary browser on a phone or a tablet: it can switch to a wallet.
    Phone,
    /// An ordinary browser elsewhere: the payer's wallet is on another device.
    Desktop,
}

impl Browser {
    /// The wallet whose app this is.
    pub fn wallet(self) -> Option<Provider> {
        match self {
            Self::Alipay => Some(Provider::Alipay),
            Self::Wechat => Some(Provider::Wechat),
            Self::Unionpay => Some(Provider::Unionpay),
            Self::Phone | Self::Desktop => None,
        }
    }

    /// The page inside a wallet's app.
    pub fn of_wallet(wallet: Provider) -> Self {
        match wallet {
            Provider::Alipay => Self::Alipay,
            Provider::Wechat => Self::Wechat,
            Provider::Unionpay => Self::Unionpay,
        }
    }
}

/// Words of user agents and what they give away; the first that occurs decides. Wallets come first,
/// since they name the phone as well.
const SIGNS: &[(&str, Browser)] = &[
    ("alipayclient", Browser::Alipay),
    ("aliapp(ap", Browser::Alipay),
    ("micromessenger", Browser::Wechat),
    ("unionpay/", Browser::Unionpay),
    ("cloudpay", Browser::Unionpay),
    ("mobile", Browser::Phone),
    ("android", Browser::Phone),
    ("iphone", Browser::Phone),
    ("ipad", Browser::Phone),
    ("harmonyos", Browser::Phone),
    ("openharmony", Browser::Phone),
];

/// The kind of program that sends this `User-Agent`; nothing recognised is a desktop, whose page
/// shows a code that any wallet can scan.
pub fn detect(user_agent: &str) -> Browser {
    let user_agent = user_agent.to_ascii_lowercase();
    let said = SIGNS.iter().find(|(sign, _)| user_agent.contains(sign));
    said.map_or(Browser::Desktop, |(_, browser)| *browser)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_agent: &str, expect: Browser) {
        assert_eq!(detect(user_agent), expect, "{user_agent}");
    }

    #[test]
    fn wallets_are_known_by_their_own_words() {
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
             like Gecko) Mobile/15E148 NebulaSDK/1.8.100112 Nebula PSDType(1) AlipayDefined(nt:WIFI) \
             AliApp(AP/10.5.80.6000) AlipayClient/10.5.80.6000 Language/zh-Hans",
            Browser::Alipay,
        );
        check(
            "Mozilla/5.0 (Linux; U; Android 13; zh-CN; 2211133C Build/TKQ1.220905.001) \
             AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBS/3.22.2.46 \
             Mobile Safari/537.36 AliApp(AP/10.3.96.8100) AlipayClient/10.3.96.8100",
            Browser::Alipay,
        );
        check(
            "Mozilla/5.0 (Linux; Android 9; LYA-AL00; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
             Version/4.0 Chrome/70.0.3538.110 Mobile Safari/537.36 NebulaSDK/1.8.100112 Nebula \
             AliApp(APHK/2.6.0.160) AlipayClientHK/2.6.0.160 Language/zh-HK",
            Browser::Alipay,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
             like Gecko) Mobile/15E148 MicroMessenger/8.0.47(0x18002f2c) NetType/WIFI Language/zh_CN",
            Browser::Wechat,
        );
        check(
            "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00) AppleWebKit/537.36 Chrome/107.0 \
             Mobile Safari/537.36 MMWEBID/5223 MicroMessenger/8.0.44.2502(0x28002C51) \
             WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
            Browser::Wechat,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 \
             wxwork/4.1.13 MicroMessenger/7.0.1 Language/zh ColorScheme/Light",
            Browser::Wechat,
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 Chrome/86.0 Safari/537.36 \
             NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090551)",
            Browser::Wechat,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) AppleWebKit/605.1.15 \
             Mobile/19F77 com.unionpay.chsp(10.0.0)(unionpay) UnionPay/1.0 CloudPay",
            Browser::Unionpay,
        );
    }

    #[test]
    fn other_apps_of_the_same_houses_are_no_wallets() {
        check(
            "Mozilla/5.0 (Linux; Android 11; M2007J3SC) AppleWebKit/537.36 Chrome/91.0 Mobile \
             Safari/537.36 AliApp(TB/10.8.40) WindVane/8.5.0 1080X2252",
            Browser::Phone,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 \
             Mobile/19A346 QQ/8.8.50.635 V1_IPH_SQ_8.8.50_1_APP_A Pixel/1170",
            Browser::Phone,
        );
    }

    #[test]
    fn ordinary_browsers_are_phones_or_desktops() {
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
             like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            Browser::Phone,
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/124.0.0.0 Mobile Safari/537.36",
            Browser::Phone,
        );
        check(
            "Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0",
            Browser::Phone,
        );
        check(
            "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 Chrome/114.0 ArkWeb/4.1.6.1",
            Browser::Phone,
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
            Browser::Desktop,
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
             Gecko) Version/17.4 Safari/605.1.15",
            Browser::Desktop,
        );
        check("curl/8.5.0", Browser::Desktop);
        check("", Browser::Desktop);
    }
}

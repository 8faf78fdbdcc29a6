//! What the wallet's SDK is given: its form, and whether the simulated wallet takes it.

use kernel::product::Product;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{APPID, KEY, MCH_ID, MODES, Mode, World, sim_with, with_setting};
use crate::Outcome;

fn names(text: &str) -> Vec<String> {
    let object: Value = serde_json::from_str(text).unwrap();
    object.as_object().unwrap().keys().cloned().collect()
}

fn invoke(world: &mut World, config: &str) -> (u16, String) {
    let config = utf8_percent_encode(config, NON_ALPHANUMERIC);
    world.browse("GET", &format!("/wechat_v2/invoke?config={config}"), "")
}

#[test]
fn the_members_and_their_order_are_those_of_the_merchants_document() {
    for mode in MODES {
        let jsapi = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
        for (product, sign_type) in
            [(Product::WechatJsapi, mode.sign_type().word()), (Product::WechatHkJsapi, "SHA1")]
        {
            let text = World::new(mode).place(&mode.order(product));
            assert_eq!(names(&text), jsapi);
            let config: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(config["appId"], APPID);
            assert_eq!(config["timeStamp"], "1795320005");
            assert_eq!(config["signType"], sign_type);
            assert!(config["package"].as_str().unwrap().starts_with("prepay_id=wx2026112212"));
            assert!(!text.contains(KEY));
        }
        let text = World::new(mode).place(&mode.order(Product::WechatApp));
        let app = [
            "appid",
            "partnerid",
            "prepayid",
            "package",
            "noncestr",
            "timestamp",
            "paySign",
            "sign",
        ];
        assert_eq!(names(&text), app);
        let request: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&request["partnerid"], &request["package"]),
            (&MCH_ID.into(), &"Sign=WXPay".into())
        );
        assert_eq!(request["paySign"], request["sign"]);
    }
}

#[test]
fn the_wallet_takes_what_it_is_given_and_nothing_else() {
    for mode in MODES {
        for product in [Product::WechatJsapi, Product::WechatHkJsapi, Product::WechatApp] {
            let mut world = World::new(mode);
            let text = world.place(&mode.order(product));
            let (status, html) = invoke(&mut world, &text);
            assert_eq!(status, 200, "{mode:?} {product:?}");
            assert!(html.contains("id=\"pay\""));
            let forged = text.replace("1795320005", "1795320006");
            for wrong in [forged.as_str(), "", "{}", "[]", &text.replace("wx2026", "wx2025")] {
                assert_eq!(invoke(&mut world, wrong).0, 400, "{wrong}");
            }
        }
        let mut world = World::new(mode);
        let page = world.place(&mode.order(Product::WechatQr));
        let text = World::new(mode).place(&mode.order(Product::WechatJsapi));
        assert_eq!(invoke(&mut world, &text).0, 400, "{page}");
    }
}

#[test]
fn the_hong_kong_wallet_is_called_by_the_rule_of_the_settings() {
    let mode = Mode::HongKong;
    let mut world = World::new(mode);
    world.account = with_setting(world.account, "hk_paysign", "sha1_key_suffix");
    world.account = with_setting(world.account, "hk_package", "prepay_id={id}&region_code=HK");
    let text = world.place(&mode.order(Product::WechatHkJsapi));
    let config: Value = serde_json::from_str(&text).unwrap();
    assert!(config["package"].as_str().unwrap().ends_with("&region_code=HK"));
    assert_eq!(invoke(&mut world, &text).0, 400);
    world.sim = sim_with(mode, "sha1_key_suffix").unwrap();
    let text = world.place(&mode.order(Product::WechatHkJsapi));
    assert_eq!(invoke(&mut world, &text).0, 200);
    assert!(sim_with(mode, "md5").is_err());
}

#[test]
fn an_h5_order_takes_the_payer_back_to_us() {
    for mode in MODES {
        let mut world = World::new(mode);
        let page = world.place(&mode.order(Product::WechatH5));
        assert!(page.contains("?prepay_id=wx"), "{page}");
        assert!(
            page.contains("&redirect_url=http%3A%2F%2Fgateway%2Etest%2Fpay%2Fabc%3F"),
            "{page}"
        );
        let (_, html) = world.browse("GET", &page, "");
        let action = html.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let back = utf8_percent_encode("http://gateway.test/pay/abc?x=1", NON_ALPHANUMERIC);
        let (_, html) = world.browse("POST", &action, &format!("choice=pay&redirect_url={back}"));
        assert!(html.contains("id=\"return\" href=\"http://gateway.test/pay/abc?x=1\""), "{html}");
        assert!(matches!(world.query(), Outcome::Paid(_)));
        let base = page.split('&').next().unwrap();
        let (_, html) =
            world.browse("GET", &format!("{base}&redirect_url=javascript%3Aalert(1)"), "");
        assert!(html.contains("支付成功") && !html.contains("javascript"));
        let mut order = mode.order(Product::WechatH5);
        order.return_url.clear();
        assert!(!World::new(mode).place(&order).contains("redirect_url"));
    }
}

//! Products that payers reach through an app, a browser or UnionPay: placed with the account that
//! the merchants' document shows them with, paid, told, and refunded.

use gateway::manage::{AccountWish, MerchantMade};
use jubao::demo::identity::{DemoIdentity, WECHAT_HK_APPID, WECHAT_HK_MCHID};
use kernel::application::Settings;
use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use crate::app::TestApp;

/// What a placed order must be.
struct Expect {
    product: i64,
    /// The simulator that has it.
    upstream: &'static str,
    adapter: &'static str,
    trade_type: &'static str,
    trade_state: &'static str,
    currency: &'static str,
}

const fn expect(product: i64, adapter: &'static str, trade_type: &'static str) -> Expect {
    Expect {
        product,
        upstream: adapter,
        adapter,
        trade_type,
        trade_state: "NOTPAY",
        currency: "HKD",
    }
}

const EXPECT: [Expect; 7] = [
    expect(103, "alipay_mapi", "APP"),
    Expect { trade_state: "USERPAYING", currency: "CNY", ..expect(201, "wechat", "MWEB") },
    Expect { currency: "CNY", ..expect(203, "wechat_v2", "JSAPI") },
    Expect { currency: "CNY", ..expect(204, "wechat_v2", "APP") },
    Expect { upstream: "wechat_v2_hk", ..expect(205, "wechat_v2", "JSAPI") },
    Expect { trade_state: "USERPAYING", ..expect(301, "chinaums", "LINK") },
    Expect { currency: "CNY", ..expect(302, "unionpay", "NATIVE") },
];

/// Places an order with the payer that WeChat's own pages need.
async fn place(app: &TestApp, product: i64) -> Value {
    let mut members = app.order(product);
    if [203, 205].contains(&product) {
        members["sub_appid"] = "wx6f4b43d0a7c15e29".into();
        members["sub_openid"] = "oxoPW5SUhI5lMvZgkQb2yTt1".into();
    }
    let answer = app.call("/payment/pay", &members).await;
    assert_eq!(answer["code"], 200, "{product} {answer}");
    answer["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_placed_where_the_document_shows_it_and_paid() {
    let app = TestApp::spawn().await;
    for (at, expect) in EXPECT.iter().enumerate() {
        let data = place(&app, expect.product).await;
        for (name, value) in [
            ("trade_type", expect.trade_type),
            ("trade_state", expect.trade_state),
            ("fee_type", expect.currency),
            ("adapter", expect.adapter),
        ] {
            assert_eq!(data[name], value, "{data}");
        }
        let sn = data["sn"].as_str().unwrap();
        let paid = app.pay(sn, &json!({})).await;
        assert_eq!((&paid["paid"], &paid["upstream"]), (&json!(true), &json!(expect.upstream)));
        app.wait_state(sn, "SUCCESS").await;
        assert_eq!(app.wait_notices(at + 1).await[at].text("sn"), sn);
        let callbacks = app.said(sn).await.iter().filter(|what| *what == "in callback").count();
        assert_eq!(callbacks, 1, "{} is told by its upstream", expect.product);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_at_these_upstreams_is_refunded_there() {
    let app = TestApp::spawn().await;
    for expect in &EXPECT {
        let sn = place(&app, expect.product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({})).await;
        app.wait_state(&sn, "SUCCESS").await;
        let members = json!({
            "mch_id": app.mch_id().to_string(), "sn": sn, "out_refund_no": format!("R{sn}"),
        });
        let asked = app.call("/payment/refund", &members).await;
        assert_eq!(asked["code"], 200, "{} {asked}", expect.product);
        app.sweep_until(&sn, "REFUND").await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_payer_is_given_is_what_its_upstream_made() {
    let app = TestApp::spawn().await;
    let sim = &app.demo.addresses.sim;
    let data = place(&app, 103).await;
    let (order, parts) = (data["app_format"].as_str().unwrap(), data["app"].as_str().unwrap());
    assert!(order.contains(r#"currency="HKD""#) && order.contains(r#"sign_type="RSA""#), "{order}");
    assert_eq!(serde_json::from_str::<Value>(parts).unwrap()["currency"], "HKD");
    for (product, member, name, value) in [
        (203, "jsapi", "signType", "MD5"),
        (204, "app", "package", "Sign=WXPay"),
        (205, "jsapi", "signType", "SHA1"),
    ] {
        let data = place(&app, product).await;
        let given: Value = serde_json::from_str(data[member].as_str().unwrap()).unwrap();
        assert_eq!(given[name], value, "{product} {given}");
    }
    let page = place(&app, 301).await["qrcode"].as_str().unwrap().to_owned();
    assert!(
        page.starts_with(&format!("{sim}/easyLinkApi/Payment/CreateChannelData?amount=12.34")),
        "{page}"
    );
    let code = place(&app, 302).await["qrcode"].as_str().unwrap().to_owned();
    assert!(code.starts_with(&format!("{sim}/unionpay/qr/")), "{code}");
    for page in [page, code] {
        let answer = app.exchange(app.client.get(page)).await;
        assert!(answer.status == 200 && answer.text.contains("id=\"pay\""), "{answer:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_code_is_charged_by_its_wallet_and_kept_in_no_message() {
    let app = TestApp::spawn().await;
    let codes = [
        ("alipay", "287654321012300700"),
        ("wechat", "131234567890100700"),
        ("unionpay", "6212345678901007000"),
    ];
    for (wallet, code) in codes {
        let mut members = app.order(401);
        members["code"] = code.into();
        let answer = app.call("/payment/pay", &members).await;
        assert_eq!((&answer["code"], &answer["data"]["provider"]), (&json!(200), &json!(wallet)));
        let order = app.stored(answer["data"]["sn"].as_str().unwrap()).await;
        let store = app.demo.gateway.store();
        let said = store::messages::of_order(store, order.mch_id, order.id).await.unwrap();
        let hidden = "*".repeat(code.len());
        let has = |text: &str| {
            said.iter().any(|one| {
                one.head.contains(text) || String::from_utf8_lossy(&one.body).contains(text)
            })
        };
        assert!(has(&hidden) && !has(code), "{wallet} {said:?}");
    }
    app.finish().await;
}

/// A merchant whose QR orders go to the simulated WeChat Pay v2 of Hong Kong.
async fn merchant_in_hong_kong(app: &TestApp) -> MerchantMade {
    let made = app.merchant_without_accounts(Settings::default()).await;
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let settings = [
        ("appid", WECHAT_HK_APPID.to_owned()),
        ("mch_id", WECHAT_HK_MCHID.to_owned()),
        ("api_key", identity.wechat_hk_api_key),
        ("api_base", format!("{}/hk", app.demo.addresses.sim)),
    ];
    let wish = AccountWish {
        channel: "wechat_v2".into(),
        name: "Hong Kong".into(),
        mch_id: made.mch_id.0,
        currency: Currency::Hkd,
        products: vec![Product::WechatQr],
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    };
    app.demo.gateway.add_account("test", &wish).await.unwrap();
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wechat_pay_of_hong_kong_is_beside_the_other_and_has_a_wallet_of_its_own() {
    let app = TestApp::spawn().await;
    let merchant = merchant_in_hong_kong(&app).await;
    let mut members = app.order(202);
    members["mch_id"] = merchant.mch_id.to_string().into();
    let placed = app.call_with(&merchant.key, "/payment/pay", &members).await;
    let data = &placed["data"];
    assert_eq!((&placed["code"], &data["fee_type"]), (&json!(200), &json!("HKD")), "{placed}");
    let wallet = data["qrcode"].as_str().unwrap();
    let page = app.exchange(app.client.get(wallet)).await.text;
    let button = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let pressed = app.exchange(app.client.post(button).body("choice=pay")).await;
    assert!(pressed.text.contains("支付成功"), "{button} {pressed:?}");
    app.wait_state(data["sn"].as_str().unwrap(), "SUCCESS").await;
    let app = app.restart().await;
    let again = app.exchange(app.client.get(wallet)).await;
    assert!(again.text.contains("支付成功"), "its truth outlives a restart: {again:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_has_below_pay_is_not_taken_for_an_order_to_be_paid() {
    let app = TestApp::spawn().await;
    let sim = &app.demo.addresses.sim;
    for (path, answer) in [
        ("/pay/unifiedorder", "<return_code>"),
        ("/pay/orderquery", "<return_code>"),
        ("/hk/pay/unifiedorder", "<return_code>"),
        ("/pay/11202611221200050000065538", "no such order"),
        ("/hk/pay/11202611221200050000065538", "no simulated upstream"),
    ] {
        let said = app.exchange(app.client.post(format!("{sim}{path}"))).await;
        assert!(said.text.contains(answer), "{path} {said:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_whose_way_back_is_a_form_leads_to_the_payers_page() {
    let app = TestApp::spawn().await;
    let data = place(&app, 301).await;
    let (sn, page) = (data["sn"].as_str().unwrap(), data["code_url"].as_str().unwrap());
    let back = app.client.post(page).body("respCode=00").send().await.unwrap();
    assert_eq!(back.status(), 303);
    let location = back.headers()["location"].to_str().unwrap();
    let next = format!("{}{location}", app.demo.addresses.api);
    assert!(next.starts_with(page), "{next}");
    assert_eq!(app.client.get(next).send().await.unwrap().status(), 200);
    assert_eq!(app.stored(sn).await.state.word(), "USERPAYING", "a form proves nothing");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_a_page_names_an_order_only_once_it_is_paid() {
    let app = TestApp::spawn().await;
    let data = place(&app, 301).await;
    let sn = data["sn"].as_str().unwrap();
    let asked =
        json!({ "mch_id": app.mch_id().to_string(), "transaction_id": data["transaction_id"] });
    assert_eq!(app.call("/order/query", &asked).await["code"], 40102, "nothing is paid under it");
    app.pay(sn, &json!({})).await;
    app.wait_state(sn, "SUCCESS").await;
    let paid = app.query(sn).await;
    let asked = json!({
        "mch_id": app.mch_id().to_string(), "transaction_id": paid["data"]["transaction_id"],
    });
    assert_eq!(app.call("/order/query", &asked).await["data"]["sn"], sn);
    app.finish().await;
}

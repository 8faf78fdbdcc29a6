//! Paying inside WeChat from our own page: WeChat tells who the payer is, once, to the page that asked;
//! then its script is called with what only that payer can pay.

use gateway::manage::{AccountWish, MerchantMade};
use gateway::page::{Unbegun, Wish};
use jubao::demo::identity::{DemoIdentity, WECHAT_APPID, WECHAT_MCHID, WECHAT_MERCHANT_SERIAL};
use kernel::application::Settings;
use kernel::fault::Fault;
use kernel::money::Currency;
use kernel::order::AttemptState;
use kernel::product::Product;
use serde_json::{Value, json};

use crate::app::TestApp;

const WECHAT: &str = "Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0.47";
const ALIPAY: &str = "Mozilla/5.0 (iPhone) Mobile AliApp(AP/10.5.80) AlipayClient/10.5.80";
const SECRET: &str = "0f3c5a7be29d40868d1c2f5e6a7b8c9d";

/// What a browser inside WeChat is answered: status, where it is led, text.
async fn open(app: &TestApp, url: &str) -> (u16, String, String) {
    let url = match url.strip_prefix('/') {
        Some(path) => format!("{}/{path}", app.demo.addresses.api),
        None => url.to_owned(),
    };
    let answer = app.client.get(url).header("user-agent", WECHAT).send().await.unwrap();
    let location = answer.headers().get("location").map(|text| text.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.unwrap())
}

/// Presses the button of the order's page, and is asked by WeChat: the address that leads back.
async fn ask(app: &TestApp, page: &str) -> String {
    let (_, authorize, _) = open(app, &format!("{page}/go?wallet=wechat")).await;
    assert!(authorize.contains("/connect/oauth2/authorize?appid=wx"), "{authorize}");
    assert!(authorize.ends_with("#wechat_redirect"), "{authorize}");
    let (_, back, _) = open(app, &authorize).await;
    assert!(back.starts_with(&format!("{page}/openid?lang=")), "{back}");
    back.trim_end_matches("#wechat_redirect").to_owned()
}

/// What the page calls WeChat with.
fn call(text: &str) -> Value {
    let call = text.split("data-call=\"").nth(1).unwrap_or_else(|| panic!("no call: {text}"));
    serde_json::from_str(&call.split('"').next().unwrap().replace("&quot;", "\"")).unwrap()
}

async fn page_of_mixed(app: &TestApp) -> (String, String) {
    let data = app.place(304).await;
    (data["sn"].as_str().unwrap().into(), data["code_url"].as_str().unwrap().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_learns_the_payer_and_calls_wechat() {
    let app = TestApp::spawn().await;
    let (sn, page) = page_of_mixed(&app).await;
    let (_, _, text) = open(&app, &page).await;
    assert!(text.contains("id=\"pay-wechat\"") && !text.contains("data-call"), "{text}");
    assert!(app.attempts(&sn).await.is_empty(), "to look begins nothing");

    let back = ask(&app, &page).await;
    let (status, own, _) = open(&app, &back).await;
    assert_eq!(status, 303);
    assert!(own.starts_with("/pay/") && own.ends_with("&by=1"), "{own}");
    assert!(!own.contains("code=") && !own.contains("state="), "{own}");
    let attempts = app.attempts(&sn).await;
    assert_eq!((attempts.len(), attempts[0].product), (1, Product::WechatJsapi));
    assert_eq!(app.stored(&sn).await.payer_openid.len(), 28);

    let (_, _, text) = open(&app, &own).await;
    let (said, sim) = (call(&text), &app.demo.addresses.sim);
    assert_eq!((&said["appId"], &said["signType"]), (&json!(WECHAT_APPID), &json!("MD5")));
    assert!(text.contains("data-begins"), "who has just pressed need not press again");
    let invoke = format!("{sim}/wechat_v2/invoke");
    let invoke = reqwest::Url::parse_with_params(&invoke, [("config", said.to_string())]).unwrap();
    let wallet = app.exchange(app.client.get(invoke)).await;
    assert!(wallet.status == 200 && wallet.text.contains("立即支付"), "{wallet:?}");
    let (_, _, again) = open(&app, &own).await;
    assert_eq!(call(&again), said, "the page can be loaded again");

    let (_, _, plain) = open(&app, &page).await;
    assert!(!plain.contains("data-call"), "another visitor cannot pay what this payer began");
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    let (_, _, paid) = open(&app, &own).await;
    assert!(paid.contains(r#"data-state="SUCCESS""#) && !paid.contains("data-call"), "{paid}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_twice_or_with_a_forged_state_begins_nothing() {
    let app = TestApp::spawn().await;
    let (sn, page) = page_of_mixed(&app).await;
    let (other_sn, other_page) = page_of_mixed(&app).await;
    let back = ask(&app, &page).await;
    let (code, state) = back.split_once("&state=").unwrap();
    let last = if state.ends_with('0') { "1" } else { "0" };
    let forged = [
        back.replace(&page, &other_page),
        format!("{code}&state="),
        code.to_owned(),
        format!("{code}&state={}{last}", &state[..state.len() - 1]),
        format!("{code}&state=203{}", &state[3..].replace('a', "b")),
        format!("{code}&state={}", "0".repeat(state.len())),
        format!("{code}&state=聚宝聚宝聚宝聚宝聚宝聚宝聚宝聚宝"),
    ];
    for url in forged {
        let (status, location, _) = open(&app, &url).await;
        assert_eq!(status, 303, "{url}");
        assert!(location.starts_with("/pay/") && !location.contains("by="), "{url} {location}");
    }
    assert!(app.attempts(&other_sn).await.is_empty(), "a state is of one page");
    assert!(app.attempts(&sn).await.is_empty());
    let head = app.client.head(&back).header("user-agent", WECHAT).send().await.unwrap();
    assert_eq!(head.status(), 303, "a look uses nothing up");

    let (_, own, _) = open(&app, &back).await;
    assert!(own.ends_with("&by=1"), "{own}");
    let (status, again, _) = open(&app, &back).await;
    assert_eq!(status, 303);
    assert!(again.starts_with("/pay/") && !again.contains("by="), "{again}");
    assert_eq!(app.attempts(&sn).await.len(), 1);
    // WeChat takes a new code, so it is the state that is refused; and the code is not used up by that.
    let anew = ask(&app, &page).await;
    let (new_code, _) = anew.split_once("&state=").unwrap();
    let (_, spent, _) = open(&app, &format!("{new_code}&state={state}")).await;
    assert!(spent.starts_with("/pay/") && !spent.contains("by="), "{spent}");
    let (_, own, _) = open(&app, &anew).await;
    assert!(own.ends_with("&by=1"), "{own}");

    let (_, authorize, _) = open(&app, &format!("{other_page}/go?wallet=wechat")).await;
    app.advance(601);
    // The code is a new one; the state is not.
    let (_, late, _) = open(&app, &authorize).await;
    let (_, own, _) = open(&app, late.trim_end_matches("#wechat_redirect")).await;
    assert!(own.starts_with("/pay/") && !own.contains("by="), "{own}");
    assert!(app.attempts(&other_sn).await.is_empty(), "a state lives ten minutes");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_with_the_same_openid_goes_on_with_what_was_begun() {
    let app = TestApp::spawn().await;
    let (sn, page) = page_of_mixed(&app).await;
    for _ in 0..2 {
        let back = ask(&app, &page).await;
        let (_, own, _) = open(&app, &back).await;
        assert!(own.ends_with("&by=1"), "{own}");
    }
    assert_eq!(app.attempts(&sn).await.len(), 1);
    let code =
        format!("{}/order/qrcode/{}", app.demo.addresses.api, page.rsplit('/').next().unwrap());
    app.client.get(&code).header("user-agent", ALIPAY).send().await.unwrap();
    let states: Vec<_> = app.attempts(&sn).await.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [AttemptState::Closed, AttemptState::Open]);
    let back = ask(&app, &page).await;
    let (_, own, _) = open(&app, &back).await;
    assert!(own.ends_with("&by=3"), "{own}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_for_one_payer_is_closed_for_another() {
    let app = TestApp::spawn().await;
    let (sn, page) = page_of_mixed(&app).await;
    let token = page.rsplit('/').next().unwrap();
    let begin = async |openid: &str| {
        let ip = "192.0.2.7".parse().unwrap();
        let wish = Wish { product: Product::WechatJsapi, ip, openid: openid.to_owned() };
        app.demo.gateway.begin_payment(token, &wish).await.map(|begun| begun.no)
    };
    assert_eq!(begin("").await, Err(Unbegun::Fault(Fault::ProductUnavailable)));
    assert_eq!((begin("oA").await, begin("oA").await), (Ok(1), Ok(1)));
    assert_eq!(begin("oB").await, Ok(2));
    assert_eq!(app.stored(&sn).await.payer_openid, "oB");
    let states: Vec<_> = app.attempts(&sn).await.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [AttemptState::Closed, AttemptState::Open]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_wechat_takes_no_more_is_asked_for_anew() {
    let app = TestApp::spawn().await;
    let mut members = app.order(304);
    members["time_expire"] = (app.demo.gateway.now().seconds() + 3 * 3600).into();
    let placed = app.call("/payment/pay", &members).await;
    let (sn, page) = (placed["data"]["sn"].as_str().unwrap(), &placed["data"]["code_url"]);
    let placings = async || {
        let said = app.said(sn).await;
        said.iter().filter(|what| *what == "out place").count()
    };
    for (minutes, count) in [(0, 1), (109, 1), (2, 2)] {
        app.advance(minutes * 60);
        let back = ask(&app, page.as_str().unwrap()).await;
        let (_, own, _) = open(&app, &back).await;
        assert!(own.ends_with("&by=1"), "{own}");
        assert_eq!(placings().await, count, "after {minutes} more minutes");
    }
    app.finish().await;
}

/// A merchant with one account at WeChat Pay v3, which knows its official account's secret or not.
async fn merchant_of_v3(app: &TestApp, secret: &str) -> MerchantMade {
    let made = app.merchant_without_accounts(Settings::default()).await;
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let sim = &app.demo.addresses.sim;
    let settings = [
        ("mchid", WECHAT_MCHID),
        ("appid", WECHAT_APPID),
        ("private_key", &identity.wechat_merchant.private),
        ("serial_no", WECHAT_MERCHANT_SERIAL),
        ("apiv3_key", &identity.wechat_apiv3_key),
        ("api_base", sim),
        ("app_secret", secret),
        ("open_base", sim),
        ("mp_base", sim),
    ];
    let filled = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let wish = AccountWish {
        channel: "wechat".into(),
        name: "v3".into(),
        mch_id: made.mch_id.0,
        currency: Currency::Cny,
        products: vec![Product::WechatQr, Product::WechatH5, Product::WechatJsapi],
        settings: filled.into_iter().collect(),
    };
    app.demo.gateway.add_account("test", &wish).await.unwrap();
    made
}

async fn place_for(app: &TestApp, merchant: &MerchantMade) -> (String, String) {
    let mut members = app.order(304);
    members["mch_id"] = merchant.mch_id.to_string().into();
    let placed = app.call_with(&merchant.key, "/payment/pay", &members).await;
    assert_eq!(placed["code"], 200, "{placed}");
    let text = |name: &str| placed["data"][name].as_str().unwrap().to_owned();
    (text("sn"), text("code_url"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_v3_calls_wechat_too_and_its_secret_stays_where_it_is() {
    let app = TestApp::spawn().await;
    crate::leaks::secret(
        crate::leaks::Kind::Key,
        "an official account's secret",
        SECRET.as_bytes(),
    );
    let merchant = merchant_of_v3(&app, SECRET).await;
    let (sn, page) = place_for(&app, &merchant).await;
    let back = ask(&app, &page).await;
    let (_, own, _) = open(&app, &back).await;
    let (_, _, text) = open(&app, &own).await;
    assert_eq!(call(&text)["signType"], "RSA");
    assert!(!text.contains(SECRET) && !back.contains(SECRET));
    let order = app.stored(&sn).await;
    let store = app.demo.gateway.store();
    let said = store::messages::of_order(store, order.mch_id, order.id).await.unwrap();
    assert!(!said.is_empty());
    assert!(said.iter().all(|one| !one.head.contains("oauth2") && !one.head.contains(SECRET)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_the_payer_presses_a_code() {
    let app = TestApp::spawn().await;
    let merchant = merchant_of_v3(&app, "").await;
    let (sn, page) = place_for(&app, &merchant).await;
    let (_, _, text) = open(&app, &page).await;
    assert!(text.contains("id=\"qr\"") && text.contains("长按二维码付款"), "{text}");
    assert_eq!(app.attempts(&sn).await[0].product, Product::WechatQr);

    // Where the payer began elsewhere, the code waits for a touch: to look at the page closes nothing.
    let (sn, page) = place_for(&app, &merchant).await;
    let h5 = app.client.get(format!("{page}/go?wallet=wechat")).header("user-agent", "iPhone");
    assert_eq!(h5.send().await.unwrap().status(), 303);
    let (_, _, text) = open(&app, &page).await;
    assert!(text.contains("id=\"before\"") && !text.contains("id=\"qr\""), "{text}");
    let products = async || -> Vec<_> {
        let attempts = app.attempts(&sn).await;
        attempts.iter().map(|one| (one.product, one.state)).collect()
    };
    assert_eq!(products().await, [(Product::WechatH5, AttemptState::Open)]);
    let (_, own, _) = open(&app, &format!("{page}/go?wallet=wechat")).await;
    let (_, _, text) = open(&app, &own).await;
    assert!(text.contains("id=\"qr\"") && text.contains("长按二维码付款"), "{text}");
    let expect =
        [(Product::WechatH5, AttemptState::Closed), (Product::WechatQr, AttemptState::Open)];
    assert_eq!(products().await, expect);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_whom_wechat_fails_takes_a_code_and_the_call_is_closed() {
    let app = TestApp::spawn().await;
    let (sn, page) = page_of_mixed(&app).await;
    let back = ask(&app, &page).await;
    open(&app, &back).await;
    let (_, own, _) = open(&app, &format!("{page}/go?wallet=wechat&lang=en&with=code")).await;
    assert!(own.ends_with("?lang=en&with=code"), "{own}");
    let (_, _, text) = open(&app, &own).await;
    assert!(text.contains("id=\"qr\"") && !text.contains("data-call"), "{text}");
    let attempts = app.attempts(&sn).await;
    let states: Vec<_> = attempts.iter().map(|one| (one.product, one.state)).collect();
    let expect =
        [(Product::WechatJsapi, AttemptState::Closed), (Product::WechatQr, AttemptState::Open)];
    assert_eq!(states, expect);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mixed_code_calls_the_hong_kong_wallet_where_that_is_what_the_merchant_has() {
    let app = TestApp::spawn().await;
    app.disable_accounts(&["alipay", "wechat", "unionpay"]).await;
    let data = app.place(304).await;
    assert_eq!(data["fee_type"], "HKD", "{data}");
    let (sn, page) = (data["sn"].as_str().unwrap(), data["code_url"].as_str().unwrap());
    let back = ask(&app, page).await;
    let (_, own, _) = open(&app, &back).await;
    let (_, _, text) = open(&app, &own).await;
    assert_eq!(call(&text)["signType"], "SHA1");
    assert!(text.contains("data-config") && text.contains("/wechat-js/"), "{text}");
    assert_eq!(app.attempts(sn).await[0].product, Product::WechatHkJsapi);
    app.pay(sn, &json!({})).await;
    app.wait_state(sn, "SUCCESS").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hong_kong_wallets_page_is_signed_for_its_address() {
    let app = TestApp::spawn().await;
    let mut members = app.order(205);
    members["sub_appid"] = "wx6f4b43d0a7c15e29".into();
    members["sub_openid"] = "oxoPW5SUhI5lMvZgkQb2yTt1".into();
    let placed = app.call("/payment/pay", &members).await;
    let page = placed["data"]["code_url"].as_str().unwrap();
    let given: Value = serde_json::from_str(placed["data"]["jsapi"].as_str().unwrap()).unwrap();
    for address in [page.to_owned(), format!("{page}?lang=en")] {
        let answer = app.client.get(&address).header("user-agent", WECHAT);
        let answer = app.exchange(answer).await;
        assert_eq!(call(&answer.text), given);
        let script = format!("{}/wechat-js/jweixin-1.2.0.js", app.demo.addresses.sim);
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("script-src 'self' {script};")), "{policy}");
        assert!(answer.text.contains(&format!("<script src=\"{script}\" defer>")));
        let config = answer.text.split("data-config=\"").nth(1).unwrap().split('"').next().unwrap();
        let config: Value = serde_json::from_str(&config.replace("&quot;", "\"")).unwrap();
        assert_eq!(config["jsApiList"], json!(["getH5PrepayRequest"]));
        let signed = channels::login::sdk_signature(
            channels::wechat::sim::JSAPI_TICKET,
            config["nonceStr"].as_str().unwrap(),
            config["timestamp"].as_i64().unwrap(),
            &address,
        );
        assert_eq!(config["signature"], signed);
    }
    let elsewhere = app.exchange(app.client.get(page)).await;
    assert!(elsewhere.text.contains("请用微信扫一扫付款"), "{elsewhere:?}");
    app.finish().await;
}

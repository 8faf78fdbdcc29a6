//! Exchange rates over the API (contract section 6): what the two sources tell, for how long it is believed,
//! and the code of everything that can go wrong. Time is moved.

use jubao::demo::identity::MERCHANT;
use kernel::application::Settings;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Longer than an upstream that failed is left alone, in seconds.
const RETRY_S: i64 = 17 * 60;
/// Beijing's noon in seconds of UTC's day: the rates of the day are there, and tomorrow's far away.
const NOON_S: i64 = 4 * 3_600;
/// A day.
const DAY_S: i64 = 86_400;

/// A world at noon in Beijing.
async fn at_noon() -> TestApp {
    let app = TestApp::spawn().await;
    let now = app.demo.gateway.now().seconds();
    app.advance((NOON_S - now).rem_euclid(DAY_S));
    app
}

async fn fetch(app: &TestApp, adapter: &str) -> Value {
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "adapter": adapter });
    app.call("/exchangerate/fetch", &members).await
}

#[tokio::test(flavor = "multi_thread")]
async fn either_source_tells_the_rates_of_the_day_by_currency() {
    let app = at_noon().await;
    let today = app.demo.gateway.now().business_date();
    let alipay = fetch(&app, "alipay").await;
    assert_eq!(alipay["code"], 200, "{alipay}");
    let currencies: Vec<_> = alipay["data"].as_object().unwrap().keys().collect();
    assert_eq!(currencies, ["AUD", "EUR", "GBP", "HKD", "USD"]);
    let hkd = json!({
        "releaseDate": today, "releaseTime": "10:05:11", "currency": "HKD", "rate": "0.847370",
    });
    assert_eq!(alipay["data"]["HKD"], hkd);
    let wechat = fetch(&app, "wechat").await;
    let hkd = json!({
        "releaseDate": today, "releaseTime": "10:00:00", "currency": "HKD", "rate": "0.84570000",
    });
    assert_eq!((&wechat["code"], &wechat["data"]), (&json!(200), &json!({ "HKD": hkd })));
    let members = json!({ "appid": MERCHANT.app_id.to_string(), "adapter": "alipay" });
    let query_style = app.call("/index.php?_m=exchangerate&_a=fetch", &members).await;
    assert_eq!(query_style["data"], alipay["data"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_is_asked_once_a_day_also_after_a_restart_and_never_answered_for() {
    let app = at_noon().await;
    let first = fetch(&app, "alipay").await;
    app.script("alipay_mapi", "rates", "refused").await;
    app.advance(DAY_S - 3_660);
    let app = app.restart().await;
    assert_eq!(fetch(&app, "alipay").await["data"], first["data"], "not asked yet");
    app.script("alipay_mapi", "rates", "refused").await;
    app.advance(61);
    // Yesterday's are kept, and not told in the place of today's.
    let refused = fetch(&app, "alipay").await;
    assert_eq!((&refused["code"], refused.get("data")), (&json!(492_006), None), "{refused}");
    app.advance(61);
    let second = fetch(&app, "alipay").await;
    assert_eq!(second["code"], 200, "{second}");
    assert_ne!(second["data"]["HKD"]["releaseDate"], first["data"]["HKD"]["releaseDate"]);
    app.finish().await;
}

/// What goes wrong at an upstream, and the code that says so.
const FAULTS: [(&str, i64); 9] = [
    ("refused", 492_006),
    ("error_before", 492_006),
    ("error_after", 492_006),
    ("busy", 492_006),
    ("dropped_before", 492_005),
    ("dropped_after", 492_005),
    ("empty", 492_005),
    ("html", 492_007),
    ("truncated", 492_007),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_has_its_code_for_a_while_and_then_is_asked_again() {
    let app = at_noon().await;
    for (adapter, channel) in [("alipay", "alipay_mapi"), ("wechat", "wechat_v2_hk")] {
        for (fault, code) in FAULTS {
            app.script(channel, "rates", fault).await;
            for time in ["asked", "kept"] {
                let answer = fetch(&app, adapter).await;
                assert_eq!(answer["code"], code, "{adapter} {fault} {time}: {answer}");
                assert_eq!(answer.get("data"), None);
            }
            app.advance(RETRY_S);
        }
        assert_eq!(fetch(&app, adapter).await["code"], 200, "{adapter}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_answer_in_time_is_a_timeout() {
    let app = at_noon().await;
    app.script("alipay_mapi", "rates", "slow").await;
    app.script("wechat_v2_hk", "rates", "slow").await;
    // Both at the same time: an upstream is given ten seconds.
    let (alipay, wechat) = tokio::join!(fetch(&app, "alipay"), fetch(&app, "wechat"));
    assert_eq!((&alipay["code"], &wechat["code"]), (&json!(492_004), &json!(492_004)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_are_one_question() {
    let app = at_noon().await;
    // A second question would not be refused any more.
    app.script("alipay_mapi", "rates", "refused").await;
    let answers = futures_util::future::join_all((0..20).map(|_| fetch(&app, "alipay"))).await;
    for answer in answers {
        assert_eq!(answer["code"], 492_006, "{answer}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_account_there_or_asks_for_another_source_is_told_so() {
    let app = at_noon().await;
    let poor = app.merchant_without_accounts(Settings::default()).await;
    let unusable = app.another_merchant(Settings::default()).await;
    for (made, adapter, code) in [
        (&poor, "alipay", 492_003),
        (&poor, "wechat", 492_003),
        // Its account is one in renminbi, for which WeChat Pay has no rate.
        (&unusable, "wechat", 492_003),
        // Its settings make no request: nothing was sent.
        (&unusable, "alipay", 4005),
        (&unusable, "unionpay", 492_001),
        (&unusable, "", 491_003),
    ] {
        let members = json!({ "mch_id": made.mch_id.to_string(), "adapter": adapter });
        let answer = app.call_with(&made.key, "/exchangerate/fetch", &members).await;
        assert_eq!(answer["code"], code, "{adapter}: {answer}");
    }
    let missing = json!({ "mch_id": MERCHANT.mch_id.to_string() });
    let missing = app.call("/exchangerate/fetch", &missing).await;
    assert_eq!(missing["code"], 4003, "{missing}");
    app.finish().await;
}

//! The payer's page, judged as text: what every state and way shows, and what it must never show.

use kernel::money::Currency;

use super::*;
use crate::assets;

/// The page with its style and script, as it goes over the wire without compression.
const PAGE_BYTES_MAX: usize = 30 * 1024;
const NOON: Timestamp = Timestamp::from_seconds(1_795_320_005);
const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

fn view(state: TradeState, way: Way<'_>) -> View<'_> {
    View {
        language: Language::ZhHans,
        merchant: "聚宝小店",
        body: "明前龙井",
        amount: Money::new(8888, Currency::Cny),
        sn: "11202611221200050000065538",
        state,
        expires_at: NOON.plus_millis(1_799_000),
        now: NOON,
        token: "3q2-7wAAAAAAAAAAAAAAAA",
        return_url: Some("https://shop.example/orders/1?a=b&c=d"),
        way,
    }
}

fn waiting() -> View<'static> {
    view(TradeState::NotPay, scan("weixin://wxpay/bizpayurl?pr=a"))
}

fn scan(qr_text: &str) -> Way<'_> {
    Way::Scan { qr_text, wallets: &[Provider::Wechat] }
}

fn text(view: &View<'_>) -> String {
    page(view).into_string()
}

#[test]
fn nothing_of_a_merchant_or_an_upstream_is_markup() {
    let ways = [
        Way::Scan { qr_text: EVIL, wallets: &[Provider::Alipay] },
        Way::Open { href: EVIL, wallet: Provider::Alipay, before: Some(Provider::Wechat) },
        Way::Call {
            call: EVIL,
            config: EVIL,
            script: EVIL,
            begins: true,
            again_href: Some(EVIL),
            code_href: Some(EVIL),
        },
        Way::Outside { url: EVIL },
        Way::Choose {
            alipay_href: Some(EVIL),
            wechat_href: Some(EVIL),
            unionpay_href: Some(EVIL),
            qr_text: EVIL,
            wallets: &[Provider::Alipay],
        },
        Way::LongPress { qr_text: EVIL, href: Some(EVIL) },
        Way::Wait,
        Way::Trouble { why: Trouble::NoAnswer },
    ];
    for way in ways {
        for state in [TradeState::NotPay, TradeState::Success] {
            let view = View {
                merchant: EVIL,
                body: EVIL,
                sn: EVIL,
                token: EVIL,
                return_url: Some(EVIL),
                ..view(state, way)
            };
            let text = text(&view);
            let is_wallet = matches!(way, Way::Call { .. } | Way::Outside { .. });
            let scripts = if is_wallet { 2 } else { 1 };
            assert_eq!(text.matches("<script").count(), scripts, "{text}");
            assert!(!text.contains("<img"), "{text}");
        }
    }
    let apology = error(Language::En, Trouble::NoAnswer, EVIL).into_string();
    assert!(!apology.contains("<script"));
}

#[test]
fn an_address_that_is_no_page_becomes_no_link() {
    let href = "javascript:alert(1)";
    let open = Way::Open { href, wallet: Provider::Alipay, before: None };
    assert!(!text(&view(TradeState::NotPay, open)).contains(href));
    let paid = View { return_url: Some(href), ..view(TradeState::Success, Way::Wait) };
    let text = text(&paid);
    assert!(!text.contains(href) && !text.contains("id=\"return\""), "{text}");
}

#[test]
fn the_policy_needs_no_exception() {
    for state in TradeState::ALL {
        let text = text(&view(state, scan("x")));
        for inline in [" style=", "<style", " onclick", " onload", "javascript:"] {
            assert!(!text.contains(inline), "{state:?} {inline}");
        }
        assert!(!text.contains("<script>"), "{state:?}");
    }
    assert!(!CSP.contains("unsafe"));
}

#[test]
fn page_style_and_script_stay_small() {
    let asset = |name| assets::find(name).unwrap().bytes.len();
    let long_text = "https://qr.alipay.com/".to_owned() + &"b".repeat(100);
    let choose = Way::Choose {
        alipay_href: Some("https://pay.example/pay/t?with=alipay"),
        wechat_href: Some("https://pay.example/pay/t?with=wechat"),
        unionpay_href: Some("https://pay.example/pay/t?with=unionpay"),
        qr_text: &long_text,
        wallets: &Provider::ALL,
    };
    let page = text(&view(TradeState::NotPay, choose)).len();
    let calls = text(&view(TradeState::UserPaying, call(""))).len();
    let total = page + asset("cashier.css") + asset("cashier.js") + asset("icon.svg");
    assert!(total < PAGE_BYTES_MAX, "{total}");
    let total = total - page + calls + asset("wallet.js");
    assert!(total < PAGE_BYTES_MAX, "{total}");
}

#[test]
fn a_payer_without_script_sees_the_result_too() {
    let refresh = r#"<noscript><meta http-equiv="refresh" content="5"></noscript>"#;
    assert!(text(&waiting()).contains(refresh));
    assert!(!text(&view(TradeState::Success, Way::Wait)).contains(refresh));
}

#[test]
fn every_state_says_what_it_is_and_offers_to_pay_only_while_open() {
    for (state, heading) in [
        (TradeState::PayError, "付款未成功"),
        (TradeState::Success, "付款成功"),
        (TradeState::Refund, "已退款"),
        (TradeState::Closed, "订单已关闭"),
        (TradeState::Revoked, "订单已撤销"),
    ] {
        let text = text(&view(state, scan("weixin://wxpay/bizpayurl?pr=a")));
        assert!(text.contains(&format!("<h1>{heading}</h1>")), "{state:?}");
        assert!(text.contains("data-final") && !text.contains("id=\"qr\""), "{state:?}");
        assert!(text.contains(r#"href="https://shop.example/orders/1?a=b&amp;c=d""#), "{state:?}");
    }
    for state in [TradeState::NotPay, TradeState::UserPaying] {
        let text = text(&view(state, scan("weixin://wxpay/bizpayurl?pr=a")));
        assert!(text.contains("id=\"qr\"") && !text.contains("data-final"), "{state:?}");
        assert!(!text.contains("付款成功") && !text.contains("id=\"return\""), "{state:?}");
    }
}

#[test]
fn an_open_order_past_its_time_is_in_doubt_and_not_to_be_paid() {
    for state in [TradeState::NotPay, TradeState::UserPaying] {
        let late = View { now: NOON.plus_millis(1_799_000), ..view(state, scan("x")) };
        let text = text(&late);
        assert!(text.contains("<h1>正在确认付款结果</h1>"), "{state:?}");
        assert!(!text.contains("id=\"qr\"") && !text.contains("data-final"), "{state:?}");
    }
}

#[test]
fn a_closed_order_past_its_time_has_expired() {
    let closed = view(TradeState::Closed, Way::Wait);
    let late = View { now: NOON.plus_millis(1_799_001), ..closed };
    assert!(text(&late).contains("<h1>订单已过期</h1>"));
}

#[test]
fn each_way_offers_what_it_promises() {
    let choose = |wallets, alipay_href, wechat_href| {
        let qr_text = "https://pay.example/order/qrcode/t";
        let unionpay_href = None;
        let way = Way::Choose { alipay_href, wechat_href, unionpay_href, qr_text, wallets };
        text(&view(TradeState::NotPay, way))
    };
    let both = [Provider::Alipay, Provider::Wechat];
    let links = both.map(|wallet| go_address("t", Language::En, wallet));
    let page = choose(&both, Some(&links[0]), Some(&links[1]));
    assert!(page.contains(r#"id="pay-alipay""#) && page.contains(r#"id="pay-wechat""#), "{page}");
    assert!(page.contains(r#"href="/pay/t/go?wallet=wechat&amp;lang=en""#), "{page}");
    assert!(page.contains("或用支付宝或微信扫一扫") && page.contains("id=\"qr\""));
    let one = choose(&both[1..], None, Some(&links[1]));
    assert!(!one.contains("支付宝") && one.contains("或用微信扫一扫"));
    let none = choose(&[], Some(&links[0]), None);
    assert!(none.contains("id=\"pay-alipay\"") && !none.contains("id=\"qr\""));

    let wait = text(&view(TradeState::UserPaying, Way::Wait));
    assert!(wait.contains("正在等待付款结果") && wait.contains(r#"id="check""#));
}

#[test]
fn trouble_says_why_and_leads_back_in_the_same_language() {
    for (why, heading) in [
        (Trouble::NoAnswer, "Payment cannot be started right now"),
        (Trouble::NotOffered, "This way to pay is not available"),
        (Trouble::Elsewhere, "Cancelling the earlier payment"),
        (Trouble::Busy, "Too many people are here"),
    ] {
        let view =
            View { language: Language::En, ..view(TradeState::NotPay, Way::Trouble { why }) };
        for text in [text(&view), error(view.language, why, &address("t", view.language)).into()] {
            assert!(text.contains(heading) && text.contains("id=\"retry\""), "{text}");
            assert!(text.contains("?lang=en\""), "{text}");
        }
    }
}

#[test]
fn who_has_not_pressed_the_button_is_not_told_to_wait() {
    let open =
        Way::Open { href: "/pay/t/go?wallet=alipay", wallet: Provider::Alipay, before: None };
    let linked = text(&view(TradeState::UserPaying, open));
    assert!(linked.contains("<title>付款 · 聚宝 Pay</title>"), "{linked}");
    assert!(linked.contains("id=\"pay-alipay\"") && linked.contains("id=\"check\""), "{linked}");
    let scanned = text(&view(TradeState::UserPaying, scan("weixin://wxpay/bizpayurl?pr=a")));
    assert!(scanned.contains("<title>正在等待付款结果 · 聚宝 Pay</title>"), "{scanned}");
    assert!(scanned.contains("id=\"qr\"") && scanned.contains("id=\"check\""), "{scanned}");
}

#[test]
fn the_script_finds_what_it_needs() {
    let text = text(&waiting());
    assert!(text.contains(r#"data-state="NOTPAY" data-status="1""#));
    assert!(text.contains(r#"data-events="/pay/3q2-7wAAAAAAAAAAAAAAAA/events""#));
    assert!(text.contains(r#"data-poll="/pay/3q2-7wAAAAAAAAAAAAAAAA/state""#));
    assert!(text.contains(r#"data-left="1799000">29:59<"#));
    let script = std::str::from_utf8(assets::find("cashier.js").unwrap().bytes).unwrap();
    for id in ["main", "offline", "countdown", "live"] {
        assert!(text.contains(&format!("id=\"{id}\"")), "{id}");
        assert!(script.contains(&format!("byId(\"{id}\")")), "{id}");
    }
}

#[test]
fn every_language_marks_itself_and_links_the_others() {
    for language in Language::ALL {
        let text = text(&View { language, ..waiting() });
        assert!(text.contains(&format!(r#"<html lang="{}""#, language.tag())));
        assert_eq!(text.matches("aria-current").count(), 1);
        for other in Language::ALL {
            assert!(text.contains(&format!("/pay/3q2-7wAAAAAAAAAAAAAAAA?lang={}", other.tag())));
        }
        assert!(!text.contains("{}"), "{text}");
    }
}

#[test]
fn the_time_left_reads_as_a_clock() {
    for (left_ms, expect) in
        [(0, "00:00"), (59_999, "00:59"), (1_800_000, "30:00"), (3_723_000, "1:02:03")]
    {
        assert_eq!(clock(left_ms), expect);
    }
}

#[test]
fn a_wallet_learns_our_host_and_others_learn_nothing() {
    let open =
        Way::Open { href: "https://wx.tenpay.com/x", wallet: Provider::Wechat, before: None };
    let text = text(&view(TradeState::UserPaying, open));
    assert!(text.contains(r#"href="https://wx.tenpay.com/x" referrerpolicy="origin""#), "{text}");
    assert!(text.contains(r#"<meta name="referrer" content="no-referrer">"#));
}

fn call(script: &str) -> Way<'_> {
    Way::Call {
        call: r#"{"appId":"wx1","package":"prepay_id=1"}"#,
        config: if script.is_empty() { "" } else { r#"{"beta":true}"# },
        script,
        begins: true,
        again_href: Some("/pay/t/go?wallet=wechat&lang=en"),
        code_href: Some("/pay/t/go?wallet=wechat&lang=en&with=code"),
    }
}

#[test]
fn a_page_that_calls_wechat_holds_the_call_and_promises_nothing() {
    let text = text(&view(TradeState::UserPaying, call("")));
    assert!(text.contains(r#"data-call="{&quot;appId&quot;:&quot;wx1&quot;"#), "{text}");
    assert!(text.contains("data-begins") && !text.contains("data-config"), "{text}");
    assert!(text.contains("/assets/wallet.js?v=") && text.contains("<noscript><p"), "{text}");
    assert!(!text.contains("付款成功"), "only the order's state says that it is paid");
    assert_eq!(policy(&call("")), CSP);
    let paid = page(&view(TradeState::Success, call(""))).into_string();
    assert!(!paid.contains("data-call"), "{paid}");
}

#[test]
fn only_the_hong_kong_wallets_page_loads_wechats_script() {
    let script = "https://res.wx.qq.com/open/js/jweixin-1.2.0.js";
    let text = text(&view(TradeState::UserPaying, call(script)));
    let (of_wechat, own) = (text.find(script).unwrap(), text.find("wallet.js").unwrap());
    assert!(of_wechat < own, "it runs before ours");
    assert!(text.contains("data-config"), "{text}");
    assert!(policy(&call(script)).contains(script));
    assert_eq!(policy(&scan("x")), CSP);
}

#[test]
fn who_cannot_pay_inside_an_app_is_led_out_of_it_also_without_script() {
    let url = "https://pay.example/pay/t";
    let text = text(&view(TradeState::NotPay, Way::Outside { url }));
    assert!(text.contains("请在浏览器中打开") && text.contains("点右上角的 ···"), "{text}");
    assert!(text.contains(r#"readonly value="https://pay.example/pay/t""#), "{text}");
    assert!(!text.contains("id=\"qr\"") && !text.contains("id=\"pay-"), "{text}");
}

#[test]
fn who_switches_wallets_is_told_what_becomes_of_the_other() {
    let open = Way::Open {
        href: "/pay/t/go?wallet=wechat",
        wallet: Provider::Wechat,
        before: Some(Provider::Alipay),
    };
    let text = text(&view(TradeState::NotPay, open));
    assert!(text.contains("您之前用支付宝发起的付款会先取消"), "{text}");
}

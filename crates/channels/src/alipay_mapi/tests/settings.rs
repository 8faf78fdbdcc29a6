//! Settings that make no request possible, and what needs none.

use kernel::money::{Currency, Money};
use kernel::product::Product;

use super::{
    Bench, a_place, a_stamp, a_trade, account, account_with, app, query, query_refund, refund, wap,
};
use crate::alipay_mapi::AlipayMapi;
use crate::{Account, Channel, Op, Outcome, RefusalKind, SetupError, Step};

fn why(op: &Op, account: &Account) -> String {
    let SetupError(why) = AlipayMapi.request(op, account, &a_stamp()).unwrap_err();
    why
}

fn every_op() -> [Op; 6] {
    [app(), wap(), query(), refund(1), query_refund(1), Op::Rates]
}

#[test]
fn settings_that_make_no_request_possible_are_named_and_not_shown() {
    let cases: [&[(&str, &str)]; 11] = [
        &[("partner", "geheim")],
        &[("partner", "")],
        &[("private_key", "geheim")],
        &[("alipay_public_key", "geheim")],
        &[("sign_type", "geheim")],
        &[("gateway", "ftp://geheim")],
        &[("gateway", "http://geheim/gateway.do?x=1")],
        &[("answer_signature", "geheim")],
        &[("query_total_fee", "geheim")],
        &[("refund_sync", "geheim")],
        &[("refund_query", "geheim")],
    ];
    for changes in cases {
        let account = account_with(changes);
        for op in every_op() {
            // The app's order string is opened by the wallet: it needs no address of the gateway.
            if changes[0].0 == "gateway" && op == app() {
                continue;
            }
            let why = why(&op, &account);
            assert!(why.starts_with(changes[0].0) && !why.contains("geheim"), "{changes:?} {why}");
        }
    }
    let account = account_with(&[("refer_url", "https://a.example/\"")]);
    assert!(why(&app(), &account).starts_with("refer_url"));
}

#[test]
fn each_way_of_signing_needs_its_own_keys() {
    let md5 = [("sign_type", "MD5"), ("private_key", ""), ("alipay_public_key", "")];
    let account = account_with(&md5);
    for op in [wap(), query(), refund(1), query_refund(1), Op::Rates] {
        assert!(AlipayMapi.request(&op, &account, &a_stamp()).is_ok());
    }
    assert!(why(&app(), &account).starts_with("alipay_public_key"), "an app signs with RSA");
    let account = account_with(&[("sign_type", "MD5"), ("md5_key", "")]);
    assert!(why(&query(), &account).starts_with("md5_key"));
    let account = account_with(&[("sign_type", "RSA2"), ("private_key", "")]);
    assert!(why(&query(), &account).starts_with("private_key"));
}

#[test]
fn what_is_not_set_is_the_default() {
    let mut account = account();
    account.settings.retain(|(key, _)| key != "gateway");
    let Step::Send(request) = AlipayMapi.request(&query(), &account, &a_stamp()).unwrap() else {
        panic!("a call")
    };
    assert!(request.url.starts_with("https://intlmapi.alipay.com/gateway.do?"));
    let body = String::from_utf8(request.body).unwrap();
    assert!(body.ends_with("&sign_type=RSA"), "{body}");
    let Step::Send(request) = AlipayMapi.request(&refund(1), &account, &a_stamp()).unwrap() else {
        panic!("a call")
    };
    let body = String::from_utf8(request.body).unwrap();
    assert!(body.contains("&is_sync=Y&") && !body.contains("notify_url"), "{body}");
    for row in AlipayMapi.info().settings {
        assert!(!row.help.is_empty() && (!row.is_secret || row.default.is_empty()), "{}", row.key);
    }
}

#[test]
fn only_a_foreign_currency_that_is_the_accounts_is_taken() {
    for currency in Currency::ALL {
        for of_account in Currency::ALL {
            let mut account = account();
            account.currency = of_account;
            let mut place = a_place(Product::AlipayWap);
            place.amount = Money::new(1, currency);
            let asked = AlipayMapi.request(&Op::Place(place), &account, &a_stamp());
            let is_taken = currency == of_account && currency != Currency::Cny;
            assert_eq!(asked.is_ok(), is_taken, "{currency:?} {of_account:?}");
        }
    }
}

#[test]
fn more_than_the_manual_takes_is_refused_without_asking() {
    for product in [Product::AlipayApp, Product::AlipayWap] {
        let mut place = a_place(product);
        place.amount.minor = 100_000_000;
        let most = Bench::new().call(&Op::Place(place.clone()));
        assert!(matches!(most, Outcome::Opened { .. }), "{most:?}");
        place.amount.minor += 1;
        let Outcome::Refused(refusal) = Bench::new().call(&Op::Place(place)) else { panic!() };
        assert_eq!(refusal.code, "TOTAL_FEE_OUT_OF_RANGE");
    }
}

#[test]
fn what_mapi_does_not_offer_is_answered_without_asking() {
    let mut none = account();
    none.settings.clear();
    let ops = [
        Op::Close(a_trade()),
        Op::Reverse(a_trade()),
        Op::Keys,
        Op::Place(a_place(Product::AlipayQr)),
        Op::Place(a_place(Product::Micropay)),
        Op::Place(a_place(Product::WechatApp)),
    ];
    for op in ops {
        match AlipayMapi.request(&op, &none, &a_stamp()) {
            Ok(Step::Done(Outcome::Refused(refusal))) => {
                assert_eq!(refusal.kind, RefusalKind::NotSupported);
            }
            other => panic!("{op:?} {other:?}"),
        }
    }
}

#[test]
fn the_time_that_is_left_is_rounded_up_to_what_mapi_can_say() {
    let cases = [
        (1, "1m", "5m"),
        (60_000, "1m", "5m"),
        (60_001, "2m", "5m"),
        (29 * 60_000 + 1, "30m", "30m"),
        (31 * 60_000, "31m", "1h"),
        (24 * 3_600_000, "1440m", "1d"),
        (25 * 3_600_000 - 1, "25h", "1d"),
        (40 * 24 * 3_600_000, "360h", "1d"),
        (-1, "1m", "5m"),
    ];
    for (left_ms, pay_within, rule) in cases {
        let mut place = a_place(Product::AlipayApp);
        place.expires_at = super::START.plus_millis(left_ms);
        let mut text = |product| {
            place.product = product;
            super::text_of(&Bench::new().call(&Op::Place(place.clone())))
        };
        let order = text(Product::AlipayApp);
        assert!(order.contains(&format!("&it_b_pay=\"{pay_within}\"&")), "{left_ms} {order}");
        let page = text(Product::AlipayWap);
        assert!(page.contains(&format!("&timeout_rule={rule}&")), "{left_ms} {page}");
    }
}

#[test]
fn long_texts_are_cut_to_what_mapi_takes() {
    for (subject, expect) in [("测".repeat(200), 85), ("x".repeat(200), 128)] {
        let mut place = a_place(Product::AlipayApp);
        place.subject = subject.clone();
        let text = super::text_of(&Bench::new().call(&Op::Place(place)));
        let kept = text.split("subject=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(kept.chars().count(), expect);
        assert!(subject.starts_with(kept));
    }
}

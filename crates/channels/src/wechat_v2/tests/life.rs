//! An order from its first moment to its end, in both kinds of account.

use kernel::money::Currency;
use kernel::product::{Product, Provider};

use super::{
    ACTING, APPID, KEY, MCH_ID, MODES, Mode, NOON, TRADE_NO, UNPAID, World, new_sim, read,
    with_setting,
};
use crate::http::HttpResponse;
use crate::sim::{PayError, Simulator};
use crate::{About, Channel, Op, Outcome, Refusal, RefusalKind};

const ONLINE: [Product; 5] = [
    Product::WechatQr,
    Product::WechatH5,
    Product::WechatJsapi,
    Product::WechatApp,
    Product::WechatHkJsapi,
];

#[test]
fn an_order_of_every_product_is_paid_and_called_back() {
    for (mode, product) in MODES.into_iter().flat_map(|mode| ONLINE.map(|product| (mode, product)))
    {
        let mut world = World::new(mode);
        assert!(!world.place(&mode.order(product)).is_empty());
        assert_eq!(world.query(), UNPAID);
        world.wait(1000);
        world.pay();
        let Outcome::Paid(payment) = world.query() else { panic!("{mode:?} {product:?}") };
        assert_eq!(payment.provider, Provider::Wechat);
        assert_eq!(payment.amount, mode.total());
        assert_eq!(payment.cash, mode.cash());
        assert_eq!(payment.transaction_id.len(), 28);
        assert_eq!(payment.bank_type, "OTHERS");
        assert_eq!(payment.openid.len(), 28);
        assert_eq!(payment.paid_at, NOON.plus_millis(1000));
        let callbacks = world.callbacks();
        assert_eq!(callbacks.len(), 1);
        assert_eq!(callbacks[0].request.url, mode.order(product).notify_url);
        let facts = world.hear(&callbacks[0].request).facts.unwrap();
        assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
        assert_eq!(facts.outcome, Outcome::Paid(payment));
    }
}

#[test]
fn a_closed_order_stays_closed_and_cannot_be_paid() {
    for mode in MODES {
        for product in ONLINE {
            let mut world = World::new(mode);
            world.place(&mode.order(product));
            assert_eq!(world.close(), Outcome::Closed);
            assert_eq!(world.close(), Outcome::Closed);
            assert_eq!(world.query(), Outcome::Closed);
            let stamp = world.stamp();
            let fault = world.sim.pay(TRADE_NO, None, &stamp).unwrap_err();
            assert!(matches!(fault, PayError::NotPayable(_)));
            let again = world.ask(&Op::Place(mode.order(product)));
            let Outcome::Refused(Refusal { kind, .. }) = again else { panic!("{again:?}") };
            assert_eq!(kind, RefusalKind::NumberUsed);
        }
    }
}

#[test]
fn an_unknown_order_is_not_found() {
    for mode in MODES {
        let mut world = World::new(mode);
        assert_eq!(world.query(), Outcome::NotFound);
        assert_eq!(world.close(), Outcome::NotFound);
        assert_eq!(world.reverse(), Outcome::NotFound);
    }
}

#[test]
fn a_paid_order_is_neither_closed_nor_placed_again() {
    for mode in MODES {
        let mut world = World::paid(mode);
        assert_eq!(world.close(), Outcome::PaidElsewhere);
        let again = world.ask(&Op::Place(mode.order(Product::WechatQr)));
        assert_eq!(again, Outcome::PaidElsewhere);
    }
}

#[test]
fn a_reversal_closes_what_is_unpaid_and_gives_back_what_is_paid() {
    for mode in MODES {
        for is_paid in [false, true] {
            let mut world = World::new(mode);
            world.place(&mode.order(Product::WechatQr));
            if is_paid {
                world.pay();
            }
            assert_eq!(world.reverse(), Outcome::Reversed);
            assert_eq!(world.reverse(), Outcome::Reversed);
            assert_eq!(world.query(), Outcome::Reversed);
            let stamp = world.stamp();
            assert!(world.sim.pay(TRADE_NO, None, &stamp).is_err());
        }
    }
}

#[test]
fn a_reversal_after_a_week_is_too_late() {
    let mut world = World::paid(Mode::Mainland);
    world.wait(7 * 24 * 60 * 60 * 1000 + 1);
    let outcome = world.reverse();
    let Outcome::Refused(Refusal { kind, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(kind, RefusalKind::TooLate);
}

#[test]
fn the_same_order_again_is_the_same_and_another_one_is_refused() {
    for mode in MODES {
        let mut world = World::new(mode);
        let page = world.place(&mode.order(Product::WechatQr));
        assert_eq!(world.place(&mode.order(Product::WechatQr)), page);
        let mut dearer = mode.order(Product::WechatQr);
        dearer.amount.minor += 1;
        for other in [dearer, mode.order(Product::WechatApp)] {
            let outcome = world.ask(&Op::Place(other));
            let Outcome::Refused(Refusal { kind, .. }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(kind, RefusalKind::NumberUsed);
        }
    }
}

#[test]
fn an_order_that_expires_is_closed() {
    let mut world = World::new(Mode::HongKong);
    world.place(&Mode::HongKong.order(Product::WechatQr));
    world.wait(15 * 60 * 1000 - 1);
    assert_eq!(world.query(), UNPAID);
    world.wait(1);
    assert_eq!(world.query(), Outcome::Closed);
}

#[test]
fn an_order_that_is_about_to_expire_is_given_the_least_time() {
    let mut world = World::new(Mode::Mainland);
    let mut order = Mode::Mainland.order(Product::WechatQr);
    order.expires_at = NOON.plus_millis(1000);
    let request = world.request(&Op::Place(order.clone())).unwrap();
    assert_eq!(read(&request.body).of("time_expire"), "20261122120135");
    world.place(&order);
}

#[test]
fn a_callback_is_repeated_on_the_vendors_schedule_until_it_is_acknowledged() {
    let mut world = World::paid(Mode::Mainland);
    let (mut waits, mut before) = (Vec::new(), world.now);
    while let Some(due) = world.sim.next_due() {
        world.now = due;
        let callback = world.callbacks().remove(0);
        waits.push(due.millis_since(before) / 1000);
        before = due;
        let (id, stamp) = (callback.id, world.stamp());
        let nack = world.hear(&callback.request).nack;
        world.sim.callback_answered(id, [None, Some(&nack)][waits.len() % 2], &stamp);
        let failed = HttpResponse { status: 200, ..nack };
        let not_xml = HttpResponse::new(200, "text/plain", "SUCCESS");
        for answer in [failed, not_xml] {
            world.sim.callback_answered(id, Some(&answer), &stamp);
        }
    }
    let minutes = |minutes: i64| minutes * 60;
    let expect = [0, 15, 15, 30]
        .into_iter()
        .chain([3, 10, 20, 30, 30, 30, 60, 180, 180, 180, 360, 360].map(minutes));
    assert_eq!(waits, expect.collect::<Vec<_>>());

    let mut world = World::paid(Mode::Mainland);
    let callback = world.callbacks().remove(0);
    let (ack, stamp) = (world.hear(&callback.request).ack, world.stamp());
    world.sim.callback_answered(callback.id, Some(&ack), &stamp);
    assert_eq!(world.sim.next_due(), None);
}

#[test]
fn the_platform_survives_a_restart() {
    let mut world = World::paid(Mode::HongKong);
    let paid = world.query();
    let refund = Op::Refund(Mode::HongKong.refund(100));
    let pending = world.ask(&refund);
    let snapshot = world.sim.snapshot();
    world.sim = new_sim(Mode::HongKong);
    assert_eq!(world.query(), Outcome::NotFound);
    world.sim.restore(snapshot).unwrap();
    assert!(matches!(paid, Outcome::Paid(_)));
    assert_eq!(world.query(), Outcome::PaidElsewhere);
    assert_eq!(world.ask(&refund), pending);
    assert_eq!(world.callbacks().len(), 1);
    world.wait(5000);
    assert_eq!(world.callbacks().len(), 1);
    assert!(world.sim.restore(serde_json::json!([1])).is_err());
    assert_eq!(world.query(), Outcome::PaidElsewhere);
}

#[test]
fn a_password_shows_as_acting_and_an_empty_purse_does_not_end_the_order() {
    let mut world = World::new(Mode::HongKong);
    let page = world.place(&Mode::HongKong.order(Product::WechatQr));
    let (status, html) = world.browse("GET", &page, "");
    assert_eq!(status, 200);
    assert!(html.contains("一杯咖啡") && html.contains("¥75.17") && html.contains("id=\"pay\""));
    let action = html.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (_, html) = world.browse("POST", &action, "choice=password");
    assert!(html.contains("type=\"password\""));
    assert_eq!(world.query(), ACTING);
    let (_, html) = world.browse("POST", &action, "choice=balance");
    assert!(html.contains("余额不足，"));
    assert_eq!(world.query(), UNPAID);
    let (_, html) = world.browse("POST", &action, "choice=cancel");
    assert!(html.contains("已取消支付"));
    assert_eq!(world.query(), UNPAID);
    let (_, html) = world.browse("POST", &action, "choice=pay");
    assert!(html.contains("支付成功") && !html.contains("id=\"return\""));
    let (_, html) = world.browse("POST", &action, "choice=pay");
    assert!(html.contains("支付成功"));
    assert_eq!(world.callbacks().len(), 1);
    for url in [page.replace("/qr/", "/h5/"), "/wechat_v2/qr/0".into(), "/wechat_v2/".into()] {
        assert_eq!(world.browse("GET", &url, "").0, 404, "{url}");
    }
}

#[test]
fn an_order_carries_what_the_manual_asks_for() {
    let mut world = World::new(Mode::HongKong);
    let account = with_setting(world.account.clone(), "app_name", "聚宝");
    world.account = with_setting(account, "app_url", "https://jubao.example");
    let mut place = Mode::HongKong.order(Product::WechatH5);
    place.subject = format!("\u{7}{}\n", "长".repeat(200));
    let request = world.request(&Op::Place(place)).unwrap();
    assert_eq!(request.url, "/pay/unifiedorder");
    let members = read(&request.body);
    for (name, value) in [
        ("appid", APPID),
        ("mch_id", MCH_ID),
        ("body", "长".repeat(42).as_str()),
        ("out_trade_no", TRADE_NO),
        ("total_fee", "8888"),
        ("fee_type", "HKD"),
        ("spbill_create_ip", "203.0.113.7"),
        ("time_expire", "20261122121505"),
        ("trade_type", "MWEB"),
        ("sign_type", "HMAC-SHA256"),
        (
            "scene_info",
            r#"{"h5_info":{"type":"Wap","wap_url":"https://jubao.example","wap_name":"聚宝"}}"#,
        ),
    ] {
        assert_eq!(members.of(name), value);
    }
    assert_eq!(members.of("nonce_str").len(), 32);
    assert!(!String::from_utf8(request.body).unwrap().contains(KEY));
}

#[test]
fn an_order_that_lacks_what_its_product_needs_is_not_sent() {
    let mode = Mode::HongKong;
    for (product, spoil, named) in [
        (Product::WechatH5, (|order| order.payer_ip.clear()) as fn(&mut crate::Place), "payer_ip"),
        (Product::WechatJsapi, |order| order.openid.clear(), "openid"),
        (Product::WechatHkJsapi, |order| order.openid.clear(), "openid"),
        (Product::WechatJsapi, |order| order.sub_appid = "wx2".into(), "sub_mch_id"),
        (Product::Micropay, |order| order.code = None, "code"),
        (Product::WechatQr, |order| order.amount.currency = Currency::Cny, "currency"),
    ] {
        let mut world = World::new(mode);
        let mut order = mode.order(product);
        spoil(&mut order);
        let fault = world.step(&Op::Place(order)).unwrap_err();
        assert!(fault.0.starts_with(named), "{}", fault.0);
    }
}

#[test]
fn settings_that_cannot_work_are_named_before_anything_is_sent() {
    for (key, value) in [
        ("appid", ""),
        ("appid", "wx 1"),
        ("mch_id", "19\r\n"),
        ("api_key", "short"),
        ("sign_type", "SHA1"),
        ("sub_mch_id", "<"),
        ("hk_paysign", "md5"),
        ("hk_package", "prepay_id="),
        ("hk_package", "{id}{id}"),
        ("api_base", "sim.test"),
        ("api_base", "https://sim.test/?x=1"),
    ] {
        let mut world = World::new(Mode::Mainland);
        world.account = with_setting(world.account, key, value);
        let fault = world.step(&Op::Query(Mode::Mainland.trade())).unwrap_err();
        assert!(fault.0.starts_with(key), "{key}: {}", fault.0);
        let shows = !value.is_empty() && key == "api_key" && fault.0.contains(value);
        assert!(!shows, "{}", fault.0);
    }
}

#[test]
fn refunds_and_reversals_need_the_certificate_and_show_it_and_nothing_else_does() {
    let mode = Mode::Mainland;
    let trade = || mode.trade();
    let (reverse, refund) = (Op::Reverse(trade()), Op::Refund(mode.refund(1)));
    for op in [&reverse, &refund] {
        for (key, value) in [
            ("certificate", ""),
            ("certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
            ("certificate_key", ""),
            ("certificate_key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ] {
            let mut world = World::new(mode);
            world.account = with_setting(world.account, key, value);
            let fault = world.step(op).unwrap_err();
            assert!(fault.0.starts_with(&format!("{key}: ")), "{}", fault.0);
            assert_eq!(super::WechatV2.client_certificate(op, &world.account), None);
        }
        let bag = format!("Bag Attributes\n    localKeyID: 01\n{0}{0}", super::CERTIFICATE.0);
        let chain = with_setting(mode.account(), "certificate", &bag);
        let shown = super::WechatV2.client_certificate(op, &chain).unwrap();
        assert_eq!(shown.certificate, bag);
        let shown = super::WechatV2.client_certificate(op, &mode.account()).unwrap();
        assert_eq!(shown.certificate, super::CERTIFICATE.0);
        assert_eq!(shown.private_key.expose(), super::CERTIFICATE.1);
    }
    for op in [
        Op::Place(mode.order(Product::WechatQr)),
        Op::Query(trade()),
        Op::Close(trade()),
        Op::QueryRefund(mode.refund(1)),
    ] {
        assert_eq!(super::WechatV2.client_certificate(&op, &mode.account()), None);
        let mut world = World::new(mode);
        world.account = with_setting(world.account, "certificate", "");
        assert!(world.step(&op).is_ok());
    }
}

#[test]
fn what_the_upstream_does_not_have_is_not_sent() {
    let mode = Mode::Mainland;
    // An account at home has no rate: it is settled in renminbi.
    for op in [Op::Rates, Op::Keys, Op::Place(mode.order(Product::AlipayQr))] {
        let outcome = World::new(mode).request(&op).unwrap_err();
        let Outcome::Refused(Refusal { kind, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(kind, RefusalKind::NotSupported);
    }
}

#[test]
fn a_sub_merchants_order_names_its_app_and_payer_everywhere() {
    let mode = Mode::Mainland;
    let mut world = World::new(mode);
    world.account = with_setting(world.account, "sub_mch_id", "1900000999");
    let mut order = mode.order(Product::WechatJsapi);
    order.sub_appid = "wxSub".into();
    let request = world.request(&Op::Place(order.clone())).unwrap();
    let members = read(&request.body);
    assert_eq!(members.of("sub_mch_id"), "1900000999");
    assert_eq!((members.of("sub_appid"), members.of("sub_openid")), ("wxSub", "oPayer"));
    assert!(!members.has("openid"));
    let config: serde_json::Value = serde_json::from_str(&world.place(&order)).unwrap();
    assert_eq!(config["appId"], "wxSub");
    world.pay();
    assert!(matches!(world.query(), Outcome::Paid(_)));
    let callback = world.callbacks().remove(0).request;
    assert!(world.hear(&callback).facts.is_ok());
    world.account = with_setting(world.account, "sub_mch_id", "1900000998");
    let mismatch = Err(crate::CallbackFault::Mismatch { field: "sub_mch_id" });
    assert_eq!(world.hear(&callback).facts, mismatch);
}

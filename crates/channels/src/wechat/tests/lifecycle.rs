//! An order from its first moment to its end, in both key modes.

use kernel::product::{Product, Provider};

use super::{
    APPID, MCHID, MODES, Mode, NOON, TRADE_NO, World, close, native, new_sim, order, query, trade,
};
use crate::http::HttpResponse;
use crate::sim::{PayError, Simulator};
use crate::{About, Channel, Op, Outcome, Refusal, RefusalKind, Step};

const UNPAID: Outcome = Outcome::Unpaid { is_acting: false };

fn refusal_kind(outcome: Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(Refusal { kind, .. }) => kind,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_native_order_is_paid_and_called_back() {
    for mode in MODES {
        let mut world = World::new(mode);
        let page = world.place(&native());
        assert!(page.starts_with("http://sim.test/wechat/qr/"), "{page}");
        assert_eq!(world.ask(&query()), UNPAID);
        world.pay();
        let Outcome::Paid(payment) = world.ask(&query()) else { panic!("{mode:?}") };
        assert_eq!(payment.provider, Provider::Wechat);
        assert_eq!(payment.amount, native().amount);
        assert_eq!(payment.cash, native().amount);
        assert_eq!(payment.transaction_id.len(), 28);
        assert_eq!(payment.bank_type, "OTHERS");
        assert_eq!(payment.openid.len(), 28);
        assert_eq!(payment.paid_at, NOON);
        let callbacks = world.callbacks();
        assert_eq!(callbacks.len(), 1);
        assert_eq!(callbacks[0].request.url, native().notify_url);
        let facts = world.hear(&callbacks[0].request).facts.unwrap();
        assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
        assert_eq!(facts.outcome, Outcome::Paid(payment));
    }
}

#[test]
fn an_h5_order_takes_the_payer_back_to_us() {
    for mode in MODES {
        let mut world = World::new(mode);
        let page = world.place(&order(Product::WechatH5));
        assert!(page.contains("?prepay_id=wx"), "{page}");
        assert!(
            page.contains("&redirect_url=http%3A%2F%2Fgateway%2Etest%2Fpay%2Fabc%3F"),
            "{page}"
        );
        let (status, html) = world.browse("GET", &page, "");
        assert_eq!(status, 200);
        assert!(
            html.contains("一杯咖啡") && html.contains("¥88.88") && html.contains("id=\"pay\"")
        );
        assert!(!html.contains("id=\"return\""));
        let action = html.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let form = format!(
            "choice=pay&redirect_url={}",
            super::super::request::escape(&order(Product::WechatH5).return_url,)
        );
        let (_, html) = world.browse("POST", &action, &form);
        assert!(html.contains("支付成功"));
        assert!(
            html.contains("id=\"return\" href=\"http://gateway.test/pay/abc?lang=zh&amp;x=1\""),
            "{html}"
        );
        assert!(matches!(world.ask(&query()), Outcome::Paid(_)));
        assert_eq!(world.callbacks().len(), 1);
    }
}

#[test]
fn a_password_shows_as_acting_and_an_empty_purse_does_not_end_the_order() {
    let mut world = World::new(Mode::PublicKey);
    let page = world.place(&native());
    let (_, html) = world.browse("GET", &page, "");
    let action = html.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (_, html) = world.browse("POST", &action, "choice=password");
    assert!(html.contains("type=\"password\"") && html.contains("id=\"pay\""));
    assert_eq!(world.ask(&query()), Outcome::Unpaid { is_acting: true });
    let (_, html) = world.browse("POST", &action, "choice=balance");
    assert!(html.contains("余额不足，"));
    assert_eq!(world.ask(&query()), UNPAID);
    let (_, html) = world.browse("POST", &action, "choice=cancel");
    assert!(html.contains("已取消支付"));
    assert_eq!(world.ask(&query()), UNPAID);
    let (_, html) = world.browse("POST", &action, "choice=pay");
    assert!(html.contains("支付成功") && !html.contains("id=\"return\""));
    let (_, html) = world.browse("POST", &action, "choice=pay");
    assert!(html.contains("支付成功"));
    assert_eq!(world.callbacks().len(), 1);
}

#[test]
fn a_page_of_another_product_or_of_no_order_is_missing() {
    let mut world = World::new(Mode::PublicKey);
    let page = world.place(&native());
    for url in [page.replace("/qr/", "/h5/"), "/wechat/qr/0".into(), "/wechat/".into()] {
        assert_eq!(world.browse("GET", &url, "").0, 404, "{url}");
    }
    assert_eq!(world.browse("POST", "/wechat/trades/0/pay", "choice=pay").0, 404);
}

#[test]
fn a_link_back_that_is_no_page_is_not_shown() {
    let mut world = World::new(Mode::PublicKey);
    let page = world.place(&order(Product::WechatH5));
    world.pay();
    let base = page.split('&').next().unwrap();
    let (_, html) = world.browse("GET", &format!("{base}&redirect_url=javascript%3Aalert(1)"), "");
    assert!(html.contains("支付成功") && !html.contains("javascript"));
}

#[test]
fn a_closed_order_stays_closed_and_cannot_be_paid() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.place(&native());
        assert_eq!(world.ask(&close()), Outcome::Closed);
        assert_eq!(world.ask(&close()), Outcome::Closed);
        assert_eq!(world.ask(&query()), Outcome::Closed);
        let stamp = world.stamp();
        let fault = world.sim.pay(TRADE_NO, None, &stamp).unwrap_err();
        assert!(matches!(fault, PayError::NotPayable(_)));
        let outcome = world.ask(&Op::Place(native()));
        assert_eq!(refusal_kind(outcome), RefusalKind::NumberUsed);
    }
}

#[test]
fn a_paid_order_is_neither_closed_nor_placed_again() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.place(&native());
        world.pay();
        assert_eq!(world.ask(&close()), Outcome::PaidElsewhere);
        assert_eq!(world.ask(&Op::Place(native())), Outcome::PaidElsewhere);
        assert!(matches!(world.ask(&query()), Outcome::Paid(_)));
    }
}

#[test]
fn an_expired_order_is_closed() {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.wait(15 * 60 * 1000 - 1);
    assert_eq!(world.ask(&query()), UNPAID);
    world.wait(1);
    assert_eq!(world.ask(&query()), Outcome::Closed);
    let stamp = world.stamp();
    assert!(world.sim.pay(TRADE_NO, None, &stamp).is_err());
    assert_eq!(world.ask(&close()), Outcome::Closed);
}

#[test]
fn the_same_order_again_is_the_same_order() {
    let mut world = World::new(Mode::Certificate);
    let page = world.place(&native());
    world.wait(1000);
    assert_eq!(world.place(&native()), page);
    let mut other = native();
    other.amount.minor += 1;
    assert_eq!(refusal_kind(world.ask(&Op::Place(other))), RefusalKind::NumberUsed);
    let other = order(Product::WechatH5);
    assert_eq!(refusal_kind(world.ask(&Op::Place(other))), RefusalKind::NumberUsed);
    assert_eq!(world.place(&native()), page);
}

#[test]
fn an_order_that_never_was_is_not_found() {
    for mode in MODES {
        let mut world = World::new(mode);
        assert_eq!(world.ask(&query()), Outcome::NotFound);
        assert_eq!(world.ask(&close()), Outcome::NotFound);
        let stamp = world.stamp();
        assert_eq!(world.sim.pay(TRADE_NO, None, &stamp), Err(PayError::NotFound));
    }
}

#[test]
fn the_newest_payable_attempt_of_a_number_is_paid() {
    let mut world = World::new(Mode::PublicKey);
    for attempt in ["01", "02", "03"] {
        let mut place = native();
        place.trade_no = format!("{}{attempt}", &TRADE_NO[..26]);
        world.place(&place);
    }
    let newest = Op::Close(trade(&format!("{}03", &TRADE_NO[..26])));
    assert_eq!(world.ask(&newest), Outcome::Closed);
    let stamp = world.stamp();
    let paid = world.sim.pay(&TRADE_NO[..26], None, &stamp).unwrap();
    assert_eq!(paid.trade_no, format!("{}02", &TRADE_NO[..26]));
    assert_eq!(paid.total, 8888);
}

#[test]
fn callbacks_repeat_on_schedule_until_acknowledged() {
    const MINUTES: [i64; 12] = [3, 10, 20, 30, 30, 30, 60, 180, 180, 180, 360, 360];
    let seconds = [15, 15, 30].into_iter().chain(MINUTES.map(|minutes| minutes * 60));
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.pay();
    let first = world.callbacks().remove(0);
    let nack = HttpResponse::new(400, "application/json", "{}");
    for wait in seconds {
        let stamp = world.stamp();
        world.sim.callback_answered(first.id, Some(&nack), &stamp);
        assert_eq!(world.sim.next_due(), Some(world.now.plus_millis(wait * 1000)));
        world.wait(wait * 1000 - 1);
        assert!(world.callbacks().is_empty());
        world.wait(1);
        let repeated = world.callbacks();
        assert_eq!(repeated.len(), 1);
        assert_eq!(repeated[0].id, first.id);
        assert!(world.hear(&repeated[0].request).facts.is_ok());
    }
    assert_eq!(world.sim.next_due(), None);
}

#[test]
fn an_acknowledged_callback_is_not_repeated() {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.pay();
    let callback = world.callbacks().remove(0);
    let ack = world.hear(&callback.request).ack;
    let stamp = world.stamp();
    world.sim.callback_answered(callback.id, Some(&ack), &stamp);
    assert_eq!(world.sim.next_due(), None);
}

#[test]
fn the_platform_survives_a_restart() {
    let mut world = World::new(Mode::PublicKey);
    world.place(&native());
    world.pay();
    let paid = world.ask(&query());
    let snapshot = world.sim.snapshot();
    world.sim = new_sim();
    assert_eq!(world.ask(&query()), Outcome::NotFound);
    world.sim.restore(snapshot).unwrap();
    assert_eq!(world.ask(&query()), paid);
    assert_eq!(world.callbacks().len(), 1);
    assert!(world.sim.restore(serde_json::json!([1])).is_err());
    assert_eq!(world.ask(&query()), paid);
}

#[test]
fn an_order_carries_what_the_manual_asks_for() {
    let mut world = World::new(Mode::PublicKey);
    world.account = super::with_setting(world.account, "app_name", "聚宝");
    let mut place = order(Product::WechatH5);
    place.subject = "长".repeat(200);
    let request = world.request(&Op::Place(place)).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(request.url, "/v3/pay/transactions/h5");
    assert_eq!(body["appid"], APPID);
    assert_eq!(body["mchid"], MCHID);
    assert_eq!(body["description"], "长".repeat(127));
    assert_eq!(body["time_expire"], "2026-11-22T12:15:05+08:00");
    assert_eq!(body["amount"], serde_json::json!({ "total": 8888, "currency": "CNY" }));
    assert_eq!(body["scene_info"]["payer_client_ip"], "203.0.113.7");
    assert_eq!(
        body["scene_info"]["h5_info"],
        serde_json::json!({ "type": "Wap", "app_name": "聚宝" })
    );
    assert_eq!(request.header("wechatpay-serial"), Some(super::PUBLIC_KEY_ID));
}

#[test]
fn settings_that_cannot_work_are_named_before_anything_is_sent() {
    for (key, value) in [
        ("mchid", ""),
        ("appid", "wx\"1"),
        ("serial_no", "A\r\nB"),
        ("apiv3_key", "short"),
        ("private_key", "nonsense"),
        ("public_key_id", "PUB_KEY_ID_1"),
        ("public_key", "-----BEGIN PUBLIC KEY-----"),
    ] {
        let mut world = World::without_keys(Mode::Certificate);
        let account = super::with_setting(world.account.clone(), key, value);
        let stamp = world.stamp();
        let fault = super::Wechat.request(&query(), &account, &stamp).unwrap_err();
        assert!(fault.0.contains(key), "{key}: {}", fault.0);
    }
}

#[test]
fn an_h5_order_without_an_address_or_in_another_currency_is_not_sent() {
    let mut world = World::new(Mode::PublicKey);
    let mut anonymous = order(Product::WechatH5);
    anonymous.payer_ip.clear();
    let mut foreign = native();
    foreign.amount.currency = kernel::money::Currency::Hkd;
    for place in [anonymous, foreign] {
        let stamp = world.stamp();
        assert!(super::Wechat.request(&Op::Place(place), &world.account, &stamp).is_err());
    }
    let stamp = world.stamp();
    let step = super::Wechat
        .request(&Op::Place(order(Product::AlipayQr)), &world.account, &stamp)
        .unwrap();
    let Step::Done(outcome) = step else { panic!("sent") };
    assert_eq!(refusal_kind(outcome), RefusalKind::NotSupported);
}

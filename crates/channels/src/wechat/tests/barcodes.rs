//! Barcodes: charged at once, waited for, reversed.

use kernel::product::Product;
use kernel::secret::Secret;

use super::{MODES, Mode, NOON, World, about, barcode, native, new_sim, refund, with_setting};
use crate::sim::Simulator;
use crate::{Channel, Doubt, Op, Outcome, Place, Refusal, RefusalKind, Step, Trade};

const ACTING: Outcome = Outcome::Unpaid { is_acting: true };

fn charge(world: &mut World, end: &str) -> Outcome {
    world.ask(&Op::Place(barcode(end)))
}

fn query(world: &mut World) -> Outcome {
    world.ask(&Op::Query(about(Product::Micropay)))
}

fn reverse(world: &mut World) -> Outcome {
    world.ask(&Op::Reverse(about(Product::Micropay)))
}

fn kind(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(Refusal { kind, .. }) | Outcome::Failed(Refusal { kind, .. }) => *kind,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_barcode_is_paid_at_once_and_nothing_is_called_back() {
    for mode in MODES {
        let mut world = World::new(mode);
        let outcome = charge(&mut world, "00");
        let Outcome::Paid(payment) = &outcome else { panic!("{outcome:?}") };
        assert_eq!((payment.amount, payment.paid_at), (barcode("00").amount, NOON));
        assert_eq!(query(&mut world), outcome);
        assert_eq!(charge(&mut world, "00"), Outcome::PaidElsewhere);
        assert!(world.callbacks().is_empty());
    }
}

#[test]
fn a_payer_who_enters_a_password_has_paid_eight_seconds_later() {
    let mut world = World::new(Mode::Certificate);
    assert_eq!(charge(&mut world, "01"), ACTING);
    assert_eq!(charge(&mut world, "01"), ACTING);
    world.wait(7_999);
    assert_eq!(query(&mut world), ACTING);
    world.wait(1);
    let Outcome::Paid(payment) = query(&mut world) else { panic!("not paid") };
    assert_eq!(payment.paid_at, NOON.plus_millis(8_000));
    world.wait(60_000);
    assert_eq!(query(&mut world), Outcome::Paid(payment));
}

#[test]
fn a_payer_who_gives_up_has_failed_for_good() {
    let mut world = World::new(Mode::PublicKey);
    assert_eq!(charge(&mut world, "02"), ACTING);
    world.wait(8_000);
    let outcome = query(&mut world);
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(kind(&outcome), RefusalKind::Business);
}

#[test]
fn a_purse_that_holds_too_little_and_an_old_code_are_refused() {
    let mut world = World::new(Mode::Certificate);
    assert_eq!(kind(&charge(&mut world, "03")), RefusalKind::Business);
    assert!(matches!(query(&mut world), Outcome::Failed(_)));
    let mut world = World::new(Mode::Certificate);
    assert_eq!(kind(&charge(&mut world, "04")), RefusalKind::CodeUsed);
    assert_eq!(query(&mut world), Outcome::NotFound);
}

#[test]
fn a_system_error_and_silence_leave_it_in_doubt_until_a_query() {
    for (end, is_paid) in [("05", true), ("06", false), ("07", true)] {
        let mut world = World::new(Mode::Certificate);
        let outcome = charge(&mut world, end);
        let expect = if end == "07" { Doubt::Timeout } else { Doubt::Busy("HTTP 500".into()) };
        assert_eq!(outcome, Outcome::Unknown(expect), "{end}");
        let outcome = query(&mut world);
        assert_eq!(matches!(outcome, Outcome::Paid(_)), is_paid, "{end}: {outcome:?}");
        assert!(is_paid || outcome == Outcome::Unpaid { is_acting: false }, "{outcome:?}");
    }
}

#[test]
fn a_code_is_good_for_one_attempt() {
    for end in ["00", "03", "04", "06"] {
        let mut world = World::new(Mode::Certificate);
        charge(&mut world, end);
        let mut again = barcode(end);
        again.trade_no = again.trade_no.replace("553801", "553802");
        assert_eq!(kind(&world.ask(&Op::Place(again))), RefusalKind::CodeUsed, "{end}");
    }
}

#[test]
fn a_code_that_is_none_of_wechats_is_refused() {
    for code in
        ["", "2846023707436061", "164602370743606100", "1346023707436061000", "13460237074360610x"]
    {
        let mut world = World::new(Mode::Certificate);
        let place = Place { code: Some(Secret::new(code)), ..barcode("00") };
        let outcome = world.ask(&Op::Place(place));
        let expect = if code.is_empty() { RefusalKind::Business } else { RefusalKind::CodeUsed };
        assert_eq!(kind(&outcome), expect, "{code}");
    }
}

#[test]
fn a_barcode_needs_its_code_and_its_store() {
    let mut world = World::new(Mode::Certificate);
    let stamp = world.stamp();
    let without = Op::Place(Place { code: None, ..barcode("00") });
    assert!(super::Wechat.request(&without, &world.account, &stamp).is_err());
    for store in ["", &"s".repeat(33)] {
        let account = with_setting(world.account.clone(), "store_out_id", store);
        let fault = super::Wechat.request(&Op::Place(barcode("00")), &account, &stamp).unwrap_err();
        assert!(fault.0.starts_with("store_out_id: "), "{}", fault.0);
    }
}

#[test]
fn the_code_stands_in_the_body_alone() {
    let mut world = World::new(Mode::PublicKey);
    let place = barcode("00");
    let code = "134602370743606100";
    assert!(!format!("{place:?}").contains(code));
    let request = world.request(&Op::Place(place)).unwrap();
    assert!(!format!("{} {:?}", request.url, request.headers).contains(code));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["payer"]["auth_code"], code);
    assert_eq!(body["scene_info"]["store_info"]["out_id"], "1");
    assert_eq!(body["scene_info"]["device_ip"], "203.0.113.7");
    assert!(body.get("notify_url").is_none() && body.get("time_expire").is_none());
}

#[test]
fn a_reversal_undoes_what_was_paid_and_what_was_not() {
    for mode in MODES {
        for end in ["00", "01", "02", "05", "06", "07"] {
            let mut world = World::new(mode);
            charge(&mut world, end);
            assert_eq!(reverse(&mut world), Outcome::Reversed, "{end}");
            assert_eq!(reverse(&mut world), Outcome::Reversed, "{end}");
            world.wait(10_000);
            assert_eq!(query(&mut world), Outcome::Reversed, "{end}");
            assert_eq!(charge(&mut world, end), Outcome::Reversed, "{end}");
            assert_eq!(world.ask(&Op::Close(about(Product::Micropay))), Outcome::Reversed);
        }
    }
}

#[test]
fn a_reversal_finds_no_order_or_a_closed_one_or_comes_too_late() {
    let mut world = World::new(Mode::Certificate);
    assert_eq!(reverse(&mut world), Outcome::NotFound);
    charge(&mut world, "06");
    assert_eq!(world.ask(&Op::Close(about(Product::Micropay))), Outcome::Closed);
    assert_eq!(reverse(&mut world), Outcome::Closed);
    let mut world = World::new(Mode::Certificate);
    charge(&mut world, "00");
    world.wait(7 * 24 * 60 * 60 * 1000 + 1);
    assert_eq!(kind(&reverse(&mut world)), RefusalKind::TooLate);
    assert!(matches!(query(&mut world), Outcome::Paid(_)));
}

#[test]
fn what_was_partly_refunded_is_not_reversed() {
    let mut world = World::new(Mode::Certificate);
    charge(&mut world, "00");
    let mut back = refund("R1", 1);
    back.trade = about(Product::Micropay);
    assert!(matches!(world.ask(&Op::Refund(back)), Outcome::RefundPending { .. }));
    assert_eq!(kind(&reverse(&mut world)), RefusalKind::Business);
    assert!(matches!(query(&mut world), Outcome::Paid(_)));
}

#[test]
fn only_a_barcode_is_reversed() {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    let stamp = world.stamp();
    for product in [Product::WechatQr, Product::WechatH5, Product::WechatJsapi, Product::WechatApp]
    {
        let op = Op::Reverse(Trade { product, ..about(product) });
        let Step::Done(outcome) = super::Wechat.request(&op, &world.account, &stamp).unwrap()
        else {
            panic!("sent")
        };
        assert_eq!(kind(&outcome), RefusalKind::NotSupported);
    }
    // And the platform itself refuses it.
    assert_eq!(kind(&reverse(&mut world)), RefusalKind::Business);
}

#[test]
fn barcodes_survive_a_restart() {
    let mut world = World::new(Mode::Certificate);
    charge(&mut world, "01");
    let snapshot = world.sim.snapshot();
    world.sim = new_sim();
    world.sim.restore(snapshot).unwrap();
    assert_eq!(query(&mut world), ACTING);
    world.wait(8_000);
    assert!(matches!(query(&mut world), Outcome::Paid(_)));
    let mut again = barcode("01");
    again.trade_no = again.trade_no.replace("553801", "553802");
    assert_eq!(kind(&world.ask(&Op::Place(again))), RefusalKind::CodeUsed);
}

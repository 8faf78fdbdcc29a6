//! The exchange rate of an account in a foreign currency, and whatever may come instead.

use super::{Mode, NOON, World, changed, read, signed, with_setting};
use crate::http::HttpResponse;
use crate::sim::{OpFaultKind, OpKind, ScriptedFault, Simulator};
use crate::wechat_v2::xml::Members;
use crate::{Doubt, Op, Outcome, Rate, Refusal};

fn a_rate() -> Members {
    Members::from([("fee_type", "HKD"), ("rate_time", "20261122100000"), ("rate", "84570000")])
}

fn heard(members: &Members) -> Outcome {
    let answer = HttpResponse::new(200, "text/xml", members.to_xml("xml"));
    World::new(Mode::HongKong).judge(&Op::Rates, &answer)
}

fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}

#[test]
fn the_rate_of_the_accounts_currency_is_told() {
    let mut world = World::new(Mode::HongKong);
    let request = read(&world.request(&Op::Rates).unwrap().body);
    assert_eq!((request.of("fee_type"), request.of("date")), ("HKD", "20261122"));
    let Outcome::Rates(rates) = world.ask(&Op::Rates) else { panic!("no rates") };
    let [Rate { currency, rate, released_at }] = &rates[..] else { panic!("{rates:?}") };
    assert_eq!((currency.as_str(), rate.as_str()), ("HKD", "0.84570000"));
    assert_eq!(released_at.beijing(), "2026-11-22 10:00:00");
}

#[test]
fn before_ten_the_rate_of_yesterday_is_asked_for() {
    let mut world = World::new(Mode::HongKong);
    for (hours, day) in [(-3, "20261121"), (-2, "20261122"), (21, "20261122"), (22, "20261123")] {
        world.now = NOON.plus_millis(hours * 3_600_000);
        let request = read(&world.request(&Op::Rates).unwrap().body);
        assert_eq!(request.of("date"), day, "{}", world.now.beijing());
    }
}

#[test]
fn a_rate_that_is_not_the_accounts_or_makes_no_sense_is_none() {
    let good = a_rate();
    assert!(matches!(heard(&signed(Mode::HongKong, &good)), Outcome::Rates(_)));
    for (name, value) in [
        ("fee_type", "AUD"),
        ("fee_type", ""),
        ("rate", "0"),
        ("rate", "0.8457"),
        ("rate", ""),
        ("rate_time", ""),
        ("rate_time", "today"),
        ("result_code", "PERHAPS"),
        ("mch_id", "1900000000"),
    ] {
        let outcome = heard(&signed(Mode::HongKong, &changed(&good, name, value)));
        assert!(is_unreadable(&outcome), "{name} {value}: {outcome:?}");
    }
}

#[test]
fn an_unsigned_rate_is_believed_only_where_tls_is_enough() {
    let whole = signed(Mode::HongKong, &a_rate());
    let bare = changed(&whole, "sign", "");
    assert!(is_unreadable(&heard(&bare)));
    let answer = HttpResponse::new(200, "text/xml", bare.to_xml("xml"));
    let mut world = World::new(Mode::HongKong);
    world.account = with_setting(world.account, "rates_signature", "ignore");
    assert!(matches!(world.judge(&Op::Rates, &answer), Outcome::Rates(_)));
    world.account = with_setting(world.account, "rates_signature", "perhaps");
    assert!(world.step(&Op::Rates).is_err());
}

#[test]
fn every_refusal_of_a_rate_is_told_and_busyness_is_a_doubt() {
    let fail = |code: &str| {
        let own = Members::from([("result_code", "FAIL"), ("err_code", code)]);
        heard(&signed(Mode::HongKong, &changed(&own, "err_code_des", "原因")))
    };
    for code in ["PARAM_ERROR", "NOAUTH", "A_WORD_OF_TOMORROW"] {
        let Outcome::Refused(Refusal { message, .. }) = fail(code) else { panic!("{code}") };
        assert_eq!(message, "原因");
    }
    assert!(matches!(fail("SYSTEMERROR"), Outcome::Unknown(Doubt::Busy(_))));
    let unsigned = Members::from([("return_code", "FAIL"), ("return_msg", "签名错误")]);
    let Outcome::Refused(Refusal { message, .. }) = heard(&unsigned) else { panic!("told") };
    assert_eq!(message, "签名错误");
}

#[test]
fn no_fault_of_the_upstream_makes_a_wrong_rate() {
    for (kind, _) in OpFaultKind::ALL {
        let mut world = World::new(Mode::HongKong);
        world.sim.script(ScriptedFault { op: OpKind::Rates, kind, times: 1 });
        let outcome = world.ask(&Op::Rates);
        assert_eq!(world.sim.faults_left(), 0);
        let is_refused = matches!(outcome, Outcome::Refused(_));
        assert_eq!(is_refused, kind == OpFaultKind::Refused, "{kind:?}: {outcome:?}");
        assert!(is_refused || matches!(outcome, Outcome::Unknown(_)), "{kind:?}: {outcome:?}");
        assert!(matches!(world.ask(&Op::Rates), Outcome::Rates(_)), "{kind:?}");
    }
}

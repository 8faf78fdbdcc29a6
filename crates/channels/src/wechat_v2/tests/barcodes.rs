//! Payers' codes: each ending of one, and that a code is good for one attempt.

use kernel::product::Product;
use kernel::secret::Secret;

use super::{ACTING, CODE, MODES, Mode, NOON, TRADE_NO, UNPAID, World};
use crate::sim::Simulator;
use crate::{Doubt, Op, Outcome, Place, Refusal, RefusalKind};

fn order(mode: Mode, ending: &str) -> Place {
    let code = format!("{}{ending}", &CODE[..16]);
    Place { code: Some(Secret::new(code)), ..mode.order(Product::Micropay) }
}

fn charge(world: &mut World, ending: &str) -> Outcome {
    let order = order(world.mode, ending);
    world.ask(&Op::Place(order))
}

fn query(world: &mut World) -> Outcome {
    let trade = world.mode.trade_of(Product::Micropay);
    world.ask(&Op::Query(trade))
}

fn refused(outcome: Outcome) -> (RefusalKind, String) {
    match outcome {
        Outcome::Refused(Refusal { kind, code, .. }) => (kind, code),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_code_is_charged_at_once() {
    for mode in MODES {
        for ending in ["00", "08", "99"] {
            let mut world = World::new(mode);
            let Outcome::Paid(payment) = charge(&mut world, ending) else { panic!("{ending}") };
            assert_eq!((payment.amount, payment.cash), (mode.total(), mode.cash()));
            assert_eq!(payment.paid_at, NOON);
            assert_eq!(query(&mut world), Outcome::Paid(payment));
            assert!(world.callbacks().is_empty(), "nothing calls back");
            assert_eq!(charge(&mut world, ending), Outcome::PaidElsewhere);
        }
    }
}

#[test]
fn a_payer_who_must_act_pays_after_eight_seconds_or_goes_away() {
    for mode in MODES {
        for (ending, is_paying) in [("01", true), ("02", false)] {
            let mut world = World::new(mode);
            assert_eq!(charge(&mut world, ending), ACTING);
            assert_eq!(charge(&mut world, ending), ACTING);
            world.wait(7_999);
            assert_eq!(query(&mut world), ACTING);
            world.wait(10_000);
            match query(&mut world) {
                Outcome::Paid(payment) => {
                    assert!(is_paying);
                    assert_eq!(payment.paid_at, NOON.plus_millis(8_000));
                }
                Outcome::Failed(refusal) => {
                    assert!(!is_paying);
                    assert_eq!(refusal.code, "PAYERROR");
                }
                outcome => panic!("{outcome:?}"),
            }
        }
    }
}

#[test]
fn a_payer_who_acts_can_be_reversed_before_they_pay() {
    let mut world = World::new(Mode::Mainland);
    assert_eq!(charge(&mut world, "01"), ACTING);
    assert_eq!(world.reverse(), Outcome::Reversed);
    world.wait(60_000);
    assert_eq!(query(&mut world), Outcome::Reversed);
    assert_eq!(charge(&mut world, "01"), Outcome::Reversed);
}

#[test]
fn an_empty_purse_or_a_stale_code_is_refused_for_good() {
    for mode in MODES {
        let mut world = World::new(mode);
        let outcome = charge(&mut world, "03");
        assert_eq!(refused(outcome), (RefusalKind::Business, "NOTENOUGH".into()));
        assert!(matches!(query(&mut world), Outcome::Failed(_)));
        let mut world = World::new(mode);
        let outcome = charge(&mut world, "04");
        assert_eq!(refused(outcome), (RefusalKind::CodeUsed, "AUTHCODEEXPIRE".into()));
        assert_eq!(query(&mut world), Outcome::NotFound);
    }
}

#[test]
fn silence_and_system_errors_are_unknown_until_the_query() {
    for mode in MODES {
        let busy = Outcome::Unknown(Doubt::Busy("SYSTEMERROR".into()));
        let silence = Outcome::Unknown(Doubt::Timeout);
        for (ending, expect, is_paid) in
            [("05", &busy, true), ("06", &busy, false), ("07", &silence, true)]
        {
            let mut world = World::new(mode);
            assert_eq!(charge(&mut world, ending), *expect);
            let outcome = query(&mut world);
            assert_eq!(matches!(outcome, Outcome::Paid(_)), is_paid, "{outcome:?}");
            assert!(is_paid || outcome == UNPAID);
            assert_eq!(world.reverse(), Outcome::Reversed);
        }
    }
}

#[test]
fn a_code_is_good_for_one_attempt_even_a_failed_one() {
    for ending in ["00", "01", "03", "04", "06"] {
        let mut world = World::new(Mode::Mainland);
        charge(&mut world, ending);
        let mut other = order(Mode::Mainland, ending);
        other.trade_no = format!("{TRADE_NO}2");
        let outcome = world.ask(&Op::Place(other));
        assert_eq!(refused(outcome), (RefusalKind::CodeUsed, "AUTHCODEEXPIRE".into()));
    }
}

#[test]
fn what_is_no_code_is_refused() {
    for code in ["1", "094602370743606100", "164602370743606100", "13460237074360610x"] {
        let order =
            Place { code: Some(Secret::new(code)), ..Mode::Mainland.order(Product::Micropay) };
        let outcome = World::new(Mode::Mainland).ask(&Op::Place(order));
        assert_eq!(refused(outcome), (RefusalKind::CodeUsed, "AUTH_CODE_INVALID".into()));
    }
}

#[test]
fn another_order_under_a_number_in_use_is_unknown() {
    let mut world = World::new(Mode::Mainland);
    charge(&mut world, "01");
    let mut dearer = order(Mode::Mainland, "00");
    dearer.amount.minor += 1;
    assert!(matches!(world.ask(&Op::Place(dearer)), Outcome::Unknown(Doubt::Unreadable(_))));
}

#[test]
fn the_plan_of_a_payer_survives_a_restart() {
    let mut world = World::new(Mode::HongKong);
    charge(&mut world, "01");
    let snapshot = world.sim.snapshot();
    world.sim = super::new_sim(Mode::HongKong);
    world.sim.restore(snapshot).unwrap();
    world.wait(8_000);
    assert!(matches!(query(&mut world), Outcome::Paid(_)));
}

#[test]
fn a_code_shows_in_no_debug_text() {
    let mut world = World::new(Mode::Mainland);
    let op = Op::Place(order(Mode::Mainland, "00"));
    assert!(!format!("{op:?}").contains(CODE));
    let request = world.request(&op).unwrap();
    assert!(!request.url.contains(CODE) && request.headers.iter().all(|(_, v)| !v.contains(CODE)));
}

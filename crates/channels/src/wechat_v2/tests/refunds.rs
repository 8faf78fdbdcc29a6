//! Refunds: accepted, then done; never more than was paid, never twice under one number.

use kernel::money::{Currency, Money};

use super::{MODES, Mode, NOON, TOTAL, World};
use crate::sim::Simulator;
use crate::{About, Op, Outcome, Refund, Refusal, RefusalKind};

fn refusal(outcome: Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(Refusal { kind, .. }) => kind,
        outcome => panic!("{outcome:?}"),
    }
}

fn ask(world: &mut World, refund: &Refund) -> Outcome {
    world.ask(&Op::Refund(refund.clone()))
}

fn query(world: &mut World, refund: &Refund) -> Outcome {
    world.ask(&Op::QueryRefund(refund.clone()))
}

fn numbered(refund: &Refund, no: usize) -> Refund {
    Refund { refund_no: format!("{}{no:02}", &refund.refund_no[..24]), ..refund.clone() }
}

#[test]
fn a_refund_is_accepted_then_done_and_called_back() {
    for mode in MODES {
        let mut world = World::paid(mode);
        let ack = world.callbacks().remove(0);
        let (stamp, answer) = (world.stamp(), world.hear(&ack.request).ack);
        world.sim.callback_answered(ack.id, Some(&answer), &stamp);
        let refund = mode.refund(1000);
        let Outcome::RefundPending { refund_id } = ask(&mut world, &refund) else { panic!() };
        assert_eq!(refund_id.len(), 28);
        let pending = Outcome::RefundPending { refund_id: refund_id.clone() };
        assert_eq!(query(&mut world, &refund), pending);
        assert!(world.callbacks().is_empty());
        world.wait(5_000);
        let callback = world.callbacks().remove(0).request;
        assert_eq!(callback.url, refund.notify_url);
        let facts = world.hear(&callback).facts.unwrap();
        assert_eq!(facts.about, About::Refund(refund.refund_no.clone()));
        // It is sealed, not signed: only the query tells how the refund ended.
        assert_eq!(facts.outcome, pending);
        let Outcome::Refunded(refunded) = query(&mut world, &refund) else { panic!() };
        assert_eq!(refunded.refund_id, refund_id);
        assert_eq!(refunded.amount, refund.amount);
        let (cash, rate) = if mode == Mode::Mainland { (1000, "") } else { (845, "84570000") };
        assert_eq!(refunded.cash, Money::new(cash, Currency::Cny));
        assert_eq!(refunded.rate, rate);
        assert_eq!(refunded.refunded_at, NOON.plus_millis(5_000));
        assert_eq!(world.query(), Outcome::PaidElsewhere);
    }
}

#[test]
fn the_same_refund_again_is_the_same_and_another_amount_is_refused() {
    for mode in MODES {
        let mut world = World::paid(mode);
        let refund = mode.refund(TOTAL);
        let first = ask(&mut world, &refund);
        assert_eq!(ask(&mut world, &refund), first);
        world.wait(5_000);
        assert_eq!(ask(&mut world, &refund), first);
        let outcome = ask(&mut world, &mode.refund(TOTAL - 1));
        assert_eq!(refusal(outcome), RefusalKind::NumberUsed);
        assert!(matches!(query(&mut world, &refund), Outcome::Refunded(_)));
    }
}

#[test]
fn refunds_are_never_more_than_was_paid() {
    for mode in MODES {
        let mut world = World::paid(mode);
        let refund = mode.refund(TOTAL - 1);
        assert!(matches!(ask(&mut world, &refund), Outcome::RefundPending { .. }));
        let outcome = ask(&mut world, &numbered(&mode.refund(2), 2));
        assert_eq!(refusal(outcome), RefusalKind::NothingLeft);
        let rest = numbered(&mode.refund(1), 3);
        assert!(matches!(ask(&mut world, &rest), Outcome::RefundPending { .. }));
        let outcome = ask(&mut world, &numbered(&mode.refund(1), 4));
        assert_eq!(refusal(outcome), RefusalKind::NothingLeft);
        let outcome = query(&mut world, &numbered(&refund, 4));
        assert_eq!(outcome, Outcome::NotFound);
    }
}

#[test]
fn an_order_has_at_most_fifty_refunds_and_each_is_found() {
    let mode = Mode::Mainland;
    let mut world = World::paid(mode);
    for no in 0..50 {
        let outcome = ask(&mut world, &numbered(&mode.refund(1), no));
        assert!(matches!(outcome, Outcome::RefundPending { .. }), "{no}");
    }
    let outcome = ask(&mut world, &numbered(&mode.refund(1), 50));
    assert_eq!(refusal(outcome), RefusalKind::Business);
    world.wait(5_000);
    for no in 0..50 {
        let outcome = query(&mut world, &numbered(&mode.refund(1), no));
        assert!(matches!(outcome, Outcome::Refunded(_)), "{no}");
    }
}

#[test]
fn what_is_unpaid_reversed_or_a_year_old_is_not_refunded() {
    let mode = Mode::HongKong;
    let refund = mode.refund(1);
    let mut world = World::new(mode);
    assert_eq!(refusal(ask(&mut world, &refund)), RefusalKind::Business);
    world.place(&mode.order(kernel::product::Product::WechatQr));
    assert_eq!(refusal(ask(&mut world, &refund)), RefusalKind::Business);
    world.pay();
    world.wait(365 * 24 * 60 * 60 * 1000 + 1);
    assert_eq!(refusal(ask(&mut world, &refund)), RefusalKind::TooLate);
    let mut world = World::paid(mode);
    assert_eq!(world.reverse(), Outcome::Reversed);
    assert_eq!(refusal(ask(&mut world, &refund)), RefusalKind::Business);
    let mut world = World::paid(mode);
    assert!(matches!(ask(&mut world, &refund), Outcome::RefundPending { .. }));
    assert!(matches!(world.reverse(), Outcome::Unknown(_)), "not undone, and not said to be");
}

#[test]
fn a_refund_may_fail_be_stuck_or_lack_balance() {
    for mode in MODES {
        let reasoned = |reason: &str| Refund { reason: reason.into(), ..mode.refund(TOTAL) };
        let mut world = World::paid(mode);
        let outcome = ask(&mut world, &reasoned("NOTENOUGH"));
        assert_eq!(refusal(outcome), RefusalKind::BalanceTooLow);
        assert_eq!(query(&mut world, &mode.refund(TOTAL)), Outcome::NotFound);
        let closed = reasoned("REFUNDCLOSE");
        assert!(matches!(ask(&mut world, &closed), Outcome::RefundPending { .. }));
        world.wait(5_000);
        let outcome = query(&mut world, &closed);
        assert!(matches!(outcome, Outcome::RefundClosed(_)), "{outcome:?}");
        // The money is still there, and the number may be tried again.
        assert!(matches!(ask(&mut world, &reasoned("CHANGE")), Outcome::RefundPending { .. }));
        world.wait(5_000);
        assert_eq!(query(&mut world, &closed), Outcome::RefundStuck);
        assert!(world.callbacks().len() >= 2);
    }
}

#[test]
fn a_refund_of_another_total_is_refused() {
    let mode = Mode::Mainland;
    let mut refund = mode.refund(1);
    refund.trade.amount.minor += 1;
    let outcome = ask(&mut World::paid(mode), &refund);
    assert_eq!(refusal(outcome), RefusalKind::NumberUsed);
}

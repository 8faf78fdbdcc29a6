//! Life-cycles of what goes back: refunds, undoings, reversals.

use kernel::money::{Currency, Money};
use kernel::product::Product;

use super::{
    Bench, REFUND_NO, START, a_refund, barcode, is_unknown, of_order, payment_of, qr, query,
    query_barcode, refusal_of, reverse, trade, undo,
};
use crate::sim::{OpFaultKind, OpKind, Simulator};
use crate::{About, Doubt, Op, Outcome, Refund, RefusalKind};

#[test]
fn a_refund_is_accepted_then_done_then_told() {
    for sign_method in ["01", "11"] {
        let mut bench = Bench::signing(sign_method);
        let payment = bench.paid();
        bench.deliver();
        let refund = a_refund(&payment, 100);
        let query = Op::QueryRefund(refund.clone());
        assert_eq!(bench.call(&query), Outcome::NotFound);
        let Outcome::RefundPending { refund_id } = bench.call(&Op::Refund(refund)) else {
            panic!("accepted")
        };
        assert_eq!(bench.call(&query), Outcome::RefundPending { refund_id: refund_id.clone() });
        assert_eq!(bench.sim.next_due(), Some(START.plus_millis(5_000)));
        bench.wait(5_000);
        let Outcome::Refunded(refunded) = bench.call(&query) else { panic!("done") };
        assert_eq!((refunded.amount.minor, refunded.refund_id.clone()), (100, refund_id));
        assert_eq!(refunded.cash, refunded.amount);
        assert!(refunded.rate.is_empty());
        let told = bench.deliver().remove(0).facts.unwrap();
        assert_eq!(told.about, About::Refund(REFUND_NO.into()));
        assert_eq!(told.outcome, Outcome::Refunded(refunded));
        assert_eq!(bench.sim.next_due(), None);
    }
}

#[test]
fn the_same_refund_again_is_the_same_refund() {
    let mut bench = Bench::new();
    let payment = bench.paid();
    let refund = Op::Refund(a_refund(&payment, 8888));
    let first = bench.call(&refund);
    assert_eq!(bench.call(&refund), first);
    assert_eq!(bench.sent, 2, "12, and the query tells");
    bench.wait(5_000);
    assert!(matches!(bench.call(&refund), Outcome::Refunded(_)), "done in the meantime");
    let other = Op::Refund(a_refund(&payment, 8887));
    let outcome = bench.call(&other);
    assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{outcome:?}");
}

#[test]
fn refunds_never_exceed_what_was_paid() {
    let mut bench = Bench::new();
    let payment = bench.paid();
    let of = |no: u32, minor| {
        let refund_no = format!("{}{no:02}", &REFUND_NO[..24]);
        Op::Refund(Refund { refund_no, ..a_refund(&payment, minor) })
    };
    assert!(matches!(bench.call(&of(1, 8000)), Outcome::RefundPending { .. }));
    assert_eq!(refusal_of(&bench.call(&of(2, 889))), (RefusalKind::Business, "36".into()));
    assert!(matches!(bench.call(&of(3, 888)), Outcome::RefundPending { .. }));
    assert_eq!(refusal_of(&bench.call(&of(4, 1))), (RefusalKind::NothingLeft, "45".into()));
    assert_eq!(refusal_of(&bench.call(&undo(&payment))).0, RefusalKind::NothingLeft);
}

#[test]
fn a_refund_after_eleven_months_is_too_late() {
    let mut bench = Bench::new();
    let payment = bench.paid();
    bench.wait(335 * 24 * 60 * 60 * 1000);
    let late = bench.call(&Op::Refund(a_refund(&payment, 1)));
    assert_eq!(refusal_of(&late), (RefusalKind::TooLate, "39".into()));
}

#[test]
fn a_refund_of_what_was_never_paid_is_not_sent() {
    let mut refund = a_refund(&Bench::new().paid(), 1);
    refund.trade.transaction_id.clear();
    let mut bench = Bench::new();
    let stamp = bench.stamp();
    let asked = crate::Channel::request(
        &crate::unionpay::Unionpay,
        &Op::Refund(refund),
        &bench.account,
        &stamp,
    );
    assert!(asked.is_err());
}

#[test]
fn a_refund_tells_what_the_payer_gets_and_at_which_rate() {
    let mut bench = Bench::new();
    bench.account.currency = Currency::Hkd;
    let Op::Place(mut place) = qr() else { unreachable!() };
    place.amount.currency = Currency::Hkd;
    bench.call(&Op::Place(place));
    bench.pay(None);
    let payment = payment_of(&bench.call(&query()));
    let mut refund = a_refund(&payment, 100);
    refund.amount.currency = Currency::Hkd;
    bench.call(&Op::Refund(refund.clone()));
    bench.wait(5_000);
    let Outcome::Refunded(refunded) = bench.call(&Op::QueryRefund(refund)) else { panic!("done") };
    assert_eq!(refunded.amount, Money::new(100, Currency::Hkd));
    assert_eq!(refunded.cash, Money::new(90, Currency::Cny));
    assert_eq!(refunded.rate, "10000009", "as UnionPay spells it");
}

#[test]
fn a_paid_order_is_undone_once_on_its_day() {
    let mut bench = Bench::new();
    let payment = payment_of(&bench.call(&barcode("00")));
    bench.deliver();
    assert_eq!(bench.call(&undo(&payment)), Outcome::Reversed);
    assert_eq!(bench.sent, 2, "00 says that it is accepted");
    assert_eq!(bench.call(&undo(&payment)), Outcome::Reversed, "12, and the query tells");
    assert!(bench.deliver().is_empty() && bench.sim.next_due().is_none());
    let refused = bench.call(&Op::Refund(a_refund(&payment, 1)));
    assert_eq!(refusal_of(&refused).0, RefusalKind::NothingLeft);

    let mut bench = Bench::new();
    let payment = payment_of(&bench.call(&barcode("00")));
    // 12:00:05 to 23:00:00: the day of settlement is over.
    bench.wait((10 * 3600 + 59 * 60 + 55) * 1000);
    assert_eq!(refusal_of(&bench.call(&undo(&payment))), (RefusalKind::TooLate, "39".into()));
}

#[test]
fn an_undoing_that_went_unanswered_is_found_again() {
    for (waited_min, is_found) in [(0, true), (9, true), (10, true), (29, true), (200, false)] {
        let mut bench = Bench::new();
        let payment = payment_of(&bench.call(&barcode("00")));
        bench.wait(15 * 60_000);
        bench.fail_once(OpKind::Reverse, OpFaultKind::DroppedAfter);
        assert_eq!(bench.call(&undo(&payment)), Outcome::Unknown(Doubt::Timeout));
        bench.wait(waited_min * 60_000);
        let again = bench.call(&undo(&payment));
        assert_eq!(again == Outcome::Reversed, is_found, "{waited_min} {again:?}");
        assert!(is_found || is_unknown(&again), "{again:?}");
    }
}

#[test]
fn what_was_given_back_by_another_hand_is_not_called_undone() {
    for waited_min in [0, 25, 300] {
        let mut bench = Bench::new();
        let payment = payment_of(&bench.call(&barcode("00")));
        bench.call(&Op::Refund(a_refund(&payment, 1)));
        bench.wait(waited_min * 60_000);
        let outcome = bench.call(&undo(&payment));
        let is_refused = matches!(outcome, Outcome::Refused(_));
        assert_eq!(is_refused, waited_min == 0, "{outcome:?}");
        assert!(is_refused || is_unknown(&outcome), "{outcome:?}");
    }
}

#[test]
fn a_barcode_in_doubt_is_reversed_as_often_as_it_is_asked_for() {
    for fate in ["01", "05", "07"] {
        let mut bench = Bench::new();
        bench.call(&barcode(fate));
        assert_eq!(bench.call(&reverse()), Outcome::Reversed, "{fate}");
        assert_eq!(bench.call(&reverse()), Outcome::Reversed, "{fate}");
        bench.wait(8_000);
        assert_eq!(refusal_of(&bench.call(&query_barcode())).1, "01", "nothing is paid later");
        let told: Vec<_> = bench.deliver().iter().map(of_order).collect();
        assert_eq!(told.len(), usize::from(fate != "01"), "it was paid for a moment");
    }
    let mut bench = Bench::new();
    assert_eq!(bench.call(&reverse()), Outcome::NotFound);
    bench.call(&barcode("06"));
    assert!(is_unknown(&bench.call(&reverse())), "35 does not say why");
}

#[test]
fn only_a_barcode_is_reversed_without_its_payment() {
    let mut bench = Bench::new();
    bench.call(&qr());
    for product in [Product::UnionpayQr, Product::UnionpayLink] {
        let outcome = bench.call(&Op::Reverse(trade(product)));
        assert_eq!((refusal_of(&outcome).0, bench.sent), (RefusalKind::NotSupported, 0));
    }
}

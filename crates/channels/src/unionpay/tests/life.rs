//! Life-cycles of payments: what becomes of an order that nothing disturbs.

use kernel::money::{Currency, Money};
use kernel::product::Product;

use super::{
    Bench, HALF_HOUR_MS, START, TRADE_NO, a_place, a_sim, barcode, close, link, of_order,
    payment_of, place, qr, query, query_barcode, refusal_of, text_of, trade,
};
use crate::sim::{PayError, Simulator};
use crate::unionpay::wire::Fields;
use crate::{Doubt, Op, Outcome, Place, RefusalKind};

#[test]
fn a_code_is_scanned_paid_queried_and_told_with_either_signature() {
    for sign_method in ["01", "11"] {
        let mut bench = Bench::signing(sign_method);
        let pay_text = text_of(&bench.call(&qr()));
        assert!(pay_text.starts_with("http://127.0.0.1:9000/unionpay/qr/62"), "{pay_text}");
        assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has scanned it");
        let page = bench.page("GET", &pay_text, "");
        assert!(page.contains("¥88.88") && page.contains("测试 abc &lt;b&gt;"), "{page}");
        assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
        bench.wait(2_000);
        let page = bench.press(&page, "pay");
        assert!(page.contains("支付成功"), "{page}");

        let payment = payment_of(&bench.call(&query()));
        assert_eq!(payment.amount, Money::new(8888, Currency::Cny));
        assert_eq!((payment.cash, payment.paid_at), (payment.amount, START.plus_millis(2_000)));
        assert_eq!((payment.bank_type.as_str(), payment.transaction_id.len()), ("01020000", 21));
        let told = bench.deliver();
        assert_eq!(told.len(), 1);
        assert_eq!(of_order(&told[0]), Outcome::Paid(payment));
        assert_eq!(bench.sim.next_due(), None, "an acknowledged notification is not repeated");
    }
}

#[test]
fn a_link_is_opened_paid_and_left_with_a_signed_form() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&link()));
    assert_eq!(bench.sent, 0, "a page is only signed");
    let (address, members) = pay_text.split_once('?').unwrap();
    assert_eq!(address, "http://127.0.0.1:9000/gateway/api/frontTransReq.do");
    let members = Fields::from_form(members).unwrap();
    assert_eq!(members.of("payTimeout"), START.plus_millis(HALF_HOUR_MS).compact());
    assert_eq!(members.of("frontUrl"), "https://pay.example/pay/TOKEN?x=1");
    assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has opened it");

    let page = bench.page("GET", &pay_text, "");
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    assert!(bench.press(&page, "password").contains("任意支付密码"));
    let left = bench.press(&page, "cancel");
    assert!(left.contains("href=\"https://pay.example/pay/TOKEN?x=1\""), "{left}");
    let paid = bench.press(&page, "pay");
    assert!(paid.contains("method=\"post\" action=\"https://pay.example/pay/TOKEN?x=1\""));
    assert!(paid.contains("name=\"signature\"") && paid.contains(TRADE_NO), "{paid}");
    payment_of(&bench.call(&query()));
    assert!(bench.page("GET", &pay_text, "").contains("支付成功"), "it is found again");
    assert_eq!(bench.deliver().len(), 1);
}

#[test]
fn a_refused_card_ends_a_barcode_but_neither_a_code_nor_a_page() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    let page = bench.page("GET", &pay_text, "");
    assert!(bench.press(&page, "balance").contains("余额不足"));
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: false });
    assert!(bench.deliver().is_empty(), "front transactions tell of success only");
    bench.press(&page, "pay");
    payment_of(&bench.call(&query()));

    let mut bench = Bench::new();
    let refused = refusal_of(&bench.call(&barcode("03")));
    assert_eq!(refused, (RefusalKind::Business, "64".into()));
    assert_eq!(refusal_of(&bench.call(&query_barcode())), (RefusalKind::Business, "64".into()));
    assert_eq!(of_order(&bench.deliver()[0]), Outcome::Unpaid { is_acting: false });
}

#[test]
fn a_barcode_is_paid_only_when_the_query_says_so() {
    let mut bench = Bench::new();
    let payment = payment_of(&bench.call(&barcode("00")));
    assert_eq!(bench.sent, 2, "00 says that it is accepted");
    assert_eq!(payment.amount, Money::new(8888, Currency::Cny));
    assert_eq!(bench.call(&query_barcode()), Outcome::Paid(payment.clone()));
    assert_eq!(of_order(&bench.deliver()[0]), Outcome::Paid(payment.clone()));
    // The same order again: 12, and the query tells.
    assert_eq!(bench.call(&barcode("00")), Outcome::Paid(payment));
}

#[test]
fn the_end_of_a_barcode_is_chosen_by_its_last_digits() {
    let acting = Outcome::Unpaid { is_acting: true };
    let mut bench = Bench::new();
    assert_eq!(bench.call(&barcode("01")), acting);
    assert_eq!(bench.call(&query_barcode()), acting);
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(8_000)));
    bench.wait(8_000);
    let payment = payment_of(&bench.call(&query_barcode()));
    assert_eq!(payment.paid_at, START.plus_millis(8_000));

    let mut bench = Bench::new();
    assert_eq!(bench.call(&barcode("02")), acting);
    bench.wait(8_000);
    assert_eq!(refusal_of(&bench.call(&query_barcode())), (RefusalKind::Business, "01".into()));

    let used = refusal_of(&Bench::new().call(&barcode("04")));
    assert_eq!(used, (RefusalKind::CodeUsed, "36".into()));

    for (fate, is_paid) in [("05", true), ("06", false)] {
        let mut bench = Bench::new();
        assert!(matches!(bench.call(&barcode(fate)), Outcome::Unknown(Doubt::Busy(_))));
        let queried = bench.call(&query_barcode());
        assert_eq!(matches!(queried, Outcome::Paid(_)), is_paid, "{queried:?}");
        assert_eq!(matches!(queried, Outcome::Failed(_)), !is_paid, "{queried:?}");
    }

    let mut bench = Bench::new();
    assert_eq!(bench.call(&barcode("07")), Outcome::Unknown(Doubt::Timeout));
    payment_of(&bench.call(&query_barcode()));
}

#[test]
fn a_barcode_is_good_for_one_attempt_and_only_unionpays() {
    let mut bench = Bench::new();
    payment_of(&bench.call(&barcode("00")));
    let Op::Place(again) = barcode("00") else { unreachable!() };
    let trade_no = format!("{}02", &TRADE_NO[..26]);
    let again = Op::Place(Place { trade_no, ..again });
    assert_eq!(refusal_of(&bench.call(&again)).0, RefusalKind::CodeUsed);

    for code in ["134602370743606195", "6212345678901234", "62123456789012345x0"] {
        let code = Some(kernel::secret::Secret::new(code));
        let op = Op::Place(Place { code, ..a_place(Product::Micropay) });
        assert_eq!(refusal_of(&bench.call(&op)).0, RefusalKind::CodeUsed);
        assert_eq!(bench.sent, 0);
    }
    assert_eq!(refusal_of(&bench.call(&place(Product::Micropay))).0, RefusalKind::CodeUsed);
}

#[test]
fn a_barcode_shows_nowhere_but_in_the_body() {
    let mut bench = Bench::new();
    let op = barcode("00");
    assert!(!format!("{op:?}").contains("621234567890"));
    bench.call(&op);
    assert!(!bench.sim.snapshot().to_string().contains("621234567890"));
}

#[test]
fn an_unpaid_order_ends_with_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    assert_eq!(bench.call(&close()), Outcome::NotFound, "nobody has scanned it");
    let page = bench.page("GET", &pay_text, "");
    assert_eq!(bench.call(&close()), Outcome::Unpaid { is_acting: true }, "ACP closes nothing");
    bench.wait(HALF_HOUR_MS);
    assert_eq!(bench.call(&close()), Outcome::Closed);
    assert!(bench.page("GET", &pay_text, "").contains("超时"));
    assert!(bench.press(&page, "pay").contains("超时"));
    assert_eq!(bench.call(&close()), Outcome::Closed);
    let stamp = bench.stamp();
    let refused = bench.sim.pay(TRADE_NO, None, &stamp);
    assert_eq!(refused, Err(PayError::NotPayable("its time is over".into())));
}

#[test]
fn closing_what_is_paid_says_so() {
    let mut bench = Bench::new();
    let payment = bench.paid();
    assert_eq!(bench.call(&close()), Outcome::Paid(payment));
    let mut bench = Bench::new();
    bench.call(&barcode("03"));
    assert_eq!(bench.call(&Op::Close(trade(Product::Micropay))), Outcome::Closed);
}

#[test]
fn a_number_holds_one_order() {
    let mut bench = Bench::new();
    bench.call(&qr());
    let again = refusal_of(&bench.call(&qr()));
    assert_eq!(again, (RefusalKind::NumberUsed, "12".into()));
}

#[test]
fn an_order_in_hong_kong_dollars_is_settled_in_another_currency() {
    let mut bench = Bench::new();
    bench.account.currency = Currency::Hkd;
    let amount = Money::new(8888, Currency::Hkd);
    let hkd = Op::Place(Place { amount, ..a_place(Product::UnionpayQr) });
    let pay_text = text_of(&bench.call(&hkd));
    assert!(bench.page("GET", &pay_text, "").contains("港元"));
    bench.pay(None);
    let payment = payment_of(&bench.call(&query()));
    assert_eq!((payment.amount, payment.cash), (amount, Money::new(7999, Currency::Cny)));
}

#[test]
fn a_restarted_simulator_remembers_and_sends_again() {
    let mut bench = Bench::new();
    let payment = bench.paid();
    let stamp = bench.stamp();
    let lost = bench.sim.due_callbacks(&stamp);
    assert_eq!((lost.len(), bench.sim.due_callbacks(&stamp).len()), (1, 0), "sent once");
    let snapshot = bench.sim.snapshot();
    bench.sim = a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    assert_eq!(bench.call(&query()), Outcome::Paid(payment.clone()));
    assert_eq!(of_order(&bench.deliver()[0]), Outcome::Paid(payment));
    assert!(bench.sim.restore(serde_json::json!({"trades": 1})).is_err());
}

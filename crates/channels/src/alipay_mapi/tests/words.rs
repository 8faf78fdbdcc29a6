//! What single answers mean, in the manual's words, when they are truly signed.

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::time::Timestamp;

use super::{
    KEYS, REFUND_NO, START, TRADE_NO, account, account_with, heard, hkd, is_unreadable, payment_of,
    query, query_refund, refund,
};
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign;
use crate::http::HttpResponse;
use crate::{Account, Doubt, Op, Outcome, Rate, RefusalKind, legacy};

fn document(content: &str) -> HttpResponse {
    let text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><alipay>{content}</alipay>");
    HttpResponse::new(200, "text/xml;charset=utf-8", text)
}

/// An answer with facts, signed with RSA.
pub(super) fn signed(element: &str, facts: &Fields) -> HttpResponse {
    let text = sign::text(facts);
    let sign = legacy::sign_sha1("platform", &KEYS[1].0, text.as_bytes()).unwrap();
    let inside = |(name, value): &(String, String)| {
        format!("<{name}>{}</{name}>", crate::xml::escape(value))
    };
    let inside: String = facts.0.iter().map(inside).collect();
    document(&format!(
        "<is_success>T</is_success><response><{element}>{inside}</{element}></response>\
         <sign>{sign}</sign><sign_type>RSA</sign_type>"
    ))
}

fn refused(word: &str) -> HttpResponse {
    document(&format!("<is_success>F</is_success><error>{word}</error>"))
}

pub(super) fn a_paid_trade() -> Fields {
    Fields::of_table(&[
        ("out_trade_no", TRADE_NO),
        ("trade_no", "2026"),
        ("trade_status", "TRADE_FINISHED"),
        ("total_fee", "88.88"),
        ("gmt_payment", "2026-11-22 12:00:05"),
        ("buyer_id", "2088"),
    ])
}

fn with(mut facts: Fields, changes: &[(&str, &str)]) -> Fields {
    for (name, value) in changes {
        facts.set(name, *value);
    }
    facts
}

fn judged(account: &Account, changes: &[(&str, &str)]) -> Outcome {
    heard(&query(), account, &signed("trade", &with(a_paid_trade(), changes)))
}

fn asked(changes: &[(&str, &str)]) -> Outcome {
    judged(&account(), changes)
}

#[test]
fn a_paid_trade_is_paid_with_its_facts() {
    let expect = Payment {
        provider: kernel::product::Provider::Alipay,
        transaction_id: "2026".into(),
        amount: hkd(8888),
        cash: hkd(8888),
        bank_type: String::new(),
        openid: "2088".into(),
        paid_at: START,
    };
    for word in ["TRADE_FINISHED", "TRADE_SUCCESS"] {
        assert_eq!(asked(&[("trade_status", word)]), Outcome::Paid(expect.clone()));
    }
}

#[test]
fn a_payment_needs_every_fact_that_money_depends_on() {
    let wrong = [
        ("total_fee", ""),
        ("total_fee", "0.00"),
        ("total_fee", "-88.88"),
        ("total_fee", "88.888"),
        ("total_fee", "88,88"),
        ("currency", "USD"),
        ("currency", "hkd"),
        ("trade_no", ""),
        ("gmt_payment", ""),
        ("gmt_payment", "yesterday"),
        ("out_trade_no", ""),
        ("out_trade_no", "1120261122120005000006553802"),
        ("trade_status", "trade_finished"),
        ("trade_status", ""),
        ("trade_status", "TRADE_PENDING"),
    ];
    for (name, value) in wrong {
        let outcome = asked(&[(name, value)]);
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
}

#[test]
fn what_total_fee_is_in_is_said_by_the_answer_or_else_by_the_account() {
    let money = |currency| Money::new(8888, currency);
    let amounts = |account: &Account, changes: &[(&str, &str)]| {
        let payment = payment_of(&judged(account, changes));
        (payment.amount, payment.cash)
    };
    let (order, cny) = (account(), account_with(&[("query_total_fee", "cny")]));
    let other = [("total_fee", "80.00")];
    assert_eq!(amounts(&order, &other), (hkd(8000), hkd(8000)), "the gateway compares it");
    assert_eq!(amounts(&cny, &other), (hkd(8888), Money::new(8000, Currency::Cny)));
    for account in [&order, &cny] {
        for currency in Currency::ALL {
            let changes = [("currency", currency.code())];
            assert_eq!(amounts(account, &changes), (money(currency), money(currency)));
        }
    }
}

#[test]
fn a_trade_that_is_not_paid_says_so() {
    let unpaid = ("gmt_payment", "");
    let waiting = asked(&[("trade_status", "WAIT_BUYER_PAY"), unpaid]);
    assert_eq!(waiting, Outcome::Unpaid { is_acting: true });
    let closed = ("trade_status", "TRADE_CLOSED");
    assert_eq!(asked(&[closed, unpaid]), Outcome::Closed);
    assert!(is_unreadable(&asked(&[closed])), "paid once");
    for (name, value) in
        [("gmt_refund", "2026-11-22 12:00:05"), ("refund_fee", "1.00"), ("refund_status", "x")]
    {
        assert!(is_unreadable(&asked(&[closed, unpaid, (name, value)])), "{name}");
    }
    let Op::Query(mut trade) = query() else { unreachable!() };
    trade.transaction_id = "2026".into();
    let answer = signed("trade", &with(a_paid_trade(), &[closed, unpaid]));
    let outcome = heard(&Op::Query(trade), &account(), &answer);
    assert!(is_unreadable(&outcome), "we know that it was paid");
}

#[test]
fn both_spellings_of_not_found_are_known() {
    for word in ["TRADE_NOT_EXIST", "TRADE_IS_NOT_EXIST"] {
        assert_eq!(heard(&query(), &account(), &refused(word)), Outcome::NotFound);
    }
}

#[test]
fn a_refund_of_no_trade_is_spelt_in_a_third_way() {
    let word = refused("PURCHASE_TRADE_NOT_EXIST");
    assert_eq!(heard(&query_refund(1), &account(), &word), Outcome::NotFound);
    assert!(is_unreadable(&heard(&query(), &account(), &word)));
}

#[test]
fn a_refusal_of_a_question_says_nothing_of_what_was_asked() {
    let words = [
        "ILLEGAL_SIGN",
        "ILLEGAL_PARTNER",
        "HAS_NO_PRIVILEGE",
        "RETURN_AMOUNT_EXCEED",
        "REFUNDMENT_VALID_DATE_EXCEED",
        "SOMETHING_NEW",
    ];
    for word in words {
        for way in ["query", "repeat"] {
            let account = account_with(&[("refund_query", way)]);
            for op in [query(), query_refund(1)] {
                let outcome = heard(&op, &account, &refused(word));
                assert!(is_unreadable(&outcome), "{op:?} {word} {outcome:?}");
            }
        }
    }
}

#[test]
fn a_refusal_of_a_refund_says_what_the_merchant_can_do() {
    use RefusalKind::{BalanceTooLow, Business, NotSupported, NothingLeft, TooLate};
    let cases = [
        ("ILLEGAL_SIGN", Business),
        ("ILLEGAL_ARGUMENT", Business),
        ("CURRENCY_NOT_SAME", Business),
        ("PURCHASE_TRADE_NOT_EXIST", Business),
        ("HAS_NO_PRIVILEGE", NotSupported),
        ("EXTERFACE_IS_CLOSED", NotSupported),
        ("RETURN_AMOUNT_EXCEED", NothingLeft),
        ("REFUNDMENT_VALID_DATE_EXCEED", TooLate),
        ("MERCHANT_BALANCE_NOT_ENOUGH", BalanceTooLow),
    ];
    for (word, kind) in cases {
        match heard(&refund(1), &account(), &refused(word)) {
            Outcome::Refused(refusal) => {
                assert_eq!((refusal.kind, refusal.code.as_str()), (kind, word));
            }
            other => panic!("{word} {other:?}"),
        }
    }
}

#[test]
fn a_word_that_leaves_a_refund_open_leaves_it_unknown() {
    let words = [
        "DUPLICATE_REFUND_REQUEST",
        "REPEATED_REFUNDMENT_REQUEST",
        "TRADE_HAS_CLOSE",
        "SOMETHING_NEW",
    ];
    for word in words {
        for op in [refund(1), query_refund(1)] {
            assert!(is_unreadable(&heard(&op, &account(), &refused(word))), "{word}");
        }
    }
}

#[test]
fn a_failure_of_alipays_own_leaves_everything_unknown() {
    for word in ["SYSTEM_ERROR", "SYSTEM_EXCEPTION", "SESSION_TIMEOUT"] {
        for op in [query(), refund(1), query_refund(1)] {
            let outcome = heard(&op, &account(), &refused(word));
            assert_eq!(outcome, Outcome::Unknown(Doubt::Busy(word.into())));
        }
    }
    for status in [302, 403, 404, 429, 500, 502] {
        for op in [query(), refund(1), query_refund(1), Op::Rates] {
            let answer = HttpResponse { status, ..signed("trade", &a_paid_trade()) };
            assert!(matches!(heard(&op, &account(), &answer), Outcome::Unknown(_)), "{status}");
        }
    }
    for body in ["", " \r\n"] {
        for op in [query(), refund(1), query_refund(1), Op::Rates] {
            let answer = HttpResponse::new(200, "text/xml", body);
            assert_eq!(heard(&op, &account(), &answer), Outcome::Unknown(Doubt::Empty));
        }
    }
}

fn a_done_refund() -> Fields {
    Fields::of_table(&[
        ("response_code", "SUCCESS"),
        ("refund_result_code", "SUCCESS"),
        ("out_return_no", REFUND_NO),
        ("out_trade_no", TRADE_NO),
        ("gmt_create", "2026-11-22 13:00:00"),
    ])
}

#[test]
fn a_refunds_status_is_a_word_of_the_manual_or_unknown() {
    let said = |changes: &[(&str, &str)]| {
        let facts = with(a_done_refund(), changes);
        heard(&query_refund(101), &account(), &signed("alipay", &facts))
    };
    let Outcome::Refunded(refunded) = said(&[]) else { panic!("refunded") };
    assert_eq!((refunded.amount, refunded.cash), (hkd(101), hkd(101)));
    let taken = Timestamp::from_beijing("2026-11-22 13:00:00").unwrap();
    assert_eq!(refunded.refunded_at, taken);
    let Outcome::Refunded(refunded) = said(&[("gmt_create", "")]) else { panic!("refunded") };
    assert_eq!(refunded.refunded_at, START);

    let result = |word: &'static str| ("refund_result_code", word);
    let pending = Outcome::RefundPending { refund_id: String::new() };
    let short = ("refund_error_code", "MERCHANT_BALANCE_NOT_ENOUGH");
    assert_eq!(said(&[result("PROCESSING")]), pending);
    assert_eq!(said(&[result("PROCESSING"), short]), pending);
    for word in ["FAILED", "CANCELED"] {
        assert!(matches!(said(&[result(word)]), Outcome::RefundClosed(_)), "{word}");
    }
    let Outcome::RefundClosed(refusal) = said(&[result("FAILED"), short]) else { panic!("closed") };
    assert_eq!(refusal.kind, RefusalKind::BalanceTooLow);

    let code = |word: &'static str| ("response_code", word);
    assert_eq!(said(&[code("NOT_FOUND")]), Outcome::NotFound);
    assert_eq!(said(&[code("TRADE_NOT_EXIST")]), Outcome::NotFound);
    assert!(matches!(said(&[code("QUERY_FAILED")]), Outcome::Unknown(Doubt::Busy(_))));
    let unclear = [
        code("ACCESS_FORBIDDEN"),
        code(""),
        result(""),
        result("success"),
        ("out_return_no", "2"),
        ("out_return_no", ""),
        ("out_trade_no", "2"),
        ("currency", "CNY"),
        ("return_amount", "1.00"),
        ("return_amount", "1.0"),
        ("return_amount", "x"),
    ];
    for change in unclear {
        assert!(is_unreadable(&said(&[change])), "{change:?}");
    }
}

#[test]
fn a_bare_t_of_a_refund_query_says_nothing() {
    let bare = document("<is_success>T</is_success>");
    assert!(is_unreadable(&heard(&query_refund(1), &account(), &bare)));
    assert!(is_unreadable(&heard(&query(), &account(), &bare)));
    assert!(matches!(heard(&refund(1), &account(), &bare), Outcome::Refunded(_)));
}

#[test]
fn what_a_refunds_t_states_must_be_what_was_asked() {
    let said = |facts: &[(&str, &str)]| {
        let answer = signed("alipay", &Fields::of_table(facts));
        heard(&refund(101), &account(), &answer)
    };
    let right = [
        ("out_return_no", REFUND_NO),
        ("out_trade_no", TRADE_NO),
        ("return_amount", "1.01"),
        ("currency", "HKD"),
        ("result_code", "SUCCESS"),
    ];
    assert!(matches!(said(&right), Outcome::Refunded(_)));
    for (at, wrong) in ["2", "2", "1.00", "CNY", "FAIL"].into_iter().enumerate() {
        let mut facts = right;
        facts[at].1 = wrong;
        assert!(is_unreadable(&said(&facts)), "{facts:?}");
    }
}

fn rates(text: &str) -> Outcome {
    heard(&Op::Rates, &account(), &HttpResponse::new(200, "text/plain", text))
}

#[test]
fn a_rate_file_is_read_in_every_form_that_occurs() {
    let expect = vec![Rate {
        currency: "HKD".into(),
        rate: "0.838800".into(),
        released_at: Timestamp::from_beijing("2016-05-04 10:00:30").unwrap(),
    }];
    for text in [
        "20160504|100030|HKD|0.838800|",
        "20160504|100030|HKD|0.838800|\n",
        "20160504|100030|HKD|0.838800\r\n",
        "\u{feff}20160504|100030|HKD|0.838800|\r\n\r\n",
        "20160503|100030|HKD|0.83|\n20160504|100030|HKD|0.838800|\n20160501|100030|HKD|0.8|\n",
        "date|time|cur|rate|\n20160504|100030|HKD|0.838800|\n20160504|100030|hkd|1|\n",
    ] {
        assert_eq!(rates(text), Outcome::Rates(expect.clone()), "{text}");
    }
}

#[test]
fn a_rate_that_could_lack_digits_is_not_read() {
    for text in [
        "20160504|100030|HKD|0.8388",
        "20160504|100030|HKD|",
        "20160504|100030|USD|6.5|\n20160504|100030|HKD|0.8",
        "20160504|100030|USD|6.5|\n20160504|100030|HKD|",
    ] {
        assert!(is_unreadable(&rates(text)), "{text}");
    }
}

#[test]
fn what_is_no_rate_file_is_unreadable() {
    for text in [
        "<html>busy</html>\n",
        "20160504|100030|HKD|-0.8|\n",
        "20160504|100030|HKD|0|\n",
        "20160504|100030|HKD|0.000|\n",
        "20160504|100030|HKD|1e3|\n",
        "20160504|100030|HKD||\n",
        "20160504|100030|HKDX|1|\n",
        "20161304|100030|HKD|1|\n",
        "2016050|4100030|HKD|1|\n",
        "20160504|100030|HKD|123456789012345678901|\n",
        "<alipay><is_success>T</is_success></alipay>\n",
    ] {
        assert!(is_unreadable(&rates(text)), "{text}");
    }
    let bytes = HttpResponse::new(200, "text/plain", b"20160504|100030|HKD|\xff|\n".as_slice());
    assert!(is_unreadable(&heard(&Op::Rates, &account(), &bytes)));
}

#[test]
fn what_the_upstream_says_of_rates_it_cannot_give_is_a_refusal() {
    for word in ["ILLEGAL_SIGN", "ILLEGAL_PARTNER", "HAS_NO_PRIVILEGE", "SYSTEM_ERROR"] {
        let Outcome::Refused(refusal) = heard(&Op::Rates, &account(), &refused(word)) else {
            panic!("{word}")
        };
        assert_eq!((refusal.kind, refusal.code.as_str()), (RefusalKind::Business, word));
    }
    let Outcome::Refused(refusal) = rates("File download failed: no file of today\r\n") else {
        panic!("refused")
    };
    assert_eq!(refusal.message, "File download failed: no file of today");
}

//! What is sent, member by member, and the worked example made outside of this program.

use kernel::money::{Currency, Money};

use super::{
    AMOUNT, BASE, Bench, REFUND_NO, START, TRADE_NO, a_place, account, place, refund, sent, set,
    trade,
};
use crate::chinaums::Chinaums;
use crate::chinaums::request;
use crate::chinaums::sign::{access_key, verifies};
use crate::chinaums::wire::Fields;
use crate::{Account, Channel, Doubt, Op, Outcome, SetupError, Stamp, Step, Trade};

fn fields(pairs: &[(&str, &str)]) -> Fields {
    Fields(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

#[test]
fn an_access_key_is_that_of_the_worked_example() {
    let mut signed = fields(&[
        ("pin", "PIN0001"),
        ("secPin", "SEC0001"),
        ("amount", "1"),
        ("orderCreateTime", "2020-09-15 15:08:41"),
        ("orderId", "20200915150841"),
        ("callbackUrl", "https://gw.example/cb"),
        ("frontendUrl", "https://gw.example/fe"),
        ("channel", "43962300"),
        ("customerIp", "172.0.0.1"),
    ]);
    let expect = "93900ee8dcc53a362a42631b61096a75ddcb1a0d358be0f9d716cd2988aa6458";
    assert_eq!(access_key(&signed, "SECRET"), expect);
    signed.push("accessKey", expect);
    assert!(verifies(&signed, "SECRET") && !verifies(&signed, "SECRE"));
    let key = access_key(&signed.without("accessKey"), "");
    signed.replace("accessKey", key);
    assert!(!verifies(&signed, ""), "without a secret anybody can sign");
}

#[test]
fn an_order_is_sent_with_its_nine_signed_members_and_the_rest() {
    let mut account = account();
    set(&mut account, "extra_fields", "payMode=1&bankId=");
    let mut order = a_place();
    (order.payer_ip, order.amount) = ("203.0.113.9".into(), Money::new(10, Currency::Hkd));
    let (request, sent) = sent(&Op::Place(order), &account);
    assert_eq!(request.url, format!("{BASE}/Payment/Pay"));
    let callback = format!("https://pay.example/callback/chinaums/1/2/3?order={TRADE_NO}");
    let signed = fields(&[
        ("pin", "PIN0001"),
        ("secPin", "SEC0001"),
        ("amount", "0.1"),
        ("orderCreateTime", "2026-11-22 12:00:05"),
        ("orderId", TRADE_NO),
        ("callbackUrl", &callback),
        ("frontendUrl", "https://pay.example/pay/TOKEN"),
        ("channel", "43962300"),
        ("customerIp", "203.0.113.9"),
    ]);
    let mut expect = signed.clone();
    expect.push("accessKey", access_key(&signed, super::SECRET));
    expect.push("merReserved", TRADE_NO);
    expect.push("expireTime", "2026-11-22 12:30:05");
    expect.push("payMode", "1");
    expect.push("bankId", "");
    assert_eq!(sent, expect);
}

#[test]
fn our_number_joins_the_query_that_an_address_has() {
    let mut order = a_place();
    order.notify_url.push_str("?a=1");
    let (_, sent) = sent(&Op::Place(order), &account());
    assert!(sent.of("callbackUrl").ends_with(&format!("/3?a=1&order={TRADE_NO}")));
}

#[test]
fn the_payers_page_has_the_form_of_the_documents_sample() {
    let id = "69cf4a55e6164cd9b2930123456789ab";
    let link = request::link(id, Money::new(10, Currency::Hkd), &account()).unwrap();
    let signed = fields(&[("amount", "0.1"), ("currency", "344"), ("paymentInfoId", id)]);
    let key = access_key(&signed, super::SECRET);
    let expect = format!(
        "{BASE}/Payment/CreateChannelData?amount=0.1&currency=344&accessKey={key}&paymentInfoId={id}"
    );
    assert_eq!(link, expect);
    let mut other = account();
    set(&mut other, "link_signed", "amount,currency,paymentInfoId,pin");
    assert_ne!(request::link(id, AMOUNT, &other), request::link(id, AMOUNT, &account()));
}

#[test]
fn an_order_is_named_by_the_number_in_its_page_else_by_ours() {
    let bench = Bench::opened();
    let id = bench.pay_text.rsplit('=').next().unwrap();
    let (request, by_page) = sent(&Op::Query(bench.trade()), &account());
    assert_eq!(request.url, format!("{BASE}/Payment/Query"));
    assert_eq!((by_page.of("paymentId"), by_page.has("orderId")), (id, false));
    let paid = Trade { transaction_id: "8a8994a97578".into(), ..trade() };
    assert_eq!(sent(&Op::Close(paid), &account()).1.of("paymentId"), "8a8994a97578");
    let (_, by_order) = sent(&Op::Query(trade()), &account());
    assert_eq!((by_order.of("orderId"), by_order.has("paymentId")), (TRADE_NO, false));
    for sent in [by_page, by_order] {
        assert!(verifies(&sent, super::SECRET), "{sent:?}");
    }
    let mut silent = account();
    set(&mut silent, "query_by_order_id", "0");
    for op in [Op::Query(trade()), Op::Refund(refund()), Op::QueryRefund(refund())] {
        let step = Chinaums.request(&op, &silent, &stamp());
        assert!(matches!(step, Ok(Step::Done(Outcome::Unknown(Doubt::NotSent(_))))), "{step:?}");
    }
}

#[test]
fn a_refund_is_asked_about_before_it_is_asked_for() {
    let give = Op::Refund(refund());
    for op in [&give, &Op::QueryRefund(refund())] {
        let (request, asked) = sent(op, &account());
        assert_eq!(request.url, format!("{BASE}/Payment/RefundQuery"));
        assert_eq!((asked.of("refundOrderId"), asked.has("amount")), (REFUND_NO, false));
        assert!(verifies(&asked, super::SECRET));
    }
    let step = super::stepped(&give, &account(), br#"{"respCode":"34"}"#);
    let (request, given) = super::form_of(step);
    assert_eq!(request.url, format!("{BASE}/Payment/Refund"));
    assert_eq!((given.of("refundOrderId"), given.of("amount")), (REFUND_NO, "88.88"));
    assert!(verifies(&given, super::SECRET));
}

fn stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

#[test]
fn settings_that_make_no_request_possible_are_named_and_never_shown() {
    for (key, value) in [
        ("base_url", "ftp://geheim"),
        ("base_url", "https://a/geheim?x"),
        ("secret_key", " "),
        ("pin", ""),
        ("currencies", "CNY"),
        ("link_signed", "amount,geheim"),
        ("link_signed", "amount,amount"),
        ("extra_fields", "pin=geheim"),
        ("extra_fields", "merReserved=geheim"),
        ("extra_fields", "geheim=%FF"),
        ("reserved_echo", "yes"),
        ("query_by_order_id", ""),
        ("answer_key", "geheim"),
        ("statuses", "1=geheim"),
        ("refund_statuses", "1"),
        ("codes", "00=ok,01=geheim"),
    ] {
        let mut account = account();
        set(&mut account, key, value);
        let SetupError(why) = Chinaums.request(&place(), &account, &stamp()).unwrap_err();
        assert!(why.starts_with(&format!("{key}: ")), "{key} {why}");
        let is_table = ["statuses", "codes"].contains(&key);
        assert!(is_table || !why.contains("geheim"), "{why}");
    }
}

#[test]
fn an_amount_in_another_currency_than_the_accounts_is_not_sent() {
    let mut of_account: Account = account();
    set(&mut of_account, "currencies", "HKD CNY");
    let mut order = a_place();
    order.amount.currency = Currency::Cny;
    assert!(Chinaums.request(&Op::Place(order), &of_account, &stamp()).is_err());
    let mut back = refund();
    back.amount.currency = Currency::Cny;
    assert!(Chinaums.request(&Op::Refund(back), &of_account, &stamp()).is_err());
}

#[test]
fn paths_are_paths() {
    for path in ["Payment/Query", "/Payment/Query?x=1", "//x y"] {
        let mut account = account();
        set(&mut account, "query_path", path);
        let SetupError(why) =
            Chinaums.request(&Op::Query(trade()), &account, &stamp()).unwrap_err();
        assert!(why.starts_with("query_path: "), "{why}");
    }
}

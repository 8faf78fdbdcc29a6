//! What each form accepts, and what it must not.

use super::*;
use crate::sign::tests::an_application;

const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);

fn check(form: ValueForm, good: &[&str], wrong: &[&str]) {
    let sender = Sender::new(&an_application(), NOW, &[]);
    for value in good {
        assert!(form.accepts(value, &sender), "{form:?} {value:?}");
    }
    for value in wrong {
        assert!(!form.accepts(value, &sender), "{form:?} {value:?}");
    }
}

#[test]
fn amounts_are_judged_byte_by_byte() {
    check(
        ValueForm::Amount,
        &["1", "10000000000"],
        &["", "0", "010", "+1", "-1", "1.0", "１", " 1", "1e2", "10000000001", "0x1"],
    );
    check(ValueForm::Discount, &["0"], &["1", "-1", "00", "", "a"]);
}

#[test]
fn own_numbers_are_the_callers() {
    check(ValueForm::OwnMch, &["10502105689001"], &["10502105689002", "1"]);
    check(ValueForm::OwnApp, &["1000258"], &["01000258", "1000259"]);
}

#[test]
fn free_texts_may_not_hold_hidden_values() {
    let long = "聚".repeat(128);
    check(
        ValueForm::Echoed,
        &[
            "iPhone wallet case, version2",
            "status=1",
            "\"status\":1",
            "sn123",
            "body",
            "out_trade_no=1",
            "trade_statement",
            "notify_url=https://x",
            &long,
        ],
        &[
            "a\nb",
            "\u{0}",
            "status1",
            "xtotal_fee9",
            "cash_fee0",
            "pay_amount1",
            "out_trade_noA",
            "trade_stateSUCCESS",
            "sn1120261122120005",
            "order_sn1120261122120005",
            "notify_urlhttps://x",
            "return_urlhttp:",
            "h5_redirect_urlhttp://x",
            &format!("{long}宝"),
        ],
    );
}

#[test]
fn detail_is_json_text() {
    check(ValueForm::Detail, &["[]", "{\n\"a\": \"聚\"}", "1"], &["{", "a", "\u{0}[]"]);
}

#[test]
fn an_expiry_lies_between_a_minute_and_a_week_ahead() {
    check(
        ValueForm::Expiry,
        &["1795320065", "20261122120105", "1795924805", "20261129120005"],
        &["1795320064", "20261122120104", "1795924806", "20261322120105", "0", "-1", "soon"],
    );
}

#[test]
fn the_other_forms() {
    check(ValueForm::TradeNo, &["A-z_|*@.9"], &["", "a b", "a/b", "聚", &"a".repeat(65)]);
    check(ValueForm::Wallet, &["CN", "HK"], &["cn", "US"]);
    check(ValueForm::Provider, &["alipay"], &["聚宝", "Alipay"]);
    check(ValueForm::Ip, &["8.8.8.8", "2001:db8::1"], &["8.8.8", "x", "8.8.8.8:1"]);
    check(ValueForm::IpList, &["8.8.8.8, 10.0.0.1"], &["unknown", "8.8.8.8,"]);
    check(ValueForm::StoreId, &["0", "1000342"], &["-1", "x", "01", "1234567890123456789"]);
    check(ValueForm::Sn, &["11202611221200050000065538"], &["12202611221200050000065538", "11"]);
    check(
        ValueForm::AuthCode,
        &["134602370743606195", "2812345678901234", "6212345678901234567"],
        &["161234567890123456", "13460237074360619", "abc"],
    );
    check(ValueForm::Token(4), &["a_-1"], &["a.b", "aaaaa", ""]);
    check(ValueForm::Nonce, &["a+/=_-."], &["a b"]);
    check(ValueForm::Version, &["1", "2"], &["02", "3"]);
}

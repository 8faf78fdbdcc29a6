//! Checks across fields: their order (contract section 8), who may call, replay, pinned names, how an
//! order is named.

use super::*;

/// Each body breaks one check more than the next: the earliest decides.
#[test]
fn checks_run_in_the_order_of_section_eight() {
    let mut app = an_application();
    app.settings.replay_guard = Switch::On;
    app.settings.strict_names = Switch::On;
    let fresh = [("timestamp", "1795320005"), ("nonce_str", "n1")];
    let long = "x".repeat(129);
    let base = [MCH, fresh[0], fresh[1]];
    let with = |more: &[(&'static str, &'static str)]| signed(&[&base, more].concat());
    let long: &'static str = long.leak();
    let steps: Vec<(String, i64)> = vec![
        (" ".repeat(BODY_BYTES_MAX + 1), 491_002),
        ("{\"a\":true".into(), 4001),
        ("{\"a\":true}".into(), 492_001),
        ("{\"_sign\":1}".into(), 4003),
        ("{\"mch_id\":\"10502105689001\"}".into(), 4003),
        ("{\"mch_id\":\"1\",\"sign\":\"\",\"_sign\":1}".into(), 4002),
        ("{\"mch_id\":\"10502105689001\",\"sign\":\"\",\"_sign\":1}".into(), 40100),
        ("{\"mch_id\":\"10502105689001\",\"sign\":\"\"}".into(), 4004),
        (signed(&[MCH, ("foo", "1")]), 40100),
        (with(&[("foo", "1")]), 492_001),
        (with(&[("total_fee", ""), ("body", long)]), 491_003),
        (with(&[("total_fee", "x"), ("pay_channel_id", "401"), ("body", long)]), 40109),
        (with(&[("total_fee", "x"), ("pay_channel_id", "304"), ("body", long)]), 491_002),
        (with(&[("total_fee", "x"), ("pay_channel_id", "304")]), 492_001),
        (with(&[("total_fee", "1"), ("pay_channel_id", "103"), ("body", "discount0")]), 492_001),
        (with(&[("total_fee", "1"), ("pay_channel_id", "304")]), 200),
    ];
    for (body, expect) in steps {
        let result = admit_json(&body, &app, Operation::Place);
        let code = result.as_ref().map_or_else(Fault::code, |_| 200);
        assert_eq!(code, expect, "{} {result:?}", body.trim());
    }
}

#[test]
fn the_callers_numbers_are_judged_before_anything_is_looked_up() {
    for (mch, app, expect) in [
        ("10502105689001", "", 200),
        ("", "1000258", 200),
        ("10502105689001", "1000258", 200),
        ("10502105689001", "1000259", 40100),
        ("", "01000258", 4002),
        ("", "2147483648", 4002),
        ("", "123", 4002),
        ("1050210568900", "", 4002),
        ("", "", 491_003),
    ] {
        let order = [("pay_channel_id", "304"), ("total_fee", "1")];
        let body = signed(&[&[("mch_id", mch), ("appid", app)][..], &order].concat());
        let result = admit_json(&body, &an_application(), Operation::Place);
        assert_eq!(result.map_or_else(|fault| fault.code(), |_| 200), expect, "{mch} {app}");
    }
}

#[test]
fn replay_guard_wants_a_fresh_time_and_a_nonce() {
    let mut app = an_application();
    app.settings.replay_guard = Switch::On;
    let order = |more: &[(&'static str, &'static str)]| {
        admit_json(&signed(&order_with(more)), &app, Operation::Place)
    };
    for (seconds, expect) in [
        ("1795320305", 200),
        ("1795319705", 200),
        ("1795320306", 40100),
        ("1795319704", 40100),
        ("", 40100),
    ] {
        let result = order(&[("timestamp", seconds), ("nonce_str", "n1")]);
        assert_eq!(result.map_or_else(|fault| fault.code(), |_| 200), expect, "{seconds}");
    }
    assert_eq!(order(&[("timestamp", "1795320005")]).unwrap_err().code(), 40100);
    let admitted = order(&[("timestamp", "1795320005"), ("nonce_str", "n1")]).unwrap();
    assert_eq!(admitted.nonce.as_deref(), Some("n1"));
}

#[test]
fn pinned_names_must_be_sent_exactly() {
    let mut app = an_application();
    app.settings.pinned_names =
        ["mch_id", "pay_channel_id", "total_fee"].map(str::to_owned).to_vec();
    assert!(placed(&order_with(&[]), &app).is_ok());
    assert_eq!(placed(&order_with(&[("body", "x")]), &app).unwrap_err().code(), 492_001);
    app.settings.pinned_names.push("body".into());
    assert_eq!(placed(&order_with(&[]), &app).unwrap_err().code(), 492_001);
}

#[test]
fn unsigned_parameters_in_the_query_string_are_refused() {
    let body = signed(&order_with(&[]));
    let mut raw = raw(&body, Operation::Place);
    raw.query = "_m=pay_gateway&_a=apply_pay&total_fee=1";
    assert_eq!(admit_raw(&raw, &an_application()).unwrap_err().code(), 40100);
}

fn queried(order: OrderRef) -> Call {
    Call::Query(QueryCall { order, wait: Duration::ZERO })
}

#[test]
fn an_order_is_named_with_precedence() {
    let query = |more: &[(&str, &str)]| {
        let body = signed(&[&[MCH][..], more].concat());
        admit_json(&body, &an_application(), Operation::Query).map(|admitted| admitted.call)
    };
    let sn = "11202611221200050000065538";
    let by_sn = queried(OrderRef::Sn(crate::id::Sn::parse(sn).unwrap()));
    assert_eq!(query(&[("out_trade_no", "T"), ("order_sn", sn)]), Ok(by_sn));
    let by_own = queried(OrderRef::OutTradeNo("T".into()));
    assert_eq!(query(&[("transaction_id", "4200"), ("out_trade_no", "T"), ("sn", "")]), Ok(by_own));
    let by_upstream = queried(OrderRef::TransactionId("4200".into()));
    assert_eq!(query(&[("transaction_id", "4200")]), Ok(by_upstream));
    for (fields, expect) in [
        (&[][..], 4003),
        (&[("sn", "")], 491_003),
        (&[("sn", "11")], 492_001),
        (&[("sn", "11202613221200050000065538")], 40102),
        (&[("out_trade_no", "a b")], 492_001),
    ] {
        assert_eq!(query(fields).unwrap_err().code(), expect, "{fields:?}");
    }
}

//! What lists and the feed ask for: forms, defaults, times, and texts that could be cut otherwise.

use super::*;
use crate::call::{EventsCall, ListCall};
use crate::feed::EventType;
use crate::id::Id;
use crate::product::Provider;
use crate::refund::RefundState;
use crate::state::TradeState;

fn asked(operation: Operation, more: &[(&str, &str)]) -> Result<Call, Fault> {
    let body = signed(&[&[MCH][..], more].concat());
    admit_json(&body, &an_application(), operation).map(|admitted| admitted.call)
}

fn orders(more: &[(&str, &str)]) -> ListCall<TradeState> {
    match asked(Operation::ListOrders, more).unwrap() {
        Call::ListOrders(call) => call,
        other => panic!("{other:?}"),
    }
}

fn events(more: &[(&str, &str)]) -> EventsCall {
    match asked(Operation::ListEvents, more).unwrap() {
        Call::ListEvents(call) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_without_a_word_is_the_first_ten_of_everything() {
    let call = orders(&[("page", ""), ("limit", ""), ("trade_state", ""), ("store_id", "0")]);
    assert_eq!((call.page, call.limit, call.offset()), (1, 10, 0));
    assert_eq!((call.filter.states, call.filter.provider), (vec![], None));
    assert_eq!((call.filter.store_id, call.filter.out_trade_no), (None, None));
    assert_eq!(call.filter.ids, (Id(0), Id((1 << 53) - 1)));
}

#[test]
fn a_filter_is_what_was_sent() {
    let call = orders(&[
        ("page", "3"),
        ("limit", "100"),
        ("provider", "unionpay"),
        ("trade_state", "SUCCESS"),
        ("store_id", "7"),
        ("out_trade_no", "T1"),
    ]);
    assert_eq!((call.page, call.limit, call.offset()), (3, 100, 200));
    assert_eq!(call.filter.states, [TradeState::Success]);
    assert_eq!(call.filter.provider, Some(Provider::Unionpay));
    assert_eq!((call.filter.store_id, call.filter.out_trade_no.as_deref()), (Some(7), Some("T1")));
    let status = [("refund_status", "PROCESSING"), ("trade_state", "NONSENSE")];
    let Ok(Call::ListRefunds(call)) = asked(Operation::ListRefunds, &status) else {
        panic!("trade_state is no word of refunds, and is ignored there");
    };
    assert_eq!(call.filter.states, [RefundState::Due, RefundState::Asking]);
}

#[test]
fn the_times_of_a_list_hold_both_ends_and_narrow_each_other() {
    let seconds = |more: &[(&str, &str)]| {
        let (first, last) = orders(more).filter.ids;
        (first.seconds(), last.seconds())
    };
    let day = [("start_time", "2026-11-22"), ("end_time", "2026-11-22")];
    assert_eq!(seconds(&day), (1_795_276_800, 1_795_363_199));
    let both = [day[0], day[1], ("unixtimestamp_start", "1795320000")];
    assert_eq!(seconds(&both), (1_795_320_000, 1_795_363_199));
    let exact = [("unixtimestamp_start", "1795320000"), ("unixtimestamp_end", "1795320000")];
    let (first, last) = orders(&exact).filter.ids;
    assert_eq!((first, last), (Id(1_795_320_000 << 22), Id((1_795_320_001 << 22) - 1)));
    let far = [("unixtimestamp_end", "999999999999999999")];
    assert_eq!(seconds(&far), (0, (1 << 31) - 1));
    let far = [("unixtimestamp_start", "999999999999999999")];
    let (first, last) = orders(&far).filter.ids;
    assert!(first > last, "a time that never comes has no ids");
}

#[test]
fn what_is_wrong_with_a_list_has_its_code() {
    for (field, text, expect) in [
        ("page", "0", 492_001),
        ("page", "-1", 492_001),
        ("page", "1000000001", 492_001),
        ("limit", "0", 492_001),
        ("limit", "101", 492_001),
        ("limit", "ten", 492_001),
        ("provider", "paypal", 492_001),
        ("trade_state", "PAID", 492_001),
        ("trade_state", "success", 492_001),
        ("store_id", "x", 492_001),
        ("out_trade_no", "a b", 492_001),
        ("start_time", "2026-13-01", 490_001),
        ("start_time", "20261101", 490_001),
        ("start_time", "2026-11-01 00:00:00", 490_001),
        ("end_time", "today", 490_001),
        ("unixtimestamp_start", "1.5", 490_001),
        ("unixtimestamp_end", "soon", 490_001),
    ] {
        let code = asked(Operation::ListOrders, &[(field, text)]).unwrap_err().code();
        assert_eq!(code, expect, "{field}={text}");
    }
    for (fields, expect) in [
        (&[("start_time", "2026-11-02"), ("end_time", "2026-11-01")], 490_001),
        (&[("unixtimestamp_start", "2"), ("unixtimestamp_end", "1")], 490_001),
    ] {
        let code = asked(Operation::ListRefunds, fields).unwrap_err().code();
        assert_eq!(code, expect, "{fields:?}");
    }
    let wrong = asked(Operation::ListRefunds, &[("refund_status", "DONE")]);
    assert_eq!(wrong.unwrap_err().code(), 492_001);
    let deep = orders(&[("page", "1000000000"), ("limit", "100")]);
    assert_eq!((deep.offset(), deep.walked()), (99_999_999_900, 99_999_999_900));
    let of_one = orders(&[("page", "1000000000"), ("out_trade_no", "T1")]);
    assert_eq!(of_one.walked(), 0, "a number names the only row there can be");
}

#[test]
fn the_feed_begins_where_it_is_told_and_waits_as_long() {
    let call = events(&[("after", ""), ("wait", "")]);
    assert_eq!((call.after, call.limit, call.wait), (0, 10, Duration::ZERO));
    let types = ("types", "order.success,refund.success");
    let call = events(&[("after", "17"), ("limit", "2"), ("wait", "25"), types]);
    assert_eq!((call.after, call.limit, call.wait), (17, 2, Duration::from_secs(25)));
    assert_eq!(call.types, [EventType::OrderSuccess, EventType::RefundSuccess]);
    for (field, text, expect) in [
        ("after", "-1", 492_001),
        ("after", "x", 492_001),
        ("wait", "26", 492_001),
        ("limit", "101", 492_001),
        ("types", "order", 492_001),
        ("types", "order.success,", 492_001),
    ] {
        let code = asked(Operation::ListEvents, &[(field, text)]).unwrap_err().code();
        assert_eq!(code, expect, "{field}={text}");
    }
    let too_long = "order.success,".repeat(20);
    let code = asked(Operation::ListEvents, &[("types", &too_long)]).unwrap_err().code();
    assert_eq!(code, 491_002);
}

#[test]
fn a_query_can_wait() {
    let sn = ("sn", "11202611221200050000065538");
    let waits = |wait| match asked(Operation::Query, &[sn, ("wait", wait)]) {
        Ok(Call::Query(call)) => Ok(call.wait.as_secs()),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault.code()),
    };
    assert_eq!(waits(""), Ok(0));
    assert_eq!(waits("25"), Ok(25));
    assert_eq!(waits("26"), Err(492_001));
}

#[test]
fn a_text_that_could_be_cut_otherwise_is_refused() {
    for (operation, fields) in [
        // out_trade_no=A, page=2
        (Operation::ListOrders, &[("out_trade_no", "Apage2")][..]),
        // limit=1, mch_id, out_trade_no=A, store_id=7
        (Operation::ListOrders, &[("limit", "1"), ("out_trade_no", "Astore_id7")]),
        (Operation::ListRefunds, &[("out_trade_no", "Arefund_statusSUCCESS")]),
        (Operation::Query, &[("out_trade_no", "Await25")]),
        // nonce_str=N, types=order.success
        (Operation::ListEvents, &[("nonce_str", "Ntypesorder.success")]),
    ] {
        let code = asked(operation, fields).unwrap_err().code();
        assert_eq!(code, 492_001, "{fields:?}");
    }
    for (operation, fields) in [
        (Operation::ListOrders, &[("out_trade_no", "page-1")][..]),
        (Operation::ListOrders, &[("out_trade_no", "Atrade_state1")]),
        (Operation::Query, &[("out_trade_no", "wait")]),
        (Operation::Close, &[("out_trade_no", "Await25")]),
        (Operation::Refund, &[("out_trade_no", "Await25"), ("refund_fee", "1")]),
    ] {
        assert!(asked(operation, fields).is_ok(), "{fields:?}");
    }
}

//! Every rule of a field broken, each answered by exactly its code, in the order of section 8.

use proptest::prelude::*;

use super::*;
use crate::call::{OrderRef, PlaceCall};
use crate::json;
use crate::product::Product;
use crate::secret::Secret;
use crate::sign::tests::an_application;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);
const MCH: (&str, &str) = ("mch_id", "10502105689001");

/// A JSON body of `fields` with its signature.
pub(super) fn signed(fields: &[(&str, &str)]) -> String {
    signed_with(fields, &an_application().key)
}

fn signed_with(fields: &[(&str, &str)], key: &Secret) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let is_version2 = sorted.contains(&("version", "2"));
    let form = if is_version2 { SignForm::Version2 } else { SignForm::Widened };
    let sign = sign::sign(key, sorted.iter().copied(), form);
    let mut body = String::from("{");
    for (name, text) in fields.iter().chain([&("sign", sign.as_str())]) {
        json::push_string(&mut body, name);
        body.push(':');
        json::push_string(&mut body, text);
        body.push(',');
    }
    body.pop();
    body + "}"
}

fn raw(body: &str, operation: Operation) -> RawCall<'_> {
    let content_type = Some("application/json,");
    RawCall { operation, content_type, query: "_m=a&_a=b", body: body.as_bytes() }
}

pub(super) fn admit_json(
    body: &str,
    app: &Application,
    operation: Operation,
) -> Result<Admitted, Fault> {
    admit_raw(&raw(body, operation), app)
}

fn admit_raw(raw: &RawCall<'_>, app: &Application) -> Result<Admitted, Fault> {
    admit(&open(raw)?, app, &Context { now: NOW, allow: &[] })
}

/// A good order with some fields changed; an empty name takes nothing away.
fn order_with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![MCH, ("pay_channel_id", "304"), ("total_fee", "10000")];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, text)| *text != "(absent)"));
    fields
}

fn placed(fields: &[(&str, &str)], app: &Application) -> Result<PlaceCall, Fault> {
    match admit_json(&signed(fields), app, Operation::Place)?.call {
        Call::Place(call) => Ok(*call),
        other => panic!("{other:?}"),
    }
}

fn code_of(changes: &[(&'static str, &'static str)], expect: i64) {
    let result = placed(&order_with(changes), &an_application());
    let code = result.as_ref().map_or_else(Fault::code, |_| 200);
    assert_eq!(code, expect, "{changes:?} {result:?}");
}

#[test]
fn every_broken_rule_of_a_field_has_its_code() {
    let long: &'static str = "长".repeat(129).leak();
    let url: &'static str = format!("https://a.cn/{}", "x".repeat(500)).leak();
    let detail: &'static str = format!("\"{}\"", "x".repeat(6_000)).leak();
    for (name, text, expect) in [
        ("total_fee", "(absent)", 4003),
        ("total_fee", "", 491_003),
        ("total_fee", "0", 492_001),
        ("total_fee", "010", 492_001),
        ("total_fee", "+1", 492_001),
        ("total_fee", "-1", 492_001),
        ("total_fee", "1.0", 492_001),
        ("total_fee", "１０", 492_001),
        ("total_fee", "2147483647", 200),
        ("total_fee", "2147483648", 492_001),
        ("pay_channel_id", "(absent)", 4003),
        ("pay_channel_id", "", 491_003),
        ("pay_channel_id", "999", 492_001),
        ("pay_channel_id", "0304", 492_001),
        ("pay_channel_id", "103", 492_003),
        ("pay_channel_id", "203", 40109),
        ("pay_channel_id", "204", 492_003),
        ("pay_channel_id", "205", 40109),
        ("pay_channel_id", "301", 492_003),
        ("pay_channel_id", "302", 492_003),
        ("pay_channel_id", "401", 40109),
        ("payment", "jubao.qrcode", 200),
        ("payment", "alipay.qrcode", 492_001),
        ("payment", "nonsense", 492_001),
        ("out_trade_no", "A-z_|*@.9", 200),
        ("out_trade_no", "a b", 492_001),
        ("out_trade_no", "聚宝", 492_001),
        ("out_trade_no", long, 491_002),
        ("notify_url", "http://聚宝.com/notify", 200),
        ("notify_url", "ftp://a.cn", 492_001),
        ("notify_url", "http://127.1/", 492_001),
        ("notify_url", "http://localhost/", 492_001),
        ("notify_url", "http://a.cn:22/", 492_001),
        ("notify_url", "http://u:p@a.cn/", 492_001),
        ("notify_url", url, 491_002),
        ("return_url", "javascript:alert(1)", 492_001),
        ("return_url", "http://u@a.cn/", 492_001),
        ("return_url", "http://192.168.0.1/back", 200),
        ("return_url", url, 491_002),
        ("h5_redirect_url", "x", 492_001),
        ("h5_redirect_url", url, 491_002),
        ("body", long, 491_002),
        ("body", "a\nb", 492_001),
        ("body", "a\u{0}b", 492_001),
        ("body", "status1", 492_001),
        ("attach", long, 491_002),
        ("attach", "total_fee1", 492_001),
        ("attach", "notify_urlhttps://evil.example/", 492_001),
        ("detail", "{", 491_001),
        ("detail", "{\"a\":[1]}", 200),
        ("detail", detail, 491_002),
        ("wallet", "US", 492_001),
        ("wallet", "", 200),
        ("discount", "0", 200),
        ("discount", "1", 40100),
        ("discount", "-1", 492_001),
        ("store_id", "x", 492_001),
        ("store_id", "1000342", 200),
        ("spbill_create_ip", "8.8.8.8", 200),
        ("spbill_create_ip", "8.8.8", 492_001),
        ("time_expire", "1795320065", 200),
        ("time_expire", "1795320064", 490_001),
        ("time_expire", "tomorrow", 490_001),
        ("version", "2", 200),
        ("version", "3", 492_001),
        ("provider", "nobody", 492_001),
        ("sub_appid", "a.b", 492_001),
        ("sub_openid", "a b", 492_001),
        ("code", "123", 492_001),
        ("sign_type", "HMAC-SHA256", 492_001),
        ("timestamp", "soon", 490_001),
        ("foo", "bar", 200),
        ("mytotal_fee", "1", 492_001),
        ("foo", "total_fee1", 492_001),
    ] {
        code_of(&[(name, text)], expect);
    }
}

#[test]
fn products_that_need_more_say_so_before_they_are_unavailable() {
    code_of(&[("pay_channel_id", "401"), ("code", "134602370743606195")], 492_003);
    let jsapi = [("pay_channel_id", "203"), ("sub_appid", "wx6f"), ("openid", "o1")];
    code_of(&jsapi, 492_003);
    code_of(&[("pay_channel_id", "(absent)"), ("payment", "unionpay.link")], 492_003);
}

#[test]
fn an_unknown_name_right_after_a_url_is_refused() {
    code_of(&[("notify_url", "https://a.cn/"), ("operator", "x")], 492_001);
    code_of(&[("operator", "x")], 200);
}

#[test]
fn a_value_that_can_be_cut_is_refused() {
    code_of(&[("notify_url", "https://a.cn/out_trade_noX")], 492_001);
    code_of(&[("body", "x"), ("attach", "notify_url")], 200);
    code_of(&[("body", "discount0")], 492_001);
    code_of(&[("return_url", "https://a.cn/?store_id7")], 492_001);
    code_of(&[("return_url", "https://a.cn/?store_id=7")], 200);
}

#[test]
fn discount_needs_permission_and_stays_below_the_amount() {
    let mut app = an_application();
    app.settings.may_discount = true;
    let order = |discount| placed(&order_with(&[("discount", discount)]), &app);
    assert_eq!(order("9999").unwrap().discount, 9_999);
    assert_eq!(order("10000").unwrap_err().code(), 492_001);
}

#[test]
fn a_full_order_becomes_a_typed_call() {
    let call = placed(
        &order_with(&[
            ("pay_channel_id", "(absent)"),
            ("payment", "wechat.h5"),
            ("out_trade_no", "T1"),
            ("notify_url", "http://聚宝.com/notify"),
            ("h5_redirect_url", "https://a.cn/back"),
            ("body", "聚宝"),
            ("attach", "11"),
            ("detail", "[]"),
            ("wallet", "CN"),
            ("store_id", "7"),
            ("spbill_create_ip", "2001:db8::1"),
            ("time_expire", "20261122123005"),
        ]),
        &an_application(),
    );
    let expect = PlaceCall {
        product: Product::WechatH5,
        total_fee: 10_000,
        discount: 0,
        out_trade_no: Some("T1".into()),
        notify_url: Some("http://聚宝.com/notify".into()),
        return_url: Some("https://a.cn/back".into()),
        body: "聚宝".into(),
        attach: "11".into(),
        detail: "[]".into(),
        wallet: "CN".into(),
        store_id: 7,
        payer_ip: "2001:db8::1".parse().ok(),
        expires_at: Some(Timestamp::from_seconds(1_795_321_805)),
    };
    assert_eq!(call, Ok(expect));
}

/// Each body breaks one check more than the next: the earliest decides.
#[test]
fn checks_run_in_the_order_of_section_eight() {
    let mut app = an_application();
    app.settings.replay_guard = true;
    app.settings.strict_names = true;
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
        (with(&[("total_fee", "1"), ("pay_channel_id", "103")]), 492_003),
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
    app.settings.replay_guard = true;
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

#[test]
fn an_order_is_named_with_precedence() {
    let query = |more: &[(&str, &str)]| {
        let body = signed(&[&[MCH][..], more].concat());
        admit_json(&body, &an_application(), Operation::Query).map(|admitted| admitted.call)
    };
    let sn = "11202611221200050000065538";
    let by_sn = Call::Query(OrderRef::Sn(crate::id::Sn::parse(sn).unwrap()));
    assert_eq!(query(&[("out_trade_no", "T"), ("order_sn", sn)]), Ok(by_sn));
    let by_own = Call::Query(OrderRef::OutTradeNo("T".into()));
    assert_eq!(query(&[("transaction_id", "4200"), ("out_trade_no", "T"), ("sn", "")]), Ok(by_own));
    let by_upstream = Call::Query(OrderRef::TransactionId("4200".into()));
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

/// The requests that the document shows, with a right signature.
#[test]
fn the_documents_own_samples_are_accepted() {
    for sample in [
        r#""appid":"1000258","payment":"alipay.qrcode","total_fee":10,"wallet":"CN""#,
        r#""appid":"1000258","payment":"alipay.wappay","total_fee":"20","wallet":"CN",
            "notify_url":"http://聚宝.com/notify","h5_redirect_url":"http://聚宝.com/notify",
            "store_id":"1000342","body":"shopping""#,
        r#""appid":"1000258","discount":0,"notify_url":"https://payment.comenix.com/index/debug",
            "payment":"聚宝.qrcode","total_fee":13"#,
        r#""mch_id":"10502105689001","pay_channel_id":"304","total_fee":1998.9999999999998,
            "attach":null"#,
    ] {
        let unsigned = format!("{{{sample}}}");
        let fields = Fields::from_json(json::object(&unsigned).unwrap()).unwrap();
        for form in [SignForm::Widened, SignForm::Plain] {
            let sign = sign::sign(&an_application().key, fields.signed(), form);
            let body = format!("{{{sample},\"sign\":\"{sign}\"}}");
            let admitted = admit_json(&body, &an_application(), Operation::Place).unwrap();
            assert!(admitted.sign_form == form || sign::canonical(fields.signed()).is_ascii());
        }
    }
    let example = r#"{"mch_id":"10502105689001","pay_channel_id":"304","total_fee":"10000",
        "out_trade_no":"2021020920221357790","notify_url":"https://www.baidu.com","body":"abc",
        "attach":"11","return_url":"https://www.baidu.com",
        "sign":"FF35FA2EBFB0DD709C33D58A26EEABDE"}"#;
    assert!(admit_json(example, &an_application(), Operation::Place).is_ok());
}

#[test]
fn forms_are_accepted_encoded_or_not_and_as_multipart() {
    let fields = [("body", "聚宝 6+ 50%25"), MCH, ("pay_channel_id", "304"), ("total_fee", "7")];
    let sign = sign::sign(&an_application().key, fields.iter().copied(), SignForm::Plain);
    let fields = fields.iter().copied().chain([("sign", sign.as_str())]);
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    let encoded = out.extend_pairs(fields.clone()).finish();
    let bare = fields.clone().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>();
    let parts = fields.map(|(name, text)| {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    });
    let parts = parts.collect::<String>() + "--X--\r\n";
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", encoded),
        ("", bare.join("&")),
        ("multipart/form-data; boundary=X", parts),
    ] {
        let raw = RawCall {
            content_type: Some(content_type),
            body: body.as_bytes(),
            ..raw("", Operation::Place)
        };
        let admitted = admit_raw(&raw, &an_application()).unwrap();
        assert_eq!(admitted.sign_form, SignForm::Plain);
        let Call::Place(call) = admitted.call else { panic!("{body}") };
        assert_eq!(call.body, "聚宝 6+ 50%25", "{body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..200), content_type in ".{0,40}"
    ) {
        let raw = RawCall { content_type: Some(&content_type), body: &body, ..raw("", Operation::Place) };
        let _ = admit_raw(&raw, &an_application());
    }

    #[test]
    fn no_signed_texts_make_it_panic(
        texts in prop::collection::vec(("[a-z_]{1,8}|body|detail|notify_url|total_fee|sn", any::<String>()), 0..8),
        at in 0..3_usize,
    ) {
        let mut fields = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>();
        fields.push(MCH);
        fields.sort_unstable();
        fields.dedup_by(|left, right| left.0 == right.0);
        let operation = [Operation::Place, Operation::Query, Operation::Close][at];
        let _ = admit_json(&signed(&fields), &an_application(), operation);
    }

    #[test]
    fn a_changed_byte_is_never_authentic(at in 0..1000_usize, letter in "[a-z0-9]") {
        let fields = order_with(&[("body", "abc"), ("out_trade_no", "T1")]);
        let body = signed(&fields);
        let at = at % body.len();
        let mut changed = body.clone().into_bytes();
        changed[at] = letter.as_bytes()[0];
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(!changed.eq_ignore_ascii_case(&body));
        prop_assert!(admit_json(&changed, &an_application(), Operation::Place).is_err());
    }
}

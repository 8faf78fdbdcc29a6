//! Answers in both of the document's envelopes at once (contract section 3), written by hand into
//! one text. An error never has `ret` 0, and an order's members are strings and integers only, so
//! that the merchant can verify them with the routine that signed the request.

use crate::application::Application;
use crate::code;
use crate::dialect::members::{Member, Members};
use crate::dialect::order_string;
use crate::fault::{Fault, Language};
use crate::json;
use crate::order::Order;
use crate::product::{Product, Provider};
use crate::refund::Refund;

/// What an order's `provider` says until a wallet has paid a mixed QR.
const NO_PROVIDER: &str = "聚宝";
/// Bytes of an envelope around its data, for the same end.
const ENVELOPE_BYTES: usize = 256;

/// The answer of a success; `data` is a JSON object.
pub fn success(data: &str, trace_no: &str) -> String {
    envelope(code::SUCCESS, "success", Some(data), trace_no)
}

/// The answer of a barcode payment whose outcome is not known yet: 201, with the order.
pub fn awaited(data: &str, language: Language, trace_no: &str) -> String {
    let row = code::info(code::AWAITED);
    let words = match language {
        Language::Zh => row.zh,
        Language::En => row.en,
    };
    envelope(code::AWAITED, words, Some(data), trace_no)
}

/// The answer of a fault; `data` is the standing order as a JSON object where the contract gives
/// one.
pub fn failure(fault: &Fault, language: Language, data: Option<&str>, trace_no: &str) -> String {
    envelope(fault.code(), &fault.message(language), data, trace_no)
}

fn envelope(code: i64, message: &str, data: Option<&str>, trace_no: &str) -> String {
    let ret = match code {
        code::SUCCESS => 0,
        code::GENERAL => code::DEFECT,
        other => other,
    };
    let mut out = String::with_capacity(ENVELOPE_BYTES + data.map_or(0, str::len));
    out.push_str("{\"code\":");
    Member::Int(code).push_json(&mut out);
    out.push_str(",\"message\":");
    json::push_string(&mut out, message);
    out.push_str(",\"ret\":");
    Member::Int(ret).push_json(&mut out);
    out.push_str(",\"msg\":");
    json::push_string(&mut out, message);
    if let Some(data) = data {
        out.push_str(",\"data\":");
        out.push_str(data);
    }
    out.push_str(",\"_trace_no\":");
    json::push_string(&mut out, trace_no);
    out.push('}');
    out
}

/// What a payer can open or scan for an order, as the gateway knows it.
#[derive(Copy, Clone, Debug)]
pub struct OrderUrls<'a> {
    /// The payer's page of ours.
    pub code_url: &'a str,
    /// The text to draw, or the page to open; never empty for the products offered.
    pub qrcode: &'a str,
    /// The upstream's number of a payment that is still to be made; empty where there is none.
    pub transaction_id: &'a str,
}

/// `data` of an order, unsigned (contract section 4: "`data` always carries").
pub fn order_members<'a>(
    order: &'a Order,
    app: &'a Application,
    urls: &OrderUrls<'a>,
) -> Members<'a> {
    let info = order.product.info();
    let paid_at = order.payment.as_ref().map(|payment| payment.paid_at);
    let sn = order.sn();
    let mut members: Members<'_> = Vec::with_capacity(48);
    let mut add = |name: &'static str, member: Member<'a>| members.push((name.into(), member));
    add("id", order.id.0.into());
    add("sn", sn.as_str().to_owned().into());
    add("order_sn", sn.into_string().into());
    add("mch_id", order.mch_id.to_string().into());
    add("appid", order.app_id.to_string().into());
    add("mch_name", app.mch_name.as_str().into());
    add("out_trade_no", order.out_trade_no.as_str().into());
    add("pay_channel_id", info.channel_id.into());
    add("provider", provider_word(order).into());
    add("adapter", order.adapter.as_str().into());
    add("trade_type", info.trade_type.into());
    add("trade_state", order.state.word().into());
    add("status", order.state.status().into());
    for (name, member) in money_members(order) {
        add(name, member);
    }
    add("refundable", order.refundable().into());
    add("total_refund_fee", order.total_refund_fee.into());
    add("body", order.body.as_str().into());
    add("attach", order.attach.as_str().into());
    add("detail", order.detail.as_str().into());
    for (name, member) in payment_members(order, urls.transaction_id) {
        add(name, member);
    }
    add("wallet", order.wallet.as_str().into());
    add("is_subscribe", "N".into());
    add("is_print", "0".into());
    add("openid", openid(order).into());
    add("store_id", store_text(order).into());
    add("create_time", order.created_at.seconds().into());
    add("time_end", paid_at.map_or(0, |at| at.seconds()).into());
    add("created_at", order.created_at.beijing().into());
    add("finish_time", paid_at.map_or_else(String::new, |at| at.beijing()).into());
    add("qrcode", urls.qrcode.into());
    add("code_url", urls.code_url.into());
    let pay_text = order.pay_text.as_str();
    match order.product {
        Product::WechatH5 => add("mweb_url", urls.qrcode.into()),
        Product::AlipayApp => {
            add("app", order_string::as_json(pay_text).into());
            add("app_format", pay_text.into());
        }
        Product::WechatApp => add("app", pay_text.into()),
        Product::WechatJsapi | Product::WechatHkJsapi => add("jsapi", pay_text.into()),
        Product::AlipayWap
        | Product::AlipayQr
        | Product::WechatQr
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr
        | Product::Micropay => {}
    }
    members
}

/// The amounts that answers and notices share.
pub(super) fn money_members(order: &Order) -> [(&'static str, Member<'static>); 6] {
    let cash = order.payment.as_ref().map(|payment| payment.cash);
    [
        ("total_fee", order.total_fee.into()),
        ("discount", order.discount.into()),
        ("pay_amount", order.pay_amount().minor.into()),
        ("cash_fee", cash.map_or(0, |cash| cash.minor).into()),
        ("cash_fee_type", cash.map_or("", |cash| cash.currency.code()).into()),
        ("fee_type", order.currency.code().into()),
    ]
}

/// What the upstream said of the payment, in answers and notices; `awaited` is its number of one that
/// is still to be made.
pub(super) fn payment_members<'a>(
    order: &'a Order,
    awaited: &'a str,
) -> [(&'static str, Member<'a>); 2] {
    let payment = order.payment.as_ref();
    [
        ("bank_type", payment.map_or("", |payment| payment.bank_type.as_str()).into()),
        (
            "transaction_id",
            payment.map_or(awaited, |payment| payment.transaction_id.as_str()).into(),
        ),
    ]
}

/// Who took the money, else who will.
pub(super) fn provider_word(order: &Order) -> &'static str {
    let paid = order.payment.as_ref().map(|payment| payment.provider);
    paid.or(order.provider).map_or(NO_PROVIDER, Provider::word)
}

/// The payer at the wallet: as the upstream says, else as the merchant told us.
fn openid(order: &Order) -> &str {
    let told = order.payment.as_ref().map(|payment| payment.openid.as_str());
    told.filter(|text| !text.is_empty()).unwrap_or(&order.payer_openid)
}

/// `data` of a refund, unsigned (contract section 6): its order's members, and its own.
pub fn refund_members<'a>(
    (refund, order): (&'a Refund, &'a Order),
    app: &'a Application,
    urls: &OrderUrls<'a>,
) -> Members<'a> {
    let mut members = order_members(order, app, urls);
    let mut add = |name: &'static str, member: Member<'a>| members.push((name.into(), member));
    let done = refund.done.as_ref();
    let cash = done.map(|done| done.cash);
    add("out_refund_no", refund.out_refund_no.as_str().into());
    add("refund_id", refund.refund_no().into_string().into());
    add("refund_fee", refund.amount.minor.into());
    add("refund_fee_type", refund.amount.currency.code().into());
    add("cash_refund_fee", cash.map_or(0, |cash| cash.minor).into());
    add("cash_refund_fee_type", cash.map_or("", |cash| cash.currency.code()).into());
    add("rate", done.map_or("", |done| done.rate.as_str()).into());
    add("refund_status", refund.state.status().into());
    add("refund_time", done.map_or_else(String::new, |done| done.at.beijing()).into());
    add("refund_desc", refund.reason.as_str().into());
    members
}

fn store_text(order: &Order) -> String {
    if order.store_id == 0 { String::new() } else { order.store_id.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::members::{object, sign_members};
    use crate::fields::Fields;
    use crate::money::{Currency, Money};
    use crate::order::{Payment, SignForm, tests::an_order};
    use crate::sign::{self, Signature, Signer, tests::an_application};
    use crate::state::TradeState;
    use crate::time::Timestamp;

    const URLS: OrderUrls<'static> = OrderUrls {
        code_url: "https://pay.example/pay/T",
        qrcode: "weixin://wxpay/x?pr=1",
        transaction_id: "8a89",
    };

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_success_speaks_both_dialects() {
        let members = vec![("a".into(), "聚\"宝/\n".into()), ("b".into(), 7.into())];
        let text = success(&object(&members), "t1");
        let expect = json!({
            "code": 200, "message": "success", "ret": 0, "msg": "success",
            "data": {"a": "聚\"宝/\n", "b": 7}, "_trace_no": "t1",
        });
        assert_eq!(read(&text), expect);
        assert!(text.contains("聚") && text.contains("/"));
    }

    #[test]
    fn a_failure_has_the_same_words_twice_and_no_data() {
        let text = failure(&Fault::DuplicateOrder, Language::Zh, None, "t1");
        let expect = json!({
            "code": 40106, "message": "订单号重复", "ret": 40106, "msg": "订单号重复",
            "_trace_no": "t1",
        });
        assert_eq!(read(&text), expect);
        assert_eq!(read(&envelope(0, "x", None, "t"))["ret"], 499_999);
    }

    #[test]
    fn an_order_carries_every_member_of_the_contract() {
        let (order, app) = (an_order(), an_application());
        let members = order_members(&order, &app, &URLS);
        let data = read(&object(&members));
        for name in [
            "sn",
            "order_sn",
            "mch_id",
            "appid",
            "mch_name",
            "out_trade_no",
            "provider",
            "adapter",
            "trade_type",
            "trade_state",
            "cash_fee_type",
            "fee_type",
            "body",
            "attach",
            "detail",
            "bank_type",
            "transaction_id",
            "wallet",
            "is_subscribe",
            "is_print",
            "openid",
            "store_id",
            "created_at",
            "finish_time",
            "qrcode",
            "code_url",
        ] {
            assert!(data[name].is_string(), "{name}");
        }
        for name in [
            "id",
            "pay_channel_id",
            "status",
            "total_fee",
            "discount",
            "pay_amount",
            "cash_fee",
            "refundable",
            "total_refund_fee",
            "create_time",
            "time_end",
        ] {
            assert!(data[name].is_i64(), "{name}");
        }
        assert_eq!(data["provider"], "聚宝");
        assert_eq!(data["transaction_id"], "8a89", "of the payment that is awaited");
        assert_eq!(data["mch_id"], "10502105689001");
        assert_eq!(data["finish_time"], "");
        assert_eq!(data["create_time"], 1_795_320_005);
        assert_eq!(data.get("mweb_url"), None);
    }

    #[test]
    fn a_paid_order_tells_its_payment() {
        let mut order = an_order();
        order.product = Product::WechatH5;
        order.state = TradeState::Success;
        order.payment = Some(Payment {
            provider: Provider::Wechat,
            transaction_id: "4200".into(),
            amount: order.pay_amount(),
            cash: Money::new(9_000, Currency::Hkd),
            bank_type: "CFT".into(),
            openid: "o1".into(),
            paid_at: Timestamp::from_seconds(1_795_320_065),
        });
        let data = read(&object(&order_members(&order, &an_application(), &URLS)));
        let expect = json!([2, "wechat", 9_000, "HKD", "4200", "CFT", "o1", 1_795_320_065]);
        let names = [
            "status",
            "provider",
            "cash_fee",
            "cash_fee_type",
            "transaction_id",
            "bank_type",
            "openid",
            "time_end",
        ];
        let told = names.iter().map(|name| data[name].clone()).collect::<Vec<_>>();
        assert_eq!(Value::from(told), expect);
        assert_eq!(data["finish_time"], "2026-11-22 12:01:05");
        assert_eq!(data["mweb_url"], URLS.qrcode);
        assert_eq!(data["refundable"], 10_000);
    }

    #[test]
    fn a_signed_answer_is_verified_by_the_routine_that_verifies_requests() {
        let (order, app) = (an_order(), an_application());
        for form in SignForm::ALL {
            let mut members = order_members(&order, &app, &URLS);
            sign_members(&mut members, Signer::of(&app), form.into(), "n1").unwrap();
            let text = object(&members);
            let fields = Fields::from_json(json::object(&text).unwrap()).unwrap();
            let signature =
                Signature::parse(fields.text("sign").unwrap(), fields.text("version")).unwrap();
            let signed = sign::canonical(fields.signed());
            let now = Timestamp::from_seconds(0);
            assert_eq!(sign::verify(&app, now, &signed, &signature), Some(form));
            assert_eq!(fields.has("version"), form == SignForm::Version2);
        }
    }
}

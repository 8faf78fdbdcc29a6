//! The simulated notifications, and the facts that they share with queries.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Stamp;
use crate::http::HttpRequest;
use crate::jeepay::sign::{SIGN, sign};
use crate::jeepay::sim::books::{self, Order, Refund, State};
use crate::jeepay::sim::{JeepaySim, JeepaySimConfig};
use crate::jeepay::wire::Fields;
use crate::sim::outbox::Notice;
use crate::sim::{CallbackFaultKind, OutgoingCallback};

/// How long after each attempt the next one follows: 30 s times its number, six in all.
pub(super) const REPEAT_AFTER_MS: [i64; 5] = [30_000, 60_000, 90_000, 120_000, 150_000];
/// What a notification is about, by the merchant's number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum About {
    Order(String),
    Refund(String),
}

impl JeepaySim {
    /// The request that a notification is; `None` if nobody wants it.
    pub(super) fn callback(
        &self,
        notice: &Notice<About>,
        stamp: &Stamp,
    ) -> Option<OutgoingCallback> {
        let (mut members, url) = match &notice.about {
            About::Refund(number) => {
                let refund = self.books.refund_of(number)?;
                (self.refund_facts(refund, stamp.now), refund.notify_url.clone())
            }
            About::Order(number) => {
                let order = self.books.order(number)?;
                (order_facts(order, &self.config), order.asked.notify_url.clone())
            }
        };
        if url.is_empty() {
            return None;
        }
        members.insert("reqTime".to_owned(), stamp.now.millis().into());
        let secret = spoil(&mut members, notice.first_fault(), &self.config);
        let mut fields = Fields::from_json(&members);
        let signature = sign(&fields, &secret);
        fields.0.push((SIGN.to_owned(), signature));
        let form = "application/x-www-form-urlencoded;charset=UTF-8";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url,
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: fields.to_form().into_bytes(),
        };
        Some(OutgoingCallback { id: notice.id, request })
    }

    /// What is told of a refund.
    pub(super) fn refund_facts(&self, refund: &Refund, now: Timestamp) -> Map<String, Value> {
        let order = self.books.order(&refund.mch_order_no);
        let mut members = object(json!({
            "refundOrderId": refund.refund_order_id,
            "payOrderId": order.map(|order| order.pay_order_id.as_str()).unwrap_or_default(),
            "mchNo": self.config.mch_no,
            "appId": self.config.app_id,
            "mchRefundNo": refund.mch_refund_no,
            "payAmount": order.map(|order| order.asked.amount).unwrap_or_default(),
            "refundAmount": refund.amount,
            "currency": self.config.currency.code().to_ascii_lowercase(),
            "state": if refund.is_done(now) { 2 } else { 1 },
            "createdAt": refund.created_ms,
        }));
        if refund.is_done(now) {
            members.insert("successTime".to_owned(), refund.done_ms.into());
        }
        members
    }
}

/// What is told of an order. JeePay leaves out what is null.
pub(super) fn order_facts(order: &Order, config: &JeepaySimConfig) -> Map<String, Value> {
    let asked = &order.asked;
    let mut members = object(json!({
        "payOrderId": order.pay_order_id,
        "mchNo": config.mch_no,
        "appId": config.app_id,
        "mchOrderNo": asked.mch_order_no,
        "ifCode": if asked.way.starts_with("WX") { "wxpay" } else { "alipay" },
        "wayCode": asked.way,
        "amount": asked.amount,
        "currency": config.currency.code().to_ascii_lowercase(),
        "state": state(order.state),
        "clientIp": asked.client_ip,
        "subject": asked.subject,
        "body": asked.body,
        "createdAt": order.created_ms,
    }));
    match order.state {
        State::Paid { at_ms } => {
            let number = books::channel_order_no(order);
            members.insert("channelOrderNo".to_owned(), number.into());
            members.insert("successTime".to_owned(), at_ms.into());
        }
        State::Failed(failure) => {
            let (code, message) = failure.words();
            members.insert("errCode".to_owned(), code.into());
            members.insert("errMsg".to_owned(), message.into());
        }
        State::Init | State::Paying | State::Closed => {}
    }
    members
}

/// The number of a state.
pub(super) fn state(state: State) -> i64 {
    match state {
        State::Init => 0,
        State::Paying => 1,
        State::Paid { .. } => 2,
        State::Failed(_) => 3,
        State::Closed => 6,
    }
}

/// Makes a notification say what is not so; the answer is the secret it is signed with.
fn spoil(
    members: &mut Map<String, Value>,
    fault: Option<CallbackFaultKind>,
    config: &JeepaySimConfig,
) -> String {
    let secret = config.app_secret.expose();
    let mut put = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    match fault {
        Some(CallbackFaultKind::WrongAmount) => {
            let amount = members.get("amount").and_then(Value::as_i64).unwrap_or_default();
            members.insert("amount".to_owned(), amount.saturating_sub(1).into());
        }
        Some(CallbackFaultKind::WrongCurrency) => {
            let is_hkd = config.currency == kernel::money::Currency::Hkd;
            put("currency", if is_hkd { "cny" } else { "hkd" }.into());
        }
        Some(CallbackFaultKind::WrongApp) => put("appId", "000000000000000000000000".into()),
        Some(CallbackFaultKind::WrongMerchant) => put("mchNo", "M0000000000".into()),
        Some(CallbackFaultKind::BadSignature) => return format!("{secret}!"),
        None
        | Some(CallbackFaultKind::Lost | CallbackFaultKind::Twice | CallbackFaultKind::Late) => {}
    }
    secret.to_owned()
}

/// The members of an object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

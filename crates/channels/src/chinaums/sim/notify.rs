//! The simulated notifications, and the facts that they share with queries.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::chinaums::sign::{ACCESS_KEY, access_key};
use crate::chinaums::sim::books::{Payment, State};
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig, api};
use crate::chinaums::wire::{self, Fields};
use crate::http::HttpRequest;
use crate::sim::outbox::Notice;
use crate::sim::{CallbackFaultKind, OutgoingCallback};

const MINUTE_MS: i64 = 60_000;
/// How long after each attempt the next one follows. Not the vendor's, which is not published: that
/// of UnionPay's own notifications.
pub(super) const REPEAT_AFTER_MS: [i64; 3] = [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS];
/// What a Hong Kong or Australian order costs a payer in China: fen for each hundred cents.
const CNY_RATE_PERCENT: i64 = 91;

impl ChinaumsSim {
    /// The request that a notification is.
    pub(super) fn callback(&self, notice: &Notice<String>) -> Option<OutgoingCallback> {
        let payment = self.books.payment(&notice.about)?;
        let now = Timestamp::from_millis(notice.due_ms);
        let mut fields = Fields::from_json(&facts(payment, &self.config, now));
        let secret = spoil(&mut fields, notice.first_fault(), payment, &self.config);
        let key = access_key(&fields, &secret);
        fields.push(ACCESS_KEY, key);
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: payment.callback_url.clone(),
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: fields.to_form().into_bytes(),
        };
        Some(OutgoingCallback { id: notice.id, request })
    }
}

/// What is told of a payment.
pub(super) fn facts(
    payment: &Payment,
    config: &ChinaumsSimConfig,
    now: Timestamp,
) -> Map<String, Value> {
    let state = payment.state_at(now);
    let mut members = api::object(json!({
        "paymentId": payment.payment_id,
        "status": api::status(state),
        "respCode": "00",
        "respMsg": "success",
        "orderCurrency": wire::number_of(config.currency),
        "orderAmount": wire::major(Money::new(payment.amount, config.currency)),
        "reserved": payment.reserved,
    }));
    if let State::Paid { at_ms } = state {
        members.extend(settlement(payment.amount, config, Timestamp::from_millis(at_ms)));
    }
    members
}

/// What a payer from China pays, and when it is settled.
pub(super) fn settlement(
    minor: i64,
    config: &ChinaumsSimConfig,
    at: Timestamp,
) -> Map<String, Value> {
    let (percent, rate) = match config.currency {
        Currency::Cny => (100, "1"),
        Currency::Hkd | Currency::Aud => (CNY_RATE_PERCENT, "0.91"),
    };
    let settled = Money::new(minor.saturating_mul(percent) / 100, Currency::Cny);
    api::object(json!({
        "exchangeRate": rate,
        "settleDate": at.business_date().replace('-', ""),
        "settleCurrency": wire::number_of(settled.currency),
        "settleAmount": wire::major(settled),
    }))
}

/// Makes a notification say what is not so; the answer is the secret it is signed with. It names
/// neither an app nor a merchant: another order, and another merchant's secret, stand for them.
fn spoil(
    fields: &mut Fields,
    fault: Option<CallbackFaultKind>,
    payment: &Payment,
    config: &ChinaumsSimConfig,
) -> String {
    let secret = config.secret_key.expose();
    match fault {
        Some(CallbackFaultKind::WrongAmount) => {
            let less = Money::new(payment.amount.saturating_sub(1), config.currency);
            fields.replace("orderAmount", wire::major(less));
        }
        Some(CallbackFaultKind::WrongCurrency) => {
            let others = Currency::ALL.into_iter().find(|other| *other != config.currency);
            fields.replace("orderCurrency", others.map_or("", wire::number_of));
        }
        Some(CallbackFaultKind::WrongApp) => {
            fields.replace("reserved", "1120260101000000000000000001");
        }
        Some(CallbackFaultKind::WrongMerchant | CallbackFaultKind::BadSignature) => {
            return format!("{secret}!");
        }
        None
        | Some(CallbackFaultKind::Lost | CallbackFaultKind::Twice | CallbackFaultKind::Late) => {}
    }
    secret.to_owned()
}

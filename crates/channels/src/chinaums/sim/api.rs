//! The simulated API: what a request does, how it is answered, and what goes wrong with it by script.

use kernel::money::Money;
use serde_json::{Map, Value, json};

use crate::Stamp;
use crate::chinaums::request::PAY;
use crate::chinaums::settings;
use crate::chinaums::sign::{ACCESS_KEY, access_key};
use crate::chinaums::sim::books::{Payment, Refund, State};
use crate::chinaums::sim::check::{self, Refused};
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig, ROOT, notify};
use crate::chinaums::wire::{self, Fields};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

type Members = Map<String, Value>;

impl ChinaumsSim {
    /// Answers a merchant. Only a request that is let in uses up a scripted fault.
    pub(super) fn serve_api(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(kind) = kind_of(request) else {
            return Served::Answer(HttpResponse::new(404, "text/plain", "Not Found"));
        };
        let read = check::read(request).and_then(|fields| {
            if kind == OpKind::Place {
                check::order(&fields, &self.config)?;
            } else {
                check::admit(&fields, &self.config)?;
            }
            Ok(fields)
        });
        let fields = match read {
            Ok(fields) => fields,
            Err(refused) => return Served::Answer(self.told(refusal(refused))),
        };
        match self.script.take(kind) {
            Some(fault) => self.go_wrong(fault, (kind, &fields), stamp),
            None => {
                let members = self.perform(kind, &fields, stamp);
                Served::Answer(self.told(members))
            }
        }
    }

    fn perform(&mut self, kind: OpKind, fields: &Fields, stamp: &Stamp) -> Members {
        let done = match kind {
            OpKind::Place => self.place(fields, stamp),
            OpKind::Refund => self.refund(fields, stamp),
            OpKind::QueryRefund => self.query_refund(fields, stamp),
            OpKind::Query | OpKind::Close | OpKind::Reverse | OpKind::Rates | OpKind::Keys => {
                self.find(fields).map(|payment| {
                    let mut members = notify::facts(payment, &self.config, stamp.now);
                    members.insert("lastStatus".to_owned(), members["status"].clone());
                    members.insert("lastTransType".to_owned(), "01".into());
                    members.insert("queryResult".to_owned(), "1".into());
                    members
                })
            }
        };
        done.unwrap_or_else(refusal)
    }

    fn place(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Members, Refused> {
        let order = check::order(fields, &self.config)?;
        let payment = self.books.place(order, stamp)?;
        Ok(object(json!({
            "respCode": "00",
            "respMsg": "success",
            "paymentId": payment.payment_id,
            "url": "",
            "formData": {},
            "tn": "",
        })))
    }

    fn refund(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Members, Refused> {
        let payment = self.find(fields).map_err(|_| Refused::NOT_PAID)?.clone();
        let number = check::number(fields, "refundOrderId")?;
        let amount = check::amount(fields, self.config.currency)?;
        let refund = self.books.refund(&payment.payment_id, (&number, amount), stamp)?;
        Ok(refund_facts(refund, &payment, &self.config, stamp))
    }

    fn query_refund(&self, fields: &Fields, stamp: &Stamp) -> Result<Members, Refused> {
        let payment = self.find(fields)?;
        let number = check::number(fields, "refundOrderId")?;
        let refund = self.books.refund_of(&payment.payment_id, &number);
        let refund = refund.ok_or(Refused::NOT_FOUND)?;
        Ok(refund_facts(refund, payment, &self.config, stamp))
    }

    /// The payment that a request names by either number.
    fn find(&self, fields: &Fields) -> Result<&Payment, Refused> {
        let found = if fields.has("paymentId") {
            self.books.payment(fields.of("paymentId"))
        } else {
            self.books.order(fields.of("orderId"))
        };
        found.ok_or(Refused::NOT_FOUND)
    }

    /// Answers one operation wrongly.
    fn go_wrong(
        &mut self,
        fault: OpFaultKind,
        (kind, fields): (OpKind, &Fields),
        stamp: &Stamp,
    ) -> Served {
        match fault {
            OpFaultKind::DroppedBefore => return Served::Dropped,
            OpFaultKind::Refused => {
                let is_refund = kind == OpKind::Refund;
                let refused = if is_refund { Refused::TOO_MUCH } else { Refused::NOT_PASSED };
                return Served::Answer(self.told(refusal(refused)));
            }
            OpFaultKind::ErrorBefore => {
                return Served::Answer(HttpResponse::new(500, "text/plain", "error"));
            }
            OpFaultKind::Busy => return Served::Answer(self.told(refusal(Refused::TOO_OFTEN))),
            OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => {}
        }
        let mut members = self.perform(kind, fields, stamp);
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => Served::Answer(self.told(refusal(Refused::UNKNOWN))),
            OpFaultKind::Empty => Served::Answer(HttpResponse::new(200, "text/plain", "")),
            OpFaultKind::Html => {
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                Served::Answer(HttpResponse::new(200, "text/html", page))
            }
            OpFaultKind::Truncated => {
                let mut answer = self.told(members);
                answer.body.truncate(answer.body.len() / 2);
                Served::Answer(answer)
            }
            OpFaultKind::BadSignature => {
                members.insert(ACCESS_KEY.to_owned(), "0".repeat(64).into());
                Served::Answer(json_of(&members))
            }
            OpFaultKind::WrongAnswer => {
                mistake(&mut members, &self.config);
                Served::Answer(self.told(members))
            }
            OpFaultKind::Slow => Served::Late(self.told(members), SLOW_MS),
            OpFaultKind::DroppedBefore
            | OpFaultKind::Refused
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => Served::Answer(self.told(members)),
        }
    }

    /// An answer, signed if this EasyLink signs answers.
    fn told(&self, mut members: Members) -> HttpResponse {
        if self.config.signs_answers {
            let fields = Fields::from_json(&members);
            let key = access_key(&fields, self.config.secret_key.expose());
            members.insert(ACCESS_KEY.to_owned(), key.into());
        }
        json_of(&members)
    }
}

/// Which operation a request is. The paths are those that accounts have by default.
fn kind_of(request: &HttpRequest) -> Option<OpKind> {
    let path = request.path().strip_prefix(ROOT).filter(|_| request.method == "POST")?;
    let is_default = |key: &str| {
        settings::SETTINGS.iter().any(|setting| setting.key == key && setting.default == path)
    };
    match path {
        PAY => Some(OpKind::Place),
        _ if is_default(settings::QUERY_PATH) => Some(OpKind::Query),
        _ if is_default(settings::REFUND_PATH) => Some(OpKind::Refund),
        _ if is_default(settings::REFUND_QUERY_PATH) => Some(OpKind::QueryRefund),
        _ => None,
    }
}

fn refund_facts(
    refund: &Refund,
    payment: &Payment,
    config: &ChinaumsSimConfig,
    stamp: &Stamp,
) -> Members {
    let is_done = refund.is_done(stamp.now);
    let mut members = object(json!({
        "respCode": "00",
        "respMsg": "success",
        "paymentId": refund.payment_id,
        "refundOrderId": refund.refund_order_id,
        "refundId": refund.refund_id,
        "status": if is_done { "1" } else { "0" },
        "refundAmount": wire::major(Money::new(refund.amount, config.currency)),
        "orderCurrency": wire::number_of(config.currency),
        "reserved": payment.reserved,
    }));
    if is_done {
        members.extend(notify::settlement(refund.amount, config, stamp.now));
    }
    members
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one, else another
/// payment.
fn mistake(members: &mut Members, config: &ChinaumsSimConfig) {
    let is_unpaid = matches!(members.get("status"), Some(status) if status != "1");
    let name = ["refundAmount", "orderAmount"].into_iter().find(|name| members.contains_key(*name));
    match name.filter(|name| *name == "refundAmount" || !is_unpaid) {
        Some(name) => {
            let told = members[name].as_str().unwrap_or_default();
            let told = Money::from_decimal(told, config.currency);
            let more = told.map_or(1, |told| told.minor.saturating_add(1));
            members.insert(name.to_owned(), wire::major(Money::new(more, config.currency)).into());
        }
        None => {
            members.insert("paymentId".to_owned(), "f".repeat(32).into());
        }
    }
}

/// A refusal in the words of [`Refused`].
fn refusal(Refused(code, message): Refused) -> Members {
    object(json!({ "respCode": code, "respMsg": message }))
}

/// The word of a payment's state.
pub(super) fn status(state: State) -> &'static str {
    match state {
        State::Waiting => "0",
        State::Acting => "pending",
        State::Failed => "failed",
        State::Paid { .. } => "1",
        State::Expired => "expired",
    }
}

fn json_of(members: &Members) -> HttpResponse {
    let body = Value::Object(members.clone()).to_string();
    HttpResponse::new(200, "application/json;charset=utf-8", body)
}

/// The members of an object.
pub(super) fn object(value: Value) -> Members {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Members::new()
        }
    }
}

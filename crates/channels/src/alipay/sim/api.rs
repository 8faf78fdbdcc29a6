//! What the simulated `gateway.do` does with a request once it is judged, and how it answers: rightly,
//! or as a script wants it to go wrong.

use serde_json::{Map, Value, json};

use crate::alipay::sim::books::{Key, Status, Trade};
use crate::alipay::sim::gateway::{self, Method, Refused};
use crate::alipay::sim::{AlipaySim, notify, pages};
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, OpKind, Served};
use crate::{SetupError, Stamp};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

/// An admitted request.
struct Asked<'a> {
    method: Method,
    fields: &'a Fields,
}

/// An answer before it is signed: the name of its object, and the object.
type Answer = (String, Map<String, Value>);

impl AlipaySim {
    /// Answers a request for `gateway.do`.
    pub(super) fn serve_gateway(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(fields) = gateway::read(request) else {
            let refused = Refused { code: "40002", sub_code: "isv.invalid-parameter" };
            return self.answered(("error_response".to_owned(), refusal(refused)));
        };
        let method = match gateway::method(&fields) {
            Ok(method) => method,
            Err(refused) => return self.answered(("error_response".to_owned(), refusal(refused))),
        };
        let kind = match method {
            Method::WapPay => return Served::Answer(self.open_page(&fields, stamp)),
            Method::Precreate => OpKind::Place,
            Method::Query => OpKind::Query,
            Method::Close => OpKind::Close,
        };
        if let Err(refused) = gateway::admit(&fields, &self.config) {
            return self.answered((method.answer_name(), refusal(refused)));
        }
        let asked = Asked { method, fields: &fields };
        match self.take_fault(kind) {
            Some(fault) => self.go_wrong(fault, &asked, stamp),
            None => {
                let answer = self.perform(&asked, stamp);
                self.answered(answer)
            }
        }
    }

    /// Does what an admitted request asks for.
    fn perform(&mut self, asked: &Asked<'_>, stamp: &Stamp) -> Answer {
        let Asked { method, fields } = *asked;
        let done = gateway::biz_content(fields).and_then(|biz| match method {
            Method::Precreate | Method::WapPay => self.precreate(fields, &biz, stamp),
            Method::Query => self.query(gateway::number(&biz)?),
            Method::Close => self.close(gateway::number(&biz)?, stamp),
        });
        let object = match done {
            Ok(facts) => {
                let mut object = Map::new();
                object.insert("code".into(), "10000".into());
                object.insert("msg".into(), "Success".into());
                object.extend(facts);
                object
            }
            Err(refused) => refusal(refused),
        };
        (method.answer_name(), object)
    }

    fn precreate(
        &mut self,
        fields: &Fields,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Map<String, Value>, Refused> {
        let order = gateway::order(fields, biz, &self.config, stamp)?;
        let number = order.out_trade_no.clone();
        let code = self.books.precreate(order, stamp).map_err(Refused::business)?;
        let qr_code = format!("{}/alipay/qr/{code}", self.config.base_url);
        Ok(object(json!({ "out_trade_no": number, "qr_code": qr_code })))
    }

    fn query(&self, number: &str) -> Result<Map<String, Value>, Refused> {
        let trade = self.books.trade(&self.key(number));
        let trade = trade.filter(|trade| trade.status != Status::Coded);
        trade.map(queried).ok_or_else(|| Refused::business("ACQ.TRADE_NOT_EXIST"))
    }

    fn close(&mut self, number: &str, stamp: &Stamp) -> Result<Map<String, Value>, Refused> {
        let key = self.key(number);
        self.books.close(&key, stamp).map_err(Refused::business)?;
        let trade_no = self.books.trade(&key).map(|trade| trade.trade_no.clone());
        Ok(object(json!({ "out_trade_no": number, "trade_no": trade_no })))
    }

    /// Answers one operation wrongly.
    fn go_wrong(&mut self, fault: OpFaultKind, asked: &Asked<'_>, stamp: &Stamp) -> Served {
        let name = asked.method.answer_name();
        let refused = |code, sub_code| (name.clone(), refusal(Refused { code, sub_code }));
        match fault {
            OpFaultKind::DroppedBefore => return Served::Dropped,
            OpFaultKind::Refused => {
                return self.answered(refused("40004", "ACQ.EXIST_FORBIDDEN_WORD"));
            }
            OpFaultKind::ErrorBefore => return self.answered(refused("20000", "isp.unknow-error")),
            OpFaultKind::Busy => return self.answered(refused("40005", "isv.app-call-limited")),
            OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => {}
        }
        let (name, mut object) = self.perform(asked, stamp);
        if fault == OpFaultKind::WrongAnswer {
            mistake(&mut object);
        }
        let right = self.signed(&name, &object, "");
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => {
                self.answered((name, refusal(Refused::business("ACQ.SYSTEM_ERROR"))))
            }
            OpFaultKind::Empty => Served::Answer(HttpResponse { body: Vec::new(), ..right }),
            OpFaultKind::Html => Served::Answer(pages::message("系统维护", "请稍后再试。")),
            OpFaultKind::Truncated => {
                let half = right.body.len() / 2;
                Served::Answer(HttpResponse { body: right.body[..half].to_vec(), ..right })
            }
            OpFaultKind::BadSignature => Served::Answer(self.signed(&name, &object, " ")),
            OpFaultKind::Slow => Served::Late(right, SLOW_MS),
            OpFaultKind::WrongAnswer
            | OpFaultKind::Refused
            | OpFaultKind::DroppedBefore
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => Served::Answer(right),
        }
    }

    fn answered(&self, (name, object): Answer) -> Served {
        Served::Answer(self.signed(&name, &object, ""))
    }

    /// `{"<name>":{…},"sign":"…"}`, signed over the exact bytes of the object, and `also` to spoil it.
    fn signed(&self, name: &str, object: &Map<String, Value>, also: &str) -> HttpResponse {
        let text = Value::Object(object.clone()).to_string();
        let sign = self.signer.sign(format!("{text}{also}").as_bytes());
        match sign {
            Ok(sign) => {
                let body = format!(r#"{{"{name}":{text},"sign":"{sign}"}}"#);
                HttpResponse::new(200, "text/html;charset=utf-8", body)
            }
            Err(SetupError(why)) => HttpResponse::new(500, "text/plain", why),
        }
    }

    fn key(&self, number: &str) -> Key {
        (self.config.app_id.clone(), number.to_owned())
    }
}

/// The answer to a query of a trade that exists (manual: alipay.trade.query).
fn queried(trade: &Trade) -> Map<String, Value> {
    let total = notify::fen(trade.order.total);
    let mut facts = object(json!({
        "out_trade_no": trade.order.out_trade_no,
        "trade_no": trade.trade_no,
        "trade_status": trade.status.word(),
        "total_amount": total,
        "buyer_logon_id": notify::BUYER_LOGON_ID,
        "buyer_user_id": notify::BUYER_ID,
        "buyer_user_type": "PRIVATE",
        "point_amount": "0.00",
    }));
    let is_paid = trade.status == Status::Success;
    let taken = if is_paid { total.as_str() } else { "0.00" };
    for name in ["buyer_pay_amount", "receipt_amount", "invoice_amount"] {
        facts.insert(name.to_owned(), taken.into());
    }
    if is_paid {
        facts.insert("send_pay_date".to_owned(), notify::time(trade.paid_at).into());
        let funds = json!([{ "amount": total, "fund_channel": "ALIPAYACCOUNT" }]);
        facts.insert("fund_bill_list".to_owned(), funds);
    }
    facts
}

/// A refusal in the manual's words.
fn refusal(refused: Refused) -> Map<String, Value> {
    object(json!({
        "code": refused.code,
        "msg": refused.message(),
        "sub_code": refused.sub_code,
        "sub_msg": refused.reason(),
    }))
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one, else another order.
fn mistake(object: &mut Map<String, Value>) {
    let is_paid = object.contains_key("send_pay_date");
    let (name, wrong) = if is_paid {
        ("total_amount", "0.01")
    } else {
        ("out_trade_no", "1120260101000000000000000099")
    };
    let is_that_already = object.get(name).is_some_and(|value| value == wrong);
    let text = if is_that_already { "0.02" } else { wrong };
    object.insert(name.to_owned(), text.into());
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

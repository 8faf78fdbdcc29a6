//! The simulated `gateway.do`, when a script wants an operation to go wrong.

use serde_json::{Map, Value};

use crate::Stamp;
use crate::alipay::sim::api::Asked;
use crate::alipay::sim::gateway::{Method, Refused};
use crate::alipay::sim::{AlipaySim, facts, pages};
use crate::http::HttpResponse;
use crate::sim::{OpFaultKind, Served};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

/// What an answer tells, and the member that [`OpFaultKind::WrongAnswer`] then spoils.
const SPOILT: [(&str, &str); 4] = [
    ("refund_amount", "refund_amount"),
    ("refund_fee", "refund_fee"),
    ("send_pay_date", "total_amount"),
    ("gmt_payment", "total_amount"),
];

impl AlipaySim {
    /// Answers one operation wrongly.
    pub(super) fn go_wrong(
        &mut self,
        fault: OpFaultKind,
        asked: &Asked<'_>,
        stamp: &Stamp,
    ) -> Served {
        let refused = |code, sub_code| {
            let object = facts::refusal_of(asked.method, Refused { code, sub_code });
            (asked.method.answer_name(), object)
        };
        let before = match fault {
            OpFaultKind::DroppedBefore => return Served::Dropped,
            OpFaultKind::Refused => Some(refused("40004", reason(asked.method))),
            OpFaultKind::ErrorBefore => Some(refused("20000", "isp.unknow-error")),
            OpFaultKind::Busy => Some(refused("40005", "isv.app-call-limited")),
            OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => None,
        };
        if let Some(answer) = before {
            return self.answered(asked.sign_type, &answer);
        }
        let Some(mut answer) = self.perform(asked, stamp) else { return Served::Dropped };
        if fault == OpFaultKind::WrongAnswer {
            mistake(&mut answer.1);
        }
        let right = self.signed(asked.sign_type, &answer, "");
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => {
                self.answered(asked.sign_type, &refused("40004", "ACQ.SYSTEM_ERROR"))
            }
            OpFaultKind::Empty => Served::Answer(HttpResponse { body: Vec::new(), ..right }),
            OpFaultKind::Html => Served::Answer(pages::message("系统维护", "请稍后再试。")),
            OpFaultKind::Truncated => {
                let half = right.body.len() / 2;
                Served::Answer(HttpResponse { body: right.body[..half].to_vec(), ..right })
            }
            OpFaultKind::BadSignature => Served::Answer(self.signed(asked.sign_type, &answer, " ")),
            OpFaultKind::Slow => Served::Late(right, SLOW_MS),
            OpFaultKind::WrongAnswer
            | OpFaultKind::Refused
            | OpFaultKind::DroppedBefore
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => Served::Answer(right),
        }
    }
}

/// A business reason of the method's own.
fn reason(method: Method) -> &'static str {
    match method {
        Method::Precreate
        | Method::WapPay
        | Method::AppPay
        | Method::Pay
        | Method::Query
        | Method::Close => "ACQ.EXIST_FORBIDDEN_WORD",
        Method::Cancel | Method::Refund => "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        Method::RefundQuery => "ACQ.INVALID_PARAMETER",
    }
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one, else another order.
fn mistake(object: &mut Map<String, Value>) {
    let told = SPOILT.into_iter().find(|(told, _)| object.contains_key(*told));
    let (name, wrong) = match told.map(|(_, name)| name) {
        Some("total_amount") => ("total_amount", "0.01"),
        Some(name) => (name, "0.00"),
        None => ("out_trade_no", "1120260101000000000000000099"),
    };
    let is_that_already = object.get(name).is_some_and(|value| value == wrong);
    let text = if is_that_already { "0.02" } else { wrong };
    object.insert(name.to_owned(), text.into());
}

//! The simulated API: what a request does, how it is answered, and what goes wrong with it by script.

use serde_json::{Map, Value, json};

use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::request::{QUERY, REFUND, REFUND_QUERY, UNIFIED_ORDER};
use crate::jeepay::settings;
use crate::jeepay::sign::{SIGN, sign};
use crate::jeepay::sim::books::{Charged, Order, State};
use crate::jeepay::sim::check::{self, Refused};
use crate::jeepay::sim::{JeepaySim, notify};
use crate::jeepay::wire::Fields;
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

/// What an operation is answered, before it is signed.
pub(super) type Members = Map<String, Value>;

/// What became of an operation: granted, refused, or silence.
enum Done {
    Granted(Members),
    Refused(Refused),
    Silence,
}

impl JeepaySim {
    /// Answers a merchant. Only a request that is let in uses up a scripted fault.
    pub(super) fn serve_api(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(kind) = kind_of(request) else {
            return Served::Answer(HttpResponse::new(404, "text/plain", "Not Found"));
        };
        let admitted = check::read(request)
            .and_then(|fields| check::admit(&fields, &self.config).map(|()| fields));
        let fields = match admitted {
            Ok(fields) => fields,
            Err(refused) => return Served::Answer(refusal(&refused)),
        };
        let fault = self.script.take(kind);
        if let Some(answer) = fault.and_then(|fault| not_done(fault, kind)) {
            return answer;
        }
        let done = self.perform(kind, &fields, stamp);
        match fault {
            None => self.told(done, ""),
            Some(fault) => self.go_wrong(fault, done),
        }
    }

    fn perform(&mut self, kind: OpKind, fields: &Fields, stamp: &Stamp) -> Done {
        let done = match kind {
            OpKind::Place => return self.place(fields, stamp),
            OpKind::Close => check::number(fields, "mchOrderNo")
                .and_then(|number| self.books.close(&number))
                .map(|()| Members::new()),
            OpKind::Refund => self.refund(fields, stamp),
            OpKind::QueryRefund => self.query_refund(fields, stamp),
            OpKind::Query | OpKind::Reverse | OpKind::Rates | OpKind::Keys => self.query(fields),
        };
        done.map_or_else(Done::Refused, Done::Granted)
    }

    fn place(&mut self, fields: &Fields, stamp: &Stamp) -> Done {
        let placed = check::order(fields, &self.config)
            .and_then(|(asked, code)| self.books.place(asked, stamp).map(|order| (order, code)));
        let (order, code) = match placed {
            Ok(placed) => placed,
            Err(refused) => return Done::Refused(refused),
        };
        let number = &order.asked.mch_order_no;
        let charged =
            code.map_or(Charged::Told, |code| self.books.charge(number, &code, stamp.now));
        match (charged, self.books.order(number)) {
            (Charged::Told, Some(order)) => Done::Granted(self.opened(order, stamp)),
            (Charged::SystemError, _) | (Charged::Told, None) => {
                Done::Refused(Refused::custom("系统异常"))
            }
            (Charged::Silence, _) => Done::Silence,
        }
    }

    /// The answer to a new order: how it is paid.
    fn opened(&self, order: &Order, stamp: &Stamp) -> Members {
        let page = format!("{}/jeepay/pay/{}", self.config.base_url, order.pay_order_id);
        let (kind, data) = match order.asked.way.as_str() {
            "ALI_QR" | "WX_NATIVE" | "UP_QR" => ("codeUrl", page),
            "WX_JSAPI" => ("wxapp", wechat_config(order, stamp)),
            "ALI_APP" => {
                ("aliapp", format!("method=alipay.trade.app.pay&o={}", order.pay_order_id))
            }
            way if way.ends_with("_BAR") => ("none", String::new()),
            _ => ("payUrl", page),
        };
        let mut members = notify::object(json!({
            "payOrderId": order.pay_order_id,
            "mchOrderNo": order.asked.mch_order_no,
            "orderState": notify::state(order.state),
            "payDataType": kind,
            "payData": data,
        }));
        if let State::Failed(failure) = order.state {
            let (code, message) = failure.words();
            members.insert("errCode".to_owned(), code.into());
            members.insert("errMsg".to_owned(), message.into());
        }
        members
    }

    fn query(&self, fields: &Fields) -> Result<Members, Refused> {
        let number = check::number(fields, "mchOrderNo")?;
        let order = self.books.order(&number).ok_or_else(Refused::not_found)?;
        Ok(notify::order_facts(order, &self.config))
    }

    fn refund(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Members, Refused> {
        let refund = self.books.refund(check::refund(fields, &self.config)?, stamp)?;
        let mut members = self.refund_facts(&refund, stamp.now);
        // What only the query tells.
        for name in ["payOrderId", "mchNo", "appId", "currency", "successTime", "createdAt"] {
            members.shift_remove(name);
        }
        Ok(members)
    }

    fn query_refund(&self, fields: &Fields, stamp: &Stamp) -> Result<Members, Refused> {
        let number = check::number(fields, "mchRefundNo")?;
        let refund = self.books.refund_of(&number).ok_or_else(Refused::not_found)?;
        Ok(self.refund_facts(refund, stamp.now))
    }

    /// Answers wrongly what was done.
    fn go_wrong(&self, fault: OpFaultKind, done: Done) -> Served {
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => Served::Answer(refusal(&Refused::custom("系统异常"))),
            OpFaultKind::Empty => Served::Answer(HttpResponse::new(200, "text/plain", "")),
            OpFaultKind::Html => {
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                Served::Answer(HttpResponse::new(200, "text/html", page))
            }
            OpFaultKind::Truncated => match self.told(done, "") {
                Served::Answer(mut answer) => {
                    answer.body.truncate(answer.body.len() / 2);
                    Served::Answer(answer)
                }
                other @ (Served::Late(..) | Served::Dropped) => other,
            },
            OpFaultKind::BadSignature => self.told(done, "!"),
            OpFaultKind::WrongAnswer => {
                let done = match done {
                    Done::Granted(members) => Done::Granted(mistaken(members)),
                    Done::Refused(_) | Done::Silence => done,
                };
                self.told(done, "")
            }
            OpFaultKind::Slow => match self.told(done, "") {
                Served::Answer(answer) => Served::Late(answer, SLOW_MS),
                other @ (Served::Late(..) | Served::Dropped) => other,
            },
            OpFaultKind::Refused
            | OpFaultKind::DroppedBefore
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => self.told(done, ""),
        }
    }

    /// `{code, msg, data, sign}`; the sign is made with the secret and `also`, to spoil it.
    fn told(&self, done: Done, also: &str) -> Served {
        let members = match done {
            Done::Granted(members) => members,
            Done::Refused(refused) => return Served::Answer(refusal(&refused)),
            Done::Silence => return Served::Dropped,
        };
        let secret = format!("{}{also}", self.config.app_secret.expose());
        let signature = sign(&Fields::from_json(&members), &secret);
        let body = json!({ "code": 0, "data": members, "msg": "SUCCESS", SIGN: signature });
        Served::Answer(json_of(&body))
    }
}

/// The answer of a fault that does nothing.
fn not_done(fault: OpFaultKind, kind: OpKind) -> Option<Served> {
    let refused = |refused: Refused| Some(Served::Answer(refusal(&refused)));
    match fault {
        OpFaultKind::Refused => refused(Refused::custom(match kind {
            OpKind::Place => "商户应用不支持该支付方式",
            OpKind::Refund => "当前通道不支持退款！",
            OpKind::Query
            | OpKind::Close
            | OpKind::Reverse
            | OpKind::QueryRefund
            | OpKind::Rates
            | OpKind::Keys => "验签失败",
        })),
        OpFaultKind::DroppedBefore => Some(Served::Dropped),
        OpFaultKind::ErrorBefore => refused(Refused(10, "系统异常".to_owned())),
        OpFaultKind::Busy => {
            Some(Served::Answer(HttpResponse::new(429, "text/plain", "Too Many Requests")))
        }
        OpFaultKind::DroppedAfter
        | OpFaultKind::ErrorAfter
        | OpFaultKind::Empty
        | OpFaultKind::Html
        | OpFaultKind::Truncated
        | OpFaultKind::BadSignature
        | OpFaultKind::WrongAnswer
        | OpFaultKind::Slow => None,
    }
}

/// Which operation a request is.
fn kind_of(request: &HttpRequest) -> Option<OpKind> {
    let is_close = |path: &str| {
        let mut settings = settings::SETTINGS.iter();
        settings.any(|one| one.key == settings::CLOSE_PATH && one.default == path)
    };
    match request.path() {
        _ if request.method != "POST" => None,
        UNIFIED_ORDER => Some(OpKind::Place),
        QUERY => Some(OpKind::Query),
        REFUND => Some(OpKind::Refund),
        REFUND_QUERY => Some(OpKind::QueryRefund),
        path => is_close(path).then_some(OpKind::Close),
    }
}

/// What WeChat's own page is given.
fn wechat_config(order: &Order, stamp: &Stamp) -> String {
    json!({
        "appId": "wx1234567890abcdef",
        "timeStamp": stamp.now.seconds().to_string(),
        "nonceStr": stamp.nonce,
        "package": format!("prepay_id=wx{}", order.pay_order_id),
        "signType": "RSA",
        "paySign": "simulated",
    })
    .to_string()
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one of a payment or
/// refund, else another order.
fn mistaken(mut members: Members) -> Members {
    let is_paid = members.get("state").is_some_and(|state| *state == 2);
    let names = if is_paid { ["refundAmount", "amount"] } else { ["refundAmount", ""] };
    match names.into_iter().find(|name| members.contains_key(*name)) {
        Some(name) => {
            let more = members[name].as_i64().unwrap_or_default().saturating_add(1);
            members.insert(name.to_owned(), more.into());
        }
        None => {
            members.insert("mchOrderNo".to_owned(), "1120260101000000000000000099".into());
        }
    }
    members
}

/// A refusal: nothing of it is signed.
fn refusal(Refused(code, message): &Refused) -> HttpResponse {
    json_of(&json!({ "code": code, "data": null, "msg": message, SIGN: null }))
}

fn json_of(body: &Value) -> HttpResponse {
    HttpResponse::new(200, "application/json;charset=UTF-8", body.to_string())
}

//! A simulated Alipay: `gateway.do`, the wallet's pages and the notifications, true to the manual of
//! openapi v2 in what it verifies, answers and signs. Time and randomness come in a [`Stamp`].
//!
//! It must never be lenient where Alipay is strict: what passes here must pass there.

mod books;
mod gateway;
mod notify;
mod pages;

use kernel::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::alipay::sign;
use crate::alipay::sim::books::{Books, Key, Snapshot, Status, Trade};
use crate::alipay::sim::gateway::{Method, Refused};
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use crate::{SetupError, Stamp};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

/// One application at the simulated Alipay.
#[derive(Clone, Debug)]
pub struct AlipaySimConfig {
    /// Where payers' browsers reach the simulator, without a slash at the end.
    pub base_url: String,
    /// The application's number.
    pub app_id: String,
    /// The seller's number.
    pub seller_id: String,
    /// The application's public key, PEM: verifies requests.
    pub app_public_key: String,
    /// Alipay's private key, PEM: signs answers and notifications.
    pub platform_private_key: String,
}

/// The simulated Alipay.
pub struct AlipaySim {
    config: AlipaySimConfig,
    signer: RsaSigner,
    books: Books,
    faults: Vec<ScriptedFault>,
}

/// An answer before it is signed: the name of its object, and the object.
type Answer = (String, Map<String, Value>);

impl AlipaySim {
    /// An Alipay without trades.
    ///
    /// # Errors
    /// `platform_private_key` is not a private RSA key.
    pub fn new(config: AlipaySimConfig) -> Result<Self, SetupError> {
        let signer = RsaSigner::parse("platform_private_key", &config.platform_private_key)?;
        Ok(Self { config, signer, books: Books::default(), faults: Vec::new() })
    }

    fn serve_gateway(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
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
        match self.take_fault(kind) {
            Some(fault) => self.go_wrong(fault, method, &fields, stamp),
            None => {
                let answer = self.perform(method, &fields, stamp);
                self.answered(answer)
            }
        }
    }

    /// Does what an admitted request asks for.
    fn perform(&mut self, method: Method, fields: &Fields, stamp: &Stamp) -> Answer {
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

    /// `alipay.trade.wap.pay`: answered to a payer's browser, so with a page.
    fn open_page(&mut self, fields: &Fields, stamp: &Stamp) -> HttpResponse {
        let opened = gateway::admit(fields, &self.config)
            .and_then(|()| gateway::biz_content(fields))
            .and_then(|biz| gateway::order(fields, &biz, &self.config, stamp))
            .and_then(|order| self.books.open_page(order, stamp).map_err(Refused::business));
        match opened {
            Ok(trade_no) => self.trade_page(&trade_no, stamp),
            Err(refused) => {
                let text = format!("{}（{}）", refused.reason(), refused.sub_code);
                pages::message("订单信息无法识别", &text)
            }
        }
    }

    /// Answers one operation wrongly.
    fn go_wrong(
        &mut self,
        fault: OpFaultKind,
        method: Method,
        fields: &Fields,
        stamp: &Stamp,
    ) -> Served {
        let name = method.answer_name();
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
        let (name, mut object) = self.perform(method, fields, stamp);
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

    fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let path = request.path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["alipay", "qr", code]) => self.scan(code, stamp),
            ("GET", ["alipay", "trades", trade_no]) => self.trade_page(trade_no, stamp),
            ("POST", ["alipay", "trades", trade_no, verb]) => self.act(trade_no, verb, stamp),
            _ => pages::not_found(),
        }
    }

    /// A buyer scans a QR: only now is there a trade.
    fn scan(&mut self, code: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(code) else { return pages::not_found() };
        let key = trade.order.key();
        match self.books.begin(&key, stamp) {
            Ok(trade_no) => self.trade_page(&trade_no, stamp),
            Err(_) => pages::message("二维码已失效", "请商户重新下单。"),
        }
    }

    /// A button of the wallet's page.
    fn act(&mut self, trade_no: &str, verb: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        let (key, quit_url) = (trade.order.key(), trade.order.quit_url.clone());
        let address = format!("/alipay/trades/{trade_no}");
        match verb {
            // A second press finds the trade paid, and sees the same page.
            "pay" => {
                let _ = self.books.pay(&key, None, stamp);
                pages::see_other(&address)
            }
            "poor" => pages::message("付款失败", "余额不足，未扣款。"),
            "cancel" if quit_url.is_empty() => pages::message("已取消", "您已取消付款。"),
            "cancel" => pages::see_other(&quit_url),
            _ => pages::not_found(),
        }
    }

    fn trade_page(&self, trade_no: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        pages::of(trade, self.return_address(trade, stamp).as_deref())
    }

    /// Where the payer goes after a page's payment: `return_url` with signed members (manual:
    /// alipay.trade.wap.pay; they prove nothing).
    fn return_address(&self, trade: &Trade, stamp: &Stamp) -> Option<String> {
        let url = Some(trade.order.return_url.as_str()).filter(|url| !url.is_empty())?;
        let mut fields = Fields::default();
        for (name, value) in [
            ("app_id", self.config.app_id.as_str()),
            ("auth_app_id", self.config.app_id.as_str()),
            ("method", "alipay.trade.wap.pay.return"),
            ("out_trade_no", trade.order.out_trade_no.as_str()),
            ("trade_no", trade.trade_no.as_str()),
            ("seller_id", self.config.seller_id.as_str()),
            ("charset", "utf-8"),
            ("version", "1.0"),
            ("sign_type", sign::RSA2),
        ] {
            fields.push(name, value);
        }
        fields.push("total_amount", notify::fen(trade.order.total));
        fields.push("timestamp", stamp.now.beijing());
        let sign = self.signer.sign(sign::notice_text(&fields).as_bytes()).ok()?;
        fields.push("sign", sign);
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}{}", fields.to_form()))
    }

    fn key(&self, number: &str) -> Key {
        (self.config.app_id.clone(), number.to_owned())
    }

    fn take_fault(&mut self, op: OpKind) -> Option<OpFaultKind> {
        let at = self.faults.iter().position(|fault| fault.op == op && fault.times > 0)?;
        let fault = &mut self.faults[at];
        fault.times -= 1;
        let kind = fault.kind;
        self.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }
}

impl Simulator for AlipaySim {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn owns(&self, path: &str) -> bool {
        path == "/gateway.do" || path.starts_with("/alipay/")
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.books.expire(stamp);
        if request.path() == "/gateway.do" {
            self.serve_gateway(request, stamp)
        } else {
            Served::Answer(self.serve_page(request, stamp))
        }
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        self.books.expire(stamp);
        let found = self.books.beginning_with(&self.config.app_id, number);
        let is_payable = |trade: &&&Trade| {
            let is_code_alive = trade.ends_at > stamp.now.millis();
            trade.status == Status::WaitBuyerPay || (trade.status == Status::Coded && is_code_alive)
        };
        let newest = found.iter().filter(is_payable).max_by_key(|trade| trade.sequence);
        let Some(key) = newest.map(|trade| trade.order.key()) else {
            let last = found.iter().max_by_key(|trade| trade.sequence);
            let last = last.filter(|_| !number.is_empty()).ok_or(PayError::NotFound)?;
            return Err(PayError::NotPayable(why_not(last).to_owned()));
        };
        if number.is_empty() {
            return Err(PayError::NotFound);
        }
        let not_payable = |why: &str| PayError::NotPayable(why.to_owned());
        self.books.pay(&key, fault, stamp).map_err(not_payable)?;
        let trade = self.books.trade(&key).ok_or(PayError::NotFound)?;
        Ok(PaidInSim {
            trade_no: trade.order.out_trade_no.clone(),
            transaction_id: trade.trade_no.clone(),
            total: trade.order.total,
        })
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.books.expire(stamp);
        let due = self.books.callbacks.take_due(stamp);
        let platform = (&self.config, &self.signer);
        let request = |due: &notify::Due| {
            let trade = self.books.trade(&due.key)?;
            due.request(trade, platform, stamp).ok()
        };
        due.iter().filter_map(request).collect()
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp) {
        self.books.callbacks.answered(id, answer, stamp);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.books.next_due()
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(self.books.snapshot()).unwrap_or(Value::Null)
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        let snapshot: Snapshot = serde_json::from_value(snapshot).map_err(|why| why.to_string())?;
        self.books = Books::restore(snapshot);
        Ok(())
    }
}

fn why_not(trade: &Trade) -> &'static str {
    match trade.status {
        Status::Success => "already paid",
        Status::Closed => "closed",
        Status::Coded | Status::WaitBuyerPay => "its time is over",
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

//! The API: which call a request is, what it does, and what goes wrong with it by script.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::wire;
use super::answer::{Reply, Signing};
use super::book::{self, Book, Trade, TradeKind, TradeState};
use super::check::Order;
use super::{WechatSim, WechatSimConfig, auth};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late a slow answer is.
const SLOW_MS: i64 = 60_000;
/// The one simulated payer.
const OPENID: &str = "oSimulatedPayer000000000001x";

/// A call of the API.
enum Call {
    Place(TradeKind),
    QueryByNumber(String),
    QueryByTransaction(String),
    Close(String),
    Keys,
}

impl Call {
    fn route(request: &HttpRequest) -> Result<Self, Reply> {
        let unknown = || Reply::error(404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
        let path = percent_decode_str(request.path()).decode_utf8().map_err(|_| unknown())?;
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v3", "pay", "transactions", "native"]) => Ok(Self::Place(TradeKind::Native)),
            ("POST", ["v3", "pay", "transactions", "h5"]) => Ok(Self::Place(TradeKind::H5)),
            ("GET", ["v3", "pay", "transactions", "out-trade-no", number]) => {
                Ok(Self::QueryByNumber((*number).to_owned()))
            }
            ("GET", ["v3", "pay", "transactions", "id", number]) => {
                Ok(Self::QueryByTransaction((*number).to_owned()))
            }
            ("POST", ["v3", "pay", "transactions", "out-trade-no", number, "close"]) => {
                Ok(Self::Close((*number).to_owned()))
            }
            ("GET", ["v3", "certificates"]) => Ok(Self::Keys),
            _ => Err(unknown()),
        }
    }

    fn kind(&self) -> OpKind {
        match self {
            Self::Place(_) => OpKind::Place,
            Self::QueryByNumber(_) | Self::QueryByTransaction(_) => OpKind::Query,
            Self::Close(_) => OpKind::Close,
            Self::Keys => OpKind::Keys,
        }
    }
}

/// Answers a request. Only one that is let in uses up a scripted fault.
pub(super) fn serve(sim: &mut WechatSim, request: &HttpRequest, stamp: &Stamp) -> Served {
    let admitted = auth::admit(&sim.platform.config, request, stamp.now);
    let call = match admitted.and_then(|()| Call::route(request)) {
        Ok(call) => call,
        Err(reply) => return Served::Answer(signed(sim, &reply, request, stamp)),
    };
    let fault = sim.next_fault(call.kind());
    let exchange = Exchange { call, request, stamp };
    match fault {
        None => {
            let reply = exchange.perform(sim);
            exchange.told(sim, &reply)
        }
        Some(fault) => exchange.go_wrong(sim, fault),
    }
}

fn signed(sim: &WechatSim, reply: &Reply, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
    sim.platform.signed(reply, auth::answers_as(&sim.platform.config, request), stamp)
}

fn place(
    sim: &mut WechatSim,
    kind: TradeKind,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Reply, Reply> {
    let config = &sim.platform.config;
    let order = Order::read(kind, &request.body, config, stamp.now)?;
    let trade = sim.book.place(order, auth::answers_as(config, request), stamp)?;
    let (base, page) = (&config.base_url, &trade.page_id);
    Ok(Reply::ok(match kind {
        TradeKind::Native => json!({ "code_url": format!("{base}/wechat/qr/{page}") }),
        TradeKind::H5 => {
            let prepay_id = trade.prepay_id();
            json!({ "h5_url": format!("{base}/wechat/h5/{page}?prepay_id={prepay_id}") })
        }
    }))
}

fn query(
    sim: &WechatSim,
    request: &HttpRequest,
    stamp: &Stamp,
    find: impl FnOnce(&Book) -> Option<&Trade>,
) -> Result<Reply, Reply> {
    let mchid = url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(name, _)| name == "mchid")
        .map(|(_, value)| value);
    if mchid.as_deref() != Some(sim.platform.config.mchid.as_str()) {
        return Err(Reply::param_error("query", "mchid", "与Authorization中的mchid不一致"));
    }
    let trade = find(&sim.book).ok_or_else(book::not_found)?;
    Ok(Reply::ok(transaction(trade, &sim.platform.config, stamp)))
}

fn close(
    sim: &mut WechatSim,
    number: &str,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Reply, Reply> {
    let body = wire::parse(&request.body)
        .ok_or_else(|| Reply::param_error("body", "/", "不是合法的JSON"))?;
    if wire::text(&body, "/mchid") != Some(&sim.platform.config.mchid) {
        return Err(Reply::param_error("body", "/mchid", "与Authorization中的mchid不一致"));
    }
    sim.book.close(number, stamp.now).map(|()| Reply::no_content())
}

/// The transaction object; what only a payment has is absent before it.
pub(super) fn transaction(trade: &Trade, config: &WechatSimConfig, stamp: &Stamp) -> Value {
    let (word, description) = match trade.state_at(stamp.now) {
        TradeState::NotPay => ("NOTPAY", "订单未支付"),
        TradeState::UserPaying => ("USERPAYING", "用户支付中"),
        TradeState::Paid { .. } => ("SUCCESS", "支付成功"),
        TradeState::Closed => ("CLOSED", "订单已关闭"),
    };
    let mut object = json!({
        "appid": config.appid,
        "mchid": config.mchid,
        "out_trade_no": trade.out_trade_no,
        "trade_type": match trade.kind { TradeKind::Native => "NATIVE", TradeKind::H5 => "MWEB" },
        "trade_state": word,
        "trade_state_desc": description,
        "attach": trade.attach,
        "payer": {},
        "amount": { "total": trade.total, "currency": "CNY" },
        "promotion_detail": [],
    });
    if let TradeState::Paid { transaction_id, paid_ms } = trade.state_at(stamp.now) {
        object["transaction_id"] = transaction_id.into();
        object["bank_type"] = "OTHERS".into();
        object["success_time"] = kernel::time::Timestamp::from_millis(paid_ms).rfc3339().into();
        object["payer"]["openid"] = OPENID.into();
        object["amount"]["payer_total"] = trade.total.into();
        object["amount"]["payer_currency"] = "CNY".into();
    }
    object
}

/// A call that was let in.
struct Exchange<'a> {
    call: Call,
    request: &'a HttpRequest,
    stamp: &'a Stamp,
}

impl Exchange<'_> {
    /// Does what is asked.
    fn perform(&self, sim: &mut WechatSim) -> Reply {
        let (request, stamp) = (self.request, self.stamp);
        let result = match &self.call {
            Call::Place(kind) => place(sim, *kind, request, stamp),
            Call::QueryByNumber(number) => {
                query(sim, request, stamp, |book| book.trades.get(number))
            }
            Call::QueryByTransaction(id) => {
                query(sim, request, stamp, |book| book.by_transaction(id))
            }
            Call::Close(number) => close(sim, number, request, stamp),
            Call::Keys => Ok(sim.platform.certificates(&mut sim.book, stamp)),
        };
        result.unwrap_or_else(|reply| reply)
    }

    fn signed(&self, sim: &WechatSim, reply: &Reply) -> HttpResponse {
        signed(sim, reply, self.request, self.stamp)
    }

    fn told(&self, sim: &WechatSim, reply: &Reply) -> Served {
        Served::Answer(self.signed(sim, reply))
    }

    /// Does it; the answer as it should be.
    fn right(&self, sim: &mut WechatSim) -> HttpResponse {
        let reply = self.perform(sim);
        self.signed(sim, &reply)
    }

    /// Does it or not, and answers as `fault` says.
    fn go_wrong(&self, sim: &mut WechatSim, fault: OpFaultKind) -> Served {
        let system_error = Reply::error(500, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用");
        match fault {
            OpFaultKind::DroppedBefore => Served::Dropped,
            OpFaultKind::ErrorBefore => self.told(sim, &system_error),
            OpFaultKind::Refused => {
                self.told(sim, &Reply::error(403, "RULE_LIMIT", "业务规则限制"))
            }
            OpFaultKind::Busy => {
                self.told(sim, &Reply::error(429, "FREQUENCY_LIMITED", "频率超限"))
            }
            OpFaultKind::DroppedAfter => {
                self.perform(sim);
                Served::Dropped
            }
            OpFaultKind::ErrorAfter => {
                self.perform(sim);
                self.told(sim, &system_error)
            }
            OpFaultKind::WrongAnswer => {
                let right = self.perform(sim);
                let wrong = wrong_answer(&self.call, right, &sim.platform.config);
                self.told(sim, &wrong)
            }
            OpFaultKind::Empty => {
                self.perform(sim);
                Served::Answer(HttpResponse::new(200, "text/plain", ""))
            }
            OpFaultKind::Html => {
                self.perform(sim);
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                Served::Answer(HttpResponse::new(200, "text/html", page))
            }
            OpFaultKind::Truncated => Served::Answer(truncated(self.right(sim))),
            OpFaultKind::BadSignature => {
                let right = self.right(sim);
                Served::Answer(probe(sim, right, self.stamp))
            }
            OpFaultKind::Slow => Served::Late(self.right(sim), SLOW_MS),
        }
    }
}

/// Half of an answer: of its body, or, if it has none, of its headers.
fn truncated(mut answer: HttpResponse) -> HttpResponse {
    if answer.body.is_empty() {
        answer.headers.truncate(answer.headers.len() / 2);
    }
    answer.body.truncate(answer.body.len() / 2);
    answer
}

/// The same answer, signed as WeChat Pay signs its probes.
fn probe(sim: &WechatSim, mut answer: HttpResponse, stamp: &Stamp) -> HttpResponse {
    let serial = answer.header("Wechatpay-Serial").unwrap_or_default().to_owned();
    let signing = Signing { body: &answer.body, serial: &serial, is_probe: true };
    answer.headers = sim.platform.headers(&signing, stamp);
    answer
}

/// A well signed answer that is not the right one.
fn wrong_answer(call: &Call, right: Reply, config: &WechatSimConfig) -> Reply {
    let Reply { status, body: Some(mut body) } = right else {
        return another_order(config);
    };
    match call {
        Call::Place(_) | Call::Close(_) => another_order(config),
        Call::QueryByNumber(_) | Call::QueryByTransaction(_) => {
            if let Some(total) = body.pointer("/amount/total").and_then(Value::as_i64) {
                body["amount"]["total"] = total.saturating_add(1).into();
            }
            Reply { status, body: Some(body) }
        }
        Call::Keys => {
            if let Some(serial) = body.pointer_mut("/data/0/serial_no") {
                *serial = "5157F09EFDC096DE15EBE81A47057A7200000000".into();
            }
            Reply { status, body: Some(body) }
        }
    }
}

fn another_order(config: &WechatSimConfig) -> Reply {
    Reply::ok(json!({
        "appid": config.appid,
        "mchid": config.mchid,
        "out_trade_no": "ANOTHER-ORDER",
        "trade_state": "CLOSED",
        "trade_state_desc": "订单已关闭",
    }))
}

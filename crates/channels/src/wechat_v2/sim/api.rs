//! The API: which call a request is, what it does, and what goes wrong with it by script.

use kernel::time::Timestamp;

use super::super::rates;
use super::super::sign::SignType;
use super::super::xml::Members;
use super::answer::{self, Asked, Reply};
use super::book::{Trade, TradeState};
use super::check::{self, Order};
use super::{WechatV2Sim, WechatV2SimConfig, barcode, refunds};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late a slow answer is.
const SLOW_MS: i64 = 60_000;
/// When the rates of a day are released, in Beijing.
const RATE_RELEASED: &str = "100000";

/// A call of the API.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Call {
    UnifiedOrder,
    Micropay,
    Query,
    Close,
    Reverse,
    Refund,
    QueryRefund,
    Rates,
}

const CALLS: [(&str, Call); 8] = [
    ("/pay/unifiedorder", Call::UnifiedOrder),
    ("/pay/micropay", Call::Micropay),
    ("/pay/orderquery", Call::Query),
    ("/pay/closeorder", Call::Close),
    ("/secapi/pay/reverse", Call::Reverse),
    ("/secapi/pay/refund", Call::Refund),
    ("/pay/refundquery", Call::QueryRefund),
    (rates::PATH, Call::Rates),
];

/// Whether a path is one of the API's.
pub(super) fn is_path(path: &str) -> bool {
    CALLS.iter().any(|(own, _)| *own == path)
}

/// Answers a request. Only one that is let in uses up a scripted fault.
pub(super) fn serve(sim: &mut WechatV2Sim, request: &HttpRequest, stamp: &Stamp) -> Served {
    let call = CALLS.iter().find(|(path, _)| *path == request.path()).map(|(_, call)| *call);
    let Some(call) = call else {
        return Served::Answer(HttpResponse::new(404, "text/plain", ""));
    };
    let asked = match admit(&sim.config, request) {
        Ok(asked) => asked,
        Err(message) => return Served::Answer(answer::unsigned(message)),
    };
    if asked.members.of("appid") != sim.config.appid {
        let reply = Reply::fail("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配");
        return Exchange { call, asked: &asked, stamp }.told(sim, &reply);
    }
    let fault = sim.script.take(call.kind());
    let exchange = Exchange { call, asked: &asked, stamp };
    match fault {
        None => {
            let reply = exchange.perform(sim);
            exchange.told(sim, &reply)
        }
        Some(fault) => exchange.go_wrong(sim, fault),
    }
}

/// Lets a request in, or says why not; such words are never signed.
fn admit(config: &WechatV2SimConfig, request: &HttpRequest) -> Result<Asked, &'static str> {
    if request.method != "POST" {
        return Err("请使用post方法");
    }
    if request.body.trim_ascii().is_empty() {
        return Err("post数据为空");
    }
    if str::from_utf8(&request.body).is_err() {
        return Err("编码格式错误，请使用UTF-8");
    }
    let members = Members::parse(&request.body, "xml").ok_or("XML格式错误")?;
    if !members.has("appid") {
        return Err("appid参数长度有误");
    }
    if members.of("mch_id") != config.mch_id {
        return Err("mch_id参数格式错误");
    }
    if !(1..=32).contains(&members.of("nonce_str").chars().count()) {
        return Err("nonce_str参数长度有误");
    }
    let sign_type = match members.of("sign_type") {
        "" => SignType::Md5,
        word => SignType::from_word(word).ok_or("sign_type参数错误")?,
    };
    if !sign_type.verifies(&members, config.api_key.expose()) {
        return Err("签名错误");
    }
    Ok(Asked { members, sign_type })
}

impl Call {
    fn kind(self) -> OpKind {
        match self {
            Self::UnifiedOrder | Self::Micropay => OpKind::Place,
            Self::Query => OpKind::Query,
            Self::Close => OpKind::Close,
            Self::Reverse => OpKind::Reverse,
            Self::Refund => OpKind::Refund,
            Self::QueryRefund => OpKind::QueryRefund,
            Self::Rates => OpKind::Rates,
        }
    }

    /// A refusal for a business reason.
    fn refusal(self) -> Reply {
        match self {
            Self::UnifiedOrder => Reply::fail("INVALID_REQUEST", "业务规则限制"),
            Self::Micropay => Reply::fail("TRADE_ERROR", "交易错误"),
            Self::Reverse => Reply::fail_of_reverse("TRADE_ERROR", "交易错误", "N"),
            Self::Refund => Reply::fail("USER_ACCOUNT_ABNORMAL", "用户账户异常"),
            Self::Query | Self::Close | Self::QueryRefund | Self::Rates => {
                Reply::fail("PARAM_ERROR", "参数错误")
            }
        }
    }

    fn again(self, code: &'static str, message: &'static str) -> Reply {
        let recall = if self == Self::Reverse { "Y" } else { "" };
        Reply::fail_of_reverse(code, message, recall)
    }
}

/// A call that was let in.
struct Exchange<'a> {
    call: Call,
    asked: &'a Asked,
    stamp: &'a Stamp,
}

impl Exchange<'_> {
    /// Does what is asked.
    fn perform(&self, sim: &mut WechatV2Sim) -> Reply {
        let (asked, stamp) = (self.asked, self.stamp);
        let result = match self.call {
            Call::UnifiedOrder => place(sim, asked, stamp),
            Call::Micropay => barcode::charge(sim, asked, stamp),
            Call::Query => query(sim, asked),
            Call::Close => check::trade_of(&sim.book, asked)
                .and_then(|number| sim.book.close(&number))
                .map(|()| Reply::Done(Members::from([("result_msg", "OK")]))),
            Call::Reverse => sim
                .book
                .reverse(&check::trade_of(&sim.book, asked).unwrap_or_default(), stamp.now)
                .map(|()| Reply::Done(Members::from([("recall", "N")]))),
            Call::Refund => refunds::ask(sim, asked, stamp),
            Call::QueryRefund => refunds::query(sim, asked, stamp),
            Call::Rates => rate(&sim.config, asked),
        };
        result.unwrap_or_else(|reply| reply)
    }

    fn told(&self, sim: &WechatV2Sim, reply: &Reply) -> Served {
        let answer = answer::signed(reply, self.asked, &sim.config, self.stamp);
        answer.map_or(Served::Dropped, Served::Answer)
    }

    /// Does it; the answer as it should be, changed.
    fn changed(
        &self,
        sim: &mut WechatV2Sim,
        change: impl FnOnce(HttpResponse) -> HttpResponse,
    ) -> Served {
        let reply = self.perform(sim);
        let answer = answer::signed(&reply, self.asked, &sim.config, self.stamp);
        answer.map_or(Served::Dropped, |answer| Served::Answer(change(answer)))
    }

    /// Does it or not, and answers as `fault` says.
    fn go_wrong(&self, sim: &mut WechatV2Sim, fault: OpFaultKind) -> Served {
        let error = self.call.again("SYSTEMERROR", "系统错误，请用相同参数再次调用");
        match fault {
            OpFaultKind::DroppedBefore => Served::Dropped,
            OpFaultKind::ErrorBefore => self.told(sim, &error),
            OpFaultKind::Refused => self.told(sim, &self.call.refusal()),
            OpFaultKind::Busy => {
                self.told(sim, &self.call.again("FREQUENCY_LIMITED", "频率限制，请降低频率后重试"))
            }
            OpFaultKind::DroppedAfter => {
                self.perform(sim);
                Served::Dropped
            }
            OpFaultKind::ErrorAfter => {
                self.perform(sim);
                self.told(sim, &error)
            }
            OpFaultKind::WrongAnswer => {
                let wrong = wrong_answer(self.call, self.perform(sim));
                self.told(sim, &wrong)
            }
            OpFaultKind::Empty => self.changed(sim, |_| HttpResponse::new(200, "text/plain", "")),
            OpFaultKind::Html => self.changed(sim, |_| {
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                HttpResponse::new(200, "text/html", page)
            }),
            OpFaultKind::Truncated => self.changed(sim, |mut answer| {
                answer.body.truncate(answer.body.len() / 2);
                answer
            }),
            OpFaultKind::BadSignature => self.changed(sim, |answer| {
                let mut members = Members::parse(&answer.body, "xml").unwrap_or_default();
                let forged: String = members.of("sign").chars().rev().collect();
                members.put("sign", forged);
                answer::message(members)
            }),
            OpFaultKind::Slow => {
                let reply = self.perform(sim);
                let answer = answer::signed(&reply, self.asked, &sim.config, self.stamp);
                answer.map_or(Served::Dropped, |answer| Served::Late(answer, SLOW_MS))
            }
        }
    }
}

/// A well signed answer that is not the right one: another amount where there is one, else another
/// order or another merchant.
fn wrong_answer(call: Call, right: Reply) -> Reply {
    let mut members = match right {
        Reply::Done(members) => members,
        Reply::Fail(_) | Reply::Silence => Members::default(),
    };
    let amount = match call {
        Call::Query | Call::Micropay => "total_fee",
        Call::Refund => "refund_fee",
        Call::QueryRefund => "refund_fee_0",
        Call::UnifiedOrder | Call::Close | Call::Reverse | Call::Rates => "",
    };
    if let Ok(fee) = members.of(amount).parse::<i64>() {
        members.put(amount, fee.saturating_add(1).to_string());
    } else if members.has("out_trade_no") {
        members.put("out_trade_no", "ANOTHER-ORDER");
    } else if call == Call::Rates {
        members.put("fee_type", "JPY");
    } else {
        members.put("mch_id", "1900000000");
    }
    Reply::Done(members)
}

fn place(sim: &mut WechatV2Sim, asked: &Asked, stamp: &Stamp) -> Result<Reply, Reply> {
    check::require(&asked.members, &["trade_type"])?;
    if asked.members.has("auth_code") {
        return Err(Reply::fail("PARAM_ERROR", "auth_code参数错误"));
    }
    let order = Order::read(asked, &sim.config, stamp.now)?;
    let trade = sim.book.place(order, stamp)?;
    let (base, page, prepay_id) = (&sim.config.base_url, &trade.page_id, trade.prepay_id());
    let mut members =
        Members::from([("trade_type", trade.trade_type.as_str()), ("prepay_id", &prepay_id)]);
    match trade.trade_type.as_str() {
        "NATIVE" => members.put("code_url", format!("{base}/wechat_v2/qr/{page}")),
        "MWEB" => {
            let query = format!("prepay_id={prepay_id}&package=1");
            members.put("mweb_url", format!("{base}/wechat_v2/h5/{page}?{query}"));
        }
        _ => {}
    }
    Ok(Reply::Done(members))
}

fn query(sim: &WechatV2Sim, asked: &Asked) -> Result<Reply, Reply> {
    let number = check::trade_of(&sim.book, asked)?;
    let trade = sim.book.trades.get(&number).ok_or_else(Reply::order_not_exist)?;
    let (word, description) = standing(trade);
    let mut members = answer::payment(trade, &sim.config);
    members.put("out_trade_no", trade.out_trade_no.as_str());
    members.put("attach", trade.attach.as_str());
    members.put("trade_state", word);
    members.put("trade_state_desc", description);
    Ok(Reply::Done(members))
}

fn standing(trade: &Trade) -> (&'static str, &'static str) {
    match trade.state {
        TradeState::NotPay => ("NOTPAY", "订单未支付"),
        TradeState::UserPaying => ("USERPAYING", "用户支付中"),
        TradeState::PayError => ("PAYERROR", "支付失败"),
        TradeState::Paid { .. } if !trade.refunds.is_empty() => ("REFUND", "订单发生过退款"),
        TradeState::Paid { .. } => ("SUCCESS", "支付成功"),
        TradeState::Closed => ("CLOSED", "订单已关闭"),
        TradeState::Revoked => ("REVOKED", "订单已撤销"),
    }
}

/// Manual: 查询汇率.
fn rate(config: &WechatV2SimConfig, asked: &Asked) -> Result<Reply, Reply> {
    let (currency, day) = (asked.members.of("fee_type"), asked.members.of("date"));
    let at = format!("{day}{RATE_RELEASED}");
    let is_day = day.len() == 8 && Timestamp::from_compact(&at).is_some();
    match config.rate().filter(|_| is_day && currency == config.currency.code()) {
        Some(rate) => Ok(Reply::Done(Members::from([
            ("fee_type", currency),
            ("rate_time", at.as_str()),
            ("rate", rate.to_string().as_str()),
        ]))),
        None => Err(Reply::fail("PARAM_ERROR", "币种或日期错误")),
    }
}

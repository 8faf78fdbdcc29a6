//! What goes wrong with a call by script.

use serde_json::{Value, json};

use super::answer::{Reply, Signing};
use super::call::Call;
use super::{WechatSim, WechatSimConfig, api};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, Served};

/// How late a slow answer is.
const SLOW_MS: i64 = 60_000;

/// A call that was let in.
pub(super) struct Exchange<'a> {
    pub(super) call: Call,
    pub(super) request: &'a HttpRequest,
    pub(super) stamp: &'a Stamp,
}

impl Exchange<'_> {
    /// Does it or not, and answers: as it should be, or as `fault` says.
    pub(super) fn take_place(&self, sim: &mut WechatSim, fault: Option<OpFaultKind>) -> Served {
        match fault {
            Some(OpFaultKind::DroppedBefore) => Served::Dropped,
            Some(OpFaultKind::ErrorBefore) => self.told(sim, &Reply::system_error()),
            Some(OpFaultKind::Refused) => self.told(sim, &self.refusal()),
            Some(OpFaultKind::Busy) => {
                self.told(sim, &Reply::error(429, "FREQUENCY_LIMITED", "频率超限"))
            }
            None
            | Some(
                OpFaultKind::DroppedAfter
                | OpFaultKind::ErrorAfter
                | OpFaultKind::Empty
                | OpFaultKind::Html
                | OpFaultKind::Truncated
                | OpFaultKind::BadSignature
                | OpFaultKind::WrongAnswer
                | OpFaultKind::Slow,
            ) => match api::perform(sim, &self.call, self.request, self.stamp) {
                Some(reply) => self.tell(sim, reply, fault),
                None => Served::Dropped,
            },
        }
    }

    /// It is done; `right` would be the answer.
    fn tell(&self, sim: &WechatSim, right: Reply, fault: Option<OpFaultKind>) -> Served {
        let answer = |reply: &Reply| api::signed(sim, reply, self.request, self.stamp);
        match fault {
            Some(OpFaultKind::DroppedAfter | OpFaultKind::DroppedBefore) => Served::Dropped,
            Some(OpFaultKind::ErrorAfter) => self.told(sim, &Reply::system_error()),
            Some(OpFaultKind::WrongAnswer) => {
                self.told(sim, &wrong_answer(&self.call, right, &sim.platform.config))
            }
            Some(OpFaultKind::Empty) => Served::Answer(HttpResponse::new(200, "text/plain", "")),
            Some(OpFaultKind::Html) => {
                let page = "<html><body><h1>Bad Gateway</h1></body></html>";
                Served::Answer(HttpResponse::new(200, "text/html", page))
            }
            Some(OpFaultKind::Truncated) => Served::Answer(truncated(answer(&right))),
            Some(OpFaultKind::BadSignature) => {
                Served::Answer(probe(sim, answer(&right), self.stamp))
            }
            Some(OpFaultKind::Slow) => Served::Late(answer(&right), SLOW_MS),
            None | Some(OpFaultKind::ErrorBefore | OpFaultKind::Refused | OpFaultKind::Busy) => {
                self.told(sim, &right)
            }
        }
    }

    fn told(&self, sim: &WechatSim, reply: &Reply) -> Served {
        Served::Answer(api::signed(sim, reply, self.request, self.stamp))
    }

    /// A refusal for a business reason: of a refund, that the merchant's account holds too little.
    fn refusal(&self) -> Reply {
        match self.call {
            Call::Refund => Reply::error(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
            Call::Place(_)
            | Call::QueryByNumber(_)
            | Call::QueryByTransaction(_)
            | Call::Close(_)
            | Call::Reverse(_)
            | Call::QueryRefund(_)
            | Call::Keys => Reply::error(403, "RULE_LIMIT", "业务规则限制"),
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
        Call::Place(_) | Call::Close(_) | Call::Reverse(_) => return another_order(config),
        Call::QueryByNumber(_) | Call::QueryByTransaction(_) => {
            add_one(&mut body, "/amount/total");
        }
        Call::Refund | Call::QueryRefund(_) => add_one(&mut body, "/amount/refund"),
        Call::Keys => {
            if let Some(serial) = body.pointer_mut("/data/0/serial_no") {
                *serial = "5157F09EFDC096DE15EBE81A47057A7200000000".into();
            }
        }
    }
    Reply { status, body: Some(body) }
}

fn add_one(body: &mut Value, pointer: &str) {
    if let Some(amount) = body.pointer_mut(pointer) {
        *amount = amount.as_i64().map(|minor| minor.saturating_add(1)).into();
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

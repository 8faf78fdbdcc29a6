//! The platform's side of the protocol: signed answers, refusals in WeChat Pay's words (manual:
//! 签名算法, 错误码).

use super::super::sign::SignType;
use super::super::xml::Members;
use super::WechatV2SimConfig;
use super::book::{Trade, TradeState};
use crate::Stamp;
use crate::http::HttpResponse;

/// The one simulated payer.
const OPENID: &str = "oSimulatedPayer000000000002x";
/// Members of a request that its answer repeats.
const REPEATED: [&str; 3] = ["sub_appid", "sub_mch_id", "device_info"];
/// What a rate is a multiple of.
const RATE_UNIT: i128 = 100_000_000;

/// An answer before it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// `result_code` FAIL.
    Fail(Fail),
    /// `result_code` SUCCESS, with the operation's own members.
    Done(Members),
    /// None at all.
    Silence,
}

/// A refusal: `err_code`, `err_code_des`, and for a reversal `recall`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fail {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) recall: &'static str,
}

impl Reply {
    pub(super) fn fail(code: &'static str, message: impl Into<String>) -> Self {
        Self::Fail(Fail { code, message: message.into(), recall: "" })
    }

    /// The refusal of a reversal, and whether it must be asked again.
    pub(super) fn fail_of_reverse(code: &'static str, message: &str, recall: &'static str) -> Self {
        Self::Fail(Fail { code, message: message.to_owned(), recall })
    }

    pub(super) fn system_error() -> Self {
        Self::fail("SYSTEMERROR", "系统错误，请用相同参数再次调用")
    }

    pub(super) fn order_not_exist() -> Self {
        Self::fail("ORDERNOTEXIST", "订单不存在")
    }
}

/// A request that was let in.
pub(super) struct Asked {
    pub(super) members: Members,
    pub(super) sign_type: SignType,
}

/// `reply` as the answer to `asked`, signed as the request was; `None` for silence.
pub(super) fn signed(
    reply: &Reply,
    asked: &Asked,
    config: &WechatV2SimConfig,
    stamp: &Stamp,
) -> Option<HttpResponse> {
    let mut members = match reply {
        Reply::Silence => return None,
        Reply::Done(own) => {
            let mut members = own.clone();
            members.put("result_code", "SUCCESS");
            members
        }
        Reply::Fail(fail) => Members::from([
            ("result_code", "FAIL"),
            ("err_code", fail.code),
            ("err_code_des", &fail.message),
            ("recall", fail.recall),
        ]),
    };
    for name in REPEATED {
        members.put(name, asked.members.of(name));
    }
    members.put("return_msg", "OK");
    Some(message(sign(members, asked.sign_type, config, stamp)))
}

/// `return_code` FAIL, which is never signed.
pub(super) fn unsigned(message_text: &str) -> HttpResponse {
    message(Members::from([("return_code", "FAIL"), ("return_msg", message_text)]))
}

/// A message of the platform: with its merchant's names, unless it has some, and its signature.
pub(super) fn sign(
    mut members: Members,
    sign_type: SignType,
    config: &WechatV2SimConfig,
    stamp: &Stamp,
) -> Members {
    for (name, value) in [("appid", &config.appid), ("mch_id", &config.mch_id)] {
        if !members.has(name) {
            members.put(name, value.as_str());
        }
    }
    members.put("return_code", "SUCCESS");
    members.put("nonce_str", stamp.nonce.as_str());
    let sign = sign_type.sign(&members, config.api_key.expose());
    members.put("sign", sign);
    members
}

/// Members as an answer; HTTP knows no failure here.
pub(super) fn message(members: Members) -> HttpResponse {
    HttpResponse::new(200, "text/xml; charset=utf-8", members.to_xml("xml"))
}

/// What is told of a payment; nothing of an order that was not paid.
pub(super) fn payment(trade: &Trade, config: &WechatV2SimConfig) -> Members {
    let TradeState::Paid { transaction_id, paid_ms } = &trade.state else {
        return Members::default();
    };
    let at = kernel::time::Timestamp::from_millis(*paid_ms);
    let mut members = Members::from([
        ("openid", OPENID),
        ("is_subscribe", "N"),
        ("trade_type", trade.trade_type.as_str()),
        ("bank_type", "OTHERS"),
        ("total_fee", trade.total.to_string().as_str()),
        ("fee_type", config.currency.code()),
        ("cash_fee", cash(trade.total, config).to_string().as_str()),
        ("cash_fee_type", "CNY"),
        ("transaction_id", transaction_id),
        ("out_trade_no", &trade.out_trade_no),
        ("attach", &trade.attach),
        ("time_end", at.compact().as_str()),
    ]);
    members.put("rate", config.rate().map(|rate| rate.to_string()).unwrap_or_default());
    if trade.is_of_sub_app {
        members.put("sub_openid", OPENID);
    }
    members
}

/// What a payer pays for `total`, in fen; half a fen is rounded up.
pub(super) fn cash(total: i64, config: &WechatV2SimConfig) -> i64 {
    let Some(rate) = config.rate() else { return total };
    let exact = i128::from(total) * i128::from(rate) + RATE_UNIT / 2;
    i64::try_from(exact / RATE_UNIT).unwrap_or(i64::MAX)
}

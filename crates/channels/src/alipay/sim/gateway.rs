//! `gateway.do`, simulated: judges a request as Alipay does, in Alipay's words. It changes no trade.

use kernel::time::Timestamp;
use serde_json::{Map, Value};

use crate::alipay::sim::AlipaySimConfig;
use crate::alipay::sim::seal::SignType;
use crate::alipay::wire::Fields;
use crate::alipay::{
    APP_PAY, CANCEL, CLOSE, PAY, PRECREATE, QUERY, REFUND, REFUND_QUERY, WAP_PAY, sign,
};
use crate::http::HttpRequest;
use crate::sim::OpKind;

/// Characters of an address in a request.
const URL_CHARS_MAX: usize = 256;

/// A refusal: `code` and `sub_code` of the manual.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) sub_code: &'static str,
}

impl Refused {
    /// Code 40004: the gateway took the request, the business did not.
    pub(super) fn business(sub_code: &'static str) -> Self {
        Self { code: "40004", sub_code }
    }

    /// `msg`: the code in words.
    pub(super) fn message(self) -> &'static str {
        match self.code {
            "20000" => "Service Currently Unavailable",
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40005" => "Call Limited",
            "40006" => "Insufficient Permissions",
            _ => "Business Failed",
        }
    }

    /// `sub_msg`: the reason in words.
    pub(super) fn reason(self) -> &'static str {
        match self.sub_code {
            "ACQ.TRADE_NOT_EXIST" => "交易不存在",
            "ACQ.TRADE_HAS_SUCCESS" => "交易已被支付",
            "ACQ.TRADE_HAS_CLOSE" => "交易已经关闭",
            "ACQ.TRADE_STATUS_ERROR" => "交易状态不合法",
            "ACQ.CONTEXT_INCONSISTENT" => "交易信息被篡改",
            "ACQ.PAYMENT_AUTH_CODE_INVALID" => "支付授权码无效",
            "ACQ.BUYER_BALANCE_NOT_ENOUGH" => "买家余额不足",
            "ACQ.SELLER_BALANCE_NOT_ENOUGH" => "卖家余额不足",
            "ACQ.TRADE_CANCEL_TIME_OUT" => "超过撤销时间范围，请使用退款接口",
            "ACQ.TRADE_HAS_FINISHED" => "交易已完结",
            "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL" => "退款金额超限",
            "ACQ.DISCORDANT_REPEAT_REQUEST" => "不一致的请求",
            "ACQ.INVALID_PARAMETER" => "参数无效",
            "ACQ.SYSTEM_ERROR" => "系统繁忙",
            "ACQ.EXIST_FORBIDDEN_WORD" => "订单信息中包含违禁词",
            "isv.invalid-signature" => "验签出错，请检查签名、应用公钥和签名类型",
            "isv.invalid-app-id" => "无效的AppID参数",
            "isv.app-call-limited" => "应用调用次数超限",
            "isp.unknow-error" => "系统繁忙",
            other => other,
        }
    }
}

fn missing(sub_code: &'static str) -> Refused {
    Refused { code: "40001", sub_code }
}

fn invalid(sub_code: &'static str) -> Refused {
    Refused { code: "40002", sub_code }
}

/// A method that is simulated.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Precreate,
    WapPay,
    AppPay,
    Pay,
    Query,
    Close,
    Cancel,
    Refund,
    RefundQuery,
}

impl Method {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Precreate, PRECREATE),
        (Self::WapPay, WAP_PAY),
        (Self::AppPay, APP_PAY),
        (Self::Pay, PAY),
        (Self::Query, QUERY),
        (Self::Close, CLOSE),
        (Self::Cancel, CANCEL),
        (Self::Refund, REFUND),
        (Self::RefundQuery, REFUND_QUERY),
    ];

    /// The operation that it is; `None` for what only a payer's wallet or browser sends.
    pub(super) fn op(self) -> Option<OpKind> {
        match self {
            Self::WapPay | Self::AppPay => None,
            Self::Precreate | Self::Pay => Some(OpKind::Place),
            Self::Query => Some(OpKind::Query),
            Self::Close => Some(OpKind::Close),
            Self::Cancel => Some(OpKind::Reverse),
            Self::Refund => Some(OpKind::Refund),
            Self::RefundQuery => Some(OpKind::QueryRefund),
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == name).map(|(method, _)| method)
    }

    /// The name of its answer's object.
    pub(super) fn answer_name(self) -> String {
        let name = Self::ALL.into_iter().find(|(method, _)| *method == self);
        format!("{}_response", name.map_or("", |(_, name)| name).replace('.', "_"))
    }
}

/// A request's members, query and form together.
pub(super) fn read(request: &HttpRequest) -> Option<Fields> {
    let form = std::str::from_utf8(&request.body).ok()?;
    Fields::from_form(request.query())?.merged(Fields::from_form(form)?)
}

/// Which method is asked for.
///
/// # Errors
/// None that there is: Alipay answers with `error_response`.
pub(super) fn method(fields: &Fields) -> Result<Method, Refused> {
    if !fields.has("method") {
        return Err(missing("isv.missing-method"));
    }
    Method::from_name(fields.of("method")).ok_or_else(|| invalid("isv.invalid-method"))
}

/// Admits a request: common members and signature (manual: openapi v2, common parameters).
///
/// # Errors
/// What is missing or invalid, in the gateway's words.
pub(super) fn admit(fields: &Fields, config: &AlipaySimConfig) -> Result<(), Refused> {
    let required = [
        ("app_id", "isv.missing-app-id"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
    ];
    if let Some((_, sub_code)) = required.into_iter().find(|(name, _)| !fields.has(name)) {
        return Err(missing(sub_code));
    }
    let sign_type = SignType::from_word(fields.of("sign_type"));
    let text = sign::request_text(fields);
    let is_signed = sign_type
        .is_some_and(|kind| kind.verifies(&config.app_public_key, &text, fields.of("sign")));
    let is_url = |name| is_address(fields.of(name));
    let rules = [
        (fields.of("app_id") == config.app_id, "isv.invalid-app-id"),
        (sign_type.is_some(), "isv.invalid-signature-type"),
        (fields.of("charset").eq_ignore_ascii_case("utf-8"), "isv.invalid-charset"),
        (fields.of("version") == "1.0", "isv.invalid-parameter"),
        (!fields.has("format") || fields.of("format") == "JSON", "isv.invalid-format"),
        (is_time(fields.of("timestamp")), "isv.invalid-timestamp"),
        (is_url("notify_url") && is_url("return_url"), "isv.invalid-parameter"),
        (is_signed, "isv.invalid-signature"),
    ];
    match rules.into_iter().find(|(is_kept, _)| !is_kept) {
        Some((_, sub_code)) => Err(invalid(sub_code)),
        None => Ok(()),
    }
}

/// `biz_content` of an admitted request.
///
/// # Errors
/// It is not an object of JSON.
pub(super) fn biz_content(fields: &Fields) -> Result<Map<String, Value>, Refused> {
    match crate::json::parse(fields.of("biz_content").as_bytes()) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(invalid("isv.invalid-parameter")),
    }
}

/// Whether a text is a time as Alipay writes it.
pub(super) fn is_time(text: &str) -> bool {
    text.len() == 19 && Timestamp::from_beijing(text).is_some()
}

/// Whether a text may stand for an address; none may too.
pub(super) fn is_address(text: &str) -> bool {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    text.is_empty() || (is_web && text.chars().count() <= URL_CHARS_MAX)
}

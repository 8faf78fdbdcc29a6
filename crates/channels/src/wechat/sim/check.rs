//! The fields of a new order or refund, judged as the platform judges them (manual: Native下单, H5下单,
//! JSAPI下单, APP下单, 付款码支付, 申请退款).
//!
//! Two things are laxer here: `notify_url` may be plain `http`, because a simulator is on loopback, and
//! whichever app a JSAPI or APP order names is bound to the merchant's number.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::wire;
use super::WechatSimConfig;
use super::answer::Reply;
use super::trade::TradeKind;

/// Most fen in one order.
const TOTAL_MAX: i64 = 2_147_483_647;

/// A new order whose fields are in order.
pub(super) struct Order {
    pub(super) kind: TradeKind,
    pub(super) out_trade_no: String,
    pub(super) description: String,
    pub(super) attach: String,
    pub(super) total: i64,
    pub(super) notify_url: String,
    pub(super) expires_at: Option<Timestamp>,
    /// The whole request.
    pub(super) asked: Value,
}

/// A text's place in the body, and how many characters it may have.
struct TextRule {
    pointer: &'static str,
    chars: std::ops::RangeInclusive<usize>,
}

const DESCRIPTION: TextRule = TextRule { pointer: "/description", chars: 1..=127 };
const OUT_TRADE_NO: TextRule = TextRule { pointer: "/out_trade_no", chars: 6..=32 };
const NOTIFY_URL: TextRule = TextRule { pointer: "/notify_url", chars: 1..=256 };
const ATTACH: TextRule = TextRule { pointer: "/attach", chars: 0..=128 };
const GOODS_TAG: TextRule = TextRule { pointer: "/goods_tag", chars: 0..=256 };
const PAYER_IP: TextRule = TextRule { pointer: "/scene_info/payer_client_ip", chars: 1..=45 };
const DEVICE_ID: TextRule = TextRule { pointer: "/scene_info/device_id", chars: 0..=32 };
const DEVICE_IP: TextRule = TextRule { pointer: "/scene_info/device_ip", chars: 1..=45 };
const STORE_ID: TextRule = TextRule { pointer: "/scene_info/store_info/id", chars: 1..=32 };
const STORE_OUT_ID: TextRule = TextRule { pointer: "/scene_info/store_info/out_id", chars: 1..=32 };
const OPENID: TextRule = TextRule { pointer: "/payer/openid", chars: 1..=128 };
const AUTH_CODE: TextRule = TextRule { pointer: "/payer/auth_code", chars: 1..=32 };
const OUT_REFUND_NO: TextRule = TextRule { pointer: "/out_refund_no", chars: 1..=64 };
const TRANSACTION_ID: TextRule = TextRule { pointer: "/transaction_id", chars: 1..=32 };
const REASON: TextRule = TextRule { pointer: "/reason", chars: 0..=80 };

impl Order {
    /// Reads and judges the body of a request for a new order, sent at `now`.
    pub(super) fn read(
        kind: TradeKind,
        body: &[u8],
        config: &WechatSimConfig,
        now: Timestamp,
    ) -> Result<Self, Reply> {
        let asked = wire::parse(body).ok_or_else(|| wrong("/", "不是合法的JSON"))?;
        check_names(kind, &asked, config)?;
        check_currency(&asked)?;
        for rule in [GOODS_TAG, DEVICE_ID] {
            rule.read_optional(&asked)?;
        }
        match kind {
            TradeKind::Native | TradeKind::App => PAYER_IP.read_optional(&asked).map(|_| ())?,
            TradeKind::H5 => check_h5_scene(&asked)?,
            TradeKind::Jsapi => OPENID.read(&asked).map(|_| ())?,
            TradeKind::Barcode => check_barcode(&asked)?,
        }
        Ok(Self {
            kind,
            out_trade_no: number(&OUT_TRADE_NO, &asked, b"_-|*")?,
            description: DESCRIPTION.read(&asked)?.to_owned(),
            attach: ATTACH.read_optional(&asked)?.unwrap_or_default().to_owned(),
            total: fen(&asked, "/amount/total")?,
            notify_url: match kind {
                TradeKind::Barcode => String::new(),
                TradeKind::Native | TradeKind::H5 | TradeKind::Jsapi | TradeKind::App => {
                    NOTIFY_URL.read(&asked).and_then(web_url)?
                }
            },
            expires_at: expires_at(&asked, now)?,
            asked,
        })
    }
}

/// A refund that is asked for; its fields are in order.
#[derive(Serialize, Deserialize)]
pub(super) struct RefundAsked {
    pub(super) transaction_id: Option<String>,
    pub(super) out_trade_no: Option<String>,
    pub(super) out_refund_no: String,
    pub(super) reason: String,
    /// Empty if nothing is called back.
    pub(super) notify_url: String,
    pub(super) refund: i64,
    pub(super) total: i64,
}

impl RefundAsked {
    /// Reads and judges the body of a request for a refund.
    pub(super) fn read(body: &[u8]) -> Result<Self, Reply> {
        let asked = wire::parse(body).ok_or_else(|| wrong("/", "不是合法的JSON"))?;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let transaction_id = owned(TRANSACTION_ID.read_optional(&asked)?);
        let out_trade_no = owned(OUT_TRADE_NO.read_optional(&asked)?);
        if transaction_id.is_none() && out_trade_no.is_none() {
            return Err(wrong(OUT_TRADE_NO.pointer, "与transaction_id二选一"));
        }
        if asked.pointer("/amount/currency").is_none() {
            return Err(wrong("/amount/currency", "不能为空"));
        }
        check_currency(&asked)?;
        let (refund, total) = (fen(&asked, "/amount/refund")?, fen(&asked, "/amount/total")?);
        if refund > total {
            return Err(wrong("/amount/refund", "退款金额不能超过原订单金额"));
        }
        let notify_url = NOTIFY_URL.read_optional(&asked)?.map(web_url).transpose()?;
        Ok(Self {
            transaction_id,
            out_trade_no,
            out_refund_no: number(&OUT_REFUND_NO, &asked, b"_-|*@")?,
            reason: owned(REASON.read_optional(&asked)?).unwrap_or_default(),
            notify_url: notify_url.unwrap_or_default(),
            refund,
            total,
        })
    }
}

impl TextRule {
    fn read<'a>(&self, body: &'a Value) -> Result<&'a str, Reply> {
        self.read_optional(body)?.ok_or_else(|| wrong(self.pointer, "不能为空"))
    }

    fn read_optional<'a>(&self, body: &'a Value) -> Result<Option<&'a str>, Reply> {
        let Some(value) = body.pointer(self.pointer) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| wrong(self.pointer, "类型须为string"))?;
        let is_fitting = self.chars.contains(&text.chars().count());
        if is_fitting { Ok(Some(text)) } else { Err(wrong(self.pointer, "长度不符合要求")) }
    }
}

fn wrong(pointer: &str, issue: &str) -> Reply {
    Reply::param_error("body", pointer, issue)
}

fn check_names(kind: TradeKind, body: &Value, config: &WechatSimConfig) -> Result<(), Reply> {
    let may_be_another = matches!(kind, TradeKind::Jsapi | TradeKind::App);
    let is_bound = |app: &str| app == config.appid || (may_be_another && app.starts_with("wx"));
    let is_ours = wire::text(body, "/mchid") == Some(&config.mchid)
        && wire::text(body, "/appid").is_some_and(is_bound);
    if is_ours {
        return Ok(());
    }
    for pointer in ["/mchid", "/appid"] {
        wire::text(body, pointer).ok_or_else(|| wrong(pointer, "不能为空"))?;
    }
    Err(Reply::error(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配"))
}

fn check_barcode(body: &Value) -> Result<(), Reply> {
    AUTH_CODE.read(body)?;
    DEVICE_IP.read_optional(body)?;
    let store = STORE_ID.read_optional(body)?.or(STORE_OUT_ID.read_optional(body)?);
    store.map(|_| ()).ok_or_else(|| wrong(STORE_ID.pointer, "与out_id二选一"))
}

fn check_h5_scene(body: &Value) -> Result<(), Reply> {
    PAYER_IP.read(body)?;
    match wire::text(body, "/scene_info/h5_info/type") {
        Some("iOS" | "Android" | "Wap") => Ok(()),
        _ => Err(wrong("/scene_info/h5_info/type", "须为iOS、Android或Wap")),
    }
}

/// A merchant's number: letters, digits and `marks`.
fn number(rule: &TextRule, body: &Value, marks: &[u8]) -> Result<String, Reply> {
    let number = rule.read(body)?;
    if !number.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte)) {
        return Err(wrong(rule.pointer, "只能是数字、大小写字母和规定的符号"));
    }
    Ok(number.to_owned())
}

fn check_currency(body: &Value) -> Result<(), Reply> {
    match body.pointer("/amount/currency") {
        None => Ok(()),
        Some(currency) if currency == "CNY" => Ok(()),
        Some(_) => Err(wrong("/amount/currency", "境内商户号仅支持人民币CNY")),
    }
}

fn fen(body: &Value, pointer: &str) -> Result<i64, Reply> {
    let amount = body.pointer(pointer).and_then(Value::as_i64);
    amount
        .filter(|amount| (1..=TOTAL_MAX).contains(amount))
        .ok_or_else(|| wrong(pointer, "须为大于0的整数，单位为分"))
}

fn web_url(url: &str) -> Result<String, Reply> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || url.contains(['?', '#']) {
        return Err(wrong(NOTIFY_URL.pointer, "须为不带参数的URL"));
    }
    Ok(url.to_owned())
}

fn expires_at(body: &Value, now: Timestamp) -> Result<Option<Timestamp>, Reply> {
    let pointer = "/time_expire";
    let Some(value) = body.pointer(pointer) else { return Ok(None) };
    let at = value
        .as_str()
        .and_then(Timestamp::from_rfc3339)
        .ok_or_else(|| wrong(pointer, "须为rfc3339格式"))?;
    if at <= now { Err(wrong(pointer, "须晚于当前时间")) } else { Ok(Some(at)) }
}

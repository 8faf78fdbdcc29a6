//! The fields of a new order, judged as the platform judges them (manual: Native下单, H5下单).
//!
//! One thing is laxer here: `notify_url` may be plain `http`, because a simulator is on loopback.

use kernel::time::Timestamp;
use serde_json::Value;

use super::super::wire;
use super::WechatSimConfig;
use super::answer::Reply;
use super::book::TradeKind;

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

impl Order {
    /// Reads and judges the body of a request for a new order, sent at `now`.
    pub(super) fn read(
        kind: TradeKind,
        body: &[u8],
        config: &WechatSimConfig,
        now: Timestamp,
    ) -> Result<Self, Reply> {
        let asked = wire::parse(body).ok_or_else(|| wrong("/", "不是合法的JSON"))?;
        check_names(&asked, config)?;
        for rule in [GOODS_TAG, DEVICE_ID] {
            rule.read_optional(&asked)?;
        }
        match kind {
            TradeKind::Native => PAYER_IP.read_optional(&asked).map(|_| ())?,
            TradeKind::H5 => check_h5_scene(&asked)?,
        }
        Ok(Self {
            kind,
            out_trade_no: out_trade_no(&asked)?,
            description: DESCRIPTION.read(&asked)?.to_owned(),
            attach: ATTACH.read_optional(&asked)?.unwrap_or_default().to_owned(),
            total: total(&asked)?,
            notify_url: notify_url(&asked)?,
            expires_at: expires_at(&asked, now)?,
            asked,
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

fn check_names(body: &Value, config: &WechatSimConfig) -> Result<(), Reply> {
    let is_ours = wire::text(body, "/mchid") == Some(&config.mchid)
        && wire::text(body, "/appid") == Some(&config.appid);
    if is_ours {
        return Ok(());
    }
    for pointer in ["/mchid", "/appid"] {
        wire::text(body, pointer).ok_or_else(|| wrong(pointer, "不能为空"))?;
    }
    Err(Reply::error(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配"))
}

fn check_h5_scene(body: &Value) -> Result<(), Reply> {
    PAYER_IP.read(body)?;
    match wire::text(body, "/scene_info/h5_info/type") {
        Some("iOS" | "Android" | "Wap") => Ok(()),
        _ => Err(wrong("/scene_info/h5_info/type", "须为iOS、Android或Wap")),
    }
}

fn out_trade_no(body: &Value) -> Result<String, Reply> {
    let number = OUT_TRADE_NO.read(body)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*".contains(&byte);
    if !number.bytes().all(is_allowed) {
        return Err(wrong(OUT_TRADE_NO.pointer, "只能是数字、大小写字母_-|*"));
    }
    Ok(number.to_owned())
}

fn total(body: &Value) -> Result<i64, Reply> {
    match body.pointer("/amount/currency") {
        None => {}
        Some(currency) if currency == "CNY" => {}
        Some(_) => return Err(wrong("/amount/currency", "境内商户号仅支持人民币CNY")),
    }
    let total = body.pointer("/amount/total").and_then(Value::as_i64);
    total
        .filter(|total| (1..=TOTAL_MAX).contains(total))
        .ok_or_else(|| wrong("/amount/total", "须为大于0的整数，单位为分"))
}

fn notify_url(body: &Value) -> Result<String, Reply> {
    let url = NOTIFY_URL.read(body)?;
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

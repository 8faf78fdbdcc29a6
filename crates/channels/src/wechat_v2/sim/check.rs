//! The members of requests, judged as the platform judges them (manual: 统一下单, 付款码支付).
//!
//! One thing is laxer here: `notify_url` may be plain `http`, because a simulator is on loopback.

use kernel::time::Timestamp;

use super::super::facts;
use super::super::xml::Members;
use super::WechatV2SimConfig;
use super::answer::{Asked, Reply};
use super::book::Book;
use crate::json;

/// Most fen in one order.
const TOTAL_MAX: i64 = 2_147_483_647;
/// The shortest time that an order may have.
const LIFE_MIN_MS: i64 = 60_000;
/// Members that differ between repetitions of one order.
const FLEETING: [&str; 2] = ["nonce_str", "sign"];
/// Members with the most characters that each may have.
const LENGTHS: [(&str, usize); 12] = [
    ("body", 128),
    ("detail", 6000),
    ("attach", 127),
    ("device_info", 32),
    ("goods_tag", 32),
    ("notify_url", 256),
    ("openid", 128),
    ("product_id", 32),
    ("sub_openid", 128),
    ("scene_info", 256),
    ("spbill_create_ip", 64),
    ("sub_appid", 32),
];

/// A new order whose members are in order.
pub(super) struct Order {
    pub(super) out_trade_no: String,
    pub(super) trade_type: String,
    pub(super) body: String,
    pub(super) attach: String,
    pub(super) total: i64,
    pub(super) notify_url: String,
    pub(super) sign_type: String,
    pub(super) sub_names: Vec<(String, String)>,
    pub(super) expires_at: Option<Timestamp>,
    /// The whole request, without what differs between repetitions.
    pub(super) asked: Vec<(String, String)>,
}

impl Order {
    /// Reads and judges a request for a new order, sent at `now`; without `trade_type` it charges a
    /// code.
    pub(super) fn read(
        asked: &Asked,
        config: &WechatV2SimConfig,
        now: Timestamp,
    ) -> Result<Self, Reply> {
        let members = &asked.members;
        for (name, chars_max) in LENGTHS {
            if members.of(name).chars().count() > chars_max {
                return Err(wrong(name));
            }
        }
        require(members, &["body", "spbill_create_ip"])?;
        let is_barcode = members.has("auth_code");
        let trade_type = if is_barcode { "MICROPAY" } else { trade_type(members)? };
        if members.has("fee_type") && members.of("fee_type") != config.currency.code() {
            return Err(wrong("fee_type"));
        }
        let total = fee(members, "total_fee")?;
        if total > TOTAL_MAX {
            return Err(wrong("total_fee"));
        }
        let pairs = |kept: &dyn Fn(&str) -> bool| {
            let kept = members.iter().filter(|(name, _)| kept(name));
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Ok(Self {
            out_trade_no: number(members, "out_trade_no", 32)?,
            trade_type: trade_type.to_owned(),
            body: members.of("body").to_owned(),
            attach: members.of("attach").to_owned(),
            total,
            notify_url: if is_barcode { String::new() } else { notify_url(members)? },
            sign_type: asked.sign_type.word().to_owned(),
            sub_names: pairs(&|name| ["sub_appid", "sub_mch_id"].contains(&name)),
            expires_at: expires_at(members, now)?,
            asked: pairs(&|name| !FLEETING.contains(&name)),
        })
    }
}

fn wrong(name: &str) -> Reply {
    Reply::fail("PARAM_ERROR", format!("{name}参数错误"))
}

/// The members that must be there.
pub(super) fn require(members: &Members, names: &[&str]) -> Result<(), Reply> {
    match names.iter().find(|name| !members.has(name)) {
        None => Ok(()),
        Some(name) => Err(Reply::fail("LACK_PARAMS", format!("缺少参数{name}"))),
    }
}

/// A number of the merchant's.
pub(super) fn number(members: &Members, name: &str, chars_max: usize) -> Result<String, Reply> {
    require(members, &[name])?;
    let number = members.of(name);
    let is_of_number = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte);
    if number.len() > chars_max || !number.bytes().all(is_of_number) {
        return Err(wrong(name));
    }
    Ok(number.to_owned())
}

/// An amount above nothing.
pub(super) fn fee(members: &Members, name: &str) -> Result<i64, Reply> {
    require(members, &[name])?;
    facts::fee(members, name).filter(|fee| *fee > 0).ok_or_else(|| wrong(name))
}

/// The merchant's number of the order that a request names.
pub(super) fn trade_of(book: &Book, asked: &Asked) -> Result<String, Reply> {
    let members = &asked.members;
    let number = if members.has("transaction_id") {
        book.by_transaction(members.of("transaction_id"))
    } else {
        require(members, &["out_trade_no"])?;
        Some(members.of("out_trade_no").to_owned())
    };
    let known = number.filter(|number| book.trades.contains_key(number));
    known.ok_or_else(Reply::order_not_exist)
}

fn trade_type(members: &Members) -> Result<&str, Reply> {
    require(members, &["trade_type"])?;
    let trade_type = members.of("trade_type");
    match trade_type {
        "APP" => {}
        "NATIVE" => require(members, &["product_id"])?,
        "JSAPI" if members.has("openid") || members.has("sub_openid") => {}
        "JSAPI" => return Err(Reply::fail("PARAM_ERROR", "JSAPI支付必须传openid")),
        "MWEB" => {
            let scene = json::parse(members.of("scene_info").as_bytes());
            let is_wap = scene.is_some_and(|scene| scene["h5_info"]["type"].is_string());
            if !is_wap {
                return Err(wrong("scene_info"));
            }
        }
        _ => return Err(wrong("trade_type")),
    }
    Ok(trade_type)
}

fn notify_url(members: &Members) -> Result<String, Reply> {
    require(members, &["notify_url"])?;
    let url = members.of("notify_url");
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || url.contains(['?', '#']) {
        return Err(wrong("notify_url"));
    }
    Ok(url.to_owned())
}

fn expires_at(members: &Members, now: Timestamp) -> Result<Option<Timestamp>, Reply> {
    if !members.has("time_expire") {
        return Ok(None);
    }
    let at =
        Timestamp::from_compact(members.of("time_expire")).ok_or_else(|| wrong("time_expire"))?;
    if at.millis_since(now) < LIFE_MIN_MS {
        return Err(Reply::fail("PARAM_ERROR", "time_expire时间过短，至少1分钟"));
    }
    Ok(Some(at))
}

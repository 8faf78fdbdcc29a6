//! Answers: the envelope in both of its dialects, `data` by operation, and the notification.

use kernel::address::{ADDRESSES, Address};
use kernel::code::{self, CODES};
use kernel::feed::TYPES;
use kernel::product::PRODUCTS;
use kernel::reference::answers::{self, Kind, MEMBERS, MemberInfo, NOTICE, NOTICE_TIME, Part};
use kernel::reference::operations::{self, Answer, COMMON};
use kernel::reference::records::{LOG_IN, RATE, USER};
use kernel::refund::RefundState;
use kernel::state::TradeState;
use kernel::user::UserType;
use serde_json::{Map, Value, json};

/// Where schemas are.
const SCHEMAS: &str = "#/components/schemas/";

/// The answer of an operation.
pub fn response(address: &Address) -> Value {
    let info = operations::info(address.operation);
    let codes = COMMON.iter().chain(info.codes).copied().collect::<Vec<_>>();
    json!({
        "description": "成败看 code · `code` says how it went",
        "content": { "application/json": { "schema": envelope(&codes, &[info.answer]) } },
    })
}

/// The answer at the path of the query style.
pub fn any_response() -> Value {
    let codes = CODES.iter().map(|row| row.code).collect::<Vec<_>>();
    let mut shapes = Vec::new();
    for address in ADDRESSES {
        let shape = operations::info(address.operation).answer;
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    json!({
        "description": "成败看 code · `code` says how it went",
        "content": { "application/json": { "schema": envelope(&codes, &shapes) } },
    })
}

/// The answer of an address that names no operation.
pub fn unknown_address() -> Value {
    json!({
        "description": "没有这个接口 · No operation is there",
        "content": { "application/json": { "schema": failure(&[404]) } },
    })
}

/// Either a success with `data`, or a failure, which has the standing order where there is one.
fn envelope(codes: &[i64], shapes: &[Answer]) -> Value {
    let (good, bad): (Vec<i64>, Vec<i64>) =
        codes.iter().partition(|number| matches!(**number, code::SUCCESS | code::AWAITED));
    let data = shapes.iter().map(|shape| json!({ "$ref": format!("{SCHEMAS}{}", name(*shape)) }));
    let data = json!({ "anyOf": data.collect::<Vec<_>>() });
    let mut success = members(&good);
    success.insert("data".into(), data);
    let names = success.keys().cloned().collect::<Vec<_>>();
    json!({ "oneOf": [
        { "type": "object", "properties": success, "required": names, "additionalProperties": false },
        failure(&bad),
    ] })
}

fn failure(codes: &[i64]) -> Value {
    let mut failure = members(codes);
    let names = failure.keys().cloned().collect::<Vec<_>>();
    let data = ["Order", "Doctor"].map(|name| json!({ "$ref": format!("{SCHEMAS}{name}") }));
    failure.insert("data".into(), json!({ "anyOf": data }));
    json!({ "type": "object", "properties": failure, "required": names, "additionalProperties": false })
}

fn members(codes: &[i64]) -> Map<String, Value> {
    let rets = codes.iter().map(|number| match *number {
        code::SUCCESS => 0,
        0 => code::DEFECT,
        other => other,
    });
    let pairs = [
        ("code", json!({ "type": "integer", "enum": codes })),
        ("message", json!({ "type": "string" })),
        ("ret", json!({ "type": "integer", "enum": rets.collect::<Vec<_>>() })),
        ("msg", json!({ "type": "string" })),
        (
            "_trace_no",
            json!({ "type": "string", "description": "支持人员要的号码 · What support asks for" }),
        ),
    ];
    pairs.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The schema of what `data` is, by its name among the document's.
pub fn name(shape: Answer) -> &'static str {
    match shape {
        Answer::Order => "Order",
        Answer::Refund => "Refund",
        Answer::Orders => "Orders",
        Answer::Refunds => "Refunds",
        Answer::Events => "Events",
        Answer::LogIn => "LogIn",
        Answer::User => "User",
        Answer::Users => "Users",
        Answer::Rates => "Rates",
    }
}

/// Adds the schemas of `data` and of the notification.
pub fn add_schemas(schemas: &mut Map<String, Value>) {
    schemas.insert("Order".into(), object(MEMBERS.iter().filter(|row| row.part != Part::Refund)));
    schemas.insert("Refund".into(), object(MEMBERS.iter()));
    schemas.insert("Doctor".into(), doctor());
    let mut notice = object(NOTICE.iter().filter_map(|name| answers::member(name)));
    let [zh, en] = NOTICE_TIME;
    notice["properties"]["time_end"] =
        json!({ "type": "string", "description": format!("{zh} · {en}") });
    let mut facts = notice.clone();
    let refunds = MEMBERS.iter().filter(|row| EVENT.contains(&row.name));
    for row in refunds {
        facts["properties"][row.name] = member(row);
    }
    schemas.insert("Notice".into(), notice);
    schemas.insert("Orders".into(), page(|part| matches!(part, Part::Order | Part::Product)));
    schemas.insert(
        "Refunds".into(),
        page(|part| matches!(part, Part::Order | Part::Product | Part::Refund)),
    );
    schemas.insert("Events".into(), events(&facts));
    schemas.insert("LogIn".into(), object(LOG_IN.iter()));
    schemas.insert("User".into(), object(USER.iter()));
    let int = json!({ "type": "integer" });
    let users = json!({ "type": "array", "items": { "$ref": format!("{SCHEMAS}User") } });
    schemas.insert("Users".into(), json!({
        "type": "object", "required": ["page", "limit", "total", "items"], "additionalProperties": false,
        "properties": { "page": int, "limit": int, "total": int, "items": users },
    }));
    schemas.insert("Rate".into(), object(RATE.iter()));
    schemas.insert(
        "Rates".into(),
        json!({
            "type": "object", "additionalProperties": { "$ref": format!("{SCHEMAS}Rate") },
        }),
    );
}

/// What an event of a refund tells beside its order's facts.
const EVENT: [&str; 6] =
    ["out_refund_no", "refund_id", "refund_fee", "refund_fee_type", "refund_status", "refund_time"];

/// A page of a list; its items are not signed.
fn page(has: fn(Part) -> bool) -> Value {
    let item = object(MEMBERS.iter().filter(|row| has(row.part)));
    let number = |words: &str| json!({ "type": "integer", "description": words });
    listed(json!({
        "page": number("第几页 · Which page"),
        "limit": number("每页条数 · Items on a page"),
        "total": number("总数，精确到 10000 · How many in all, exact up to 10000"),
        "items": { "type": "array", "items": item },
    }))
}

fn events(facts: &Value) -> Value {
    let words: Vec<_> = TYPES.iter().map(|row| row.word).collect();
    let item = listed(json!({
        "id": { "type": "string", "description": "事件的序号 · The event's number" },
        "type": { "type": "string", "enum": words, "description": "发生了什么 · What has happened" },
        "time": { "type": "integer", "description": "发生时间（Unix 秒）· When (Unix seconds)" },
        "data": facts,
    }));
    listed(json!({
        "items": { "type": "array", "items": item },
        "next": { "type": "string", "description": "下次的 after · after of the next request" },
        "has_more": { "type": "boolean", "description": "是否还有 · Whether there is more already" },
        "newest": { "type": "string", "description": "最新事件的序号 · The newest event's number" },
        "sandbox": {
            "type": "boolean", "description": "是否沙箱应用 · Whether the application is for the sandbox",
        },
    }))
}

/// An object that has all of these members, and no other.
fn listed(properties: Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({
        "type": "object", "properties": properties, "required": names, "additionalProperties": false,
    })
}

/// What a sandbox application is told of a wrong signature.
fn doctor() -> Value {
    let text = |words: &str| json!({ "type": "string", "description": words });
    let cure = json!({
        "type": "object", "required": ["zh-Hans", "en"], "additionalProperties": false,
        "properties": { "zh-Hans": text("怎么改"), "en": text("What to change") },
    });
    let found = json!({
        "type": "object", "required": ["text", "form"], "additionalProperties": false,
        "properties": {
            "text": text("应签名的文本，密钥以掩码代替 · The text to be signed, the key masked"),
            "form": text("签名形式 · The form of the signature"),
            "mistake": text("所犯的错误 · The mistake that made the signature"),
            "cure": cure,
        },
    });
    json!({
        "type": "object", "required": ["doctor"], "additionalProperties": false,
        "properties": { "doctor": found },
        "description": "4004，仅沙箱应用 · 4004, for sandbox applications only",
    })
}

fn object<'a>(rows: impl Iterator<Item = &'a MemberInfo>) -> Value {
    let mut properties = Map::new();
    let mut always = Vec::new();
    for row in rows {
        properties.insert(row.name.to_owned(), member(row));
        if row.part.is_always() {
            always.push(row.name);
        }
    }
    json!({
        "type": "object", "properties": properties, "required": always, "additionalProperties": false,
    })
}

fn member(row: &MemberInfo) -> Value {
    let [zh, en] = row.words;
    let mut schema = match row.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Int => json!({ "type": "integer" }),
    };
    if let Some(values) = values(row.name) {
        schema["enum"] = values;
    }
    schema["description"] = json!(format!("{zh} · {en}"));
    schema
}

/// The values that a member can have, where they are few.
fn values(name: &str) -> Option<Value> {
    match name {
        "type" => Some(json!(UserType::ALL.map(|(_, word)| word))),
        "trade_state" => Some(json!(TradeState::ALL.map(TradeState::word))),
        "status" => Some(json!([1, 2, 3, 4])),
        "refund_status" => {
            let mut words = RefundState::ALL.map(RefundState::status).to_vec();
            words.dedup();
            Some(json!(words))
        }
        "pay_channel_id" => {
            Some(json!(PRODUCTS.iter().map(|row| row.channel_id).collect::<Vec<_>>()))
        }
        "version" => Some(json!([2])),
        "wallet" => Some(json!(["", "CN", "HK"])),
        "is_subscribe" => Some(json!(["Y", "N"])),
        _ => None,
    }
}

/// What a merchant's server is sent.
pub fn notification() -> Value {
    let schema = json!({ "$ref": format!("{SCHEMAS}Notice") });
    json!({
        "summary": "付款通知 · A payment's notification",
        "description": "验签后核对 total_fee，再答 SUCCESS；否则会重发。Verify sign, compare total_fee, then answer SUCCESS; else it \
            comes again.",
        "requestBody": { "required": true, "content": {
            "application/x-www-form-urlencoded": { "schema": schema },
            "application/json": { "schema": schema },
        } },
        "responses": { "200": {
            "description": "SUCCESS，大小写均可 · SUCCESS, in any case",
            "content": { "text/plain": { "schema": { "type": "string", "pattern": "^\\s*[Ss][Uu][Cc][Cc][Ee][Ss][Ss]\\s*$" } } },
        } },
    })
}

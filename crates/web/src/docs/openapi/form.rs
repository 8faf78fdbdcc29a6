//! The forms of parameters as JSON Schema. Integers may be sent as numbers or as decimal texts; what a
//! schema cannot say (a number of the caller's own, an amount below another) the answer says.

use kernel::exchange_rate::RateSource;
use kernel::feed::TYPES;
use kernel::product::{PRODUCTS, Provider};
use kernel::refund::RefundState;
use kernel::state::TradeState;
use kernel::user::UserType;
use kernel::value_form::{PAGE_MAX, ValueForm};
use serde_json::{Value, json};

/// A text without control characters.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The schema of a form's values.
pub fn schema(form: ValueForm) -> Value {
    match form {
        ValueForm::OwnMch => integer("^[0-9]{14}$", 10_000_000_000_000),
        ValueForm::OwnApp => integer("^[1-9][0-9]{3,9}$", 1_000),
        ValueForm::Version => json!({ "enum": [1, 2, "1", "2"] }),
        ValueForm::SignType => json!({ "enum": ["MD5", "HMAC-SHA256", "RSA2"] }),
        ValueForm::Amount => amount(1, "^[1-9][0-9]{0,10}$"),
        ValueForm::Discount => amount(0, "^(0|[1-9][0-9]{0,10})$"),
        ValueForm::ChannelId => {
            let numbers = PRODUCTS.iter().map(|row| json!(row.channel_id));
            let texts = PRODUCTS.iter().map(|row| json!(row.channel_id.to_string()));
            json!({ "enum": numbers.chain(texts).collect::<Vec<_>>() })
        }
        ValueForm::Payment => {
            let words = PRODUCTS.iter().flat_map(|row| row.aliases.iter().chain([&row.payment]));
            json!({ "enum": words.collect::<Vec<_>>() })
        }
        ValueForm::TradeNo => pattern("^[A-Za-z0-9_|*@.-]{1,64}$"),
        ValueForm::NotifyUrl | ValueForm::PageUrl => json!({
            "type": "string", "format": "uri", "pattern": "^https?://", "maxLength": length(form),
        }),
        ValueForm::Echoed | ValueForm::Text | ValueForm::Reason => {
            json!({ "type": "string", "pattern": PLAIN, "maxLength": length(form) })
        }
        ValueForm::Detail => json!({
            "type": "string", "contentMediaType": "application/json", "maxLength": length(form),
        }),
        ValueForm::AuthCode => pattern("^(1[0-5][0-9]{16}|(2[5-9]|30)[0-9]{14,22}|62[0-9]{17})$"),
        ValueForm::Token(max) => pattern(&format!("^[A-Za-z0-9_-]{{1,{max}}}$")),
        ValueForm::Wallet => json!({ "enum": ["CN", "HK"] }),
        ValueForm::Provider => json!({ "enum": Provider::ALL.map(Provider::word) }),
        ValueForm::StoreId => integer("^(0|[1-9][0-9]{0,17})$", 0),
        ValueForm::Ip => json!({
            "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }],
        }),
        ValueForm::IpList => json!({ "type": "string", "maxLength": length(form) }),
        ValueForm::Expiry => integer("^([1-9][0-9]{9}|[0-9]{14})$", 1_000_000_000),
        ValueForm::UnixTime => integer("^(0|[1-9][0-9]{0,17})$", 0),
        ValueForm::Nonce => pattern("^[A-Za-z0-9_+/=.-]{1,64}$"),
        ValueForm::Email => {
            json!({ "type": "string", "format": "email", "maxLength": length(form) })
        }
        ValueForm::Password | ValueForm::PersonName => {
            json!({ "type": "string", "pattern": PLAIN, "maxLength": length(form) })
        }
        ValueForm::UserType => json!({ "enum": UserType::ALL.map(|(_, word)| word) }),
        ValueForm::RateSource => json!({ "enum": RateSource::ALL.map(|(_, word)| word) }),
        ValueForm::Sn => pattern("^11[0-9]{24}$"),
        ValueForm::Page => within("^([1-9][0-9]{0,8}|1000000000)$", (1, PAGE_MAX)),
        ValueForm::Limit => within("^([1-9][0-9]?|100)$", (1, 100)),
        ValueForm::Date => json!({ "type": "string", "format": "date" }),
        ValueForm::TradeState => json!({ "enum": TradeState::ALL.map(TradeState::word) }),
        ValueForm::RefundStatus => {
            let mut words = RefundState::ALL.map(RefundState::status).to_vec();
            words.dedup();
            json!({ "enum": words })
        }
        ValueForm::Cursor => integer("^(0|[1-9][0-9]{0,17})$", 0),
        ValueForm::EventTypes => {
            let words = TYPES.iter().map(|row| row.word.replace('.', "\\."));
            let word = format!("({})", words.collect::<Vec<_>>().join("|"));
            json!({
                "type": "string", "pattern": format!("^{word}(,{word})*$"),
                "maxLength": length(form),
            })
        }
        ValueForm::Wait => within("^([0-9]|1[0-9]|2[0-5])$", (0, 25)),
    }
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// An integer as number or text; the largest has 18 digits.
fn integer(pattern: &str, least: i64) -> Value {
    json!({
        "type": ["string", "integer"], "pattern": pattern, "minimum": least,
        "maximum": 999_999_999_999_999_999_i64,
    })
}

fn within(pattern: &str, (least, most): (i64, i64)) -> Value {
    json!({ "type": ["string", "integer"], "pattern": pattern, "minimum": least, "maximum": most })
}

fn amount(least: i64, pattern: &str) -> Value {
    let most = PRODUCTS.iter().map(|row| row.amount_max).max();
    json!({ "type": ["string", "integer"], "pattern": pattern, "minimum": least, "maximum": most })
}

fn length(form: ValueForm) -> Option<usize> {
    form.length_max()
}

/// A form in a few words for people, from its schema: values, range, pattern, length.
pub fn words(form: ValueForm) -> String {
    let schema = schema(form);
    let list = |values: &Vec<Value>| {
        let texts = values.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        texts.join(", ")
    };
    if let Some(values) = schema["enum"].as_array() {
        return list(values);
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64())
        && form == ValueForm::Amount
    {
        return format!("{least} – {most}");
    }
    match (schema["pattern"].as_str(), schema["maxLength"].as_u64()) {
        (_, Some(most)) => format!("≤ {most}"),
        (Some(pattern), None) => pattern.trim_matches(['^', '$']).to_owned(),
        (None, None) => String::new(),
    }
}

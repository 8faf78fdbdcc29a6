//! MAPI's gateway, simulated: judges a request as Alipay does, in Alipay's words, and reads what it
//! asks for. It changes no trade.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;

use crate::Stamp;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::request::{TIMEOUT_RULE_MAX, TIMEOUT_RULES};
use crate::alipay_mapi::sign::{self, Keys, SignType};
use crate::alipay_mapi::sim::AlipayMapiSimConfig;
use crate::alipay_mapi::sim::books::{Order, Refund, Word};
use crate::alipay_mapi::{
    APP_PAY, PRODUCT_CODE, QUERY, QUERY_REFUND, RATES, REFUND, VERIFY, WAP_PAY,
};
use crate::http::HttpRequest;

const URL_CHARS_MAX: usize = 200;
const REFER_CHARS_MAX: usize = 100;
const NUMBER_CHARS_MAX: usize = 64;
const SUBJECT_CHARS_MAX: usize = 128;
const BODY_CHARS_MAX: usize = 512;
const REASON_CHARS_MAX: usize = 100;
/// Largest amount in minor units.
const AMOUNT_MAX: i64 = 100_000_000;
const MINUTE_MS: i64 = 60_000;
/// When the rates of a day are released: 10:05:11 in Beijing.
const RATES_RELEASED_AFTER_MS: i64 = (10 * 3_600 + 5 * 60 + 11) * 1_000;
/// Seconds that `order_valid_time` can be.
const VALID_S_MAX: i64 = 2_592_000;
/// Minutes that `it_b_pay` can be.
const PAY_WITHIN_MINUTES_MAX: i64 = 15 * 24 * 60;

/// A service that is simulated.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Service {
    WapPay,
    Query,
    Refund,
    QueryRefund,
    Rates,
    Verify,
}

impl Service {
    const ALL: [(Self, &'static str); 6] = [
        (Self::WapPay, WAP_PAY),
        (Self::Query, QUERY),
        (Self::Refund, REFUND),
        (Self::QueryRefund, QUERY_REFUND),
        (Self::Rates, RATES),
        (Self::Verify, VERIFY),
    ];

    /// Which service is asked for.
    pub(super) fn of(fields: &Fields) -> Result<Self, Word> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == fields.of("service"));
        found.map(|(service, _)| service).ok_or("ILLEGAL_SERVICE")
    }
}

/// A request's members, query and form together; the charset may be in both.
pub(super) fn read(request: &HttpRequest) -> Option<Fields> {
    let mut query = Fields::from_form(request.query())?;
    let form = Fields::from_form(std::str::from_utf8(&request.body).ok()?)?;
    if query.of("_input_charset") == form.of("_input_charset") {
        query.set("_input_charset", "");
    }
    Fields(query.0.into_iter().chain(form.0).collect()).checked()
}

/// Admits a request: common members and signature. The answer is how it is signed.
pub(super) fn admit(
    fields: &Fields,
    keys: &Keys<'_>,
    config: &AlipayMapiSimConfig,
) -> Result<SignType, Word> {
    if fields.of("partner") != config.partner {
        return Err("ILLEGAL_PARTNER");
    }
    if !fields.of("_input_charset").eq_ignore_ascii_case("utf-8") {
        return Err("INVALID_CHARACTER");
    }
    let kind = SignType::from_word(fields.of("sign_type")).ok_or("ILLEGAL_SIGN_TYPE")?;
    let is_signed = keys.verify(kind, &sign::text(fields), fields.of("sign"));
    if is_signed { Ok(kind) } else { Err("ILLEGAL_SIGN") }
}

/// Reads and admits an app's order string, as the wallet does.
pub(super) fn app_order(
    text: &str,
    keys: &Keys<'_>,
    config: &AlipayMapiSimConfig,
) -> Result<Order, Word> {
    let (signed, fields) = sign::read_order_string(text).ok_or("ILLEGAL_ARGUMENT")?;
    if fields.of("sign_type") != SignType::Rsa.word() {
        return Err("ILLEGAL_SIGN_TYPE");
    }
    if !keys.verify(SignType::Rsa, signed, fields.of("sign")) {
        return Err("ILLEGAL_SIGN");
    }
    if fields.of("service") != APP_PAY {
        return Err("ILLEGAL_SERVICE");
    }
    let waits_ms = pay_within(fields.of("it_b_pay"))? * MINUTE_MS;
    let is_inst = matches!(fields.of("payment_inst"), "" | "ALIPAYCN" | "ALIPAYHK");
    let is_sound = fields.of("partner") == config.partner
        && fields.of("seller_id") == config.partner
        && fields.of("_input_charset").eq_ignore_ascii_case("utf-8")
        && fields.has("body")
        && is_inst;
    kept(is_sound)?;
    order(&fields, config).map(|order| Order { waits_ms, ..order })
}

/// The order of a page in the browser.
pub(super) fn wap_order(fields: &Fields, config: &AlipayMapiSimConfig) -> Result<Order, Word> {
    let rules = TIMEOUT_RULES.into_iter().chain([TIMEOUT_RULE_MAX]);
    let rule = if fields.has("timeout_rule") { fields.of("timeout_rule") } else { "12h" };
    let minutes =
        rules.into_iter().find(|(word, _)| *word == rule).ok_or("ILLEGAL_TIMEOUT_RULE")?.1;
    let opens_until = match (fields.of("order_gmt_create"), fields.of("order_valid_time")) {
        ("", "") => None,
        (from, valid) => Some(opens_until(from, valid)?),
    };
    let order = order(fields, config)?;
    Ok(Order { waits_ms: minutes * MINUTE_MS, opens_until, ..order })
}

/// The refund that is asked for, and whether at once.
pub(super) fn refund(fields: &Fields, order: Option<&Order>) -> Result<(Refund, bool), Word> {
    let is_sound = is_number(fields.of("out_return_no"))
        && is_number(fields.of("out_trade_no"))
        && Timestamp::from_compact(fields.of("gmt_return")).is_some()
        && fields.of("reason").chars().count() <= REASON_CHARS_MAX
        && fields.of("product_code") == PRODUCT_CODE
        && is_address(fields.of("notify_url"), URL_CHARS_MAX)
        && matches!(fields.of("is_sync"), "" | "Y" | "N");
    kept(is_sound)?;
    let currency = Currency::from_code(fields.of("currency")).ok_or("ILLEGAL_CURRENCY")?;
    if order.is_some_and(|order| order.currency != currency.code()) {
        return Err("CURRENCY_NOT_SAME");
    }
    let amount = Money::from_decimal(fields.of("return_amount"), currency);
    let amount = amount.filter(|amount| (1..=AMOUNT_MAX).contains(&amount.minor));
    let refund = Refund {
        out_return_no: fields.of("out_return_no").to_owned(),
        amount: amount.ok_or("ILLEGAL_ARGUMENT")?.minor,
        notify_url: fields.of("notify_url").to_owned(),
        created_at: 0,
        done_at: 0,
    };
    Ok((refund, fields.of("is_sync") == "Y"))
}

/// The members that both products share.
fn order(fields: &Fields, config: &AlipayMapiSimConfig) -> Result<Order, Word> {
    let currency = Currency::from_code(fields.of("currency"));
    let currency = currency.filter(|found| *found == config.currency).ok_or("ILLEGAL_CURRENCY")?;
    let total =
        Money::from_decimal(fields.of("total_fee"), currency).ok_or("TRADE_TOTALFEE_ERROR")?;
    if !(1..=AMOUNT_MAX).contains(&total.minor) {
        return Err("TOTAL_FEE_OUT_OF_RANGE");
    }
    let is_sound = is_number(fields.of("out_trade_no"))
        && (1..=SUBJECT_CHARS_MAX).contains(&fields.of("subject").chars().count())
        && fields.of("body").chars().count() <= BODY_CHARS_MAX
        && fields.of("payment_type") == "1"
        && fields.of("forex_biz") == "FP"
        && fields.of("product_code") == PRODUCT_CODE
        && fields.has("notify_url")
        && is_address(fields.of("notify_url"), URL_CHARS_MAX)
        && is_address(fields.of("return_url"), URL_CHARS_MAX)
        && fields.has("refer_url")
        && is_address(fields.of("refer_url"), REFER_CHARS_MAX)
        && !fields.0.iter().any(|(_, value)| value.contains('"'));
    kept(is_sound)?;
    Ok(Order {
        out_trade_no: fields.of("out_trade_no").to_owned(),
        total: total.minor,
        currency: currency.code().to_owned(),
        subject: fields.of("subject").to_owned(),
        notify_url: fields.of("notify_url").to_owned(),
        return_url: fields.of("return_url").to_owned(),
        sign_type: fields.of("sign_type").to_owned(),
        waits_ms: 0,
        opens_until: None,
    })
}

/// Minutes of `it_b_pay`: `30m`, `2h`, `1d`.
fn pay_within(text: &str) -> Result<i64, Word> {
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or_default();
    let unit_minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err("ILLEGAL_TIMEOUT_RULE"),
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse::<i64>().ok().filter(|_| is_plain);
    let minutes = count.and_then(|count| count.checked_mul(unit_minutes));
    let is_possible = |minutes: &i64| (1..=PAY_WITHIN_MINUTES_MAX).contains(minutes);
    minutes.filter(is_possible).ok_or("ILLEGAL_TIMEOUT_RULE")
}

fn opens_until(from: &str, valid: &str) -> Result<i64, Word> {
    let from = Timestamp::from_beijing(from).filter(|_| from.len() == 19);
    let valid = valid.parse::<i64>().ok().filter(|valid| (1..=VALID_S_MAX).contains(valid));
    let (from, valid) = from.zip(valid).ok_or("ILLEGAL_ARGUMENT")?;
    Ok(from.plus_millis(valid * 1000).millis())
}

fn kept(is_sound: bool) -> Result<(), Word> {
    if is_sound { Ok(()) } else { Err("ILLEGAL_ARGUMENT") }
}

fn is_number(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=NUMBER_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_digit)
}

fn is_address(text: &str, chars_max: usize) -> bool {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    text.is_empty() || (is_web && text.chars().count() <= chars_max)
}

/// `notify_verify`: what it says.
pub(super) fn verdict(fields: &Fields, config: &AlipayMapiSimConfig, is_known: bool) -> Word {
    match fields.of("partner") == config.partner && fields.has("notify_id") {
        true if is_known => "true",
        true => "false",
        false => "invalid",
    }
}

/// The rate file of the day of `stamp`: CNY for one unit.
pub(super) fn rate_file(stamp: &Stamp) -> String {
    let day = &stamp.now.plus_millis(-RATES_RELEASED_AFTER_MS).compact()[..8];
    let rates = [
        ("AUD", "5.092300"),
        ("EUR", "7.412300"),
        ("GBP", "8.790200"),
        ("HKD", "0.847370"),
        ("USD", "6.569800"),
    ];
    rates.map(|(currency, rate)| format!("{day}|100511|{currency}|{rate}|\r\n")).concat()
}

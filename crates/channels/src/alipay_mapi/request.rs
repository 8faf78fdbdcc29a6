//! What MAPI is asked. Every value is freed of `"` first, which the manual forbids and which would
//! end a value of the order string.

use kernel::money::Money;
use kernel::product::Product;

use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::{
    APP_PAY, PRODUCT_CODE, QUERY, QUERY_REFUND, RATES, REFUND, VERIFY, WAP_PAY, not_supported,
    settings, sign,
};
use crate::http::HttpRequest;
use crate::{
    Account, Outcome, Place, Refund, Refusal, RefusalKind, SetupError, Stamp, Step, Trade,
};

/// Characters, and bytes, that `subject` may have (manual: mobile.securitypay.pay).
const SUBJECT_CHARS_MAX: usize = 128;
const SUBJECT_BYTES_MAX: usize = 256;
/// Characters that `reason` may have (manual: forex_refund).
const REASON_CHARS_MAX: usize = 100;
/// Largest amount in minor units: 1,000,000.00.
const AMOUNT_MAX: i64 = 100_000_000;
const MINUTE_MS: i64 = 60_000;
/// Minutes up to which `it_b_pay` is in minutes, and the most that it can be.
const IN_MINUTES_MAX: i64 = 24 * 60;
const PAY_WITHIN_MINUTES_MAX: i64 = 15 * 24 * 60;
/// Seconds that `order_valid_time` can be.
const VALID_S_MAX: i64 = 2_592_000;
/// What `timeout_rule` can be, with its minutes.
pub(super) const TIMEOUT_RULES: [(&str, i64); 10] = [
    ("5m", 5),
    ("10m", 10),
    ("15m", 15),
    ("30m", 30),
    ("1h", 60),
    ("2h", 2 * 60),
    ("3h", 3 * 60),
    ("5h", 5 * 60),
    ("10h", 10 * 60),
    ("12h", 12 * 60),
];
/// The longest `timeout_rule`.
pub(super) const TIMEOUT_RULE_MAX: (&str, i64) = ("1d", 24 * 60);

/// The order string or the page; neither asks the upstream anything.
///
/// # Errors
/// The account's settings, or the order's currency.
pub(super) fn place(place: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    let pay_text = match place.product {
        Product::AlipayApp | Product::AlipayWap if place.amount.minor > AMOUNT_MAX => {
            return Ok(Step::Done(too_much()));
        }
        Product::AlipayApp => app(place, account, stamp)?,
        Product::AlipayWap => wap(place, account, stamp)?,
        Product::AlipayQr
        | Product::WechatH5
        | Product::WechatQr
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr
        | Product::Micropay => return Ok(Step::Done(not_supported())),
    };
    Ok(Step::Done(Outcome::Opened { pay_text }))
}

/// Manual: single_trade_query.
pub(super) fn query(trade: &Trade, account: &Account) -> Result<HttpRequest, SetupError> {
    post(Fields::of_table(&[("service", QUERY), ("out_trade_no", &trade.trade_no)]), account)
}

/// Manual: forex_refund. The same refund gives the same bytes whenever it is asked for.
pub(super) fn refund(refund: &Refund, account: &Account) -> Result<HttpRequest, SetupError> {
    settings::check_currency(account, refund.amount.currency)?;
    let is_sync = settings::choice(account, "refund_sync");
    let mut fields = Fields::of_table(&[
        ("service", REFUND),
        ("out_return_no", &refund.refund_no),
        ("out_trade_no", &refund.trade.trade_no),
        ("return_amount", &refund.amount.decimal()),
        ("currency", refund.amount.currency.code()),
        ("gmt_return", &refund.asked_at.compact()),
        ("reason", &plain(&refund.reason, REASON_CHARS_MAX)),
        ("product_code", PRODUCT_CODE),
        ("is_sync", is_sync),
    ]);
    if is_sync == "N" {
        fields.push("notify_url", address("notify_url", &refund.notify_url)?);
    }
    post(fields, account)
}

/// Manual: alipay.acquire.refund.query, which moves no money; or, if the account says so, the
/// refund once more under its number.
pub(super) fn query_refund(asked: &Refund, account: &Account) -> Result<HttpRequest, SetupError> {
    if settings::choice(account, "refund_query") == "repeat" {
        return refund(asked, account);
    }
    let fields = Fields::of_table(&[
        ("service", QUERY_REFUND),
        ("out_trade_no", &asked.trade.trade_no),
        ("out_return_no", &asked.refund_no),
    ]);
    post(fields, account)
}

/// Manual: forex_rate_file; at most 100 times a day.
pub(super) fn rates(account: &Account) -> Result<HttpRequest, SetupError> {
    let url = page(Fields::of_table(&[("service", RATES)]), account)?;
    Ok(HttpRequest { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() })
}

/// Manual: notify_verify, which is not signed.
pub(super) fn verify(notify_id: &str, account: &Account) -> Result<HttpRequest, SetupError> {
    let fields = Fields::of_table(&[
        ("service", VERIFY),
        ("partner", settings::partner(account)),
        ("notify_id", notify_id),
    ]);
    let url = format!("{}?{}", settings::gateway(account)?, fields.to_form());
    Ok(HttpRequest { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() })
}

/// Manual: mobile.securitypay.pay. Always RSA, whatever else the account signs with.
fn app(place: &Place, account: &Account, stamp: &Stamp) -> Result<String, SetupError> {
    settings::check(account)?;
    settings::check_public_key(account)?;
    let mut fields = order(place, account)?;
    fields.set("_input_charset", "UTF-8");
    fields.set("service", APP_PAY);
    fields.set("total_fee", shortest(place.amount));
    fields.set("payment_inst", payment_inst(place));
    fields.set("it_b_pay", pay_within(minutes_left(place, stamp)));
    let text = sign::order_text(&fields);
    let sign = sign::sign_rsa(account, &text)?;
    Ok(sign::order_string(&text, &sign))
}

/// Manual: create_forex_trade_wap.
fn wap(place: &Place, account: &Account, stamp: &Stamp) -> Result<String, SetupError> {
    let mut fields = order(place, account)?;
    fields.set("service", WAP_PAY);
    fields.set("return_url", address("return_url", &place.return_url)?);
    if !place.wallet.is_empty() {
        fields.set("payment_inst", payment_inst(place));
    }
    let minutes = minutes_left(place, stamp);
    let rule = TIMEOUT_RULES.into_iter().find(|(_, of_rule)| *of_rule >= minutes);
    fields.set("timeout_rule", rule.unwrap_or(TIMEOUT_RULE_MAX).0);
    fields.set("order_gmt_create", stamp.now.beijing());
    fields.set("order_valid_time", minutes.saturating_mul(60).min(VALID_S_MAX).to_string());
    page(fields, account)
}

/// The members that both products share.
fn order(place: &Place, account: &Account) -> Result<Fields, SetupError> {
    settings::check_currency(account, place.amount.currency)?;
    let subject = subject(&place.subject);
    let partner = settings::partner(account);
    Ok(Fields::of_table(&[
        ("partner", partner),
        ("seller_id", partner),
        ("out_trade_no", &place.trade_no),
        ("subject", &subject),
        ("body", &subject),
        ("payment_type", "1"),
        ("total_fee", &place.amount.decimal()),
        ("currency", place.amount.currency.code()),
        ("forex_biz", "FP"),
        ("product_code", PRODUCT_CODE),
        ("notify_url", address("notify_url", &place.notify_url)?),
        ("refer_url", address("refer_url", account.setting("refer_url").trim())?),
    ]))
}

/// A server's call, as Alipay's own clients send it: they name the charset in the address too.
fn post(fields: Fields, account: &Account) -> Result<HttpRequest, SetupError> {
    let body = signed(fields, account)?.to_form().into_bytes();
    let form = "application/x-www-form-urlencoded;charset=utf-8";
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: format!("{}?_input_charset=utf-8", settings::gateway(account)?),
        headers: vec![("Content-Type".to_owned(), form.to_owned())],
        body,
    })
}

/// An address with everything in its query.
fn page(fields: Fields, account: &Account) -> Result<String, SetupError> {
    Ok(format!("{}?{}", settings::gateway(account)?, signed(fields, account)?.to_form()))
}

fn signed(mut fields: Fields, account: &Account) -> Result<Fields, SetupError> {
    settings::check(account)?;
    fields.set("partner", settings::partner(account));
    fields.set("_input_charset", "utf-8");
    let sign = sign::sign(account, &sign::text(&fields))?;
    fields.push("sign", sign);
    fields.push("sign_type", settings::sign_type(account)?.word());
    Ok(fields)
}

/// Which of Alipay's wallets pays: that of the mainland unless Hong Kong's is wanted.
fn payment_inst(place: &Place) -> &'static str {
    if place.wallet == "HK" { "ALIPAYHK" } else { "ALIPAYCN" }
}

/// `20`, `0.1`, `88.88`: how the document's sample of an order string writes an amount.
fn shortest(amount: Money) -> String {
    let text = amount.decimal();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whole minutes until the order stops waiting, rounded up.
fn minutes_left(place: &Place, stamp: &Stamp) -> i64 {
    let left_ms = place.expires_at.millis_since(stamp.now).max(1);
    left_ms.saturating_add(MINUTE_MS - 1) / MINUTE_MS
}

/// `it_b_pay`: `30m`, or whole hours, rounded up, from a day on.
fn pay_within(minutes: i64) -> String {
    if minutes <= IN_MINUTES_MAX {
        return format!("{minutes}m");
    }
    format!("{}h", minutes.min(PAY_WITHIN_MINUTES_MAX).saturating_add(59) / 60)
}

fn subject(text: &str) -> String {
    let mut subject = plain(text, SUBJECT_CHARS_MAX);
    while subject.len() > SUBJECT_BYTES_MAX {
        subject.pop();
    }
    subject
}

/// A text for people without `"` and control characters, cut to `chars_max`.
fn plain(text: &str, chars_max: usize) -> String {
    let tame = |c: char| match c {
        '"' => '\'',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(tame).take(chars_max).collect()
}

fn address<'a>(name: &str, text: &'a str) -> Result<&'a str, SetupError> {
    let is_tame = !text.contains(|c: char| c == '"' || c.is_control());
    is_tame.then_some(text).ok_or_else(|| SetupError(format!("{name}: not an address")))
}

fn too_much() -> Outcome {
    let code = "TOTAL_FEE_OUT_OF_RANGE".to_owned();
    let message = "MAPI takes at most 1000000.00".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::Business, code, message })
}

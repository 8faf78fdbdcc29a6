//! Free texts: what a payer or a shop may write without making a signed text ambiguous, and without making
//! a notification look like another (contract section 2).

use super::Wrong;
use crate::fault::Wording;
use crate::json;

const CONTROL: Wording = ["不能含有控制字符", "must not hold control characters"];
const HIDDEN_URL: Wording =
    ["不能含有参数名后接网址", "must not hold a parameter's name followed by a URL"];
pub(super) const LIKE_A_NOTICE: Wording =
    ["不能含有通知参数名后接其值", "must not hold a notification's parameter followed by a value"];

/// Names whose value is a URL: no text may hold one directly followed by a URL's beginning.
const URL_NAMES: [&str; 3] = ["notify_url", "return_url", "h5_redirect_url"];

/// No control character, and no hidden URL.
pub(super) fn judge_text(value: &str) -> Result<(), Wrong> {
    if value.chars().any(char::is_control) {
        return Err(Wrong::Format(CONTROL));
    }
    judge_no_hidden_url(value)
}

fn judge_no_hidden_url(value: &str) -> Result<(), Wrong> {
    let begins_url = |rest: &str| rest.starts_with("http:") || rest.starts_with("https:");
    let is_hidden = value.contains("_urlhttp")
        && URL_NAMES.iter().any(|name| followed_by(value, name, begins_url));
    if is_hidden { Err(Wrong::Format(HIDDEN_URL)) } else { Ok(()) }
}

/// White space between JSON's tokens may be line breaks and tabs; other control characters may not.
pub(super) fn judge_detail(value: &str) -> Result<(), Wrong> {
    let is_wrong = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if value.contains(is_wrong) {
        return Err(Wrong::Format(CONTROL));
    }
    judge_no_hidden_url(value)?;
    if json::is_json(value) { Ok(()) } else { Err(Wrong::Json) }
}

/// Whether a text holds a name of a notification directly followed by what its value may begin
/// with: whoever carries the notification could cut it there (contract section 2).
pub(super) fn is_like_a_notice(value: &str) -> bool {
    let digit = |rest: &str| rest.starts_with(|next: char| next.is_ascii_digit());
    let trade_no = |rest: &str| rest.bytes().next().is_some_and(consists_of_one);
    let state = |rest: &str| rest.starts_with(['N', 'U', 'P', 'S', 'R', 'C']);
    let sn = |rest: &str| {
        rest.as_bytes().get(..16).is_some_and(|next| next.iter().all(u8::is_ascii_digit))
    };
    ["total_fee", "cash_fee", "pay_amount", "status"]
        .iter()
        .any(|name| followed_by(value, name, digit))
        || followed_by(value, "out_trade_no", trade_no)
        || followed_by(value, "trade_state", state)
        || followed_by(value, "sn", sn)
}

fn consists_of_one(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_|*@.-".contains(&byte)
}

fn followed_by(value: &str, name: &str, begins: impl Fn(&str) -> bool) -> bool {
    value.match_indices(name).any(|(at, _)| begins(&value[at + name.len()..]))
}

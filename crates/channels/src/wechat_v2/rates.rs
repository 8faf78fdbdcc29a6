//! The rate of the account's currency (manual: 查询汇率): renminbi for one unit of it, times 10^8, one
//! currency and one day in each question. It moves no money.

use kernel::money::Currency;
use kernel::time::Timestamp;

use super::settings::Settings;
use super::xml::Members;
use super::{answer, words};
use crate::http::HttpResponse;
use crate::{Account, Doubt, Op, Outcome, Rate, Refusal, RefusalKind};

/// Where it is asked; the manual spells it so.
pub(super) const PATH: &str = "/pay/queryexchagerate";
/// The rates of a day are there at 10:00 in Beijing: before, yesterday's are the newest.
const RELEASED_AFTER_MS: i64 = 10 * 3_600_000;
/// Digits behind the point that a rate's integer stands for.
const PLACES: usize = 8;
/// Digits of the largest rate that is believed.
const DIGITS_MAX: usize = 15;

/// The members of the question at `now`; `None` for an account at home, which has no rate.
pub(super) fn members(account: &Account, now: Timestamp) -> Option<Members> {
    let day = now.plus_millis(-RELEASED_AFTER_MS).compact();
    match account.currency {
        Currency::Cny => None,
        foreign @ (Currency::Hkd | Currency::Aud) => {
            Some(Members::from([("fee_type", foreign.code()), ("date", day.get(..8)?)]))
        }
    }
}

/// What the answer says. A refusal of the whole call is not signed; it is told as what it is, since
/// nothing follows from it.
///
/// # Errors
/// Why nothing is known.
pub(super) fn outcome(
    account: &Account,
    settings: &Settings<'_>,
    said: &HttpResponse,
) -> Result<Outcome, Doubt> {
    let members = answer::read(said)?;
    if members.of("return_code") == "FAIL" {
        let message = answer::shown(members.of("return_msg"));
        let refusal = Refusal { kind: RefusalKind::Business, code: "FAIL".into(), message };
        return Ok(Outcome::Refused(refusal));
    }
    if settings.is_rate_signed {
        answer::check(settings, &members)?;
    }
    match members.of("result_code") {
        "FAIL" => words::outcome(&Op::Rates, &members),
        "SUCCESS" => rate(account, &members)
            .map(|rate| Outcome::Rates(vec![rate]))
            .ok_or_else(|| Doubt::Unreadable("no rate of the account's currency".into())),
        _ => Err(Doubt::Unreadable("result_code is missing or makes no sense".into())),
    }
}

fn rate(account: &Account, members: &Members) -> Option<Rate> {
    let currency = members.of("fee_type");
    if currency != account.currency.code() {
        return None;
    }
    Some(Rate {
        currency: currency.to_owned(),
        rate: decimal(members.of("rate"))?,
        released_at: released_at(members.of("rate_time"))?,
    })
}

/// `84570000` as `0.84570000`: nothing is rounded.
fn decimal(text: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_above_zero = text.bytes().any(|byte| byte != b'0');
    if !is_number || !is_above_zero || text.len() > DIGITS_MAX {
        return None;
    }
    let digits = text.trim_start_matches('0');
    let padded = format!("{digits:0>width$}", width = PLACES + 1);
    let (whole, places) = padded.split_at(padded.len() - PLACES);
    Some(format!("{whole}.{places}"))
}

/// A time, or a day alone, which then begins at midnight.
fn released_at(text: &str) -> Option<Timestamp> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        8 if is_digits => Timestamp::from_compact(&format!("{text}000000")),
        14 => Timestamp::from_compact(text),
        _ => Timestamp::from_beijing(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_with_a_point_and_never_rounded() {
        for (text, expect) in [
            ("84570000", Some("0.84570000")),
            ("084570000", Some("0.84570000")),
            ("464120001", Some("4.64120001")),
            ("1", Some("0.00000001")),
            ("123456789012345", Some("1234567.89012345")),
            ("1234567890123456", None),
            ("0", None),
            ("000", None),
            ("", None),
            ("0.8457", None),
            ("-1", None),
            ("８", None),
        ] {
            assert_eq!(decimal(text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn a_time_of_release_has_three_spellings() {
        for text in ["20201221100511", "2020-12-21 10:05:11"] {
            assert_eq!(released_at(text).unwrap().compact(), "20201221100511", "{text}");
        }
        assert_eq!(released_at("20201221").unwrap().compact(), "20201221000000");
        for wrong in ["", "today", "2020122110", "2020-12-2x", "20201321", "２０２０"] {
            assert_eq!(released_at(wrong), None, "{wrong}");
        }
    }
}

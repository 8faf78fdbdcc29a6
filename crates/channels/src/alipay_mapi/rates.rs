//! The rate file (manual: forex_rate_file): lines of `YYYYMMDD|HHMMSS|CUR|rate|` in plain text, one
//! of them in CNY. It is not signed and moves no money.

use std::collections::BTreeMap;

use kernel::time::Timestamp;

use crate::alipay_mapi::answer;
use crate::http::HttpResponse;
use crate::{Doubt, Outcome, Rate, Refusal, RefusalKind};

/// How the upstream says in plain text that it has no file.
const FAILED: &str = "File download failed";
/// Lines that are read; Alipay has about twenty currencies.
const LINES_MAX: usize = 512;
/// Digits that a rate may have.
const RATE_CHARS_MAX: usize = 20;

/// What the answer says: the upstream's own error is a refusal, what cannot be read is unknown.
pub(super) fn read(answer: &HttpResponse) -> Outcome {
    let unreadable = || Outcome::Unknown(Doubt::Unreadable("not a rate file".into()));
    let body = match answer::body(answer) {
        Ok(body) => body,
        Err(doubt) => return Outcome::Unknown(doubt),
    };
    if let Some(code) = answer::error(body) {
        return refused(code.clone(), code);
    }
    let Ok(text) = std::str::from_utf8(body) else { return unreadable() };
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(FAILED) {
        let message = text.lines().next().unwrap_or(FAILED).trim().to_owned();
        return refused("FILE_DOWNLOAD_FAILED".into(), message);
    }
    let rates = if is_cut_off(text) { None } else { lines(text) };
    rates.map_or_else(unreadable, Outcome::Rates)
}

/// Whether the text ends within a line: its last rate may lack digits.
fn is_cut_off(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    let is_whole = last.ends_with('|') && last.matches('|').count() >= 4;
    !text.ends_with('\n') && !is_whole
}

/// The newest rate of each currency; `None` if no line is one.
fn lines(text: &str) -> Option<Vec<Rate>> {
    let mut newest: BTreeMap<String, Rate> = BTreeMap::new();
    for rate in text.lines().take(LINES_MAX).filter_map(line) {
        let is_older = newest.get(&rate.currency).is_some_and(|r| r.released_at > rate.released_at);
        if !is_older {
            newest.insert(rate.currency.clone(), rate);
        }
    }
    (!newest.is_empty()).then(|| newest.into_values().collect())
}

fn line(text: &str) -> Option<Rate> {
    let mut parts = text.trim().split('|').map(str::trim);
    let (day, time, currency, rate) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    let is_date = day.len() == 8 && time.len() == 6;
    let released_at = Timestamp::from_compact(&format!("{day}{time}"))?;
    (is_date && is_currency && is_rate(rate)).then(|| Rate {
        currency: currency.to_owned(),
        rate: rate.to_owned(),
        released_at,
    })
}

/// A decimal above zero.
fn is_rate(text: &str) -> bool {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= RATE_CHARS_MAX
        && is_number(whole)
        && is_number(places)
        && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

fn refused(code: String, message: String) -> Outcome {
    Outcome::Refused(Refusal { kind: RefusalKind::Business, code, message })
}

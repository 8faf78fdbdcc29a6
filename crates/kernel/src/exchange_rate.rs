//! Exchange rates that upstreams tell (contract section 6): how long they are believed, and what is
//! answered when there are none. They are quoted, never computed with.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// After this time in Beijing the rates of the day are there at either upstream: Alipay's move between
/// 09:00 and 11:00, WeChat's at 10:00.
const RELEASED_AFTER_MS: i64 = 11 * 3_600_000;
/// The same moment in UTC.
const RELEASED_AT_UTC_MS: i64 = 3 * 3_600_000;
/// A day.
const DAY_MS: i64 = 86_400_000;
/// Rates that are older than the day's are asked for again so late: on a holiday nothing is released.
const LATE_MS: i64 = 3_600_000;
/// After a first failure the upstream is left alone so long; each further one doubles it.
const RETRY_MS: i64 = 60_000;
/// Doublings at most: with 16 minutes a day of failures stays below the 100 questions that Alipay
/// answers in a day.
const RETRY_DOUBLINGS_MAX: u32 = 4;

/// One exchange rate of an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    /// ISO code of the foreign currency.
    pub currency: String,
    /// Renminbi for one unit of it, a decimal as the upstream has it.
    pub rate: String,
    /// When it was released.
    pub released_at: Timestamp,
}

/// Whose rates are asked for: `adapter` of the request.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RateSource {
    /// Alipay's rate file.
    Alipay,
    /// WeChat Pay's rates, one for each currency that the merchant is settled in.
    Wechat,
}

impl RateSource {
    /// Every source with its word.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Alipay, "alipay"), (Self::Wechat, "wechat")];

    /// Reads a word of [`RateSource::ALL`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(source, _)| source)
    }
}

/// Why there are no rates.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatesFault {
    /// The merchant has no account that tells any (492003).
    NoAccount,
    /// The upstream could not be reached (4005).
    NotSent,
    /// It did not answer in time (492004).
    TimedOut,
    /// It answered nothing (492005).
    Empty,
    /// It reported an error, in its own words (492006).
    Refused(String),
    /// Its answer could not be read, or believed (492007).
    Unreadable,
}

/// When the upstream is asked again after it told `rates` at `now`: once the next day's are there, or
/// within the hour if today's were not.
pub fn ask_again_at(rates: &[Rate], now: Timestamp) -> Timestamp {
    let today = now.plus_millis(-RELEASED_AFTER_MS).business_date();
    let next_day = (now.millis() - RELEASED_AT_UTC_MS).div_euclid(DAY_MS) + 1;
    let next = Timestamp::from_millis(next_day * DAY_MS + RELEASED_AT_UTC_MS);
    if rates.iter().any(|rate| rate.released_at.business_date() >= today) {
        next
    } else {
        next.min(now.plus_millis(LATE_MS))
    }
}

/// When the upstream is asked again after it failed at `now` for the `failures`th time on end.
pub fn retry_at(failures: u32, now: Timestamp) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(RETRY_DOUBLINGS_MAX);
    now.plus_millis(RETRY_MS << doublings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_beijing(text).unwrap()
    }

    fn check(now: &str, released: &str, expect: &str) {
        let released_at = at(released);
        let rate = Rate { currency: "HKD".into(), rate: "0.847370".into(), released_at };
        assert_eq!(ask_again_at(&[rate], at(now)).beijing(), expect, "{now}, {released}");
    }

    #[test]
    fn todays_rates_are_good_until_tomorrows_are_there() {
        check("2026-11-22 11:00:00", "2026-11-22 10:05:11", "2026-11-23 11:00:00");
        check("2026-11-22 23:59:59", "2026-11-22 10:05:11", "2026-11-23 11:00:00");
        check("2026-11-23 10:59:59", "2026-11-22 10:05:11", "2026-11-23 11:00:00");
        check("2026-11-23 10:59:59", "2026-11-23 10:05:11", "2026-11-23 11:00:00");
    }

    #[test]
    fn rates_of_before_are_asked_for_again_within_the_hour() {
        check("2026-11-22 11:00:00", "2026-11-21 10:05:11", "2026-11-22 12:00:00");
        check("2026-11-23 10:30:00", "2026-11-21 10:05:11", "2026-11-23 11:00:00");
        assert_eq!(ask_again_at(&[], at("2026-11-22 12:00:00")), at("2026-11-22 13:00:00"));
    }

    #[test]
    fn a_day_of_failures_is_less_than_a_hundred_questions() {
        let begin = at("2026-11-22 11:00:00");
        let (mut now, mut failures) = (begin, 0);
        while now.millis_since(begin) < DAY_MS {
            failures += 1;
            let next = retry_at(failures, now);
            assert!(next > now);
            now = next;
        }
        assert!(failures < 100, "{failures}");
        assert_eq!(retry_at(1, begin).millis_since(begin), RETRY_MS);
        assert_eq!(retry_at(u32::MAX, begin).millis_since(begin), 16 * RETRY_MS);
    }

    #[test]
    fn a_word_names_a_source() {
        assert_eq!(RateSource::from_word("wechat"), Some(RateSource::Wechat));
        assert_eq!(RateSource::from_word("Alipay"), None);
    }
}

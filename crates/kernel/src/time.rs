//! Time as an argument: milliseconds since 1970-01-01T00:00:00Z, shown in UTC+8 as every text of
//! the merchants' document and of the upstreams is.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::digits::push_padded;

/// Offset of every civil time that is shown or read here: UTC+8, without summer time.
const BEIJING: Offset = Offset::constant(8);

/// An instant, in milliseconds since the Unix epoch.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// `millis` milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// `seconds` whole seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant moved by `millis` milliseconds; saturates.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; negative if it lies before.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `yyyy-MM-dd HH:mm:ss` in UTC+8 (`created_at`, `finish_time`; Alipay's `timestamp`).
    pub fn beijing(self) -> String {
        let digits = self.compact();
        let mut text = String::with_capacity(19);
        for (at, digit) in digits.chars().enumerate() {
            match at {
                4 | 6 => text.push('-'),
                8 => text.push(' '),
                10 | 12 => text.push(':'),
                _ => {}
            }
            text.push(digit);
        }
        text
    }

    /// `yyyyMMddHHmmss` in UTC+8 (`time_end` of notifications, the middle of an `sn`).
    pub fn compact(self) -> String {
        let mut text = String::with_capacity(14);
        self.push_compact(&mut text);
        text
    }

    /// Appends [`Timestamp::compact`].
    pub(crate) fn push_compact(self, out: &mut String) {
        let at = self.civil();
        push_padded(out, u64::try_from(at.year()).unwrap_or(0), 4);
        for part in [at.month(), at.day(), at.hour(), at.minute(), at.second()] {
            push_padded(out, u64::try_from(part).unwrap_or(0), 2);
        }
    }

    /// RFC 3339 in UTC+8, whole seconds: `2026-11-22T12:00:05+08:00` (WeChat Pay v3).
    pub fn rfc3339(self) -> String {
        format!("{}+08:00", self.beijing().replace(' ', "T"))
    }

    /// `yyyy-MM-dd` in UTC+8: the business date that a ledger entry belongs to.
    pub fn business_date(self) -> String {
        self.beijing()[..10].to_owned()
    }

    /// Reads `yyyyMMddHHmmss` in UTC+8.
    pub fn from_compact(text: &str) -> Option<Self> {
        if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| text[from..to].parse::<i8>().ok();
        let year = text[..4].parse::<i16>().ok()?;
        let at = DateTime::new(
            year,
            part(4, 6)?,
            part(6, 8)?,
            part(8, 10)?,
            part(10, 12)?,
            part(12, 14)?,
            0,
        );
        Self::from_civil(at.ok()?)
    }

    /// Reads `yyyy-MM-dd HH:mm:ss` in UTC+8, with or without a fraction (Alipay's `gmt_…`).
    pub fn from_beijing(text: &str) -> Option<Self> {
        let whole = text.get(..19)?;
        let is_shaped = whole.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        if !is_shaped {
            return None;
        }
        let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        Self::from_compact(&digits)
    }

    /// Reads `yyyy-MM-dd`: the first second of that day in UTC+8.
    pub fn from_date(text: &str) -> Option<Self> {
        if text.len() == 10 { Self::from_beijing(&format!("{text} 00:00:00")) } else { None }
    }

    /// Reads RFC 3339 with any offset (WeChat Pay v3's `success_time`).
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    fn civil(self) -> DateTime {
        let clamped = self.0.clamp(0, 253_402_214_400_000);
        let at = jiff::Timestamp::from_millisecond(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        BEIJING.to_datetime(at)
    }

    fn from_civil(at: DateTime) -> Option<Self> {
        BEIJING.to_timestamp(at).ok().map(|at| Self(at.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_320_005);

    #[test]
    fn every_form_is_in_utc_plus_eight() {
        assert_eq!(NOON.beijing(), "2026-11-22 12:00:05");
        assert_eq!(NOON.compact(), "20261122120005");
        assert_eq!(NOON.rfc3339(), "2026-11-22T12:00:05+08:00");
        assert_eq!(NOON.business_date(), "2026-11-22");
    }

    #[test]
    fn every_form_is_read_back() {
        assert_eq!(Timestamp::from_compact("20261122120005"), Some(NOON));
        assert_eq!(Timestamp::from_beijing("2026-11-22 12:00:05"), Some(NOON));
        assert_eq!(Timestamp::from_beijing("2026-11-22 12:00:05.123"), Some(NOON));
        assert_eq!(Timestamp::from_rfc3339("2026-11-22T12:00:05+08:00"), Some(NOON));
        assert_eq!(Timestamp::from_rfc3339("2026-11-22T04:00:05Z"), Some(NOON));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2026112212000", "20261322120005", "20260230000000", "2026112224000a"] {
            assert_eq!(Timestamp::from_compact(text), None, "{text}");
        }
        assert_eq!(Timestamp::from_beijing("2026/11/22 12:00:05"), None);
        assert_eq!(Timestamp::from_rfc3339("yesterday"), None);
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(seconds in 0..253_402_214_400_i64) {
            let at = Timestamp::from_seconds(seconds);
            prop_assert_eq!(Timestamp::from_compact(&at.compact()), Some(at));
            prop_assert_eq!(Timestamp::from_beijing(&at.beijing()), Some(at));
        }
    }
}

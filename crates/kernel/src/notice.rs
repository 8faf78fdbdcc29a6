//! Notifications to merchants: what is told, and when it is tried again (contract section 7).

use crate::id::{AppId, Id, MchId};
use crate::scheme::Signing;
use crate::state::TradeState;
use crate::time::Timestamp;

/// Waits between attempts, in seconds: after the first failure 15 s, and so on. When they are used
/// up, the notice is parked.
pub const RETRY_SECONDS: [i64; 15] = [
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/// Each wait varies by up to this share, in thousandths, both ways.
pub const JITTER_PERMILLE: i64 = 100;

/// When to try again after attempt number `tries` (from 1) failed at `now`; `None` parks the
/// notice. `dice` is any number: it chooses the jitter.
pub fn next_try(tries: i64, now: Timestamp, dice: u32) -> Option<Timestamp> {
    let at = usize::try_from(tries.checked_sub(1)?).ok()?;
    let wait_ms = RETRY_SECONDS.get(at)? * 1000;
    let span = wait_ms * JITTER_PERMILLE / 1000;
    let offset = i64::from(dice) * (2 * span + 1) / (i64::from(u32::MAX) + 1) - span;
    Some(now.plus_millis(wait_ms + offset))
}

/// A notice of one event of one order: the row that makes sure the merchant hears of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Row id.
    pub id: Id,
    /// The merchant.
    pub mch_id: MchId,
    /// The application whose key signs it.
    pub app_id: AppId,
    /// The form that it is signed in.
    pub sign_form: Signing,
    /// The order.
    pub order_id: Id,
    /// The state that the order had reached.
    pub event: TradeState,
    /// Where it goes.
    pub url: String,
    /// The server that it goes to, as [`target`] names it.
    pub target: String,
    /// The event's facts as signed members without `nonce_str` and `sign`: a JSON object of
    /// strings and integers, written once with the event and never changed.
    pub facts: String,
    /// Where it stands.
    pub state: NoticeState,
    /// Attempts made.
    pub tries: i64,
    /// When it is due; while it is being delivered, when the lease on it ends.
    pub due_at: Timestamp,
}

/// The server behind a URL: scheme, host and port. Notices to one server wait for each other, and
/// for no other's. Empty for what is no URL.
pub fn target(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

/// Where a notice stands.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum NoticeState {
    /// Due at `due_at`.
    Waiting,
    /// The merchant acknowledged it.
    Delivered,
    /// All attempts are used up; it can be resent by hand.
    Parked,
}

impl NoticeState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Parked];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Parked => "parked",
        }
    }

    /// Reads [`NoticeState::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Whether what has come of an answer's body can still become an acknowledgement: more of it need
/// not be read otherwise.
pub fn may_acknowledge(status: u16, begun: &[u8]) -> bool {
    let said = begun.trim_ascii();
    let word = b"SUCCESS".get(..said.len());
    status == 200 && word.is_some_and(|word| said.eq_ignore_ascii_case(word))
}

/// Whether a merchant's answer acknowledges: HTTP 200 and `SUCCESS` in any case, trimmed.
pub fn is_acknowledged(status: u16, body: &[u8]) -> bool {
    status == 200 && body.trim_ascii().eq_ignore_ascii_case(b"SUCCESS")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_schedule_covers_a_day_and_then_parks() {
        let now = Timestamp::from_seconds(0);
        assert_eq!(next_try(0, now, 0), None);
        assert_eq!(next_try(16, now, 0), None);
        assert_eq!(RETRY_SECONDS.iter().sum::<i64>(), 24 * 3600 + 4 * 60);
    }

    #[test]
    fn success_in_any_case_with_space_around_acknowledges() {
        for body in ["SUCCESS", "success", " Success\r\n"] {
            assert!(is_acknowledged(200, body.as_bytes()), "{body:?}");
        }
        for (status, body) in [(500, "SUCCESS"), (200, "SUCCESS!"), (200, ""), (302, "success")] {
            assert!(!is_acknowledged(status, body.as_bytes()), "{status} {body:?}");
        }
    }

    #[test]
    fn a_body_is_read_while_it_can_become_an_acknowledgement() {
        for begun in ["", "  ", "\r\nsUc", "SUCCESS", "SUCCESS\n"] {
            assert!(may_acknowledge(200, begun.as_bytes()), "{begun:?}");
        }
        for (status, begun) in [(500, "SUC"), (200, "SUCCESS!"), (200, "<"), (200, "SU C")] {
            assert!(!may_acknowledge(status, begun.as_bytes()), "{status} {begun:?}");
        }
    }

    #[test]
    fn a_target_is_the_server_whatever_the_path() {
        let same =
            ["https://Shop.example/a", "https://shop.example:443/b?c", "https://shop.example"];
        for url in same {
            assert_eq!(target(url), "https://shop.example");
        }
        assert_eq!(target("http://shop.example:8080/"), "http://shop.example:8080");
        assert_eq!(target("no URL"), "");
    }

    proptest! {
        #[test]
        fn jitter_stays_within_ten_percent(tries in 1..=15_i64, dice in any::<u32>()) {
            let wait = RETRY_SECONDS[usize::try_from(tries - 1).unwrap()] * 1000;
            let at = next_try(tries, Timestamp::from_millis(0), dice).unwrap().millis();
            prop_assert!((wait * 9 / 10..=wait * 11 / 10).contains(&at));
        }
    }
}

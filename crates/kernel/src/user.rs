//! Users of a merchant, who log in with their e-mail (contract section 6), and how log-ins that fail
//! lock an e-mail. Whether an e-mail is anybody's must never be told by what a stranger is answered.

use crate::id::{Id, MchId};
use crate::time::Timestamp;

/// Users that a merchant can have at most.
pub const USERS_MAX: i64 = 1_000;
/// Characters of a name.
pub const NAME_CHARS_MAX: usize = 64;
/// Failures on end after which an e-mail is locked.
const FAILURES_FREE: i64 = 5;
/// How long the first lock lasts; each further failure doubles it.
const LOCK_MS: i64 = 5 * 60_000;
/// Doublings at most: no lock lasts longer than 80 minutes, so that nobody is locked out for good.
const LOCK_DOUBLINGS_MAX: i64 = 4;
/// Failures are forgotten so long after the last.
pub const FAILURES_KEPT_MS: i64 = 86_400_000;

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Row id.
    pub id: Id,
    /// Whose.
    pub mch_id: MchId,
    /// Under what they log in.
    pub email: Email,
    /// Their name.
    pub name: String,
    /// What they are.
    pub user_type: UserType,
    /// Where they work; 0 for users of the whole merchant.
    pub store_id: i64,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a user is: `type` of the API. It is told to whoever logs in, and is theirs to act on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum UserType {
    /// Of the whole merchant.
    Merchant,
    /// Of one store.
    Store,
    /// A cashier of one store.
    Cashier,
}

impl UserType {
    /// Every type with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Merchant, "merchant"), (Self::Store, "store"), (Self::Cashier, "cashier")];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(one, _)| *one == self).map_or("", |(_, word)| word)
    }

    /// Reads a word of [`UserType::ALL`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(one, _)| one)
    }

    /// Whether such a user works in one store.
    pub fn has_store(self) -> bool {
        match self {
            Self::Merchant => false,
            Self::Store | Self::Cashier => true,
        }
    }
}

/// An e-mail address in small letters: two spellings of one are one user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Email(String);

impl Email {
    /// Characters at most (RFC 5321).
    pub const LENGTH_MAX: usize = 254;
    /// Characters before the `@` at most.
    const LOCAL_MAX: usize = 64;

    /// Reads an address: `[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]` before the `@`, a name of two or more labels behind.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let is_local =
            |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_{|}~-".contains(&byte);
        let is_good = text.len() <= Self::LENGTH_MAX
            && (1..=Self::LOCAL_MAX).contains(&local.len())
            && local.bytes().all(is_local)
            && domain.contains('.')
            && domain.split('.').all(is_label);
        is_good.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(is_good)
}

/// What is known of log-ins that failed under one e-mail, whether it is anybody's or not.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Failures {
    /// How many on end.
    pub count: i64,
    /// Until when no log-in is looked at.
    pub locked_until: Timestamp,
    /// When the last was.
    pub failed_at: Timestamp,
}

impl Failures {
    /// How many minutes from `now` the e-mail stays locked, rounded up; `None` if it is not.
    pub fn minutes_locked(&self, now: Timestamp) -> Option<i64> {
        let left = self.locked_until.millis_since(now);
        (left > 0).then(|| (left + 59_999) / 60_000)
    }

    /// What is known once a log-in at `now` has failed too; `before` is what was.
    pub fn after(before: Option<Self>, now: Timestamp) -> Self {
        let is_forgotten = |one: &Self| now.millis_since(one.failed_at) >= FAILURES_KEPT_MS;
        let count = before.filter(|one| !is_forgotten(one)).map_or(0, |one| one.count) + 1;
        let doublings = (count - FAILURES_FREE).min(LOCK_DOUBLINGS_MAX);
        let lock_ms = if doublings < 0 { 0 } else { LOCK_MS << doublings };
        Self { count, locked_until: now.plus_millis(lock_ms), failed_at: now }
    }

    /// Whether this failure has locked the e-mail.
    pub fn has_locked(&self) -> bool {
        self.locked_until > self.failed_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_e_mail_is_kept_in_small_letters() {
        assert_eq!(
            Email::parse("Li.Lei+1@Shop-1.Example").unwrap().as_str(),
            "li.lei+1@shop-1.example"
        );
        let long = format!("{}@{}.cn", "a".repeat(64), "b".repeat(63));
        assert!(Email::parse(&long).is_some());
        for wrong in [
            "",
            "@",
            "a@",
            "@b.cn",
            "a@b",
            "a@b.",
            "a@.cn",
            "a b@c.cn",
            "a@b@c.cn",
            "李@b.cn",
            "a@聚宝.cn",
            "a@b_c.cn",
            "a@b.cn\n",
            " a@b.cn",
            "<a@b.cn>",
            "a\0@b.cn",
            "\"a\"@b.cn",
        ] {
            assert_eq!(Email::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Email::parse(&format!("a{long}")), None);
        assert_eq!(Email::parse(&format!("a@{}.cn", "b.".repeat(130))), None);
    }

    #[test]
    fn the_fifth_failure_locks_and_each_further_one_locks_for_longer() {
        let mut now = Timestamp::from_seconds(1_795_320_000);
        let mut known = None;
        let mut locks = Vec::new();
        for _ in 0..11 {
            let failures = Failures::after(known, now);
            locks.push(failures.minutes_locked(now).unwrap_or(0));
            assert_eq!(failures.has_locked(), failures.minutes_locked(now).is_some());
            now = failures.locked_until;
            assert_eq!(failures.minutes_locked(now), None);
            known = Some(failures);
        }
        assert_eq!(locks, [0, 0, 0, 0, 5, 10, 20, 40, 80, 80, 80]);
        let later = Failures::after(known, now.plus_millis(FAILURES_KEPT_MS));
        assert_eq!((later.count, later.has_locked()), (1, false));
    }

    #[test]
    fn a_lock_is_told_in_whole_minutes() {
        let now = Timestamp::from_seconds(1_795_320_000);
        let left = |millis| {
            let locked_until = now.plus_millis(millis);
            Failures { count: 5, locked_until, failed_at: now }.minutes_locked(now)
        };
        assert_eq!(
            [left(0), left(1), left(60_000), left(60_001)],
            [None, Some(1), Some(1), Some(2)]
        );
    }

    #[test]
    fn words_name_types() {
        for (one, word) in UserType::ALL {
            assert_eq!((UserType::from_word(word), one.word()), (Some(one), word));
        }
        assert_eq!(UserType::from_word("Cashier"), None);
    }
}

//! A merchant's application: who signs, with which key, under which settings.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, MchId};
use crate::secret::Secret;
use crate::time::Timestamp;

/// An application with its merchant, as a request meets it.
#[derive(Clone, Debug)]
pub struct Application {
    /// The merchant's number.
    pub mch_id: MchId,
    /// The application's number.
    pub app_id: AppId,
    /// The merchant's name, as payers see it.
    pub mch_name: String,
    /// False answers 4002.
    pub is_enabled: bool,
    /// The key that answers and notifications are signed with.
    pub key: Secret,
    /// An earlier key that requests may still be signed with, until the instant beside it.
    pub previous_key: Option<(Secret, Timestamp)>,
    /// Everything that can be set per application.
    pub settings: Settings,
}

impl Application {
    /// The keys that a request may be signed with at `now`, the current one first.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous_key.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.key).chain(previous.map(|(key, _)| key))
    }
}

/// Per-application settings: one typed record, kept as JSON. A new setting is one more member with
/// a default, and old rows stay readable.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Refuse every name that no operation knows.
    pub strict_names: bool,
    /// Accept exactly this set of names (beside `sign`); empty means any.
    pub pinned_names: Vec<String>,
    /// Demand `timestamp` and `nonce_str` on every call.
    pub replay_guard: bool,
    /// Permission to send `discount` above 0.
    pub may_discount: bool,
    /// How notifications are encoded.
    pub notice_format: NoticeFormat,
    /// Where notifications go when the order names no `notify_url`.
    pub notify_url: String,
    /// Also notify when an order is closed, has failed, was reversed or was refunded in full.
    pub notify_closed: bool,
    /// What becomes of money that arrives for an order already closed, failed or reversed.
    pub late_payment: LatePayment,
    /// Answer 200 with the standing order when an equal order is placed again.
    pub repeat_is_success: bool,
    /// The merchant is still building: its wrong signatures are explained to it, and it may cause events.
    /// Never for an application whose orders are paid with real money.
    pub sandbox: bool,
    /// It moved in: the platform before may hold orders of its merchant, which are asked for there as
    /// long as the operator has that configured.
    pub moved_in: bool,
}

/// Encoding of notifications (contract section 7).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeFormat {
    /// Form first, then alternating with JSON until something is acknowledged.
    #[default]
    Auto,
    /// Always `application/x-www-form-urlencoded`.
    Form,
    /// Always `application/json`.
    Json,
}

/// Policy for late money.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatePayment {
    /// Recorded and marked for refund; the order keeps its state.
    #[default]
    Refund,
    /// Recorded, and the order becomes SUCCESS.
    Honour,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_previous_key_counts_until_its_date() {
        let app = Application {
            mch_id: MchId(10_502_105_689_001),
            app_id: AppId(1_000_258),
            mch_name: "聚宝 Pay".into(),
            is_enabled: true,
            key: Secret::new("new"),
            previous_key: Some((Secret::new("old"), Timestamp::from_seconds(10))),
            settings: Settings::default(),
        };
        let keys = |seconds| {
            let at = Timestamp::from_seconds(seconds);
            app.keys_at(at).map(|key| key.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys(9), ["new", "old"]);
        assert_eq!(keys(10), ["new"]);
    }

    #[test]
    fn settings_of_an_older_row_are_readable() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>(r#"{"strict":true}"#).is_err());
    }
}

//! A merchant's application: who signs, with which key, under which settings.

use std::fmt;
use std::net::IpAddr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::egress_policy::Cidr;
use crate::id::{AppId, MchId};
use crate::rsa::{PrivateKey, PublicKey};
use crate::scheme::Scheme;
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
    /// Earlier keys that requests may still be signed with, each until the instant beside it.
    pub previous_keys: Vec<(Secret, Timestamp)>,
    /// The platform's RSA key, which answers to RSA2 are signed with; made when somebody first wants it.
    pub platform_key: Option<PrivateKey>,
    /// Everything that can be set per application.
    pub settings: Settings,
}

impl Application {
    /// The keys that a request may be signed with at `now`, the current one first.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous_keys.iter().filter(move |(_, until)| now < *until);
        std::iter::once(&self.key).chain(previous.map(|(key, _)| key))
    }
}

/// Per-application settings: one typed record, kept as JSON. A new setting is one more member with
/// a default, one more row of [`crate::setting::SETTINGS`], and old rows stay readable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether its requests are served; else they are answered 4002.
    pub enabled: bool,
    /// The ways in which its requests may be signed.
    pub schemes: Vec<Scheme>,
    /// The keys that its RSA2 signatures are verified with; two while one takes the other's place.
    pub rsa_public_keys: Vec<PublicKey>,
    /// Where its requests may come from; empty means anywhere.
    pub allowed_ips: Vec<Cidr>,
    /// Refuse every name that no operation knows.
    pub strict_names: Switch,
    /// Accept exactly this set of names (beside `sign`); empty means any.
    pub pinned_names: Vec<String>,
    /// Demand `timestamp` and `nonce_str` on every call.
    pub replay_guard: Switch,
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
    /// The hash of the password that every refund must carry (contract section 6); empty: none is asked for.
    pub refund_password: String,
    /// It moved in: the platform before may hold orders of its merchant, which are asked for there as
    /// long as the operator has that configured.
    pub moved_in: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            schemes: vec![Scheme::Md5],
            rsa_public_keys: Vec::new(),
            allowed_ips: Vec::new(),
            strict_names: Switch::Default,
            pinned_names: Vec::new(),
            replay_guard: Switch::Default,
            may_discount: false,
            notice_format: NoticeFormat::Auto,
            notify_url: String::new(),
            notify_closed: false,
            late_payment: LatePayment::Refund,
            repeat_is_success: false,
            sandbox: false,
            refund_password: String::new(),
            moved_in: false,
        }
    }
}

impl Settings {
    /// Whether unknown names are refused in a request signed so.
    pub fn is_strict(&self, scheme: Scheme) -> bool {
        self.strict_names.or(scheme.is_strong())
    }

    /// Whether a request signed so must be fresh and come once.
    pub fn is_guarded(&self, scheme: Scheme) -> bool {
        self.replay_guard.or(scheme.is_strong())
    }

    /// Whether a request may come from `ip`.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let holds = |range: &Cidr| range.canonical().contains(ip.to_canonical());
        self.allowed_ips.is_empty() || self.allowed_ips.iter().any(holds)
    }
}

/// A setting that is on, off, or as the contract has it by default: on for what is signed with
/// anything stronger than MD5.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Nobody has decided.
    #[default]
    Default,
    /// On, whatever the scheme.
    On,
    /// Off, whatever the scheme.
    Off,
}

impl Switch {
    fn or(self, default: bool) -> bool {
        match self {
            Self::Default => default,
            Self::On => true,
            Self::Off => false,
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    /// Reads what [`Serialize`] writes, and a boolean of older rows, whose `false` nobody had chosen.
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Switch;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("on, off, default or a boolean")
            }

            fn visit_bool<E: Error>(self, is_on: bool) -> Result<Switch, E> {
                Ok(if is_on { Switch::On } else { Switch::Default })
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Switch, E> {
                match word {
                    "default" => Ok(Switch::Default),
                    "on" => Ok(Switch::On),
                    "off" => Ok(Switch::Off),
                    _ => Err(E::invalid_type(Unexpected::Str(word), &self)),
                }
            }
        }
        reader.deserialize_any(Reader)
    }
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
            previous_keys: vec![
                (Secret::new("old"), Timestamp::from_seconds(10)),
                (Secret::new("older"), Timestamp::from_seconds(9)),
            ],
            platform_key: None,
            settings: Settings::default(),
        };
        let keys = |seconds| {
            let at = Timestamp::from_seconds(seconds);
            app.keys_at(at).map(|key| key.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys(8), ["new", "old", "older"]);
        assert_eq!(keys(9), ["new", "old"]);
        assert_eq!(keys(10), ["new"]);
    }

    #[test]
    fn settings_of_an_older_row_are_readable() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert!(serde_json::from_str::<Settings>(r#"{"strict":true}"#).is_err());
        let older = r#"{"strict_names":true,"replay_guard":false}"#;
        let older = serde_json::from_str::<Settings>(older).unwrap();
        assert_eq!((older.strict_names, older.replay_guard), (Switch::On, Switch::Default));
    }

    #[test]
    fn settings_are_read_back_as_they_were_written() {
        let settings = Settings {
            strict_names: Switch::Off,
            replay_guard: Switch::On,
            schemes: Scheme::ALL.to_vec(),
            allowed_ips: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            ..Settings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings, "{text}");
    }

    #[test]
    fn what_is_signed_more_strongly_than_md5_is_strict_and_guarded_unless_somebody_decided() {
        let settings = Settings::default();
        for scheme in Scheme::ALL {
            let is_strong = matches!(scheme, Scheme::HmacSha256 | Scheme::Rsa2);
            assert_eq!(settings.is_strict(scheme), is_strong, "{scheme:?}");
            assert_eq!(settings.is_guarded(scheme), is_strong, "{scheme:?}");
        }
        let settings = Settings { replay_guard: Switch::Off, ..settings };
        assert!(!settings.is_guarded(Scheme::Rsa2));
    }

    #[test]
    fn an_address_is_allowed_by_the_ranges_that_hold_it() {
        let ranges = ["203.0.113.0/24", "2001:db8::/32"].map(|range| range.parse().unwrap());
        let settings = Settings { allowed_ips: ranges.to_vec(), ..Settings::default() };
        for (ip, expect) in [
            ("203.0.113.7", true),
            ("203.0.114.1", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(settings.allows(ip.parse().unwrap()), expect, "{ip}");
        }
        assert!(Settings::default().allows("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_allowed_in_either_spelling_of_ipv4() {
        for (range, ip, expect) in [
            ("::ffff:203.0.113.7", "203.0.113.7", true),
            ("::ffff:203.0.113.7", "203.0.113.8", false),
            ("::ffff:203.0.113.0/120", "203.0.113.8", true),
            ("::ffff:203.0.113.0/120", "203.0.114.8", false),
            ("::ffff:0:0/96", "203.0.113.8", true),
            ("::ffff:0:0/95", "203.0.113.8", false),
            ("203.0.113.0/24", "::ffff:203.0.113.7", true),
            ("::/0", "203.0.113.7", false),
            ("0.0.0.0/0", "2001:db8::1", false),
        ] {
            let settings =
                Settings { allowed_ips: vec![range.parse().unwrap()], ..Settings::default() };
            assert_eq!(settings.allows(ip.parse().unwrap()), expect, "{range} {ip}");
        }
    }
}

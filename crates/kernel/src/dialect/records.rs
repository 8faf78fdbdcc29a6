//! `data` of log-in, users and rates (contract section 6): nested, and so not signed. The only secret that
//! it ever holds is the key that who has logged in is given.

use crate::application::Application;
use crate::call::UsersCall;
use crate::dialect::members::{self, Member, Members};
use crate::exchange_rate::Rate;
use crate::json;
use crate::user::User;

/// A user with the name of the store where they work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// The store's name; empty for users of the whole merchant.
    pub store_name: String,
}

impl UserRecord {
    /// The store's number as a text, which is empty where there is none.
    fn store_id(&self) -> String {
        if self.user.store_id == 0 { String::new() } else { self.user.store_id.to_string() }
    }

    fn members(&self) -> Members<'_> {
        let user = &self.user;
        let named: [(&'static str, Member<'_>); 8] = [
            ("id", user.id.0.into()),
            ("email", user.email.as_str().into()),
            ("name", user.name.as_str().into()),
            ("type", user.user_type.word().into()),
            ("store_id", self.store_id().into()),
            ("store_name", self.store_name.as_str().into()),
            ("create_time", user.created_at.seconds().into()),
            ("created_at", user.created_at.beijing().into()),
        ];
        named.into_iter().map(|(name, member)| (name.into(), member)).collect()
    }
}

/// What who has logged in is given: who they are, and what their program signs with.
pub fn logged_in(record: &UserRecord, app: &Application) -> String {
    let user = &record.user;
    let named: [(&'static str, Member<'_>); 7] = [
        ("appid", app.app_id.to_string().into()),
        ("mch_id", app.mch_id.to_string().into()),
        ("app_key", app.key.expose().into()),
        ("name", user.name.as_str().into()),
        ("type", user.user_type.word().into()),
        ("store_id", record.store_id().into()),
        ("store_name", record.store_name.as_str().into()),
    ];
    let members: Members<'_> =
        named.into_iter().map(|(name, member)| (name.into(), member)).collect();
    members::object(&members)
}

/// One user.
pub fn user(record: &UserRecord) -> String {
    members::object(&record.members())
}

/// A page of users; `total` is how many there are on all pages.
pub fn users(asked: UsersCall, total: i64, records: &[UserRecord]) -> String {
    let items: Vec<_> = records.iter().map(user).collect();
    let UsersCall { page, limit } = asked;
    let items = items.join(",");
    format!(r#"{{"page":{page},"limit":{limit},"total":{total},"items":[{items}]}}"#)
}

/// Rates by their currency.
pub fn rates(rates: &[Rate]) -> String {
    let mut out = String::from("{");
    for (at, rate) in rates.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        json::push_string(&mut out, &rate.currency);
        out.push(':');
        out.push_str(&members::object(&rate_members(rate)));
    }
    out.push('}');
    out
}

fn rate_members(rate: &Rate) -> Members<'_> {
    let released = rate.released_at.beijing();
    let (date, time) = released.split_at_checked(10).unwrap_or_default();
    vec![
        ("releaseDate".into(), date.to_owned().into()),
        ("releaseTime".into(), time.trim_start().to_owned().into()),
        ("currency".into(), rate.currency.as_str().into()),
        ("rate".into(), rate.rate.as_str().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Id, MchId};
    use crate::time::Timestamp;
    use crate::user::{Email, UserType};

    fn record(user_type: UserType, store_id: i64) -> UserRecord {
        let user = User {
            id: Id(7),
            mch_id: MchId(10_502_105_689_001),
            email: Email::parse("li@shop.example").unwrap(),
            name: "李\"雷".into(),
            user_type,
            store_id,
            created_at: Timestamp::from_seconds(1_795_320_005),
        };
        UserRecord { user, store_name: "聚宝一号店".into() }
    }

    #[test]
    fn rates_stand_under_their_currency() {
        let released_at = Timestamp::from_beijing("2020-12-21 10:05:11").unwrap();
        let rate = |currency: &str, rate: &str| Rate {
            currency: currency.into(),
            rate: rate.into(),
            released_at,
        };
        let text = rates(&[rate("GBP", "8.790200"), rate("HKD", "0.847370")]);
        assert_eq!(
            text,
            r#"{"GBP":{"releaseDate":"2020-12-21","releaseTime":"10:05:11","currency":"GBP","rate":"8.790200"},"#
                .to_owned()
                + r#""HKD":{"releaseDate":"2020-12-21","releaseTime":"10:05:11","currency":"HKD","rate":"0.847370"}}"#
        );
        assert_eq!(rates(&[]), "{}");
    }

    #[test]
    fn a_page_of_users_is_json_and_holds_no_password() {
        let asked = UsersCall { page: 2, limit: 1 };
        let text = users(asked, 2, &[record(UserType::Cashier, 9)]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["page"], &value["total"]), (&2.into(), &2.into()));
        assert_eq!(value["items"][0]["name"], "李\"雷");
        assert_eq!(value["items"][0]["store_id"], "9");
        assert!(!text.contains("password"));
        let value: serde_json::Value =
            serde_json::from_str(&user(&record(UserType::Merchant, 0))).unwrap();
        assert_eq!((&value["store_id"], &value["type"]), (&"".into(), &"merchant".into()));
    }
}

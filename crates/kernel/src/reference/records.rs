//! The members of `data` that is not signed: users, log-ins, exchange rates (contract section 6).
//! `dialect/records.rs` writes them; a test compares.

use crate::reference::answers::{MemberInfo, Part, int, text};

const RECORD: Part = Part::Record;

/// Members of a user.
pub static USER: &[MemberInfo] = &[
    int("id", RECORD, ["用户 id", "The user's id"]),
    text("email", RECORD, ["登录名，小写", "Log-in name, in small letters"]),
    text("name", RECORD, ["姓名", "Name"]),
    text("type", RECORD, ["merchant、store 或 cashier", "merchant, store or cashier"]),
    text("store_id", RECORD, ["门店号；merchant 用户为空", "Store; empty for type merchant"]),
    text("store_name", RECORD, ["门店名称", "Name of the store"]),
    int("create_time", RECORD, ["创建时间（Unix 秒）", "When created (Unix seconds)"]),
    text("created_at", RECORD, ["创建时间（UTC+8）", "When created (UTC+8)"]),
];

/// Members of what who has logged in is given.
pub static LOG_IN: &[MemberInfo] = &[
    text("appid", RECORD, ["应用号", "Your application"]),
    text("mch_id", RECORD, ["商户号", "Your merchant number"]),
    text("app_key", RECORD, ["签名密钥，请妥善保存", "The key to sign with; keep it safe"]),
    text("name", RECORD, ["姓名", "Name"]),
    text("type", RECORD, ["merchant、store 或 cashier", "merchant, store or cashier"]),
    text("store_id", RECORD, ["门店号；merchant 用户为空", "Store; empty for type merchant"]),
    text("store_name", RECORD, ["门店名称", "Name of the store"]),
];

/// Members of a rate, which stands under its currency.
pub static RATE: &[MemberInfo] = &[
    text("releaseDate", RECORD, ["发布日期（UTC+8）", "Day of release (UTC+8)"]),
    text("releaseTime", RECORD, ["发布时间（UTC+8）", "Time of release (UTC+8)"]),
    text("currency", RECORD, ["币种", "Currency"]),
    text("rate", RECORD, ["1 单位该币种折合人民币", "Renminbi for one unit of it"]),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::dialect::records::{self, UserRecord};
    use crate::exchange_rate::Rate;
    use crate::id::{Id, MchId};
    use crate::reference::answers::Kind;
    use crate::sign::tests::an_application;
    use crate::time::Timestamp;
    use crate::user::{Email, User, UserType};

    fn check(written: &Value, table: &[MemberInfo]) {
        let kind = |value: &Value| if value.is_i64() { Kind::Int } else { Kind::Text };
        let written: Vec<_> = written
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (&**name, kind(value)))
            .collect();
        let listed: Vec<_> = table.iter().map(|row| (row.name, row.kind)).collect();
        assert_eq!(written, listed);
    }

    #[test]
    fn the_tables_list_what_answers_carry_in_their_order() {
        let user = User {
            id: Id(1),
            mch_id: MchId(10_502_105_689_001),
            email: Email::parse("li@shop.example").unwrap(),
            name: "李雷".into(),
            user_type: UserType::Store,
            store_id: 1,
            created_at: Timestamp::from_seconds(1_795_320_005),
        };
        let record = UserRecord { user, store_name: "一号店".into() };
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        check(&read(records::user(&record)), USER);
        check(&read(records::logged_in(&record, &an_application())), LOG_IN);
        let released_at = Timestamp::from_seconds(1_795_320_005);
        let rate = Rate { currency: "HKD".into(), rate: "0.84".into(), released_at };
        check(&read(records::rates(&[rate]))["HKD"], RATE);
    }
}

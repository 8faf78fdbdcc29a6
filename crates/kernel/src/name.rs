//! The names of parameters (contract sections 2, 4 and 6): one table, with the form of each value
//! and the operations that act on it. Names of other operations are known too, and ignored.

use std::sync::LazyLock;

use crate::address::Operation;
use crate::unique_parse::{Lexicon, Rule};
use crate::value_form::ValueForm;

/// One row of [`NAMES`].
#[derive(Debug)]
pub struct NameInfo {
    /// The name.
    pub name: &'static str,
    /// The language of its value.
    pub form: ValueForm,
    used_by: Users,
    /// Which requirement it meets.
    pub role: Role,
}

/// Which operations read a name.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Users {
    Every,
    Place,
    /// Whatever names an order.
    Find,
    /// A query alone: an order whose number holds a name that only it knows can still be closed.
    Query,
    Refund,
    QueryRefund,
    /// Lists of orders and of refunds.
    List,
    ListOrders,
    ListRefunds,
    ListEvents,
    /// Whatever names a user by their e-mail.
    NameUser,
    /// Whatever is told a password.
    TellPassword,
    LogIn,
    CreateUser,
    UserList,
    RemoveUser,
    ChangePassword,
    FetchRates,
}

impl Users {
    /// Whether an operation of these users reads a row of `other`: a refund names its order too.
    fn read(self, other: Self) -> bool {
        let is_told = matches!(self, Self::LogIn | Self::CreateUser | Self::ChangePassword);
        match other {
            // Who logs in is known by nothing else, and does not sign.
            Self::Every => self != Self::LogIn,
            Self::Find => matches!(self, Self::Find | Self::Query | Self::Refund),
            Self::List => matches!(self, Self::ListOrders | Self::ListRefunds),
            Self::TellPassword => is_told,
            Self::NameUser => is_told || self == Self::RemoveUser,
            Self::Place
            | Self::Query
            | Self::Refund
            | Self::ListOrders
            | Self::ListRefunds
            | Self::ListEvents
            | Self::QueryRefund
            | Self::LogIn
            | Self::CreateUser
            | Self::UserList
            | Self::RemoveUser
            | Self::ChangePassword
            | Self::FetchRates => self == other,
        }
    }
}

/// Which requirement a name meets: an operation needs one name of each role that its names have.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// None.
    Optional,
    /// One of its own, which the unique parse does not count: it refuses a few more texts for that.
    Alone,
    /// `mch_id` or `appid`.
    Caller,
    /// `total_fee`.
    Amount,
    /// `pay_channel_id` or `payment`; or what names an order.
    Subject,
}

const fn row(name: &'static str, form: ValueForm, used_by: Users, role: Role) -> NameInfo {
    NameInfo { name, form, used_by, role }
}

/// Every name that the operations act on, or that is known everywhere, in signing order.
pub static NAMES: &[NameInfo] = &[
    row("adapter", ValueForm::RateSource, Users::FetchRates, Role::Subject),
    row("after", ValueForm::Cursor, Users::ListEvents, Role::Optional),
    row("appid", ValueForm::OwnApp, Users::Every, Role::Caller),
    row("attach", ValueForm::Echoed, Users::Place, Role::Optional),
    row("body", ValueForm::Echoed, Users::Place, Role::Optional),
    row("client_ip", ValueForm::IpList, Users::Every, Role::Optional),
    row("code", ValueForm::AuthCode, Users::Place, Role::Optional),
    row("customer_refund_no", ValueForm::TradeNo, Users::QueryRefund, Role::Subject),
    row("detail", ValueForm::Detail, Users::Place, Role::Optional),
    row("device_info", ValueForm::Text, Users::Every, Role::Optional),
    row("discount", ValueForm::Discount, Users::Place, Role::Optional),
    row("email", ValueForm::Email, Users::NameUser, Role::Subject),
    row("end_time", ValueForm::Date, Users::List, Role::Optional),
    row("h5_redirect_url", ValueForm::PageUrl, Users::Place, Role::Optional),
    row("limit", ValueForm::Limit, Users::List, Role::Optional),
    row("limit", ValueForm::Limit, Users::ListEvents, Role::Optional),
    row("limit", ValueForm::Limit, Users::UserList, Role::Optional),
    row("mch_id", ValueForm::OwnMch, Users::Every, Role::Caller),
    row("name", ValueForm::PersonName, Users::CreateUser, Role::Alone),
    row("nonce_str", ValueForm::Nonce, Users::Every, Role::Optional),
    row("notify_url", ValueForm::NotifyUrl, Users::Place, Role::Optional),
    row("openid", ValueForm::Token(128), Users::Every, Role::Optional),
    row("order_sn", ValueForm::Sn, Users::Find, Role::Subject),
    row("out_refund_no", ValueForm::TradeNo, Users::Refund, Role::Optional),
    row("out_refund_no", ValueForm::TradeNo, Users::QueryRefund, Role::Subject),
    row("out_trade_no", ValueForm::TradeNo, Users::Place, Role::Optional),
    row("out_trade_no", ValueForm::TradeNo, Users::Find, Role::Subject),
    row("out_trade_no", ValueForm::TradeNo, Users::List, Role::Optional),
    row("page", ValueForm::Page, Users::List, Role::Optional),
    row("page", ValueForm::Page, Users::UserList, Role::Optional),
    row("password", ValueForm::Password, Users::Refund, Role::Optional),
    row("password", ValueForm::Password, Users::TellPassword, Role::Alone),
    row("pay_channel_id", ValueForm::ChannelId, Users::Place, Role::Subject),
    row("payment", ValueForm::Payment, Users::Place, Role::Subject),
    row("provider", ValueForm::Provider, Users::Every, Role::Optional),
    row("refund_desc", ValueForm::Reason, Users::Refund, Role::Optional),
    row("refund_fee", ValueForm::Amount, Users::Refund, Role::Optional),
    row("refund_id", ValueForm::Token(64), Users::QueryRefund, Role::Subject),
    row("refund_status", ValueForm::RefundStatus, Users::ListRefunds, Role::Optional),
    row("return_url", ValueForm::PageUrl, Users::Place, Role::Optional),
    row("sign_type", ValueForm::SignType, Users::Every, Role::Optional),
    row("sn", ValueForm::Sn, Users::Find, Role::Subject),
    row("spbill_create_ip", ValueForm::Ip, Users::Place, Role::Optional),
    row("start_time", ValueForm::Date, Users::List, Role::Optional),
    row("store_id", ValueForm::StoreId, Users::List, Role::Optional),
    row("store_id", ValueForm::StoreId, Users::Place, Role::Optional),
    row("store_id", ValueForm::StoreId, Users::CreateUser, Role::Optional),
    row("sub_appid", ValueForm::Token(32), Users::Place, Role::Optional),
    row("sub_openid", ValueForm::Token(128), Users::Place, Role::Optional),
    row("subject", ValueForm::Text, Users::Every, Role::Optional),
    row("time_expire", ValueForm::Expiry, Users::Place, Role::Optional),
    row("timestamp", ValueForm::UnixTime, Users::Every, Role::Optional),
    row("total_fee", ValueForm::Amount, Users::Place, Role::Amount),
    row("trade_state", ValueForm::TradeState, Users::ListOrders, Role::Optional),
    row("transaction_id", ValueForm::Token(64), Users::Find, Role::Subject),
    row("type", ValueForm::UserType, Users::CreateUser, Role::Alone),
    row("types", ValueForm::EventTypes, Users::ListEvents, Role::Optional),
    row("unixtimestamp_end", ValueForm::UnixTime, Users::List, Role::Optional),
    row("unixtimestamp_start", ValueForm::UnixTime, Users::List, Role::Optional),
    row("version", ValueForm::Version, Users::Every, Role::Optional),
    row("wait", ValueForm::Wait, Users::Query, Role::Optional),
    row("wait", ValueForm::Wait, Users::ListEvents, Role::Optional),
    row("wallet", ValueForm::Wallet, Users::Place, Role::Optional),
];

/// Names that no operation acts on and that a strict application may send all the same.
const KNOWN_ELSEWHERE: &[&str] = &["sign"];

/// Whether some operation knows a name.
pub fn is_known(name: &str) -> bool {
    NAMES.iter().any(|row| row.name == name) || KNOWN_ELSEWHERE.contains(&name)
}

/// The names that one operation acts on, with what the unique parse needs of them.
#[derive(Debug)]
pub struct NameTable {
    /// Their rows, in signing order.
    pub rows: Vec<&'static NameInfo>,
    /// The same rows for the unique parse.
    pub lexicon: Lexicon,
}

impl NameTable {
    /// The table of an operation.
    pub fn of(operation: Operation) -> &'static Self {
        static PLACE: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::Place));
        static FIND: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::Find));
        static QUERY: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::Query));
        static REFUND: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::Refund));
        static QUERY_REFUND: LazyLock<NameTable> =
            LazyLock::new(|| NameTable::new(Users::QueryRefund));
        static ORDERS: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::ListOrders));
        static REFUNDS: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::ListRefunds));
        static EVENTS: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::ListEvents));
        static LOG_IN: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::LogIn));
        static CREATE_USER: LazyLock<NameTable> =
            LazyLock::new(|| NameTable::new(Users::CreateUser));
        static LIST_USERS: LazyLock<NameTable> = LazyLock::new(|| NameTable::new(Users::UserList));
        static REMOVE_USER: LazyLock<NameTable> =
            LazyLock::new(|| NameTable::new(Users::RemoveUser));
        static CHANGE_PASSWORD: LazyLock<NameTable> =
            LazyLock::new(|| NameTable::new(Users::ChangePassword));
        static FETCH_RATES: LazyLock<NameTable> =
            LazyLock::new(|| NameTable::new(Users::FetchRates));
        match operation {
            Operation::Place => &PLACE,
            Operation::Query => &QUERY,
            Operation::Close | Operation::Reverse => &FIND,
            Operation::Refund => &REFUND,
            Operation::QueryRefund => &QUERY_REFUND,
            Operation::ListOrders => &ORDERS,
            Operation::ListRefunds => &REFUNDS,
            Operation::ListEvents => &EVENTS,
            Operation::LogIn => &LOG_IN,
            Operation::CreateUser => &CREATE_USER,
            Operation::ListUsers => &LIST_USERS,
            Operation::RemoveUser => &REMOVE_USER,
            Operation::ChangePassword => &CHANGE_PASSWORD,
            Operation::FetchRates => &FETCH_RATES,
        }
    }

    fn new(users: Users) -> Self {
        let is_ours = |row: &&NameInfo| users.read(row.used_by);
        let rows = NAMES.iter().filter(is_ours).collect::<Vec<_>>();
        let rules = rows.iter().map(|row| Rule {
            name: row.name,
            is_free: matches!(row.name, "attach" | "body" | "detail"),
            is_ignored: row.form == ValueForm::Text,
            is_url: matches!(row.form, ValueForm::NotifyUrl | ValueForm::PageUrl),
            role: match row.role {
                Role::Optional | Role::Alone => 0,
                Role::Caller => 1,
                Role::Amount => 2,
                Role::Subject => 4,
            },
        });
        let lexicon = Lexicon::new(rules.collect());
        Self { rows, lexicon }
    }

    /// The row of a name that the operation acts on.
    pub fn row(&self, name: &str) -> Option<&'static NameInfo> {
        let at = self.rows.binary_search_by(|row| row.name.cmp(name)).ok()?;
        Some(self.rows[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_in_signing_order_and_no_name_begins_another() {
        for operation in Operation::ALL {
            let rows = &NameTable::of(operation).rows;
            for pair in rows.windows(2) {
                assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
                assert!(!pair[1].name.starts_with(pair[0].name), "{}", pair[1].name);
            }
        }
    }

    #[test]
    fn every_name_of_the_contract_is_known() {
        for name in ["sign", "sn", "out_refund_no", "total_fee", "limit", "unixtimestamp_end"] {
            assert!(is_known(name), "{name}");
        }
        assert!(!is_known("foo"));
        assert!(NameTable::of(Operation::Query).row("total_fee").is_none());
        assert!(NameTable::of(Operation::Place).row("total_fee").is_some());
    }
}

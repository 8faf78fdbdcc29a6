//! The settings of an account. What EasyLink has published nowhere (words, codes, paths, the formula
//! of the payer's page) is a setting, with the most likely value as its default.

use crate::{Account, RefusalKind, SettingInfo, SetupError};

pub(super) const BASE_URL: &str = "base_url";
pub(super) const PIN: &str = "pin";
pub(super) const SEC_PIN: &str = "sec_pin";
pub(super) const SECRET_KEY: &str = "secret_key";
pub(super) const CHANNEL: &str = "channel";
pub(super) const CURRENCIES: &str = "currencies";
pub(super) const LINK_SIGNED: &str = "link_signed";
pub(super) const EXTRA_FIELDS: &str = "extra_fields";
pub(super) const RESERVED_ECHO: &str = "reserved_echo";
pub(super) const ANSWER_KEY: &str = "answer_key";
pub(super) const QUERY_PATH: &str = "query_path";
pub(super) const QUERY_BY_ORDER_ID: &str = "query_by_order_id";
pub(super) const REFUND_PATH: &str = "refund_path";
pub(super) const REFUND_QUERY_PATH: &str = "refund_query_path";
pub(super) const STATUSES: &str = "statuses";
pub(super) const REFUND_STATUSES: &str = "refund_statuses";
pub(super) const CODES: &str = "codes";

const fn text(key: &'static str, default: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: false, default }
}

/// The settings, as help and docs show them.
pub(super) static SETTINGS: &[SettingInfo] = &[
    SettingInfo { is_required: true, ..text(PIN, "", "the merchant's number, pin") },
    SettingInfo {
        is_secret: true,
        ..text(SEC_PIN, "", "secPin, if the contract names one; sent and signed also when empty")
    },
    SettingInfo {
        is_secret: true,
        is_required: true,
        ..text(SECRET_KEY, "", "the secret that accessKey is made with")
    },
    text(CHANNEL, "43962300", "the contract's payment channel, channel"),
    text(
        CURRENCIES,
        "HKD",
        "currencies that this contract takes (HKD, CNY, AUD); an order's own is not told, so the \
         account's must be the contract's",
    ),
    text(BASE_URL, "https://apigw.gnete.com.hk/easyLinkApi", "address of the API"),
    text(
        LINK_SIGNED,
        "amount,currency,paymentInfoId",
        "members that the accessKey of the payer's page covers (of these three, pin, secPin, \
         channel); not published",
    ),
    text(EXTRA_FIELDS, "", "more members for Payment/Pay, unsigned, as a form: payMode=…&bankId=…"),
    text(
        RESERVED_ECHO,
        "1",
        "1: what is sent as merReserved comes back, signed, as reserved; 0: it does not, and every \
         notification is followed by a query",
    ),
    text(
        ANSWER_KEY,
        "present",
        "accessKey of answers: required, present (verified if there is one), off",
    ),
    text(QUERY_PATH, "/Payment/Query", "path of the query; not published; empty: there is none"),
    text(
        QUERY_BY_ORDER_ID,
        "1",
        "1: an order whose paymentId is not known is asked for by orderId; 0: it is not asked for",
    ),
    text(
        REFUND_PATH,
        "/Payment/Refund",
        "path of the refund; not published; empty: refunds are not supported",
    ),
    text(
        REFUND_QUERY_PATH,
        "/Payment/RefundQuery",
        "path of the refund's query; not published; empty: refunds are not supported, since none may \
         be asked for twice",
    ),
    text(
        STATUSES,
        "1=paid 0=unpaid pending=acting failed=failed expired=expired",
        "words of status with their meaning (paid, unpaid, acting, failed, expired); any other word \
         leaves the order in doubt",
    ),
    text(
        REFUND_STATUSES,
        "1=done 0=pending pending=pending failed=failed",
        "words of a refund's status with their meaning (done, pending, failed)",
    ),
    text(
        CODES,
        "00=ok 03=busy 04=busy 05=busy 37=busy 12=used 30=refused 32=not_supported 34=not_found \
         36=no_refund 39=too_late 45=nothing_left",
        "respCode with its meaning (ok, busy, not_found; of orders: used, refused, not_supported; \
         what only a refund is refused with: no_refund, too_late, nothing_left, balance_low): \
         UnionPay's, as EasyLink has published none",
    ),
];

/// Where a payment stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Paid,
    Unpaid,
    Acting,
    /// An attempt to pay failed; the payer may still try again.
    Failed,
    Expired,
}

/// Where a refund stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum RefundStanding {
    Done,
    Pending,
    Failed,
}

/// What a `respCode` says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Ok,
    Busy,
    NotFound,
    /// An order is refused so.
    Refused(RefusalKind),
    /// Only a refund is refused so, never a question about one.
    NoRefund(RefusalKind),
}

type Meanings<T> = &'static [(&'static str, T)];

const STANDINGS: Meanings<Standing> = &[
    ("paid", Standing::Paid),
    ("unpaid", Standing::Unpaid),
    ("acting", Standing::Acting),
    ("failed", Standing::Failed),
    ("expired", Standing::Expired),
];

const REFUND_STANDINGS: Meanings<RefundStanding> = &[
    ("done", RefundStanding::Done),
    ("pending", RefundStanding::Pending),
    ("failed", RefundStanding::Failed),
];

const CODE_MEANINGS: Meanings<Code> = &[
    ("ok", Code::Ok),
    ("busy", Code::Busy),
    ("not_found", Code::NotFound),
    ("used", Code::Refused(RefusalKind::NumberUsed)),
    ("refused", Code::Refused(RefusalKind::Business)),
    ("not_supported", Code::Refused(RefusalKind::NotSupported)),
    ("no_refund", Code::NoRefund(RefusalKind::Business)),
    ("too_late", Code::NoRefund(RefusalKind::TooLate)),
    ("nothing_left", Code::NoRefund(RefusalKind::NothingLeft)),
    ("balance_low", Code::NoRefund(RefusalKind::BalanceTooLow)),
];

/// What a payment's `status` means to this account.
pub(super) fn standing(account: &Account, word: &str) -> Option<Standing> {
    look_up(account.setting(STATUSES), word, STANDINGS)
}

/// What a refund's `status` means to this account.
pub(super) fn refund_standing(account: &Account, word: &str) -> Option<RefundStanding> {
    look_up(account.setting(REFUND_STATUSES), word, REFUND_STANDINGS)
}

/// What a `respCode` means to this account.
pub(super) fn code(account: &Account, word: &str) -> Option<Code> {
    look_up(account.setting(CODES), word, CODE_MEANINGS)
}

/// Whether a setting of two values is on.
pub(super) fn is_on(account: &Account, key: &str) -> bool {
    account.setting(key).trim() == "1"
}

/// The pieces of a list.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n']).filter(|part| !part.is_empty())
}

/// Judges the settings that are tables or switches, before anything is sent.
///
/// # Errors
/// The first that cannot be understood, by its name.
pub(super) fn check(account: &Account) -> Result<(), SetupError> {
    check_table(account, STATUSES, STANDINGS)?;
    check_table(account, REFUND_STATUSES, REFUND_STANDINGS)?;
    check_table(account, CODES, CODE_MEANINGS)?;
    for key in [RESERVED_ECHO, QUERY_BY_ORDER_ID] {
        if !matches!(account.setting(key).trim(), "0" | "1") {
            return Err(SetupError(format!("{key}: 0 or 1")));
        }
    }
    for key in [PIN, SECRET_KEY] {
        if account.setting(key).trim().is_empty() {
            return Err(SetupError(format!("{key}: empty")));
        }
    }
    match account.setting(ANSWER_KEY).trim() {
        "off" | "present" | "required" => Ok(()),
        _ => Err(SetupError(format!("{ANSWER_KEY}: required, present or off"))),
    }
}

fn check_table<T: Copy>(
    account: &Account,
    key: &str,
    meanings: Meanings<T>,
) -> Result<(), SetupError> {
    let table = account.setting(key);
    let is_known = |pair: &str| {
        let is_meaning = |meaning: &str| meanings.iter().any(|(name, _)| *name == meaning);
        pair.split_once('=').is_some_and(|(_, meaning)| is_meaning(meaning))
    };
    match list(table).find(|pair| !is_known(pair)) {
        None => Ok(()),
        Some(pair) => Err(SetupError(format!("{key}: {pair} has no known meaning"))),
    }
}

fn look_up<T: Copy>(table: &str, word: &str, meanings: Meanings<T>) -> Option<T> {
    let mut pairs = list(table).filter_map(|pair| pair.split_once('='));
    let (_, meaning) = pairs.find(|(key, _)| *key == word)?;
    meanings.iter().find(|(name, _)| *name == meaning).map(|(_, value)| *value)
}

//! The columns of an import: one table, from which the reader, the remarks and the reference are made,
//! and what a row means. A remark never repeats a key.

use gateway::move_in::{MovingApplication, changed_settings};
use kernel::application::Settings;
use kernel::egress_policy::judge_page;
use kernel::id::{AppId, MchId};
use kernel::ledger::RATE_PPM_MAX;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::{Map, Value};
use store::stores::Shop;

use super::{Cell, Cells, RawRow, Remark};

/// Characters of a merchant's or a store's name.
const NAME_CHARS_MAX: usize = 128;
/// Characters of a key.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 16..=128;
/// Characters of a notification address (contract section 4).
const URL_CHARS_MAX: usize = 512;

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name in the first line of a CSV, and a member's in JSON lines.
    pub name: &'static str,
    /// Whether every row has it.
    pub is_required: bool,
    /// What stands in it.
    pub help: &'static str,
}

const fn column(name: &'static str, is_required: bool, help: &'static str) -> Column {
    Column { name, is_required, help }
}

/// Every column.
pub static COLUMNS: &[Column] = &[
    column("mch_id", true, "the merchant's number, 14 digits; as text in a spreadsheet"),
    column("appid", true, "the application's number, 4 to 10 digits; a row for each application"),
    column("key", true, "its key, 16 to 128 visible ASCII characters"),
    column("name", false, "the merchant's name, as payers see it; required for a new merchant"),
    column("previous_key", false, "the key before, while requests may still be signed with it"),
    column(
        "previous_key_until",
        false,
        "until when: yyyy-MM-dd HH:mm:ss in UTC+8, or Unix seconds",
    ),
    column("fee_ppm", false, "the fee in millionths of the amount: 6000 is 0.6 %"),
    column("notify_url", false, "where notifications go when an order names no address"),
    column("stores", false, "NUMBER=NAME; several separated by ; — in JSON an object"),
    column("settings", false, "NAME=VALUE; several separated by ; — in JSON an object"),
    column(
        "default",
        false,
        "yes: stands for the merchant where only mch_id is sent; else the first row",
    ),
    column("enabled", false, "no: the merchant is not served"),
];

/// The column of that name.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    COLUMNS.iter().map(|column| column.name).find(|known| *known == name)
}

/// A row that was understood: an application with what it says of its merchant.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// The merchant's number.
    pub(crate) mch_id: MchId,
    /// The merchant's name.
    pub(crate) name: Option<String>,
    /// Its fee.
    pub(crate) fee_rate_ppm: Option<i64>,
    /// Whether it is served.
    pub(crate) is_enabled: Option<bool>,
    /// Its stores.
    pub(crate) shops: Vec<Shop>,
    /// The application.
    pub(crate) application: MovingApplication,
}

/// What a row means, or everything that is wrong with it; beside that the merchant that it names, if
/// it names one.
pub(crate) fn understand(raw: RawRow) -> (Option<MchId>, Result<Row, Vec<Remark>>) {
    let cells = match raw.cells {
        Ok(cells) => cells,
        Err(remark) => return (None, Err(vec![remark])),
    };
    let mut reader = Reader { line: raw.line, cells: &cells, remarks: Vec::new() };
    let mch_id = reader.required("mch_id", mch_id);
    let row = reader.row(mch_id);
    let remarks = reader.remarks;
    (mch_id, row.filter(|_| remarks.is_empty()).ok_or(remarks))
}

/// What is wrong with a cell, and what would do.
type Cure = String;

struct Reader<'a> {
    line: u64,
    cells: &'a Cells,
    remarks: Vec<Remark>,
}

impl Reader<'_> {
    /// `None` only together with a remark.
    fn row(&mut self, mch_id: Option<MchId>) -> Option<Row> {
        let app_id = self.required("appid", app_id);
        let key = self.required("key", key);
        let previous_key = self.optional("previous_key", key_of_before);
        let until = self.optional("previous_key_until", instant);
        if previous_key.is_some() != until.is_some() && self.remarks.is_empty() {
            self.remark("previous_key_until", "goes together with previous_key".into());
        }
        let settings = self.settings();
        let (name, fee_rate_ppm) = (self.optional("name", name), self.optional("fee_ppm", fee));
        let (shops, is_enabled) = (self.shops(), self.optional("enabled", yes_or_no));
        let is_default = self.optional("default", yes_or_no).unwrap_or(false);
        Some(Row {
            line: self.line,
            mch_id: mch_id?,
            name,
            fee_rate_ppm,
            is_enabled,
            shops,
            application: MovingApplication {
                app_id: app_id?,
                is_default,
                key: key?,
                previous: previous_key.zip(until),
                settings,
            },
        })
    }

    fn remark(&mut self, column: &str, text: String) {
        self.remarks.push(Remark { line: self.line, column: column.to_owned(), text });
    }

    fn required<T>(
        &mut self,
        column: &'static str,
        read: fn(&str) -> Result<T, Cure>,
    ) -> Option<T> {
        if !self.cells.contains_key(column) {
            self.remark(column, "is missing".into());
        }
        self.optional(column, read)
    }

    fn optional<T>(
        &mut self,
        column: &'static str,
        read: fn(&str) -> Result<T, Cure>,
    ) -> Option<T> {
        let read = match self.cells.get(column)? {
            Cell::Text(text) => read(text),
            Cell::Object(_) => Err("a text or a number".into()),
        };
        read.map_err(|cure| self.remark(column, cure)).ok()
    }

    /// Pairs of a cell: `a=b;c=d`, or the members of an object.
    fn pairs(&mut self, column: &'static str) -> Vec<(String, Value)> {
        match self.cells.get(column) {
            None => Vec::new(),
            Some(Cell::Object(members)) => members.clone().into_iter().collect(),
            Some(Cell::Text(text)) => {
                let mut pairs = Vec::new();
                for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
                    match part.split_once('=') {
                        Some((name, value)) => {
                            let value = value.trim().to_owned().into();
                            pairs.push((name.trim().to_owned(), value));
                        }
                        None => self.remark(column, "NAME=VALUE, separated by ;".into()),
                    }
                }
                pairs
            }
        }
    }

    fn shops(&mut self) -> Vec<Shop> {
        let mut shops: Vec<Shop> = Vec::new();
        for (number, value) in self.pairs("stores") {
            let store_id = number.parse().ok().filter(|id: &i64| (1..10_i64.pow(18)).contains(id));
            let named = name(value.as_str().unwrap_or_default());
            let (Some(store_id), Ok(name)) = (store_id, named) else {
                self.remark("stores", "NUMBER=NAME, the number from 1".into());
                continue;
            };
            if shops.iter().any(|shop| shop.store_id == store_id) {
                self.remark("stores", format!("{store_id} is there twice"));
            }
            shops.push(Shop { store_id, name });
        }
        shops
    }

    fn settings(&mut self) -> Map<String, Value> {
        let mut settings = Map::new();
        for (name, value) in self.pairs("settings") {
            if settings.insert(name.clone(), typed(&name, value)).is_some() {
                self.remark("settings", format!("{name} is there twice"));
            }
        }
        if let Some(url) = self.optional("notify_url", url)
            && settings.insert("notify_url".into(), url.into()).is_some()
        {
            self.remark("notify_url", "is among the settings as well".into());
        }
        if let Err(why) = changed_settings(&Settings::default(), &settings) {
            self.remark("settings", why);
        }
        settings
    }
}

/// A setting's text as the JSON that it is by default.
fn typed(name: &str, value: Value) -> Value {
    let Value::String(text) = value else { return value };
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    match &defaults[name] {
        Value::Bool(_) => yes_or_no(&text).map_or(Value::String(text), Value::Bool),
        Value::Number(_) => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(Value::from).collect()
        }
        Value::Null | Value::String(_) | Value::Object(_) => Value::String(text),
    }
}

fn mch_id(text: &str) -> Result<MchId, Cure> {
    MchId::parse(text).ok_or_else(|| number_cure(text, "14 digits that do not begin with 0"))
}

fn app_id(text: &str) -> Result<AppId, Cure> {
    AppId::parse(text).ok_or_else(|| number_cure(text, "4 to 10 digits, below 2147483648"))
}

/// What a number must be; of one that a spreadsheet has spoiled, how that is avoided.
fn number_cure(text: &str, rule: &str) -> Cure {
    if text.contains(['E', 'e', '.', '+']) {
        return format!("{rule}; the spreadsheet has rounded it: make the column a text column");
    }
    rule.to_owned()
}

fn key(text: &str) -> Result<Secret, Cure> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) && KEY_CHARS.contains(&text.len()) {
        return Ok(Secret::new(text));
    }
    Err("16 to 128 visible ASCII characters".into())
}

fn key_of_before(text: &str) -> Result<Secret, Cure> {
    key(text)
}

fn name(text: &str) -> Result<String, Cure> {
    let is_fine = !text.chars().any(char::is_control) && !text.trim().is_empty();
    if is_fine && text.chars().count() <= NAME_CHARS_MAX {
        return Ok(text.trim().to_owned());
    }
    Err(format!("1 to {NAME_CHARS_MAX} characters on one line"))
}

fn fee(text: &str) -> Result<i64, Cure> {
    let fee = text.parse().ok().filter(|fee| (0..=RATE_PPM_MAX).contains(fee));
    fee.ok_or_else(|| format!("0 to {RATE_PPM_MAX} millionths of the amount, without a point"))
}

fn url(text: &str) -> Result<String, Cure> {
    let is_fine = text.chars().count() <= URL_CHARS_MAX && judge_page(text).is_ok();
    let cure = || format!("an http(s) address of at most {URL_CHARS_MAX} characters");
    is_fine.then(|| text.to_owned()).ok_or_else(cure)
}

fn instant(text: &str) -> Result<Timestamp, Cure> {
    let seconds = text.parse::<i64>().ok().filter(|_| (9..=10).contains(&text.len()));
    let civil = || Timestamp::from_beijing(text).filter(|_| text.len() == 19);
    let at = seconds.map(Timestamp::from_seconds).or_else(civil);
    at.ok_or_else(|| "yyyy-MM-dd HH:mm:ss in UTC+8, or Unix seconds".into())
}

fn yes_or_no(text: &str) -> Result<bool, Cure> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err("yes or no".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0f3c5d7a9b1e2f4068ac13579bdf2468";

    fn understood(cells: &[(&'static str, &str)]) -> Result<Row, Vec<String>> {
        let base = [("mch_id", "10502105689001"), ("appid", "1000258"), ("key", KEY)];
        let all = base.iter().chain(cells).filter(|(_, text)| !text.is_empty());
        let cells = all.map(|(name, text)| (*name, Cell::Text((*text).to_owned()))).collect();
        let (_, row) = understand(RawRow { line: 7, cells: Ok(cells) });
        row.map_err(|remarks| {
            remarks.iter().map(|one| format!("{}: {}", one.column, one.text)).collect()
        })
    }

    #[test]
    fn a_row_says_an_application_and_its_merchant() {
        let row = understood(&[
            ("name", "聚宝茶行"),
            ("previous_key", "ffffffffffffffff0000000000000000"),
            ("previous_key_until", "2027-01-31 00:00:00"),
            ("fee_ppm", "6000"),
            ("stores", "1000342=一号店; 2=二号店"),
            ("settings", "late_payment=honour;pinned_names=a,b;notify_closed=yes"),
            ("notify_url", "https://tea.example/notify"),
            ("enabled", "no"),
        ])
        .unwrap();
        assert_eq!((row.line, row.fee_rate_ppm, row.is_enabled), (7, Some(6000), Some(false)));
        assert_eq!(row.shops[1], Shop { store_id: 2, name: "二号店".into() });
        let settings = changed_settings(&Settings::default(), &row.application.settings).unwrap();
        assert!(settings.notify_closed && settings.moved_in);
        assert_eq!(settings.pinned_names, ["a", "b"]);
        assert_eq!(settings.notify_url, "https://tea.example/notify");
        let (_, until) = row.application.previous.unwrap();
        assert_eq!(until.beijing(), "2027-01-31 00:00:00");
    }

    #[test]
    fn each_wrong_cell_is_named_with_its_cure_and_no_key_is_repeated() {
        for (column, text, says) in [
            ("mch_id", "1.0502E+13", "mch_id: 14 digits that do not begin with 0; the spreadsheet"),
            ("mch_id", "", "mch_id: is missing"),
            ("appid", "12", "appid: 4 to 10 digits"),
            ("key", "", "key: is missing"),
            ("key", "shortkey0123456", "key: 16 to 128 visible"),
            ("key", "a key with spaces in it", "key: 16 to 128 visible"),
            ("previous_key", "0123456789abcdef", "previous_key_until: goes together"),
            ("previous_key_until", "31.1.2027", "previous_key_until: yyyy-MM-dd"),
            ("name", "a\u{0}b", "name: 1 to 128 characters"),
            ("fee_ppm", "0.6", "fee_ppm: 0 to 1000000"),
            ("notify_url", "tea.example", "notify_url: an http(s) address"),
            ("stores", "x=y", "stores: NUMBER=NAME"),
            ("stores", "1=a;1=b", "stores: 1 is there twice"),
            ("settings", "late_payment", "settings: NAME=VALUE"),
            ("settings", "no_such=1", "settings: no_such is no setting; there are"),
            ("settings", "late_payment=maybe", "settings: unknown variant"),
            ("settings", "replay_guard=perhaps", "settings: "),
            ("enabled", "si", "enabled: yes or no"),
        ] {
            let base = [("mch_id", "10502105689001"), ("appid", "1000258"), ("key", KEY)];
            let mut cells: Cells =
                base.iter().map(|(name, text)| (*name, Cell::Text((*text).to_owned()))).collect();
            match text {
                "" => cells.remove(column),
                text => cells.insert(column, Cell::Text(text.to_owned())),
            };
            let (_, row) = understand(RawRow { line: 7, cells: Ok(cells) });
            let remarks = row.unwrap_err();
            let said = format!("{}: {}", remarks[0].column, remarks[0].text);
            assert!(said.starts_with(says), "{column} {text}: {said}");
            assert!(!format!("{remarks:?}").contains("shortkey"));
        }
    }
}

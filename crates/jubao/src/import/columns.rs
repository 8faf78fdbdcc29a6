//! The columns of an import: one table, from which the reader, the remarks and the reference are made,
//! and what a row means. A remark never repeats a key.

use gateway::move_in::{MovingApplication, changed_settings};
use kernel::application::Settings;
use kernel::egress_policy::judge_page;
use kernel::id::{AppId, MchId};
use kernel::ledger::RATE_PPM_MAX;
use kernel::secret::Secret;
use kernel::setting::DEFAULT;
use kernel::time::Timestamp;
use serde_json::Value;
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

    fn settings(&mut self) -> Vec<(String, String)> {
        let mut settings: Vec<(String, String)> = Vec::new();
        for (name, value) in self.pairs("settings") {
            if settings.iter().any(|(known, _)| *known == name) {
                self.remark("settings", format!("{name} is there twice"));
            }
            match written(&value) {
                Some(text) => settings.push((name, text)),
                None => self.remark("settings", format!("{name} is no text, switch or list")),
            }
        }
        if let Some(url) = self.optional("notify_url", url) {
            if settings.iter().any(|(known, _)| known == "notify_url") {
                self.remark("notify_url", "is among the settings as well".into());
            }
            settings.push(("notify_url".into(), url));
        }
        if let Err(why) = changed_settings(&Settings::default(), &settings) {
            self.remark("settings", why);
        }
        settings
    }
}

/// A setting's JSON as operators write it: what `jubao merchant set` reads.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(DEFAULT.to_owned()),
        Value::Bool(is_on) => Some(if *is_on { "on" } else { "off" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(entries) => {
            let texts = entries.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
            texts.map(|texts| texts.join(","))
        }
        Value::Object(_) => None,
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
#[path = "columns_tests.rs"]
mod tests;

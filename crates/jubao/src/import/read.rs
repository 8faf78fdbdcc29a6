//! From bytes to rows of named cells: encodings, CSV and JSON lines. What a cell means is judged
//! later; nothing that is said here repeats a cell.

use kernel::id::MchId;
use kernel::json::{self, JsonFault};
use serde_json::Value;

use super::columns::{self, COLUMNS};
use super::{Cell, Cells, RawRow, Remark};

/// What stands at the head of a file that says it is UTF-8.
const BOM: &str = "\u{feff}";
/// The same of UTF-16, which Excel calls Unicode text.
const BOMS_UTF16: [[u8; 2]; 2] = [[0xFF, 0xFE], [0xFE, 0xFF]];

/// The rows of a CSV whose first line names its columns.
///
/// # Errors
/// It is not UTF-8, or its first line is not as it must be.
pub(crate) fn csv(bytes: &[u8]) -> Result<Vec<RawRow>, String> {
    let text = text(bytes)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(_)) => return Err("line 1: no CSV".into()),
        None => return Err(format!("line 1: {}", needs_header())),
    };
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let columns = header_columns(&names)?;
    let (mut rows, mut lines) = (Vec::new(), Lines { text, at: 0, line: 1 });
    for record in records {
        // Only positions are in its message, but the reader has UTF-8 already and is flexible.
        let record = record.map_err(|_| "no CSV".to_owned())?;
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let text = record.iter().collect::<Vec<_>>().join(",");
        rows.push(row(line, csv_cells(&columns, &record, line), &text));
    }
    Ok(rows)
}

/// A row; of one whose cells cannot be read, every number in its text is taken for its merchant's.
fn row(line: u64, cells: Result<Cells, Remark>, text: &str) -> RawRow {
    let numbers = || text.split(|one: char| !one.is_ascii_digit()).filter_map(MchId::parse);
    let may_be_of = if cells.is_err() { numbers().collect() } else { Vec::new() };
    RawRow { line, cells, may_be_of }
}

/// Counts lines: the reader's own count leaves out blank lines before a record.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at a byte, or after the line ends that stand there.
    fn of(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut until = usize::try_from(byte).unwrap_or(bytes.len()).min(bytes.len());
        while matches!(bytes.get(until), Some(b'\r' | b'\n')) {
            until += 1;
        }
        let passed = bytes.get(self.at..until).unwrap_or_default();
        self.line += passed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.at = until;
        self.line
    }
}

fn header_columns(names: &[&str]) -> Result<Vec<&'static str>, String> {
    if let [only] = names
        && only.contains([';', '\t'])
    {
        return Err("line 1: columns are separated by commas".into());
    }
    let mut columns: Vec<&'static str> = Vec::new();
    for name in names {
        let column = columns::named(name)
            .ok_or_else(|| format!("line 1: there is no column {name}; {}", known()))?;
        if columns.contains(&column) {
            return Err(format!("line 1: column {name} is there twice"));
        }
        columns.push(column);
    }
    let missing = COLUMNS.iter().find(|one| one.is_required && !columns.contains(&one.name));
    match missing {
        Some(column) => Err(format!("line 1: column {} is missing; {}", column.name, known())),
        None => Ok(columns),
    }
}

fn csv_cells(
    columns: &[&'static str],
    record: &csv::StringRecord,
    line: u64,
) -> Result<Cells, Remark> {
    if record.len() != columns.len() {
        let text = format!(
            "{} cells where the first line names {} columns: a value with a comma stands in \"quotes\"",
            record.len(),
            columns.len()
        );
        return Err(Remark { line, column: String::new(), text });
    }
    let pairs = columns.iter().zip(record);
    let given = pairs.filter(|(_, cell)| !cell.trim().is_empty());
    Ok(given.map(|(column, cell)| (*column, Cell::Text(cell.trim().to_owned()))).collect())
}

/// The rows of JSON lines, whose members are named as the columns of a CSV.
///
/// # Errors
/// It is not UTF-8.
pub(crate) fn json_lines(bytes: &[u8]) -> Result<Vec<RawRow>, String> {
    let lines = (1..).zip(text(bytes)?.lines());
    let rows = lines.filter(|(_, line)| !line.trim().is_empty());
    Ok(rows.map(|(line, text)| row(line, json_cells(text, line), text)).collect())
}

fn json_cells(text: &str, line: u64) -> Result<Cells, Remark> {
    let remark = |column: &str, text: String| Remark { line, column: column.to_owned(), text };
    // This reader finds what the other one takes silently: a member that is there twice.
    json::object(text).map_err(|fault| remark("", json_words(fault).to_owned()))?;
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err(remark("", json_words(JsonFault::Syntax).to_owned()));
    };
    let mut cells = Cells::new();
    for (name, value) in members {
        let column = columns::named(&name)
            .ok_or_else(|| remark(&name, format!("there is no such member; {}", known())))?;
        let cell = match value {
            Value::Null => continue,
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => Cell::Text(text.trim().to_owned()),
            Value::Number(number) => Cell::Text(number.to_string()),
            Value::Bool(is) => Cell::Text(if is { "yes" } else { "no" }.to_owned()),
            Value::Object(members) => Cell::Object(members),
            Value::Array(_) => return Err(remark(column, "a list is nothing here".into())),
        };
        cells.insert(column, cell);
    }
    Ok(cells)
}

fn json_words(fault: JsonFault) -> &'static str {
    match fault {
        JsonFault::Syntax => "no JSON object; each line is one",
        JsonFault::DuplicateKey => "a member is there twice",
        JsonFault::TooDeep => "nested too deeply",
        JsonFault::LoneSurrogate => "half of a character is escaped",
    }
}

/// The file as text, without the mark at its head.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    if BOMS_UTF16.iter().any(|bom| bytes.starts_with(bom)) {
        return Err("it is UTF-16; save it as \"CSV UTF-8\" in Excel, or convert it with \
                    `iconv -f UTF-16 -t UTF-8`"
            .into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix(BOM).unwrap_or(text)),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(format!(
                "line {line}: not UTF-8, perhaps GBK as Excel writes it; save it as \"CSV UTF-8\" in \
                 Excel, or convert it with `iconv -f GBK -t UTF-8`"
            ))
        }
    }
}

fn needs_header() -> String {
    format!("the first line names the columns; {}", known())
}

fn known() -> String {
    let names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
    format!("there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(bytes: &[u8]) -> String {
        csv(bytes).unwrap_err()
    }

    #[test]
    fn a_csv_is_read_with_and_without_a_mark_and_with_quotes() {
        let plain = "mch_id,appid,key,name\r\n10502105689001,1000258,k,\"a, \"\"b\"\"\n聚\"\r\n";
        let marked = format!("{BOM}{plain}");
        let rows = csv(plain.as_bytes()).unwrap();
        assert_eq!(rows, csv(marked.as_bytes()).unwrap());
        assert_eq!(rows[0].line, 2);
        let cells = rows[0].cells.as_ref().unwrap();
        assert_eq!(cells["name"], Cell::Text("a, \"b\"\n聚".into()));
    }

    #[test]
    fn lines_are_counted_over_cells_that_span_them() {
        let text = "mch_id,appid,key\n1,2,\"a\nb\"\n\n3,4\n";
        let rows = csv(text.as_bytes()).unwrap();
        let lines: Vec<_> = rows.iter().map(|row| (row.line, row.cells.is_ok())).collect();
        assert_eq!(lines, [(2, true), (5, false)]);
    }

    #[test]
    fn what_excel_writes_by_default_is_refused_with_its_cure() {
        // 聚宝 in GBK.
        let gbk = b"mch_id,appid,key,name\n1,2,k,\xbe\xdb\xb1\xa6\n";
        assert!(why(gbk).starts_with("line 2: not UTF-8"), "{}", why(gbk));
        assert!(why(gbk).contains("iconv -f GBK -t UTF-8"));
        assert!(why(b"\xff\xfem\0").contains("iconv -f UTF-16"));
        assert!(why(b"mch_id;appid;key\n").contains("separated by commas"));
    }

    #[test]
    fn a_first_line_that_is_none_is_refused() {
        for (text, says) in [
            ("", "names the columns"),
            ("mch_id,appid\n", "column key is missing"),
            ("mch_id,appid,key,secret\n", "no column secret"),
            ("mch_id,appid,key,key\n", "twice"),
        ] {
            assert!(why(text.as_bytes()).contains(says), "{text}");
        }
    }

    #[test]
    fn json_lines_are_read_strictly() {
        let text = "{\"mch_id\":1,\"key\":\"k\",\"settings\":{\"strict_names\":true},\"name\":null}\n\
                    \n{\"key\":1,\"key\":2}\n[]\n{\"kay\":1}\n{\"name\":[1]}";
        let rows = json_lines(text.as_bytes()).unwrap();
        let cells = rows[0].cells.as_ref().unwrap();
        assert_eq!(cells["mch_id"], Cell::Text("1".into()));
        assert!(matches!(cells["settings"], Cell::Object(_)) && !cells.contains_key("name"));
        let words = |at: usize| {
            let remark = rows[at].cells.as_ref().unwrap_err();
            format!("{} {}: {}", remark.line, remark.column, remark.text)
        };
        assert_eq!(words(1), "3 : a member is there twice");
        assert_eq!(words(2), "4 : no JSON object; each line is one");
        assert!(words(3).starts_with("5 kay: there is no such member"));
        assert_eq!(words(4), "6 name: a list is nothing here");
    }
}

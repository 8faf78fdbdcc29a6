//! A table's rows in the order of its key, page by page, in words that both engines have.

use crate::Value;
use crate::db::Table;

/// Rows of a page.
pub(super) const PAGE: usize = 1_000;

/// The statement of a page: the first, or what is behind a key.
pub(super) fn sql(table: &Table, has_after: bool) -> String {
    let key = table.key.join(", ");
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let marks: Vec<String> = (1..=table.key.len()).map(|at| format!("${at}")).collect();
    let behind = match has_after {
        true => format!("where ({key}) > ({}) ", marks.join(", ")),
        false => String::new(),
    };
    let (columns, name) = (columns.join(", "), &table.name);
    format!("select {columns} from {name} {behind}order by {key} limit {PAGE}")
}

/// The key of a row.
pub(super) fn key_of(table: &Table, row: &[Value]) -> Vec<Value> {
    let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
    let cell = |at: usize| row.get(at).cloned();
    table.key.iter().filter_map(place).filter_map(cell).collect()
}

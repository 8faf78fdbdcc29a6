//! What is promised of every statement: it is written for both engines, its why stands beside it,
//! and it finds its rows by a key.

use std::fs;
use std::path::Path;

use super::TestStore;
use crate::db::MIGRATIONS;

/// What only SQLite understands, or understands in its own way.
const SQLITE_ONLY: [&str; 12] = [
    "integer",
    "autoincrement",
    "ifnull",
    "datetime(",
    "strftime",
    "replace into",
    "insert or",
    "rowid",
    "strict",
    "glob",
    "pragma",
    "?",
];

/// Lists for people and sums over everything: they read whole tables, and say so in their names.
const WHOLE_TABLES: [&str; 10] = [
    "nodes::TAKE_FREE",
    "sqlite_file::HAS_META",
    "sqlite_file::TABLES",
    "sqlite_file::COLUMNS",
    "merchants::LIST",
    "accounts::LIST",
    "applications::APP_IDS",
    "ledger::TOTALS",
    "sqlite::GUARDS",
    "schema::NUMBER_TWINS",
];

/// One end of a table or of an index, which SQLite calls a scan though it stops at once.
const ENDS: [&str; 7] = [
    "audit::HEAD",
    "audit::LATEST",
    "merchants::HIGHEST",
    "applications::HIGHEST",
    "sweeps::NEXT",
    "notices::NEXT",
    "strays::NOTICE_ATTEMPTS",
];

/// The few rows of one order or one merchant, sorted after they were found by key.
const SORTED: [&str; 4] =
    ["ledger::OF_ORDER", "notices::OF_ORDER", "accounts::USABLE_BY", "pages::NOTICES"];

struct Found {
    /// `module::NAME`.
    name: String,
    sql: String,
    has_why: bool,
}

/// Every const of the sources that is a statement.
fn statements() -> Vec<Found> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = [folder.clone(), folder.join("db"), folder.join("inspect")]
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut found = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|ext| ext == "rs")) {
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let (text, _) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
        for (at, _) in text.match_indices("const ") {
            let Some((name, rest)) = text[at + 6..].split_once(": &str =") else { continue };
            let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
            let (sql, _) = rest.split_once('"').unwrap();
            let is_statement = ["select ", "select\n", "insert ", "update ", "delete "]
                .iter()
                .any(|verb| sql.starts_with(verb));
            if is_statement && !name.contains('\n') {
                let line_before = text[..at].trim_end_matches("pub(crate) ").trim_end();
                let has_why = line_before.lines().last().unwrap().starts_with("///");
                found.push(Found { name: format!("{module}::{name}"), sql: sql.into(), has_why });
            }
        }
    }
    found.extend(crate::inspect::statements().map(|(name, sql)| Found {
        name,
        sql: sql.into(),
        has_why: true,
    }));
    assert!(found.len() > 45, "only {} statements were found", found.len());
    found
}

#[test]
fn every_statement_says_why_and_runs_on_both_engines() {
    for Found { name, sql, has_why } in statements() {
        assert!(has_why, "{name} does not say why");
        assert_eq!(sql, sql.to_lowercase(), "{name} is not lowercase");
        for word in SQLITE_ONLY {
            let is_of_files = name.starts_with("sqlite_file::");
            assert!(is_of_files || !sql.contains(word), "{name} has {word}");
        }
        assert!(!sql.contains("cast(") || sql.contains("as bigint)"), "{name}");
    }
}

#[test]
fn migrations_run_on_both_engines() {
    for text in MIGRATIONS {
        let sql =
            text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        assert_eq!(sql, sql.to_lowercase());
        for word in SQLITE_ONLY {
            assert!(!sql.contains(word), "a migration has {word}");
        }
        for table in sql.split(";\n").filter(|part| part.contains("create table")) {
            let mut columns = table.lines().filter(|line| line.starts_with("    "));
            let is_known = |line: &str| {
                let kinds = [" bigint", " text", "primary key (", "check ("];
                kinds.iter().any(|kind| line.contains(kind))
            };
            assert!(columns.all(is_known), "{table}");
            assert!(
                table.trim_end_matches(';').ends_with(")\n)"),
                "the primary key comes last: {table}"
            );
        }
    }
}

#[test]
fn values_are_numbered_from_one_without_a_gap() {
    for Found { name, sql, .. } in statements() {
        let number = |part: &str| {
            part.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
        };
        let mut used: Vec<usize> = sql.split('$').skip(1).map(number).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, (1..=used.len()).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn every_statement_is_understood_and_finds_its_rows_by_a_key() {
    let test = TestStore::new();
    let raw = test.raw();
    for Found { name, sql, .. } in statements() {
        let explained = format!("explain query plan {}", sql.replace('$', "?"));
        let mut plan = raw.prepare(&explained).unwrap_or_else(|error| panic!("{name}: {error}"));
        let count = plan.parameter_count();
        let nulls = rusqlite::params_from_iter(vec![rusqlite::types::Null; count]);
        let steps = plan.query_map(nulls, |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            let is_whole = WHOLE_TABLES.contains(&name.as_str()) || step == "SCAN CONSTANT ROW";
            let is_by_key = !step.starts_with("SCAN") || ENDS.contains(&name.as_str());
            let is_sorted = step.contains("TEMP B-TREE") && !SORTED.contains(&name.as_str());
            assert!(is_whole || is_by_key, "{name}: {step}");
            assert!(is_whole || !is_sorted, "{name}: {step}");
        }
    }
}

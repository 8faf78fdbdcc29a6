//! Rules for one file by itself: its length, how it opens, what may not be left in it, and that SQL
//! is spoken in one crate only.

use super::lex::{self, Views};
use super::{Finding, TextFile};

/// Lines from which a Rust file is asked to be split.
const LINES_WARN: usize = 400;
/// Lines that a Rust file may have.
const LINES_MAX: usize = 600;

/// Words that mark something as unfinished. Spelled in parts, so that this file passes itself.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Code that may not be left behind.
const LEFT_OVERS: [&str; 4] = ["#[ignore", "dbg!(", "todo!(", "unimplemented!("];

/// The folder of papers that the project was designed from; it is not part of the project.
const OUTSIDE: &str = concat!("../", "shared");

/// The one crate that speaks SQL, and the one that makes databases for its tests.
const SQL_HOMES: [&str; 2] = ["crates/store/", "crates/pgtest/"];

/// How SQL statements begin, and what follows in them.
const SQL: [(&str, &str); 7] = [
    ("select ", " from "),
    ("insert ", "into "),
    ("update ", " set "),
    ("delete ", "from "),
    ("create ", "table "),
    ("create ", "index "),
    ("with ", " as ("),
];

/// The rules for any text file.
pub fn check_text(file: &TextFile) -> Vec<Finding> {
    let is_rust = file.path.ends_with(".rs");
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let mut report = |what: String| findings.push(Finding::error(&file.path, number, what));
        if line.contains(OUTSIDE) {
            report(format!("refers to {OUTSIDE}, which is outside of the project"));
        }
        if let Some(word) = UNFINISHED.iter().find(|word| !is_rust && has_word(line, word)) {
            report(format!("{word}: finish it, or open an issue"));
        }
    }
    findings
}

/// The rules for a Rust file.
pub fn check_rust(file: &TextFile) -> Vec<Finding> {
    let views = lex::split(&file.text);
    let mut findings = Vec::from_iter(check_length(file));
    if !file.text.starts_with("//!") {
        findings.push(Finding::error(&file.path, 1, "does not open with //!: what it is for"));
    }
    findings.extend(check_left_overs(file, &views));
    if !SQL_HOMES.iter().any(|home| file.path.starts_with(home)) {
        findings.extend(check_sql(file, &views));
    }
    findings
}

fn check_length(file: &TextFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    let what = format!("{lines} lines: split it by meaning");
    if lines > LINES_MAX {
        Some(Finding::error(&file.path, lines, what))
    } else if lines > LINES_WARN {
        Some(Finding::warning(&file.path, lines, what))
    } else {
        None
    }
}

fn check_left_overs(file: &TextFile, views: &Views) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(views.comments.lines()) {
        for word in UNFINISHED.iter().filter(|word| has_word(line, word)) {
            let what = format!("{word}: finish it, or open an issue");
            findings.push(Finding::error(&file.path, number, what));
        }
    }
    for (number, line) in (1..).zip(views.code.lines()) {
        for left in LEFT_OVERS.iter().filter(|left| line.contains(*left)) {
            findings.push(Finding::error(&file.path, number, format!("{left} was left behind")));
        }
    }
    findings
}

fn check_sql(file: &TextFile, views: &Views) -> Vec<Finding> {
    let is_sql = |literal: &str| {
        let text = literal.trim_start_matches(['r', '#', '"']).trim_start().to_lowercase();
        SQL.iter()
            .any(|(verb, then)| text.starts_with(verb) && text[verb.len() - 1..].contains(then))
    };
    let spoken = views.strings.iter().filter(|(_, literal)| is_sql(literal));
    spoken
        .map(|(line, _)| Finding::error(&file.path, *line, "SQL outside of crates/store"))
        .collect()
}

/// Whether `word` stands in `line` by itself.
fn has_word(line: &str, word: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).is_some_and(|before| lex::is_word(bytes[before]));
        let after = bytes.get(at + word.len()).is_some_and(|byte| lex::is_word(*byte));
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::samples::{file, lines};

    fn rust(text: &str) -> Vec<Finding> {
        check_rust(&file("crates/gateway/src/a.rs", text))
    }

    #[test]
    fn a_sound_file_passes() {
        assert_eq!(rust("//! Head.\n\nfn f() -> &'static str { \"select a wallet\" }\n"), []);
    }

    #[test]
    fn a_long_file_is_warned_and_a_longer_one_fails() {
        let long = |count: usize| "//!\n".repeat(count);
        assert_eq!(rust(&long(LINES_WARN)), []);
        assert!(rust(&long(LINES_WARN + 1)).iter().all(|finding| !finding.is_error));
        assert_eq!(rust(&long(LINES_MAX + 1)).len(), 1);
        assert_eq!(lines(&rust(&long(LINES_MAX + 1))), [LINES_MAX + 1]);
    }

    #[test]
    fn a_module_without_a_head_fails() {
        assert_eq!(lines(&rust("use std::fmt;\n")), [1]);
    }

    #[test]
    fn left_overs_fail() {
        let unfinished = format!("//! Head.\n// {}: later\n", UNFINISHED[0]);
        assert_eq!(lines(&rust(&unfinished)), [2]);
        for left in ["#[ignore]", "dbg!(x);", "todo!()", "unimplemented!()"] {
            assert_eq!(lines(&rust(&format!("//! Head.\n{left}\n"))), [2], "{left}");
        }
        assert_eq!(rust("//! Head.\nlet s = \"dbg!(\";\n"), []);
        let script = format!("echo 1\n# {}\n", UNFINISHED[1]);
        assert_eq!(lines(&check_text(&file("a.sh", &script))), [2]);
    }

    #[test]
    fn a_way_out_of_the_project_fails() {
        let text = format!("# Title\nsee {OUTSIDE}/design\n");
        assert_eq!(lines(&check_text(&file("docs/A.md", &text))), [2]);
    }

    #[test]
    fn sql_outside_of_the_store_fails() {
        for sql in [
            "\"select id from orders\"",
            "\"insert into orders values (1)\"",
            "r#\"\n  UPDATE orders SET rev = 2\"#",
            "\"delete from orders\"",
            "\"create table x (id integer)\"",
            "\"with due as (select 1)\"",
        ] {
            let text = format!("//! Head.\nconst A: &str = {sql};\n");
            assert_eq!(lines(&rust(&text)), [2], "{sql}");
            assert_eq!(check_rust(&file("crates/store/src/a.rs", &text)), [], "{sql}");
        }
    }
}

//! The rule that the program's table of codes says what the merchants' document says: the same numbers,
//! with the same words, in the same order. English, causes and cures are our own.

use super::{Finding, TextFile};

/// The program's table.
pub const PROGRAM: &str = "crates/kernel/src/code.rs";
/// The document's, as it is printed.
pub const DOCUMENT: &str = "conformance/codes.md";
/// Rows that the document has.
const ROWS: usize = 39;

/// A row of a table: where, which number, which words.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    line: usize,
    code: String,
    words: String,
}

/// Compares the program's table with the document's.
pub fn check_codes(files: &[TextFile]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| &file.text);
    let (Some(ours), Some(theirs)) = (text(PROGRAM), text(DOCUMENT)) else {
        return vec![Finding::error(PROGRAM, 0, format!("cannot be compared with {DOCUMENT}"))];
    };
    compare(&of_program(ours), &of_document(theirs))
}

fn compare(ours: &[Row], theirs: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if theirs.len() != ROWS {
        let what = format!("has {} codes, the document has {ROWS}", theirs.len());
        findings.push(Finding::error(DOCUMENT, 0, what));
    }
    for at in 0..ours.len().max(theirs.len()) {
        let what = match (ours.get(at), theirs.get(at)) {
            (Some(our), Some(their)) if (&our.code, &our.words) == (&their.code, &their.words) => {
                continue;
            }
            (Some(_), Some(their)) => {
                format!("the document says {} {} here", their.code, their.words)
            }
            (Some(_), None) => "the document has no such code".to_owned(),
            (None, Some(their)) => format!("lacks {} {}", their.code, their.words),
            (None, None) => continue,
        };
        findings.push(Finding::error(PROGRAM, ours.get(at).map_or(0, |our| our.line), what));
    }
    findings
}

/// `row(40_101, ["订单已支付", …`, however it is broken into lines.
fn of_program(text: &str) -> Vec<Row> {
    let row = |(at, found): (usize, &str)| {
        let (code, rest) = text[at + found.len()..].split_once(',')?;
        let (words, _) = rest.trim_start().strip_prefix("[\"")?.split_once('"')?;
        let code = code.trim().replace('_', "");
        let line = text[..at].matches('\n').count() + 1;
        is_number(&code).then(|| Row { line, code, words: words.to_owned() })
    };
    text.match_indices("row(").filter_map(row).collect()
}

/// `40101|订单已支付|`.
fn of_document(text: &str) -> Vec<Row> {
    let row = |(line, text): (usize, &str)| {
        let mut cells = text.split('|').map(str::trim);
        let (code, words) = (cells.next()?, cells.next()?);
        is_number(code).then(|| Row { line, code: code.to_owned(), words: words.to_owned() })
    };
    (1..).zip(text.lines()).filter_map(row).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::samples::{file, lines};

    /// As many rows as the document has, from code 1.
    fn tables() -> (String, String) {
        let ours = (1..=ROWS)
            .map(|code| format!("    row({code}, [\"词{code}\", \"word\"], [\"\", \"\"]),\n"));
        let theirs = (1..=ROWS).map(|code| format!("{code} |词{code}|做什么\n"));
        (ours.collect(), format!("码|词|做\n--|--|--\n{}", theirs.collect::<String>()))
    }

    fn check(ours: &str, theirs: &str) -> Vec<Finding> {
        check_codes(&[file(PROGRAM, ours), file(DOCUMENT, theirs)])
    }

    #[test]
    fn a_table_that_says_what_the_document_says_passes() {
        let (ours, theirs) = tables();
        assert_eq!(check(&ours, &theirs), []);
        assert_eq!(check(&ours.replace("row(39, ", "row(\n3_9,\n"), &theirs), []);
    }

    #[test]
    fn another_number_other_words_and_another_order_fail_where_they_are() {
        let (ours, theirs) = tables();
        assert_eq!(lines(&check(&ours.replace("row(7,", "row(77,"), &theirs)), [7]);
        assert_eq!(lines(&check(&ours.replace("词7\"", "词\""), &theirs)), [7]);
        let swapped = ours.replace("row(7,", "row(0,").replace("row(8,", "row(7,");
        assert_eq!(lines(&check(&swapped, &theirs)), [7, 8]);
    }

    #[test]
    fn a_code_too_many_and_one_too_few_fail() {
        let (ours, theirs) = tables();
        let more = format!("{ours}    row(40, [\"词40\", \"word\"]),\n");
        assert_eq!(lines(&check(&more, &theirs)), [ROWS + 1]);
        let fewer = ours.replace("    row(39, [\"词39\", \"word\"], [\"\", \"\"]),\n", "");
        assert_eq!(lines(&check(&fewer, &theirs)), [0]);
        let cut = theirs.replace("39 |词39|做什么\n", "");
        let found = check(&fewer, &cut);
        assert_eq!((found.len(), found[0].path.as_str()), (1, DOCUMENT));
    }

    #[test]
    fn a_table_that_is_not_there_fails() {
        assert_eq!(lines(&check_codes(&[])), [0]);
    }
}

//! `cargo x docs`: docs/reference is written by the program from its own tables, so it cannot say
//! anything else. With `--check` nothing is changed, only compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::shell::{self, Fault};

/// Where the generated pages live.
const REFERENCE: &str = "docs/reference";
/// Where they are written for a comparison.
const FRESH: &str = "target/reference";

/// Writes the pages, or compares them.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    match arguments {
        [] => generate(REFERENCE),
        [flag] if flag == "--check" => check(),
        _ => Err(Fault("the only argument is --check".into())),
    }
}

fn generate(folder: &str) -> Result<(), Fault> {
    shell::jubao(&[], "docs", &["--out".to_owned(), folder.to_owned()])
}

fn check() -> Result<(), Fault> {
    let fresh = shell::root().join(FRESH);
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|cause| Fault(format!("{FRESH}: {cause}")))?;
    }
    generate(FRESH)?;
    let written = pages(&shell::root().join(REFERENCE))?;
    let made = pages(&fresh)?;
    match difference(&written, &made) {
        None => Ok(()),
        Some(name) => Err(Fault(format!("{REFERENCE}/{name} is out of date: run cargo x docs"))),
    }
}

/// The text of each file of a folder, by name.
fn pages(folder: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let fault = |cause: std::io::Error| Fault(format!("{}: {cause}", folder.display()));
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        pages.insert(name, fs::read_to_string(entry.path()).map_err(fault)?);
    }
    Ok(pages)
}

/// The first page that is missing on one side, or differs.
fn difference<'a>(
    written: &'a BTreeMap<String, String>,
    made: &'a BTreeMap<String, String>,
) -> Option<&'a str> {
    let mut names = written.keys().chain(made.keys());
    names.find(|name| written.get(*name) != made.get(*name)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(pages: &[(&str, &str)]) -> BTreeMap<String, String> {
        pages.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_page_that_differs_is_missing_or_left_over_is_named() {
        let fresh = folder(&[("cli.md", "1"), ("codes.md", "2")]);
        assert_eq!(difference(&fresh, &fresh), None);
        assert_eq!(difference(&folder(&[("cli.md", "1")]), &fresh), Some("codes.md"));
        let stale = folder(&[("cli.md", "0"), ("codes.md", "2")]);
        assert_eq!(difference(&stale, &fresh), Some("cli.md"));
        let left_over = folder(&[("cli.md", "1"), ("codes.md", "2"), ("old.md", "3")]);
        assert_eq!(difference(&left_over, &fresh), Some("old.md"));
    }
}

//! Rules for what may reach what: the crates' order, the pure crates' abstinence, and the reasons
//! that dependencies carry.

use super::lex;
use super::{Finding, TextFile};

/// Every crate with the crates of ours that it may name:
/// `jubao → web → gateway → {store, channels} → kernel`, and web cannot reach store.
const LAYERS: [(&str, &[&str]); 9] = [
    ("crates/kernel", &[]),
    ("crates/channels", &["kernel"]),
    ("crates/store", &["kernel"]),
    ("crates/gateway", &["kernel", "channels", "store"]),
    ("crates/web", &["kernel", "channels", "gateway"]),
    ("crates/jubao", &["kernel", "channels", "store", "gateway", "web"]),
    ("crates/pgtest", &[]),
    ("xtask", &["kernel"]),
    ("fuzz", &["kernel", "channels"]),
];

/// What only tests may reach, and whose (docs/decisions/0021).
const FOR_TESTS: (&str, [&str; 2]) = ("pgtest", ["crates/store", "crates/jubao"]);

/// The crates that do no I/O and never ask for time or randomness.
const PURE: [&str; 2] = ["crates/kernel/", "crates/channels/"];

/// Types that pure code may not name.
const TYPES: [&str; 7] =
    ["SystemTime", "Instant", "TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "File"];

/// Modules of std that pure code may not name.
const MODULES: [&str; 5] = ["std::fs", "std::env", "std::process", "std::thread", "std::io"];

/// Crates that pure code may not name.
const CRATES: [&str; 6] = ["tokio", "rand", "getrandom", "reqwest", "hyper", "rusqlite"];

/// How the current time is asked for, whatever the type.
const NOW: &str = "::now(";

/// Looks for the outside world in the pure crates.
pub fn check_purity(file: &TextFile) -> Vec<Finding> {
    let is_pure = PURE.iter().any(|folder| file.path.starts_with(folder));
    if !is_pure || is_test_file(&file.path) {
        return Vec::new();
    }
    let code = lex::without_tests(&lex::split(&file.text).code);
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        if let Some(name) = impurity(line) {
            let what = format!("{name} in a pure crate: let the caller pass it in");
            findings.push(Finding::error(&file.path, number, what));
        }
    }
    findings
}

/// The first thing of the outside world that a line of code names.
fn impurity(line: &str) -> Option<&'static str> {
    let types = TYPES.into_iter().filter(|name| has_name(line, name));
    let modules =
        MODULES.into_iter().filter(|name| has_name(line, name) || has_in_group(line, name));
    let crates = CRATES.into_iter().filter(|name| has_crate(line, name));
    let now = line.contains(NOW).then_some(NOW);
    types.chain(modules).chain(crates).chain(now).next()
}

/// Whether a file holds nothing but tests.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// Whether a line has `name` by itself: `Instant`, but not `InstantNotice`.
fn has_name(line: &str, name: &str) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| lex::is_word(*byte));
    let bytes = line.as_bytes();
    line.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !is_word(before) && !is_word(bytes.get(at + name.len()))
    })
}

/// Whether a line's path begins with the crate `name`: `rand::random()`, but not
/// `aws_lc_rs::rand::SystemRandom`.
fn has_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| line.as_bytes().get(before));
        !before.is_some_and(|byte| lex::is_word(*byte) || *byte == b':')
    })
}

/// Whether a line imports `path` of std from a group: `use std::{fmt, fs};`.
fn has_in_group(line: &str, path: &str) -> bool {
    let Some(module) = path.strip_prefix("std::") else { return false };
    let Some((_, group)) = line.split_once("std::{") else { return false };
    group.split([',', '{', '}', ';']).any(|part| part.trim().split("::").next() == Some(module))
}

/// Judges a crate's or the workspace's Cargo.toml.
pub fn check_manifest(file: &TextFile) -> Vec<Finding> {
    if file.path == "Cargo.toml" {
        return check_reasons(file);
    }
    let folder = file.path.trim_end_matches("/Cargo.toml");
    let Some((_, allowed)) = LAYERS.iter().find(|(known, _)| *known == folder) else {
        let what = "a crate that docs/ARCHITECTURE.md does not know: it needs a decision record";
        return vec![Finding::error(&file.path, 1, what)];
    };
    // The fuzz targets are a workspace of their own, with versions of their own.
    let mut findings = check_reasons(file);
    for (number, section, line) in sectioned(&file.text) {
        let is_named_here = section == "workspace.dependencies";
        if is_named_here || !section.ends_with("dependencies") || !line.contains('=') {
            continue;
        }
        let name = name_of(line);
        let is_ours = LAYERS.iter().any(|(folder, _)| folder.trim_start_matches("crates/") == name);
        if is_ours && !allowed.contains(&name) && !is_for_tests(folder, section, name) {
            let what = format!("{folder} may not reach {name}");
            findings.push(Finding::error(&file.path, number, what));
        }
        if PURE.contains(&format!("{folder}/").as_str()) && CRATES.contains(&name) {
            findings.push(Finding::error(&file.path, number, format!("{name} in a pure crate")));
        }
        if !line.contains("workspace = true") {
            let what = format!("{name}: versions are named in the workspace's Cargo.toml only");
            findings.push(Finding::error(&file.path, number, what));
        }
    }
    findings
}

/// Whether tests alone reach what only they may.
fn is_for_tests(folder: &str, section: &str, name: &str) -> bool {
    let (crate_for_tests, folders) = FOR_TESTS;
    section == "dev-dependencies" && name == crate_for_tests && folders.contains(&folder)
}

/// Every group of dependencies of the workspace says in a comment why it is there.
fn check_reasons(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut has_reason = false;
    for (number, section, line) in sectioned(&file.text) {
        if section != "workspace.dependencies" || line.is_empty() || line.starts_with('[') {
            has_reason = false;
        } else if line.starts_with('#') {
            has_reason = true;
        } else if line.contains('=') && !line.contains("path = ") && !has_reason {
            let what = format!("{}: no comment says why it is there", name_of(line));
            findings.push(Finding::error(&file.path, number, what));
        }
    }
    findings
}

/// The lines of a TOML file with their numbers and the section they are in.
fn sectioned(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut section = "";
    (1..).zip(text.lines()).map(move |(number, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name;
        }
        (number, section, line)
    })
}

/// The name before the first `.`, `=` or space of a dependency's line.
fn name_of(line: &str) -> &str {
    line.split(['.', '=', ' ']).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::samples::{file, lines};

    fn purity(text: &str) -> Vec<usize> {
        lines(&check_purity(&file("crates/channels/src/a.rs", text)))
    }

    #[test]
    fn pure_crates_may_not_reach_the_outside_world() {
        for line in [
            "use std::time::SystemTime;",
            "let begun = Instant::now();",
            "let day = jiff::Zoned::now();",
            "use std::net::{IpAddr, TcpStream};",
            "std::fs::read(path)",
            "use std::{fmt, fs};",
            "use tokio::sync::Mutex;",
            "let n: u8 = rand::random();",
            "getrandom::fill(&mut bytes);",
            "std::env::var(name)",
        ] {
            assert_eq!(purity(&format!("//! Head.\n{line}\n")), [2], "{line}");
        }
    }

    #[test]
    fn names_that_only_look_alike_pass() {
        for line in [
            "use aws_lc_rs::rand::SystemRandom;",
            "// std::fs would be wrong here",
            "let text = \"tokio::spawn\";",
            "use std::net::IpAddr;",
            "struct InstantNotice;",
            "let operand = brand(x);",
        ] {
            assert_eq!(purity(&format!("//! Head.\n{line}\n")), [0; 0], "{line}");
        }
    }

    #[test]
    fn tests_and_other_crates_may() {
        assert_eq!(purity("//! Head.\n#[cfg(test)]\nmod tests { use std::fs; }\n"), [0; 0]);
        let elsewhere = file("crates/gateway/src/a.rs", "use std::fs;\n");
        assert_eq!(check_purity(&elsewhere), []);
        let tests = file("crates/channels/src/alipay/tests.rs", "use std::fs;\n");
        assert_eq!(check_purity(&tests), []);
    }

    #[test]
    fn a_crate_that_reaches_up_or_past_its_layer_fails() {
        let manifest = |folder: &str, line: &str| {
            let text = format!("[package]\nname = \"x\"\n[dependencies]\n{line}\n");
            lines(&check_manifest(&file(&format!("{folder}/Cargo.toml"), &text)))
        };
        assert_eq!(manifest("crates/web", "gateway.workspace = true"), [0; 0]);
        assert_eq!(manifest("crates/web", "store.workspace = true"), [4]);
        assert_eq!(manifest("crates/kernel", "channels.workspace = true"), [4]);
        assert_eq!(manifest("crates/store", "gateway = { workspace = true }"), [4]);
        assert_eq!(manifest("crates/channels", "tokio.workspace = true"), [4]);
        assert_eq!(manifest("crates/gateway", "url = \"2\""), [4]);
        assert_eq!(manifest("crates/seventh", "kernel.workspace = true"), [1]);
    }

    #[test]
    fn what_is_for_tests_is_a_dependency_of_tests_alone() {
        let manifest = |folder: &str, section: &str| {
            let text = format!("[{section}]\npgtest.workspace = true\n");
            lines(&check_manifest(&file(&format!("{folder}/Cargo.toml"), &text)))
        };
        assert_eq!(manifest("crates/store", "dev-dependencies"), [0; 0]);
        assert_eq!(manifest("crates/store", "dependencies"), [2]);
        assert_eq!(manifest("crates/gateway", "dev-dependencies"), [2]);
    }

    #[test]
    fn a_dependency_without_a_reason_fails() {
        let text = "[workspace.dependencies]\nkernel = { path = \"crates/kernel\" }\n\n# Why.\n\
                    url = \"2\"\nhttp = \"1\"\n\nbytes = \"1\"\n";
        assert_eq!(lines(&check_manifest(&file("Cargo.toml", text))), [8]);
    }
}

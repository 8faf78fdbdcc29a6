//! `cargo x tidy`: the rules of docs/STYLE.md and docs/ARCHITECTURE.md that a machine can check and
//! that rustfmt and clippy do not. Each rule is a pure function from text to findings, with a
//! broken sample in its tests; this file only collects the texts.

mod codes;
mod layers;
mod lex;
mod papers;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Fault};

/// A text file of the repository.
pub struct TextFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What a rule found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Where.
    pub path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// Whether it fails the run.
    pub is_error: bool,
}

impl Finding {
    fn error(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), is_error: true }
    }

    fn warning(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(path, line, what) }
    }
}

/// Endings of the names of files that are read.
const ENDINGS: [&str; 15] = [
    ".rs", ".toml", ".md", ".mjs", ".js", ".css", ".json", ".php", ".py", ".sh", ".sql", ".java",
    ".go", "/test", "/run",
];

/// Checks every file that git knows or would add.
pub fn run(_: &[String]) -> Result<(), Fault> {
    let files = files()?;
    let findings = judge(&files);
    for finding in &findings {
        let word = if finding.is_error { "error" } else { "warning" };
        println!("{word}: {}:{}: {}", finding.path, finding.line, finding.what);
    }
    match findings.iter().filter(|finding| finding.is_error).count() {
        0 => Ok(()),
        errors => Err(Fault(format!("{errors} errors in {} files", files.len()))),
    }
}

/// All rules over all files.
fn judge(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(source::check_text(file));
        if file.path.ends_with(".rs") {
            findings.extend(source::check_rust(file));
            findings.extend(layers::check_purity(file));
        }
        if file.path.ends_with("Cargo.toml") {
            findings.extend(layers::check_manifest(file));
        }
        if file.path.ends_with(".md") {
            findings.extend(papers::check_links(file, &|path| shell::root().join(path).exists()));
        }
        if file.path.ends_with("package-lock.json") {
            findings.extend(papers::check_lock(file));
        }
    }
    findings.extend(papers::check_changelog(files));
    findings.extend(papers::check_decisions(files));
    findings.extend(codes::check_codes(files));
    findings
}

fn files() -> Result<Vec<TextFile>, Fault> {
    let mut command = Command::new("git");
    command.current_dir(shell::root());
    command.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let output = command.output().map_err(|cause| Fault(format!("git did not run: {cause}")))?;
    if !output.status.success() {
        return Err(Fault(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_read = |name: &&str| ENDINGS.iter().any(|end| format!("/{name}").ends_with(end));
    let paths = names.split('\0').filter(is_read).map(|name| (name, shell::root().join(name)));
    let read = |(name, path): (&str, PathBuf)| read(name, &path);
    paths.filter(|(_, path)| path.is_file()).map(read).collect()
}

fn read(name: &str, path: &Path) -> Result<TextFile, Fault> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|cause| Fault(format!("{name}: {cause}")))?;
    Ok(TextFile { path: name.to_owned(), text })
}

/// What the rules' tests share.
#[cfg(test)]
pub mod samples {
    use super::*;

    /// A file of the repository with this text.
    pub fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines of the errors.
    pub fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().filter(|finding| finding.is_error).map(|finding| finding.line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_wired_up() {
        let broken = [
            samples::file("crates/kernel/src/a.rs", "use std::fs;\n"),
            samples::file("crates/kernel/Cargo.toml", "[dependencies]\nstore.workspace = true\n"),
            samples::file("docs/A.md", "[gone](no/such/file.md)\n"),
            samples::file("docs/decisions/0002-first.md", "# 2. First\n"),
            samples::file("e2e/package-lock.json", "\"resolved\": \"https://host\"\n"),
            samples::file("a.sh", "# FIX\u{4d}E\n"),
        ];
        let found = judge(&broken);
        for file in &broken {
            assert!(found.iter().any(|finding| finding.path == file.path), "{}", file.path);
        }
        for path in [papers::CHANGELOG, codes::PROGRAM] {
            assert!(found.iter().any(|finding| finding.path == path), "{path}");
        }
    }
}

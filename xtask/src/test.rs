//! `cargo x test`: every Rust test, then the browser's journeys. A test that was skipped fails the
//! run: nobody reads the line that says so.

use std::process::Command;

use crate::shell::{self, Fault};

/// Runs the tests. Arguments go to `cargo test`.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    shell::cargo("build", &["--quiet", "--locked", "--package", "jubao"])?;
    let mut skipped = 0;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--workspace", "--locked"]).args(arguments);
    shell::run_watched("cargo test", command, |line| skipped += skipped_in(line))?;
    if skipped > 0 {
        return Err(Fault(format!("{skipped} tests were skipped")));
    }
    let mut journeys = Command::new("node");
    journeys.arg("e2e/run.mjs");
    shell::run("browser journeys", journeys)
}

/// How many tests a line like `test result: ok. 3 passed; 0 failed; 1 ignored; …` says were skipped.
fn skipped_in(line: &str) -> u64 {
    let Some(result) = line.strip_prefix("test result:") else { return 0 };
    let count = |part: &str| part.trim().strip_suffix(" ignored")?.parse().ok();
    result.split(';').find_map(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_counted() {
        let line = "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out";
        assert_eq!(skipped_in(line), 2);
        assert_eq!(skipped_in(&line.replace("2 ignored", "0 ignored")), 0);
        assert_eq!(skipped_in("2 ignored; a test's own output"), 0);
    }
}

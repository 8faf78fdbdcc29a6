//! `cargo x test`: every Rust test, then the browser's journeys, then a search for secrets in what all
//! of them have logged. A test that was skipped fails the run: nobody reads the line that says so.

use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::{fs, thread};

use crate::shell::{self, Fault};

/// Where tests write down what was logged and answered, and which secrets must not be in it.
const RECORDS: &str = "target/test-records";
/// What tells them that it is there, and empty.
const RECORDS_VARIABLE: &str = "JUBAO_TEST_RECORDS";
/// What tells the search that everything is there.
const LAST_VARIABLE: &str = "JUBAO_TEST_RECORDS_LAST";
/// The test that searches the records.
const SEARCH: &str = "leaks::nothing_that_was_recorded_holds_a_secret";
/// What tells the integration tests which engine their stores are on.
const STORE_VARIABLE: &str = "JUBAO_TEST_STORE";
/// The integration tests run once more, on PostgreSQL, but for those that are about no store, or that bring
/// the stores that they are about with them.
const ONCE: [&str; 14] = [
    "admin::",
    "bench::",
    "documented::",
    "edge::",
    "edge_tls::",
    "faults::",
    "guard::",
    "leaks::",
    "newcomer::",
    "nodes::",
    "php_signatures::twelve_thousand",
    "races_of_processes::",
    "sign_page::",
    // It sails on a database in memory.
    "voyage::",
];
/// Some run a third time, on a database that is partitioned by merchant.
const IN_PARTS: [&str; 6] =
    ["feed::", "idempotency::", "lists::", "notices::", "payments::", "refunds::"];
/// Most of an integration test is waiting, for deadlines, syncs and other processes, so that as many run at
/// a time for each processor; a server that serves them all makes them compete for it, so there it is one.
const TESTS_PER_PROCESSOR: usize = 2;
/// What tells the tests how many run at a time.
const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";
/// What the journeys' server logs.
const JOURNEYS_LOG: &str = "artifacts/demo.log";

/// Runs the tests. Arguments go to `cargo test`.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    shell::cargo("build", &["--quiet", "--locked", "--package", "jubao"])?;
    let records = shell::root().join(RECORDS);
    // There may be none.
    let _ = fs::remove_dir_all(&records);
    let mut skipped = 0;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--workspace", "--locked"]).args(arguments);
    command.env(RECORDS_VARIABLE, &records).env(THREADS_VARIABLE, threads());
    shell::run_watched("cargo test", command, |line| skipped += skipped_in(line))?;
    if arguments.is_empty() {
        for (title, store, tests) in [
            ("on PostgreSQL", "postgres", &[][..]),
            ("on PostgreSQL in parts", "partitioned", &IN_PARTS[..]),
        ] {
            let mut command = Command::new(env!("CARGO"));
            command.args([
                "test",
                "--quiet",
                "--locked",
                "--package",
                "jubao",
                "--test",
                "it",
                "--",
            ]);
            command.args(ONCE.iter().flat_map(|tests| ["--skip", tests]));
            command.args(tests).env(STORE_VARIABLE, store).env(RECORDS_VARIABLE, &records);
            shell::run_watched(title, command, |line| skipped += skipped_in(line))?;
        }
    }
    if skipped > 0 {
        return Err(Fault(format!("{skipped} tests were skipped")));
    }
    let mut journeys = Command::new("node");
    journeys.arg("e2e/run.mjs").env("JUBAO_LOG", "trace");
    shell::run("browser journeys", journeys)?;
    fs::copy(shell::root().join(JOURNEYS_LOG), records.join("journeys.log"))
        .map_err(|cause| Fault(format!("{JOURNEYS_LOG}: {cause}")))?;
    search(&records, arguments.is_empty())
}

/// How many tests run at a time.
fn threads() -> String {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    (processors * TESTS_PER_PROCESSOR).to_string()
}

/// Searches what was recorded; after all tests there must be something.
fn search(records: &Path, is_all: bool) -> Result<(), Fault> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--workspace", "--locked", "--test", "it", "--", "--exact"]);
    command.args([SEARCH, "--nocapture"]).env(RECORDS_VARIABLE, records);
    if is_all {
        command.env(LAST_VARIABLE, "1");
    }
    let mut is_done = false;
    shell::run_watched("search for secrets", command, |line| is_done |= line.contains("1 passed"))?;
    if is_done { Ok(()) } else { Err(Fault(format!("there is no test {SEARCH}"))) }
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

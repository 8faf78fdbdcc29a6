//! `cargo x mutants`: builds the program with its seeded defects (see `kernel::defect`), switches one
//! on after the other, and runs the test that has to catch it. A test that passes on a broken
//! program, or fails on the sound one, fails the task.

use std::process::{Command, Stdio};

use kernel::defect::{ALL, Row};

use crate::shell::{self, Fault};

/// What a defect is named in.
const VARIABLE: &str = "JUBAO_DEFECT";

/// Runs all, or those that are named.
pub fn run(names: &[String]) -> Result<(), Fault> {
    let unknown = names.iter().find(|name| ALL.iter().all(|row| row.name != **name));
    if let Some(name) = unknown {
        let known: Vec<_> = ALL.iter().map(|row| row.name).collect();
        return Err(Fault(format!("{name} is none of {}", known.join(", "))));
    }
    let wanted = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    let rows: Vec<&Row> = ALL.iter().filter(wanted).collect();
    let mut build = test_command(&["--no-run"]);
    build.stdin(Stdio::null());
    shell::run("build with seeded defects", build)?;
    let mut escaped = Vec::new();
    for row in &rows {
        let is_sound = passes(row.caught_by, "")?;
        let is_caught = !passes(row.caught_by, row.name)?;
        let verdict = match (is_sound, is_caught) {
            (true, true) => "caught",
            (true, false) => "ESCAPED",
            (false, _) => "FAILS WITHOUT IT",
        };
        println!("{:<28}{verdict:<18}{}", row.name, row.caught_by);
        if verdict != "caught" {
            escaped.push(row.name);
        }
    }
    if escaped.is_empty() {
        println!("all {} defects are caught", rows.len());
        return Ok(());
    }
    Err(Fault(format!("not shown to be caught: {}", escaped.join(", "))))
}

/// Whether a test passes in a program that has the defect; none is called "".
fn passes(test: &str, defect: &str) -> Result<bool, Fault> {
    let mut command = test_command(&["--", "--exact", test]);
    command.env(VARIABLE, defect).stderr(Stdio::null()).stdout(Stdio::piped());
    let output = command.current_dir(shell::root()).output();
    let output = output.map_err(|cause| Fault(format!("{test} did not run: {cause}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains("running 1 test") {
        return Err(Fault(format!("there is no test {test}")));
    }
    Ok(output.status.success())
}

fn test_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    let build = ["--locked", "--package", "jubao", "--features", "seeded-defects", "--test", "it"];
    command.arg("test").args(build).args(arguments);
    command
}

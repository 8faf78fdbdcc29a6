//! Running other programs: from the repository's root, their output shown as it comes, each with
//! its duration. A program that cannot be started is a failure, never a skip.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// Why a task failed, in words for a person.
#[derive(Debug)]
pub struct Fault(pub String);

/// The repository's root.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Runs a subcommand of the cargo that runs us.
pub fn cargo(subcommand: &str, arguments: &[&str]) -> Result<(), Fault> {
    let mut command = Command::new(env!("CARGO"));
    command.arg(subcommand).args(arguments);
    run(&format!("cargo {subcommand}"), command)
}

/// Builds the binary as the `flags` say and runs one of its commands.
pub fn jubao(flags: &[&str], subcommand: &str, arguments: &[String]) -> Result<(), Fault> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "jubao"]).args(flags);
    command.args(["--", subcommand]).args(arguments);
    run(&format!("jubao {subcommand}"), command)
}

/// One test of the integration tests, with what it prints.
pub fn integration_test(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--locked", "--package", "jubao", "--test", "it", "--"]);
    command.args(["--exact", name, "--nocapture"]);
    command
}

/// Runs `command` with its output passed through, and says how long it took.
pub fn run(title: &str, mut command: Command) -> Result<(), Fault> {
    timed(title, || {
        command.current_dir(root()).status().map_err(|cause| not_started(title, &cause))
    })
}

/// As [`run`], and gives each line of standard output to `watch` as well.
pub fn run_watched(
    title: &str,
    mut command: Command,
    mut watch: impl FnMut(&str),
) -> Result<(), Fault> {
    timed(title, || {
        let started = command.current_dir(root()).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(|cause| not_started(title, &cause))?;
        let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            println!("{line}");
            watch(&line);
        }
        child.wait().map_err(|cause| not_started(title, &cause))
    })
}

#[expect(clippy::disallowed_methods, reason = "a task's duration is for the reader's eyes only")]
fn timed(title: &str, perform: impl FnOnce() -> Result<ExitStatus, Fault>) -> Result<(), Fault> {
    let begun = Instant::now();
    let status = perform()?;
    println!("{title}: {status} after {} s", begun.elapsed().as_secs());
    if status.success() { Ok(()) } else { Err(Fault(format!("{title} failed ({status})"))) }
}

fn not_started(title: &str, cause: &std::io::Error) -> Fault {
    Fault(format!("{title} did not run: {cause}"))
}

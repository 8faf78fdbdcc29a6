//! `cargo x races`: gateways on one PostgreSQL database are asked for one number, and for one order's money, at
//! the same moment, as often as asked; one race in two hundred goes over HTTP to processes.

use crate::options;
use crate::shell::{self, Fault};

/// Orders, each with a race for its number and one for its money, unless told.
const RACES: u64 = 100_000;
const USAGE: &str = "cargo x races [--races N]";
/// What is run.
const TESTS: [&str; 2] = ["races_of_processes::within", "races_of_processes::over_http"];

/// Runs them.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let mut races = RACES;
    options::read(arguments, USAGE, &mut [("--races", &mut races)])?;
    // The processes.
    shell::cargo("build", &["--quiet", "--locked", "--package", "jubao"])?;
    for test in TESTS {
        let mut command = shell::integration_test(test);
        command.env("JUBAO_RACES", races.to_string());
        // Our own crates are optimised as well, and keep their assertions.
        command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "3");
        shell::run(test, command)?;
    }
    Ok(())
}

//! `cargo x crash`: the crash harness of the integration tests, for as long as asked: random kills
//! under load, and every named point again and again (`kernel::crash`).

use crate::options;
use crate::shell::{self, Fault};

/// Random kills, unless told.
const KILLS: u64 = 1_000;
/// Times that each point is died at, unless told.
const ROUNDS: u64 = 20;
const USAGE: &str = "cargo x crash [--kills N] [--rounds N] [--seed S]";

/// Runs both tests.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let (mut kills, mut rounds, mut seed) = (KILLS, ROUNDS, 1);
    let known = &mut [("--kills", &mut kills), ("--rounds", &mut rounds), ("--seed", &mut seed)];
    options::read(arguments, USAGE, known)?;
    for test in ["crash::kills", "crash::points"] {
        let mut command = shell::integration_test(test);
        command.env("JUBAO_CRASH_KILLS", kills.to_string());
        command.env("JUBAO_CRASH_ROUNDS", rounds.to_string());
        command.env("JUBAO_CRASH_SEED", seed.to_string());
        shell::run(test, command)?;
    }
    Ok(())
}

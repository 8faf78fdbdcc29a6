//! `cargo x crash`: the crash harness of the integration tests, for as long as asked: random kills
//! under load, and every named point again and again (`kernel::crash`).

use std::process::Command;

use crate::shell::{self, Fault};

/// Random kills, unless told.
const KILLS: u64 = 1_000;
/// Times that each point is died at, unless told.
const ROUNDS: u64 = 20;
const USAGE: &str = "cargo x crash [--kills N] [--rounds N] [--seed S]";

/// Runs both tests.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let (mut kills, mut rounds, mut seed) = (KILLS, ROUNDS, 1);
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let number = rest.next().and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| Fault(format!("{name} needs a number: {USAGE}")))?;
        match name.as_str() {
            "--kills" => kills = number,
            "--rounds" => rounds = number,
            "--seed" => seed = number,
            _ => return Err(Fault(format!("{name} is unknown: {USAGE}"))),
        }
    }
    for test in ["crash::kills", "crash::points"] {
        let mut command = Command::new(env!("CARGO"));
        command.args(["test", "--quiet", "--locked", "--package", "jubao", "--test", "it", "--"]);
        command.args(["--exact", test, "--nocapture"]);
        command.env("JUBAO_CRASH_KILLS", kills.to_string());
        command.env("JUBAO_CRASH_ROUNDS", rounds.to_string());
        command.env("JUBAO_CRASH_SEED", seed.to_string());
        shell::run(test, command)?;
    }
    Ok(())
}

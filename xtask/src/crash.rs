//! `cargo x crash`: the crash harness of the integration tests, for as long as asked: random kills
//! under load, every named point again and again (`kernel::crash`), and the ends of a PostgreSQL server.

use crate::options;
use crate::shell::{self, Fault};

/// Random kills, unless told.
const KILLS: u64 = 1_000;
/// Times that each point is died at, unless told.
const ROUNDS: u64 = 20;
/// Ends of the database, unless told.
const ENDS: u64 = 60;
/// Connections cut at a COMMIT, unless told.
const CUTS: u64 = 1_000;
const USAGE: &str = "cargo x crash [--kills N] [--rounds N] [--ends N] [--cuts N] [--seed S]";

/// What is run.
const TESTS: [&str; 5] = [
    "crash::kills",
    "crash::points",
    "crash::postgres::the_database_ends_and_comes_back",
    "crash::postgres::connections_are_cut_at_a_commit",
    "crash::postgres::the_database_is_lost_and_its_standby_takes_its_place",
];

/// Runs all of it.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let (mut kills, mut rounds, mut seed) = (KILLS, ROUNDS, 1);
    let (mut ends, mut cuts) = (ENDS, CUTS);
    let known = &mut [
        ("--kills", &mut kills),
        ("--rounds", &mut rounds),
        ("--ends", &mut ends),
        ("--cuts", &mut cuts),
        ("--seed", &mut seed),
    ];
    options::read(arguments, USAGE, known)?;
    for test in TESTS {
        let mut command = shell::integration_test(test);
        command.env("JUBAO_CRASH_KILLS", kills.to_string());
        command.env("JUBAO_CRASH_ROUNDS", rounds.to_string());
        command.env("JUBAO_CRASH_ENDS", ends.to_string());
        command.env("JUBAO_CRASH_CUTS", cuts.to_string());
        command.env("JUBAO_CRASH_SEED", seed.to_string());
        shell::run(test, command)?;
    }
    Ok(())
}

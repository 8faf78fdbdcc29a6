//! `cargo x differential`: random sequences of writes against both engines and a plain model, as many as asked.

use std::process::Command;

use crate::options;
use crate::shell::{self, Fault};

/// Sequences, unless told.
const SEQUENCES: u64 = 100_000;
const USAGE: &str = "cargo x differential [--sequences N]";
/// What is run.
const TEST: &str = "tests::differential::both_engines_do_what_the_model_does";

/// Runs them.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let mut sequences = SEQUENCES;
    options::read(arguments, USAGE, &mut [("--sequences", &mut sequences)])?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--locked", "--package", "store", "--lib", "--"]);
    command.args(["--exact", TEST, "--nocapture"]);
    command.env("JUBAO_DIFFERENTIAL_SEQUENCES", sequences.to_string());
    shell::run(TEST, command)
}

//! `cargo x schemathesis`: the served OpenAPI document, tried with more requests than the tests do.

use crate::options;
use crate::shell::{self, Fault};

/// Requests, unless told.
const EXAMPLES: u64 = 5_000;
const USAGE: &str = "cargo x schemathesis [--examples N]";

/// Tries.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let mut examples = EXAMPLES;
    options::read(arguments, USAGE, &mut [("--examples", &mut examples)])?;
    let test = "schemathesis::whatever_schemathesis_invents_is_answered_as_documented";
    let mut command = shell::integration_test(test);
    command.env("JUBAO_SCHEMATHESIS_EXAMPLES", examples.to_string());
    shell::run(test, command)
}

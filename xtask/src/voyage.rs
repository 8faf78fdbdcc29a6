//! `cargo x voyage`: the seeded simulation of the integration tests, for as many seeds as asked. A
//! seed that fails is printed with its story; `--seeds 1 --seed S` tells the story of any.

use crate::options;
use crate::shell::{self, Fault};

/// Seeds, unless told.
const SEEDS: u64 = 200_000;
const USAGE: &str = "cargo x voyage [--seeds N] [--seed S]";

/// Sails.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let (mut seeds, mut seed) = (SEEDS, 1);
    options::read(arguments, USAGE, &mut [("--seeds", &mut seeds), ("--seed", &mut seed)])?;
    let test = "voyage::seeds";
    let mut command = shell::integration_test(test);
    command.env("JUBAO_VOYAGE_SEEDS", seeds.to_string());
    command.env("JUBAO_VOYAGE_SEED", seed.to_string());
    // Our own crates are optimised as well, and keep their assertions.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "3");
    shell::run(test, command)
}

//! `cargo x fuzz`: runs the fuzz targets of `fuzz/`, one after another, each for as long as asked.
//! What a run learns stays in `target`; the seeds in `fuzz/corpus` are changed by hand only.
//!
//! Needs the nightly compiler and cargo-fuzz: `rustup toolchain install nightly` and
//! `cargo install cargo-fuzz --locked`.

use std::process::Command;

use crate::shell::{self, Fault};

/// Every target, with what it feeds.
const TARGETS: [&str; 10] = [
    "json",
    "form",
    "canonical",
    "unique_parse",
    "url_policy",
    "upstream_answer",
    "upstream_callback",
    "wire_answer",
    "wire_callback",
    "call",
];
/// Minutes for each target, unless told.
const MINUTES: u64 = 10;
const USAGE: &str = "cargo x fuzz [TARGET …] [--minutes N]";

/// Runs the targets that are named, or all.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let mut names = Vec::new();
    let mut minutes = MINUTES;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--minutes" {
            let number = rest.next().and_then(|text| text.parse().ok());
            minutes = number.ok_or_else(|| Fault(format!("--minutes needs a number: {USAGE}")))?;
        } else if TARGETS.contains(&argument.as_str()) {
            names.push(argument.as_str());
        } else {
            return Err(Fault(format!("{argument} is none of {}: {USAGE}", TARGETS.join(", "))));
        }
    }
    if names.is_empty() {
        names.extend(TARGETS);
    }
    for name in names {
        fuzz(name, minutes)?;
    }
    Ok(())
}

fn fuzz(name: &str, minutes: u64) -> Result<(), Fault> {
    let learned = format!("fuzz/target/corpus/{name}");
    let folder = shell::root().join(&learned);
    std::fs::create_dir_all(&folder).map_err(|error| Fault(format!("{learned}: {error}")))?;
    let mut command = Command::new("cargo");
    let seconds = format!("-max_total_time={}", minutes * 60);
    let seeds = format!("fuzz/corpus/{name}");
    command.args(["+nightly", "fuzz", "run", "-O", name, &learned, &seeds, "--"]);
    command.args([seconds.as_str(), "-timeout=10", "-max_len=2048", "-print_final_stats=1"]);
    // A proxy of rustup's has told which compiler is ours; nightly must find its own.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC").env_remove("CARGO");
    shell::run(&format!("fuzz {name}"), command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        for name in TARGETS {
            let seeds = std::fs::read_dir(shell::root().join("fuzz/corpus").join(name));
            assert!(seeds.is_ok_and(|mut files| files.next().is_some()), "{name}");
        }
    }
}

//! `cargo x`: the project's own tasks, from the one table [`TASKS`].
//!
//! It runs what is installed and judges what is written. It never installs anything (the script
//! `test` does) and never changes the source.

mod bench;
mod crash;
mod differential;
mod format;
mod fuzz;
mod mutants;
mod newcomer;
mod options;
mod races;
mod schemathesis;
mod shell;
mod test;
mod tidy;
mod voyage;

use std::process::ExitCode;

use crate::shell::Fault;

/// One task of `cargo x`.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Fault>,
}

/// Where the generated reference lives.
const REFERENCE: &str = "docs/reference";

/// Every task, in the order of the help.
const TASKS: [Task; 15] = [
    Task { name: "ci", about: "format, lints, tidy, docs and tests: what has to pass", run: ci },
    Task { name: "test", about: "every Rust test, then the browser's journeys", run: test::run },
    Task {
        name: "fmt",
        about: "formats every source file; --check compares only",
        run: format::run,
    },
    Task { name: "demo", about: "the gateway with simulated upstreams and a shop", run: demo },
    Task { name: "docs", about: "writes docs/reference; --check compares only", run: docs },
    Task {
        name: "tidy",
        about: "the rules that neither rustfmt nor clippy checks",
        run: tidy::run,
    },
    Task {
        name: "mutants",
        about: "breaks the program in every known way and shows that a test catches it",
        run: mutants::run,
    },
    Task {
        name: "crash",
        about: "kills the gateway, at random and at every named point, and its database",
        run: crash::run,
    },
    Task {
        name: "voyage",
        about: "sails the whole gateway through simulated storms, a seed for each",
        run: voyage::run,
    },
    Task {
        name: "races",
        about: "has gateways race for orders' numbers and money on PostgreSQL; --races N",
        run: races::run,
    },
    Task {
        name: "differential",
        about: "random writes to both stores and a plain model of them; --sequences N",
        run: differential::run,
    },
    Task {
        name: "fuzz",
        about: "feeds every parser what a fuzzer invents; --minutes N for each",
        run: fuzz::run,
    },
    Task {
        name: "schemathesis",
        about: "tries the served OpenAPI document; --examples N, 5000 unless told",
        run: schemathesis::run,
    },
    Task {
        name: "newcomer",
        about: "follows the quick start literally, in a clean clone",
        run: newcomer::run,
    },
    Task {
        name: "bench",
        about: "measures a release build: NAME [--store postgres] [--keep]; without a name, lists",
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprintln!("{}", help());
        return ExitCode::from(2);
    };
    match (task.run)(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault(reason)) => {
            eprintln!("cargo x {name}: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let line = |task: &Task| format!("  cargo x {:<7} {}", task.name, task.about);
    TASKS.iter().map(line).fold("usage:".to_owned(), |text, line| text + "\n" + &line)
}

fn ci(_: &[String]) -> Result<(), Fault> {
    format::run(&["--check".to_owned()])?;
    tidy::run(&[])?;
    shell::cargo(
        "clippy",
        &["--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    )?;
    docs(&["--check".to_owned()])?;
    test::run(&[])
}

/// The program writes its own reference, so the pages cannot say anything else.
fn docs(arguments: &[String]) -> Result<(), Fault> {
    let folder = ["--out".to_owned(), REFERENCE.to_owned()];
    shell::jubao(&[], "docs", &[folder.as_slice(), arguments].concat())
}

fn demo(arguments: &[String]) -> Result<(), Fault> {
    shell::jubao(&[], "demo", arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_task() {
        for task in &TASKS {
            assert!(help().contains(&format!("cargo x {} ", task.name)), "{}", task.name);
        }
    }
}

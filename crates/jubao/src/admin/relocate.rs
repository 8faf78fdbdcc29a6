//! `jubao admin move`: from the embedded store to PostgreSQL.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;

use clap::Args;
use serde_json::json;
use store::upkeep::{self, Moving, Step};

use crate::admin::keep::blocking;
use crate::admin::place::{parse, present};
use crate::cli::{Failure, print_line};

/// Signs of a whole bar.
const BAR: u64 = 30;

/// What stands below the help.
pub const HELP: &str = "\
Stop every server first. The source must be of this version's schema (`jubao admin migrate`); the target is an \
empty database. Killed or cut off anywhere, run it again: it goes on where it was. At the end every table is \
read on both sides, and counts and digests must agree.

From the first moment on neither side can be opened by a server, so that nothing is written to one of them \
alone; when everything agrees the target can, and the source never again. `--give-up` ends a move that was not \
finished: the source can be opened as before. The master key stays where it is: the same file is used on.";

/// Arguments of `admin move`.
#[derive(Debug, Args)]
pub struct MoveArguments {
    /// The store: sqlite:PATH.
    #[arg(long, value_name = "DATABASE")]
    pub from: String,
    /// The empty database: postgres://…. The environment (JUBAO_MOVE_TO) shows its password to fewer.
    #[arg(
        long,
        env = "JUBAO_MOVE_TO",
        hide_env_values = true,
        value_name = "DATABASE",
        required_unless_present = "give_up"
    )]
    pub to: Option<String>,
    /// End a move that was begun: the source can be opened again.
    #[arg(long)]
    pub give_up: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(arguments: MoveArguments) -> Result<(), Failure> {
    let from = parse("--from", &arguments.from)?;
    present(&from)?;
    if arguments.give_up {
        blocking(move || upkeep::give_up(&from)).await?;
        print_line(if arguments.json {
            json!({ "given_up": true }).to_string()
        } else {
            "given up: the source can be opened again".to_owned()
        });
        return Ok(());
    }
    let to = parse("--to", arguments.to.as_deref().unwrap_or_default())?;
    let name = to.to_string();
    let is_terminal = std::io::stderr().is_terminal();
    let moved = blocking(move || {
        let mut last = String::new();
        upkeep::start(&from, &to, &mut |moving| {
            tell(&moving, is_terminal, &mut last);
            ControlFlow::Continue(())
        })
    })
    .await?;
    if is_terminal {
        eprintln!();
    }
    if arguments.json {
        print_line(json!({ "tables": moved.tables, "rows": moved.rows }));
    } else {
        print_line(format!(
            "{} rows of {} tables are at {name}, and agree. Name it in the configuration: database",
            moved.rows, moved.tables
        ));
    }
    Ok(())
}

/// A bar that moves, or, where nobody looks, a line for each table and step.
fn tell(moving: &Moving, is_terminal: bool, last: &mut String) {
    let Moving { table, step, rows, total } = moving;
    let verb = match step {
        Step::Copy => "copying",
        Step::Compare => "comparing",
    };
    if is_terminal {
        let full = (rows * BAR).checked_div(*total).unwrap_or(BAR).min(BAR);
        let bar: String = (0..BAR).map(|at| if at < full { '#' } else { '.' }).collect();
        let mut out = std::io::stderr().lock();
        // Whoever does not look at it misses nothing.
        let _ = write!(out, "\r{verb:<9} {table:<18} [{bar}] {rows}/{total}\x1b[K");
        let _ = out.flush();
        return;
    }
    let line = format!("jubao: {verb} {table}: {total} rows");
    if *last != line {
        eprintln!("{line}");
        *last = line;
    }
}

//! `jubao admin migrate`: the schema brought up to date, or what that would do.

use clap::Args;
use serde_json::{Value, json};
use store::upkeep::{self, Pending, Plan};

use crate::admin::keep::blocking;
use crate::admin::layout::LayoutArguments;
use crate::admin::place::{DatabaseArguments, present};
use crate::cli::{Failure, print_line};

/// What stands below the help.
pub const HELP: &str = "\
A server migrates by itself when it starts. This does it beforehand, when you choose; several processes may \
begin at once, and one of them does it. All of it is one transaction: it is done, or nothing is.";

/// Arguments of `admin migrate`.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// The database.
    #[command(flatten)]
    pub place: DatabaseArguments,
    /// Write nothing; print the statements that would run, as this engine gets them.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// How tables that grow are laid out.
    #[command(flatten)]
    pub layout: LayoutArguments,
}

/// Runs it.
pub async fn run(arguments: MigrateArguments) -> Result<(), Failure> {
    let database = arguments.place.database()?;
    if !arguments.dry_run {
        present(&database)?;
    }
    if arguments.layout.is_given() {
        return arguments.layout.run(&database).await;
    }
    let is_dry = arguments.dry_run;
    let work = move || if is_dry { upkeep::plan(&database) } else { upkeep::migrate(&database) };
    let plan = blocking(work).await?;
    print_line(if arguments.json { as_json(&plan, is_dry) } else { as_text(&plan, is_dry) });
    Ok(())
}

fn as_json(plan: &Plan, is_dry: bool) -> String {
    let one = |one: &Pending| match is_dry {
        true => json!({ "number": one.number, "statements": one.statements }),
        false => json!(one.number),
    };
    let all: Vec<Value> = plan.pending.iter().map(one).collect();
    let name = if is_dry { "pending" } else { "migrated" };
    json!({ "schema": plan.schema, name: all }).to_string()
}

fn as_text(plan: &Plan, is_dry: bool) -> String {
    let Some(last) = plan.pending.last() else {
        return format!("schema {}: nothing to do", plan.schema);
    };
    if !is_dry {
        return format!("migrated from schema {} to {}", plan.schema, last.number);
    }
    let mut text = format!("-- schema {}; nothing was written\n", plan.schema);
    for one in &plan.pending {
        text += &format!("\n-- migration {}\n", one.number);
        for statement in &one.statements {
            text += &format!("{};\n", statement.trim().trim_end_matches(';'));
        }
    }
    text.trim_end().to_owned()
}

//! `jubao merchant import`: merchants of the platform before, with their numbers and keys, from a file.
//!
//! A merchant is written whole or not at all; what stands already is left alone, what differs is
//! reported. Whatever is said of a row names its line, column and cure, and never a key.

pub mod columns;
mod gather;
mod read;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use gateway::Gateway;
use gateway::manage::ManageFault;
use kernel::id::MchId;
use serde_json::{Value, json};

use crate::cli::{Failure, StoreArguments, print_line};
use crate::data_dir::{open_gateway, open_or_make_gateway};
use crate::import::gather::{Gathered, gather};
pub(crate) use crate::import::read::text;

/// Who did it, in the audit log.
const ACTOR: &str = "command line";
/// Bytes of a file that are read.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Merchants whose transactions are under way at the same time: they share synchronised writes.
const UNDER_WAY_MAX: usize = 256;
/// After so many merchants a line says how far it is.
const PROGRESS_EVERY: usize = 5_000;

/// How a file is written.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Comma-separated, the first line names the columns.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Arguments of `merchant import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The file, UTF-8; - is standard input.
    pub file: PathBuf,
    /// How it is written; left out: as its name ends (.csv, .jsonl, .ndjson).
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Change what stands otherwise; without it such a row is reported and nothing of its merchant is
    /// written.
    #[arg(long)]
    pub update: bool,
    /// Write nothing; say what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Something that is said of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Remark {
    /// Its line, from 1.
    pub line: u64,
    /// The column, or empty if it is about the row.
    pub column: String,
    /// What is wrong with it and what would do.
    pub text: String,
}

/// What became of the merchants of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Tally {
    added: usize,
    updated: usize,
    unchanged: usize,
    conflicting: usize,
    failed: usize,
}

/// What became of one merchant.
enum Fate {
    Added,
    Updated,
    Unchanged,
    Conflicting(Vec<Remark>),
    Failed(Remark),
}

/// Imports a file.
pub async fn run(arguments: ImportArguments) -> Result<(), Failure> {
    let format = format(&arguments)?;
    let bytes = bytes(&arguments.file)?;
    let rows = match format {
        Format::Csv => read::csv(&bytes),
        Format::Jsonl => read::json_lines(&bytes),
    };
    let rows =
        rows.map_err(|why| Failure::Input(format!("{}: {why}", arguments.file.display())))?;
    let gathered = gather(rows);
    let gateway = if arguments.dry_run {
        open_gateway(&arguments.place).await?
    } else {
        open_or_make_gateway(&arguments.place).await?
    };
    let (tally, remarks) = import(&gateway, &gathered, &arguments).await;
    report(&arguments, &tally, &gathered.bad, &remarks);
    verdict(&tally, gathered.bad.len())
}

/// Moves every merchant in, many at the same time, and tells how far it is.
async fn import(
    gateway: &Gateway,
    gathered: &Gathered,
    arguments: &ImportArguments,
) -> (Tally, Vec<Remark>) {
    let (mut tally, mut remarks) = (Tally::default(), Vec::new());
    let count = gathered.merchants.len();
    let one = |at: usize| one(gateway, gathered, at, arguments);
    let mut fates = stream::iter(0..count).map(one).buffered(UNDER_WAY_MAX);
    let mut done = 0;
    while let Some(fate) = fates.next().await {
        match fate {
            Fate::Added => tally.added += 1,
            Fate::Updated => tally.updated += 1,
            Fate::Unchanged => tally.unchanged += 1,
            Fate::Conflicting(mut all) => {
                tally.conflicting += 1;
                remarks.append(&mut all);
            }
            Fate::Failed(remark) => {
                tally.failed += 1;
                remarks.push(remark);
            }
        }
        done += 1;
        if done % PROGRESS_EVERY == 0 {
            eprintln!("jubao: {done} of {count} merchants");
        }
    }
    remarks.sort();
    (tally, remarks)
}

async fn one(
    gateway: &Gateway,
    gathered: &Gathered,
    at: usize,
    arguments: &ImportArguments,
) -> Fate {
    let merchant = &gathered.merchants[at];
    let failed = |fault: ManageFault| {
        let (column, text) = (String::new(), fault.to_string());
        Fate::Failed(Remark { line: merchant.line(), column, text })
    };
    let plan = match gateway.plan_move(&merchant.moving).await {
        Ok(plan) => plan,
        Err(fault) => return failed(fault),
    };
    let is_refused = |may_update: bool| !(may_update && arguments.update);
    let refused = plan.differences.iter().filter(|one| is_refused(one.may_update));
    let remarks: Vec<_> = refused
        .map(|one| Remark {
            line: merchant.line_of(one.app_id),
            column: one.field.to_owned(),
            text: conflict(&one.text, one.may_update),
        })
        .collect();
    if !remarks.is_empty() {
        return Fate::Conflicting(remarks);
    }
    if plan.is_done() {
        return Fate::Unchanged;
    }
    if !arguments.dry_run
        && let Err(fault) = gateway.move_in(ACTOR, &plan).await
    {
        return failed(fault);
    }
    if plan.is_new() { Fate::Added } else { Fate::Updated }
}

fn conflict(text: &str, may_update: bool) -> String {
    if may_update {
        format!("{text}; --update would change it")
    } else {
        format!("{text}; an import does not change that")
    }
}

fn report(arguments: &ImportArguments, tally: &Tally, bad: &[Remark], remarks: &[Remark]) {
    if arguments.place.json {
        print_line(json!({
            "dry_run": arguments.dry_run, "added": tally.added, "updated": tally.updated,
            "unchanged": tally.unchanged, "conflicting": tally.conflicting,
            "failed": tally.failed, "bad": listed(bad), "conflicts": listed(remarks),
        }));
        return;
    }
    for Remark { line, column, text } in bad.iter().chain(remarks) {
        let column = if column.is_empty() { String::new() } else { format!(", {column}") };
        print_line(format!("line {line}{column}: {text}"));
    }
    let would = if arguments.dry_run { "would be " } else { "" };
    let Tally { added, updated, unchanged, conflicting, failed } = tally;
    print_line(format!(
        "merchants: {would}added {added}, {would}updated {updated}, unchanged {unchanged}, \
         conflicting {conflicting}, failed {failed}; remarks on bad rows: {}",
        bad.len()
    ));
}

fn listed(remarks: &[Remark]) -> Vec<Value> {
    let value = |one: &Remark| json!({ "line": one.line, "column": one.column, "text": one.text });
    remarks.iter().map(value).collect()
}

fn verdict(tally: &Tally, bad: usize) -> Result<(), Failure> {
    if bad > 0 {
        return Err(Failure::Input(format!(
            "{bad} things are wrong with the file; merchants with a bad row were left out: correct \
             them and import the file again"
        )));
    }
    if tally.failed > 0 {
        return Err(Failure::Machine(format!("{} merchants were not imported", tally.failed)));
    }
    if tally.conflicting > 0 {
        return Err(Failure::Verdict);
    }
    Ok(())
}

/// The format that is named, else the one that the file's name ends with.
fn format(arguments: &ImportArguments) -> Result<Format, Failure> {
    let extension = arguments.file.extension().and_then(|text| text.to_str()).unwrap_or_default();
    let by_name = match extension.to_ascii_lowercase().as_str() {
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    };
    arguments.format.or(by_name).ok_or_else(|| {
        let file = arguments.file.display();
        Failure::Input(format!("{file}: say --format csv or --format jsonl"))
    })
}

/// A file's bytes, or those of standard input.
pub fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", file.display()));
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    };
    let length = read.map_err(failed)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        let most = FILE_BYTES_MAX >> 20;
        return Err(Failure::Input(format!("{}: at most {most} MiB; split it", file.display())));
    }
    Ok(bytes)
}

/// Cells of a row by column, as they were written.
pub(crate) type Cells = BTreeMap<&'static str, Cell>;

/// A cell.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Cell {
    /// Text; never empty.
    Text(String),
    /// An object of JSON lines, for stores and settings.
    Object(serde_json::Map<String, Value>),
}

/// A row as it was read, before it is understood.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RawRow {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// Its cells, or why they cannot be read.
    pub(crate) cells: Result<Cells, Remark>,
    /// Merchants that a row may be of whose cells cannot be read: none of them moves in without it.
    pub(crate) may_be_of: Vec<MchId>,
}

//! `jubao merchant check`: what a shop has sent to the platform before, judged by the code that will
//! answer it here, without any effect: nothing is written, no upstream is asked.
//!
//! Keys and the values of requests are in nothing that it prints.

mod judge;
mod recorded;
mod trials;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gateway::Gateway;
use serde_json::{Value, json};

use crate::check::judge::{Verdict, judge};
use crate::check::recorded::{BadRecord, Recorded};
use crate::cli::{Failure, StoreArguments, print_line};
use crate::data_dir::open_gateway;
use crate::import::bytes;

/// How requests are recorded.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// An HTTP archive, as browsers and proxies write it.
    Har,
}

/// Arguments of `merchant check`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CheckArguments {
    /// The recorded requests, UTF-8; - is standard input.
    pub file: PathBuf,
    /// How they are recorded; left out: as the file's name ends (.jsonl, .ndjson, .har).
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Show every request, not only those that would be answered otherwise.
    #[arg(long)]
    pub all: bool,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

const HELP: &str = "Members of a line: path (with its query), body or body_base64; and if they are \
known method (POST), headers (an object), at (when it was sent: yyyy-MM-dd HH:mm:ss in UTC+8 or Unix seconds; \
else it is judged as of now), answer (the body that came back, text or JSON).";

/// What all requests have in common that fail for one reason.
struct Cause {
    count: usize,
    first_line: u64,
    cure: String,
}

/// Causes by code and by what is wrong.
type Causes = BTreeMap<(i64, String), Cause>;

/// Checks a file.
pub async fn run(arguments: CheckArguments) -> Result<(), Failure> {
    let format = format(&arguments)?;
    let bytes = bytes(&arguments.file)?;
    let read = match format {
        Format::Jsonl => recorded::json_lines(&bytes),
        Format::Har => recorded::har(&bytes),
    };
    let (records, skipped) =
        read.map_err(|why| Failure::Input(format!("{}: {why}", arguments.file.display())))?;
    let gateway = open_gateway(&arguments.place).await?;
    let (verdicts, bad) = judged(&gateway, records).await;
    report(&arguments, &verdicts, &bad, skipped);
    if !bad.is_empty() {
        return Err(Failure::Input(format!("{} records cannot be read", bad.len())));
    }
    if verdicts.iter().any(Verdict::differs) { Err(Failure::Verdict) } else { Ok(()) }
}

async fn judged(
    gateway: &Gateway,
    records: Vec<Result<Recorded, BadRecord>>,
) -> (Vec<Verdict>, Vec<BadRecord>) {
    let (mut verdicts, mut bad) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(record) => verdicts.push(judge(gateway, &record).await),
            Err(record) => bad.push(record),
        }
    }
    (verdicts, bad)
}

fn report(arguments: &CheckArguments, verdicts: &[Verdict], bad: &[BadRecord], skipped: usize) {
    let causes = causes(verdicts);
    let differing = verdicts.iter().filter(|verdict| verdict.differs()).count();
    let shown: Vec<_> =
        verdicts.iter().filter(|verdict| arguments.all || verdict.differs()).collect();
    if arguments.place.json {
        print_line(json!({
            "requests": verdicts.len(), "differ": differing, "skipped": skipped,
            "rows": shown.iter().map(|verdict| verdict.json()).collect::<Vec<_>>(),
            "causes": causes.iter().map(cause_json).collect::<Vec<_>>(),
            "bad": bad.iter().map(|one| json!({ "line": one.line, "text": one.text })).collect::<Vec<_>>(),
        }));
        return;
    }
    for BadRecord { line, text } in bad {
        print_line(format!("line {line}: {text}"));
    }
    if !shown.is_empty() {
        print_line(format!(
            "{:>6}  {:<12}  {:<14}  {:>6}  {:>6}  what",
            "line", "operation", "caller", "here", "there"
        ));
    }
    for verdict in shown {
        print_line(verdict.row());
    }
    for ((code, what), Cause { count, first_line, cure }) in &causes {
        let code = if *code == 0 { String::new() } else { format!("{code} ") };
        print_line(format!(
            "\n{code}{what}: {count} times, first in line {first_line}\n  cure: {cure}"
        ));
    }
    let same = verdicts.len() - differing;
    print_line(format!(
        "\n{} requests: {same} as before, {differing} otherwise, {skipped} skipped",
        verdicts.len()
    ));
}

fn causes(verdicts: &[Verdict]) -> Causes {
    let mut causes = Causes::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.differs()) {
        for finding in &verdict.findings {
            let cause = causes.entry((finding.code, finding.what.clone())).or_insert_with(|| {
                Cause { count: 0, first_line: verdict.line, cure: finding.cure.clone() }
            });
            cause.count += 1;
        }
    }
    causes
}

fn cause_json(((code, what), cause): (&(i64, String), &Cause)) -> Value {
    json!({
        "code": code, "what": what, "count": cause.count, "first_line": cause.first_line,
        "cure": cause.cure,
    })
}

fn format(arguments: &CheckArguments) -> Result<Format, Failure> {
    let extension = arguments.file.extension().and_then(|text| text.to_str()).unwrap_or_default();
    let by_name = match extension.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "har" => Some(Format::Har),
        _ => None,
    };
    arguments.format.or(by_name).ok_or_else(|| {
        let file = arguments.file.display();
        Failure::Input(format!("{file}: say --format jsonl or --format har"))
    })
}

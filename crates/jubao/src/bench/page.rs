//! The page of the reference that says what was measured: from the runs that are kept, and from a
//! profile that a person has written down.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::machine::Machine;
use super::report::{Figure, Row, Run, shown};
use super::{BENCHES, Bench, DELAYED, IN_PARTS, ON_SERVER};
use crate::cli::Failure;

/// What was found out about where the time goes.
const PROFILE: &str = "profile.md";
/// How the page begins.
const HEAD: &str = "# Performance\n\n\
    What `cargo x bench NAME --keep` found last. Figures are ratios inside one run, the medians of \
    interleaved repeats; on another machine, or beside other work, absolute numbers differ by far \
    more than ratios do. The caller runs in a process of its own on the same machine. CPU is that \
    of the gateway's process. The gateway writes no log while it is measured.\n";

/// The page, from the runs in `folder`.
///
/// # Errors
/// A run is there and cannot be read.
pub fn performance(folder: &Path) -> Result<String, Failure> {
    let mut text = String::from(HEAD);
    let mut runs = Vec::new();
    for name in names() {
        let path = folder.join(format!("{name}.json"));
        // A bench that was never kept has no section.
        let Ok(json) = fs::read_to_string(&path) else { continue };
        let run = serde_json::from_str::<Run>(&json);
        let wrong = |error| Failure::Input(format!("{}: {error}", path.display()));
        runs.push(run.map_err(wrong)?);
    }
    text.push_str("\n## Goals\n\n| bench | figure | goal | measured | repeats | verdict |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for run in &runs {
        run.found.figures.iter().for_each(|figure| text.push_str(&goal(run, figure)));
    }
    runs.iter().for_each(|run| text.push_str(&section(run)));
    if let Ok(profile) = fs::read_to_string(folder.join(PROFILE)) {
        let _ = write!(text, "\n{}", profile.trim_start());
    }
    Ok(text)
}

/// Every name that a run may have.
fn names() -> impl Iterator<Item = String> {
    let of_bench = |bench: &Bench| {
        let parts = format!("{ON_SERVER}{IN_PARTS}");
        let stores = ["", ON_SERVER, &parts].map(|store| format!("{}{store}", bench.name));
        stores.into_iter().flat_map(|name| [name.clone(), format!("{name}{DELAYED}")])
    };
    BENCHES.iter().flat_map(of_bench)
}

fn goal(run: &Run, figure: &Figure) -> String {
    let Figure { name, unit, goal, value, range: (least, most) } = figure;
    let (bench, verdict) = (&run.bench, figure.verdict());
    format!(
        "| {bench} | {name} | {goal} {unit} | {value} {unit} | {least} to {most} | {verdict} |\n"
    )
}

fn section(run: &Run) -> String {
    let Run { bench, about, settings, columns, repeats, at, machine, found } = run;
    let rule: String = columns.iter().map(|_| " --- |").collect();
    let mut text = format!(
        "\n## {bench}\n\n{about}.\n\n![{bench}](performance/{bench}.svg)\n\n| | {} |\n| --- |{rule}\n",
        columns.join(" | ")
    );
    for Row { name, values } in &found.rows {
        let cells: Vec<_> = values.iter().map(|value| shown(*value)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    let _ = write!(text, "\n{repeats} repeats, {settings}. {at} (UTC+8), {}.\n", place(machine));
    text
}

fn place(machine: &Machine) -> String {
    let Machine {
        processor,
        cores,
        memory_mib,
        kernel,
        file_system,
        compiler,
        commit,
        load_before,
    } = machine;
    format!(
        "commit {commit}, {processor}, {cores} processors, {memory_mib} MiB, Linux {kernel}, \
         {file_system}, {compiler}; load average before: {load_before}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::keep;
    use crate::bench::report::{Amount, Goal, Repeat};
    use crate::bench::tests::a_run;
    use crate::demo::FreshFolder;

    #[test]
    fn a_kept_run_is_a_section_and_each_of_its_figures_a_goal() {
        let folder = FreshFolder::make().unwrap();
        let goal = Goal::AtLeast(Amount(45_000));
        let found = Repeat {
            rows: vec![Row::new("durable orders", [Some(Amount(25_000_000))])],
            figures: vec![Figure::new("share", "%", goal, Amount(40_000))],
        };
        keep(&a_run(found), folder.path()).unwrap();
        fs::write(folder.path().join(PROFILE), "## What eats the rest\n").unwrap();
        let page = performance(folder.path()).unwrap();
        for part in [
            "| hot-path | share | ≥ 45.0 % | 40.0 % | 40.0 to 40.0 | missed by 5.00 % (11.1 %) |",
            "| durable orders | 25,000 |",
            "![hot-path](performance/hot-path.svg)",
            "5 repeats, 1 order. 2026-11-24 12:00:00 (UTC+8)",
            "\n## What eats the rest\n",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page, performance(folder.path()).unwrap());
        assert!(folder.path().join("hot-path.svg").exists());
    }

    #[test]
    fn a_run_that_cannot_be_read_is_a_fault_and_a_missing_one_is_none() {
        let folder = FreshFolder::make().unwrap();
        assert!(performance(folder.path()).unwrap().starts_with("# Performance"));
        fs::write(folder.path().join("edge.json"), "{}").unwrap();
        assert!(performance(folder.path()).is_err());
    }
}

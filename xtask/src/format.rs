//! `cargo x fmt`: rustfmt for every source file. A macro declares the channels' modules (decision 18), and
//! `cargo fmt` does not look into macros: it would pass by all of their files.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{self, Fault};

/// The folder whose folders' modules no `mod` names.
const CHANNELS: &str = "crates/channels/src";
/// The workspace's edition, which rustfmt cannot know of a file by itself.
const EDITION: &str = "2024";

/// Formats, or with `--check` compares.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let check: &[&str] = match arguments {
        [] => &[],
        [only] if only == "--check" => &["--check"],
        _ => return Err(Fault("cargo x fmt [--check]".into())),
    };
    shell::cargo("fmt", &[&["--all"], check].concat())?;
    let mut command = Command::new("rustfmt");
    command.args(["--edition", EDITION]).args(check).args(channels()?);
    shell::run("rustfmt of the channels", command)
}

/// The root module of each channel; rustfmt goes on from there.
fn channels() -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |cause| Fault(format!("{CHANNELS}: {cause}"));
    let folder = shell::root().join(CHANNELS);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let module = entry.map_err(unreadable)?.path().join("mod.rs");
        if module.is_file() {
            found.push(module);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_is_formatted() {
        let roster = std::fs::read_to_string(shell::root().join(CHANNELS).join("lib.rs")).unwrap();
        let (_, lines) = roster.split_once("\nchannels! {\n").unwrap();
        let (lines, _) = lines.split_once("\n}").unwrap();
        let found = channels().unwrap();
        for line in lines.lines() {
            let name = line.trim().split("::").next().unwrap();
            let module = format!("{name}/mod.rs");
            assert!(found.iter().any(|path| path.ends_with(&module)), "{module}: {found:?}");
        }
        assert!(lines.contains("demo::Demo"));
    }
}

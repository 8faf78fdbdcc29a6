//! The machine that something was measured on: without it a figure says nothing. What cannot be found
//! out is called unknown.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A machine, its system, and what was built on it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's version.
    pub kernel: String,
    /// The file system that the store was on.
    pub file_system: String,
    /// The compiler.
    pub compiler: String,
    /// What was measured, in git; `+` where there were changes that are not committed.
    pub commit: String,
    /// How many tasks wanted to run on average, in the minute before.
    pub load_before: String,
}

impl Machine {
    /// This machine; the store is in `folder`.
    pub fn this(folder: &Path) -> Self {
        let memory = value_of(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let load = read("/proc/loadavg");
        Self {
            processor: value_of(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib / 1_024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/self/mounts"), folder),
            compiler: said("rustc", &["--version"]),
            commit: commit(),
            load_before: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first line `name : value`.
fn value_of(text: &str, name: &str) -> String {
    let of_line = |line: &str| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(of_line).unwrap_or_else(|| "unknown".to_owned())
}

/// The type of the file system that is mounted nearest above `folder`.
fn file_system(mounts: &str, folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let of_line = |line: &str| {
        let mut parts = line.split(' ').skip(1);
        let (place, kind) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        folder.starts_with(&place).then_some((place.len(), kind))
    };
    let nearest = mounts.lines().filter_map(of_line).max_by_key(|(length, _)| *length);
    nearest.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}

fn commit() -> String {
    let short = said("git", &["rev-parse", "--short=10", "HEAD"]);
    let changes = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    if changes.is_empty() { short } else { format!("{short}+") }
}

/// The first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.map_or_else(|_| "unknown".to_owned(), |text| first_line(&text))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_is_the_stores_file_system() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /no/such tmpfs rw 0 0\nx /no xfs rw 0 0\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!((of("/no/such/folder"), of("/no/other")), ("tmpfs".into(), "xfs".into()));
        assert_eq!(
            (of("/etc"), file_system("", Path::new("/"))),
            ("ext4".into(), "unknown".into())
        );
    }

    #[test]
    fn a_value_is_found_by_its_name() {
        let text = "model\t: 1\nmodel name\t: A CPU: fast\n";
        assert_eq!(value_of(text, "model name"), "A CPU: fast");
        assert_eq!(value_of(text, "flags"), "unknown");
    }
}

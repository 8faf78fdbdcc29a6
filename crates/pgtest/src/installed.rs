//! What is installed: where PostgreSQL's programs are, and who may run them, since they refuse root.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where Debian keeps them, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom root runs them as: the first that the machine knows.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// An account of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

/// A program of PostgreSQL's, to be run in `folder`, as whoever may. Nothing of the environment
/// reaches it: a developer's PGDATA is no business of a test.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs().join(name));
    command.env_clear().env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null());
    // Ctrl-C is for the test; what it started ends in its own way.
    command.process_group(0);
    if let Some(account) = other_account() {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// A script that runs programs of PostgreSQL's, in the same way.
pub fn script(path: &Path, folder: &Path) -> Command {
    // An absolute path stays what it is.
    let mut command = program(&path.display().to_string(), folder);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs().display()));
    command
}

/// Runs a program to its end, which must be a good one.
pub fn run(mut command: Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{:?}: {said}", command.get_program());
}

/// Whom the programs are run as, if not as ourselves.
pub fn other_account() -> Option<Account> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let found = USERS.iter().find_map(|name| account(&accounts, name));
    Some(found.unwrap_or_else(|| panic!("PostgreSQL refuses root, and there is none of {USERS:?}")))
}

fn account(accounts: &str, name: &str) -> Option<Account> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let found = accounts.lines().map(fields).find(|fields| fields[0] == name)?;
    Some(Account { uid: found.get(2)?.parse().ok()?, gid: found.get(3)?.parse().ok()? })
}

/// The folder of the programs: one that PATH names, or Debian's newest.
fn programs() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found =
            std::env::split_paths(&path).chain(of_debian()).filter(|folder| is_it(folder));
        found.next().unwrap_or_else(|| panic!("PostgreSQL is not installed; `./test` installs it"))
    })
}

fn is_it(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_basebackup"].iter().all(|name| folder.join(name).is_file())
}

/// Debian's folders, the newest version first.
fn of_debian() -> Vec<PathBuf> {
    let folders = fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path());
    let version =
        |folder: &PathBuf| folder.file_name().and_then(OsStr::to_str)?.parse::<u32>().ok();
    let mut folders: Vec<PathBuf> = folders.filter(|folder| version(folder).is_some()).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.into_iter().map(|folder| folder.join("bin")).collect()
}

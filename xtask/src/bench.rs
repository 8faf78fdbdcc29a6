//! `cargo x bench`: a release build measures itself, on a file or on a PostgreSQL server that is started
//! for it on this machine's disk, and with syncs as slow as is asked for.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::shell::{self, Fault};

/// What is said of the arguments.
const USAGE: &str = "cargo x bench NAME [--store sqlite|postgres] [--sync-delay Nms] [--repeats N] \
                     [--orders N] [--connections N] [--keep]";
/// Where the server's data and the shim are.
const FOLDER: &str = "target/bench";
/// What makes each sync take longer.
const SHIM: &str = "xtask/src/sync_delay.c";

/// What this task sees to by itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    is_on_server: bool,
    delay_us: Option<u64>,
    /// What the program is told.
    rest: Vec<String>,
}

/// Runs it.
pub fn run(arguments: &[String]) -> Result<(), Fault> {
    let wish = read(arguments)?;
    let slow = wish.delay_us.map(slowed).transpose()?.unwrap_or_default();
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--release", "--package", "jubao"]);
    shell::run("cargo build", command)?;
    let mut command = Command::new(shell::root().join("target/release/jubao"));
    command.arg("bench").args(&wish.rest);
    if let Some(delay_us) = wish.delay_us {
        command.args(["--sync-delay-us", &delay_us.to_string()]);
    }
    if !wish.is_on_server {
        command.envs(slow);
        return shell::run("jubao bench", command);
    }
    let server = Server::start(&slow)?;
    command.env("JUBAO_BENCH_DATABASE", &server.url);
    shell::run("jubao bench", command)
}

fn read(arguments: &[String]) -> Result<Wish, Fault> {
    let (mut wish, mut rest) = (Wish::default(), arguments.iter());
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--store" => match rest.next().map(String::as_str) {
                Some("sqlite") => wish.is_on_server = false,
                Some("postgres") => wish.is_on_server = true,
                Some(_) | None => return Err(Fault(USAGE.into())),
            },
            "--sync-delay" => {
                let number = rest.next().and_then(|text| text.strip_suffix("ms")?.parse().ok());
                let number: u64 = number.ok_or_else(|| Fault(USAGE.into()))?;
                wish.delay_us = Some(number * 1_000);
            }
            _ => wish.rest.push(word.clone()),
        }
    }
    Ok(wish)
}

/// Builds the shim; what has to be in the environment of whoever syncs.
fn slowed(delay_us: u64) -> Result<Vec<(String, String)>, Fault> {
    let folder = folder()?;
    let library = folder.join("sync_delay.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).args([SHIM, "-ldl"]);
    shell::run("cc", cc)?;
    let library = library.display().to_string();
    Ok(vec![
        ("LD_PRELOAD".to_owned(), library),
        ("JUBAO_SYNC_DELAY_US".to_owned(), delay_us.to_string()),
    ])
}

fn folder() -> Result<PathBuf, Fault> {
    let folder = shell::root().join(FOLDER);
    let made = std::fs::create_dir_all(&folder);
    made.map_err(|cause| Fault(format!("{}: {cause}", folder.display())))?;
    Ok(folder)
}

/// A server of the crate that makes them for tests; it ends when its standard input does.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(environment: &[(String, String)]) -> Result<Self, Fault> {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--package", "pgtest", "--bin", "pgserve", "--"]);
        command.arg(folder()?).current_dir(shell::root());
        command.args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed = |cause: std::io::Error| Fault(format!("pgserve did not run: {cause}"));
        let mut process = command.spawn().map_err(failed)?;
        let mut url = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut url).map_err(failed)?;
        }
        let url = url.trim_end().to_owned();
        let server = Self { process, url };
        if server.url.is_empty() {
            return Err(Fault("PostgreSQL did not start; `./test` installs it".into()));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It may have ended already.
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_and_slow_syncs_are_seen_to_and_the_rest_is_passed_on() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            read(&words).map_err(|Fault(why)| why)
        };
        let wish = read(&["settle", "--store", "postgres", "--sync-delay", "1ms", "--keep"]);
        let rest = vec!["settle".to_owned(), "--keep".to_owned()];
        assert_eq!(wish, Ok(Wish { is_on_server: true, delay_us: Some(1_000), rest }));
        assert_eq!(read(&["settle", "--store", "mysql"]), Err(USAGE.into()));
        assert_eq!(read(&["settle", "--sync-delay", "1"]), Err(USAGE.into()));
    }
}

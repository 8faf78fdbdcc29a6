//! Programs beside the tests: ours as its users start it, and those of other makers. What they
//! print, and their end with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::app::TestApp;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A process that ends with its test.
pub struct Running {
    process: Child,
    /// What it printed after the line that the test waited for.
    rest: Option<JoinHandle<Vec<String>>>,
}

impl Running {
    /// Starts `command`; what it prints can be read.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("{command:?}");
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{what}: {error}; `./test` installs it"));
        Self { process, rest: None }
    }

    /// The first line of standard output that satisfies `is_it`.
    pub async fn line(&mut self, is_it: fn(&str) -> bool) -> String {
        let pipe = self.process.stdout.take().unwrap();
        self.first_line(pipe, is_it).await
    }

    /// The same of standard error.
    pub async fn complaint(&mut self, is_it: fn(&str) -> bool) -> String {
        let pipe = self.process.stderr.take().unwrap();
        self.first_line(pipe, is_it).await
    }

    async fn first_line(
        &mut self,
        pipe: impl Read + Send + 'static,
        is_it: fn(&str) -> bool,
    ) -> String {
        let (send, receive) = tokio::sync::oneshot::channel();
        // A pipe that nobody empties would stop the process.
        self.rest = Some(std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
            // The test may have given up.
            drop(send.send(lines.find(|line| is_it(line))));
            lines.collect()
        }));
        let line = tokio::time::timeout(PATIENCE, receive).await;
        let line = line.unwrap_or_else(|_| panic!("the process says nothing of the kind"));
        line.unwrap().unwrap_or_else(|| panic!("the process ended without such a line"))
    }

    /// Terminates it: its exit code, and what it printed after the line that was waited for.
    pub async fn finish(self) -> (i32, Vec<String>) {
        self.terminate();
        self.ended().await
    }

    /// Waits for its end, as [`Self::finish`] does.
    pub async fn ended(mut self) -> (i32, Vec<String>) {
        let rest = self.rest.take();
        let code = self.end().await.code().unwrap_or(-1);
        (code, rest.map_or_else(Vec::new, |rest| rest.join().unwrap()))
    }

    /// Asks the process to end, as an operator's machine does.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, as kill(1) spells it.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// As [`Self::signal`], to a process that may have ended by itself.
    pub fn signal_if_alive(&self, signal: &str) -> bool {
        let mut kill = Command::new("kill");
        kill.args([signal, &self.id().to_string()]).stderr(Stdio::null());
        kill.status().is_ok_and(|status| status.success())
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the end.
    pub async fn end(mut self) -> ExitStatus {
        let look = Duration::from_millis(10);
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                match self.process.try_wait().unwrap() {
                    Some(status) => return status,
                    None => tokio::time::sleep(look).await,
                }
            }
        });
        ended.await.unwrap_or_else(|_| panic!("the process does not end"))
    }

    /// The same for a program whose standard output nobody reads any more.
    pub async fn unread(mut self, input: &[u8]) -> (i32, String) {
        drop(self.process.stdout.take());
        self.process.stdin.take().unwrap().write_all(input).unwrap();
        let complained = spawn_blocking(reader(self.process.stderr.take().unwrap()));
        let code = self.end().await.code().unwrap_or(-1);
        (code, complained.await.unwrap())
    }

    /// Gives it `input`, and waits for what it prints and for its end.
    pub async fn outcome(mut self, input: &[u8]) -> Outcome {
        let mut stdin = self.process.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read its input has closed the pipe.
        let written = spawn_blocking(move || drop(stdin.write_all(&input)));
        let said = spawn_blocking(reader(self.process.stdout.take().unwrap()));
        let complained = spawn_blocking(reader(self.process.stderr.take().unwrap()));
        let ended = self.end().await;
        written.await.unwrap();
        Outcome {
            code: ended.code().unwrap_or(-1),
            said: said.await.unwrap(),
            complained: complained.await.unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub said: String,
    /// Its standard error.
    pub complained: String,
}

impl Outcome {
    /// The last line of standard output as JSON.
    pub fn json(&self) -> Value {
        let last = self.said.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> impl FnOnce() -> String + Send {
    move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Our own binary with `arguments`, and nothing of the machine's settings.
pub fn jubao(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jubao"));
    command.args(arguments).env_remove("JUBAO_KEY").env_remove("RUST_BACKTRACE");
    command
}

/// Runs our binary to its end.
pub async fn run(arguments: &[&str], input: &str) -> Outcome {
    Running::start(&mut jubao(arguments)).outcome(input.as_bytes()).await
}

/// A client of the conformance folder under its interpreter, with no proxy between it and us.
pub fn client(interpreter: &str, script: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(root().join("conformance/clients").join(script));
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

/// The interpreter in the virtual environment that `./test` makes.
pub fn python() -> String {
    let python = root().join("target/venv/bin/python");
    assert!(python.exists(), "{} is missing: `./test` makes it", python.display());
    python.display().to_string()
}

/// Runs a client to its end; its verdict must be that all is well.
pub async fn verdict(mut command: Command) -> Value {
    let outcome = Running::start(&mut command).outcome(b"").await;
    let verdict = outcome.json();
    assert_eq!(verdict["failed"], serde_json::json!([]), "{}", outcome.complained);
    assert!(outcome.code == 0 && verdict["ok"] == true, "{outcome:#?}");
    verdict
}

/// The PHP listener of the conformance folder.
pub struct Listener {
    /// Its notification address.
    pub url: String,
    log: PathBuf,
    _process: Running,
}

impl Listener {
    /// Starts it; `mode` is `form` or `json`, what it can read.
    pub async fn start(app: &TestApp, mode: &str) -> Self {
        let log = app.folder.path().join("notices.log");
        let mut command = Command::new("php");
        command.args(["-S", "127.0.0.1:0"]);
        command.arg(root().join("conformance/clients/php/listener.php"));
        command.env("LISTENER_LOG", &log).env("MODE", mode);
        let mut process = Running::start(&mut command);
        let line = process.complaint(|line| line.contains("(http://")).await;
        let (_, rest) = line.split_once('(').unwrap();
        let (base, _) = rest.split_once(')').unwrap();
        Self { url: format!("{base}/notify"), log, _process: process }
    }

    /// What it wrote down, one value for each request.
    pub fn heard(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

//! Programs beside the tests: ours as its users start it, and those of other makers. What they
//! print, and their end with the test.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_blocking;

use crate::app::TestApp;
use crate::leaks;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A process that ends with its test.
pub struct Running {
    process: Child,
    /// Where its standard error goes: no pipe that fills up when nobody reads it.
    complaints: PathBuf,
    rest: Rest,
}

/// What it printed after the line that the test waited for.
enum Rest {
    /// No line was waited for.
    None,
    /// Lines of standard output.
    Said(JoinHandle<Vec<String>>),
    /// Lines of standard error, without so many at the beginning.
    Complained(usize),
}

impl Running {
    /// Starts `command`; what it prints can be read.
    pub fn start(command: &mut Command) -> Self {
        let complaints = leaks::complaints_file();
        let file = File::create(&complaints).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let what = format!("{command:?}");
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{what}: {error}; `./test` installs it"));
        Self { process, complaints, rest: Rest::None }
    }

    /// The first line of standard output that satisfies `is_it`.
    pub async fn line(&mut self, is_it: fn(&str) -> bool) -> String {
        let pipe = self.process.stdout.take().unwrap();
        let (send, receive) = tokio::sync::oneshot::channel();
        // A pipe that nobody empties would stop the process.
        self.rest = Rest::Said(std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
            // The test may have given up.
            drop(send.send(lines.find(|line| is_it(line))));
            lines.collect()
        }));
        let line = tokio::time::timeout(PATIENCE, receive).await;
        let line = line.unwrap_or_else(|_| panic!("the process says nothing of the kind"));
        line.unwrap().unwrap_or_else(|| panic!("the process ended without such a line"))
    }

    /// Every line of standard output from here on, as it comes.
    pub fn lines(&mut self) -> UnboundedReceiver<String> {
        let pipe = self.process.stdout.take().unwrap();
        let (send, receive) = unbounded_channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            // The test may have given up.
            lines.map(|line| send.send(line)).all(|sent| sent.is_ok());
        });
        receive
    }

    /// Gives it a line on its standard input.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The same of standard error.
    pub async fn complaint(&mut self, is_it: fn(&str) -> bool) -> String {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let has_ended = self.process.try_wait().unwrap().is_some();
                let text = self.complained();
                // The last line may not be whole yet.
                let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
                if let Some((at, line)) = whole.lines().enumerate().find(|(_, line)| is_it(line)) {
                    self.rest = Rest::Complained(at + 1);
                    return line.to_owned();
                }
                assert!(!has_ended, "the process ended without such a line: {text}");
                tokio::time::sleep(LOOK).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("the process says nothing of the kind"))
    }

    /// Its standard error up to now.
    pub fn complained(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.complaints).unwrap()).into_owned()
    }

    /// Terminates it: its exit code, and what it printed after the line that was waited for.
    pub async fn finish(self) -> (i32, Vec<String>) {
        self.terminate();
        self.ended().await
    }

    /// Waits for its end, as [`Self::finish`] does.
    pub async fn ended(mut self) -> (i32, Vec<String>) {
        let code = self.wait().await.code().unwrap_or(-1);
        let rest = match std::mem::replace(&mut self.rest, Rest::None) {
            Rest::None => Vec::new(),
            Rest::Said(lines) => lines.join().unwrap(),
            Rest::Complained(before) => {
                self.complained().lines().skip(before).map(str::to_owned).collect()
            }
        };
        (code, rest)
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
        self.wait().await
    }

    async fn wait(&mut self) -> ExitStatus {
        self.wait_within(PATIENCE).await
    }

    async fn wait_within(&mut self, patience: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(patience, async {
            loop {
                match self.process.try_wait().unwrap() {
                    Some(status) => return status,
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        });
        ended.await.unwrap_or_else(|_| panic!("the process does not end"))
    }

    /// The same for a program whose standard output nobody reads any more.
    pub async fn unread(mut self, input: &[u8]) -> (i32, String) {
        drop(self.process.stdout.take());
        self.process.stdin.take().unwrap().write_all(input).unwrap();
        let code = self.wait().await.code().unwrap_or(-1);
        (code, self.complained())
    }

    /// Gives it `input`, and waits for what it prints and for its end.
    pub async fn outcome(self, input: &[u8]) -> Outcome {
        self.outcome_within(input, PATIENCE).await
    }

    /// The same for a program that takes longer.
    pub async fn outcome_within(mut self, input: &[u8], patience: Duration) -> Outcome {
        let mut stdin = self.process.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read its input has closed the pipe.
        let written = spawn_blocking(move || drop(stdin.write_all(&input)));
        let said = spawn_blocking(reader(self.process.stdout.take().unwrap()));
        let ended = self.wait_within(patience).await;
        written.await.unwrap();
        Outcome {
            code: ended.code().unwrap_or(-1),
            said: said.await.unwrap(),
            complained: self.complained(),
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

/// Our own binary with `arguments`, and nothing of the machine's settings; its log says everything.
pub fn jubao(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jubao"));
    command.args(arguments).env_remove("JUBAO_KEY").env_remove("RUST_BACKTRACE");
    command.env("JUBAO_LOG", "trace");
    command
}

/// Runs our binary to its end.
pub async fn run(arguments: &[&str], input: &str) -> Outcome {
    Running::start(&mut jubao(arguments)).outcome(input.as_bytes()).await
}

/// A client of the conformance folder under its interpreter, with no proxy between it and us.
pub fn client(interpreter: &str, script: &str) -> Command {
    client_with(interpreter, &[], script)
}

/// The same with arguments before the script's name.
pub fn client_with(interpreter: &str, arguments: &[&str], script: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.args(arguments).arg(root().join("conformance/clients").join(script));
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
    /// Where it writes what it hears.
    pub log: PathBuf,
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

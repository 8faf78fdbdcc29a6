//! What tests write down for the search: each log line of this process and of those it starts, what
//! HTTP clients read, and the secrets.

use std::collections::hash_map::{DefaultHasher, HashMap};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, Once};

use jubao::demo::identity::MERCHANT;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::foreign::root;

/// Names the folder of the records that a run shares; who finds it set does not empty the folder.
pub const VARIABLE: &str = "JUBAO_TEST_RECORDS";
/// Says that all other tests have ended.
const LAST: &str = "JUBAO_TEST_RECORDS_LAST";
/// The file of the secrets.
const SECRETS: &str = "secrets";
/// Lines that are kept from each place in the source of others' crates.
const LINES_MAX: u32 = 10_000;
/// The same of ours: more than any test but those of a hundred thousand notices makes.
const OUR_LINES_MAX: u32 = 100_000;
/// Where our own lines come from.
const OURS: [&str; 6] = ["kernel", "channels", "store", "gateway", "web", "jubao"];
/// Where reqwest says what it reads and writes, if a client asks for it.
const READ: &str = "reqwest::connect::verbose";

/// What kind of secret it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A key: it is in no log, no answer, no page, no file but its own.
    Key,
    /// What lets a payer into an order's page: it is in that page's address, which merchants and payers
    /// are given, and in no log.
    Page,
    /// The code that a payer shows: merchants send it, upstreams know it, and we keep it nowhere.
    Code,
    /// A user's password: its merchant sends it, and it is in no log, no answer, no file.
    Password,
}

/// Where the records of this run are.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = root().join("target/test-records");
        if variable(VARIABLE).is_none() {
            // They are of an earlier run, or there are none.
            let _ = fs::remove_dir_all(&path);
        }
        fs::create_dir_all(&path).unwrap();
        path
    });
    &FOLDER
}

/// Whether this is the search after all tests.
pub fn is_last_search() -> bool {
    variable(LAST).is_some()
}

#[expect(clippy::disallowed_methods, reason = "how the processes of a run know of each other")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// A program that this process starts belongs to its run.
pub fn is_given(command: &mut std::process::Command) -> &mut std::process::Command {
    command.env(VARIABLE, folder())
}

/// Writes down, from here on, whatever this process logs, at the finest level.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| &*LOG);
        let kept =
            dynamic_filter_fn(|about, _| about.is_span() || is_kept(about.target(), about.line()));
        tracing_subscriber::registry().with(lines.with_filter(kept)).init();
        log::set_logger(&Listener).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    // It is every test's.
    secret(Kind::Key, "the document's key", MERCHANT.key.as_bytes());
}

/// A client, to be refined, that writes down what it is answered.
pub fn client_builder() -> reqwest::ClientBuilder {
    begin();
    reqwest::Client::builder().no_proxy().connection_verbose(true)
}

/// What this process logs.
static LOG: LazyLock<File> = LazyLock::new(|| own("log"));
/// What its HTTP clients read and write.
static ANSWERS: LazyLock<File> = LazyLock::new(|| own("answers"));

fn own(ending: &str) -> File {
    append(&folder().join(format!("{}.{ending}", std::process::id())))
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Whether one more line from a place is kept.
fn is_kept(target: &str, line: Option<u32>) -> bool {
    static SEEN: LazyLock<Mutex<HashMap<u64, u32>>> = LazyLock::new(Mutex::default);
    let krate = target.split(':').next().unwrap_or_default();
    let most = if OURS.contains(&krate) { OUR_LINES_MAX } else { LINES_MAX };
    let mut hasher = DefaultHasher::new();
    (target, line).hash(&mut hasher);
    let mut seen = SEEN.lock().unwrap();
    let count = seen.entry(hasher.finish()).or_default();
    *count += 1;
    *count <= most
}

/// Hears what is said to the facade `log`, as reqwest does.
struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let (target, text) = (record.target(), record.args());
        if target == READ {
            heard(format!("{text}\n").as_bytes());
        } else if is_kept(target, record.line()) {
            // A full disk fails other things first.
            let _ = (&*LOG).write_all(format!("{target}: {text}\n").as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Writes down what a client was answered.
pub fn heard(bytes: &[u8]) {
    // A full disk fails other things first.
    let _ = (&*ANSWERS).write_all(bytes);
}

/// A new file for what a program complains of.
pub fn complaints_file() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder().join(format!("{}-{count}.log", std::process::id()))
}

/// The secrets of this process: of each, what it is and when it was last told of.
struct Known {
    file: File,
    told: usize,
    secrets: HashMap<Vec<u8>, (Kind, String, usize)>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(|| {
    let file = append(&folder().join(SECRETS));
    Mutex::new(Known { file, told: 0, secrets: HashMap::new() })
});

/// Remembers a secret: it must be found nowhere.
pub fn secret(kind: Kind, name: &str, bytes: &[u8]) {
    let mut known = KNOWN.lock().unwrap();
    known.told += 1;
    let now = (kind, name.to_owned(), known.told);
    if known.secrets.insert(bytes.to_vec(), now).is_none() {
        known.file.write_all(line_of((kind, name, bytes)).as_bytes()).unwrap();
    }
}

/// How many times this process was told of a secret.
pub fn told() -> usize {
    KNOWN.lock().unwrap().told
}

/// The secrets that this process was told of after the first `before` times.
pub fn told_since(before: usize) -> Vec<(Kind, String, Vec<u8>)> {
    let known = KNOWN.lock().unwrap();
    let recent = known.secrets.iter().filter(|(_, (_, _, told))| *told > before);
    recent.map(|(bytes, (kind, name, _))| (*kind, name.clone(), bytes.clone())).collect()
}

/// A secret's line in the file of the secrets.
pub fn line_of((kind, name, bytes): (Kind, &str, &[u8])) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let kind = match kind {
        Kind::Key => "key",
        Kind::Page => "page",
        Kind::Code => "code",
        Kind::Password => "password",
    };
    format!("{kind}\t{hex}\t{name}\n")
}

/// What was answered: a record of answers without what the clients of the tests have sent. Lines keep their
/// numbers.
pub fn said(record: &[u8]) -> Vec<u8> {
    const WRITTEN: &[u8] = b" write";
    let is_sent = |line: &[u8]| {
        let id = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        line.get(id..).is_some_and(|rest| rest.starts_with(WRITTEN))
    };
    let lines = record.split(|byte| *byte == b'\n');
    lines.map(|line| if is_sent(line) { &[][..] } else { line }).collect::<Vec<_>>().join(&b'\n')
}

/// The secrets that are written down in `records`.
pub fn secrets(records: &Path) -> Vec<(Kind, String, Vec<u8>)> {
    let text = fs::read_to_string(records.join(SECRETS)).unwrap_or_default();
    // Another test may be writing the last line.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let mut found: Vec<_> = whole.lines().map(read).collect();
    found.sort_by(|one, other| one.2.cmp(&other.2));
    found.dedup_by(|one, other| one.2 == other.2);
    found
}

fn read(line: &str) -> (Kind, String, Vec<u8>) {
    let mut parts = line.split('\t');
    let kind = match parts.next() {
        Some("page") => Kind::Page,
        Some("code") => Kind::Code,
        Some("password") => Kind::Password,
        _ => Kind::Key,
    };
    let hex = parts.next().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes = (0..hex.len()).step_by(2).map(byte).collect();
    (kind, parts.next().unwrap().to_owned(), bytes)
}

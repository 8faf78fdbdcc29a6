//! The operator's configuration: a TOML file whose every key can also come from the environment.

mod edge;
mod old_platform;

use std::fs;
use std::path::{Path, PathBuf};

use gateway::Statuses;
use kernel::egress_policy::Cidr;
use kernel::id::NODES_MAX;
use kernel::old_platform::OldPlatform;
use serde::Deserialize;
use store::Database;
use web::edge::{Limits, TlsFiles};

/// The manual: every key with its meaning and default.
pub const MANUAL: &str = include_str!("../../../config.default.toml");
/// What stands before a key's name in the environment: `JUBAO_PUBLIC_URL` sets `public_url`.
pub const ENVIRONMENT_PREFIX: &str = "JUBAO_";

/// The configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: String,
    /// Where payers and upstreams reach us, without a slash at the end.
    pub public_url: String,
    /// Where the store is.
    pub database: Database,
    /// File of the key-encryption key.
    pub master_key_file: PathBuf,
    /// The number that this process makes ids under; `None`: one that is free.
    pub node: Option<u32>,
    /// Networks that notifications may go to although they are not global.
    pub private_targets: Vec<Cidr>,
    /// HTTP statuses that the contract leaves to the operator.
    pub statuses: Statuses,
    /// The platform that this one replaces, if it still holds orders.
    pub old_platform: Option<OldPlatform>,
    /// What the edge allows.
    pub limits: Limits,
    /// The certificate, if the server speaks TLS itself.
    pub tls: Option<TlsFiles>,
    /// Log filter, in `tracing`'s syntax.
    pub log: String,
    /// `text` or `json`.
    pub log_format: LogFormat,
}

/// Form of log lines.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A number that nobody holds, as the file names it.
const LEASED: &str = "leased";

/// Under which number ids are made, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum NodeWish {
    Number(u32),
    Word(String),
}

/// The file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: String,
    public_url: String,
    database: String,
    master_key_file: String,
    node: NodeWish,
    private_targets: Vec<String>,
    busy_status: u16,
    too_large_status: u16,
    old_platform: String,
    old_platform_until: String,
    old_platform_guard_until: String,
    old_platform_callbacks: Vec<String>,
    tls_cert: String,
    tls_key: String,
    trusted_proxies: Vec<String>,
    first_byte_ms: u64,
    head_ms: u64,
    body_ms: u64,
    write_ms: u64,
    idle_ms: u64,
    connections_max: usize,
    connections_per_address_max: usize,
    event_streams_max: usize,
    event_streams_per_address_max: usize,
    long_polls_max: usize,
    long_polls_per_application_max: usize,
    requests_max: usize,
    callbacks_max: usize,
    pages_max: usize,
    turn_wait_ms: u64,
    rate_per_application: u32,
    rate_per_address: u32,
    log_ins_per_address: u32,
    stop_notice_ms: u64,
    stop_ms: u64,
    log: String,
    log_format: LogFormat,
}

impl Config {
    /// Reads defaults, then `path` if it is given, then the environment.
    ///
    /// # Errors
    /// A sentence that names the key and says what it may be.
    pub fn load(path: Option<&Path>) -> Result<Self, String> {
        let mut table = parse(MANUAL, "config.default.toml")?;
        if let Some(path) = path {
            let text =
                fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            table.extend(parse(&text, &path.display().to_string())?);
        }
        take_environment(&mut table, environment)?;
        let file: File = table
            .try_into()
            .map_err(|error: toml::de::Error| format!("configuration: {}", error.message()))?;
        check(file)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn parse(text: &str, name: &str) -> Result<toml::Table, String> {
    text.parse().map_err(|error: toml::de::Error| format!("{name}: {error}"))
}

/// Takes each known key from the environment; numbers and lists are written as in the file.
fn take_environment(
    table: &mut toml::Table,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<(), String> {
    let keys: Vec<String> = table.keys().cloned().collect();
    for key in keys {
        let name = format!("{ENVIRONMENT_PREFIX}{}", key.to_uppercase());
        let Some(text) = environment(&name) else { continue };
        let is_text = matches!(table.get(&key), Some(toml::Value::String(_)));
        let value = if is_text {
            toml::Value::String(text)
        } else {
            let line = format!("value = {text}").parse::<toml::Table>();
            let value = line.ok().and_then(|mut line| line.remove("value"));
            value.ok_or_else(|| format!("{name}: write it as in the file"))?
        };
        table.insert(key, value);
    }
    Ok(())
}

fn check(file: File) -> Result<Config, String> {
    let is_url = file.public_url.starts_with("http://") || file.public_url.starts_with("https://");
    if !is_url {
        return Err(
            "public_url: an address that begins with https:// (or http:// in a test)".into()
        );
    }
    let node = node(&file.node)?;
    if ![200, 429, 503].contains(&file.busy_status) {
        return Err("busy_status: 200, 429 or 503".into());
    }
    if ![200, 413].contains(&file.too_large_status) {
        return Err("too_large_status: 200 or 413".into());
    }
    let database = Database::parse(&file.database).map_err(|why| format!("database: {why}"))?;
    Ok(Config {
        limits: edge::limits(&file)?,
        tls: edge::tls(&file)?,
        old_platform: old_platform::old_platform(&file)?,
        private_targets: networks("private_targets", &file.private_targets)?,
        listen: file.listen,
        public_url: file.public_url.trim_end_matches('/').to_owned(),
        database,
        master_key_file: PathBuf::from(file.master_key_file),
        node,
        statuses: Statuses { busy: file.busy_status, too_large: file.too_large_status },
        log: file.log,
        log_format: file.log_format,
    })
}

fn node(wish: &NodeWish) -> Result<Option<u32>, String> {
    let number = match wish {
        NodeWish::Word(word) if word == LEASED => return Ok(None),
        NodeWish::Word(text) => text.parse().ok(),
        NodeWish::Number(number) => Some(*number),
    };
    let number = number.filter(|number| *number < NODES_MAX);
    number.map(Some).ok_or_else(|| format!("node: \"{LEASED}\", or 0 to {}", NODES_MAX - 1))
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<Cidr>, String> {
    let network = |text: &String| {
        let wrong = || format!("{key}: {text} is no network like 10.0.0.0/8 or fd00::/8");
        text.parse::<Cidr>().map_err(|_| wrong())
    };
    texts.iter().map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_is_a_valid_configuration() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert!(config.private_targets.is_empty() && config.tls.is_none());
    }

    #[test]
    fn the_manual_says_what_the_edge_does_by_default() {
        let limits = Config::load(None).unwrap().limits;
        let standard = Limits::default();
        assert_eq!(limits.times, standard.times);
        assert_eq!(limits.sockets, standard.sockets);
        assert_eq!(limits.work, standard.work);
        assert_eq!(limits.rates, standard.rates);
    }

    #[test]
    fn the_environment_comes_last() {
        let mut table = parse(MANUAL, "manual").unwrap();
        let environment = |name: &str| match name {
            "JUBAO_PUBLIC_URL" => Some("https://pay.example/".to_owned()),
            "JUBAO_NODE" => Some("7".to_owned()),
            "JUBAO_PRIVATE_TARGETS" => Some(r#"["10.0.0.0/8"]"#.to_owned()),
            _ => None,
        };
        take_environment(&mut table, environment).unwrap();
        let config = check(table.try_into().unwrap()).unwrap();
        assert_eq!(config.public_url, "https://pay.example");
        assert_eq!(config.node, Some(7));
        assert_eq!(config.private_targets.len(), 1);
    }

    #[test]
    fn the_platform_before_is_asked_until_a_time_and_before_placing_as_long() {
        let config = |lines: &str| {
            let mut table = parse(MANUAL, "manual").unwrap();
            table.extend(parse(lines, "test").unwrap());
            check(table.try_into().unwrap()).map(|config| config.old_platform)
        };
        let base = "old_platform = 'https://old.example'\n";
        let until = "old_platform_until = '2027-01-31 00:00:00'\n";
        assert!(config(base).unwrap_err().starts_with("old_platform_until"));
        let old = config(&format!("{base}{until}")).unwrap().unwrap();
        assert_eq!(
            (old.until, old.until.beijing().as_str()),
            (old.guard_until, "2027-01-31 00:00:00")
        );
        let sooner = "old_platform_guard_until = '2027-01-03 00:00:00'";
        let old = config(&format!("{base}{until}{sooner}")).unwrap().unwrap();
        assert_eq!(old.guard_until.beijing(), "2027-01-03 00:00:00");
        let everything = config(&format!("{base}{until}old_platform_callbacks = ['/']"));
        assert!(everything.unwrap_err().starts_with("old_platform_callbacks"));
        assert_eq!(config("").unwrap(), None);
    }

    #[test]
    fn a_wrong_key_is_named() {
        let wrong = |line: &str| {
            let mut table = parse(MANUAL, "manual").unwrap();
            table.extend(parse(line, "test").unwrap());
            let file: Result<File, _> = table.try_into();
            file.map_err(|error| error.message().to_owned()).and_then(check).unwrap_err()
        };
        assert!(wrong("public_url = 'ftp://x'").starts_with("public_url"));
        assert!(wrong("node = 64").starts_with("node"));
        assert!(wrong("node = 'mine'").starts_with("node"));
        assert!(wrong("busy_status = 500").starts_with("busy_status"));
        assert!(wrong("too_large_status = 400").starts_with("too_large_status"));
        assert!(wrong("database = 'mysql:x'").starts_with("database"));
        assert!(wrong("private_targets = ['10/8/8']").starts_with("private_targets"));
        assert!(wrong("no_such_key = 1").contains("no_such_key"));
        for line in [
            "old_platform = 'https://old.example/x'",
            "old_platform = 'http://127.0.0.1:8080'",
            "old_platform_until = '2027-01-31 00:00:00'",
            "old_platform_callbacks = ['/notify/']",
            "tls_cert = 'cert.pem'",
            "tls_key = 'key.pem'",
            "trusted_proxies = ['proxy.example']",
            "first_byte_ms = 0",
            "head_ms = 3600001",
            "connections_max = 0",
            "event_streams_per_address_max = 0",
            "long_polls_max = 0",
            "long_polls_per_application_max = 0",
            "requests_max = 0",
            "requests_max = 3001",
            "turn_wait_ms = 10001",
            "rate_per_address = 1000001",
            "stop_notice_ms = 3600001",
        ] {
            let key = line.split_once(" =").unwrap().0;
            assert!(wrong(line).starts_with(key), "{line}: {}", wrong(line));
        }
    }
}

//! The operator's configuration: a TOML file whose every key can also come from the environment.

use std::fs;
use std::path::{Path, PathBuf};

use gateway::Statuses;
use kernel::egress_policy::Cidr;
use serde::Deserialize;

use crate::data_dir::COMMAND_LINE_NODE;

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
    /// Path of the SQLite file.
    pub database: PathBuf,
    /// File of the key-encryption key.
    pub master_key_file: PathBuf,
    /// Number of this process among those on one store.
    pub node: u32,
    /// Networks that notifications may go to although they are not global.
    pub private_targets: Vec<Cidr>,
    /// HTTP statuses that the contract leaves to the operator.
    pub statuses: Statuses,
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

/// The file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: String,
    public_url: String,
    database: String,
    master_key_file: String,
    node: u32,
    private_targets: Vec<String>,
    busy_status: u16,
    too_large_status: u16,
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
    if file.node >= COMMAND_LINE_NODE {
        return Err(format!("node: 0 to {}", COMMAND_LINE_NODE - 1));
    }
    if ![200, 429, 503].contains(&file.busy_status) {
        return Err("busy_status: 200, 429 or 503".into());
    }
    if ![200, 413].contains(&file.too_large_status) {
        return Err("too_large_status: 200 or 413".into());
    }
    let Some(path) = file.database.strip_prefix("sqlite:") else {
        return Err("database: sqlite:PATH".into());
    };
    let cidrs = file.private_targets.iter().map(|text| {
        text.parse::<Cidr>().map_err(|_| {
            format!("private_targets: {text} is no network like 10.0.0.0/8 or fd00::/8")
        })
    });
    Ok(Config {
        listen: file.listen,
        public_url: file.public_url.trim_end_matches('/').to_owned(),
        database: PathBuf::from(path),
        master_key_file: PathBuf::from(file.master_key_file),
        node: file.node,
        private_targets: cidrs.collect::<Result<_, _>>()?,
        statuses: Statuses { busy: file.busy_status, too_large: file.too_large_status },
        log: file.log,
        log_format: file.log_format,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_is_a_valid_configuration() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert!(config.private_targets.is_empty());
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
        assert_eq!(config.node, 7);
        assert_eq!(config.private_targets.len(), 1);
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
        assert!(wrong("node = 63").starts_with("node"));
        assert!(wrong("busy_status = 500").starts_with("busy_status"));
        assert!(wrong("too_large_status = 400").starts_with("too_large_status"));
        assert!(wrong("database = 'mysql:x'").starts_with("database"));
        assert!(wrong("private_targets = ['10/8/8']").starts_with("private_targets"));
        assert!(wrong("no_such_key = 1").contains("no_such_key"));
    }
}

//! Which database a command works on.

use std::path::PathBuf;

use clap::Args;
use store::Database;

use crate::cli::Failure;
use crate::config::Config;
use crate::data_dir::{FOLDER_DEFAULT, in_folder};

/// Which database, by its folder, its server's configuration, or its own address.
#[derive(Debug, Args)]
pub struct DatabaseArguments {
    /// The data folder (`jubao.db` in it).
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "database"])]
    pub data: Option<PathBuf>,
    /// The server's configuration file, instead of a data folder.
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub config: Option<PathBuf>,
    /// The database itself: sqlite:PATH or postgres://…. Others on this machine see it: a password is safer
    /// in a configuration file, or in JUBAO_DATABASE beside --config.
    #[arg(long, value_name = "DATABASE")]
    pub database: Option<String>,
}

impl DatabaseArguments {
    /// The database.
    pub fn database(&self) -> Result<Database, Failure> {
        if let Some(path) = &self.config {
            return Config::load(Some(path)).map(|config| config.database).map_err(Failure::Input);
        }
        if let Some(folder) = &self.data {
            return Ok(in_folder(folder));
        }
        match &self.database {
            Some(text) => parse("--database", text),
            None => Ok(in_folder(&PathBuf::from(FOLDER_DEFAULT))),
        }
    }

    /// The same; a file must be there, since looking at a mistyped one makes none.
    pub fn present(&self) -> Result<Database, Failure> {
        let database = self.database()?;
        present(&database)?;
        Ok(database)
    }
}

/// Refuses a file that is not there.
pub fn present(database: &Database) -> Result<(), Failure> {
    if database.file().is_none_or(|path| path.is_file()) {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "{database}: there is no store; name its folder with --data, its configuration with --config, or \
         itself with --database"
    )))
}

/// Reads a database's address, which is not repeated: it may hold a password.
pub fn parse(name: &str, text: &str) -> Result<Database, Failure> {
    Database::parse(text).map_err(|why| Failure::Input(format!("{name}: {why}")))
}

//! Which database a command works on.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;
use crate::config::Config;
use crate::data_dir::{DATABASE_NAME, FOLDER_DEFAULT};

/// Which database, by its folder, its server's configuration, or its own address.
#[derive(Debug, Args)]
pub struct DatabaseArguments {
    /// The data folder (`jubao.db` in it).
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "database"])]
    pub data: Option<PathBuf>,
    /// The server's configuration file, instead of a data folder.
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub config: Option<PathBuf>,
    /// The database itself: sqlite:PATH.
    #[arg(long, value_name = "DATABASE")]
    pub database: Option<String>,
}

impl DatabaseArguments {
    /// SQLite's file.
    pub fn file(&self) -> Result<PathBuf, Failure> {
        if let Some(database) = &self.database {
            return file(database);
        }
        if let Some(path) = &self.config {
            return Config::load(Some(path)).map(|config| config.database).map_err(Failure::Input);
        }
        let folder = self.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER_DEFAULT));
        Ok(folder.join(DATABASE_NAME))
    }

    /// The same, which must be there.
    pub fn present_file(&self) -> Result<PathBuf, Failure> {
        let path = self.file()?;
        if path.is_file() {
            return Ok(path);
        }
        Err(Failure::Input(format!(
            "{}: there is no store; name its folder with --data, its configuration with --config, or \
             itself with --database sqlite:PATH",
            path.display()
        )))
    }
}

fn file(database: &str) -> Result<PathBuf, Failure> {
    let path = database.strip_prefix("sqlite:").filter(|path| !path.is_empty());
    path.map(PathBuf::from).ok_or_else(|| Failure::Input("--database: sqlite:PATH".into()))
}

//! Where a gateway's state lives on disk: the store and the key that its secrets are sealed under.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gateway::clock::Clock;
use gateway::ids::random_bytes;
use gateway::vault::{KEY_LENGTH, Vault};
use gateway::{Gateway, Settings, Statuses};
use store::{Options, Store};

use crate::cli::{Failure, StoreArguments};
use crate::config::Config;

/// The data folder when none is named.
pub const FOLDER_DEFAULT: &str = "jubao-data";
/// The store in a data folder.
pub const DATABASE_NAME: &str = "jubao.db";
/// The key-encryption key in a data folder.
pub const KEY_NAME: &str = "master.key";
/// The node number of the command line beside a running server.
pub const COMMAND_LINE_NODE: u32 = 63;

/// Opens a store and its key; what is missing is made. A store whose key is missing gets no new
/// one: its secrets would not open under it.
pub fn open_or_make(database: &Path, key: &Path) -> Result<(Store, Vault), Failure> {
    if database.exists() && !key.exists() {
        return Err(Failure::Input(format!(
            "{} is missing, and {} is sealed under it: put it back from your copy",
            key.display(),
            database.display()
        )));
    }
    // The key first: a process that dies in between leaves nothing that is sealed.
    let vault = open_vault(key)?;
    let store = Store::open(&Options { path: database.to_owned() });
    Ok((store.map_err(|error| Failure::Machine(error.to_string()))?, vault))
}

/// Opens a store that must be there: looking at a mistyped folder makes none.
fn open_present(database: &Path, key: &Path) -> Result<(Store, Vault), Failure> {
    if !database.exists() {
        return Err(Failure::Input(format!(
            "{}: there is no store; name its folder with --data, or its configuration with --config",
            database.display()
        )));
    }
    open_or_make(database, key)
}

fn open_vault(path: &Path) -> Result<Vault, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(path)?,
        Err(error) => return Err(Failure::Machine(format!("{}: {error}", path.display()))),
    };
    Vault::from_base64(text.trim())
        .map_err(|why| Failure::Machine(format!("{}: {why}", path.display())))
}

fn make_key(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Machine(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let text = channels::seal::base64(&random_bytes::<KEY_LENGTH>());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(text)
}

/// Opens a store and its key, as one of the ways above.
type Open = fn(&Path, &Path) -> Result<(Store, Vault), Failure>;

/// A gateway for an operator's command: on the store of a running server or alone, without workers.
pub async fn open_gateway(place: &StoreArguments) -> Result<Gateway, Failure> {
    gateway(place, open_present).await
}

/// The same for a command that may be the first on its store.
pub async fn open_or_make_gateway(place: &StoreArguments) -> Result<Gateway, Failure> {
    gateway(place, open_or_make).await
}

async fn gateway(place: &StoreArguments, open: Open) -> Result<Gateway, Failure> {
    let (database, key, public_url, private_targets) = match &place.config {
        Some(file) => {
            let config = Config::load(Some(file)).map_err(Failure::Input)?;
            (config.database, config.master_key_file, config.public_url, config.private_targets)
        }
        None => {
            let folder = place.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER_DEFAULT));
            (folder.join(DATABASE_NAME), folder.join(KEY_NAME), String::new(), Vec::new())
        }
    };
    let settings = Settings {
        public_url,
        node: COMMAND_LINE_NODE,
        private_targets,
        statuses: Statuses::default(),
        old_platform: None,
    };
    let (store, vault) = open(&database, &key)?;
    Gateway::new(store, vault, Clock::default(), settings).await.map_err(Failure::Machine)
}

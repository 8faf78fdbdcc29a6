//! Where a gateway's state lives on disk: the store and the key that its secrets are sealed under.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gateway::clock::Clock;
use gateway::ids::random_bytes;
use gateway::vault::{KEY_LENGTH, Vault};
use gateway::{Gateway, Settings, Statuses};
use kernel::egress_policy::Cidr;
use store::{Database, Store};

use crate::cli::{Failure, StoreArguments};
use crate::config::Config;

/// The data folder when none is named.
pub const FOLDER_DEFAULT: &str = "jubao-data";
/// The store in a data folder.
pub const DATABASE_NAME: &str = "jubao.db";
/// The key-encryption key in a data folder.
pub const KEY_NAME: &str = "master.key";

/// What the store keeps of its key: a tag that only who has the key can make.
const KEY_TAG: &str = "master_key";

/// Opens a store and its key; what is missing is made. A store whose key is missing gets no new
/// one, and one that is sealed under another key is not opened: its secrets would not open under it.
pub async fn open_or_make(database: &Database, key: &Path) -> Result<(Store, Vault), Failure> {
    if database.file().is_some_and(|file| file.exists()) && !key.exists() {
        return Err(key_is_missing(database, key));
    }
    let (store, vault) = match database {
        // The key first: a process that dies in between leaves nothing that is sealed.
        Database::Sqlite(_) => {
            let vault = open_vault(key)?;
            (open_store(database)?, vault)
        }
        Database::Postgres(_) => {
            let store = open_store(database)?;
            if !key.exists() && key_tag(&store).await?.is_some() {
                return Err(key_is_missing(database, key));
            }
            (store, open_vault(key)?)
        }
    };
    agree(&store, &vault, (database, key)).await?;
    Ok((store, vault))
}

/// Opens a store that must be there: looking at a mistyped folder makes none.
async fn open_present(database: &Database, key: &Path) -> Result<(Store, Vault), Failure> {
    if database.file().is_some_and(|file| !file.exists()) {
        return Err(Failure::Input(format!(
            "{database}: there is no store; name its folder with --data, or its configuration with \
             --config"
        )));
    }
    open_or_make(database, key).await
}

fn open_store(database: &Database) -> Result<Store, Failure> {
    let named = |error| Failure::Machine(format!("{database}: {error}"));
    Store::open(database).map_err(named)
}

/// Sees to it that all processes on a store have one key.
async fn agree(
    store: &Store,
    vault: &Vault,
    (database, key): (&Database, &Path),
) -> Result<(), Failure> {
    let mine = vault.tag("store", "master key");
    let added = store.write(store::meta::add(KEY_TAG, &mine)).await;
    added.map_err(|error| Failure::Machine(error.to_string()))?;
    if key_tag(store).await?.is_some_and(|tag| tag == mine) {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "{} is not the key that {database} is sealed under: put that one in its place",
        key.display()
    )))
}

async fn key_tag(store: &Store) -> Result<Option<String>, Failure> {
    let found = store::meta::value(store, KEY_TAG).await;
    found.map_err(|error| Failure::Machine(error.to_string()))
}

fn key_is_missing(database: &Database, key: &Path) -> Failure {
    Failure::Input(format!(
        "{} is missing, and {database} is sealed under it: put it back from your copy",
        key.display()
    ))
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

/// A gateway for an operator's command: on the store of a running server or alone, without workers.
pub async fn open_gateway(place: &StoreArguments) -> Result<Gateway, Failure> {
    let place = Place::of(place)?;
    let opened = open_present(&place.database, &place.key).await?;
    place.gateway(opened).await
}

/// The same for a command that may be the first on its store.
pub async fn open_or_make_gateway(place: &StoreArguments) -> Result<Gateway, Failure> {
    let place = Place::of(place)?;
    let opened = open_or_make(&place.database, &place.key).await?;
    place.gateway(opened).await
}

/// Where a command works.
struct Place {
    database: Database,
    key: PathBuf,
    public_url: String,
    private_targets: Vec<Cidr>,
}

impl Place {
    fn of(arguments: &StoreArguments) -> Result<Self, Failure> {
        let Some(file) = &arguments.config else {
            let folder = arguments.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER_DEFAULT));
            return Ok(Self {
                database: in_folder(&folder),
                key: folder.join(KEY_NAME),
                public_url: String::new(),
                private_targets: Vec::new(),
            });
        };
        let config = Config::load(Some(file)).map_err(Failure::Input)?;
        Ok(Self {
            database: config.database,
            key: config.master_key_file,
            public_url: config.public_url,
            private_targets: config.private_targets,
        })
    }

    async fn gateway(self, (store, vault): (Store, Vault)) -> Result<Gateway, Failure> {
        let settings = Settings {
            public_url: self.public_url,
            node: None,
            private_targets: self.private_targets,
            statuses: Statuses::default(),
            old_platform: None,
        };
        Gateway::new(store, vault, Clock::default(), settings).await.map_err(Failure::Machine)
    }
}

/// The embedded store of a data folder.
pub fn in_folder(folder: &Path) -> Database {
    Database::Sqlite(folder.join(DATABASE_NAME))
}

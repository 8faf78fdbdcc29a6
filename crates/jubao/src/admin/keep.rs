//! `jubao admin backup` and `restore`: copies of an embedded store, made while it is at work.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use store::upkeep::{self, Existing, Kept};
use store::{Database, StoreError};

use crate::admin::place::DatabaseArguments;
use crate::cli::{Failure, print_line};

/// What stands below the help of both.
pub const HELP: &str = "\
The key that the store's secrets are sealed under (master_key_file, `master.key`) is not in the copy, so that \
whoever finds a copy opens no secret: keep the key elsewhere, once; it never changes. A store that is brought \
back needs it.

A PostgreSQL database is kept with PostgreSQL's own means: deploy/postgres-backup.sh, and the chapter \
\"Keeping a PostgreSQL database\" of docs/guide/operate.md.";

/// Arguments of `admin backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The store.
    #[command(flatten)]
    pub place: DatabaseArguments,
    /// The copy: a file that is not there yet. It gets its name when it is whole, checked and synchronised.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Let the copy take the place of a file that has its name.
    #[arg(long)]
    pub force: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `admin restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// Where the store is to be: nothing may be there, and no server have it open.
    #[command(flatten)]
    pub place: DatabaseArguments,
    /// The copy.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `jubao admin backup`.
pub async fn back_up(arguments: BackupArguments) -> Result<(), Failure> {
    let from = file(arguments.place.present()?)?;
    let BackupArguments { to, force, json, .. } = arguments;
    if to.exists() && !force {
        let to = to.display();
        return Err(Failure::Input(format!("{to}: exists already; name another file, or --force")));
    }
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let name = to.display().to_string();
    let kept = blocking(move || upkeep::back_up(&from, &to, existing)).await?;
    say(json, &kept, &format!("{name}: {} bytes, schema {}", kept.bytes, kept.schema));
    Ok(())
}

/// `jubao admin restore`.
pub async fn restore(arguments: RestoreArguments) -> Result<(), Failure> {
    let database = arguments.place.database()?;
    let name = database.to_string();
    let to = file(database)?;
    let RestoreArguments { from, json, .. } = arguments;
    if !from.is_file() {
        return Err(Failure::Input(format!("{}: there is no such copy", from.display())));
    }
    let kept = blocking(move || upkeep::restore(&from, &to)).await?;
    let text = format!(
        "{name}: {} bytes, schema {}. Put its master.key beside it, then start the server.",
        kept.bytes, kept.schema
    );
    say(json, &kept, &text);
    Ok(())
}

fn file(database: Database) -> Result<PathBuf, Failure> {
    match database {
        Database::Sqlite(path) => Ok(path),
        Database::Postgres(_) => Err(Failure::Input(
            "a PostgreSQL database is kept with PostgreSQL's own means: deploy/postgres-backup.sh"
                .into(),
        )),
    }
}

/// Runs what blocks where it hinders nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::Machine(error.to_string()))?;
    done.map_err(|error| Failure::Machine(error.to_string()))
}

fn say(is_json: bool, kept: &Kept, text: &str) {
    if is_json {
        print_line(json!({ "bytes": kept.bytes, "schema": kept.schema }));
    } else {
        print_line(text);
    }
}

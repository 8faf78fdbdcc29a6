//! Where a bench's store is: in a folder of its own, or in a database of its own on a server. Both are
//! gone with the value.

use std::path::Path;

use store::layout::{Layout, lay_out};
use store::measure::FreshDatabase;
use store::{Database, Store};

use super::{Plan, store_fault};
use crate::cli::Failure;
use crate::data_dir::in_folder;
use crate::demo::FreshFolder;

/// A place for a store and its key.
#[derive(Default)]
pub struct Place {
    folder: Option<FreshFolder>,
    server: Option<FreshDatabase>,
}

impl Place {
    /// Makes one where the plan says.
    ///
    /// # Errors
    /// The folder cannot be written, or the server makes no database.
    pub async fn make(plan: &Plan) -> Result<Self, Failure> {
        let server = match &plan.server {
            Some(url) => Some(FreshDatabase::make(url).await.map_err(store_fault)?),
            None => None,
        };
        let place = Self { folder: Some(FreshFolder::make_in(&plan.folder)?), server };
        if let Some(count) = plan.partitions {
            let laid = lay_out(&place.database()?, Layout::Partitions(count), &mut |_| ()).await;
            laid.map_err(store_fault)?;
        }
        Ok(place)
    }

    /// Somebody else's, who sees to it.
    pub fn of_another() -> Self {
        Self::default()
    }

    /// The store.
    ///
    /// # Errors
    /// The server's address cannot be read.
    pub fn database(&self) -> Result<Database, Failure> {
        match &self.server {
            Some(server) => server.database().map_err(store_fault),
            None => Ok(in_folder(self.folder())),
        }
    }

    /// The folder; the key is in it.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map_or_else(|| Path::new("."), FreshFolder::path)
    }

    /// The database on a server.
    ///
    /// # Errors
    /// The store is in the folder.
    pub fn server(&self) -> Result<&FreshDatabase, Failure> {
        let none = "this is measured on a server: cargo x bench … --store postgres";
        self.server.as_ref().ok_or_else(|| Failure::Input(none.into()))
    }
}

/// A place and a new store in it, without anything in front; the store must be closed first.
///
/// # Errors
/// It cannot be made.
pub async fn open_store(plan: &Plan) -> Result<(Place, Store), Failure> {
    let place = Place::make(plan).await?;
    let store = Store::open(&place.database()?).map_err(store_fault)?;
    Ok((place, store))
}

//! Where a test's store is: in a file of its folder, or in a database of its own on a server. The run
//! says which: `JUBAO_TEST_STORE=postgres cargo test -p jubao --test it`, or `partitioned`.

use std::path::Path;
use std::time::Duration;

use jubao::data_dir::{DATABASE_NAME, KEY_NAME, in_folder};
use rusqlite::Connection;
use store::layout::{self, Layout};
use store::{Database, Store, Value};

use crate::leaks::{self, Kind};

/// Parts of a partitioned database.
pub const PARTS: u16 = 4;
/// What names the engine.
const VARIABLE: &str = "JUBAO_TEST_STORE";
/// How long a statement behind the store's back waits for the store.
const PATIENCE: Duration = Duration::from_secs(20);

/// A store's place.
pub struct Place {
    /// As a configuration names it.
    pub text: String,
    /// As the store is opened.
    pub database: Database,
    server: Option<pgtest::Database>,
}

impl Place {
    /// A place for the store that belongs to `folder`.
    pub async fn of(folder: &Path) -> Self {
        let engine = engine();
        if engine == Engine::File {
            let text = format!("sqlite:{}/{DATABASE_NAME}", folder.display());
            return Self { text, database: in_folder(folder), server: None };
        }
        for password in pgtest::Database::passwords() {
            leaks::secret(Kind::Key, "a password of the server", password.as_bytes());
        }
        let server = match engine {
            Engine::File | Engine::Server => pgtest::Database::fresh_from("gateway", migrate).await,
            Engine::Parts => pgtest::Database::fresh_from("gateway_in_parts", lay_out).await,
        };
        let text = server.url();
        Self { database: Database::parse(&text).unwrap(), text, server: Some(server) }
    }

    /// A file of the test's choosing.
    pub fn in_file(path: &Path) -> Self {
        let text = format!("sqlite:{}", path.display());
        Self { database: Database::parse(&text).unwrap(), text, server: None }
    }

    /// A database of a test's own server, which the gateway reaches at the first of two addresses and
    /// whoever compares at the second.
    pub fn on_server([address, direct]: [&str; 2]) -> Self {
        let database = Database::parse(direct).unwrap();
        Self { text: address.to_owned(), database, server: None }
    }

    /// Writes a configuration for programs beside a gateway on this store, into the gateway's folder.
    pub fn configured(&self, folder: &Path, public_url: &str) -> String {
        let path = folder.join("jubao.toml");
        let text = format!(
            "database = '{}'\nmaster_key_file = '{}/{KEY_NAME}'\npublic_url = '{public_url}'\n\
             private_targets = ['127.0.0.0/8']\n",
            self.text,
            folder.display(),
        );
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs a statement behind the store's back; says how many rows it changed. `?1`, … in it stand for
    /// the values.
    pub async fn execute(&self, sql: &str, values: &[Value]) -> usize {
        let sql = filled(sql, values);
        match (&self.server, &self.database) {
            (Some(server), _) => {
                let changed = server.raw().await.execute(&sql, &[]).await.unwrap();
                usize::try_from(changed).unwrap()
            }
            (None, database) => behind(database).execute(&sql, []).unwrap(),
        }
    }

    /// What a statement counts behind the store's back.
    pub async fn count(&self, sql: &str) -> i64 {
        match (&self.server, &self.database) {
            (Some(server), _) => server.raw().await.query_one(sql, &[]).await.unwrap().get(0),
            (None, database) => behind(database).query_row(sql, [], |row| row.get(0)).unwrap(),
        }
    }
}

/// Another connection to a store's file.
fn behind(database: &Database) -> Connection {
    let file = Connection::open(database.file().unwrap()).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    file
}

/// Where the stores of a run are.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Engine {
    File,
    Server,
    /// The same, partitioned by merchant.
    Parts,
}

fn engine() -> Engine {
    #[expect(clippy::disallowed_methods, reason = "how a run says which engine it is about")]
    let named = std::env::var(VARIABLE);
    match named.as_deref() {
        Err(_) | Ok("sqlite") => Engine::File,
        Ok("postgres") => Engine::Server,
        Ok("partitioned") => Engine::Parts,
        Ok(other) => panic!("{VARIABLE} is {other}: sqlite, postgres or partitioned"),
    }
}

/// The same, laid out in [`PARTS`].
pub async fn lay_out(url: String) {
    let database = Database::parse(&url).unwrap();
    layout::lay_out(&database, Layout::Partitions(PARTS), &mut |_| {}).await.unwrap();
}

/// Makes the tables, as for every store of a run on a server.
pub async fn migrate(url: String) {
    drop(Store::open(&Database::parse(&url).unwrap()).unwrap());
}

/// A statement with its values written out.
fn filled(sql: &str, values: &[Value]) -> String {
    let mut text = sql.to_owned();
    for (at, value) in values.iter().enumerate().rev() {
        let literal = match value {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Null => "null".to_owned(),
        };
        text = text.replace(&format!("?{}", at + 1), &literal);
    }
    text
}

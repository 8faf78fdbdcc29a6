//! A store that was moved to a server's database, and copies of that which are spoilt by hand.

use gateway::inspect::Finding;
use store::{Database, Store, upkeep};

use super::spoilt::Traded;
use crate::holds::findings;
use crate::leaks::{self, Kind};

/// A database that a store was moved to.
pub struct Moved {
    database: pgtest::Database,
    /// Tables whose rows are never changed or deleted.
    guarded: Vec<String>,
}

impl Moved {
    /// Moves a store into an empty database.
    pub async fn from(traded: &Traded, database: pgtest::Database) -> Self {
        for password in pgtest::Database::passwords() {
            leaks::secret(Kind::Password, "a database's", password.as_bytes());
        }
        let from = Database::Sqlite(traded.database());
        let to = Database::parse(&database.url()).unwrap();
        let work = move || {
            let go_on = &mut |_| std::ops::ControlFlow::Continue(());
            upkeep::start(&from, &to, go_on)
        };
        tokio::task::spawn_blocking(work).await.unwrap().unwrap();
        let rows = database.raw().await.query(include_str!("tables_guarded.sql"), &[]).await;
        let guarded = rows.unwrap().iter().map(|row| row.get(0)).collect();
        Self { database, guarded }
    }

    /// What `jubao admin check` finds in a copy in which `sql` was done behind everybody's back.
    pub async fn found(&self, sql: &str) -> Vec<Finding> {
        let of = |verb: &str| -> String {
            let one = |table: &String| format!("alter table {table} {verb} trigger user;");
            self.guarded.iter().map(one).collect()
        };
        // One that drops a trigger finds it gone.
        let spoilt = format!("begin; {} {sql}; {} commit", of("disable"), of("enable"));
        self.found_guarded(&spoilt).await
    }

    /// The same, where the schema's own guards look on.
    pub async fn found_guarded(&self, sql: &str) -> Vec<Finding> {
        let copy = self.database.copy().await;
        copy.raw().await.batch_execute(sql).await.unwrap_or_else(|why| panic!("{sql}: {why:?}"));
        let database = Database::parse(&copy.url()).unwrap();
        let opened = tokio::task::spawn_blocking(move || Store::open(&database)).await.unwrap();
        let store = opened.unwrap();
        let (_, found) = findings(&store, None).await.unwrap();
        tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
        found
    }
}

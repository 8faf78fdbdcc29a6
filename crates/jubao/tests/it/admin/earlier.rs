//! `jubao admin check` of a database that an earlier version wrote: it is refused with the cure, and is what
//! it was.

use std::path::Path;

use rusqlite::Connection;

use crate::foreign::run;
use crate::leaks::{self, Kind, TestFolder};
use crate::place;

/// A store of the first release, with an order in it.
pub fn old(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let migrations = store::upkeep::plan(&store::Database::Sqlite("/nowhere/at.all".into()));
    let first = migrations.unwrap().pending.swap_remove(0);
    connection.execute_batch(include_str!("old_store.sql")).unwrap();
    for statement in first.statements {
        connection.execute_batch(&statement).unwrap();
    }
    connection.execute_batch(include_str!("old_rows.sql")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_earlier_version_is_not_migrated_by_a_look() {
    let folder = TestFolder::make();
    let path = folder.path().join("old.db");
    old(&path);
    let before = std::fs::read(&path).unwrap();
    let database = format!("sqlite:{}", path.display());
    let refused = run(&["admin", "check", "--database", &database], "").await;
    assert_eq!((refused.code, refused.said.as_str()), (2, ""), "{refused:?}");
    for says in ["its schema is 1, not ", "jubao admin migrate"] {
        assert!(refused.complained.contains(says), "{refused:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let migrated = run(&["admin", "migrate", "--database", &database], "").await;
    assert_eq!(migrated.code, 0, "{migrated:?}");
    let checked = run(&["admin", "check", "--database", &database], "").await;
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_database_of_an_earlier_version_and_an_empty_one_stay_as_they_are() {
    for password in pgtest::Database::passwords() {
        leaks::secret(Kind::Password, "a database's", password.as_bytes());
    }
    let earlier = pgtest::Database::fresh_from("gateway", place::migrate).await;
    let wind_back = include_str!("wind_back.sql");
    earlier.raw().await.batch_execute(wind_back).await.unwrap();
    let empty = pgtest::Database::fresh().await;
    for (database, says) in [(&earlier, "its schema is 1, not "), (&empty, "there is no store")] {
        let refused = run(&["admin", "check", "--database", &database.url()], "").await;
        assert_eq!((refused.code, refused.said.as_str()), (2, ""), "{refused:?}");
        assert!(refused.complained.contains(says), "{refused:?}");
    }
    assert_eq!(earlier.count("meta where name = 'schema' and value = '1'").await, 1);
    assert_eq!(empty.count("pg_class where relname = 'meta'").await, 0, "looking makes nothing");
}

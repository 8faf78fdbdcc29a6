//! Databases of the shared server.

use std::time::{Duration, Instant};

use super::{TABLE, count, insert};
use crate::{Database, connect};

async fn from_template() -> Database {
    Database::fresh_from("of_tests", async |url| {
        let client = connect(&url).await;
        client.batch_execute(TABLE).await.unwrap();
        insert(&client, 1).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn each_test_has_a_copy_of_what_was_migrated_once() {
    let (one, other) = (from_template().await, from_template().await);
    insert(&one.raw().await, 2).await.unwrap();
    assert_eq!((one.count("acknowledged").await, count(&other.raw().await).await), (2, 1));
}

#[tokio::test]
async fn a_copy_takes_a_moment() {
    let first = from_template().await;
    let began = Instant::now();
    let mut copies = Vec::new();
    for _ in 0..10 {
        copies.push(from_template().await);
    }
    let each = began.elapsed() / 10;
    println!("a database copied in {} ms", each.as_millis());
    // Sane on a busy machine; it takes a twentieth of that.
    assert!(each < Duration::from_secs(1), "{each:?}");
    drop(first);
}

#[tokio::test]
async fn a_database_is_gone_with_its_value_whoever_is_in_it() {
    let (database, other) = (Database::fresh().await, Database::fresh().await);
    let (client, look) = (database.raw().await, other.raw().await);
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    drop(database);
    // Statements are done in their order: when another database has been made, it is gone.
    drop(Database::fresh().await);
    let found = look.query("select 1 from pg_database where datname = $1", &[&name]).await;
    assert!(found.unwrap().is_empty());
    assert!(client.batch_execute("select 1").await.is_err());
}

#[tokio::test]
async fn a_gateways_role_is_no_superuser_and_texts_are_not_sorted_by_bytes() {
    let client = Database::fresh().await;
    let client = client.raw().await;
    let row = client
        .query_one("select rolsuper, 'a' < 'B' from pg_roles where rolname = current_user", &[]);
    let row = row.await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
}

//! What this crate's servers, databases and proxies do, shown on real ones.

mod database;
mod proxy;
mod server;
mod standby;

use tokio_postgres::Client;

/// A table with one row for each acknowledged insert.
const TABLE: &str = "create table acknowledged (id bigint primary key)";

async fn insert(client: &Client, id: i64) -> Result<u64, tokio_postgres::Error> {
    client.execute("insert into acknowledged values ($1)", &[&id]).await
}

async fn count(client: &Client) -> i64 {
    let found = client.query_one("select count(*) from acknowledged", &[]).await;
    found.unwrap().get(0)
}

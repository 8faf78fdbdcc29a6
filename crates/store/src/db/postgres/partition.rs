//! How a database is laid out to grow: the tables that grow with orders as partitions by a hash of the
//! merchant, or spread over a cluster by Citus. Every statement stays as it is, because keys begin with
//! the merchant.
//!
//! One transaction for each table, which holds it: what is laid out stays so when the next one fails,
//! and the same command goes on from there. No row is changed; their number is compared.

use tokio_postgres::{Client, Transaction};

use super::connect::Target;
use super::fault::{Fault, fault};
use super::migrate;
use crate::StoreError;
use crate::layout::{Laid, Layout};

/// Tables that grow with orders, all by merchant. The first is what Citus keeps the others beside.
pub(crate) const GROWING: [&str; 13] = [
    "orders",
    "order_events",
    "attempts",
    "ledger_entries",
    "notices",
    "notice_attempts",
    "messages",
    "refunds",
    "pay_codes",
    "request_keys",
    "nonces",
    "feed",
    "feed_heads",
];

/// Tables that grow with merchants only: a cluster has a copy of each on every node.
pub(crate) const SMALL: [&str; 9] = [
    "merchants",
    "applications",
    "stores",
    "accounts",
    "account_versions",
    "retired_keys",
    "users",
    "user_emails",
    "exchange_rates",
];

/// Tables of the database itself: a cluster leaves them where the gateways connect to.
#[cfg(test)]
pub(crate) const OWN: [&str; 6] =
    ["meta", "lanes", "nodes", "audit", "login_failures", "login_addresses"];

/// How a table is stored: `r` is one table, `p` has so many partitions.
const FOUND: &str =
    "select c.relkind::text, (select count(*) from pg_inherits where inhparent = c.oid)
from pg_class as c where c.oid = to_regclass($1::text)";
/// What belongs to a table and is made anew: its key first, then its indexes and triggers.
const PARTS: &str = "select part from (
select 1 as place, 'alter table ' || $1::text || ' add constraint ' || quote_ident(conname::text) || ' '
    || pg_get_constraintdef(oid) as part
from pg_constraint where conrelid = to_regclass($1::text) and contype = 'p'
union all select 2, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
from pg_index where indrelid = to_regclass($1::text) and not indisprimary
union all select 3, pg_get_triggerdef(oid)
from pg_trigger where tgrelid = to_regclass($1::text) and not tgisinternal
) as parts order by place, part";
/// How long a table may be rewritten, and how long it may have to be waited for.
const PATIENCE: &str = "set local statement_timeout = 0; set local lock_timeout = '60s';
set local idle_in_transaction_session_timeout = 0";
/// Remembers the layout, so that tables of later versions follow it.
const REMEMBER: &str = "insert into meta (name, value) values ('partitions', $1)
on conflict (name) do update set value = excluded.value";
/// The layout, if there is one.
const REMEMBERED: &str = "select value from meta where name = 'partitions'";

/// Whether the server is a cluster's.
const HAS_CITUS: &str = "select count(*) from pg_proc where proname in ('create_distributed_table', 'create_reference_table')";
/// Whether Citus has the table already.
const IS_SPREAD: &str =
    "select count(*) from pg_dist_partition where logicalrelid = to_regclass($1::text)";
/// Spreads the first table over so many shards.
const SPREAD: &str = "select create_distributed_table(to_regclass($1::text), 'mch_id',
colocate_with := 'none', shard_count := $2::integer)";
/// Spreads another table in the same way, each shard beside the first table's.
const SPREAD_BESIDE: &str = "select create_distributed_table(to_regclass($1::text), 'mch_id',
colocate_with := 'orders')";
/// Copies a table to every node.
const COPY: &str = "select create_reference_table(to_regclass($1::text))";
/// The triggers that keep histories as they are look at their own row only.
const ALLOW_TRIGGERS: &str = "set local citus.enable_unsafe_triggers = on";
/// Rows that were moved to the nodes are still on the disk here, unseen.
const LEAVE_NOTHING: &str =
    "select truncate_local_data_after_distributing_table(to_regclass($1::text))";

/// Lays a database out, after the migrations that it has not seen; `tell` hears of each table.
pub(crate) async fn lay_out(
    target: &Target,
    layout: Layout,
    tell: &mut (dyn FnMut(Laid) + Send),
) -> Result<(), Fault> {
    let mut client = target.connect().await?;
    migrate::migrate(&mut client).await?;
    match layout {
        Layout::Partitions(count) => {
            for table in GROWING {
                let laid = within(&mut client, async |work| partition(work, table, count).await);
                tell(laid.await?);
            }
            let set = client.execute(REMEMBER, &[&count.to_string()]).await;
            set.map(|_| ()).map_err(|error| fault(&error, REMEMBER))
        }
        Layout::Shards(count) => distribute(&mut client, count, tell).await,
    }
}

/// Lays out the tables that a migration has just made, in its transaction, as the others are.
pub(crate) async fn follow(work: &Transaction<'_>) -> Result<(), Fault> {
    let found = work.query_opt(REMEMBERED, &[]).await.map_err(|e| fault(&e, REMEMBERED))?;
    let Some(row) = found else { return Ok(()) };
    let text: String = row.try_get(0).map_err(|error| fault(&error, REMEMBERED))?;
    let count = text.parse();
    let count = count.map_err(|_| StoreError::Corrupt(format!("meta: partitions is {text:?}")))?;
    for table in GROWING {
        partition(work, table, count).await?;
    }
    Ok(())
}

/// Runs `work` in a transaction under the lock of migrations.
async fn within(
    client: &mut Client,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<Laid, Fault>,
) -> Result<Laid, Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, "lay out");
    let transaction = client.transaction().await.map_err(named)?;
    run(&transaction, PATIENCE).await?;
    run(&transaction, migrate::LOCK).await?;
    let laid = work(&transaction).await?;
    transaction.commit().await.map_err(named)?;
    Ok(laid)
}

/// Rewrites one table as `count` partitions, unless it is that.
async fn partition(work: &Transaction<'_>, table: &'static str, count: u16) -> Result<Laid, Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, FOUND);
    let found = work.query_one(FOUND, &[&table]).await.map_err(named)?;
    let (kind, parts): (String, i64) =
        (found.try_get(0).map_err(named)?, found.try_get(1).map_err(named)?);
    if kind == "p" && parts == i64::from(count) {
        return Ok(Laid { table, rows: 0, was_so: true });
    }
    run(work, &format!("lock table {table} in access exclusive mode")).await?;
    let rows = work.query(PARTS, &[&table]).await.map_err(|error| fault(&error, PARTS))?;
    let parts: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let parts = parts.map_err(|error| fault(&error, PARTS))?;
    run(work, &format!("alter table {table} rename to {table}_before")).await?;
    run(
        work,
        &format!(
            "create table {table} (like {table}_before including defaults including constraints) \
             partition by hash (mch_id)"
        ),
    )
    .await?;
    for at in 0..count {
        let one = format!(
            "create table {table}_{count}_{at} partition of {table} \
             for values with (modulus {count}, remainder {at})"
        );
        run(work, &one).await?;
    }
    let moved = move_rows(work, table).await?;
    // Names of indexes and triggers are free again.
    run(work, &format!("drop table {table}_before")).await?;
    for part in &parts {
        run(work, part).await?;
    }
    run(work, &format!("analyze {table}")).await?;
    Ok(Laid { table, rows: moved, was_so: false })
}

/// Copies every row, and makes sure of it.
async fn move_rows(work: &Transaction<'_>, table: &'static str) -> Result<u64, Fault> {
    let insert = format!("insert into {table} select * from {table}_before");
    let moved = work.execute(&insert, &[]).await.map_err(|error| fault(&error, &insert))?;
    let count = format!("select count(*) from {table}_before");
    let row = work.query_one(&count, &[]).await.map_err(|error| fault(&error, &count))?;
    let before: i64 = row.try_get(0).map_err(|error| fault(&error, &count))?;
    if before.unsigned_abs() != moved {
        let why = format!("{table}: {moved} rows of {before} were copied; nothing is changed");
        return Err(StoreError::Defect(why).into());
    }
    Ok(moved)
}

/// Spreads the growing tables over a cluster, and copies the small ones to every node.
async fn distribute(
    client: &mut Client,
    shards: u16,
    tell: &mut (dyn FnMut(Laid) + Send),
) -> Result<(), Fault> {
    if number(client, HAS_CITUS, "").await? < 2 {
        return Err(refused(
            "the server has no Citus: install it on every node, create the extension in this \
             database, add the nodes with citus_add_node, and try again",
        ));
    }
    for table in GROWING {
        let named = |error: tokio_postgres::Error| fault(&error, FOUND);
        let found = client.query_one(FOUND, &[&table]).await.map_err(named)?;
        if found.try_get::<_, String>(0).map_err(named)? == "p" {
            return Err(refused(
                "the tables are partitioned on this server: a cluster's shards take the place of \
                 partitions, so distribute a database that was never partitioned (jubao admin move \
                 makes one)",
            ));
        }
    }
    for table in GROWING.into_iter().chain(SMALL) {
        tell(spread(client, table, i32::from(shards)).await?);
    }
    Ok(())
}

/// Hands one table to Citus, unless it has it.
async fn spread(client: &mut Client, table: &'static str, shards: i32) -> Result<Laid, Fault> {
    if number(client, IS_SPREAD, table).await? > 0 {
        return Ok(Laid { table, rows: 0, was_so: true });
    }
    let count = format!("select count(*) from {table}");
    let laid = within(client, async |work| {
        run(work, ALLOW_TRIGGERS).await?;
        let row = work.query_one(&count, &[]).await.map_err(|error| fault(&error, &count))?;
        let rows: i64 = row.try_get(0).map_err(|error| fault(&error, &count))?;
        let (sql, done) = match GROWING.iter().position(|growing| *growing == table) {
            Some(0) => (SPREAD, work.query(SPREAD, &[&table, &shards]).await),
            Some(_) => (SPREAD_BESIDE, work.query(SPREAD_BESIDE, &[&table]).await),
            None => (COPY, work.query(COPY, &[&table]).await),
        };
        done.map_err(|error| fault(&error, sql))?;
        Ok(Laid { table, rows: rows.unsigned_abs(), was_so: false })
    });
    let laid = laid.await?;
    if laid.rows > 0 {
        let left = client.query(LEAVE_NOTHING, &[&table]).await;
        left.map_err(|error| fault(&error, LEAVE_NOTHING))?;
    }
    Ok(laid)
}

/// What a statement counts, of a table if it asks for one.
async fn number(client: &Client, sql: &str, table: &str) -> Result<i64, Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, sql);
    let found = if table.is_empty() {
        client.query_one(sql, &[]).await
    } else {
        client.query_one(sql, &[&table]).await
    };
    found.and_then(|row| row.try_get(0)).map_err(named)
}

async fn run(work: &Transaction<'_>, sql: &str) -> Result<(), Fault> {
    work.batch_execute(sql).await.map_err(|error| fault(&error, sql))
}

fn refused(why: &str) -> Fault {
    Fault::Store(StoreError::Unavailable(format!("PostgreSQL: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{CREATE_META, MIGRATIONS};

    /// The tables of all migrations, each with its text.
    fn tables() -> Vec<(String, String)> {
        let statements = MIGRATIONS.iter().flat_map(|text| text.split(";\n"));
        let made = statements.chain([CREATE_META, migrate::OWN]).flat_map(|text| {
            text.split("create table ").skip(1).map(|rest| {
                let rest = rest.trim_start_matches("if not exists ");
                let name = rest.split([' ', '(']).next().unwrap_or_default();
                (name.to_owned(), rest.to_owned())
            })
        });
        made.collect()
    }

    #[test]
    fn every_table_has_its_place_and_what_grows_is_keyed_by_merchant() {
        for (name, text) in tables() {
            let places = [&GROWING[..], &SMALL[..], &OWN[..]];
            let count = places.iter().filter(|list| list.contains(&name.as_str())).count();
            assert_eq!(count, 1, "{name}: put it into GROWING, SMALL or OWN");
            if GROWING.contains(&name.as_str()) {
                assert!(text.contains("primary key (mch_id"), "{name}");
            }
        }
    }

    #[test]
    fn unique_indexes_of_growing_tables_begin_with_the_merchant() {
        let statements = MIGRATIONS.iter().flat_map(|text| text.split(";\n"));
        for text in statements.filter(|text| text.contains("create unique index ")) {
            let (_, rest) = text.split_once(" on ").unwrap();
            let is_growing = GROWING.iter().any(|name| rest.starts_with(&format!("{name} ")));
            assert!(!is_growing || rest.contains("(mch_id, "), "{text}");
        }
    }
}

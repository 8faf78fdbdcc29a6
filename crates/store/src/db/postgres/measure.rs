//! What benches need of a server: a database of their own, the path that group commit is measured
//! against, and what the server itself says of its syncs. Nothing of the program uses it.

use std::thread;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, NoTls};

use super::connect::Target;
use super::fault::{Fault, fault};
use super::session;
use crate::batch::{Batch, Value};
use crate::database::{Database, PostgresUrl};
use crate::{StoreError, orders};

/// Connections of a gateway that makes one statement for each request: more were slower.
const CONNECTIONS: usize = 16;
/// How long a request waits for one of them.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// The history's first row, out of the order that the same statement has inserted.
const AND_BEGIN: &str = "insert into order_events
(mch_id, order_id, rev, from_state, to_state, event, batch_id, at)
select mch_id, id, rev, '', state, 'placed', id, created_at from placed";
/// How often the server has synced its log.
const SYNCS: &str = "select wal_sync from pg_stat_wal";
/// A session tells what it has done when it ends, and that may take so long.
const ENDS_WITHIN: Duration = Duration::from_millis(500);
/// How a database of a bench is named before its number.
const PREFIX: &str = "jubao_bench_";

/// A database that is dropped with this value.
pub struct FreshDatabase {
    server: PostgresUrl,
    name: String,
    url: String,
}

impl FreshDatabase {
    /// Makes an empty database on the server, as whose address names a user who may.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn make(server: &PostgresUrl) -> Result<Self, StoreError> {
        let client = connected(server).await?;
        let named = |error: tokio_postgres::Error| fault(&error, "make a database");
        let row = client.query_one("select gen_random_uuid()::text", &[]).await;
        let id: String =
            row.and_then(|row| row.try_get(0)).map_err(named).map_err(Fault::into_store_error)?;
        let name = format!("{PREFIX}{}", id.replace('-', "_"));
        let create = format!("create database {name} template template0 encoding 'UTF8'");
        execute(&client, &create).await?;
        let url = address_of(server.expose(), &name);
        Ok(Self { server: server.clone(), name, url })
    }

    /// Where it is.
    ///
    /// # Errors
    /// The address cannot be read: the server's could.
    pub fn database(&self) -> Result<Database, StoreError> {
        Database::parse(&self.url).map_err(StoreError::Defect)
    }

    /// Its address, with the password: for a process of the bench.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often its server has synced its log in sessions that have ended.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn syncs(&self) -> Result<u64, StoreError> {
        tokio::time::sleep(ENDS_WITHIN).await;
        let client = connected(&self.server).await?;
        let row = client.query_one(SYNCS, &[]).await;
        let count: Result<i64, _> = row.and_then(|row| row.try_get(0));
        let count = count.map_err(|error| fault(&error, SYNCS).into_store_error())?;
        Ok(count.unsigned_abs())
    }

    /// What `pgbench` has to find in its environment.
    ///
    /// # Errors
    /// The address cannot be read.
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        let Target { config, .. } = Target::read(&self.url).map_err(StoreError::Defect)?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5_432);
        let password = config.get_password().unwrap_or_default();
        Ok(vec![
            ("PGHOST", host),
            ("PGPORT", port.to_string()),
            ("PGUSER", config.get_user().unwrap_or_default().to_owned()),
            ("PGPASSWORD", String::from_utf8_lossy(password).into_owned()),
            ("PGDATABASE", self.name.clone()),
        ])
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread of its own: this may be one of a runtime, where nothing may wait.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| {
                runtime.block_on(async {
                    let drop = format!("drop database {name} with (force)");
                    execute(&connected(&server).await?, &drop).await
                })
            })
        });
        if !matches!(dropped.join(), Ok(Ok(Ok(())))) {
            tracing::warn!(database = self.name, "a bench's database is left behind");
        }
    }
}

/// A store that makes one statement for each order, over several connections.
pub struct OneStatement(Pool);

impl OneStatement {
    /// Opens it on a database in which migrations have run.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(database: &FreshDatabase) -> Result<Self, StoreError> {
        let target = Target::read(&database.url).map_err(StoreError::Defect)?;
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(target.config, NoTls, config);
        let builder = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1);
        let pool = builder.wait_timeout(Some(WAIT_MAX)).build();
        pool.map(Self).map_err(|error| StoreError::Defect(error.to_string()))
    }

    /// Places an order with the first row of its history; `false` if its number is taken.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn place(&self, batch: &Batch) -> Result<bool, StoreError> {
        let no_order = || StoreError::Defect("the batch places no order".into());
        let guard = batch.guard.as_ref().filter(|guard| guard.sql == orders::INSERT);
        let guard = guard.ok_or_else(no_order)?;
        let client = self.0.get().await.map_err(|_| StoreError::Busy)?;
        let sql = format!(
            "with placed as ({} returning mch_id, id, rev, state, created_at)\n{AND_BEGIN}",
            orders::INSERT
        );
        let run = async {
            let plan = client.prepare_cached(&sql).await.map_err(|error| fault(&error, &sql))?;
            session::run(&client, (&plan, &sql), &guard.values).await
        };
        run.await.map(|effect| effect.count == 1).map_err(Fault::into_store_error)
    }
}

/// A script for `pgbench` that inserts the order of `batch`, each time with another number.
///
/// # Errors
/// The batch places no order.
pub fn single_row_script(batch: &Batch) -> Result<String, StoreError> {
    let guard = batch.guard.as_ref().filter(|guard| guard.sql == orders::INSERT);
    let guard = guard.ok_or_else(|| StoreError::Defect("the batch places no order".into()))?;
    let mut sql = orders::INSERT.replace('\n', " ");
    for (number, value) in (1..).zip(&guard.values).collect::<Vec<_>>().into_iter().rev() {
        let text = match (number, value) {
            (1, _) => ":id".to_owned(),
            (5, _) => "'P' || (:id)::bigint".to_owned(),
            (_, Value::Int(number)) => number.to_string(),
            (_, Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            (_, Value::Null) => "null".to_owned(),
        };
        sql = sql.replace(&format!("${number}"), &text);
    }
    Ok(format!("\\set id random(1, 9000000000000000)\n{sql};\n"))
}

async fn connected(server: &PostgresUrl) -> Result<Client, StoreError> {
    let target = Target::read(server.expose()).map_err(StoreError::Defect)?;
    target.connect().await.map_err(Fault::into_store_error)
}

async fn execute(client: &Client, sql: &str) -> Result<(), StoreError> {
    let done = client.batch_execute(sql).await;
    done.map_err(|error| fault(&error, sql).into_store_error())
}

/// The address of another database on the same server.
fn address_of(server: &str, name: &str) -> String {
    let (place, query) =
        server.split_once('?').map_or((server, ""), |(place, query)| (place, query));
    let (scheme, rest) = place.split_once("://").unwrap_or(("postgres", place));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{host}/{name}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Statement;

    #[test]
    fn another_database_has_the_same_server() {
        assert_eq!(address_of("postgres://u:p@h:1/a?x=1", "b"), "postgres://u:p@h:1/b?x=1");
        assert_eq!(address_of("postgres://u@h", "b"), "postgres://u@h/b");
    }

    #[test]
    fn the_script_of_pgbench_inserts_the_row_under_numbers_of_its_own() {
        let values = (1..=39).map(|at| if at == 21 { "it's".into() } else { Value::Int(at) });
        let batch = Batch::guarded(Statement::of_one_row(orders::INSERT, values.collect()));
        let script = single_row_script(&batch).unwrap();
        assert!(script.starts_with("\\set id "), "{script}");
        assert!(script.contains("values (:id, 2, 3, 4, 'P' || (:id)::bigint, 6, "), "{script}");
        assert!(script.contains("20, 'it''s', 22,") && !script.contains('$'), "{script}");
        assert!(single_row_script(&Batch::default()).is_err());
    }
}

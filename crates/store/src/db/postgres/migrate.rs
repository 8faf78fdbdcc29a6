//! The schema on PostgreSQL: the same migrations as on SQLite, all in one transaction, by one process
//! at a time.

use tokio_postgres::Client;

use super::fault::{Fault, fault};
use super::{partition, words};
use crate::StoreError;
use crate::db::{
    APPEND_ONLY, CREATE_META, MIGRATIONS, MOVING, SCHEMA, SET_SCHEMA, moving, too_new,
};

/// Held by whoever migrates, until its transaction ends.
pub(super) const LOCK: &str = "select pg_advisory_xact_lock(5210502105689)";
/// A migration may take its time, and waits for those who read.
const PATIENCE: &str = "set local statement_timeout = 0; set local lock_timeout = '30s'";

/// What only this engine has, beside the first migration. An order is asked for by its number alone,
/// which names no merchant; and each lane of each process writes how far it has come.
pub(super) const OWN: &str = "create index orders_id on orders (id);
create table lanes (
    name text collate \"C\" not null,
    epoch bigint not null,
    seq bigint not null,
    primary key (name)
) with (fillfactor = 50);
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%: rows are never changed or deleted', tg_table_name;
end $$";

/// The names of the unique indexes and the triggers that the schema has, and that are at work: on every
/// partition of a table that has partitions.
pub(crate) const GUARDS: &str = "select c.relname::text from pg_index i
join pg_class c on c.oid = i.indexrelid
where i.indisunique and i.indisvalid and c.relnamespace = current_schema()::regnamespace
union all select t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = current_schema()::regnamespace
group by t.tgname having bool_and(t.tgenabled in ('O', 'A'))";

/// The names of all triggers.
pub(crate) fn triggers() -> Vec<String> {
    APPEND_ONLY.iter().map(|(_, table)| format!("{table}_no_change")).collect()
}

/// What a migration runs.
pub(crate) fn migration(number: usize) -> Vec<String> {
    let sql = number.checked_sub(1).and_then(|at| MIGRATIONS.get(at)).copied().unwrap_or_default();
    let own = if number == 1 { OWN } else { "" };
    let guards =
        APPEND_ONLY.iter().filter(|(migration, _)| *migration == number).map(|(_, name)| {
            format!(
                "create trigger {name}_no_change before update or delete on {name} \
             for each row execute function refuse_change()"
            )
        });
    let statements = sql.split(";\n").map(words::table).chain([own.to_owned()]).chain(guards);
    statements.filter(|statement| !statement.trim().is_empty()).collect()
}

/// Runs the migrations that the database has not seen.
pub(super) async fn migrate(client: &mut Client) -> Result<(), Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, "migrate");
    let transaction = client.transaction().await.map_err(named)?;
    let run = async |sql: &str| -> Result<(), Fault> {
        transaction.batch_execute(sql).await.map_err(|error| fault(&error, sql))
    };
    run(PATIENCE).await?;
    run(LOCK).await?;
    run(&words::table(CREATE_META)).await?;
    let found = transaction.query_opt(SCHEMA, &[]).await.map_err(named)?;
    let text: String = found.map_or(Ok("0".into()), |row| row.try_get(0)).map_err(named)?;
    let has = text.parse::<usize>();
    let has = has.map_err(|_| StoreError::Corrupt(format!("meta: schema is {text:?}")))?;
    if has > MIGRATIONS.len() {
        return Err(too_new(has).into());
    }
    if let Some(row) = transaction.query_opt(MOVING, &[]).await.map_err(named)? {
        return Err(moving(row.try_get(0).map_err(named)?).into());
    }
    for number in has + 1..=MIGRATIONS.len() {
        for statement in migration(number) {
            run(&statement).await?;
        }
        let set = transaction.execute(SET_SCHEMA, &[&number.to_string()]).await;
        set.map_err(|error| fault(&error, SET_SCHEMA))?;
    }
    if has < MIGRATIONS.len() {
        partition::follow(&transaction).await?;
    }
    transaction.commit().await.map_err(named)
}

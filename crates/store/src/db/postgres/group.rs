//! A transaction of a lane: one batch statement by statement, or many batches of known shapes as sets,
//! in two rounds of the network: first the guards, which decide whose batch is written, then all the
//! rest of those.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use futures_util::future::{join3, try_join_all};
use kernel::crash::{self, Point};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement as Plan};

use super::fault::{Fault, fault};
use super::lane::Doubt;
use super::session::{Prepared, run};
use super::sets;
use crate::StoreError;
use crate::audit;
use crate::batch::{Batch, Statement, Value, Written};
use crate::db::Effect;
use crate::writer::{Answer, check};

/// Says how far the lane has come; a lane whose epoch is over writes nothing.
const MARK: &str = "update lanes set seq = $3 where name = $1 and epoch = $2";
/// Lets nobody else add to the audit chain until this transaction ends. Taken last.
const LOCK_AUDIT: &str = "select pg_advisory_xact_lock(5210502105690)";

/// A lane's connection.
pub(super) struct Link {
    pub(super) client: Client,
    /// The lane's name, as each transaction marks it.
    name: Value,
    epoch: i64,
    /// How far it has come.
    pub(super) seq: i64,
    prepared: Prepared,
    sets: HashMap<&'static str, (Plan, String)>,
}

impl Link {
    /// A connection of the lane of that name, in that epoch, which has come so far.
    pub(super) fn new(client: Client, (name, epoch, seq): (String, i64, i64)) -> Self {
        let (prepared, sets) = (Prepared::default(), HashMap::new());
        Self { client, name: name.into(), epoch, seq, prepared, sets }
    }

    /// The statement for many rows, prepared now if it was not.
    async fn set(&mut self, sql: &'static str) -> Result<(), Fault> {
        if self.sets.contains_key(sql) {
            return Ok(());
        }
        let single = self.prepared.get(&self.client, sql).await?;
        let text = sets::of(sql, single.params())
            .ok_or_else(|| StoreError::Defect(format!("no statement for many rows: {sql}")))?;
        let plan = self.client.prepare(&text).await.map_err(|error| fault(&error, &text))?;
        self.sets.insert(sql, (plan, text));
        Ok(())
    }
}

/// Which batches of a group go together as sets, and which alone.
pub(super) struct Split {
    pub(super) together: Vec<usize>,
    pub(super) alone: Vec<usize>,
}

/// Splits a group. Of two batches about one row the later goes alone, after the first.
pub(super) fn split(batches: &[Batch]) -> Split {
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    let mut rows = HashSet::new();
    for (at, batch) in batches.iter().enumerate() {
        let row = batch.guard.as_ref().map(|guard| (guard.sql, guard.values.get(..2)));
        let is_first = row.is_none_or(|row| rows.insert(row));
        let list = if is_first && is_of_known_shape(batch) { &mut together } else { &mut alone };
        list.push(at);
    }
    Split { together, alone }
}

/// Whether there are statements for many rows for all that a batch writes.
pub(super) fn is_of_known_shape(batch: &Batch) -> bool {
    let is_guarded = batch.guard.as_ref().is_none_or(|guard| sets::GUARDS.contains(&guard.sql));
    let is_followed = batch.then.iter().all(|step| sets::FOLLOWERS.contains(&step.sql));
    is_guarded && is_followed && batch.audit.is_empty()
}

/// Commits batches in one transaction. From before COMMIT is sent until it is answered, `doubt` holds
/// what the answers would be.
pub(super) async fn commit(
    link: &mut Link,
    batches: &[&Batch],
    doubt: &mut Option<Doubt>,
) -> Result<Vec<Answer>, Fault> {
    let seq = link.seq + 1;
    let applied = match batches {
        [batch] => apply(link, batch, seq).await.map(|written| vec![written]),
        _ => apply_sets(link, batches, seq).await,
    };
    let written = match applied {
        Ok(written) => written,
        Err(fault) => {
            undo(link, &fault).await?;
            return Err(fault);
        }
    };
    crash::reach(Point::GroupApplied);
    let answers = written.into_iter().map(Ok).collect();
    *doubt = Some(Doubt { seq, answers });
    let committed = link.client.batch_execute("commit").await;
    committed.map_err(|error| fault(&error, "commit"))?;
    crash::reach(Point::GroupCommitted);
    link.seq = seq;
    Ok(doubt.take().map(|doubt| doubt.answers).unwrap_or_default())
}

async fn undo(link: &Link, why: &Fault) -> Result<(), Fault> {
    match why {
        Fault::Lost(_) => Ok(()),
        Fault::Again(_) | Fault::Store(_) => {
            let undone = link.client.batch_execute("rollback").await;
            undone.map_err(|error| fault(&error, "rollback"))
        }
    }
}

/// Begins, says how far the lane has come, and runs the guards of one kind each: all in one round.
async fn begin<P: ToSql>(
    link: &Link,
    mark: &Plan,
    (seq, guards): (i64, Vec<Planned<'_, P>>),
) -> Result<Vec<Effect>, Fault> {
    let client = &link.client;
    let begin = async { client.batch_execute("begin").await.map_err(|e| fault(&e, "begin")) };
    let values = [link.name.clone(), link.epoch.into(), seq.into()];
    let marked = run(client, (mark, MARK), &values);
    let guarded =
        try_join_all(guards.iter().map(|(plan, sql, values)| run(client, (plan, sql), values)));
    let (begun, marked, effects) = join3(begin, marked, guarded).await;
    begun?;
    if marked?.count != 1 {
        return Err(Fault::Lost("the lane has a newer connection".into()));
    }
    crash::reach(Point::GroupBegun);
    effects
}

/// Writes one batch.
async fn apply(link: &mut Link, batch: &Batch, seq: i64) -> Result<Written, Fault> {
    let mark = link.prepared.get(&link.client, MARK).await?;
    let mut plans = Vec::with_capacity(batch.then.len());
    for step in &batch.then {
        plans.push(link.prepared.get(&link.client, step.sql).await?);
    }
    let rows = match &batch.guard {
        None => begin::<Value>(link, &mark, (seq, Vec::new())).await.map(|_| Vec::new())?,
        Some(guard) => {
            let plan = link.prepared.get(&link.client, guard.sql).await?;
            let guards = vec![(&plan, guard.sql, &*guard.values)];
            let effect = begin(link, &mark, (seq, guards)).await?.into_iter().next();
            let Some(effect) = effect.filter(|effect| effect.count > 0) else {
                return Ok(Written::Missed);
            };
            check(guard, &effect)?;
            crash::reach(Point::BatchGuarded);
            effect.rows
        }
    };
    let client = &link.client;
    let steps = plans.iter().zip(&batch.then);
    let steps = steps.map(|(plan, step)| run(client, (plan, step.sql), &step.values));
    for (effect, step) in try_join_all(steps).await?.iter().zip(&batch.then) {
        check(step, effect)?;
    }
    append_audit(link, batch).await?;
    crash::reach(Point::BatchApplied);
    Ok(Written::Done(rows))
}

async fn append_audit(link: &mut Link, batch: &Batch) -> Result<(), Fault> {
    if batch.audit.is_empty() {
        return Ok(());
    }
    let client = &link.client;
    client.batch_execute(LOCK_AUDIT).await.map_err(|error| fault(&error, LOCK_AUDIT))?;
    let head = link.prepared.get(client, audit::HEAD).await?;
    let append = link.prepared.get(client, audit::APPEND).await?;
    for entry in &batch.audit {
        let end = run::<Value>(client, (&head, audit::HEAD), &[]).await?;
        run(client, (&append, audit::APPEND), &audit::next(end, entry)?).await?;
    }
    Ok(())
}

/// Writes many batches of known shapes.
async fn apply_sets(link: &mut Link, batches: &[&Batch], seq: i64) -> Result<Vec<Written>, Fault> {
    let mark = link.prepared.get(&link.client, MARK).await?;
    let guards = List::of_guards(batches);
    for list in &guards {
        link.set(list.sql).await?;
    }
    let is_done = {
        let columns = columns_of(link, &guards)?;
        let plans = plans_of(link, &guards, &columns)?;
        let effects = begin(link, &mark, (seq, plans)).await?;
        done(batches, &guards, effects)?
    };
    let steps = List::of_steps(batches, &is_done);
    for list in &steps {
        link.set(list.sql).await?;
    }
    crash::reach(Point::BatchGuarded);
    let columns = columns_of(link, &steps)?;
    let plans = plans_of(link, &steps, &columns)?;
    let client = &link.client;
    let running = plans.iter().map(|(plan, sql, values)| run(client, (plan, sql), values));
    for (effect, list) in try_join_all(running).await?.iter().zip(&steps) {
        if list.expect.is_some_and(|expect| expect != effect.count) {
            let first_line = list.sql.lines().next().unwrap_or_default();
            let why = format!("{} rows instead of {:?}: {first_line}", effect.count, list.expect);
            return Err(StoreError::Defect(why).into());
        }
    }
    crash::reach(Point::BatchApplied);
    let written = |is_done| if is_done { Written::Done(Vec::new()) } else { Written::Missed };
    Ok(is_done.into_iter().map(written).collect())
}

/// Rows for one statement.
struct List<'b> {
    sql: &'static str,
    rows: Vec<&'b [Value]>,
    /// The batch of each row.
    owners: Vec<usize>,
    /// Rows that must be changed; `None` where a row may change nothing.
    expect: Option<usize>,
}

impl<'b> List<'b> {
    fn of_guards(batches: &[&'b Batch]) -> Vec<Self> {
        let guards = batches.iter().enumerate();
        let guards = guards.filter_map(|(at, batch)| Some((at, batch.guard.as_ref()?)));
        Self::gather(&sets::GUARDS, guards)
    }

    fn of_steps(batches: &[&'b Batch], is_done: &[bool]) -> Vec<Self> {
        let done = batches.iter().enumerate().zip(is_done).filter(|(_, is_done)| **is_done);
        let steps = done.flat_map(|((at, batch), _)| batch.then.iter().map(move |one| (at, one)));
        let mut lists = Self::gather(&sets::FOLLOWERS, steps);
        // The statement that writes events counts them by itself.
        lists.retain(|list| list.sql != crate::feed::COUNT);
        lists
    }

    fn gather(
        order: &[&'static str],
        statements: impl Iterator<Item = (usize, &'b Statement)>,
    ) -> Vec<Self> {
        let empty = |sql: &&'static str| Self {
            sql,
            rows: Vec::new(),
            owners: Vec::new(),
            expect: Some(0),
        };
        let mut lists: Vec<Self> = order.iter().map(empty).collect();
        for (owner, statement) in statements {
            let Some(list) = lists.iter_mut().find(|list| list.sql == statement.sql) else {
                continue;
            };
            list.rows.push(&statement.values);
            list.owners.push(owner);
            list.expect = list.expect.zip(statement.expect).map(|(sum, one)| sum + one);
        }
        lists.retain(|list| !list.rows.is_empty());
        lists
    }
}

/// A column of a list.
enum Column<'b> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'b str>>),
}

/// For the driver's log, which must hold no text (see [`Value`]).
impl fmt::Debug for Column<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ints(numbers) => write!(out, "{} numbers", numbers.len()),
            Self::Texts(texts) => write!(out, "{} texts", texts.len()),
        }
    }
}

impl ToSql for Column<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Ints(numbers) => numbers.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8_ARRAY | Type::TEXT_ARRAY)
    }

    to_sql_checked!();
}

fn columns_of<'b>(link: &Link, lists: &[List<'b>]) -> Result<Vec<Vec<Column<'b>>>, Fault> {
    let of_list = |list: &List<'b>| {
        let (plan, _) = set_of(link, list)?;
        let kinds = plan.params().iter().enumerate();
        kinds.map(|(at, kind)| column(&list.rows, at, kind)).collect()
    };
    lists.iter().map(of_list).collect()
}

fn column<'b>(rows: &[&'b [Value]], at: usize, kind: &Type) -> Result<Column<'b>, Fault> {
    let wrong = || Fault::Store(StoreError::Defect("a value of another type".into()));
    let values = rows.iter().map(|row| row.get(at));
    if *kind == Type::INT8_ARRAY {
        let number = |value: Option<&Value>| match value {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(wrong()),
        };
        return values.map(number).collect::<Result<_, _>>().map(Column::Ints);
    }
    let text = |value: Option<&'b Value>| match value {
        Some(Value::Text(text)) => Ok(Some(text.as_ref())),
        Some(Value::Null) => Ok(None),
        Some(Value::Int(_)) | None => Err(wrong()),
    };
    values.map(text).collect::<Result<_, _>>().map(Column::Texts)
}

/// A statement with its text and what it is run with.
type Planned<'p, P> = (&'p Plan, &'p str, &'p [P]);

fn plans_of<'p>(
    link: &'p Link,
    lists: &[List<'_>],
    columns: &'p [Vec<Column<'p>>],
) -> Result<Vec<Planned<'p, Column<'p>>>, Fault> {
    let of_list = |(list, columns): (&List<'_>, &'p Vec<Column<'p>>)| {
        let (plan, text) = set_of(link, list)?;
        Ok((plan, text.as_str(), columns.as_slice()))
    };
    lists.iter().zip(columns).map(of_list).collect()
}

fn set_of<'p>(link: &'p Link, list: &List<'_>) -> Result<&'p (Plan, String), Fault> {
    let found = link.sets.get(list.sql);
    found.ok_or_else(|| StoreError::Defect(format!("not prepared: {}", list.sql)).into())
}

/// Which batches are written: those without a guard, and those whose guard has changed its row.
fn done(batches: &[&Batch], guards: &[List<'_>], effects: Vec<Effect>) -> Result<Vec<bool>, Fault> {
    let mut is_done: Vec<bool> = batches.iter().map(|batch| batch.guard.is_none()).collect();
    for (list, effect) in guards.iter().zip(effects) {
        let mut told = HashSet::new();
        for mut row in effect.rows {
            told.insert(row.int()?);
        }
        let is_insert = list.sql.starts_with("insert ");
        for ((nth, row), owner) in (1..).zip(&list.rows).zip(&list.owners) {
            let key = match (is_insert, row.first()) {
                (true, Some(Value::Int(id))) => *id,
                (true, _) | (false, _) => nth,
            };
            if let Some(is_done) = is_done.get_mut(*owner) {
                *is_done = told.contains(&key);
            }
        }
    }
    Ok(is_done)
}

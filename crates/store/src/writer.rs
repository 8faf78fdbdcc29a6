//! The one thread that writes: whatever waits is committed in one transaction, and only after that
//! commit is anybody answered. That is what makes durable fast.
//!
//! It must never answer before the commit, and one batch's failure must never fail its neighbours.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kernel::crash::{self, Point};
use kernel::defect::{self, Defect};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::audit;
use crate::batch::{Batch, Statement, Written};
use crate::db::Effect;
use crate::db::sqlite::Session;
use crate::{Counters, StoreError, gone};

/// Batches that may wait; beyond it the store is busy.
pub(crate) const WRITE_QUEUE_MAX: usize = 4_096;
/// Batches in one transaction.
pub(crate) const GROUP_MAX: usize = 512;

/// How long a group waits for more at a time: a tenth of what a sync takes.
const PAUSE: Duration = Duration::from_micros(50);
/// Pauses at most, so that a group waits no longer than it takes to commit it.
const PAUSES_MAX: usize = 8;

/// What whoever waits for a batch is told.
pub(crate) type Answer = Result<Written, StoreError>;

/// What whoever waits is sent: its answer, and the batch, whose memory is so freed where it was
/// taken. Were it freed here, the threads would queue for the allocator.
pub(crate) type Reply = (Answer, Batch);

/// A batch and whoever waits for it.
struct Job {
    batch: Batch,
    waiting: oneshot::Sender<Reply>,
}

/// What was committed so far.
#[derive(Default)]
pub(crate) struct Tally {
    commits: AtomicU64,
    batches: AtomicU64,
}

impl Tally {
    /// Counts a transaction with that many batches.
    pub(crate) fn count(&self, batches: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.batches.fetch_add(u64::try_from(batches).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Its state now.
    pub(crate) fn counters(&self) -> Counters {
        Counters {
            commits: self.commits.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
        }
    }
}

/// The writer's thread and the queue in front of it.
pub(crate) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    tally: Arc<Tally>,
}

impl Writer {
    /// Starts the thread, which owns `connection` from here on.
    pub(crate) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(WRITE_QUEUE_MAX);
        let tally = Arc::new(Tally::default());
        let counted = Arc::clone(&tally);
        let work = move || {
            let served = AssertUnwindSafe(|| serve(&connection, &jobs, &counted));
            if std::panic::catch_unwind(served).is_err() {
                // Without a writer the process would refuse everything for ever, and what is
                // committed is safe: whoever watches it starts it anew.
                tracing::error!("the store's writer panicked");
                std::process::abort();
            }
        };
        let thread = thread::Builder::new().name("store-writer".into()).spawn(work);
        let thread = thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), tally })
    }

    /// Queues `batch`; never waits.
    pub(crate) fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Reply>, StoreError> {
        let (waiting, receiver) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| gone("the writer"))?;
        match queue.try_send(Job { batch, waiting }) {
            Ok(()) => Ok(receiver),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(gone("the writer")),
        }
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> Counters {
        self.tally.counters()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer panicked");
        }
    }
}

fn serve(connection: &Connection, jobs: &Receiver<Job>, tally: &Tally) {
    let mut session = Session::new(connection);
    let mut was_shared = false;
    while let Ok(first) = jobs.recv() {
        let group = gather(first, jobs, was_shared);
        was_shared = group.len() > 1;
        crash::reach(Point::GroupTaken);
        let (batches, waiting): (Vec<Batch>, Vec<_>) =
            group.into_iter().map(|job| (job.batch, job.waiting)).unzip();
        let answers = commit_group(&mut session, &batches, tally);
        for (reply, waiting) in answers.into_iter().zip(batches).zip(waiting) {
            // Whoever stopped waiting reads the order again later.
            let _ = waiting.send(reply);
            crash::reach(Point::FirstAnswered);
        }
        crash::reach(Point::GroupAnswered);
        if defect::is_seeded(Defect::AckBeforeCommit) {
            commit_late(&mut session);
        }
    }
    session.checkpoint();
}

/// The next group. While batches keep coming, a sync for a few of them would take from those who
/// make the others, so a group waits for more as long as each short pause brings some. Where nobody
/// else was waiting last time, nothing is waited for: a lone caller has its sync at once.
fn gather(first: Job, jobs: &Receiver<Job>, was_shared: bool) -> Vec<Job> {
    let mut group = vec![first];
    for pause in 0..PAUSES_MAX {
        let before = group.len();
        group.extend(jobs.try_iter().take(GROUP_MAX - before));
        let has_grown = group.len() > before || pause == 0;
        if !was_shared || !has_grown || group.len() == GROUP_MAX {
            break;
        }
        thread::park_timeout(PAUSE);
    }
    group
}

/// Commits `batches` together. A defect of one undoes them all, so each is then tried alone: no
/// batch needs a savepoint, because defects are rare and a missed guard comes before every write.
fn commit_group(session: &mut Session<'_>, batches: &[Batch], tally: &Tally) -> Vec<Answer> {
    match commit(session, batches, tally) {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err(StoreError::Defect(_) | StoreError::Corrupt(_)) if batches.len() > 1 => {
            batches.iter().map(|batch| commit_alone(session, batch, tally)).collect()
        }
        Err(error) => batches.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Commits one batch in a transaction of its own.
pub(crate) fn commit_alone(session: &mut Session<'_>, batch: &Batch, tally: &Tally) -> Answer {
    let written = commit(session, std::slice::from_ref(batch), tally)?;
    written.into_iter().next().ok_or_else(|| StoreError::Defect("a batch without answer".into()))
}

fn commit(
    session: &mut Session<'_>,
    batches: &[Batch],
    tally: &Tally,
) -> Result<Vec<Written>, StoreError> {
    session.begin()?;
    crash::reach(Point::GroupBegun);
    let written = batches.iter().map(|batch| apply(session, batch)).collect::<Result<Vec<_>, _>>();
    if written.is_err() {
        session.rollback();
        return written;
    }
    crash::reach(Point::GroupApplied);
    if !defect::is_seeded(Defect::AckBeforeCommit) {
        session.commit()?;
    }
    crash::reach(Point::GroupCommitted);
    if defect::is_seeded(Defect::NoticeAfterCommit) {
        commit_notices(session, batches)?;
    }
    tally.count(batches.len());
    written
}

fn apply(session: &mut Session<'_>, batch: &Batch) -> Result<Written, StoreError> {
    let mut rows = Vec::new();
    if let Some(guard) = &batch.guard {
        let effect = session.run(guard.sql, &guard.values)?;
        if effect.count == 0 {
            return Ok(Written::Missed);
        }
        check(guard, &effect)?;
        rows = effect.rows;
        crash::reach(Point::BatchGuarded);
    }
    for statement in batch.then.iter().filter(|statement| !is_left_for_later(statement)) {
        let effect = session.run(statement.sql, &statement.values)?;
        check(statement, &effect)?;
    }
    for entry in &batch.audit {
        let head = session.run(audit::HEAD, &[])?;
        session.run(audit::APPEND, &audit::next(head, entry)?)?;
    }
    crash::reach(Point::BatchApplied);
    Ok(Written::Done(rows))
}

/// A seeded defect: the log is synced when there is time for it.
fn commit_late(session: &mut Session<'_>) {
    const LATER: Duration = Duration::from_millis(20);
    thread::park_timeout(LATER);
    if let Err(error) = session.commit() {
        tracing::error!(%error, "what was acknowledged is lost");
    }
}

/// A seeded defect: notices are written when what they tell is committed.
fn commit_notices(session: &mut Session<'_>, batches: &[Batch]) -> Result<(), StoreError> {
    const LATER: Duration = Duration::from_millis(20);
    thread::park_timeout(LATER);
    session.begin()?;
    let all = batches.iter().flat_map(|batch| &batch.then);
    for statement in all.filter(|statement| is_left_for_later(statement)) {
        session.run(statement.sql, &statement.values)?;
    }
    session.commit()
}

fn is_left_for_later(statement: &Statement) -> bool {
    defect::is_seeded(Defect::NoticeAfterCommit) && statement.sql.starts_with("insert into notices")
}

/// Whether a statement changed as many rows as it must.
pub(crate) fn check(statement: &Statement, effect: &Effect) -> Result<(), StoreError> {
    match statement.expect {
        Some(expect) if expect != effect.count => {
            let first_line = statement.sql.lines().next().unwrap_or_default();
            Err(StoreError::Defect(format!(
                "{} rows instead of {expect}: {first_line}",
                effect.count
            )))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sqlite;

    /// A statement that only COMMIT finds wrong.
    const ORPHAN: &str = "insert into child (parent) values ($1)";

    fn orphan(parent: i64) -> Batch {
        Batch { then: vec![Statement::new(ORPHAN, vec![parent.into()])], ..Batch::default() }
    }

    #[test]
    fn a_failed_commit_fails_everybody_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let connection = sqlite::open_writer(&folder.path().join("a.db")).unwrap();
        let tables = "pragma foreign_keys = on; create table parent (no integer primary key);
            create table child (parent references parent deferrable initially deferred);";
        connection.execute_batch(tables).unwrap();
        let mut session = Session::new(&connection);
        let tally = Tally::default();
        let batches = [crate::meta::set("a", "1"), orphan(5), crate::meta::set("b", "1")];
        let answers = commit_group(&mut session, &batches, &tally);
        let is_unavailable = |answer: &Answer| matches!(answer, Err(StoreError::Unavailable(_)));
        assert!(answers.iter().all(is_unavailable), "{answers:?}");
        assert!(connection.is_autocommit());
        let left = "select count(*) from meta where name in ('a', 'b')";
        assert_eq!(connection.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        assert_eq!(tally.commits.load(Ordering::Relaxed), 0);
        let later = commit_group(&mut session, &[crate::meta::set("a", "1")], &tally);
        assert!(later[0].as_ref().unwrap().is_done(), "the next group is not hindered");
    }
}

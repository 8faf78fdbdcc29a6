//! A lane: one connection that writes, and the queue in front of it. Whatever waits is committed in one
//! transaction, and only after that commit is anybody answered.
//!
//! Each transaction also writes how far the lane has come, under the lane's epoch. When a connection is
//! lost while a COMMIT is on its way, the lane takes a new one and raises its epoch: that waits for the
//! old transaction's end, and keeps it from happening later. What then stands there tells whether it was
//! committed, so nobody is told a guess, and nothing is done twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kernel::crash::{self, Point};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Client;

use super::connect::Target;
use super::fault::{Fault, fault};
use super::group::{self, Link};
use crate::StoreError;
use crate::batch::Batch;
use crate::writer::{Answer, GROUP_MAX, Tally};

/// Begins to write under a name of its own.
const ENTER: &str = "insert into lanes (name, epoch, seq) values (gen_random_uuid()::text, 1, 0)
returning name";
/// Goes on after a lost connection; waits for what the old one had begun.
const RAISE: &str = "update lanes set epoch = epoch + 1 where name = $1 returning epoch, seq";
/// Leaves nothing behind.
const LEAVE: &str = "delete from lanes where name = $1";

/// Between two tries to connect.
const AGAIN: Duration = Duration::from_millis(200);
/// How long those who wait are kept waiting for a connection, while nothing of theirs is in doubt.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same while something is.
const PATIENCE_IN_DOUBT: Duration = Duration::from_secs(12);
/// The same after nobody could connect for a while.
const PATIENCE_DOWN: Duration = Duration::from_millis(500);
/// How often a group is tried that stood in another's way, before each of its batches is alone.
const COLLISIONS_MAX: u64 = 5;
/// How long a transaction may take before its connection is given up.
const TRANSACTION_MAX: Duration = Duration::from_secs(20);

/// A batch and whoever waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) waiting: oneshot::Sender<Answer>,
}

/// A queue that several lanes may share.
pub(super) type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

/// How a lane takes from its queue.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Manner {
    /// Whatever waits, together.
    Groups,
    /// One after the other: what may wait for somebody's lock holds nobody up.
    Singly,
}

/// What was written but perhaps not committed.
pub(super) struct Doubt {
    /// How far the lane has come if it was.
    pub(super) seq: i64,
    /// The answers if it was.
    pub(super) answers: Vec<Answer>,
}

/// The lane.
pub(super) struct Lane {
    target: Target,
    tally: Arc<Tally>,
    /// Its row, once it has one.
    name: Option<String>,
    link: Option<Link>,
    /// Whether the last try to connect failed: then nobody is kept waiting for the next.
    is_down: bool,
}

impl Lane {
    /// A lane that has yet to connect.
    pub(super) fn new(target: Target, tally: Arc<Tally>) -> Self {
        Self { target, tally, name: None, link: None, is_down: false }
    }

    /// Writes until the queue is closed and empty.
    pub(super) async fn serve(mut self, jobs: Jobs, manner: Manner) {
        while let Some(group) = take(&jobs, manner).await {
            crash::reach(Point::GroupTaken);
            self.carry_out(group).await;
            crash::reach(Point::GroupAnswered);
        }
        if let (Some(link), Some(name)) = (&self.link, &self.name)
            && let Err(error) = link.client.execute(LEAVE, &[name]).await
        {
            tracing::warn!(%error, "a lane has left its name behind");
        }
    }

    /// Commits a group, whatever happens on the way, and answers it.
    async fn carry_out(&mut self, group: Vec<Job>) {
        let (batches, waiting): (Vec<Batch>, Vec<_>) =
            group.into_iter().map(|job| (job.batch, job.waiting)).unzip();
        let split = group::split(&batches);
        let mut answers: Vec<Option<Answer>> = batches.iter().map(|_| None).collect();
        let mut left: VecDeque<usize> = split.alone.into();
        if split.together.len() > 1 {
            let together: Vec<&Batch> = split.together.iter().map(|at| &batches[*at]).collect();
            match self.commit(&together).await {
                Ok(found) => {
                    for (at, answer) in split.together.iter().zip(found) {
                        answers[*at] = Some(answer);
                    }
                }
                // One of them spoils it for all: each is tried alone.
                Err(StoreError::Defect(_) | StoreError::Corrupt(_) | StoreError::Busy) => {
                    left.extend(split.together);
                }
                Err(error) => {
                    for at in split.together {
                        answers[at] = Some(Err(error.clone()));
                    }
                }
            }
        } else {
            left.extend(split.together);
        }
        for at in left {
            let answer = match self.commit(&[&batches[at]]).await {
                Ok(found) => found.into_iter().next(),
                Err(error) => Some(Err(error)),
            };
            answers[at] = answer;
        }
        for (answer, waiting) in answers.into_iter().zip(waiting) {
            let nothing = || Err(StoreError::Defect("a batch without answer".into()));
            // Whoever stopped waiting reads the order again later.
            let _ = waiting.send(answer.unwrap_or_else(nothing));
            crash::reach(Point::FirstAnswered);
        }
    }

    /// Commits batches in one transaction, over a new connection if the old one is lost.
    async fn commit(&mut self, batches: &[&Batch]) -> Result<Vec<Answer>, StoreError> {
        let mut doubt: Option<Doubt> = None;
        let mut collisions = 0;
        loop {
            let link = match self.linked(doubt.is_some()).await {
                Ok(link) => link,
                Err(error) => return Err(after(error, doubt.is_some())),
            };
            if let Some(doubt) = doubt.take_if(|doubt| doubt.seq == link.seq) {
                return Ok(doubt.answers);
            }
            // What is not committed now never will be.
            doubt = None;
            let work = group::commit(link, batches, &mut doubt);
            let done = tokio::time::timeout(TRANSACTION_MAX, work).await;
            let lost = || Err(Fault::Lost("the server does not answer".into()));
            match done.unwrap_or_else(|_| lost()) {
                Ok(answers) => {
                    self.tally.count(batches.len());
                    return Ok(answers);
                }
                Err(Fault::Lost(why)) => {
                    tracing::warn!(why, "a connection to PostgreSQL is lost");
                    self.link = None;
                }
                Err(Fault::Again(why)) if collisions < COLLISIONS_MAX => {
                    collisions += 1;
                    tracing::debug!(why, "two transactions stood in each other's way");
                    tokio::time::sleep(pause(collisions, link.seq)).await;
                }
                Err(fault) => return Err(fault.into_store_error()),
            }
        }
    }

    /// The connection, a new one if need be.
    async fn linked(&mut self, is_in_doubt: bool) -> Result<&mut Link, StoreError> {
        if self.link.is_none() {
            let patience = match (is_in_doubt, self.is_down) {
                (true, _) => PATIENCE_IN_DOUBT,
                (false, false) => PATIENCE,
                (false, true) => PATIENCE_DOWN,
            };
            let link = self.connect(patience).await;
            self.is_down = link.is_err();
            self.link = Some(link.map_err(Fault::into_store_error)?);
        }
        self.link.as_mut().ok_or_else(|| StoreError::Unavailable("no connection".into()))
    }

    async fn connect(&mut self, patience: Duration) -> Result<Link, Fault> {
        let mut last = Fault::Lost("PostgreSQL does not answer".into());
        let trying = async {
            loop {
                match self.connect_once().await {
                    Ok(link) => return link,
                    Err(fault) => last = fault,
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        let connected = tokio::time::timeout(patience, trying).await;
        connected.map_err(|_| last)
    }

    async fn connect_once(&mut self) -> Result<Link, Fault> {
        let client = self.target.connect().await?;
        match self.name.clone() {
            Some(name) => match raise(&client, &name).await? {
                Some((epoch, seq)) => Ok(Link::new(client, (name, epoch, seq))),
                // A server that lacks the row lacks all that came after it.
                None => {
                    self.name = None;
                    Err(Fault::Lost("the lane's row is gone".into()))
                }
            },
            None => {
                let row = client.query_one(ENTER, &[]).await;
                let name: String =
                    row.and_then(|row| row.try_get(0)).map_err(|error| fault(&error, ENTER))?;
                self.name = Some(name.clone());
                Ok(Link::new(client, (name, 1, 0)))
            }
        }
    }
}

/// Goes on under the next epoch: says which, and how far the lane has come.
async fn raise(client: &Client, name: &String) -> Result<Option<(i64, i64)>, Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, RAISE);
    let row = client.query_opt(RAISE, &[name]).await.map_err(named)?;
    let read = |row: tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    row.map(read).transpose().map_err(named)
}

/// What they hear whose connection is not coming back.
fn after(error: StoreError, is_in_doubt: bool) -> StoreError {
    if is_in_doubt { StoreError::InDoubt(error.to_string()) } else { error }
}

/// The next group; whoever holds the queue's lock waits for all. `None` when there will be no more.
async fn take(jobs: &Jobs, manner: Manner) -> Option<Vec<Job>> {
    let mut jobs = jobs.lock().await;
    let mut group = vec![jobs.recv().await?];
    if manner == Manner::Groups {
        while group.len() < GROUP_MAX
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
    }
    Some(group)
}

/// Between two tries of what stood in another's way: longer each time, and not the same for all.
fn pause(collisions: u64, seq: i64) -> Duration {
    const STEP_MS: u64 = 3;
    let spread = seq.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60;
    Duration::from_millis(STEP_MS * collisions + spread)
}

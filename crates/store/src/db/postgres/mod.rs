//! PostgreSQL: the production engine. Everything that only PostgreSQL knows is in this folder.
//!
//! One thread of its own speaks to the server: two lanes that group what they write (orders that are
//! placed; whatever becomes of them), a few that write one batch after the other, and a pool of
//! connections that read. Whoever waits does so on a channel, as with SQLite.

mod bell;
mod connect;
mod fault;
mod group;
mod lane;
pub(crate) mod measure;
mod migrate;
pub(crate) mod partition;
mod session;
mod sets;
mod whole;
pub(crate) mod words;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::FutureExt;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};
use tokio_postgres::NoTls;

pub(crate) use self::connect::{Target, check_url};
use self::fault::{Fault, fault};
use self::lane::{Job, Lane, Manner};
pub(crate) use self::migrate::{GUARDS, migration, triggers};
pub(crate) use self::whole::Whole;
use crate::batch::{Batch, Value};
use crate::database::PostgresUrl;
use crate::db::Effect;
use crate::readers::READ_QUEUE_MAX;
use crate::writer::{Answer, Tally, WRITE_QUEUE_MAX};
use crate::{Counters, Reader, StoreError, gone, orders};

/// Connections that read.
const READERS: usize = 8;
/// Lanes that write one batch after the other.
const SINGLE_LANES: usize = 3;
/// How long a query waits for a connection before the store is busy.
const READER_WAIT_MAX: Duration = Duration::from_secs(3);
/// How long a statement may go without an answer: a server that is well ends it before (statement_timeout),
/// so this one stands still.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(12);

/// What a query does with its connection. It is made on the store's thread and stays there.
type Asking = Pin<Box<dyn Future<Output = ()>>>;
/// A query: it answers its caller by itself.
type Query = Box<dyn FnOnce(Pool) -> Asking + Send>;

/// What the thread does beside writing.
enum Task {
    /// A query, which is finished before the store closes.
    Ask(Query),
    /// Telling and hearing, which ends with the store.
    Ring(mpsc::Receiver<String>, mpsc::Sender<String>),
}

/// The thread and the queues in front of it.
pub(crate) struct Postgres {
    /// `None` only while it is dropped.
    queues: Option<Queues>,
    thread: Option<JoinHandle<()>>,
    tally: Arc<Tally>,
    /// Queries that may wait.
    turns: Arc<Semaphore>,
}

struct Queues {
    placed: mpsc::Sender<Job>,
    settled: mpsc::Sender<Job>,
    single: mpsc::Sender<Job>,
    tasks: mpsc::UnboundedSender<Task>,
}

/// The other ends.
struct Ends {
    placed: mpsc::Receiver<Job>,
    settled: mpsc::Receiver<Job>,
    single: mpsc::Receiver<Job>,
    tasks: mpsc::UnboundedReceiver<Task>,
}

impl Postgres {
    /// Connects, brings the schema up to date, and starts to serve. Blocks.
    ///
    /// # Errors
    /// The server cannot be reached, would lose data, or holds the schema of a later version.
    pub(crate) fn start(url: &PostgresUrl) -> Result<Self, StoreError> {
        let target = Target::read(url.expose())
            .map_err(|why| StoreError::Unavailable(format!("database: {why}")))?;
        let (queues, ends) = queues();
        let tally = Arc::new(Tally::default());
        let counted = Arc::clone(&tally);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let work = move || {
            let served = AssertUnwindSafe(|| serve(target, ends, &counted, &ready));
            if std::panic::catch_unwind(served).is_err() {
                // As with SQLite: without a writer everything would be refused for ever.
                tracing::error!("the store's thread panicked");
                std::process::abort();
            }
        };
        let thread = thread::Builder::new().name("store-postgres".into()).spawn(work);
        let thread = thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        is_ready.recv().unwrap_or_else(|_| Err(gone("the store's thread")))?;
        let turns = Arc::new(Semaphore::new(READ_QUEUE_MAX));
        Ok(Self { queues: Some(queues), thread: Some(thread), tally, turns })
    }

    /// Queues `batch`; never waits.
    pub(crate) fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let queues = self.queues.as_ref().ok_or_else(|| gone("the writer"))?;
        let queue = if batch.guard.as_ref().is_some_and(|guard| guard.sql == orders::INSERT) {
            &queues.placed
        } else if group::is_of_known_shape(&batch) {
            &queues.settled
        } else {
            &queues.single
        };
        let (waiting, receiver) = oneshot::channel();
        match queue.try_send(Job { batch, waiting }) {
            Ok(()) => Ok(receiver),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Closed(_)) => Err(gone("the writer")),
        }
    }

    /// Runs `work` on a connection that reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.turns).try_acquire_owned().map_err(|_| StoreError::Busy)?;
        let queues = self.queues.as_ref().ok_or_else(|| gone("a reader"))?;
        let (sender, answer) = oneshot::channel();
        let query: Query = Box::new(move |pool| {
            Box::pin(async move {
                let answer = match take(&pool).await {
                    Ok(client) => {
                        let mut reader = Reader::Postgres(Connection { client, is_silent: false });
                        let answer = work(&mut reader).await;
                        give_back(reader);
                        answer
                    }
                    Err(error) => Err(error),
                };
                drop(turn);
                // Nobody listens any more: the caller stopped waiting, and a read leaves no trace.
                let _ = sender.send(answer);
            })
        });
        queues.tasks.send(Task::Ask(query)).map_err(|_| gone("a reader"))?;
        answer.await.unwrap_or_else(|_| Err(gone("a reader")))
    }

    /// Tells the other processes what comes from `told`, and gives to `heard` what they tell.
    pub(crate) fn ring(&self, told: mpsc::Receiver<String>, heard: mpsc::Sender<String>) {
        if let Some(queues) = &self.queues {
            // Where the thread is gone the ends are dropped, and whoever has the others sees it.
            let _ = queues.tasks.send(Task::Ring(told, heard));
        }
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> Counters {
        self.tally.counters()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.queues = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's thread panicked");
        }
    }
}

/// A connection that reads.
pub(crate) struct Connection {
    client: Object,
    /// Whether it owes an answer that nobody waits for any more.
    is_silent: bool,
}

impl Connection {
    /// Runs one statement to its end.
    pub(crate) async fn run(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Effect, StoreError> {
        let run = async {
            let plan = self.client.prepare_cached(&words::of(sql)).await;
            let plan = plan.map_err(|error| fault(&error, sql))?;
            session::run(&self.client, (&plan, sql), values).await
        };
        let done = tokio::time::timeout(ANSWER_WAIT_MAX, run).await;
        self.is_silent |= done.is_err();
        let silent = || Err(Fault::Lost("the server does not answer".into()));
        done.unwrap_or_else(|_| silent()).map_err(Fault::into_store_error)
    }
}

/// Lets others have a connection, unless it owes an answer: then it is closed.
fn give_back(reader: Reader<'_>) {
    match reader {
        Reader::Postgres(connection) if connection.is_silent => {
            drop(Object::take(connection.client));
        }
        Reader::Postgres(_) | Reader::Sqlite(_) => {}
    }
}

/// A fault as whoever asked hears it.
pub(crate) fn into_store_error(fault: Fault) -> StoreError {
    fault.into_store_error()
}

fn queues() -> (Queues, Ends) {
    let (placed, placed_end) = mpsc::channel(WRITE_QUEUE_MAX);
    let (settled, settled_end) = mpsc::channel(WRITE_QUEUE_MAX);
    let (single, single_end) = mpsc::channel(WRITE_QUEUE_MAX);
    let (tasks, tasks_end) = mpsc::unbounded_channel();
    let ends =
        Ends { placed: placed_end, settled: settled_end, single: single_end, tasks: tasks_end };
    (Queues { placed, settled, single, tasks }, ends)
}

/// The thread's work: until the queues are closed and empty.
fn serve(
    target: Target,
    ends: Ends,
    tally: &Arc<Tally>,
    ready: &std::sync::mpsc::Sender<Result<(), StoreError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(StoreError::Unavailable(error.to_string())));
            return;
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let opened = open(&target).await;
        let is_open = opened.is_ok();
        // Whoever opens the store waits for this; were it gone, the queues would be closed.
        let _ = ready.send(opened.map_err(Fault::into_store_error));
        if is_open {
            work(target, ends, tally).await;
        }
    });
}

async fn open(target: &Target) -> Result<(), Fault> {
    let mut client = target.connect().await?;
    migrate::migrate(&mut client).await
}

async fn work(target: Target, ends: Ends, tally: &Arc<Tally>) {
    let Ends { placed, settled, single, mut tasks } = ends;
    let pool = pool(&target);
    let mut lanes = JoinSet::new();
    let mut start = |queue: &Arc<Mutex<mpsc::Receiver<Job>>>, manner: Manner| {
        let lane = Lane::new(target.clone(), Arc::clone(tally));
        lanes.spawn_local(lane.serve(Arc::clone(queue), manner));
    };
    start(&Arc::new(Mutex::new(placed)), Manner::Groups);
    start(&Arc::new(Mutex::new(settled)), Manner::Groups);
    let single = Arc::new(Mutex::new(single));
    (0..SINGLE_LANES).for_each(|_| start(&single, Manner::Singly));
    let (mut asking, mut bells) = (JoinSet::new(), JoinSet::new());
    loop {
        tokio::select! {
            task = tasks.recv() => match task {
                Some(Task::Ask(query)) => { asking.spawn_local(query(pool.clone())); }
                Some(Task::Ring(told, heard)) => {
                    bells.spawn_local(bell::run(target.clone(), told, heard));
                }
                None => break,
            },
            Some(asked) = asking.join_next() => {
                if asked.is_err() {
                    tracing::error!("a query panicked");
                }
            }
        }
    }
    drop(bells);
    while let Some(ended) = lanes.join_next().await {
        // A lane that panics is a writer that is gone: see the thread's start.
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
    let _ = AssertUnwindSafe(asking.join_all()).catch_unwind().await;
}

fn pool(target: &Target) -> Pool {
    let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &target.tls {
        None => Manager::from_config(target.for_reading(), NoTls, config),
        Some(tls) => Manager::from_config(target.for_reading(), tls.clone(), config),
    };
    let builder = Pool::builder(manager).max_size(READERS).runtime(Runtime::Tokio1);
    let builder = builder.create_timeout(Some(READER_WAIT_MAX));
    #[expect(clippy::expect_used, reason = "it fails only where timeouts have no runtime")]
    builder.wait_timeout(Some(READER_WAIT_MAX)).build().expect("a pool with a runtime")
}

async fn take(pool: &Pool) -> Result<Object, StoreError> {
    pool.get().await.map_err(|error| match error {
        PoolError::Timeout(_) => StoreError::Busy,
        PoolError::Backend(error) => fault(&error, "connect").into_store_error(),
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            gone("a reader")
        }
    })
}

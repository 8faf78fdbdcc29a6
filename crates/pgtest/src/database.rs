//! A database for each test, on a server that all tests of a process share.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Client;

use crate::server::{Server, connect, create_database};

/// A database of one test's own, dropped with this value.
pub struct Database {
    name: String,
}

impl Database {
    /// A new database without a table.
    pub async fn fresh() -> Self {
        Self::made_by(create_database).await
    }

    /// A new database in which `migrate` has run, which is given an address. It runs once in a
    /// process for each `template`; what it made is copied.
    pub async fn fresh_from(template: &'static str, migrate: impl AsyncFnOnce(String)) -> Self {
        static MADE: Mutex<Option<HashSet<&str>>> = Mutex::const_new(None);
        let mut made = MADE.lock().await;
        if !made.get_or_insert_default().contains(template) {
            make_template(template, migrate).await;
            made.get_or_insert_default().insert(template);
        }
        drop(made);
        Self::made_by(|name| format!("create database {name} owner jubao template {template}"))
            .await
    }

    /// A new database that is what this one is now. Nobody may be in this one; sessions that are ending are
    /// waited for.
    pub async fn copy(&self) -> Self {
        let name = &self.name;
        run(ended(name)).await;
        Self::made_by(|copy| format!("create database {copy} owner jubao template {name}")).await
    }

    async fn made_by(statement: impl FnOnce(&str) -> String) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        run(statement(&name)).await;
        Self { name }
    }

    /// Its address, for a gateway.
    pub fn url(&self) -> String {
        shared().server.url(&self.name)
    }

    /// A session in it with the gateway's rights, for looks.
    pub async fn raw(&self) -> Client {
        connect(&self.url()).await
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let found = self.raw().await.query_one(&format!("select count(*) from {table}"), &[]).await;
        found.unwrap().get(0)
    }

    /// Passwords of the shared server, which no log may hold.
    pub fn passwords() -> [&'static str; 2] {
        shared().server.passwords()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Nobody waits for it, and whatever is left goes with the server.
        let job =
            Job { statement: format!("drop database {} with (force)", self.name), done: None };
        let _ = shared().jobs.send(job);
    }
}

async fn make_template(name: &str, migrate: impl AsyncFnOnce(String)) {
    run(create_database(name)).await;
    migrate(shared().server.url(name)).await;
    // A database is copied only while nobody is in it; sessions that `migrate` had may be ending.
    run(format!("alter database {name} allow_connections false")).await;
    run(ended(name)).await;
}

/// The statement that ends every session in a database.
fn ended(name: &str) -> String {
    format!(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'"
    )
}

/// What all tests of the process share.
struct Shared {
    server: &'static Server,
    jobs: mpsc::UnboundedSender<Job>,
}

/// A statement for the server.
struct Job {
    statement: String,
    done: Option<oneshot::Sender<Result<(), tokio_postgres::Error>>>,
}

/// The server, started by whoever asks first.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        // Its own thread and runtime: those of a test end with the test.
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(|shared| send.send(shared).unwrap()));
        });
        receive.recv().unwrap_or_else(|_| panic!("the shared server did not start"))
    })
}

async fn serve(is_ready: impl FnOnce(Shared)) {
    // It ends with the process: its folder's guardian sees to that.
    let server: &'static Server = Box::leak(Box::new(Server::make().await));
    let (send, mut jobs) = mpsc::unbounded_channel::<Job>();
    let admin = server.admin().await;
    is_ready(Shared { server, jobs: send });
    while let Some(job) = jobs.recv().await {
        let done = admin.batch_execute(&job.statement).await;
        if let Some(waiting) = job.done {
            // The test may have ended.
            let _ = waiting.send(done);
        }
    }
}

async fn run(statement: String) {
    let (done, is_done) = oneshot::channel();
    shared().jobs.send(Job { statement, done: Some(done) }).unwrap_or_else(|_| panic!("no server"));
    is_done.await.unwrap().unwrap();
}

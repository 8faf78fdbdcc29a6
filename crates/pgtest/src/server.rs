//! One PostgreSQL server on loopback, as an operator would run it as far as durability goes: fsync is
//! on, passwords are asked for. Its data are in memory, so syncs are quick.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use crate::folder::{Folder, random};
use crate::{installed, processes};

/// The role that may everything.
const ADMIN: &str = "postgres";
/// The role that gateways have: it owns its database, and nothing more.
const OWNER: &str = "jubao";
/// Below the ports that systems give to outgoing connections: while a server is down, nothing else
/// takes its port, and nobody who asks for it is answered by himself.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// How many ports are tried, in case another process takes one at the same moment.
const PORT_TRIES: usize = 5;
/// How long a start may take, with the recovery after a death.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// For tests that run at once, each with a gateway or three.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 250
# Nothing of it is left in /dev/shm when the server is killed.
dynamic_shared_memory_type = mmap
# The data are in memory.
max_wal_size = '256MB'
log_checkpoints = off
";
/// For benches: as an operator of a machine of 8 GB would set it. Everything that durability depends on
/// is as PostgreSQL has it: fsync, full_page_writes and synchronous_commit are on.
const PRODUCTION: &str = "
shared_buffers = '1GB'
max_wal_size = '8GB'
checkpoint_timeout = '15min'
";

/// A server that ends with this value.
pub struct Server {
    folder: Folder,
    port: u16,
    secrets: Secrets,
    process: Option<Child>,
    /// What its processes find in their environment.
    environment: Vec<(String, String)>,
}

/// A server that stands still, until this is dropped.
pub struct Still<'s>(&'s Server);

impl Drop for Still<'_> {
    fn drop(&mut self) {
        self.0.signal_all(Signal::CONT);
    }
}

/// The passwords of its roles.
#[derive(Clone)]
pub struct Secrets {
    /// Of the role that may everything.
    pub admin: String,
    /// Of the gateway's.
    pub owner: String,
}

impl Server {
    /// A new server, which is ready.
    pub async fn make() -> Self {
        Self::make_with("").await
    }

    /// A new server with more lines in its postgresql.conf.
    pub async fn make_with(settings: &str) -> Self {
        Self::make_in(Folder::make(), settings, Vec::new()).await
    }

    /// A new server with an operator's settings, whose data are in a folder on a disk. `environment` is
    /// its processes': a library that is to be loaded first.
    pub async fn make_on_disk(parent: &Path, environment: Vec<(String, String)>) -> Self {
        Self::make_in(Folder::make_in(parent), PRODUCTION, environment).await
    }

    /// A new server whose data are in a folder, with more lines in its postgresql.conf.
    pub async fn make_under(parent: &Path, settings: &str) -> Self {
        Self::make_in(Folder::make_in(parent), settings, Vec::new()).await
    }

    async fn make_in(folder: Folder, settings: &str, environment: Vec<(String, String)>) -> Self {
        let secret = || format!("{:016x}{:016x}", random(), random());
        let secrets = Secrets { admin: secret(), owner: secret() };
        let (admin, settings) = (secrets.admin.clone(), format!("{SETTINGS}{settings}\n"));
        let folder = spawn_blocking(move || initialised(folder, &admin, &settings)).await.unwrap();
        let server = Self::first_started(folder, secrets, environment).await;
        // In two halves: statements are logged, and no log of a test may hold a password.
        let (one, other) = server.secrets.owner.split_at(16);
        let role = format!(
            "do $$ begin execute format('create role {OWNER} login password %L', \
             '{one}' || '{other}'); end $$"
        );
        server.admin().await.batch_execute(&role).await.unwrap();
        server
    }

    /// Starts a server on the data in a folder, on the first port that is free.
    pub(crate) async fn first_started(
        folder: Folder,
        secrets: Secrets,
        environment: Vec<(String, String)>,
    ) -> Self {
        let mut server = Self { folder, port: 0, secrets, process: None, environment };
        for _ in 0..PORT_TRIES {
            server.port = free_port();
            server.begin();
            if server.is_ready().await {
                return server;
            }
        }
        panic!("PostgreSQL does not start: {}", server.log());
    }

    /// Starts it again, on the port it had, and waits until it is ready: how long that took.
    pub async fn start(&mut self) -> Duration {
        let began = Instant::now();
        self.begin();
        assert!(self.is_ready().await, "PostgreSQL does not start: {}", self.log());
        began.elapsed()
    }

    /// Starts it again, and does not wait.
    pub fn begin(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = installed::program("postgres", self.folder.path());
        command.arg("-D").arg(self.folder.data()).args(["-p", &self.port.to_string()]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(command.spawn().unwrap());
    }

    /// Waits until it answers; `false` if it has ended instead.
    pub async fn is_ready(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < READY_WITHIN {
            if tokio_postgres::connect(&self.admin_url(), NoTls).await.is_ok() {
                return true;
            }
            if self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some()) {
                return false;
            }
            sleep(LOOK).await;
        }
        panic!("PostgreSQL is not ready: {}", self.log());
    }

    /// Stops it as an operator does: sessions are ended, nothing has to be recovered.
    pub async fn stop_fast(&mut self) {
        self.stop(Signal::INT).await;
    }

    /// Stops it at once: the next start recovers, as after a crash.
    pub async fn stop_immediate(&mut self) {
        self.stop(Signal::QUIT).await;
    }

    /// Kills all its processes, as `kill -9` does.
    pub async fn kill_9(&mut self) {
        let mut process = self.process.take().unwrap();
        processes::kill_all(&mut process).await;
    }

    /// Has all its processes stand still until the value is dropped: connections stay, and nothing is
    /// answered.
    pub fn stand_still(&self) -> Still<'_> {
        self.signal_all(Signal::STOP);
        Still(self)
    }

    fn signal_all(&self, signal: Signal) {
        let process = self.process.as_ref().unwrap();
        // First who starts others.
        processes::signal(process, signal);
        processes::signal_children(process.id(), signal);
    }

    /// Whether it runs, and has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_none())
    }

    async fn stop(&mut self, signal: Signal) {
        let mut process = self.process.take().unwrap();
        processes::signal(&process, signal);
        processes::ended(&mut process).await;
    }

    /// A new database, which the gateway's role owns: its address. It is sorted as operators' are, by
    /// a language's rules and not by bytes.
    pub async fn create_database(&self, name: &str) -> String {
        self.admin().await.batch_execute(&create_database(name)).await.unwrap();
        self.url(name)
    }

    /// Changes a setting as an operator does who needs no restart for it.
    pub async fn set(&self, name: &str, value: &str) {
        let admin = self.admin().await;
        admin.batch_execute(&format!("alter system set {name} = '{value}'")).await.unwrap();
        admin.batch_execute("select pg_reload_conf()").await.unwrap();
    }

    /// Begins a new file of the write-ahead log. It may die of it.
    pub async fn switch_wal(&self) {
        let admin = self.admin().await;
        let _ = admin.batch_execute("select pg_switch_wal()").await;
    }

    /// Ends the sessions in a database whose last statement is like this pattern: how many.
    pub async fn end_sessions(&self, database: &str, like: &str) -> u64 {
        let ended = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = $1 and query like $2";
        self.admin().await.execute(ended, &[&database, &like]).await.unwrap()
    }

    /// A session that may everything.
    pub async fn admin(&self) -> Client {
        connect(&self.admin_url()).await
    }

    /// The address of a database, for a gateway.
    pub fn url(&self, database: &str) -> String {
        address(OWNER, &self.secrets.owner, self.port, database)
    }

    /// The address for a session that may everything.
    pub fn admin_url(&self) -> String {
        address(ADMIN, &self.secrets.admin, self.port, "postgres")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What no log may hold.
    pub fn passwords(&self) -> [&str; 2] {
        [&self.secrets.admin, &self.secrets.owner]
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The folder that goes with it; the server's account may write there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds lines to its configuration, for the next start.
    pub fn configure(&self, settings: &str) {
        let path = self.folder.data().join("postgresql.conf");
        fs::write(&path, fs::read_to_string(&path).unwrap() + settings).unwrap();
    }

    /// Runs a program as an operator does, who knows the server by the environment: what it printed, or
    /// what it complained of if it failed.
    ///
    /// # Errors
    /// What the program complained of.
    pub fn operate(&self, program: &Path, arguments: &[&str]) -> Result<String, String> {
        let mut command = installed::script(program, self.folder.path());
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", ADMIN).env("PGPASSWORD", &self.secrets.admin).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// A server on the data that a program makes, which is told where after `arguments`, and then
    /// `last`, unless that is empty. It is ready when it has recovered.
    pub async fn restored(&self, program: &Path, arguments: &[&str], last: &str) -> Self {
        let folder = Folder::make();
        let data = folder.data().display().to_string();
        let more = [data.as_str(), last].into_iter().filter(|argument| !argument.is_empty());
        let all: Vec<&str> = arguments.iter().copied().chain(more).collect();
        self.operate(program, &all).unwrap();
        let server = Self::first_started(folder, self.secrets.clone(), Vec::new()).await;
        let admin = server.admin().await;
        loop {
            let found = admin.query_one("select pg_is_in_recovery()", &[]).await.unwrap();
            if !found.get::<_, bool>(0) {
                return server;
            }
            sleep(LOOK).await;
        }
    }

    /// How many processes it has, itself included; 0 if it does not run.
    pub fn process_count(&self) -> usize {
        self.process.as_ref().map_or(0, |process| 1 + processes::children(process.id()).len())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(mut process) = self.process.take() {
            // The folder's guardian has ended it.
            let _ = process.wait();
        }
    }
}

/// A session, whose connection is served for as long as this runtime runs.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The statement that makes a database, from nothing.
pub(crate) fn create_database(name: &str) -> String {
    format!(
        "create database {name} owner {OWNER} template template0 encoding 'UTF8' \
         locale_provider icu icu_locale 'und'"
    )
}

fn address(role: &str, password: &str, port: u16, database: &str) -> String {
    format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}")
}

/// The folder, with a new cluster in it.
fn initialised(folder: Folder, password: &str, settings: &str) -> Folder {
    let password_file = folder.path().join("password");
    fs::write(&password_file, password).unwrap();
    if let Some(account) = installed::other_account() {
        std::os::unix::fs::chown(&password_file, Some(account.uid), None).unwrap();
    }
    let mut initdb = installed::program("initdb", folder.path());
    initdb.arg("-D").arg(folder.data()).args(["-U", ADMIN, "-E", "UTF8", "--locale=C.UTF-8"]);
    initdb.args(["-A", "scram-sha-256", "--pwfile=password", "--no-sync", "--no-instructions"]);
    installed::run(initdb);
    fs::remove_file(&password_file).unwrap();
    let path = folder.data().join("postgresql.conf");
    fs::write(&path, fs::read_to_string(&path).unwrap() + settings).unwrap();
    folder
}

fn free_port() -> u16 {
    let (first, count) = (u64::from(PORTS.start), u64::from(PORTS.end - PORTS.start));
    let ports = std::iter::repeat_with(|| u16::try_from(first + random() % count).unwrap());
    let mut free = ports.take(1_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().unwrap()
}

//! The other end of a bench, in a process of its own, so that what the gateway costs can be told from
//! what asking it costs: it asks, crowds, acknowledges or simulates, as it is told on its standard input.

use std::future::pending;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};
use store::Database;
use tokio::task::spawn_blocking;
use web::edge::Limits;

use super::crowd::Crowd;
use super::load::{Load, Loaded};
use super::site::Site;
use super::{cpu, load, merchant, upstream};
use crate::cli::{Failure, print_line};

/// What a peer is asked for, a line of JSON each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Stay on one processor.
    Pin(usize),
    /// Send requests.
    Load(Load),
    /// Open that many silent and slow sockets, and keep them.
    Crowd(SocketAddr, usize),
    /// Close them.
    Leave,
    /// Acknowledge whatever is posted, from here on.
    Acknowledge,
    /// Be the upstreams of the identity in a folder, from here on.
    Simulate(PathBuf),
    /// Be one more gateway on a database, from here on.
    Serve(Gate),
}

/// A gateway that joins others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gate {
    /// Its database, which is a bench's and is dropped with it.
    pub url: String,
    /// Where the key is.
    pub folder: PathBuf,
    /// The number that its ids have.
    pub node: u32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Done {
    /// Nothing to tell.
    Done,
    /// How requests were answered.
    Loaded(Loaded),
    /// Where notices are acknowledged, or upstreams are.
    Listening(SocketAddr),
    /// It could not be done.
    Failed(String),
}

/// A peer; its process ends with this value.
pub struct Peer {
    process: Child,
    /// `None` while a job is under way.
    pipes: Option<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Peer {
    /// Starts one.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Machine(format!("bench-peer: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("bench-peer").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(failed)?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        Ok(Self { process, pipes: pipes.map(|(to, from)| (to, BufReader::new(from))) })
    }

    /// Has a job done.
    ///
    /// # Errors
    /// It could not be done, or the process is gone.
    pub async fn ask(&mut self, job: &Job) -> Result<Done, Failure> {
        let line = serde_json::to_string(job);
        let line = line.map_err(|error| Failure::Machine(error.to_string()))?;
        let pipes = self.pipes.take();
        let (mut to, mut from) = pipes.ok_or_else(|| Failure::Machine("no peer".into()))?;
        let exchange = spawn_blocking(move || {
            let mut answer = String::new();
            let told = writeln!(to, "{line}").and_then(|()| from.read_line(&mut answer));
            told.map(|_| ((to, from), answer))
        });
        let exchange = exchange.await.map_err(|error| Failure::Machine(error.to_string()))?;
        let (pipes, answer) = exchange.map_err(|error| Failure::Machine(error.to_string()))?;
        self.pipes = Some(pipes);
        match serde_json::from_str(&answer) {
            Ok(Done::Failed(why)) => Err(Failure::Machine(why)),
            Ok(done) => Ok(done),
            Err(_) => Err(Failure::Machine("the bench's peer has ended".into())),
        }
    }

    /// Has requests sent.
    ///
    /// # Errors
    /// As [`Peer::ask`].
    pub async fn load(&mut self, load: Load) -> Result<Loaded, Failure> {
        match self.ask(&Job::Load(load)).await? {
            Done::Loaded(loaded) => Ok(loaded),
            Done::Done | Done::Listening(_) | Done::Failed(_) => {
                Err(Failure::Machine("the bench's peer did not send anything".into()))
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `jubao bench-peer`: does what standard input says until it ends.
///
/// # Errors
/// The runtime does not start.
pub fn run() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Machine(format!("threads: {error}")))?;
    let mut crowd = Crowd::default();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let done = match serde_json::from_str(&line) {
            Ok(Job::Acknowledge) => return runtime.block_on(merchant::run(tell)),
            Ok(Job::Simulate(folder)) => return runtime.block_on(upstream::run(&folder, tell)),
            Ok(Job::Serve(gate)) => return serve(&gate),
            Ok(job) => runtime.block_on(perform(job, &mut crowd)),
            Err(error) => Done::Failed(error.to_string()),
        };
        tell(&done);
    }
    Ok(())
}

/// Serves a gateway, on as many threads as the program has, until standard input ends.
fn serve(gate: &Gate) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Machine(format!("threads: {error}")))?;
    let database = Database::parse(&gate.url).map_err(Failure::Input)?;
    runtime.block_on(async {
        let mut site = Site::join(&database, &gate.folder, gate.node).await?;
        tell(&Done::Listening(site.serve(Limits::of_this_machine()).await?));
        pending().await
    })
}

fn tell(done: &Done) {
    print_line(serde_json::to_string(done).unwrap_or_default());
}

async fn perform(job: Job, crowd: &mut Crowd) -> Done {
    let done = match job {
        Job::Pin(processor) => cpu::pin(processor),
        Job::Load(load) => return load::run(load).await.map_or_else(Done::Failed, Done::Loaded),
        Job::Crowd(address, count) => crowd.come(address, count).await,
        Job::Leave => {
            crowd.leave();
            Ok(())
        }
        Job::Acknowledge | Job::Simulate(_) | Job::Serve(_) => Ok(()),
    };
    done.map_or_else(Done::Failed, |()| Done::Done)
}

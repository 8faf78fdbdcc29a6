//! What processes on one server tell each other at once: LISTEN and NOTIFY on a connection of their own.
//!
//! A transaction that notifies takes a lock of the whole server until it is durable, so told from within
//! what is committed, all processes would commit one after the other. What is told here is committed
//! already, and telling it waits for no disk. It may be lost: whoever must know looks by himself too.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::{Client, Notification};

use super::connect::Target;
use super::fault::{Fault, fault};

/// What is told concerns nothing that must survive, so it need not reach a disk.
const LISTEN: &str = "set synchronous_commit = off; listen jubao";
/// Which of the notes are our own.
const OWN: &str = "select pg_backend_pid()";
/// Tells all.
const TELL: &str = "select pg_notify('jubao', $1)";

/// Between two tries to connect.
const AGAIN: Duration = Duration::from_millis(500);
/// Notes that may wait; more are lost.
const NOTES_MAX: usize = 1_024;

/// How a session ends.
enum Ended {
    /// Nobody tells or listens any more.
    Over,
    /// The connection is gone.
    Lost,
}

/// Tells others what comes from `told`, and gives to `heard` what others tell.
pub(super) async fn run(
    target: Target,
    mut told: mpsc::Receiver<String>,
    heard: mpsc::Sender<String>,
) {
    let mut was_up = true;
    loop {
        match session(&target, &mut told, &heard).await {
            Ok(Ended::Over) => return,
            Ok(Ended::Lost) => was_up = true,
            Err(error) if was_up => {
                was_up = false;
                let error = error.into_store_error();
                tracing::warn!(%error, "what other processes do is heard of late: no connection");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = heard.closed() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn session(
    target: &Target,
    told: &mut mpsc::Receiver<String>,
    heard: &mpsc::Sender<String>,
) -> Result<Ended, Fault> {
    let (send, mut notes) = mpsc::channel(NOTES_MAX);
    let client = target.connect_to_hear(send).await?;
    let own = listen(&client).await?;
    loop {
        tokio::select! {
            note = notes.recv() => match note {
                Some(note) if note.process_id() == own => {}
                Some(note) => {
                    // Who is full misses a note, as who was away.
                    let _ = heard.try_send(note.payload().to_owned());
                }
                None => return Ok(Ended::Lost),
            },
            text = told.recv() => match text {
                Some(text) => { client.execute(TELL, &[&text]).await.map_err(named)?; }
                None => return Ok(Ended::Over),
            },
            () = heard.closed() => return Ok(Ended::Over),
        }
    }
}

async fn listen(client: &Client) -> Result<i32, Fault> {
    client.batch_execute(LISTEN).await.map_err(named)?;
    let row = client.query_one(OWN, &[]).await.map_err(named)?;
    row.try_get(0).map_err(named)
}

fn named(error: tokio_postgres::Error) -> Fault {
    fault(&error, "listen")
}

/// Passes notes on, and drops them where too many wait.
pub(super) fn pass_on(note: Notification, notes: &mpsc::Sender<Notification>) {
    let _ = notes.try_send(note);
}

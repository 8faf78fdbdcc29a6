//! A server's processes: found, and killed without a chance to say anything.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// How long a process may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Sends a signal to a child of ours, which cannot be another process's by now: we have not waited
/// for it.
pub fn signal(process: &Child, signal: Signal) {
    kill_process(number(process.id()), signal).unwrap();
}

/// Sends a signal to what a server has started.
pub fn signal_children(server: u32, signal: Signal) {
    for child in children(server) {
        // It may have ended by itself.
        let _ = kill_process(number(child), signal);
    }
}

/// Waits for the end of a child of ours.
pub async fn ended(process: &mut Child) {
    let ended = timeout(ENDS_WITHIN, async {
        while process.try_wait().unwrap().is_none() {
            sleep(LOOK).await;
        }
    });
    ended.await.unwrap_or_else(|_| panic!("the server does not end"));
}

/// Kills a server and every process of it, as `kill -9` does, and waits until all are gone. It is
/// stopped first, so that it starts no other meanwhile.
pub async fn kill_all(server: &mut Child) {
    signal(server, Signal::STOP);
    let ended_or_stopped = timeout(ENDS_WITHIN, async {
        while matches!(look(server.id()), Some(found) if !"TZ".contains(found.state)) {
            sleep(LOOK).await;
        }
    });
    ended_or_stopped.await.unwrap_or_else(|_| panic!("the server does not stop"));
    let children = children(server.id());
    for child in &children {
        // It may have ended by itself.
        let _ = kill_process(number(*child), Signal::KILL);
    }
    signal(server, Signal::KILL);
    ended(server).await;
    let gone = timeout(ENDS_WITHIN, async {
        while children.iter().any(|child| look(*child).is_some_and(|found| found.state != 'Z')) {
            sleep(LOOK).await;
        }
    });
    gone.await.unwrap_or_else(|_| panic!("a process of the server does not end"));
}

/// The processes that a server has started, its sessions among them.
pub fn children(server: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|id| look(*id).is_some_and(|found| found.parent == server)).collect()
}

/// What the system says of a process.
struct Look {
    state: char,
    parent: u32,
}

fn look(id: u32) -> Option<Look> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Its name stands in brackets, and may hold any of them.
    let (_, facts) = text.rsplit_once(") ")?;
    let mut facts = facts.split(' ');
    Some(Look { state: facts.next()?.chars().next()?, parent: facts.next()?.parse().ok()? })
}

fn number(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

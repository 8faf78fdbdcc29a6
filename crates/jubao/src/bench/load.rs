//! Asking as fast as is answered, or so many times a second. It shares the machine with what it asks,
//! so it is bare: requests are written and signed ahead, and of an answer only its length and its
//! first bytes are looked at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::ask::{Ask, Wire};
use super::now;
use crate::descriptors;

/// Bytes of an answer that are made room for.
const ANSWER_BYTES: usize = 4_096;
/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// Requests to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// To whom.
    pub address: SocketAddr,
    /// What.
    pub ask: Ask,
    /// Over how many connections, each of which asks again when it is answered.
    pub connections: usize,
    /// How many in all.
    pub requests: usize,
    /// How the merchants' numbers begin.
    pub name: String,
    /// How many a second over all connections; as fast as is answered without it.
    pub per_second: Option<usize>,
}

/// How they were answered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Loaded {
    /// From the first request to the last answer, in microseconds.
    pub elapsed_us: u64,
    /// Answers that say yes.
    pub accepted: Times,
    /// Answers that say 4006.
    pub busy: Times,
    /// Any other answer.
    pub refused: Times,
    /// Requests without an answer.
    pub failed: usize,
}

/// How many answers there were, and how long they took in microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub count: usize,
    /// The 50th of a hundred.
    pub p50_us: u64,
    /// The 99th of a hundred.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Times {
    fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0);
        let max_us = times.last().copied().unwrap_or(0);
        Self { count: times.len(), p50_us: at(50), p99_us: at(99), max_us }
    }
}

/// What an answer says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Said {
    Yes,
    Busy,
    Other,
}

/// An answer and how long it took, in microseconds.
type Answer = (Said, u64);

/// When a connection asks: at `first`, and then `every` so long.
#[derive(Copy, Clone)]
struct Pace {
    first: Instant,
    every: Duration,
}

/// Sends them.
///
/// # Errors
/// A connection cannot be made.
pub async fn run(load: Load) -> Result<Loaded, String> {
    descriptors::connections(load.connections);
    let requests = load.ask.requests(&load.name, load.requests);
    let mut sockets = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        sockets.push(Socket::connect(load.address).await.map_err(|error| error.to_string())?);
    }
    let began = now();
    let mut tasks = JoinSet::new();
    for (at, socket) in sockets.into_iter().enumerate() {
        let share: Vec<Wire> =
            requests.iter().skip(at).step_by(load.connections).map(Arc::clone).collect();
        tasks.spawn(exchange(socket, share, pace(&load, at)));
    }
    let (mut answers, mut failed) = (Vec::with_capacity(requests.len()), 0);
    while let Some(ended) = tasks.join_next().await {
        let (of_connection, missing) = ended.map_err(|error| error.to_string())?;
        answers.extend(of_connection);
        failed += missing;
    }
    let elapsed_us = micros(began.elapsed()).max(1);
    let of = |said: Said| {
        let of_kind = answers.iter().filter(|(found, _)| *found == said);
        Times::of(of_kind.map(|(_, time)| *time).collect())
    };
    let (accepted, busy, refused) = (of(Said::Yes), of(Said::Busy), of(Said::Other));
    Ok(Loaded { elapsed_us, accepted, busy, refused, failed })
}

/// When connection `at` asks, if it is told.
fn pace(load: &Load, at: usize) -> Option<Pace> {
    let per_second = u32::try_from(load.per_second?.max(1)).unwrap_or(u32::MAX);
    let step = Duration::from_secs(1) / per_second;
    let count = u32::try_from(load.connections).unwrap_or(u32::MAX);
    let first = Instant::now() + step * u32::try_from(at).unwrap_or(0);
    Some(Pace { first, every: step * count })
}

/// Sends a connection's requests one after the other; the answers, and how many are missing.
async fn exchange(
    mut socket: Socket,
    share: Vec<Wire>,
    pace: Option<Pace>,
) -> (Vec<Answer>, usize) {
    let mut answers = Vec::with_capacity(share.len());
    for (at, request) in (0..).zip(&share) {
        if let Some(Pace { first, every }) = pace {
            sleep_until(first + every * at).await;
        }
        let began = now();
        let answer = tokio::time::timeout(ANSWER_WAIT, socket.ask(request)).await;
        match answer {
            Ok(Ok(said)) => answers.push((said, micros(began.elapsed()))),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let missing = share.len() - answers.len();
    (answers, missing)
}

/// A connection that is kept.
struct Socket {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Socket {
    async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(ANSWER_BYTES) })
    }

    async fn ask(&mut self, request: &[u8]) -> std::io::Result<Said> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let Some((head, body)) = split(&self.answer) else { continue };
            if body.len() >= content_length(head) {
                return Ok(said(body));
            }
        }
    }
}

/// Head and body of what has come, once the head is whole.
pub fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&bytes[..at + 2], &bytes[at + 4..]))
}

/// The length that a head tells; 0 if it tells none.
pub fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let lines = head.split(|byte| *byte == b'\n');
    let is_it =
        |line: &&[u8]| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME);
    let text = lines.into_iter().find(is_it).map(|line| line[NAME.len()..].trim_ascii());
    text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
}

fn said(body: &[u8]) -> Said {
    if body == b"ok" || body.starts_with(b"{\"code\":200,") {
        Said::Yes
    } else if body.starts_with(b"{\"code\":4006,") {
        Said::Busy
    } else {
        Said::Other
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_length() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"code\":4006,1}";
        let (head, body) = split(answer).unwrap();
        assert_eq!((content_length(head), body.len(), said(body)), (15, 15, Said::Busy));
        assert_eq!((split(b"HTTP/1.1 200 OK\r\n"), content_length(b"a: b\r\n")), (None, 0));
        assert_eq!(
            [said(b"ok"), said(b"{\"code\":200,"), said(b"{")],
            [Said::Yes, Said::Yes, Said::Other]
        );
    }

    #[test]
    fn times_are_those_of_the_sorted_list() {
        let times = Times::of((1..=200).rev().collect());
        assert_eq!((times.count, times.p50_us, times.p99_us, times.max_us), (200, 101, 199, 200));
    }
}

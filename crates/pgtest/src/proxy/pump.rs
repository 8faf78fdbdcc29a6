//! Moves the bytes of one connection, message by message.

use std::io;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::session::{Answer, Session, Step};
use super::wire::{Message, Stream};
use super::{Moment, Shared};

/// What is read at once.
const CHUNK_BYTES: usize = 64 << 10;

type Reader = ReadHalf<TcpStream>;
type Writer = WriteHalf<TcpStream>;

/// What the directions of a connection share.
struct Both<'a> {
    shared: &'a Shared,
    session: Mutex<Session>,
    /// What the server sends.
    answers: Mutex<Stream>,
}

/// Why a direction has ended, other than by its sender's end.
type Ended = io::Result<Option<Moment>>;

/// Serves a connection until either side ends it, or it is cut. Both sockets are closed then.
pub async fn both_ways(client: TcpStream, server: TcpStream, shared: &Shared) {
    // A delayed acknowledgement of a small packet would be a delay of ours.
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let both = Both { shared, session: Mutex::default(), answers: Mutex::default() };
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let ended = tokio::select! {
        ended = both.up(from_client, to_server) => ended,
        ended = both.down(from_server, to_client) => ended,
    };
    // An error is a side that is gone, which ends the other.
    if let Ok(Some(moment)) = ended {
        shared.count(|counts| match moment {
            Moment::Before => counts.cut_before += 1,
            Moment::InFlight => counts.cut_in_flight += 1,
            Moment::After => counts.cut_after += 1,
        });
    }
}

/// Waits while everything is frozen.
pub async fn thawed(shared: &Shared) {
    let mut state = shared.state.subscribe();
    // Its sender lives as long as we do.
    let _ = state.wait_for(|state| !state.is_frozen).await;
}

impl Both<'_> {
    /// From the client to the server.
    async fn up(&self, mut from: Reader, mut to: Writer) -> Ended {
        let mut stream = Stream::of_client();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut chunk).await?;
            thawed(self.shared).await;
            stream.push(&chunk[..count]);
            let (bytes, cut) = self.judged(&mut stream);
            to.write_all(&bytes).await?;
            if cut.is_some() || count == 0 {
                return Ok(cut);
            }
        }
    }

    /// What is passed on of what has come, and whether the connection is cut then.
    fn judged(&self, stream: &mut Stream) -> (Vec<u8>, Option<Moment>) {
        let mut bytes = Vec::new();
        while let Some(message) = stream.next_of_client() {
            if message.is_question() {
                self.answers.lock().unwrap().expect_byte();
            }
            let planned = |said: &str| self.shared.planned(said);
            let step = match message.kind {
                0 => Step::Pass,
                _ => self.session.lock().unwrap().of_client(&message, planned),
            };
            if step == Step::CutBefore {
                self.shared.cuts();
                return (bytes, Some(Moment::Before));
            }
            bytes.extend_from_slice(&message.bytes);
            if step == Step::CutInFlight {
                self.shared.cuts();
                return (bytes, Some(Moment::InFlight));
            }
        }
        (bytes, None)
    }

    /// From the server to the client.
    async fn down(&self, mut from: Reader, mut to: Writer) -> Ended {
        let mut chunk = vec![0; CHUNK_BYTES];
        let (mut is_first, mut passed, mut kept) = (true, Vec::new(), Vec::new());
        loop {
            let count = from.read(&mut chunk).await?;
            if count == 0 {
                return Ok(None);
            }
            self.answers.lock().unwrap().push(&chunk[..count]);
            while let Some(message) = self.next_answer() {
                let answer = self.session.lock().unwrap().of_server(&message, is_first);
                is_first = message.kind == b'Z';
                match answer {
                    Answer::Pass { is_first } => {
                        self.delayed(is_first).await;
                        passed.extend_from_slice(&message.bytes);
                    }
                    Answer::Keep => kept.extend_from_slice(&message.bytes),
                    Answer::CutAfter => {
                        to.write_all(&passed).await?;
                        return Ok(Some(Moment::After));
                    }
                    Answer::GiveBack(cut) => {
                        self.shared.plan_first(cut);
                        passed.append(&mut kept);
                        passed.extend_from_slice(&message.bytes);
                    }
                }
            }
            thawed(self.shared).await;
            to.write_all(&passed).await?;
            passed.clear();
        }
    }

    fn next_answer(&self) -> Option<Message> {
        self.answers.lock().unwrap().next_of_server()
    }

    /// Waits before an answer, if that was asked for.
    async fn delayed(&self, is_first: bool) {
        let delay = self.shared.state.borrow().delay;
        if is_first && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

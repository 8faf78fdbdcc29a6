//! Until when a connection must have done what it is at. It only keeps the times: whoever drives
//! the connection looks at them after each step, so no step has a timer of its own.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::early::Early;
use super::limits::Times;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// The deadlines of one connection, in milliseconds since it began. All of them are set and read by
/// the one task that drives it.
#[derive(Debug)]
pub(crate) struct Watch {
    begun: Instant,
    times: Times,
    is_idle: AtomicBool,
    read_by_ms: AtomicU64,
    write_by_ms: AtomicU64,
}

impl Watch {
    /// A connection whose first request has begun.
    pub(crate) fn new(times: Times, now: Instant) -> Self {
        Self {
            begun: now,
            times,
            is_idle: AtomicBool::new(false),
            read_by_ms: AtomicU64::new(millis(times.head)),
            write_by_ms: AtomicU64::new(NEVER),
        }
    }

    /// The next deadline, if there is one.
    pub(crate) fn due(&self) -> Option<Instant> {
        let read_by = self.read_by_ms.load(Ordering::Relaxed);
        let due = read_by.min(self.write_by_ms.load(Ordering::Relaxed));
        (due != NEVER).then(|| self.begun + Duration::from_millis(due))
    }

    /// Whether bytes that come now begin a request.
    fn is_idle(&self) -> bool {
        self.is_idle.load(Ordering::Relaxed)
    }

    /// A request has begun.
    fn begun(&self, now: Instant) {
        self.is_idle.store(false, Ordering::Relaxed);
        self.read_by_ms.store(self.after(now, self.times.head), Ordering::Relaxed);
    }

    /// A request's head is whole; its body has a time of its own.
    pub(crate) fn asked(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
        self.read_by_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Its answer has been handed over.
    fn answered(&self, now: Instant) {
        self.is_idle.store(true, Ordering::Relaxed);
        self.read_by_ms.store(self.after(now, self.times.idle), Ordering::Relaxed);
    }

    /// The socket is full: the peer has until then to take everything.
    fn filled(&self, now: Instant) {
        if self.write_by_ms.load(Ordering::Relaxed) == NEVER {
            self.write_by_ms.store(self.after(now, self.times.write), Ordering::Relaxed);
        }
    }

    /// Everything was taken.
    fn drained(&self) {
        self.write_by_ms.store(NEVER, Ordering::Relaxed);
    }

    fn after(&self, now: Instant, time: Duration) -> u64 {
        millis(now - self.begun).saturating_add(millis(time))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER - 1)
}

/// A stream that tells its watch what happens, and answers by itself what is refused early.
pub(crate) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    early: Early,
    /// Whether nothing was read yet.
    is_new: bool,
    /// Whether everything that hyper wrote was taken.
    is_drained: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, watch: Arc<Watch>, early: Early) -> Self {
        Self { stream, watch, early, is_new: true, is_drained: true }
    }

    fn told<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.watch.filled(Instant::now());
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Writes a short answer at once. Whoever left so many answers unread that there is no room for one
    /// more is hung up on.
    fn write_whole(&mut self, context: &mut Context<'_>, answer: &[u8]) -> io::Result<()> {
        let mut stream = Pin::new(&mut self.stream);
        match stream.as_mut().poll_write(context, answer) {
            Poll::Ready(Ok(length)) if length == answer.len() => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(_)) | Poll::Pending => return Err(ErrorKind::WriteZero.into()),
        }
        match stream.poll_flush(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Err(ErrorKind::WriteZero.into()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buffer.filled().len();
        loop {
            let polled = Pin::new(&mut me.stream).poll_read(context, buffer);
            let bytes = &buffer.filled()[before..];
            if bytes.is_empty() {
                return polled;
            }
            let is_idle = me.watch.is_idle();
            let is_waiting = is_idle && me.is_drained || std::mem::take(&mut me.is_new);
            let Some(answer) = me.early.answer(bytes, is_waiting) else {
                if is_idle {
                    me.watch.begun(Instant::now());
                }
                return polled;
            };
            buffer.set_filled(before);
            me.write_whole(context, &answer)?;
            me.watch.answered(Instant::now());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        me.is_drained = false;
        let polled = Pin::new(&mut me.stream).poll_write(context, bytes);
        me.told(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        me.is_drained = false;
        let polled = Pin::new(&mut me.stream).poll_write_vectored(context, pieces);
        me.told(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written all it has.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_flush(context);
        let flushed = ready!(me.told(polled));
        me.is_drained = true;
        me.watch.drained();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_shutdown(context);
        me.told(polled)
    }
}

/// An answer's body; its end is the beginning of the wait for the next request.
pub(crate) struct Answer {
    body: Body,
    watch: Arc<Watch>,
}

impl Answer {
    pub(crate) fn new(body: Body, watch: Arc<Watch>) -> Self {
        Self { body, watch }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.watch.answered(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, duplex};

    use super::super::{Edge, Limits};
    use super::*;

    fn early() -> Early {
        Early::new(Edge::new(Limits::default(), None).unwrap())
    }

    fn left(watch: &Watch, now: Instant) -> Option<u64> {
        watch.due().map(|due| (due - now).as_secs())
    }

    fn later(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn each_part_of_an_exchange_has_its_own_time() {
        let now = Instant::now();
        let watch = Watch::new(Times::default(), now);
        assert_eq!((left(&watch, now), watch.is_idle()), (Some(10), false));
        watch.asked();
        assert_eq!((left(&watch, now), watch.is_idle()), (None, false));
        watch.answered(later(now, 20));
        assert_eq!((left(&watch, later(now, 20)), watch.is_idle()), (Some(60), true));
        watch.begun(later(now, 50));
        assert_eq!((left(&watch, later(now, 50)), watch.is_idle()), (Some(10), false));
    }

    #[test]
    fn a_reader_that_takes_a_little_buys_no_time() {
        let now = Instant::now();
        let watch = Watch::new(Times::default(), now);
        watch.asked();
        watch.filled(now);
        watch.filled(later(now, 20));
        assert_eq!(left(&watch, now), Some(30));
        watch.drained();
        assert_eq!(left(&watch, now), None);
    }

    #[tokio::test]
    async fn only_a_flush_means_that_everything_was_taken() {
        let watch = Arc::new(Watch::new(Times::default(), Instant::now()));
        watch.asked();
        let (ours, mut theirs) = duplex(8);
        let mut stream = Watched::new(ours, Arc::clone(&watch), early());
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut stream).poll_write(&mut context, &[0; 16]).is_ready());
        assert!(watch.due().is_none());
        assert!(Pin::new(&mut stream).poll_write(&mut context, &[0; 8]).is_pending());
        let due = watch.due();
        assert!(due.is_some());
        assert_eq!(theirs.read(&mut [0; 4]).await.unwrap(), 4);
        assert!(Pin::new(&mut stream).poll_write(&mut context, &[0; 8]).is_ready());
        assert_eq!(watch.due(), due);
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        assert!(watch.due().is_none());
    }

    #[tokio::test]
    async fn bytes_behind_an_answer_begin_a_request() {
        let watch = Arc::new(Watch::new(Times::default(), Instant::now()));
        watch.asked();
        drop(Answer::new(Body::empty(), Arc::clone(&watch)));
        let (ours, theirs) = duplex(8);
        let mut stream = Watched::new(ours, Arc::clone(&watch), early());
        let mut bytes = [0; 4];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut stream).poll_read(&mut context, &mut buffer).is_pending());
        assert!(watch.is_idle());
        let mut theirs = theirs;
        tokio::io::AsyncWriteExt::write_all(&mut theirs, b"G").await.unwrap();
        assert!(Pin::new(&mut stream).poll_read(&mut context, &mut buffer).is_ready());
        assert!(!watch.is_idle());
    }
}

//! Until when a connection must have done what it is at. It only keeps the times: whoever drives
//! the connection looks at them after each step, so no step has a timer of its own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

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
    pub(crate) fn new(times: Times) -> Self {
        Self {
            begun: Instant::now(),
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

    /// Bytes came: behind an answer, they begin a request.
    fn heard(&self) {
        if self.is_idle.swap(false, Ordering::Relaxed) {
            self.read_by_ms.store(self.after(self.times.head), Ordering::Relaxed);
        }
    }

    /// A request's head is whole; its body has a time of its own.
    pub(crate) fn asked(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
        self.read_by_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Its answer has been handed over.
    fn answered(&self) {
        self.is_idle.store(true, Ordering::Relaxed);
        self.read_by_ms.store(self.after(self.times.idle), Ordering::Relaxed);
    }

    /// The socket is full: the peer has until then to take everything.
    fn is_full(&self) {
        if self.write_by_ms.load(Ordering::Relaxed) == NEVER {
            self.write_by_ms.store(self.after(self.times.write), Ordering::Relaxed);
        }
    }

    /// Everything was taken.
    fn is_drained(&self) {
        self.write_by_ms.store(NEVER, Ordering::Relaxed);
    }

    fn after(&self, time: Duration) -> u64 {
        millis(self.begun.elapsed()).saturating_add(millis(time))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER - 1)
}

/// A stream that tells its watch what happens.
pub(crate) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch }
    }

    fn told<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.watch.is_full();
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut me.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            me.watch.heard();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_write(context, bytes);
        me.told(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
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
        me.watch.is_drained();
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
        self.watch.answered();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    fn left(watch: &Watch) -> Option<u64> {
        watch.due().map(|due| (due - Instant::now()).as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_of_an_exchange_has_its_own_time() {
        let times = Times::default();
        let watch = Arc::new(Watch::new(times));
        assert_eq!(left(&watch), Some(10));
        time::advance(Duration::from_secs(4)).await;
        watch.heard();
        assert_eq!(left(&watch), Some(6), "more bytes of a head buy no time");
        watch.asked();
        assert_eq!(left(&watch), None);
        drop(Answer::new(Body::empty(), watch.clone()));
        assert_eq!(left(&watch), Some(60));
        time::advance(Duration::from_secs(30)).await;
        watch.heard();
        assert_eq!(left(&watch), Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_little_buys_no_time() {
        let watch = Arc::new(Watch::new(Times::default()));
        watch.asked();
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut stream = Watched::new(ours, watch.clone());
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut write = || Pin::new(&mut stream).poll_write(&mut context, &[0; 16]);
        assert!(write().is_ready() && write().is_pending());
        assert_eq!(left(&watch), Some(30));
        time::advance(Duration::from_secs(20)).await;
        let mut taken = ReadBuf::new(&mut [0; 4]).filled().to_vec();
        taken.resize(4, 0);
        assert_eq!(tokio::io::AsyncReadExt::read(&mut theirs, &mut taken).await.unwrap(), 4);
        assert!(write().is_ready() && write().is_pending());
        assert_eq!(left(&watch), Some(10));
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        assert_eq!(left(&watch), None);
    }
}

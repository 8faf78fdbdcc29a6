//! Work that outlives whoever asked for it. A client may hang up at any moment, and hyper then drops
//! what answers it; but an order that was begun has to be finished.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::CatchUnwind;

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// A future that is polled where it is awaited, and is handed to the runtime if it is dropped before
/// its end. That costs nothing while nobody hangs up; a task of its own would cost each request two
/// switches. A panic ends the work, not the connection.
pub(crate) struct Outlive<F: Future<Output: Send> + Send + 'static> {
    /// `None` once it has ended.
    work: Option<Pin<Box<CatchUnwind<AssertUnwindSafe<F>>>>>,
}

impl<F: Future<Output: Send> + Send + 'static> Outlive<F> {
    /// Work that is finished whatever happens to this value.
    pub(crate) fn new(work: F) -> Self {
        Self { work: Some(Box::pin(AssertUnwindSafe(work).catch_unwind())) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outlive<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outlive<F> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // Without a runtime the process is ending, and the work ends with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_any_more() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut work = Box::pin(Outlive::new(async move {
            gone.await.unwrap();
            done.send(7).unwrap();
        }));
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(is_done.await, Ok(7));
    }

    #[tokio::test]
    async fn work_is_done_once_and_gives_its_answer() {
        assert_eq!(Outlive::new(async { 7 }).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_too() {
        async fn defect() {
            panic!("a defect");
        }
        assert!(Outlive::new(defect()).await.is_err());
    }
}

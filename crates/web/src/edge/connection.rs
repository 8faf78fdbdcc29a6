//! One connection from its first byte to its end. It never holds anything but its socket: what a
//! request began goes on without it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::client::Peer;
use super::early::Early;
use super::places::Place;
use super::watch::{Answer, Watch, Watched};
use super::{Edge, Stage};

/// Bytes of a request's head; longer ones are refused (431).
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Lines of a request's head.
pub(crate) const HEADERS_MAX: usize = 64;
/// Longer than anything is waited for.
const FAR: Duration = Duration::from_secs(86_400);

/// What every connection of a server shares.
pub(crate) struct Door {
    pub(crate) edge: Edge,
    pub(crate) router: TowerToHyperService<Router>,
}

/// Serves a connection until it ends, takes too long or the server stops.
pub(crate) async fn serve(door: Arc<Door>, stream: TcpStream, peer: Peer, place: Place) {
    let mut stage = door.edge.0.stage.subscribe();
    let times = door.edge.limits().times;
    if !has_begun(&stream, times.first_byte, &mut stage).await {
        return;
    }
    // A socket that refuses the option is only slower.
    let _ = stream.set_nodelay(true);
    match &door.edge.0.tls {
        None => exchange(&door, stream, peer, stage).await,
        Some(tls) => {
            let handshake = tls.acceptor().accept(stream);
            // Whoever cannot speak TLS is no one we could tell.
            if let Ok(Ok(stream)) = timeout(times.head, handshake).await {
                exchange(&door, stream, peer, stage).await;
            }
        }
    }
    drop(place);
}

/// Waits for the first byte. Until then a connection costs its socket and nothing else.
async fn has_begun(stream: &TcpStream, wait: Duration, stage: &mut watch::Receiver<Stage>) -> bool {
    let mut byte = [0];
    tokio::select! {
        peeked = timeout(wait, stream.peek(&mut byte)) => matches!(peeked, Ok(Ok(1..))),
        _ = stage.wait_for(|stage| *stage == Stage::Closing) => false,
    }
}

/// Requests and answers, each in its time.
pub(crate) async fn exchange<S>(
    door: &Door,
    stream: S,
    peer: Peer,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watch = Arc::new(Watch::new(door.edge.limits().times, Instant::now()));
    let early = Early::new(door.edge.clone());
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&watch), early));
    let service = service_fn(|mut request: Request<Incoming>| {
        watch.asked();
        let client = peer.client(request.headers());
        request.extensions_mut().insert(client);
        let answer = door.router.call(request);
        let watch = Arc::clone(&watch);
        async move { answer.await.map(|response| response.map(|body| Answer::new(body, watch))) }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut closing = pin!(stage.wait_for(|stage| *stage == Stage::Closing));
    let mut is_told = false;
    let mut alarm = Alarm::new();
    poll_fn(|context| {
        if !is_told && closing.as_mut().poll(context).is_ready() {
            is_told = true;
            connection.as_mut().graceful_shutdown();
        }
        // How a connection ended is the client's business; our side of it is in the answers.
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        alarm.poll_due(&watch, context)
    })
    .await;
}

/// Rings when a watch's deadline has passed. Deadlines move with every request, mostly away, so the
/// timer is moved only if it would ring too late; ringing early it looks again.
struct Alarm {
    timer: Pin<Box<Sleep>>,
    set_for: Option<Instant>,
}

impl Alarm {
    fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now() + FAR)), set_for: None }
    }

    fn poll_due(&mut self, watch: &Watch, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let due = watch.due();
            if let Some(due) = due
                && self.set_for.is_none_or(|set_for| due < set_for)
            {
                self.timer.as_mut().reset(due);
                self.set_for = Some(due);
            }
            if self.set_for.is_none() || self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.set_for = None;
            if due.is_some_and(|due| due <= Instant::now()) {
                return Poll::Ready(());
            }
        }
    }
}

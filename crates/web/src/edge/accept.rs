//! The accept loop: who may come in, and how the house is closed.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::client::Peer;
use super::connection::{self, Door};
use super::{Edge, Stage};

/// How long nothing is accepted after the machine had no room for another socket.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// How often the edge cleans up behind its callers.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// The share of the wait for a turn that a task may wait for a processor.
const LATE_SHARE: u32 = 8;
/// Looks between two reports of refusals.
const REPORT_EVERY: u32 = 10;

impl Edge {
    /// Serves `router` until `stop` is ready: then `/readyz` says so, nothing is accepted any more,
    /// idle connections end, and what is in flight has a while to finish. False if it took longer.
    pub async fn serve(
        &self,
        listener: TcpListener,
        router: Router,
        stop: impl Future<Output = ()>,
    ) -> bool {
        let door = Arc::new(Door { edge: self.clone(), router: TowerToHyperService::new(router) });
        // Both end with this function, whichever way it ends.
        let mut connections = JoinSet::new();
        let _helpers = self.helpers();
        let leave = async {
            stop.await;
            self.0.stage.send_replace(Stage::Leaving);
            sleep(self.0.limits.times.notice).await;
        };
        let mut leave = pin!(leave);
        loop {
            tokio::select! {
                () = &mut leave => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => self.admit(&door, accepted, &mut connections),
                    Err(error) if is_about_one_connection(&error) => {}
                    Err(error) => {
                        self.0.refused.no_room(&error);
                        tokio::select! {
                            () = &mut leave => break,
                            () = sleep(NO_ROOM_PAUSE) => {}
                        }
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        self.0.stage.send_replace(Stage::Closing);
        let finished = async {
            while connections.join_next().await.is_some() {}
            // What a client left behind is finished all the same.
            self.0.merchants.empty().await;
            self.0.callbacks.empty().await;
            self.0.pages.empty().await;
        };
        timeout(self.0.limits.times.stop, finished).await.is_ok()
    }

    /// Lets a connection in, or closes it at once: its client then knows, and can go elsewhere.
    fn admit(
        &self,
        door: &Arc<Door>,
        (stream, address): (TcpStream, SocketAddr),
        connections: &mut JoinSet<()>,
    ) {
        let peer = Peer::new(address.ip(), &self.0.limits.trusted_proxies);
        match self.0.connections.take(peer.net()) {
            Some(place) => {
                connections.spawn(connection::serve(Arc::clone(door), stream, peer, place));
            }
            None => self.0.refused.connection(),
        }
    }

    fn helpers(&self) -> JoinSet<()> {
        let mut helpers = JoinSet::new();
        let edge = self.clone();
        helpers.spawn(async move {
            let looking = Arc::clone(&edge.0.gate).look(edge.0.limits.work.wait / LATE_SHARE);
            // Without a thread to look from, only the lanes' own sizes count.
            let looking = looking.inspect_err(|error| tracing::error!(%error, "edge: no thread"));
            std::future::pending::<()>().await;
            drop(looking);
        });
        let edge = self.clone();
        helpers.spawn(async move { edge.tidy().await });
        if let Some(tls) = &self.0.tls {
            helpers.spawn(tls.clone().follow());
        }
        helpers
    }

    async fn tidy(&self) {
        let mut tick = interval(TIDY_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for _ in 0..REPORT_EVERY {
                tick.tick().await;
                self.0.rates.forget();
            }
            self.0.refused.report();
        }
    }
}

/// Whether an error of accepting ends with the connection that it is about (accept(2)); any other
/// is the machine's, and would come back at once.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

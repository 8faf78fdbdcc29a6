//! Connections that are open and in nobody's use, kept by the server that they lead to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// Connections that are kept for one server: as many as a lane of notices may have under way. With fewer
/// a busy lane would connect anew for every other notice.
pub(crate) const KEPT_PER_SERVER_MAX: usize = 128;
/// Connections that are kept in all.
const KEPT_MAX: usize = 1_024;
/// How long one is kept.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The connections; who forgets the last share of them closes them.
#[derive(Debug)]
pub(crate) struct Kept<C>(Arc<Mutex<ByServer<C>>>);

/// Each with the moment since which it is kept, the newest last.
#[derive(Debug)]
struct ByServer<C> {
    servers: HashMap<String, Vec<(Instant, C)>>,
    count: usize,
    is_looked_after: bool,
}

impl<C> Default for Kept<C> {
    fn default() -> Self {
        let none = ByServer { servers: HashMap::new(), count: 0, is_looked_after: false };
        Self(Arc::new(Mutex::new(none)))
    }
}

impl<C: Send + 'static> Kept<C> {
    /// Takes the connection to a server that was used last.
    pub(crate) fn take(&self, server: &str) -> Option<C> {
        let mut kept = lock(&self.0);
        let (_, connection) = kept.servers.get_mut(server)?.pop()?;
        kept.count -= 1;
        Some(connection)
    }

    /// Keeps a connection, if there is room.
    pub(crate) fn keep(&self, server: &str, connection: C) {
        let mut kept = lock(&self.0);
        if kept.count >= KEPT_MAX {
            return;
        }
        if !kept.servers.contains_key(server) {
            kept.servers.insert(server.to_owned(), Vec::new());
        }
        let Some(of_server) = kept.servers.get_mut(server) else { return };
        if of_server.len() >= KEPT_PER_SERVER_MAX {
            return;
        }
        of_server.push((Instant::now(), connection));
        kept.count += 1;
        if !std::mem::replace(&mut kept.is_looked_after, true) {
            tokio::spawn(look_after(Arc::downgrade(&self.0)));
        }
    }
}

impl<C> ByServer<C> {
    /// Closes what is kept since `before`.
    fn close_old(&mut self, before: Instant) {
        for of_server in self.servers.values_mut() {
            of_server.retain(|(since, _)| *since > before);
        }
        self.servers.retain(|_, of_server| !of_server.is_empty());
        self.count = self.servers.values().map(Vec::len).sum();
    }
}

/// Closes what is kept too long, until nothing is kept any more.
async fn look_after<C>(kept: Weak<Mutex<ByServer<C>>>) {
    loop {
        tokio::time::sleep(KEPT_FOR / 2).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut kept = lock(&kept);
        if let Some(before) = Instant::now().checked_sub(KEPT_FOR) {
            kept.close_old(before);
        }
        if kept.count == 0 {
            kept.is_looked_after = false;
            return;
        }
    }
}

fn lock<C>(kept: &Mutex<ByServer<C>>) -> MutexGuard<'_, ByServer<C>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn the_connection_that_was_used_last_is_taken_by_its_server_only() {
        run(async {
            let kept = Kept::default();
            kept.keep("http://a", 1);
            kept.keep("http://a", 2);
            assert_eq!(kept.take("http://b"), None);
            assert_eq!([kept.take("http://a"), kept.take("http://a")], [Some(2), Some(1)]);
            assert_eq!(kept.take("http://a"), None);
        });
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        run(async {
            let kept = Kept::default();
            for server in 0..100 {
                (0..200).for_each(|at| kept.keep(&server.to_string(), at));
            }
            let count =
                |kept: &Kept<_>| lock(&kept.0).servers.values().map(Vec::len).sum::<usize>();
            assert_eq!(count(&kept), KEPT_MAX);
            assert_eq!(lock(&kept.0).servers["0"].len(), KEPT_PER_SERVER_MAX);
            while kept.take("0").is_some() {}
            assert_eq!(count(&kept), KEPT_MAX - KEPT_PER_SERVER_MAX);
            kept.keep("new", 1);
            assert_eq!(kept.take("new"), Some(1));
        });
    }

    #[test]
    fn what_is_kept_too_long_is_closed_and_leaves_nothing_behind() {
        run(async {
            let kept = Kept::default();
            kept.keep("http://a", 1);
            let between = Instant::now();
            kept.keep("http://b", 2);
            lock(&kept.0).close_old(between);
            assert_eq!(kept.take("http://a"), None);
            assert_eq!(lock(&kept.0).servers.len(), 1);
            assert_eq!(kept.take("http://b"), Some(2));
        });
    }
}

//! What one process commits, the others hear of at once, where the store's engine carries it: whoever
//! waits there for an order or an event is woken. What is told wakes and says no more: who is woken looks
//! into the store. Where nothing is told, or a word is lost, those who wait look by themselves every few
//! seconds.

use kernel::id::{Id, MchId};
use kernel::order::Order;
use store::Bell;
use tokio::sync::{Mutex as Turns, mpsc, watch};

use crate::Gateway;
use crate::stopping::goes_on;
use crate::watchers::Topic;

/// Changes that may wait to be told; more are not told.
const CHANGES_MAX: usize = 4_096;
/// Bytes of a line at most: two numbers.
const LINE_MAX: usize = 40;

/// Changes of this process that others are to hear of.
#[derive(Debug)]
pub(crate) struct News {
    send: mpsc::Sender<(Id, MchId)>,
    receive: Turns<mpsc::Receiver<(Id, MchId)>>,
}

impl Default for News {
    fn default() -> Self {
        let (send, receive) = mpsc::channel(CHANGES_MAX);
        Self { send, receive: Turns::new(receive) }
    }
}

impl News {
    /// Has the others told of a change that is committed.
    pub(crate) fn tell(&self, order: &Order) {
        // Full: nobody tells, or the others look by themselves soon enough.
        let _ = self.send.try_send((order.id, order.mch_id));
    }
}

impl Gateway {
    /// Tells other processes what is committed here, and hears them, until `stop` turns true.
    pub async fn run_bell(&self, mut stop: watch::Receiver<bool>) {
        let Some(mut bell) = self.0.store.bell() else { return };
        let mut news = self.0.news.receive.lock().await;
        while goes_on(&stop) {
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                Some(first) = news.recv() => {
                    let text = gather(first, &mut news);
                    // Who cannot tell is not heard: that is allowed.
                    let _ = bell.told.try_send(text);
                }
                heard = bell.heard.recv() => match heard {
                    Some(text) => text.lines().for_each(|line| self.hear(line)),
                    None => return,
                },
            }
        }
    }

    /// Wakes whoever waits for what another process has committed. A page does not believe the teller's
    /// state: words of two processes may come in another order than they were committed in.
    fn hear(&self, line: &str) {
        let Some((id, mch_id)) = read(line) else { return };
        let _ = self.0.changes.send((id, None));
        self.0.watchers.wake(Topic::Order(id));
        self.0.watchers.wake(Topic::Events(mch_id));
    }
}

/// What waits to be told, as one text.
fn gather(first: (Id, MchId), news: &mut mpsc::Receiver<(Id, MchId)>) -> String {
    let mut text = line(first);
    while text.len() + LINE_MAX < Bell::TEXT_MAX {
        let Ok(next) = news.try_recv() else { break };
        text.push('\n');
        text.push_str(&line(next));
    }
    text
}

fn line((id, mch_id): (Id, MchId)) -> String {
    format!("{id} {mch_id}")
}

fn read(line: &str) -> Option<(Id, MchId)> {
    let (id, mch_id) = line.split_once(' ')?;
    Some((Id(id.parse().ok()?), MchId(mch_id.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_one_text_that_is_never_too_long() {
        let (send, mut receive) = mpsc::channel(1_000);
        for id in 0..1_000 {
            send.try_send((Id(9_007_199_254_740_000 + id), MchId(10_502_105_689_001))).unwrap();
        }
        let mut heard = Vec::new();
        while let Ok(first) = receive.try_recv() {
            let text = gather(first, &mut receive);
            assert!(text.len() <= Bell::TEXT_MAX);
            heard.extend(text.lines().map(|line| read(line).unwrap()));
        }
        assert_eq!(heard.len(), 1_000);
        assert_eq!(heard[999], (Id(9_007_199_254_740_999), MchId(10_502_105_689_001)));
        assert_eq!((read("x 1"), read("1"), read("")), (None, None, None));
    }
}

//! What a test sees of its world behind the API's back, and how it waits for what must happen.

use std::time::Duration;

use jubao::demo::identity::MERCHANT;
use kernel::id::Sn;
use kernel::ledger::Book;
use kernel::notice::NoticeState;
use kernel::order::{Attempt, Order};
use store::messages::Message;
use store::notices::NoticeHistory;

use super::TestApp;
use crate::merchant::Received;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// Longer than the sweeper ever waits before it looks again, in seconds.
const SWEEP_WAIT_MAX_S: i64 = 121;
/// Looks of the sweeper after which whatever can be known is known.
const SWEEPS_MAX: usize = 8;
/// Entries of the audit log that a test looks at.
const AUDIT_LOOKED_AT: i64 = 1_000;

impl TestApp {
    /// Lets the sweeper look at the order once more: its next look is never further away.
    pub async fn sweep(&self, sn: &str) -> Order {
        let before = self.stored(sn).await;
        self.sweep_from(sn, &before).await
    }

    /// The same for who has read the order, and then seen that it is not as it should be: if it has
    /// changed since, nothing more is waited for.
    pub async fn sweep_from(&self, sn: &str, before: &Order) -> Order {
        self.advance(SWEEP_WAIT_MAX_S);
        self.wait(&format!("the sweeper to look at {sn}"), async || {
            let order = self.stored(sn).await;
            ((order.sweeps, order.rev) != (before.sweeps, before.rev)).then_some(order)
        })
        .await
    }

    /// Lets the sweeper look until the order is in `state`.
    pub async fn sweep_until(&self, sn: &str, state: &str) -> Order {
        for _ in 0..SWEEPS_MAX {
            let order = self.stored(sn).await;
            if order.state.word() == state {
                return order;
            }
            self.sweep_from(sn, &order).await;
        }
        panic!("{sn} is not {state} after {SWEEPS_MAX} looks of the sweeper");
    }

    /// What an order has moved in a book: debits less credits.
    pub async fn booked(&self, sn: &str, book: Book) -> i64 {
        let order = self.stored(sn).await;
        let store = self.demo.gateway.store();
        let rows = store::ledger::of_order(store, order.mch_id, order.id).await.unwrap();
        let of_book = rows.iter().filter(|row| row.entry.book == book);
        of_book.map(|row| row.entry.amount.minor).sum()
    }

    /// What was said to and heard from upstreams about an order: direction and kind.
    pub async fn said(&self, sn: &str) -> Vec<String> {
        let order = self.stored(sn).await;
        let store = self.demo.gateway.store();
        let found = store::messages::of_order(store, order.mch_id, order.id).await.unwrap();
        let text = |message: &Message| format!("{} {}", message.direction.word(), message.kind);
        found.iter().map(text).collect()
    }

    /// How many entries of the audit log have an action that begins so.
    pub async fn audited(&self, action: &str) -> usize {
        let store = self.demo.gateway.store();
        let rows = store::audit::latest(store, AUDIT_LOOKED_AT).await.unwrap();
        rows.iter().filter(|row| row.entry.action.starts_with(action)).count()
    }

    /// The order as it is stored; no upstream is asked.
    pub async fn stored(&self, sn: &str) -> Order {
        let sn = Sn::parse(sn).unwrap();
        store::orders::by_sn(self.demo.gateway.store(), &sn).await.unwrap().unwrap()
    }

    /// The order's attempts as they are stored.
    pub async fn attempts(&self, sn: &str) -> Vec<Attempt> {
        let order = self.stored(sn).await;
        let store = self.demo.gateway.store();
        store::attempts::of_order(store, order.mch_id, order.id).await.unwrap()
    }

    /// How many orders the demo merchant has.
    pub async fn orders(&self) -> usize {
        store::orders::count(self.demo.gateway.store(), MERCHANT.mch_id).await.unwrap()
    }

    /// Waits until the stored order is in `state`.
    pub async fn wait_state(&self, sn: &str, state: &str) -> Order {
        self.wait(&format!("{sn} to become {state}"), async || {
            let order = self.stored(sn).await;
            (order.state.word() == state).then_some(order)
        })
        .await
    }

    /// Waits until the merchant has received `count` notifications.
    pub async fn wait_notices(&self, count: usize) -> Vec<Received> {
        self.wait(&format!("{count} notifications"), async || {
            let received = self.merchant.received();
            (received.len() >= count).then(|| received.clone())
        })
        .await
    }

    /// Waits until the order's notice is in `state`.
    pub async fn wait_notice_state(&self, sn: &str, state: NoticeState) {
        self.wait(&format!("the notice of {sn} to be {}", state.word()), async || {
            self.notice_states(sn).await.contains(&state).then_some(())
        })
        .await;
    }

    /// Where the order's notices stand.
    pub async fn notice_states(&self, sn: &str) -> Vec<NoticeState> {
        self.notices(sn).await.iter().map(|one| one.notice.state).collect()
    }

    /// The order's notices with their attempts.
    pub async fn notices(&self, sn: &str) -> Vec<NoticeHistory> {
        let order = self.stored(sn).await;
        let store = self.demo.gateway.store();
        store::notices::of_order(store, order.mch_id, order.id).await.unwrap()
    }

    /// Waits for something that must happen, by looking.
    pub async fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }
}

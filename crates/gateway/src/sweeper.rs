//! The sweeper: asks upstreams about whatever is in doubt, closes what has expired, and ends what a
//! crash left unfinished. It claims orders on a lease, so several processes can run it.

use std::time::Duration;

use kernel::crash::{self, Point};
use kernel::order::{Attempt, AttemptState, Order};
use kernel::product::Product;
use kernel::refund::Refund;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::StoreError;
use store::sweeps::{self, Claim, Sweep};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Gateway;
use crate::learn::Standing;
use crate::refund_order;
use crate::stopping::goes_on;

/// Orders claimed at once.
const CLAIM_MAX: i64 = 32;
/// Orders looked at together at most: an upstream that hangs keeps its own waiting, not the others'.
const IN_FLIGHT_MAX: usize = 256;
/// How long a claimed order is ours, in milliseconds: longer than asking about every attempt takes.
const LEASE_MS: i64 = 120_000;
/// The first wait before an upstream is asked again, in milliseconds; it doubles.
const SWEEP_FIRST_MS: i64 = 5_000;
/// The longest wait, in milliseconds.
const SWEEP_LONGEST_MS: i64 = 120_000;
/// An order that may still hold money when it ends is looked at once more so long after its codes have
/// expired, in milliseconds: upstreams' clocks are not ours.
const LOOK_BACK_AFTER_MS: i64 = 60_000;
/// Between two questions about a barcode order, in milliseconds.
const BARCODE_ASK_MS: i64 = 5_000;
/// After so long a barcode order that is not paid is reversed, in milliseconds.
const BARCODE_WAIT_MS: i64 = 45_000;
/// So long after its payment was told of, no reversal of a barcode order can be on its way any more, in
/// milliseconds: it is asked about once more then.
const CROSSED_FOR_MS: i64 = 60_000;
/// For so long its reversal is repeated as often, in milliseconds.
const BARCODE_HASTE_MS: i64 = 600_000;
/// The longest sleep: what other processes wrote is seen after it.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What a look at an order was for. A closing, however late, asks for a look back, and only that
/// takes the order off the list.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Look {
    /// For what may still happen.
    Ahead,
    /// Back, when no code could be paid any more, and everybody has answered.
    Back,
    /// Back, and somebody has not answered.
    Unanswered,
}

impl Gateway {
    /// Sweeps until `stop` turns true, then finishes what is in flight.
    pub async fn run_sweeper(&self, mut stop: watch::Receiver<bool>) {
        let mut in_flight = JoinSet::new();
        let mut forgot_at = None;
        while goes_on(&stop) {
            self.try_ready_ids().await;
            forgot_at = self.forget_old(forgot_at).await;
            while in_flight.try_join_next().is_some() {}
            let claimed = match self.sweep_into(&mut in_flight).await {
                Ok(count) => count,
                Err(error) => {
                    tracing::error!(error = %error, "sweeper: the store does not answer");
                    0
                }
            };
            if claimed > 0 {
                continue;
            }
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = self.0.wake_sweeper.notified() => {}
                Some(_) = in_flight.join_next(), if in_flight.len() >= IN_FLIGHT_MAX => {}
                () = tokio::time::sleep(SLEEP_MAX) => {}
            }
        }
        while in_flight.join_next().await.is_some() {}
    }

    /// Begins to look at the orders that are due now; says how many there were.
    async fn sweep_into(&self, in_flight: &mut JoinSet<()>) -> Result<usize, StoreError> {
        let room = IN_FLIGHT_MAX.saturating_sub(in_flight.len());
        let limit = i64::try_from(room).unwrap_or(CLAIM_MAX).min(CLAIM_MAX);
        if limit == 0 {
            return Ok(0);
        }
        let now = self.now();
        let claim = Claim { now, lease_until: now.plus_millis(LEASE_MS), limit };
        let due = sweeps::claim(&self.0.store, claim).await?;
        let count = due.len();
        for sweep in due {
            crash::reach(Point::SweepsClaimed);
            let gateway = self.clone();
            in_flight.spawn(async move {
                if let Err(error) = gateway.sweep(sweep).await {
                    let sn = sweep.order_id.sn();
                    tracing::error!(order.sn = %sn, error = %error, "sweep: not committed");
                }
            });
        }
        Ok(count)
    }

    async fn sweep(&self, sweep: Sweep) -> Result<(), StoreError> {
        let Some(mut standing) = self.standing(sweep.mch_id, sweep.order_id).await? else {
            return Ok(());
        };
        if standing.refunds.iter().any(|refund| refund.state.is_live()) {
            standing = self.ask_refunds(standing).await?;
        }
        let has_live = standing.live().next().is_some();
        let (expires_at, began) = (standing.order.expires_at, self.now());
        if is_barcode_waiting(&standing.order) {
            let standing = match gives_up_at(&standing.order) <= began {
                true => self.reverse_everywhere(standing).await?,
                false => self.ask_all(standing).await?,
            };
            crash::reach(Point::SweepAsked);
            return self.put_off(sweep, standing, Look::Ahead).await;
        }
        let (standing, look) = match (standing.order.state.is_open(), expires_at <= began) {
            (true, true) => (self.close_everywhere(standing).await?, Look::Ahead),
            (true, false) => (self.ask_all(standing).await?, Look::Ahead),
            (false, _) if has_live => (self.close_everywhere(standing).await?, Look::Ahead),
            (false, _) if may_be_undone(&standing.order) => match self.ask_paid(standing).await? {
                (standing, true) => (standing, Look::Ahead),
                (standing, false) => (standing, Look::Unanswered),
            },
            (false, _) => match self.ask_ended(standing).await? {
                (standing, false) => (standing, Look::Unanswered),
                (standing, true) if looks_back_at(&standing.order) > began => {
                    (standing, Look::Ahead)
                }
                (standing, true) => (standing, Look::Back),
            },
        };
        crash::reach(Point::SweepAsked);
        self.put_off(sweep, standing, look).await?;
        crash::reach(Point::SweepPutOff);
        Ok(())
    }

    /// Says when the order is looked at next. Whoever did not answer whether an attempt that has ended
    /// was paid after all is asked again.
    async fn put_off(
        &self,
        sweep: Sweep,
        standing: Standing,
        look: Look,
    ) -> Result<(), StoreError> {
        let mut order = standing.order;
        order.sweeps += 1;
        let now = self.now();
        let again = soon(&order, now);
        let next = match look {
            Look::Ahead => next_sweep(&order, &standing.attempts, &standing.refunds, now),
            Look::Back => refund_order::next_look(&standing.refunds, again, now),
            Look::Unanswered => Some(again),
        };
        // Missed: a change of the order came first, and has said itself when it is due.
        let written = self.0.store.write(sweeps::put_off(sweep, next, order.sweeps)).await?;
        if look == Look::Unanswered && !written.is_done() {
            // That change may have taken the order off the list although somebody has not answered.
            let batch = sweeps::hasten(order.mch_id, order.id, again);
            self.0.store.write(batch).await?;
        }
        Ok(())
    }
}

/// When the sweeper looks next: while an order waits, by doubling waits and at its expiry; when it
/// no longer waits, until no attempt can bring money.
pub(crate) fn next_sweep(
    order: &Order,
    attempts: &[Attempt],
    refunds: &[Refund],
    now: Timestamp,
) -> Option<Timestamp> {
    let soon = soon(order, now);
    let for_refunds = refund_order::next_look(refunds, soon, now);
    let for_attempts = next_look(order, attempts, (soon, now));
    for_refunds.into_iter().chain(for_attempts).min()
}

/// When an order's attempts are looked at next.
fn next_look(
    order: &Order,
    attempts: &[Attempt],
    (soon, now): (Timestamp, Timestamp),
) -> Option<Timestamp> {
    let has_live = attempts.iter().any(|attempt| attempt.state.is_live());
    if is_barcode_waiting(order) && has_live {
        return Some(next_barcode_look(order, soon, now));
    }
    match (order.state.is_open(), has_live) {
        (true, true) if now < order.expires_at => Some(soon.min(order.expires_at)),
        (true, true) => Some(soon),
        (true, false) => Some(order.expires_at.max(now)),
        (false, true) if order.sweeps == 0 => Some(now),
        (false, true) => Some(soon),
        (false, false) if may_be_undone(order) && order.sweeps == 0 => {
            Some(now.plus_millis(CROSSED_FOR_MS))
        }
        (false, false) => match unpaid_end(attempts) {
            UnpaidEnd::None => None,
            UnpaidEnd::Known if now >= looks_back_at(order) => None,
            UnpaidEnd::Known | UnpaidEnd::Doubtful => Some(looks_back_at(order).max(now)),
        },
    }
}

/// Whether the payer stands at a counter: such an order is asked about until it is given up.
fn is_barcode_waiting(order: &Order) -> bool {
    order.product == Product::Micropay && order.state.is_open()
}

/// Whether an upstream may have undone a paid order by itself: where a reversal and the news of the payment
/// crossed, only a later question tells what has stayed.
pub(crate) fn may_be_undone(order: &Order) -> bool {
    order.product == Product::Micropay && order.state == TradeState::Success
}

/// When a barcode order that has not been paid is reversed (contract section 4).
fn gives_up_at(order: &Order) -> Timestamp {
    order.created_at.plus_millis(BARCODE_WAIT_MS)
}

/// A barcode order is asked about every few seconds, then reversed, and that repeated until it is done;
/// an upstream that hangs for long is asked less.
fn next_barcode_look(order: &Order, soon: Timestamp, now: Timestamp) -> Timestamp {
    let next = now.plus_millis(BARCODE_ASK_MS);
    let gives_up_at = gives_up_at(order);
    if now < gives_up_at {
        next.min(gives_up_at)
    } else if now.millis_since(gives_up_at) < BARCODE_HASTE_MS {
        next
    } else {
        soon
    }
}

/// When an order that is over is looked at for the last time.
fn looks_back_at(order: &Order) -> Timestamp {
    order.expires_at.plus_millis(LOOK_BACK_AFTER_MS)
}

/// How attempts have ended that brought no money: until a code has expired, it may still.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum UnpaidEnd {
    /// None has.
    None,
    /// The only one was closed: so long after its code had expired, nothing can come.
    Known,
    /// One of several, or by a refusal, beside which another placing may have been taken.
    Doubtful,
}

fn unpaid_end(attempts: &[Attempt]) -> UnpaidEnd {
    let is_refused = |attempt: &Attempt| attempt.state == AttemptState::Refused;
    if !attempts.iter().any(|attempt| attempt.state.has_ended_unpaid()) {
        UnpaidEnd::None
    } else if attempts.len() > 1 || attempts.iter().any(is_refused) {
        UnpaidEnd::Doubtful
    } else {
        UnpaidEnd::Known
    }
}

/// When an order is looked at again whose upstream has not answered.
fn soon(order: &Order, now: Timestamp) -> Timestamp {
    let doublings = u32::try_from(order.sweeps.clamp(0, 16)).unwrap_or(16);
    now.plus_millis((SWEEP_FIRST_MS << doublings).min(SWEEP_LONGEST_MS))
}

#[cfg(test)]
mod tests {
    use kernel::id::{Id, MchId};

    use super::*;

    fn attempts(states: &[AttemptState]) -> Vec<Attempt> {
        let attempt = |(no, state): (i64, &AttemptState)| Attempt {
            order_id: Id(1),
            mch_id: MchId(1),
            no,
            product: Product::WechatQr,
            account_id: Id(1),
            account_version: 1,
            state: *state,
            rev: 0,
            pay_text: String::new(),
            transaction_id: String::new(),
            created_at: Timestamp::from_seconds(0),
        };
        (1..).zip(states).map(attempt).collect()
    }

    fn check(states: &[AttemptState], expect: UnpaidEnd) {
        assert_eq!(unpaid_end(&attempts(states)), expect, "{states:?}");
    }

    #[test]
    fn what_may_have_been_taken_is_looked_for_once_more() {
        use AttemptState::{Closed, Paid, Refused, Surplus};
        check(&[], UnpaidEnd::None);
        check(&[Closed], UnpaidEnd::Known);
        check(&[Refused], UnpaidEnd::Doubtful);
        check(&[Closed, Closed], UnpaidEnd::Doubtful);
        check(&[Paid], UnpaidEnd::None);
        check(&[Paid, Closed], UnpaidEnd::Doubtful);
        check(&[Paid, Surplus], UnpaidEnd::None);
    }
}

//! What an upstream's word does to an order: planned purely, committed under the order's revision,
//! planned anew when another change came first.

use channels::Outcome;
use kernel::crash::{self, Point};
use kernel::defect::{self, Defect};
use kernel::id::{Id, MchId};
use kernel::order::{Attempt, Order};
use kernel::refund::Refund;
use kernel::state::TradeState;
use store::audit::AuditEntry;
use store::messages::Message;
use store::orders::Change;
pub(crate) use store::standings::Standing;
use store::standings::{self, Which};
use store::{StoreError, Written, orders, sweeps};

use crate::Gateway;
use crate::learn_plan::{Plan, may_be_undone, plan};
use crate::watchers::Topic;

/// How often a change is planned anew when another one came first.
pub(crate) const REPLANS_MAX: usize = 5;

/// Something learned of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    /// The attempt's number.
    pub(crate) attempt_no: i64,
    /// What the upstream said.
    pub(crate) outcome: Outcome,
    /// How we came to know: the event's name in the order's history.
    pub(crate) source: Source,
    /// The messages that said it.
    pub(crate) messages: Vec<Message>,
}

/// How something was learned.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The answer to placing for the first time.
    Place,
    /// The answer to placing again under the same number: an earlier request may have been taken.
    PlaceAgain,
    /// The answer to a query.
    Query,
    /// The answer to closing, or a query right after it.
    Closing,
    /// The same, because the payer pays another way: the order stays open.
    Switching,
    /// The answer to reversing, or a query right after it.
    Reversing,
    /// The upstream told us unasked.
    Callback,
}

impl Source {
    fn word(self) -> &'static str {
        match self {
            Self::Place | Self::PlaceAgain => "place",
            Self::Query => "query",
            Self::Closing => "close",
            Self::Switching => "switch",
            Self::Reversing => "reverse",
            Self::Callback => "callback",
        }
    }
}

impl Gateway {
    /// Reads an order with its attempts.
    pub(crate) async fn standing(
        &self,
        mch_id: MchId,
        id: Id,
    ) -> Result<Option<Standing>, StoreError> {
        standings::find(&self.0.store, mch_id, Which::Id(id)).await
    }

    /// Commits what `lesson` says about `standing`, and gives back the order as it is then.
    pub(crate) async fn learn(
        &self,
        mut standing: Standing,
        lesson: Lesson,
    ) -> Result<Standing, StoreError> {
        self.try_ready_ids().await;
        let app_id = standing.order.app_id;
        let settings = match self.caller_of(app_id).await {
            Ok(caller) => caller.app.settings.clone(),
            Err(_) => return Err(StoreError::Unavailable("the application cannot be read".into())),
        };
        let is_asked_since = lesson.source != Source::Callback && may_be_undone(&standing, &lesson);
        for _ in 0..REPLANS_MAX {
            let now = self.now();
            if may_be_undone(&standing, &lesson) && !is_asked_since {
                return self.doubt(standing, lesson).await;
            }
            let Some(plan) = plan(&standing, &lesson, settings.late_payment, now) else {
                self.record(lesson.messages).await?;
                return Ok(standing);
            };
            let change = self.change(&standing, &lesson, plan, settings.notify_closed);
            crash::reach(Point::ChangePlanned);
            if let Written::Done(_) = self.0.store.write(orders::settle(&change)).await? {
                crash::reach(Point::ChangeCommitted);
                return Ok(self.committed(standing, change));
            }
            let (mch_id, id) = (standing.order.mch_id, standing.order.id);
            let Some(reread) = self.standing(mch_id, id).await? else {
                return Err(StoreError::Defect("an order is gone".into()));
            };
            standing = reread;
        }
        Err(StoreError::Busy)
    }

    /// Has the sweeper ask at once: a word that only a query can settle was heard.
    pub(crate) async fn hasten(&self, (mch_id, id): (MchId, Id)) -> Result<(), StoreError> {
        self.0.store.write(sweeps::hasten(mch_id, id, self.now())).await?;
        crash::reach(Point::HintKept);
        self.0.wake_sweeper.notify_one();
        Ok(())
    }

    /// Keeps what may be told of a moment that is over, and has the sweeper ask.
    async fn doubt(&self, standing: Standing, lesson: Lesson) -> Result<Standing, StoreError> {
        self.record(lesson.messages).await?;
        self.hasten((standing.order.mch_id, standing.order.id)).await?;
        Ok(standing)
    }

    /// Keeps messages that changed nothing.
    pub(crate) async fn record(&self, messages: Vec<Message>) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let batch = store::messages::add(&messages);
        self.0.store.write(batch).await.map(|_| ())
    }

    fn change(
        &self,
        standing: &Standing,
        lesson: &Lesson,
        plan: Plan,
        notify_closed: bool,
    ) -> Change {
        let now = self.now();
        let is_told = |state: &TradeState| *state == TradeState::Success || notify_closed;
        let event = plan.notify.filter(is_told);
        let old = standing.attempt(lesson.attempt_no);
        let audit = plan.audit.map(|(action, detail)| AuditEntry {
            at: now,
            actor: "gateway".into(),
            action: action.into(),
            subject: plan.attempt.trade_no(),
            detail,
        });
        let is_owed = plan.is_surplus && !defect::is_seeded(Defect::SurplusKept);
        let owed = is_owed.then(|| self.owed(&plan.order, &plan.attempt));
        let order = match &owed {
            Some(_) => Order { sweep_at: Some(now), ..plan.order },
            None => plan.order,
        };
        let undone = plan.undone.map(|amount| self.undone(&order, &plan.attempt, amount));
        Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            from: standing.order.state,
            event: lesson.source.word().into(),
            postings: plan.postings,
            notice: event.and_then(|state| self.notice(&order, state)),
            attempts: vec![(plan.attempt, old.map_or(0, |attempt| attempt.rev))],
            new_attempts: Vec::new(),
            refunds: Vec::new(),
            new_refunds: owed.into_iter().chain(undone).collect(),
            messages: lesson.messages.clone(),
            audit: audit.into_iter().collect(),
            at: now,
            order,
        }
    }

    /// Tells those who wait that a change is committed.
    pub(crate) fn committed(&self, before: Standing, change: Change) -> Standing {
        let mut attempts = before.attempts;
        for (attempt, old_rev) in change.attempts {
            if let Some(row) = attempts.iter_mut().find(|row| row.no == attempt.no) {
                *row = Attempt { rev: old_rev + 1, ..attempt };
            }
        }
        attempts.extend(change.new_attempts);
        let mut refunds = before.refunds;
        for (refund, old_rev) in change.refunds {
            if let Some(row) = refunds.iter_mut().find(|row| row.id == refund.id) {
                *row = Refund { rev: old_rev + 1, ..refund };
            }
        }
        refunds.extend(change.new_refunds);
        let order = Order { rev: change.expected_rev + 1, ..change.order };
        if order.state != before.order.state {
            // Nobody may be watching: that is no fault.
            let _ = self.0.changes.send((order.id, Some(order.state)));
            tracing::info!(
                order.sn = %order.sn(), mch.id = %order.mch_id,
                from = before.order.state.word(), to = order.state.word(), "order moved"
            );
        }
        self.0.news.tell(&order);
        self.0.watchers.wake(Topic::Order(order.id));
        self.0.watchers.wake(Topic::Events(order.mch_id));
        if change.notice.is_some() {
            self.0.wake_notifier.notify_one();
        }
        if order.sweep_at.is_some_and(|at| at <= self.now()) {
            self.0.wake_sweeper.notify_one();
        }
        Standing { order, attempts, refunds }
    }
}

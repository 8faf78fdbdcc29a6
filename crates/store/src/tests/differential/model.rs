//! What the store does, said plainly: maps in memory, and a write that is done whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use kernel::feed::EventType;
use kernel::id::Id;
use kernel::ledger::Entry;
use kernel::notice::{Notice, NoticeState};
use kernel::order::{Attempt, Order};
use kernel::refund::{Refund, RefundCause};

use super::steps::Step;
use super::{Own, STEPS};
use crate::orders::Change;
use crate::tests::at;

/// Everything of one merchant.
#[derive(Clone, Default)]
pub struct Model {
    pub orders: BTreeMap<Id, Order>,
    /// Each with its attempts to tell.
    pub notices: BTreeMap<Id, (Notice, usize)>,
    attempts: BTreeMap<(Id, i64), Attempt>,
    refunds: BTreeMap<Id, Refund>,
    lines: BTreeMap<(Id, i64, usize), Entry>,
    events: Vec<(EventType, Id)>,
    nonces: BTreeMap<String, i64>,
    facts: BTreeSet<String>,
}

/// Why a write is not done.
enum Not {
    Missed,
    Defect,
}

impl Model {
    /// Does a write, and says what became of it.
    pub fn write(&mut self, step: &Step) -> &'static str {
        let mut after = self.clone();
        match after.carry_out(step) {
            Ok(()) => {
                *self = after;
                "done"
            }
            Err(Not::Missed) => "missed",
            Err(Not::Defect) => "defect",
        }
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), Not> {
        match step {
            Step::Place(order, attempts) => {
                let is_taken = |one: &Order| one.out_trade_no == order.out_trade_no;
                missed_if(self.orders.values().any(is_taken))?;
                self.orders.insert(order.id, (**order).clone());
                attempts.iter().try_for_each(|one| self.begin(one))
            }
            Step::Settle(change) => self.settle(change),
            Step::EndAttempt(notice, is_told) => {
                let waits = |one: &&mut (Notice, usize)| {
                    one.0.state == NoticeState::Waiting
                        && (one.0.tries, one.0.due_at) == (notice.tries, notice.due_at)
                };
                let found = self.notices.get_mut(&notice.id).filter(waits);
                let (standing, tried) = found.ok_or(Not::Missed)?;
                standing.tries += 1;
                *tried += 1;
                (standing.state, standing.due_at) = match is_told {
                    true => (NoticeState::Delivered, at(20)),
                    false => (NoticeState::Waiting, at(100)),
                };
                Ok(())
            }
            Step::Spend(nonce, now) => {
                missed_if(self.nonces.get(&nonce.text).is_some_and(|until| until > now))?;
                self.nonces.insert(nonce.text.clone(), now + 600);
                Ok(())
            }
            Step::Add(name) => missed_if(!self.facts.insert(name.clone())),
        }
    }

    fn settle(&mut self, change: &Change) -> Result<(), Not> {
        let order = &change.order;
        let standing = self.orders.get_mut(&order.id).ok_or(Not::Missed)?;
        missed_if(standing.rev != change.expected_rev)?;
        *standing = Order { rev: change.expected_rev + 1, ..order.clone() };
        defect_if(order.total_refund_fee > order.total_fee - order.discount)?;
        for (line, entry) in change.postings.iter().enumerate() {
            let key = (order.id, change.batch_id, line);
            defect_if(self.lines.insert(key, *entry).is_some())?;
        }
        if let Some(notice) = &change.notice {
            let is_told = |one: &(Notice, usize)| {
                (one.0.order_id, one.0.event) == (notice.order_id, notice.event)
            };
            defect_if(self.notices.values().any(is_told))?;
            defect_if(self.notices.insert(notice.id, (notice.clone(), 0)).is_some())?;
        }
        for (attempt, rev) in &change.attempts {
            let found = self.attempts.get_mut(&(attempt.order_id, attempt.no));
            let standing = found.filter(|one| one.rev == *rev).ok_or(Not::Defect)?;
            *standing = Attempt { rev: rev + 1, ..attempt.clone() };
        }
        change.new_attempts.iter().try_for_each(|one| self.begin(one))?;
        for (refund, rev) in &change.refunds {
            let found = self.refunds.get_mut(&refund.id);
            let standing = found.filter(|one| one.rev == *rev).ok_or(Not::Defect)?;
            *standing = Refund { rev: rev + 1, ..refund.clone() };
        }
        for refund in &change.new_refunds {
            let is_taken = |one: &Refund| one.out_refund_no == refund.out_refund_no;
            defect_if(self.refunds.values().any(is_taken))?;
            defect_if(self.refunds.insert(refund.id, refund.clone()).is_some())?;
        }
        self.tell(change);
        Ok(())
    }

    fn tell(&mut self, change: &Change) {
        let of_merchant =
            change.refunds.iter().filter(|(one, _)| one.cause == RefundCause::Merchant);
        let told = of_merchant.filter_map(|(one, _)| EventType::of_refund(one.state));
        let moved =
            EventType::of_order(change.order.state).filter(|_| change.order.state != change.from);
        self.events.extend(told.chain(moved).map(|event| (event, change.order.id)));
    }

    fn begin(&mut self, attempt: &Attempt) -> Result<(), Not> {
        let key = (attempt.order_id, attempt.no);
        defect_if(self.attempts.insert(key, attempt.clone()).is_some())
    }

    /// Everything, as `found` says it of a store.
    pub fn found(&self, own: Own) -> Vec<String> {
        let mut lines = Vec::new();
        for sequence in 0..u32::try_from(STEPS).unwrap() {
            let Some(order) = self.orders.get(&own.id(sequence)) else { continue };
            lines.push(format!("{order:?}"));
            let attempts = self.attempts.values().filter(|one| one.order_id == order.id);
            lines.push(format!("{:?}", attempts.collect::<Vec<_>>()));
            let refunds = self.refunds.values().filter(|one| one.order_id == order.id);
            lines.push(format!("{:?}", refunds.collect::<Vec<_>>()));
            let booked = self.lines.iter().filter(|((of, _, _), _)| *of == order.id);
            let booked: Vec<_> = booked.map(|((_, posting, _), entry)| (posting, entry)).collect();
            lines.push(format!("{booked:?}"));
            let told = self.notices.values().filter(|(one, _)| one.order_id == order.id);
            let told: Vec<_> =
                told.map(|(one, tried)| (one.id, one.state, one.tries, tried)).collect();
            lines.push(format!("{told:?}"));
        }
        let numbered = (1_i64..).zip(&self.events).map(|(seq, (event, id))| (seq, event, id));
        lines.push(format!("{:?}", numbered.collect::<Vec<_>>()));
        lines
    }
}

fn missed_if(is_so: bool) -> Result<(), Not> {
    if is_so { Err(Not::Missed) } else { Ok(()) }
}

fn defect_if(is_so: bool) -> Result<(), Not> {
    if is_so { Err(Not::Defect) } else { Ok(()) }
}

//! A simulator's callbacks until they are acknowledged or given up: when each is sent, how often,
//! and what goes wrong with it. What it says is the upstream's own.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sim::CallbackFaultKind;

/// How long [`CallbackFaultKind::Late`] holds a callback back.
const LATE_MS: i64 = 60_000;

/// The callbacks that wait; `T` is what one is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outbox<T> {
    waiting: BTreeMap<u64, Notice<T>>,
    counter: u64,
    /// Sent, and not answered yet.
    in_flight: BTreeSet<u64>,
}

/// A callback that waits for its acknowledgement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice<T> {
    pub(crate) id: u64,
    pub(crate) about: T,
    /// A word of [`CallbackFaultKind::ALL`].
    fault: Option<String>,
    /// How often it was sent before.
    attempts: usize,
    pub(crate) due_ms: i64,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), counter: 0, in_flight: BTreeSet::new() }
    }
}

impl<T: Clone> Outbox<T> {
    /// Lets the callbacks about something begin at `at`, unless `fault` changes how many and when.
    pub(crate) fn add(&mut self, about: &T, fault: Option<CallbackFaultKind>, at: Timestamp) {
        let (copies, delay_ms) = match fault {
            Some(CallbackFaultKind::Lost) => (0, 0),
            Some(CallbackFaultKind::Twice) => (2, 0),
            Some(CallbackFaultKind::Late) => (1, LATE_MS),
            None
            | Some(
                CallbackFaultKind::WrongAmount
                | CallbackFaultKind::WrongCurrency
                | CallbackFaultKind::WrongApp
                | CallbackFaultKind::WrongMerchant
                | CallbackFaultKind::BadSignature,
            ) => (1, 0),
        };
        for _ in 0..copies {
            self.counter = self.counter.wrapping_add(1);
            let notice = Notice {
                id: self.counter,
                about: about.clone(),
                fault: fault.map(|fault| fault.word().to_owned()),
                attempts: 0,
                due_ms: at.plus_millis(delay_ms).millis(),
            };
            self.waiting.insert(notice.id, notice);
        }
    }

    /// The callbacks that are due. Each is planned anew at once, `repeat_after_ms` after this send,
    /// so that an answer that never comes needs no more care; after the last it is given up.
    pub(crate) fn take_due(&mut self, repeat_after_ms: &[i64], now: Timestamp) -> Vec<Notice<T>> {
        let is_due = |notice: &&Notice<T>| notice.due_ms <= now.millis();
        let due: Vec<Notice<T>> = self.waiting.values().filter(is_due).cloned().collect();
        for notice in &due {
            self.in_flight.insert(notice.id);
            match (repeat_after_ms.get(notice.attempts), self.waiting.get_mut(&notice.id)) {
                (Some(after_ms), Some(next)) => {
                    next.attempts += 1;
                    next.due_ms = now.plus_millis(*after_ms).millis();
                }
                (None, _) | (_, None) => self.answered(notice.id, true),
            }
        }
        due
    }

    /// How many were ever added.
    pub(crate) fn added(&self) -> u64 {
        self.counter
    }

    /// A callback was answered; `is_taken` ends it.
    pub(crate) fn answered(&mut self, id: u64, is_taken: bool) {
        self.in_flight.remove(&id);
        if is_taken {
            self.waiting.remove(&id);
        }
    }

    /// After a restart: what was on its way is due at once.
    pub(crate) fn send_again(&mut self) {
        for id in std::mem::take(&mut self.in_flight) {
            if let Some(notice) = self.waiting.get_mut(&id) {
                notice.due_ms = 0;
            }
        }
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.values().map(|notice| notice.due_ms).min().map(Timestamp::from_millis)
    }
}

impl<T> Notice<T> {
    /// What goes wrong with every send.
    pub(crate) fn fault(&self) -> Option<CallbackFaultKind> {
        self.fault.as_deref().and_then(CallbackFaultKind::from_word)
    }

    /// What goes wrong with this send, where only the first goes wrong.
    pub(crate) fn first_fault(&self) -> Option<CallbackFaultKind> {
        self.fault().filter(|_| self.attempts == 0)
    }
}

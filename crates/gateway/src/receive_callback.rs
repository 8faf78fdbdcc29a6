//! Receiving an upstream's callback: verify, have it confirmed where the upstream must be asked, compare,
//! commit, acknowledge; in that order.
//!
//! The account comes from the path that we gave the upstream, never from the payload. What does not
//! verify or compare changes nothing, is counted and logged, and, if the upstream's own key signed
//! it, is written to the audit log.

use std::sync::atomic::Ordering;

use channels::http::{HttpRequest, HttpResponse};
use channels::{About, Account, Callback, CallbackFacts, CallbackFault, Channel, Outcome};
use kernel::crash::{self, Point};
use kernel::defect::{self, Defect};
use kernel::id::{Id, MchId, Sn};
use kernel::money::Money;
use kernel::order::{Attempt, parse_trade_no};
use kernel::refund::Refund;
use kernel::time::Timestamp;
use store::StoreError;
use store::accounts::PLATFORM;
use store::audit::AuditEntry;
use store::messages::{self, Message};

use crate::Gateway;
use crate::ask_upstream::channel_of;
use crate::learn::{Lesson, Source, Standing};

/// For callbacks, an account's upstream is asked for its keys at most this often, in milliseconds.
const FETCH_KEYS_EVERY_MS: i64 = 10_000;

/// Where a callback came in: the parts of its path.
#[derive(Clone, Debug)]
pub struct CallbackPath {
    /// The channel's name.
    pub channel: String,
    /// The order's merchant.
    pub mch_id: MchId,
    /// The account.
    pub account_id: Id,
    /// The version of its credentials.
    pub account_version: i64,
}

impl Gateway {
    /// Handles a callback; `None` if the path names no account.
    pub async fn receive_callback(
        &self,
        path: &CallbackPath,
        request: &HttpRequest,
    ) -> Option<HttpResponse> {
        self.try_ready_ids().await;
        let account = self.account(path.account_id, path.account_version).await.ok()?;
        let is_whose = account.mch_id == PLATFORM || account.mch_id == path.mch_id;
        let is_path_ours = is_whose && account.channel == path.channel;
        let channel = channel_of(&account).filter(|_| is_path_ours)?;
        let mut callback = channel.callback(&account, request, &self.stamp());
        if let Err(CallbackFault::UnknownKey { .. }) = callback.facts
            && self.may_fetch_keys(account.id)
            && self.fetch_keys(channel, &account, None).await.0
        {
            let account = self.account(path.account_id, path.account_version).await.ok()?;
            callback = channel.callback(&account, request, &self.stamp());
        }
        let Callback { facts, ack, nack } = callback;
        let is_done = match facts {
            Ok(facts) => {
                self.is_confirmed(channel, &account, request).await
                    && self.take_facts(path, &account, facts, request).await
            }
            Err(fault) => self.refuse(&account, &fault).await,
        };
        Some(if is_done { ack } else { nack })
    }

    /// Whether a callback may make us ask the upstream for its keys: whoever knows the address can
    /// send one that names a key we do not have.
    fn may_fetch_keys(&self, account_id: Id) -> bool {
        let now = self.now();
        let mut fetched =
            self.0.keys_fetched.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let was_lately = |at: &Timestamp| (0..FETCH_KEYS_EVERY_MS).contains(&now.millis_since(*at));
        let may = !fetched.get(&account_id).is_some_and(was_lately);
        if may {
            fetched.insert(account_id, now);
        }
        may
    }

    /// Whether the upstream, where it must be asked, says that a verified callback is its own. Without
    /// its word nothing changes, and it sends again.
    async fn is_confirmed(
        &self,
        channel: &dyn Channel,
        account: &Account,
        request: &HttpRequest,
    ) -> bool {
        let Some(question) = channel.confirmation(account, request) else { return true };
        let why = match self.0.upstreams.send(&question).await {
            Ok(answer) if channel.is_confirmed(&answer) => return true,
            Ok(_) => "the upstream does not know it",
            Err(fault) => fault.class(),
        };
        self.0.refused_callbacks.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(account.id = %account.id, "callback not confirmed: {why}");
        false
    }

    /// Commits verified facts; false if they cannot be believed or committed.
    async fn take_facts(
        &self,
        path: &CallbackPath,
        account: &Account,
        mut facts: CallbackFacts,
        request: &HttpRequest,
    ) -> bool {
        let trade_no = match &facts.about {
            About::Trade(trade_no) => trade_no.clone(),
            About::Refund(refund_no) => {
                let refund_no = refund_no.clone();
                return self.take_refund_facts((path, account), &refund_no, facts, request).await;
            }
        };
        let found = match parse_trade_no(&trade_no) {
            Some((id, no)) => match self.standing(path.mch_id, id).await {
                Ok(standing) => standing.zip(Some(no)),
                Err(error) => {
                    tracing::error!(subject = trade_no, error = %error, "callback: not read");
                    return false;
                }
            },
            None => None,
        };
        let Some((standing, no)) = found else {
            return self.mismatch(account, &trade_no, "out_trade_no").await;
        };
        let Some(attempt) = standing.attempt(no).filter(|row| is_of(row, account)) else {
            return self.mismatch(account, &trade_no, "account").await;
        };
        let attempt = attempt.clone();
        if let Outcome::Paid(payment) = &mut facts.outcome
            && defect::is_seeded(Defect::NoAmountCheck)
        {
            payment.amount = standing.order.pay_amount();
        }
        if let Outcome::Paid(payment) = &facts.outcome
            && let Some(field) = differs(payment.amount, standing.order.pay_amount())
        {
            let message = self.called_back(&attempt, request);
            return self.alarm(account, &trade_no, field, vec![message]).await;
        }
        self.commit_facts(standing, &attempt, facts, request).await
    }

    /// Commits what is told of a refund; false if it cannot be believed or committed.
    async fn take_refund_facts(
        &self,
        (path, account): (&CallbackPath, &Account),
        refund_no: &str,
        facts: CallbackFacts,
        request: &HttpRequest,
    ) -> bool {
        let found = match Sn::parse(refund_no) {
            Some(sn) => self.standing_of_refund(path.mch_id, sn.id()).await,
            None => Ok(None),
        };
        let (standing, refund) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self.mismatch(account, refund_no, "out_refund_no").await,
            Err(error) => {
                tracing::error!(subject = refund_no, error = %error, "callback: not read");
                return false;
            }
        };
        let attempt = standing.attempt(refund.attempt_no).filter(|row| is_of(row, account));
        let Some(attempt) = attempt.cloned() else {
            return self.mismatch(account, refund_no, "account").await;
        };
        crash::reach(Point::RefundCallbackRead);
        // A refusal may be one of an earlier request of the same number: only a query tells.
        let outcome = match facts.outcome {
            Outcome::RefundClosed(_) => Outcome::RefundPending { refund_id: String::new() },
            other => other,
        };
        let is_hint = matches!(outcome, Outcome::RefundPending { .. });
        let key = (standing.order.mch_id, standing.order.id);
        let messages = vec![self.called_back(&attempt, request)];
        let heard = self.hear_of_refund(standing, &refund, outcome, messages).await;
        if let Err(error) = heard {
            tracing::error!(subject = refund_no, error = %error, "callback: not committed");
            return false;
        }
        crash::reach(Point::RefundCallbackCommitted);
        !is_hint || self.hasten(key).await.is_ok()
    }

    async fn standing_of_refund(
        &self,
        mch_id: MchId,
        id: Id,
    ) -> Result<Option<(Standing, Refund)>, StoreError> {
        let Some(refund) = store::refunds::by_id(&self.0.store, mch_id, id).await? else {
            return Ok(None);
        };
        let standing = self.standing(mch_id, refund.order_id).await?;
        Ok(standing.map(|standing| (standing, refund)))
    }

    async fn commit_facts(
        &self,
        standing: Standing,
        attempt: &Attempt,
        facts: CallbackFacts,
        request: &HttpRequest,
    ) -> bool {
        crash::reach(Point::CallbackRead);
        let sn = standing.order.sn();
        let is_hint = matches!(facts.outcome, Outcome::PaidElsewhere | Outcome::Unpaid { .. });
        let message = self.called_back(attempt, request);
        let key = (standing.order.mch_id, standing.order.id);
        let lesson = Lesson {
            attempt_no: attempt.no,
            outcome: facts.outcome,
            source: Source::Callback,
            messages: vec![message],
        };
        if let Err(error) = self.learn(standing, lesson).await {
            tracing::error!(order.sn = %sn, error = %error, "callback: not committed");
            return false;
        }
        crash::reach(Point::CallbackCommitted);
        !is_hint || self.hasten(key).await.is_ok()
    }

    async fn refuse(&self, account: &Account, fault: &CallbackFault) -> bool {
        match fault {
            CallbackFault::Mismatch { field } => self.mismatch(account, "", field).await,
            CallbackFault::Malformed(_)
            | CallbackFault::BadSignature
            | CallbackFault::UnknownKey { .. } => {
                // No write: whoever knows the address could fill the store.
                self.0.refused_callbacks.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(account.id = %account.id, "callback refused: {fault:?}");
                false
            }
        }
    }

    /// Signed by the upstream, yet not about this order or account: an alarm that stays.
    async fn mismatch(&self, account: &Account, subject: &str, field: &str) -> bool {
        self.alarm(account, subject, field, Vec::new()).await
    }

    /// The same with the message that said it, if it names an order of ours.
    async fn alarm(
        &self,
        account: &Account,
        subject: &str,
        field: &str,
        messages: Vec<Message>,
    ) -> bool {
        self.0.refused_callbacks.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            account.id = %account.id, subject, field,
            "callback refused: it is signed, but names another {field}"
        );
        let entry = AuditEntry {
            at: self.now(),
            actor: account.channel.clone(),
            action: format!("callback refused: {field}"),
            subject: subject.to_owned(),
            detail: serde_json::json!({ "account": account.id.0, "field": field }).to_string(),
        };
        if let Err(error) = self.0.store.write(messages::add(&messages).audited(entry)).await {
            tracing::error!(error = %error, "callback refused: not audited");
        }
        false
    }
}

/// The first of currency and amount in which what was paid is not what was asked for.
fn differs(paid: Money, asked: Money) -> Option<&'static str> {
    if paid.currency != asked.currency {
        return Some("currency");
    }
    (paid.minor != asked.minor).then_some("amount")
}

/// Whether an attempt went through this account, in this version of its credentials.
fn is_of(attempt: &Attempt, account: &Account) -> bool {
    (attempt.account_id, attempt.account_version) == (account.id, account.version)
}

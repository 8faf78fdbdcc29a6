//! Asking an upstream: the steps of one operation, and the record of every message.

use channels::http::{HttpRequest, HttpResponse};
use channels::{Account, Channel, Doubt, Op, Outcome, SetupError, Stamp, Step, Trade, UpstreamKey};
use kernel::crash::{self, Point};
use kernel::order::Attempt;
use kernel::secret::Secret;
use store::accounts::AccountKey;
use store::messages::{Direction, Message};

use crate::Gateway;
use crate::egress::EgressFault;
use crate::ids::random_hex;
use crate::learn::Standing;
use crate::routing::write_keys;

/// Requests that one operation may take.
const STEPS_MAX: usize = 4;

/// Said of an account whose client certificate cannot be shown.
const NO_CERTIFICATE: &str =
    "certificate, certificate_key: not a certificate in PEM with its own key";

/// What an operation came to, and what was said on the way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The outcome; in doubt unless it is explicit.
    pub(crate) outcome: Outcome,
    /// Every message, verbatim but for a payer's barcode, in order.
    pub(crate) messages: Vec<Message>,
}

impl Gateway {
    /// A moment and a nonce for a channel.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { now: self.now(), nonce: random_hex::<16>() }
    }

    /// Asks the upstream of `attempt` about it.
    pub(crate) async fn ask(&self, op: &Op, attempt: &Attempt) -> Asked {
        let found = self.account(attempt.account_id, attempt.account_version).await;
        let account = match found {
            Ok(account) => account,
            Err(fault) => {
                tracing::error!(account.id = %attempt.account_id, "account: {fault}");
                return not_sent("the account cannot be used");
            }
        };
        match channel_of(&account) {
            Some(channel) => {
                let first = channel.request(op, &account, &self.stamp());
                self.perform(op, attempt, first).await
            }
            None => not_sent("the account's channel is gone"),
        }
    }

    /// Carries out an operation whose first step is known.
    pub(crate) async fn perform(
        &self,
        op: &Op,
        attempt: &Attempt,
        first: Result<Step, SetupError>,
    ) -> Asked {
        self.try_ready_ids().await;
        let mut messages = Vec::new();
        let mut step = match first {
            Ok(step) => step,
            Err(SetupError(why)) => {
                tracing::error!(account.id = %attempt.account_id, "account settings: {why}");
                return not_sent(&why);
            }
        };
        for _ in 0..STEPS_MAX {
            let request = match step {
                Step::Done(outcome) => return Asked { outcome, messages },
                Step::Send(request) => request,
            };
            messages.push(self.outgoing(op, attempt, &request));
            crash::reach(Point::UpstreamToBeAsked);
            let answer = match self.send(op, attempt, &request).await {
                Ok(answer) => answer,
                Err(doubt) => return Asked { outcome: Outcome::Unknown(doubt), messages },
            };
            crash::reach(Point::UpstreamAnswered);
            if matches!(op, Op::Place(place) if place.code.is_some()) {
                crash::reach(Point::CodeCharged);
            }
            messages.push(without_code(op, self.incoming(op_word(op), attempt, &answer)));
            step = self.judge(op, attempt, &answer, &mut messages).await;
            crash::reach(Point::AnswerJudged);
        }
        let outcome = Outcome::Unknown(Doubt::Unreadable("too many steps".into()));
        Asked { outcome, messages }
    }

    /// Sends one request of an operation, and shows the certificate that the upstream wants to see.
    async fn send(
        &self,
        op: &Op,
        attempt: &Attempt,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Doubt> {
        let account = self.account(attempt.account_id, attempt.account_version).await;
        let account = account.map_err(|fault| {
            tracing::error!(account.id = %attempt.account_id, "account: {fault}");
            Doubt::NotSent("the account cannot be used".into())
        })?;
        let channel = channel_of(&account);
        let certificate = channel.and_then(|channel| channel.client_certificate(op, &account));
        let sent = match &certificate {
            Some(certificate) => self.0.upstreams.send_showing(request, certificate).await,
            None => self.0.upstreams.send(request).await,
        };
        if sent == Err(EgressFault::NoCertificate) {
            tracing::error!(account.id = %attempt.account_id, "account settings: {NO_CERTIFICATE}");
        }
        sent.map_err(doubt)
    }

    /// What an answer means; if its key is not known, once more with the upstream's keys of now.
    async fn judge(
        &self,
        op: &Op,
        attempt: &Attempt,
        answer: &HttpResponse,
        messages: &mut Vec<Message>,
    ) -> Step {
        let Ok(account) = self.account(attempt.account_id, attempt.account_version).await else {
            return Step::Done(Outcome::Unknown(Doubt::Unreadable("account is gone".into())));
        };
        let Some(channel) = channel_of(&account) else {
            return Step::Done(Outcome::Unknown(Doubt::Unreadable("channel is gone".into())));
        };
        let step = channel.response(op, &account, answer, &self.stamp());
        if !matches!(step, Step::Done(Outcome::Unknown(Doubt::UnknownKey { .. }))) {
            return step;
        }
        let (is_fetched, said) = self.fetch_keys(channel, &account, Some(attempt)).await;
        messages.extend(said);
        if !is_fetched {
            return step;
        }
        match self.account(attempt.account_id, attempt.account_version).await {
            Ok(account) => channel.response(op, &account, answer, &self.stamp()),
            Err(_) => step,
        }
    }

    /// Asks an upstream for the keys that it signs with and keeps them; false if that failed. What was
    /// said belongs to the order of `attempt`, if it was about one.
    pub(crate) async fn fetch_keys(
        &self,
        channel: &dyn Channel,
        account: &Account,
        attempt: Option<&Attempt>,
    ) -> (bool, Vec<Message>) {
        let mut said = Vec::new();
        let Ok(Step::Send(request)) = channel.request(&Op::Keys, account, &self.stamp()) else {
            return (false, said);
        };
        said.extend(attempt.map(|attempt| self.outgoing(&Op::Keys, attempt, &request)));
        let answer = match self.0.upstreams.send(&request).await {
            Ok(answer) => answer,
            Err(fault) => {
                tracing::warn!(account.id = %account.id, "upstream keys: {}", fault.class());
                return (false, said);
            }
        };
        let word = op_word(&Op::Keys);
        said.extend(attempt.map(|attempt| self.incoming(word, attempt, &answer)));
        let step = channel.response(&Op::Keys, account, &answer, &self.stamp());
        let Step::Done(Outcome::Keys(keys)) = step else {
            tracing::warn!(account.id = %account.id, "upstream keys: the answer cannot be believed");
            return (false, said);
        };
        (self.keep_keys(account, &keys).await, said)
    }

    async fn keep_keys(&self, account: &Account, keys: &[UpstreamKey]) -> bool {
        let key =
            AccountKey { mch_id: account.mch_id, account_id: account.id, version: account.version };
        let batch = store::accounts::set_upstream_keys(key, &write_keys(keys));
        let is_kept = self.0.store.write(batch).await.is_ok();
        self.forget_accounts();
        is_kept
    }

    /// The record of a request to an upstream.
    pub(crate) fn outgoing(&self, op: &Op, attempt: &Attempt, request: &HttpRequest) -> Message {
        let head = head(&format!("{} {}", request.method, request.url), &request.headers);
        let message =
            self.message(Direction::Out, op_word(op), attempt, (None, head, &request.body));
        without_code(op, message)
    }

    /// The record of an upstream's answer.
    pub(crate) fn incoming(&self, kind: &str, attempt: &Attempt, answer: &HttpResponse) -> Message {
        let head = head("", &answer.headers);
        self.message(
            Direction::In,
            kind,
            attempt,
            (Some(i64::from(answer.status)), head, &answer.body),
        )
    }

    /// The record of an upstream's callback.
    pub(crate) fn called_back(&self, attempt: &Attempt, request: &HttpRequest) -> Message {
        let head = head(&format!("{} {}", request.method, request.url), &request.headers);
        self.message(Direction::In, "callback", attempt, (None, head, &request.body))
    }

    fn message(
        &self,
        direction: Direction,
        kind: &str,
        attempt: &Attempt,
        (status, head, body): (Option<i64>, String, &[u8]),
    ) -> Message {
        Message {
            id: self.next_id(),
            mch_id: attempt.mch_id,
            order_id: attempt.order_id,
            attempt_no: attempt.no,
            account_id: attempt.account_id,
            direction,
            kind: kind.to_owned(),
            at: self.now(),
            status,
            head,
            body: body.to_vec(),
        }
    }
}

/// The channel of an account.
pub(crate) fn channel_of(account: &Account) -> Option<&'static dyn Channel> {
    channels::by_name(&account.channel)
}

/// An attempt as operations about it name it.
pub(crate) fn trade(standing: &Standing, attempt: &Attempt) -> Trade {
    Trade {
        trade_no: attempt.trade_no(),
        product: attempt.product,
        amount: standing.order.pay_amount(),
        placed_at: attempt.created_at,
        pay_text: attempt.pay_text.clone(),
        transaction_id: attempt.transaction_id.clone(),
    }
}

/// Asks where an attempt stands.
pub(crate) fn query(standing: &Standing, attempt: &Attempt) -> Op {
    Op::Query(trade(standing, attempt))
}

/// Closes an attempt.
pub(crate) fn close(standing: &Standing, attempt: &Attempt) -> Op {
    Op::Close(trade(standing, attempt))
}

fn op_word(op: &Op) -> &'static str {
    match op {
        Op::Place(_) => "place",
        Op::Query(_) => "query",
        Op::Close(_) => "close",
        Op::Reverse(_) => "reverse",
        Op::Refund(_) => "refund",
        Op::QueryRefund(_) => "query_refund",
        Op::Rates => "rates",
        Op::Keys => "keys",
    }
}

/// A message that was sent or heard while `op` was carried out, without the code that the payer showed:
/// who reads it before it was charged could charge it.
fn without_code(op: &Op, message: Message) -> Message {
    let code = match op {
        Op::Place(place) => place.code.as_ref(),
        Op::Query(_) | Op::Close(_) | Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) => None,
        Op::Rates | Op::Keys => None,
    };
    match code.map(Secret::expose).filter(|code| !code.is_empty()) {
        Some(code) => Message {
            head: message.head.replace(code, &"*".repeat(code.len())),
            body: masked(message.body, code.as_bytes()),
            ..message
        },
        None => message,
    }
}

fn masked(mut body: Vec<u8>, code: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while let Some(rest) = body.get_mut(at..at + code.len()) {
        if rest == code {
            rest.fill(b'*');
        }
        at += 1;
    }
    body
}

fn head(first: &str, headers: &[(String, String)]) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let first = (!first.is_empty()).then(|| first.to_owned());
    first.into_iter().chain(lines).collect::<Vec<_>>().join("\n").replace('\0', "")
}

fn not_sent(why: &str) -> Asked {
    Asked { outcome: Outcome::Unknown(Doubt::NotSent(why.to_owned())), messages: Vec::new() }
}

fn doubt(fault: EgressFault) -> Doubt {
    match fault {
        EgressFault::Blocked(why) | EgressFault::NotSent(why) => Doubt::NotSent(why),
        EgressFault::NoCertificate => Doubt::NotSent(NO_CERTIFICATE.into()),
        EgressFault::Timeout => Doubt::Timeout,
        EgressFault::Broken(_) => Doubt::Empty,
        EgressFault::TooLong => Doubt::Unreadable("the answer is too long".into()),
    }
}

#[cfg(test)]
#[path = "ask_upstream_tests.rs"]
mod tests;

//! One attempt to deliver a notice: its body, what came of it, and when the next one is due.

use std::sync::Arc;
use std::time::Duration;

use channels::http::{HttpRequest, HttpResponse};
use futures_util::future::join_all;
use kernel::application::NoticeFormat;
use kernel::crash::{self, Point};
use kernel::dialect::members;
use kernel::dialect::notice::{self as wording, Encoding};
use kernel::id::Id;
use kernel::notice::{Notice, NoticeState, is_acknowledged, next_try, target};
use kernel::order::Order;
use kernel::sign::Signer;
use kernel::state::TradeState;
use store::notices::{self, AttemptLog};
use store::{Batch, StoreError, applications};

use super::lanes::Verdict;
use crate::Gateway;
use crate::callers::Caller;
use crate::egress::EgressFault;
use crate::ids::random_hex;

/// An answer that takes longer is a slow server's.
const SLOW: Duration = Duration::from_secs(1);
/// Spreads neighbouring ids over the whole range: 2⁶⁴ divided by the golden ratio (Knuth, The Art of
/// Computer Programming, 6.4).
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;
/// Characters of a merchant's answer that are kept.
const EXCERPT_MAX: usize = 200;

/// What came of a delivery.
pub(super) struct Delivered {
    /// How the server did.
    pub(super) verdict: Verdict,
    /// What is to be committed.
    pub(super) conclusion: Conclusion,
}

/// The end of an attempt, to be committed.
pub(super) struct Conclusion {
    order_id: Id,
    batch: Batch,
    /// The encoding that was acknowledged, where that is new.
    learned: Option<(Arc<Caller>, Encoding)>,
}

impl Gateway {
    /// Makes one attempt, and says what came of it.
    pub(super) async fn deliver(&self, notice: &Notice) -> Result<Delivered, StoreError> {
        let Ok(caller) = self.caller_of(notice.app_id).await else {
            // Without the application there is no key: the lease ends, and it is tried again.
            return Err(StoreError::Unavailable("the application cannot be read".into()));
        };
        let set = caller.app.settings.notice_format;
        let encoding = encoding(set, caller.notice_learned, notice.tries);
        let nonce = random_hex::<16>();
        let signer = Signer::of(&caller.app);
        let Some((content_type, body)) =
            wording::encode(&notice.facts, (notice.sign_form, signer), &nonce, encoding)
        else {
            return Err(StoreError::Corrupt("a notice cannot be read, or not signed".into()));
        };
        let request = HttpRequest {
            method: "POST".into(),
            url: notice.url.clone(),
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.into_bytes(),
        };
        let began = self.now();
        crash::reach(Point::NoticeToBeSent);
        let answer = self.0.merchants.send(&request).await;
        crash::reach(Point::NoticeSent);
        let log = self.attempt_log(encoding, began, &answer);
        let verdict = verdict(&answer, log.duration_ms);
        let is_done = answer.is_ok_and(|answer| is_acknowledged(answer.status, &answer.body));
        let batch = self.end_of_attempt(notice, is_done, log);
        let is_news = is_done
            && set == NoticeFormat::Auto
            && caller.notice_learned != notice_format(encoding);
        let learned = is_news.then_some((caller, encoding));
        let conclusion = Conclusion { order_id: notice.order_id, batch, learned };
        Ok(Delivered { verdict, conclusion })
    }

    fn end_of_attempt(&self, notice: &Notice, is_done: bool, log: AttemptLog) -> Batch {
        let sn = notice.order_id.sn();
        let outcome = &log.outcome;
        if is_done {
            tracing::info!(order.sn = %sn, "notice delivered");
            return notices::delivered(notice, &log);
        }
        match next_try(notice.tries + 1, self.now(), dice(notice)) {
            Some(at) => {
                tracing::warn!(order.sn = %sn, outcome, "notice not acknowledged, tried again");
                notices::retry(notice, at, &log)
            }
            None => {
                tracing::error!(order.sn = %sn, outcome, "notice parked: resend it by hand");
                notices::park(notice, &log)
            }
        }
    }

    /// Commits what came of deliveries, all at once; each by itself, so that none hinders another.
    pub(super) async fn conclude(&self, conclusions: Vec<Conclusion>) {
        let conclude = |Conclusion { order_id, batch, learned }| async move {
            // Missed: the lease ran out and another worker has concluded it.
            let mut written = self.0.store.write(batch).await.map(|_| ());
            crash::reach(Point::NoticeConcluded);
            if let (Ok(()), Some((caller, encoding))) = (&written, learned) {
                written = self.remember_format(&caller, encoding).await;
            }
            if let Err(error) = written {
                tracing::error!(order.sn = %order_id.sn(), %error, "notice: not committed");
            }
        };
        join_all(conclusions.into_iter().map(conclude)).await;
    }

    async fn remember_format(&self, caller: &Caller, encoding: Encoding) -> Result<(), StoreError> {
        let format = notice_format(encoding);
        let batch = applications::learn_notice_format(caller.app.app_id, caller.app.mch_id, format);
        self.0.store.write(batch).await?;
        // The next delivery is to know it: else it would be remembered again and again.
        self.0.callers_by_app.forget(&caller.app.app_id);
        Ok(())
    }

    fn attempt_log(
        &self,
        encoding: Encoding,
        began: kernel::time::Timestamp,
        answer: &Result<HttpResponse, EgressFault>,
    ) -> AttemptLog {
        let (outcome, http_status, excerpt) = match answer {
            Ok(answer) if is_acknowledged(answer.status, &answer.body) => {
                ("acknowledged", Some(answer.status.into()), excerpt(&answer.body))
            }
            Ok(answer) => ("not acknowledged", Some(answer.status.into()), excerpt(&answer.body)),
            Err(fault) => (fault.class(), None, String::new()),
        };
        AttemptLog {
            at: began,
            duration_ms: self.now().millis_since(began),
            encoding: match encoding {
                Encoding::Form => "form".into(),
                Encoding::Json => "json".into(),
            },
            outcome: outcome.into(),
            http_status,
            answer: excerpt,
        }
    }

    /// The notice of an order that has reached `event`; `None` if it names no address.
    pub(crate) fn notice(&self, order: &Order, event: TradeState) -> Option<Notice> {
        if order.notify_url.is_empty() {
            return None;
        }
        Some(Notice {
            id: self.next_id(),
            mch_id: order.mch_id,
            app_id: order.app_id,
            sign_form: order.sign_form,
            order_id: order.id,
            event,
            url: order.notify_url.clone(),
            target: target(&order.notify_url),
            facts: members::object(&wording::facts(order)),
            state: NoticeState::Waiting,
            tries: 0,
            due_at: self.now(),
        })
    }
}

/// How a server did. One that answers is alive, whatever it says; one that takes long holds a place
/// among the deliveries as a dead one does.
fn verdict(answer: &Result<HttpResponse, EgressFault>, duration_ms: i64) -> Verdict {
    let is_slow = u128::try_from(duration_ms).is_ok_and(|ms| ms > SLOW.as_millis());
    match answer {
        Ok(_) if is_slow => Verdict::Slow,
        Ok(_) | Err(EgressFault::TooLong) => Verdict::Answered,
        Err(
            EgressFault::Blocked(_)
            | EgressFault::NotSent(_)
            | EgressFault::NoCertificate
            | EgressFault::Timeout
            | EgressFault::Broken(_),
        ) => Verdict::Failed,
    }
}

fn notice_format(encoding: Encoding) -> NoticeFormat {
    match encoding {
        Encoding::Form => NoticeFormat::Form,
        Encoding::Json => NoticeFormat::Json,
    }
}

/// Form or JSON: as the application is set; else form first and in turns; once its server has
/// acknowledged one of them that one, and now and then the other, should the server have changed
/// (contract section 7).
fn encoding(set: NoticeFormat, learned: NoticeFormat, tries: i64) -> Encoding {
    match (set, learned) {
        (NoticeFormat::Form, _) => Encoding::Form,
        (NoticeFormat::Json, _) => Encoding::Json,
        (NoticeFormat::Auto, NoticeFormat::Auto) if tries % 2 == 0 => Encoding::Form,
        (NoticeFormat::Auto, NoticeFormat::Auto) => Encoding::Json,
        (NoticeFormat::Auto, NoticeFormat::Form) if tries % 3 == 2 => Encoding::Json,
        (NoticeFormat::Auto, NoticeFormat::Form) => Encoding::Form,
        (NoticeFormat::Auto, NoticeFormat::Json) if tries % 3 == 2 => Encoding::Form,
        (NoticeFormat::Auto, NoticeFormat::Json) => Encoding::Json,
    }
}

/// What scatters the next try: the same whenever this attempt is concluded, another for each notice.
fn dice(notice: &Notice) -> u32 {
    let mixed = (notice.id.0 ^ (notice.tries << 56)).cast_unsigned().wrapping_mul(SCATTER);
    u32::try_from(mixed >> 32).unwrap_or(0)
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().filter(|letter| !letter.is_control()).take(EXCERPT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(set: NoticeFormat, learned: NoticeFormat) -> String {
        let word = |tries| match encoding(set, learned, tries) {
            Encoding::Form => 'f',
            Encoding::Json => 'j',
        };
        (0..6).map(word).collect()
    }

    #[test]
    fn the_encoding_is_what_is_set_what_was_learned_or_each_in_turn() {
        use NoticeFormat::{Auto, Form, Json};
        assert_eq!(tried(Auto, Auto), "fjfjfj");
        assert_eq!(tried(Auto, Json), "jjfjjf");
        assert_eq!(tried(Auto, Form), "ffjffj");
        assert_eq!((tried(Form, Json), tried(Json, Form)), ("ffffff".into(), "jjjjjj".into()));
    }
}

//! The notifier: delivers notices to merchants' servers, again and again until they acknowledge.
//!
//! The table is the truth: a notice is due, delivered or parked there, and a claim is a lease that
//! outlives every delivery. What a delivery came to is committed before the next one is planned.

use std::time::Duration;

use channels::http::{HttpRequest, HttpResponse};
use kernel::application::NoticeFormat;
use kernel::dialect::members;
use kernel::dialect::notice::{self as wording, Encoding};
use kernel::id::AppId;
use kernel::notice::{Notice, NoticeState, is_acknowledged, next_try};
use kernel::order::Order;
use kernel::state::TradeState;
use store::notices::{self, AttemptLog};
use store::sweeps::Claim;
use store::{StoreError, applications};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Gateway;
use crate::callers::Caller;
use crate::egress::EgressFault;
use crate::ids::random_hex;

/// Notices claimed at once.
const CLAIM_MAX: i64 = 64;
/// Deliveries in flight at most.
const IN_FLIGHT_MAX: usize = 256;
/// Of these, deliveries for one application at most: a merchant whose server hangs keeps its own
/// notices waiting, never another's (contract section 7).
const IN_FLIGHT_PER_APP_MAX: usize = 16;
/// How long what is over that share is put off, in milliseconds: about one delivery to a dead server.
const PUT_OFF_MS: i64 = 10_000;
/// How long a claimed notice is ours, in milliseconds: three times a delivery's total time.
const LEASE_MS: i64 = 30_000;
/// The longest sleep: what other processes wrote is seen after it.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Spreads neighbouring ids over the whole range: 2⁶⁴ divided by the golden ratio (Knuth, The Art of
/// Computer Programming, 6.4).
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;
/// Characters of a merchant's answer that are kept.
const EXCERPT_MAX: usize = 200;

impl Gateway {
    /// Delivers until `stop` turns true, then finishes what is in flight.
    pub async fn run_notifier(&self, mut stop: watch::Receiver<bool>) {
        let mut in_flight = JoinSet::new();
        while !*stop.borrow() {
            while in_flight.try_join_next().is_some() {}
            let claimed = self.claim_into(&mut in_flight).await;
            if claimed > 0 {
                continue;
            }
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = self.0.wake_notifier.notified() => {}
                Some(_) = in_flight.join_next(), if in_flight.len() >= IN_FLIGHT_MAX => {}
                () = tokio::time::sleep(SLEEP_MAX) => {}
            }
        }
        while in_flight.join_next().await.is_some() {}
    }

    async fn claim_into(&self, in_flight: &mut JoinSet<()>) -> usize {
        let room = IN_FLIGHT_MAX.saturating_sub(in_flight.len());
        let limit = i64::try_from(room).unwrap_or(CLAIM_MAX).min(CLAIM_MAX);
        if limit == 0 {
            return 0;
        }
        let now = self.now();
        let until = now.plus_millis(LEASE_MS);
        let due = match notices::claim_due(&self.0.store, Claim { now, lease_until: until, limit })
            .await
        {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = %error, "notifier: the store does not answer");
                return 0;
            }
        };
        let count = due.len();
        let (mine, over): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|notice| self.take_share(notice.app_id));
        for notice in mine {
            let gateway = self.clone();
            in_flight.spawn(async move {
                if let Err(error) = gateway.deliver(&notice).await {
                    tracing::error!(
                        order.sn = %notice.order_id.sn(), error = %error, "notice: not committed"
                    );
                }
                gateway.give_share_back(notice.app_id);
            });
        }
        if !over.is_empty() {
            let batch = notices::put_off(&over, now.plus_millis(PUT_OFF_MS));
            if let Err(error) = self.0.store.write(batch).await {
                // Their leases end by themselves.
                tracing::error!(error = %error, "notifier: the store does not answer");
            }
        }
        count
    }

    /// Counts one more delivery for an application, unless it has its share.
    fn take_share(&self, app_id: AppId) -> bool {
        let mut shares = self.0.delivering.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let share = shares.entry(app_id).or_insert(0);
        let has_room = *share < IN_FLIGHT_PER_APP_MAX;
        *share += usize::from(has_room);
        has_room
    }

    fn give_share_back(&self, app_id: AppId) {
        let mut shares = self.0.delivering.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(share) = shares.get_mut(&app_id) {
            *share -= 1;
            if *share == 0 {
                shares.remove(&app_id);
            }
        }
    }

    /// Makes one attempt and commits what came of it.
    async fn deliver(&self, notice: &Notice) -> Result<(), StoreError> {
        let Ok(caller) = self.caller_of(notice.app_id).await else {
            // Without the application there is no key: the lease ends, and it is tried again.
            return Err(StoreError::Unavailable("the application cannot be read".into()));
        };
        let encoding = encoding(&caller, notice.tries);
        let nonce = random_hex::<16>();
        let key = &caller.app.key;
        let Some((content_type, body)) =
            wording::encode(&notice.facts, (notice.sign_form, key), &nonce, encoding)
        else {
            return Err(StoreError::Corrupt("a notice's facts cannot be read".into()));
        };
        let request = HttpRequest {
            method: "POST".into(),
            url: notice.url.clone(),
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.into_bytes(),
        };
        let began = self.now();
        let answer = self.0.merchants.send(&request).await;
        let log = self.attempt_log(encoding, began, &answer);
        let is_done = answer.is_ok_and(|answer| is_acknowledged(answer.status, &answer.body));
        self.conclude(notice, is_done, log).await?;
        if is_done && caller.app.settings.notice_format == NoticeFormat::Auto {
            self.remember_format(&caller, encoding).await?;
        }
        Ok(())
    }

    async fn conclude(
        &self,
        notice: &Notice,
        is_done: bool,
        log: AttemptLog,
    ) -> Result<(), StoreError> {
        let sn = notice.order_id.sn();
        let outcome = log.outcome.clone();
        let dice = dice(notice);
        let batch = if is_done {
            tracing::info!(order.sn = %sn, "notice delivered");
            notices::delivered(notice, &log)
        } else {
            match next_try(notice.tries + 1, self.now(), dice) {
                Some(at) => {
                    tracing::warn!(order.sn = %sn, outcome, "notice not acknowledged, tried again");
                    notices::retry(notice, at, &log)
                }
                None => {
                    tracing::error!(order.sn = %sn, outcome, "notice parked: resend it by hand");
                    notices::park(notice, &log)
                }
            }
        };
        // Missed: the lease ran out and another worker has concluded it.
        self.0.store.write(batch).await.map(|_| ())
    }

    async fn remember_format(&self, caller: &Caller, encoding: Encoding) -> Result<(), StoreError> {
        let format = match encoding {
            Encoding::Form => NoticeFormat::Form,
            Encoding::Json => NoticeFormat::Json,
        };
        if caller.notice_learned == format {
            return Ok(());
        }
        let batch = applications::learn_notice_format(caller.app.app_id, caller.app.mch_id, format);
        self.0.store.write(batch).await.map(|_| ())
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
            facts: members::object(&wording::facts(order)),
            state: NoticeState::Waiting,
            tries: 0,
            due_at: self.now(),
        })
    }
}

/// Form or JSON: as the application is set, as its server acknowledged before, else form first and
/// in turns (contract section 7).
fn encoding(caller: &Caller, tries: i64) -> Encoding {
    match caller.app.settings.notice_format {
        NoticeFormat::Form => Encoding::Form,
        NoticeFormat::Json => Encoding::Json,
        NoticeFormat::Auto => {
            let first = match caller.notice_learned {
                NoticeFormat::Auto | NoticeFormat::Form => Encoding::Form,
                NoticeFormat::Json => Encoding::Json,
            };
            if tries % 2 == 0 { first } else { first.other() }
        }
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

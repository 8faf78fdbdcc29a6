//! What merchants have still to be told, and how each attempt to tell them went (contract
//! section 7). The row is written with the change that it tells of; it alone says that something is
//! to be sent, and only an acknowledgement says that it was.

use std::collections::BTreeMap;

use kernel::id::{AppId, Id, MchId};
use kernel::notice::{Notice, NoticeState};
use kernel::scheme::Signing;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::audit::AuditEntry;
use crate::batch::{Batch, Row, Statement};
use crate::sweeps::Claim;
use crate::{Reader, Store, StoreError};

/// Characters of a merchant's answer that are kept.
pub const ANSWER_MAX: usize = 200;

/// Adds a notice; a second one of the same event of the same order is a defect.
pub(crate) const INSERT: &str = "insert into notices
(id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state, tries, due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// The lanes of the notices that have waited longest.
pub(crate) const OLDEST: &str = "select app_id, target from notices
where state = 'waiting' and due_at <= $1 order by due_at limit $2 + 0";

/// The lane after another, with its earliest notice: one step through the index, however many
/// notices wait in a lane.
pub(crate) const NEXT_LANE: &str = "select app_id, target, due_at from notices
where state = 'waiting' and (app_id, target) > ($1, $2)
order by app_id, target, due_at limit 1";

/// Takes notices of one lane that are due, the longest waiting first; no other worker sees them
/// before the lease ends. An id is unique across merchants, so it alone names the row. SQLite would
/// prepare a statement anew for each bare parameter of a limit.
pub(crate) const CLAIM: &str = "update notices set due_at = $4 where id in
(select id from notices where state = 'waiting' and app_id = $1 and target = $2 and due_at <= $3
order by due_at, id limit $5 + 0)
returning id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state, tries, due_at";

/// Ends an attempt, if the lease is still held and nobody else has counted one.
pub(crate) const END_ATTEMPT: &str = "update notices set state = $5, tries = tries + 1, due_at = $6
where mch_id = $1 and id = $2 and state = 'waiting' and tries = $3 and due_at = $4";

/// Tells how an attempt went. The number goes on counting when a notice is resent.
pub(crate) const INSERT_ATTEMPT: &str = "insert into notice_attempts
(mch_id, notice_id, no, at, duration_ms, encoding, outcome, http_status, answer)
values ($1, $2,
(select coalesce(max(no), 0) + 1 from notice_attempts where mch_id = $1 and notice_id = $2),
$3, $4, $5, $6, $7, $8)";

/// Begins again with an order's notices that are over.
const RESEND: &str = "update notices set state = 'waiting', tries = 0, due_at = $3
where mch_id = $1 and order_id = $2 and state in ('delivered', 'parked')";

/// An order's notices.
const OF_ORDER: &str = "select
id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state, tries, due_at
from notices where mch_id = $1 and order_id = $2 order by id";

/// A notice's attempts.
const ATTEMPTS: &str = "select no, at, duration_ms, encoding, outcome, http_status, answer
from notice_attempts where mch_id = $1 and notice_id = $2 order by no";

/// When the next notice is due.
const NEXT: &str = "select min(due_at) from notices where state = 'waiting'";

/// How one attempt to deliver went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptLog {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// `form` or `json`.
    pub encoding: String,
    /// The class of the outcome, as the merchant may see it: `acknowledged`, `timeout`, ….
    pub outcome: String,
    /// HTTP status, if there was an answer.
    pub http_status: Option<i64>,
    /// What the merchant answered; [`ANSWER_MAX`] characters of it are kept.
    pub answer: String,
}

/// A notice with its attempts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeHistory {
    /// The notice.
    pub notice: Notice,
    /// Its attempts, the oldest first, also those before it was resent.
    pub attempts: Vec<NumberedAttempt>,
}

/// An attempt as it was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NumberedAttempt {
    /// 1, 2, …, going on when the notice is resent.
    pub no: i64,
    /// How it went.
    pub log: AttemptLog,
}

/// Notices that wait for one server on behalf of one application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lane {
    /// The application.
    pub app_id: AppId,
    /// The server, as [`kernel::notice::target`] names it.
    pub target: String,
}

/// Lanes with notices that are due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueLanes {
    /// Each with how many of its notices were seen, in ascending order.
    pub lanes: Vec<(Lane, usize)>,
    /// Whether more notices are due than were looked at: there may be more lanes, and more in each.
    pub has_more: bool,
}

/// The lanes of the `limit` notices that have been due longest.
///
/// # Errors
/// See [`StoreError`].
pub async fn due_lanes(
    store: &Store,
    now: Timestamp,
    limit: usize,
) -> Result<DueLanes, StoreError> {
    let values = vec![now.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let rows = store.rows(OLDEST, values, read_lane).await?;
    let has_more = rows.len() >= limit;
    let mut lanes = BTreeMap::new();
    for lane in rows {
        *lanes.entry(lane).or_insert(0) += 1;
    }
    Ok(DueLanes { lanes: lanes.into_iter().collect(), has_more })
}

/// The lanes after `after` that have a notice due, found by looking at no more than `limit` lanes;
/// and the last one looked at, or none if there is no lane behind it.
///
/// # Errors
/// See [`StoreError`].
pub async fn due_lanes_after(
    store: &Store,
    now: Timestamp,
    (after, limit): (Option<Lane>, usize),
) -> Result<(Vec<Lane>, Option<Lane>), StoreError> {
    let find = async move |reader: &mut Reader<'_>| {
        let mut at = after.unwrap_or(Lane { app_id: AppId(-1), target: String::new() });
        let mut due = Vec::new();
        for _ in 0..limit {
            let values = [at.app_id.into(), (&at.target).into()];
            let Some(mut row) = reader.run(NEXT_LANE, &values).await?.rows.into_iter().next()
            else {
                return Ok((due, None));
            };
            at = read_lane(&mut row)?;
            if row.time()? <= now {
                due.push(at.clone());
            }
        }
        Ok((due, Some(at)))
    };
    store.read(find).await
}

/// Takes notices of a lane that are due; each comes with `due_at` the end of the lease, which ending
/// the attempt needs.
///
/// # Errors
/// See [`StoreError`].
pub async fn claim_due(
    store: &Store,
    lane: &Lane,
    claim: Claim,
) -> Result<Vec<Notice>, StoreError> {
    let values = vec![
        lane.app_id.into(),
        (&lane.target).into(),
        claim.now.into(),
        claim.lease_until.into(),
        claim.limit.into(),
    ];
    let taken = store.write(Batch::guarded(Statement::new(CLAIM, values))).await?.into_rows();
    taken.into_iter().map(|mut row| read(&mut row)).collect()
}

/// The merchant acknowledged; missed if the lease is no longer held.
pub fn delivered(notice: &Notice, log: &AttemptLog) -> Batch {
    end_attempt(notice, (NoticeState::Delivered, log.at), log)
}

/// The attempt failed, the next is at `due_at`; missed if the lease is no longer held.
pub fn retry(notice: &Notice, due_at: Timestamp, log: &AttemptLog) -> Batch {
    end_attempt(notice, (NoticeState::Waiting, due_at), log)
}

/// The last attempt failed; missed if the lease is no longer held.
pub fn park(notice: &Notice, log: &AttemptLog) -> Batch {
    end_attempt(notice, (NoticeState::Parked, log.at), log)
}

/// Sends the order's notices again that are delivered or parked, from now and with the whole
/// schedule; missed if there is none. Somebody asked for it, so it is audited.
pub fn resend(mch_id: MchId, order_id: Id, audit: AuditEntry) -> Batch {
    let values = vec![mch_id.into(), order_id.into(), audit.at.into()];
    Batch::guarded(Statement::new(RESEND, values)).audited(audit)
}

/// The order's notices with their attempts.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<NoticeHistory>, StoreError> {
    let read_all = async move |reader: &mut Reader<'_>| {
        let mut found = Vec::new();
        for mut row in reader.run(OF_ORDER, &[mch_id.into(), order_id.into()]).await?.rows {
            found.push(history(reader, read(&mut row)?).await?);
        }
        Ok(found)
    };
    store.read(read_all).await
}

/// When the next notice is due; `None` if none waits.
///
/// # Errors
/// See [`StoreError`].
pub async fn next_due_at(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    Ok(store.row(NEXT, Vec::new(), |row| row.maybe_time()).await?.flatten())
}

pub(crate) fn insert(notice: &Notice) -> Statement {
    let values = vec![
        notice.id.into(),
        notice.mch_id.into(),
        notice.app_id.into(),
        notice.sign_form.word().into(),
        notice.order_id.into(),
        notice.event.word().into(),
        (&notice.url).into(),
        (&notice.target).into(),
        (&notice.facts).into(),
        notice.state.word().into(),
        notice.tries.into(),
        notice.due_at.into(),
    ];
    Statement::of_one_row(INSERT, values)
}

/// Ends the attempt on `notice`, as it was claimed: it becomes `state`, due at the instant beside.
fn end_attempt(
    notice: &Notice,
    (state, due_at): (NoticeState, Timestamp),
    log: &AttemptLog,
) -> Batch {
    let guard = vec![
        notice.mch_id.into(),
        notice.id.into(),
        notice.tries.into(),
        notice.due_at.into(),
        state.word().into(),
        due_at.into(),
    ];
    let mut batch = Batch::guarded(Statement::of_one_row(END_ATTEMPT, guard));
    batch.then.push(insert_attempt(notice, log));
    batch
}

fn insert_attempt(notice: &Notice, log: &AttemptLog) -> Statement {
    // A NUL is the merchant's doing, and no reason to forget the attempt.
    let answer = log.answer.chars().filter(|letter| *letter != '\0').take(ANSWER_MAX);
    let values = vec![
        notice.mch_id.into(),
        notice.id.into(),
        log.at.into(),
        log.duration_ms.into(),
        (&log.encoding).into(),
        (&log.outcome).into(),
        log.http_status.into(),
        answer.collect::<String>().into(),
    ];
    Statement::of_one_row(INSERT_ATTEMPT, values)
}

async fn history(reader: &mut Reader<'_>, notice: Notice) -> Result<NoticeHistory, StoreError> {
    let rows = reader.run(ATTEMPTS, &[notice.mch_id.into(), notice.id.into()]).await?.rows;
    let attempts = rows.into_iter().map(|mut row| read_attempt(&mut row)).collect::<Result<_, _>>();
    Ok(NoticeHistory { notice, attempts: attempts? })
}

pub(crate) fn read_attempt(row: &mut Row) -> Result<NumberedAttempt, StoreError> {
    let no = row.int()?;
    let log = AttemptLog {
        at: row.time()?,
        duration_ms: row.int()?,
        encoding: row.text()?,
        outcome: row.text()?,
        http_status: row.maybe_int()?,
        answer: row.text()?,
    };
    Ok(NumberedAttempt { no, log })
}

fn read_lane(row: &mut Row) -> Result<Lane, StoreError> {
    Ok(Lane { app_id: row.app_id()?, target: row.text()? })
}

pub(crate) fn read(row: &mut Row) -> Result<Notice, StoreError> {
    Ok(Notice {
        id: row.id()?,
        mch_id: row.mch_id()?,
        app_id: row.app_id()?,
        sign_form: row.word(Signing::from_word)?,
        order_id: row.id()?,
        event: row.word(TradeState::from_word)?,
        url: row.text()?,
        target: row.text()?,
        facts: row.text()?,
        state: row.word(NoticeState::from_word)?,
        tries: row.int()?,
        due_at: row.time()?,
    })
}

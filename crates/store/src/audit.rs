//! Who did what: an append-only log in which each entry's hash covers the entry before it, so that
//! a changed, removed or inserted row is found.
//!
//! Entries travel in the batch of the change that they tell of. Details never hold keys.

use aws_lc_rs::digest::{SHA256, digest};
use kernel::time::Timestamp;

use crate::batch::{Row, Value};
use crate::db::Effect;
use crate::{Reader, Store, StoreError};

/// What the first entry names as its predecessor's hash.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Entries that one query of [`verify`] reads.
const PAGE: i64 = 1_000;

/// The end of the chain; inside the writing transaction nobody else can add to it: on PostgreSQL a lock
/// of its own sees to that.
pub(crate) const HEAD: &str = "select seq, hash from audit order by seq desc limit 1";

/// Adds an entry.
pub(crate) const APPEND: &str =
    "insert into audit (seq, at, actor, action, subject, detail, prev_hash, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A page of the chain, by key, so that a long one is read in short transactions.
const AFTER: &str = "select seq, at, actor, action, subject, detail, prev_hash, hash from audit
where seq > $1 order by seq limit $2";

/// The newest entries, for people.
const LATEST: &str = "select seq, at, actor, action, subject, detail, prev_hash, hash from audit
order by seq desc limit $1";

/// Something that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: an operator, `cli`, or a worker's name.
    pub actor: String,
    /// What: `merchant.add`, `notice.resend`, ….
    pub action: String,
    /// To what: `order 11…`, `app 1000258`, ….
    pub subject: String,
    /// JSON text of the particulars, without secrets.
    pub detail: String,
}

impl AuditEntry {
    pub(crate) fn texts(&self) -> [&str; 4] {
        [&self.actor, &self.action, &self.subject, &self.detail]
    }
}

/// An entry in its place in the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// 1, 2, ….
    pub seq: i64,
    /// What was done.
    pub entry: AuditEntry,
    /// The hash of the entry before.
    pub prev_hash: String,
    /// This entry's hash, in hex.
    pub hash: String,
}

/// Where the chain ends. Kept outside, it also shows that nothing was cut off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The last entry's number; 0 if there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl Head {
    fn origin() -> Self {
        Self { seq: 0, hash: ORIGIN.to_owned() }
    }
}

/// Where the chain does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The first entry that is not as it was written, or is missing.
    pub seq: i64,
}

/// Walks the whole chain. `known` is a head that was written down before: it must lie in the chain.
///
/// # Errors
/// The store cannot be read. That the chain is broken is an answer, not an error.
pub async fn verify(
    store: &Store,
    known: Option<Head>,
) -> Result<Result<Head, Broken>, StoreError> {
    let mut head = Head::origin();
    let mut is_known_met = known.as_ref().is_none_or(|known| *known == head);
    loop {
        let from = head.seq;
        let page = store.read(async move |reader| page_after(reader, from).await).await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            head = match follow(&head, &row) {
                Ok(next) => next,
                Err(broken) => return Ok(Err(broken)),
            };
            is_known_met |= known.as_ref() == Some(&head);
        }
    }
    let lost = known.filter(|_| !is_known_met).map(|known| Broken { seq: known.seq });
    Ok(lost.map_or(Ok(head), Err))
}

/// The newest `limit` entries, the newest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn latest(store: &Store, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    store.rows(LATEST, vec![limit.into()], read).await
}

/// The values of the row that adds `entry` behind the chain's end, which [`HEAD`] has found within the
/// same transaction.
pub(crate) fn next(end: Effect, entry: &AuditEntry) -> Result<Vec<Value>, StoreError> {
    let head = match end.rows.into_iter().next() {
        Some(mut row) => Head { seq: row.int()?, hash: row.text()? },
        None => Head::origin(),
    };
    let seq = head.seq + 1;
    let hash = hash(seq, entry, &head.hash);
    let [actor, action, subject, detail] = entry.texts().map(|text| Value::from(text.to_owned()));
    Ok(vec![
        seq.into(),
        entry.at.into(),
        actor,
        action,
        subject,
        detail,
        head.hash.into(),
        hash.into(),
    ])
}

/// The head after `row`, if it is what must follow `head`.
fn follow(head: &Head, row: &AuditRow) -> Result<Head, Broken> {
    let seq = head.seq + 1;
    let is_next = row.seq == seq && row.prev_hash == head.hash;
    if is_next && row.hash == hash(seq, &row.entry, &head.hash) {
        Ok(Head { seq, hash: row.hash.clone() })
    } else {
        Err(Broken { seq })
    }
}

/// SHA-256 in hex over every member, each behind its length, so that no two entries share a text.
fn hash(seq: i64, entry: &AuditEntry, prev_hash: &str) -> String {
    let (seq, at) = (seq.to_string(), entry.at.millis().to_string());
    let [actor, action, subject, detail] = entry.texts();
    let mut text = String::new();
    for part in [prev_hash, &seq, &at, actor, action, subject, detail] {
        text.push_str(&format!("{}:{part},", part.len()));
    }
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn page_after(reader: &mut Reader<'_>, seq: i64) -> Result<Vec<AuditRow>, StoreError> {
    let rows = reader.run(AFTER, &[seq.into(), PAGE.into()]).await?.rows;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

fn read(row: &mut Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.int()?,
        entry: AuditEntry {
            at: row.time()?,
            actor: row.text()?,
            action: row.text()?,
            subject: row.text()?,
            detail: row.text()?,
        },
        prev_hash: row.text()?,
        hash: row.text()?,
    })
}

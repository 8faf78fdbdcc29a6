//! Log-ins that failed, by a keyed tag of the e-mail that was tried. Whether the e-mail is anybody's
//! makes no difference here.

use kernel::time::Timestamp;
use kernel::user::{FAILURES_KEPT_MS, Failures};

use crate::batch::{Batch, Row, Statement};
use crate::{Store, StoreError};

/// What is known of an e-mail.
const FIND: &str = "select failures, locked_until, failed_at from login_failures
where email_tag = $1";

/// The first failure.
const INSERT: &str = "insert into login_failures (email_tag, failures, locked_until, failed_at)
values ($1, $2, $3, $4) on conflict (email_tag) do nothing";

/// One more, unless another process has counted one since it was read.
const UPDATE: &str = "update login_failures set failures = $2, locked_until = $3, failed_at = $4
where email_tag = $1 and failures = $5 and failed_at = $6";

/// Forgets an e-mail's failures.
const FORGET: &str = "delete from login_failures where email_tag = $1";

/// Forgets what is too old to count, so that strangers do not fill the table.
const PRUNE: &str = "delete from login_failures where failed_at < $1";

/// What is known of an e-mail's failures.
///
/// # Errors
/// See [`StoreError`].
pub async fn find(store: &Store, email_tag: &str) -> Result<Option<Failures>, StoreError> {
    store.row(FIND, vec![email_tag.to_owned().into()], read).await
}

/// Counts a failure: `before` becomes `after`; missed if it is not as it was. What is too old goes.
pub fn count(email_tag: &str, before: Option<Failures>, after: Failures) -> Batch {
    let mut values = vec![
        email_tag.to_owned().into(),
        after.count.into(),
        after.locked_until.into(),
        after.failed_at.into(),
    ];
    let counted = match before {
        None => Statement::of_one_row(INSERT, values),
        Some(before) => {
            values.extend([before.count.into(), before.failed_at.into()]);
            Statement::of_one_row(UPDATE, values)
        }
    };
    let old: Timestamp = after.failed_at.plus_millis(-FAILURES_KEPT_MS);
    Batch::guarded(counted).and(Statement::new(PRUNE, vec![old.into()]))
}

/// Forgets an e-mail's failures; it travels with what proves that they may be.
pub fn forget(email_tag: &str) -> Statement {
    Statement::new(FORGET, vec![email_tag.to_owned().into()])
}

/// The same alone.
pub fn forgotten(email_tag: &str) -> Batch {
    Batch::default().and(forget(email_tag))
}

fn read(row: &mut Row) -> Result<Failures, StoreError> {
    Ok(Failures { count: row.int()?, locked_until: row.time()?, failed_at: row.time()? })
}

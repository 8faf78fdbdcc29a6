//! A new key for an application. What was promised of the old ones is kept: each counts until the end of
//! its own overlap, however soon the next key comes.

use kernel::id::AppId;
use kernel::secret::Secret;
use store::applications::{self, ApplicationRow, KeyRotation};
use store::{StoreError, Written, retired_keys};

use crate::Gateway;
use crate::callers::key_row;
use crate::ids::random_hex;
use crate::manage::ManageFault;

/// Tries to change an application that somebody else changes at the same time.
const TRIES_MAX: usize = 8;

impl Gateway {
    /// Gives an application a new key; the old one stays valid until `overlap_ms` from now. With an
    /// overlap of 0 every earlier key ends at once.
    ///
    /// # Errors
    /// There is no such application, it is changed by others all the time, or too many keys overlap.
    pub async fn rotate_key(
        &self,
        actor: &str,
        app_id: AppId,
        overlap_ms: i64,
    ) -> Result<Secret, ManageFault> {
        for _ in 0..TRIES_MAX {
            let row = applications::by_app_id(&self.0.store, app_id).await?;
            let row =
                row.ok_or_else(|| ManageFault::Refused(format!("no application {app_id}")))?;
            let ids = (row.mch_id, app_id);
            let retired = retired_keys::valid(&self.0.store, ids, self.now()).await?;
            if overlap_ms > 0 && retired.len() >= retired_keys::RETIRED_MAX {
                let why =
                    "too many keys overlap: wait for one to end, or rotate with --overlap-hours 0";
                return Err(ManageFault::Refused(why.into()));
            }
            let key = Secret::new(random_hex::<16>());
            if self.put_key(actor, &row, (&key, overlap_ms)).await? {
                return Ok(key);
            }
        }
        Err(ManageFault::Refused("the application is changed by others: try again".into()))
    }

    async fn put_key(
        &self,
        actor: &str,
        row: &ApplicationRow,
        (key, overlap_ms): (&Secret, i64),
    ) -> Result<bool, StoreError> {
        let (now, ids) = (self.now(), (row.mch_id, row.app_id));
        let rotation = KeyRotation {
            app_id: row.app_id,
            expected_rev: row.rev,
            key_sealed: self.0.vault.seal(&key_row(row.app_id), key),
            previous: Some((row.key_sealed.clone(), now.plus_millis(overlap_ms))),
        };
        let audit = self.audit(actor, "key rotated", &format!("application/{}", row.app_id));
        let mut batch = applications::rotate_key(&rotation).audited(audit);
        if overlap_ms == 0 {
            batch = batch.and(retired_keys::end_all(ids));
        } else {
            batch = batch.and(retired_keys::forget(ids, now));
            if let Some(previous) = row.previous.as_ref().filter(|(_, until)| now < *until) {
                batch = batch.and(retired_keys::insert(ids, row.rev, previous));
            }
        }
        let written = self.0.store.write(batch).await?;
        self.0.callers_by_app.clear();
        self.0.callers_by_mch.clear();
        Ok(matches!(written, Written::Done(_)))
    }
}

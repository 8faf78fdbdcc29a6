//! The password of refunds (contract section 6: `password`, if the merchant set one): set by an operator,
//! kept as a hash, and asked for before anything of a refund is looked at.
//!
//! Whoever refunds has the application's key already, so wrong passwords are counted by application and
//! lock its refunds for a while: who stole the key does not get to try them all, nor many before the first
//! is counted, so they are compared one after the other. A password must never be logged, kept or repeated.

use kernel::fault::{Fault, Wording};
use kernel::id::AppId;
use kernel::secret::Secret;
use kernel::user::Failures;
use store::{Batch, Written, logins};

use crate::Gateway;
use crate::callers::Caller;
use crate::log_in::WAIT;
use crate::manage::ManageFault;

/// Tries to count a failure beside other processes.
const COUNTS_MAX: usize = 16;
/// The setting that holds the hash.
const SETTING: &str = "refund_password";

const WRONG: Wording = ["退款密码不正确", "the refund password is wrong"];
const LOCKED: Wording = [
    "退款密码错误次数过多，请在 5 至 80 分钟后再试，或由平台重设",
    "too many wrong refund passwords: repeat in 5 to 80 minutes, or have the platform set another",
];

impl Gateway {
    /// Gives an application a refund password, which counts within seconds, and lifts what wrong ones have
    /// locked.
    ///
    /// # Errors
    /// There is no such application.
    pub async fn set_refund_password(
        &self,
        actor: &str,
        app_id: AppId,
        password: &Secret,
    ) -> Result<(), ManageFault> {
        let failed = |_| ManageFault::Refused("the password could not be hashed".into());
        let hashing = self.0.passwords.turn().await.map_err(failed)?;
        let hash = hashing.hash(password).await.map_err(failed)?;
        self.set_settings(actor, app_id, &[(SETTING.to_owned(), hash)]).await?;
        self.0.store.write(logins::forgotten(&self.refund_tag(app_id))).await?;
        Ok(())
    }

    /// Whether a refund may go on, as far as its password says.
    ///
    /// # Errors
    /// 4003 if it is missing, 40100 if it is wrong, or too many were; 4006 if too many are compared.
    pub(crate) async fn judge_refund_password(
        &self,
        caller: &Caller,
        given: Option<&Secret>,
    ) -> Result<(), Fault> {
        let hash = caller.app.settings.refund_password.as_str();
        if hash.is_empty() {
            return Ok(());
        }
        let given = given.ok_or(Fault::Missing { field: "password" })?;
        let tag = self.refund_tag(caller.app.app_id);
        let _turn = self.0.guesses.turn(tag.clone(), WAIT).await.ok_or(Fault::Busy)?;
        let before = self.refund_failures(&tag).await?;
        if before.and_then(|one| one.minutes_locked(self.now())).is_some() {
            return Err(Fault::NotAllowed(LOCKED));
        }
        let hashing = self.0.passwords.turn().await?;
        if !hashing.verify(given, hash).await? {
            return Err(self.count_refund_failure(&tag, before).await?);
        }
        if before.is_some() {
            self.write_refund_failures(logins::forgotten(&tag)).await?;
        }
        Ok(())
    }

    /// Counts a failure, and says what is answered.
    async fn count_refund_failure(
        &self,
        tag: &str,
        mut before: Option<Failures>,
    ) -> Result<Fault, Fault> {
        for _ in 0..COUNTS_MAX {
            let after = Failures::after(before, self.now());
            if self.write_refund_failures(logins::count(tag, before, after)).await? {
                let words = if after.has_locked() { LOCKED } else { WRONG };
                return Ok(Fault::NotAllowed(words));
            }
            before = self.refund_failures(tag).await?;
        }
        Err(Fault::Busy)
    }

    async fn refund_failures(&self, tag: &str) -> Result<Option<Failures>, Fault> {
        let found = logins::find(&self.0.store, tag).await;
        found.map_err(|error| self.busy("look for wrong refund passwords", &error))
    }

    async fn write_refund_failures(&self, batch: Batch) -> Result<bool, Fault> {
        let written = self.0.store.write(batch).await;
        let written = written.map_err(|error| self.busy("count a refund password", &error))?;
        Ok(matches!(written, Written::Done(_)))
    }

    fn refund_tag(&self, app_id: AppId) -> String {
        self.0.vault.tag("refund password", &app_id.to_string())
    }
}

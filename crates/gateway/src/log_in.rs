//! Logging in: e-mail and password for the key of the merchant's default application.
//!
//! Nothing that a stranger is answered, and no time that it takes, may tell whether an e-mail is anybody's.
//! So failures are counted, and e-mails locked, whether there is such a user or not; a password is always
//! compared; and log-ins under one e-mail come one after the other, so that nobody can try many
//! passwords before the first is counted. Neither e-mails nor passwords are ever logged.
//!
//! Anybody can lock an e-mail by guessing. Whoever has logged in with it before is not locked out by that:
//! where a log-in has succeeded, only the failures that came from there count.

use std::net::IpAddr;
use std::time::Duration;

use kernel::application::Application;
use kernel::call::Credentials;
use kernel::dialect::jubao::CallerId;
use kernel::dialect::records::UserRecord;
use kernel::fault::Fault;
use kernel::user::{Email, Failures, User};
use store::{Batch, Written, login_addresses, logins};

use crate::Gateway;
use crate::passwords::NOBODY;

/// How long a password waits for those that are tried before it, under the same e-mail or tag.
pub(crate) const WAIT: Duration = Duration::from_secs(5);
/// Tries to count a failure beside other processes.
const COUNTS_MAX: usize = 16;

/// A user who has logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The user, with their store.
    pub record: UserRecord,
    /// Their merchant's default application, with its key.
    pub app: Application,
}

/// Under what the failures of one log-in are counted.
struct Counted {
    email_tag: String,
    address_tag: String,
    /// Whether a log-in from this address has succeeded before.
    is_known: bool,
}

impl Counted {
    fn tag(&self) -> &str {
        if self.is_known { &self.address_tag } else { &self.email_tag }
    }
}

impl Gateway {
    /// Logs a user in who asks from an address.
    ///
    /// # Errors
    /// Code 0 for a wrong e-mail or password, and while the e-mail is locked there; 4002 if the merchant is
    /// disabled; 4006 if too many log in.
    pub async fn log_in_user(&self, asked: &Credentials, from: IpAddr) -> Result<LoggedIn, Fault> {
        let turn = self.0.guesses.turn(self.login_tag(&asked.email), WAIT).await;
        let _turn = turn.ok_or(Fault::Busy)?;
        let hashing = self.0.passwords.turn().await?;
        let counted = self.counted(&asked.email, from).await?;
        let before = self.failures(counted.tag()).await?;
        if let Some(minutes) = before.and_then(|failures| failures.minutes_locked(self.now())) {
            return Err(Fault::LockedOut { minutes });
        }
        let found = self.user_of(&asked.email).await?;
        let stored = found.as_ref().map_or(NOBODY, |row| &row.password_hash);
        let is_right = hashing.verify(&asked.password, stored).await?;
        match found.map(|row| row.user) {
            Some(user) if is_right => self.welcome(user, &counted).await,
            user => Err(self.refused(counted.tag(), before, user.as_ref()).await?),
        }
    }

    async fn counted(&self, email: &Email, from: IpAddr) -> Result<Counted, Fault> {
        let text = format!("{} {}", email.as_str(), network(from));
        let address_tag = self.0.vault.tag("log-in from", &text);
        let found = login_addresses::is_known(&self.0.store, &address_tag, self.now()).await;
        let is_known = found.map_err(|error| self.busy("look for an address", &error))?;
        Ok(Counted { email_tag: self.login_tag(email), address_tag, is_known })
    }

    /// What failures under an e-mail are counted by: nobody learns an e-mail from it.
    pub(crate) fn login_tag(&self, email: &Email) -> String {
        self.0.vault.tag("log-in", email.as_str())
    }

    async fn failures(&self, tag: &str) -> Result<Option<Failures>, Fault> {
        let found = logins::find(&self.0.store, tag).await;
        found.map_err(|error| self.busy("look for failures", &error))
    }

    async fn welcome(&self, user: User, counted: &Counted) -> Result<LoggedIn, Fault> {
        // Not from the cache: a key that was rotated a moment ago is not handed out.
        let caller = self.load_caller(CallerId::Mch(user.mch_id), self.now()).await?;
        if !caller.app.is_enabled {
            return Err(Fault::UnknownApplication);
        }
        let actor = format!("user/{}", user.id);
        let audit = self.audit_user(&actor, "user logged in", &user);
        let mut batch = logins::forgotten(counted.tag()).audited(audit);
        let seen = login_addresses::remember(&counted.email_tag, &counted.address_tag, self.now());
        batch.then.extend(seen);
        let written = self.0.store.write(batch).await;
        written.map_err(|error| self.busy("log a user in", &error))?;
        Ok(LoggedIn { record: self.recorded(user).await?, app: caller.app.clone() })
    }

    /// Counts a failure, and says what is answered.
    async fn refused(
        &self,
        tag: &str,
        mut before: Option<Failures>,
        user: Option<&User>,
    ) -> Result<Fault, Fault> {
        for _ in 0..COUNTS_MAX {
            let after = Failures::after(before, self.now());
            let mut batch = logins::count(tag, before, after);
            if let Some(user) = user.filter(|_| after.has_locked()) {
                batch = locked(batch, self.audit_user("log-in", "user locked", user), after);
            }
            match self.0.store.write(batch).await {
                Ok(Written::Done(_)) => return Ok(said(after)),
                Ok(Written::Missed) => before = self.failures(tag).await?,
                Err(error) => return Err(self.busy("count a failure", &error)),
            }
        }
        Err(Fault::Busy)
    }
}

/// What an address is known by: whoever has one address of an IPv6 /64 has all of them.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => std::net::Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

fn locked(batch: Batch, mut entry: store::audit::AuditEntry, failures: Failures) -> Batch {
    let minutes = failures.minutes_locked(failures.failed_at).unwrap_or(0);
    entry.detail = format!(r#"{{"failures":{},"minutes":{minutes}}}"#, failures.count);
    batch.audited(entry)
}

fn said(failures: Failures) -> Fault {
    match failures.minutes_locked(failures.failed_at) {
        Some(minutes) => Fault::LockedOut { minutes },
        None => Fault::WrongLogIn,
    }
}

//! Who is calling: the application behind `mch_id` or `appid`, with its keys opened.

use std::sync::Arc;

use kernel::application::{Application, NoticeFormat};
use kernel::dialect::jubao::CallerId;
use kernel::fault::Fault;
use kernel::id::{AppId, MchId};
use kernel::ledger::FeeRule;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use store::applications::{self, ApplicationRow};
use store::nonces::{self, Nonce};
use store::retired_keys;

use crate::Gateway;

/// Nonces of one application are remembered this long, in milliseconds: longer than a timestamp is
/// accepted from the first second (300 s ahead) to the last (300 s behind).
const NONCE_MEMORY_MS: i64 = 602_000;
/// Tries to let a nonce come again.
const FORGIVING_TRIES_MAX: usize = 3;

/// An application as requests meet it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The application with its keys.
    pub app: Application,
    /// Counts the application's changes.
    pub(crate) rev: i64,
    /// What its merchant pays.
    pub fee_rule: FeeRule,
    /// The notification format that its server acknowledged last; `Auto`: none yet.
    pub notice_learned: NoticeFormat,
}

impl Gateway {
    /// The application that a request names.
    ///
    /// # Errors
    /// 4002 if there is none or it is disabled; 4006 if the store does not answer.
    pub async fn caller(&self, id: CallerId) -> Result<Arc<Caller>, Fault> {
        let now = self.now();
        let cached = match id {
            CallerId::App(app) | CallerId::Both(_, app) => self.0.callers_by_app.find(&app, now),
            CallerId::Mch(mch) => self.0.callers_by_mch.find(&mch, now),
        };
        let caller = match cached {
            Some(caller) => caller,
            None => Box::pin(self.load_caller(id, now)).await?,
        };
        if caller.app.is_enabled { Ok(caller) } else { Err(Fault::UnknownApplication) }
    }

    /// The application of an order, for its notices and pages.
    pub(crate) async fn caller_of(&self, app_id: AppId) -> Result<Arc<Caller>, Fault> {
        let now = self.now();
        match self.0.callers_by_app.find(&app_id, now) {
            Some(caller) => Ok(caller),
            None => self.load_caller(CallerId::App(app_id), now).await,
        }
    }

    /// The same as it is stored now.
    pub(crate) async fn load_caller(
        &self,
        id: CallerId,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Fault> {
        let store = &self.0.store;
        let found = match id {
            CallerId::App(app) | CallerId::Both(_, app) => {
                applications::by_app_id(store, app).await
            }
            CallerId::Mch(mch) => applications::default_of(store, mch).await,
        };
        let row = found.map_err(|error| self.busy("load application", &error))?;
        let row = row.ok_or(Fault::UnknownApplication)?;
        let caller = Arc::new(self.open_caller(row).await?);
        match id {
            CallerId::App(app) | CallerId::Both(_, app) => {
                self.0.callers_by_app.keep(app, caller.clone(), now);
            }
            CallerId::Mch(mch) => self.0.callers_by_mch.keep(mch, caller.clone(), now),
        }
        Ok(caller)
    }

    async fn open_caller(&self, row: ApplicationRow) -> Result<Caller, Fault> {
        let key = self.open_key(row.app_id, &row.key_sealed)?;
        let mut previous_keys = Vec::new();
        for (sealed, until) in self.earlier_keys(&row).await? {
            previous_keys.push((self.open_key(row.app_id, &sealed)?, until));
        }
        Ok(Caller {
            app: Application {
                mch_id: row.mch_id,
                app_id: row.app_id,
                mch_name: row.mch_name,
                is_enabled: row.is_enabled && row.settings.enabled,
                key,
                previous_keys,
                platform_key: self.platform_key().await?,
                settings: row.settings,
            },
            rev: row.rev,
            fee_rule: FeeRule { rate_ppm: row.fee_rate_ppm },
            notice_learned: row.notice_learned,
        })
    }

    /// The key before, whose end may be over, and those before it that still count.
    async fn earlier_keys(&self, row: &ApplicationRow) -> Result<Vec<(String, Timestamp)>, Fault> {
        let mut keys = Vec::from_iter(row.previous.clone());
        let now = self.now();
        if keys.iter().any(|(_, until)| now < *until) {
            let ids = (row.mch_id, row.app_id);
            let retired = retired_keys::valid(&self.0.store, ids, now).await;
            keys.extend(retired.map_err(|error| self.busy("read earlier keys", &error))?);
        }
        Ok(keys)
    }

    /// The application as it is now, if it is no longer as `known`: asked when a signature is wrong, since
    /// what is known may be two seconds old, and a key that was handed out counts at once. However many
    /// ask, few look.
    ///
    /// # Errors
    /// As [`Gateway::caller`].
    pub async fn changed_caller(
        &self,
        id: CallerId,
        known: &Arc<Caller>,
    ) -> Result<Option<Arc<Caller>>, Fault> {
        let now = self.0.looks.shared(id, Box::pin(self.look(id, known))).await?;
        Ok(Some(now).filter(|caller| caller.rev != known.rev && caller.app.is_enabled))
    }

    async fn look(&self, id: CallerId, known: &Arc<Caller>) -> Result<Arc<Caller>, Fault> {
        let rev = applications::rev(&self.0.store, known.app.app_id).await;
        let rev = rev.map_err(|error| self.busy("look at an application", &error))?;
        match rev == Some(known.rev) {
            true => Ok(known.clone()),
            false => self.load_caller(id, self.now()).await,
        }
    }

    fn open_key(&self, app_id: AppId, sealed: &str) -> Result<Secret, Fault> {
        self.0.vault.open(&key_row(app_id), sealed).map_err(|_| {
            tracing::error!(app.id = %app_id, "the application's key does not open: wrong master key?");
            Fault::Defect
        })
    }

    /// The keys of the same merchant's other applications, to explain a wrong signature to whoever is
    /// still building; none if the store does not answer.
    pub async fn sibling_keys(&self, caller: &Caller) -> Vec<Secret> {
        let found = applications::siblings(&self.0.store, caller.app.mch_id, caller.app.app_id);
        let rows = found.await.unwrap_or_default();
        rows.iter().filter_map(|(app_id, sealed)| self.open_key(*app_id, sealed).ok()).collect()
    }

    /// Spends a request's nonce; false if the application sent it before, to whichever process.
    ///
    /// # Errors
    /// 4006 if the store does not answer: a guard that guesses would be none.
    pub async fn spend_nonce(&self, caller: &Caller, nonce: &str) -> Result<bool, Fault> {
        let now = self.now();
        let nonce = nonce_of(caller, nonce);
        let batch = nonces::spend(&nonce, now, now.plus_millis(NONCE_MEMORY_MS));
        let written = self.0.store.write(batch).await;
        Ok(written.map_err(|error| self.busy("spend a nonce", &error))?.is_done())
    }

    /// Lets a nonce come again: its request had no effect.
    pub async fn forgive_nonce(&self, caller: &Caller, nonce: &str) {
        let nonce = nonce_of(caller, nonce);
        for _ in 0..FORGIVING_TRIES_MAX {
            match self.0.store.write(nonces::forgive(&nonce)).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(error = %error, "a nonce is not forgiven yet"),
            }
        }
    }

    /// Whether a merchant has a store of that number.
    pub(crate) async fn has_store(&self, mch_id: MchId, store_id: i64) -> Result<bool, Fault> {
        let found = store::stores::exists(&self.0.store, mch_id, store_id).await;
        found.map_err(|error| self.busy("look for a store", &error))
    }
}

fn nonce_of(caller: &Caller, text: &str) -> Nonce {
    Nonce { mch_id: caller.app.mch_id, app_id: caller.app.app_id, text: text.to_owned() }
}

/// What an application's sealed key is bound to.
pub(crate) fn key_row(app_id: AppId) -> String {
    format!("application/{app_id}")
}

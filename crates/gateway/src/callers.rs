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

use crate::Gateway;

/// Nonces of one application are remembered this long, in milliseconds: longer than a timestamp is
/// accepted from the first second (300 s ahead) to the last (300 s behind).
const NONCE_MEMORY_MS: i64 = 602_000;
/// Nonces remembered at most.
const NONCES_MAX: usize = 1_000_000;

/// An application as requests meet it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The application with its keys.
    pub app: Application,
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

    async fn load_caller(&self, id: CallerId, now: Timestamp) -> Result<Arc<Caller>, Fault> {
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
        let previous_key = match &row.previous {
            Some((sealed, until)) => Some((self.open_key(row.app_id, sealed)?, *until)),
            None => None,
        };
        Ok(Caller {
            app: Application {
                mch_id: row.mch_id,
                app_id: row.app_id,
                mch_name: row.mch_name,
                is_enabled: row.is_enabled && row.settings.enabled,
                key,
                previous_key,
                platform_key: self.platform_key().await?,
                settings: row.settings,
            },
            fee_rule: FeeRule { rate_ppm: row.fee_rate_ppm },
            notice_learned: row.notice_learned,
        })
    }

    fn open_key(&self, app_id: AppId, sealed: &str) -> Result<Secret, Fault> {
        self.0.vault.open(&key_row(app_id), sealed).map_err(|_| {
            tracing::error!(app.id = %app_id, "the application's key does not open: wrong master key?");
            Fault::Defect
        })
    }

    /// Remembers a request's nonce; false if the application sent it before, or if more are remembered
    /// than this process can hold: a guard that forgets would be none.
    pub fn is_new_nonce(&self, app_id: AppId, nonce: &str) -> bool {
        let now = self.now();
        let mut seen = self.0.seen_nonces.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if seen.len() >= NONCES_MAX {
            seen.retain(|_, at| now.millis_since(*at) < NONCE_MEMORY_MS);
        }
        seen.len() < NONCES_MAX && seen.insert((app_id, nonce.to_owned()), now).is_none()
    }

    /// Lets a nonce come again: its request had no effect.
    pub fn forget_nonce(&self, app_id: AppId, nonce: String) {
        let mut seen = self.0.seen_nonces.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        seen.remove(&(app_id, nonce));
    }

    /// Whether a merchant has a store of that number.
    pub(crate) async fn has_store(&self, mch_id: MchId, store_id: i64) -> Result<bool, Fault> {
        let found = store::stores::exists(&self.0.store, mch_id, store_id).await;
        found.map_err(|error| self.busy("look for a store", &error))
    }
}

/// What an application's sealed key is bound to.
pub(crate) fn key_row(app_id: AppId) -> String {
    format!("application/{app_id}")
}

//! What an operator changes of an application: its settings. Every change is audited with the values
//! before and after; keys and passwords are never among them.

use kernel::application::Settings;
use kernel::id::AppId;
use kernel::password;
use kernel::scheme::Scheme;
use kernel::setting;
use serde_json::{Map, Value, json};
use store::applications::{self, ApplicationRow};
use store::{StoreError, Written};

use crate::Gateway;
use crate::manage::ManageFault;

/// Tries to change settings that somebody else changes at the same time.
const TRIES_MAX: usize = 8;
/// Characters of a value in the audit log: public keys are long, and their beginnings tell them apart.
const AUDITED_MAX: usize = 120;

impl Gateway {
    /// Sets `pairs` of names and values for an application, all or none. Running servers see it within
    /// seconds.
    ///
    /// # Errors
    /// There is no such application; a name is unknown or a value refused: the text names the cure.
    pub async fn set_settings(
        &self,
        actor: &str,
        app_id: AppId,
        pairs: &[(String, String)],
    ) -> Result<Settings, ManageFault> {
        for _ in 0..TRIES_MAX {
            let row = applications::by_app_id(&self.0.store, app_id).await?;
            let row =
                row.ok_or_else(|| ManageFault::Refused(format!("no application {app_id}")))?;
            let settings = setting::apply(&row.settings, pairs).map_err(ManageFault::Refused)?;
            if settings == row.settings {
                return Ok(settings);
            }
            if settings.schemes.contains(&Scheme::Rsa2) {
                self.make_platform_key(actor).await?;
            }
            if self.put_settings(actor, &row, &settings).await? {
                return Ok(settings);
            }
        }
        Err(ManageFault::Refused("the application is changed by others: try again".into()))
    }

    async fn put_settings(
        &self,
        actor: &str,
        row: &ApplicationRow,
        settings: &Settings,
    ) -> Result<bool, StoreError> {
        let mut audit =
            self.audit(actor, "settings changed", &format!("application/{}", row.app_id));
        audit.detail = changes(&row.settings, settings).to_string();
        let batch = applications::set_settings(row.app_id, row.rev, settings).audited(audit);
        let written = self.0.store.write(batch).await?;
        self.0.callers_by_app.clear();
        self.0.callers_by_mch.clear();
        Ok(matches!(written, Written::Done(_)))
    }
}

/// What changed, by name, for the audit log.
fn changes(before: &Settings, after: &Settings) -> Value {
    let short = |text: String| match password::is_hash(&text) {
        true => "set".to_owned(),
        false => text.chars().take(AUDITED_MAX).collect::<String>(),
    };
    let differences = setting::differences(before, after).into_iter();
    let members = differences
        .map(|(name, old, new)| (name.to_owned(), json!({ "old": short(old), "new": short(new) })));
    Value::Object(members.collect::<Map<_, _>>())
}

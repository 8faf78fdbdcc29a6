//! Merchants move in from another platform with the numbers and keys that they have there, so that
//! their shops go on without a change.
//!
//! What stands is compared first: a plan says what would be added, and what differs. Keys are
//! compared and sealed here, and are in no plan's text, log or audit entry.

use kernel::application::Settings;
use kernel::id::{AppId, MchId};
use kernel::secret::Secret;
use kernel::setting;
use kernel::time::Timestamp;
use serde_json::json;
use store::Written;
use store::applications::ApplicationRow;
use store::audit::AuditEntry;
use store::moves::{self, ApplicationState, Move, Profile, Standing};
use store::stores::Shop;

use crate::Gateway;
use crate::callers::key_row;
use crate::manage::ManageFault;

/// A merchant as the platform before knows it. What is `None` or empty is not said: it stays as it
/// stands, or has its default.
#[derive(Clone, Debug)]
pub struct MovingMerchant {
    /// Its number.
    pub mch_id: MchId,
    /// Its name.
    pub name: Option<String>,
    /// Whether it is served.
    pub is_enabled: Option<bool>,
    /// Its fee in millionths of the amount.
    pub fee_rate_ppm: Option<i64>,
    /// Its stores.
    pub shops: Vec<Shop>,
    /// Its applications, at least one.
    pub applications: Vec<MovingApplication>,
}

/// An application as the platform before knows it.
#[derive(Clone, Debug)]
pub struct MovingApplication {
    /// Its number.
    pub app_id: AppId,
    /// Whether it stands for its merchant where only the merchant is named.
    pub is_default: bool,
    /// Its key.
    pub key: Secret,
    /// The key before, and until when it counts.
    pub previous: Option<(Secret, Timestamp)>,
    /// Its settings, names and values as `jubao merchant set` reads them.
    pub settings: Vec<(String, String)>,
}

/// Something that stands otherwise than it is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The application; `None` if it is the merchant's.
    pub app_id: Option<AppId>,
    /// What differs, as the import's columns call it.
    pub field: &'static str,
    /// What stands here and what was brought along, without secrets.
    pub text: String,
    /// Whether an update may change it.
    pub may_update: bool,
}

/// What moving a merchant in would do.
#[derive(Clone, Debug)]
pub struct MovePlan {
    wanted: Move,
    /// What stands otherwise; nothing may be written unless all of it may be updated.
    pub differences: Vec<Difference>,
}

impl MovePlan {
    /// Whether everything stands already as it is to be.
    pub fn is_done(&self) -> bool {
        self.differences.is_empty() && !self.adds()
    }

    /// Whether the merchant is new here.
    pub fn is_new(&self) -> bool {
        self.wanted.was.is_none()
    }

    fn adds(&self) -> bool {
        self.is_new() || !self.wanted.added.is_empty() || !self.wanted.shops.is_empty()
    }

    /// The plan in words for the audit: numbers and names of what changes.
    fn detail(&self) -> String {
        let numbers = |all: Vec<AppId>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let shops: Vec<_> = self.wanted.shops.iter().map(|shop| shop.store_id).collect();
        let changed = self.differences.iter().map(|one| match one.app_id {
            Some(app_id) => format!("{app_id} {}", one.field),
            None => one.field.to_owned(),
        });
        json!({
            "applications": numbers(self.wanted.added.iter().map(|(one, _)| one.app_id).collect()),
            "stores": shops, "changed": changed.collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// Settings with some of them changed, by the one table of settings; `moved_in` is on unless the changes
/// say otherwise.
///
/// # Errors
/// There is no such setting, it cannot have that value, or they do not go together.
pub fn changed_settings(
    settings: &Settings,
    changes: &[(String, String)],
) -> Result<Settings, String> {
    let moved_in = ("moved_in".to_owned(), "on".to_owned());
    let all: Vec<_> = std::iter::once(moved_in).chain(changes.iter().cloned()).collect();
    setting::apply(settings, &all)
}

impl Gateway {
    /// What moving `merchant` in would do.
    ///
    /// # Errors
    /// A setting cannot be; the store does not answer, or a key that stands does not open.
    pub async fn plan_move(&self, merchant: &MovingMerchant) -> Result<MovePlan, ManageFault> {
        let app_ids = merchant.applications.iter().map(|one| one.app_id).collect();
        let standing = moves::standing(&self.0.store, merchant.mch_id, app_ids).await?;
        let mut differences = Vec::new();
        let profile = profile(merchant, standing.profile.as_ref(), &mut differences);
        let shops = shops(merchant, &standing.shops, &mut differences);
        let mut wanted = Move {
            mch_id: merchant.mch_id,
            was: standing.profile.clone(),
            profile,
            added: Vec::new(),
            changed: Vec::new(),
            shops,
            at: self.now(),
        };
        for application in &merchant.applications {
            let found = standing.applications.iter().find(|row| row.app_id == application.app_id);
            match found {
                None => {
                    let is_default = is_default(merchant, application, &standing);
                    wanted.added.push((self.new_state(application)?, is_default));
                }
                Some(row) => {
                    let (state, differs) = self.changed_state(application, row)?;
                    if !differs.is_empty() {
                        wanted.changed.push((state, row.rev));
                    }
                    differences.extend(differs);
                }
            }
            differences.extend(displacement(merchant.mch_id, application, &standing));
        }
        Ok(MovePlan { wanted, differences })
    }

    /// Does what a plan says, in one transaction.
    ///
    /// # Errors
    /// Something differs that cannot be updated, or the merchant was changed since it was planned.
    pub async fn move_in(&self, actor: &str, plan: &MovePlan) -> Result<(), ManageFault> {
        if let Some(difference) = plan.differences.iter().find(|one| !one.may_update) {
            return Err(ManageFault::Refused(difference.text.clone()));
        }
        if plan.is_done() {
            return Ok(());
        }
        let action = if plan.is_new() { "merchant imported" } else { "merchant import updated" };
        let audit = AuditEntry {
            at: self.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: format!("merchant/{}", plan.wanted.mch_id),
            detail: plan.detail(),
        };
        match self.0.store.write(moves::write(&plan.wanted).audited(audit)).await? {
            Written::Done(_) => Ok(()),
            Written::Missed => Err(ManageFault::Refused(
                "the merchant was changed at the same time: run the import again".into(),
            )),
        }
    }

    fn new_state(&self, application: &MovingApplication) -> Result<ApplicationState, ManageFault> {
        let settings = changed_settings(&Settings::default(), &application.settings);
        Ok(ApplicationState {
            app_id: application.app_id,
            key_sealed: self.seal_key(application.app_id, &application.key),
            previous: self.seal_previous(application),
            settings: settings.map_err(ManageFault::Refused)?,
        })
    }

    /// What an application is to be, and in what it differs from what it is.
    fn changed_state(
        &self,
        application: &MovingApplication,
        row: &ApplicationRow,
    ) -> Result<(ApplicationState, Vec<Difference>), ManageFault> {
        let settings = changed_settings(&row.settings, &application.settings);
        let mut state = ApplicationState {
            app_id: row.app_id,
            key_sealed: row.key_sealed.clone(),
            previous: row.previous.clone(),
            settings: settings.map_err(ManageFault::Refused)?,
        };
        let mut differences = Vec::new();
        let mut differ = |field, text: String| {
            let app_id = Some(row.app_id);
            differences.push(Difference { app_id, field, text, may_update: true });
        };
        if self.stored_key(row.app_id, &row.key_sealed)? != application.key {
            differ("key", "another key stands here".into());
            state.key_sealed = self.seal_key(row.app_id, &application.key);
        }
        if application.previous.is_some() {
            let stored = match &row.previous {
                Some((sealed, until)) => Some((self.stored_key(row.app_id, sealed)?, *until)),
                None => None,
            };
            if stored != application.previous {
                let until = stored.map_or_else(|| "none".to_owned(), |(_, until)| until.beijing());
                differ("previous_key", format!("another one stands here (until {until})"));
                state.previous = self.seal_previous(application);
            }
        }
        if state.settings != row.settings {
            differ("settings", differing(&row.settings, &state.settings));
        }
        Ok((state, differences))
    }

    fn stored_key(&self, app_id: AppId, sealed: &str) -> Result<Secret, ManageFault> {
        let opened = self.0.vault.open(&key_row(app_id), sealed);
        let why = || format!("the key of application {app_id} does not open: wrong master key?");
        opened.map_err(|_| ManageFault::Refused(why()))
    }

    fn seal_key(&self, app_id: AppId, key: &Secret) -> String {
        self.0.vault.seal(&key_row(app_id), key)
    }

    fn seal_previous(&self, application: &MovingApplication) -> Option<(String, Timestamp)> {
        let (key, until) = application.previous.as_ref()?;
        Some((self.seal_key(application.app_id, key), *until))
    }
}

fn profile(
    merchant: &MovingMerchant,
    standing: Option<&Profile>,
    differences: &mut Vec<Difference>,
) -> Profile {
    let mut differ = |field, text, may_update| {
        differences.push(Difference { app_id: None, field, text, may_update });
    };
    let Some(standing) = standing else {
        if merchant.name.is_none() {
            differ("name", "the merchant is new here: say its name".into(), false);
        }
        return Profile {
            name: merchant.name.clone().unwrap_or_default(),
            is_enabled: merchant.is_enabled.unwrap_or(true),
            fee_rate_ppm: merchant.fee_rate_ppm.unwrap_or(0),
        };
    };
    let mut profile = standing.clone();
    if let Some(name) = merchant.name.as_ref().filter(|name| **name != standing.name) {
        differ("name", format!("{} stands here, {name} was brought along", standing.name), true);
        profile.name.clone_from(name);
    }
    if let Some(fee) = merchant.fee_rate_ppm.filter(|fee| *fee != standing.fee_rate_ppm) {
        let text = format!("{} stands here, {fee} was brought along", standing.fee_rate_ppm);
        differ("fee_ppm", text, true);
        profile.fee_rate_ppm = fee;
    }
    if let Some(is_enabled) = merchant.is_enabled.filter(|is| *is != standing.is_enabled) {
        let word = if standing.is_enabled { "yes" } else { "no" };
        differ("enabled", format!("{word} stands here"), true);
        profile.is_enabled = is_enabled;
    }
    profile
}

/// The shops to be written: new ones, and those that have another name here.
fn shops(
    merchant: &MovingMerchant,
    standing: &[Shop],
    differences: &mut Vec<Difference>,
) -> Vec<Shop> {
    let mut wanted = Vec::new();
    for shop in &merchant.shops {
        match standing.iter().find(|one| one.store_id == shop.store_id) {
            Some(found) if found.name == shop.name => {}
            Some(found) => {
                let text = format!("{} is {} here, not {}", shop.store_id, found.name, shop.name);
                let field = "stores";
                differences.push(Difference { app_id: None, field, text, may_update: true });
                wanted.push(shop.clone());
            }
            None => wanted.push(shop.clone()),
        }
    }
    wanted
}

/// Whether a new application is to stand for its merchant: as it says, else the first of a merchant
/// that has none.
fn is_default(
    merchant: &MovingMerchant,
    application: &MovingApplication,
    standing: &Standing,
) -> bool {
    let chosen = merchant.applications.iter().find(|one| one.is_default);
    let first = chosen.or(merchant.applications.first());
    standing.default_app.is_none() && first.is_some_and(|one| one.app_id == application.app_id)
}

/// What an import never changes: whose an application is, and which one stands for its merchant.
fn displacement(
    mch_id: MchId,
    application: &MovingApplication,
    standing: &Standing,
) -> Option<Difference> {
    let app_id = Some(application.app_id);
    let found = standing.applications.iter().find(|row| row.app_id == application.app_id);
    if let Some(row) = found.filter(|row| row.mch_id != mch_id) {
        let text = format!("belongs to merchant {} here", row.mch_id);
        return Some(Difference { app_id, field: "appid", text, may_update: false });
    }
    let default = standing.default_app.filter(|_| application.is_default)?;
    (default != application.app_id).then(|| {
        let text = format!("application {default} stands for the merchant here");
        Difference { app_id, field: "default", text, may_update: false }
    })
}

/// The settings that differ, by name.
fn differing(standing: &Settings, wanted: &Settings) -> String {
    let texts = setting::differences(standing, wanted)
        .into_iter()
        .map(|(name, stands, wanted)| format!("{name} is {stands:?} here, not {wanted:?}"));
    texts.collect::<Vec<_>>().join("; ")
}

//! What an operator does: merchants, keys, accounts, notices. Every change is audited.

use std::collections::BTreeMap;

use channels::ChannelInfo;
use kernel::application::Settings;
use kernel::id::{AppId, Id, MchId, Sn};
use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;
use store::accounts::NewAccount;
use store::applications::NewApplication;
use store::audit::AuditEntry;
use store::merchants::NewMerchant;
use store::stores::Shop;
use store::{StoreError, Written, accounts, merchants, notices, orders};

use crate::Gateway;
use crate::callers::key_row;
use crate::ids::{random_bytes, random_hex};
use crate::routing::settings_row;

/// Tries to find free numbers for a merchant.
const NUMBER_TRIES_MAX: usize = 8;

/// Why an operator's change was not made.
#[derive(Debug)]
pub enum ManageFault {
    /// What was asked for cannot be: the text says why and what would do.
    Refused(String),
    /// The store failed.
    Store(StoreError),
}

impl std::fmt::Display for ManageFault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => out.write_str(why),
            Self::Store(error) => error.fmt(out),
        }
    }
}

impl From<StoreError> for ManageFault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A merchant to be added; numbers and key are made if they are left out.
#[derive(Clone, Debug, Default)]
pub struct MerchantWish {
    /// Its name, as payers see it.
    pub name: String,
    /// 14 digits.
    pub mch_id: Option<i64>,
    /// 4 to 10 digits, below 2³¹.
    pub app_id: Option<i64>,
    /// Its key.
    pub key: Option<Secret>,
    /// Its fee in millionths of the amount.
    pub fee_rate_ppm: i64,
    /// Its stores.
    pub shops: Vec<Shop>,
    /// Its application's settings.
    pub settings: Settings,
}

/// A merchant that was added.
#[derive(Clone, Debug)]
pub struct MerchantMade {
    /// Its number.
    pub mch_id: MchId,
    /// Its application's number.
    pub app_id: AppId,
    /// The key to sign with: shown once, kept sealed.
    pub key: Secret,
}

/// An upstream account to be added.
#[derive(Clone, Debug)]
pub struct AccountWish {
    /// The channel's name.
    pub channel: String,
    /// A name for operators.
    pub name: String,
    /// The merchant it belongs to, or 0 for every merchant.
    pub mch_id: i64,
    /// The currency it is settled in.
    pub currency: Currency,
    /// The products it serves; empty: all of its channel.
    pub products: Vec<Product>,
    /// Its settings by key.
    pub settings: BTreeMap<String, String>,
}

impl Gateway {
    /// Adds a merchant with its first application.
    ///
    /// # Errors
    /// A number is out of its range or taken.
    pub async fn add_merchant(
        &self,
        actor: &str,
        wish: MerchantWish,
    ) -> Result<MerchantMade, ManageFault> {
        check_merchant(&wish)?;
        let is_chosen = wish.mch_id.is_some() || wish.app_id.is_some();
        for _ in 0..NUMBER_TRIES_MAX {
            let mch_id = MchId(wish.mch_id.unwrap_or_else(random_mch_id));
            let app_id = AppId(wish.app_id.unwrap_or_else(random_app_id));
            let key = wish.key.clone().unwrap_or_else(|| Secret::new(random_hex::<16>()));
            let new = NewMerchant {
                mch_id,
                name: wish.name.clone(),
                fee_rate_ppm: wish.fee_rate_ppm,
                application: NewApplication {
                    app_id,
                    key_sealed: self.0.vault.seal(&key_row(app_id), &key),
                    settings: wish.settings.clone(),
                },
                shops: wish.shops.clone(),
                created_at: self.now(),
            };
            let subject = format!("merchant/{mch_id}");
            let audit = self.audit(actor, "merchant added", &subject);
            match self.0.store.write(merchants::add(&new).audited(audit)).await? {
                Written::Done(_) => return Ok(MerchantMade { mch_id, app_id, key }),
                Written::Missed if is_chosen => break,
                Written::Missed => {}
            }
        }
        Err(ManageFault::Refused("mch_id or appid is taken: choose other numbers".into()))
    }

    /// Adds an upstream account.
    ///
    /// # Errors
    /// The channel, a product or a setting is not known, or a required setting is missing.
    pub async fn add_account(&self, actor: &str, wish: &AccountWish) -> Result<Id, ManageFault> {
        let channel = channels::by_name(&wish.channel).ok_or_else(|| {
            let names: Vec<_> = channels::CHANNELS.iter().map(|row| row.info().name).collect();
            ManageFault::Refused(format!(
                "no channel {}: there are {}",
                wish.channel,
                names.join(", ")
            ))
        })?;
        let info = channel.info();
        check_account(info, wish)?;
        self.ready_ids().await?;
        let id = self.next_id();
        let settings = Secret::new(serde_json::json!(wish.settings).to_string());
        let products =
            if wish.products.is_empty() { info.products.to_vec() } else { wish.products.clone() };
        let new = NewAccount {
            id,
            mch_id: MchId(wish.mch_id),
            channel: wish.channel.clone(),
            name: wish.name.clone(),
            currency: wish.currency,
            products,
            settings_sealed: self.0.vault.seal(&settings_row(id), &settings),
            created_at: self.now(),
        };
        let audit = self.audit(actor, "account added", &format!("account/{id}"));
        match self.0.store.write(accounts::add(&new).audited(audit)).await? {
            Written::Done(_) => Ok(id),
            Written::Missed => Err(ManageFault::Refused("the id is taken: try again".into())),
        }
    }

    /// Sends an order's notice again, with a schedule of its own.
    ///
    /// # Errors
    /// There is no such order, it has no notice, or it is waiting already.
    pub async fn resend_notice(&self, actor: &str, sn: &Sn) -> Result<(), ManageFault> {
        let order = orders::by_sn(&self.0.store, sn).await?;
        let order = order.ok_or_else(|| ManageFault::Refused(format!("{sn}: no such order")))?;
        let audit = self.audit(actor, "notice resent", sn.as_str());
        let batch = notices::resend(order.mch_id, order.id, audit);
        match self.0.store.write(batch).await? {
            Written::Done(_) => {
                self.0.wake_notifier.notify_one();
                Ok(())
            }
            Written::Missed => Err(ManageFault::Refused(format!(
                "{sn} has no notice, or it is waiting to be sent already"
            ))),
        }
    }

    pub(crate) fn audit(&self, actor: &str, action: &str, subject: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: "{}".to_owned(),
        }
    }
}

fn check_merchant(wish: &MerchantWish) -> Result<(), ManageFault> {
    let refuse = |why: &str| Err(ManageFault::Refused(why.to_owned()));
    if wish.name.trim().is_empty() {
        return refuse("name: say the merchant's name, as payers shall see it");
    }
    if wish.mch_id.is_some_and(|id| !(10_000_000_000_000..100_000_000_000_000).contains(&id)) {
        return refuse("mch_id: 14 digits");
    }
    if wish.app_id.is_some_and(|id| !(1_000..1 << 31).contains(&id)) {
        return refuse("appid: 4 to 10 digits, below 2147483648");
    }
    if !(0..=kernel::ledger::RATE_PPM_MAX).contains(&wish.fee_rate_ppm) {
        return refuse("fee: 0 to 1000000 millionths of the amount");
    }
    if wish.key.as_ref().is_some_and(|key| key.expose().len() < 16) {
        return refuse("key: at least 16 characters");
    }
    Ok(())
}

fn check_account(info: &ChannelInfo, wish: &AccountWish) -> Result<(), ManageFault> {
    let refuse = |why: String| Err(ManageFault::Refused(why));
    for setting in info.settings {
        let is_given = wish.settings.get(setting.key).is_some_and(|value| !value.is_empty());
        if setting.is_required && !is_given {
            return refuse(format!("setting {} is missing: {}", setting.key, setting.help));
        }
    }
    for key in wish.settings.keys() {
        if !info.settings.iter().any(|setting| setting.key == key) {
            let known: Vec<_> = info.settings.iter().map(|setting| setting.key).collect();
            return refuse(format!("no setting {key}: {} has {}", info.name, known.join(", ")));
        }
    }
    for product in &wish.products {
        if !info.products.contains(product) {
            let id = product.info().channel_id;
            return refuse(format!("{} does not serve product {id}", info.name));
        }
    }
    Ok(())
}

/// 14 digits that begin with 1.
fn random_mch_id() -> i64 {
    let random = u64::from_le_bytes(random_bytes::<8>()) % 10_000_000_000_000;
    10_000_000_000_000 + i64::try_from(random).unwrap_or(0)
}

/// 9 or 10 digits below 2³¹.
fn random_app_id() -> i64 {
    100_000_000 + i64::from(u32::from_le_bytes(random_bytes::<4>()) % 2_000_000_000)
}

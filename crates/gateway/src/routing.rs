//! Which upstream account takes an order's money.

use std::collections::HashMap;
use std::sync::Arc;

use channels::{Account, PrivateKey, UpstreamKey};
use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::order::Order;
use kernel::product::{Product, Provider};
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;
use store::StoreError;
use store::accounts::{self, AccountRow};

use crate::Gateway;
use crate::ask_upstream::channel_of;
use crate::fresh::Fresh;

/// Accounts as they were a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    usable: Fresh<MchId, Arc<Vec<Arc<AccountRow>>>>,
    opened: Fresh<(Id, i64), Opened>,
}

/// An account with its credentials, and the row that they were opened from.
#[derive(Clone, Debug)]
struct Opened {
    row: Arc<AccountRow>,
    account: Arc<Account>,
}

impl Accounts {
    /// Forgets what is known of accounts.
    pub(crate) fn clear(&self) {
        self.usable.clear();
        self.opened.clear();
    }
}

/// What a wallet continues a mixed QR with without asking who the payer is.
const CODE_PRODUCTS: &[Product] =
    &[Product::AlipayWap, Product::AlipayQr, Product::WechatQr, Product::WechatH5];
/// UnionPay's products for a mixed QR.
const UNIONPAY_PRODUCTS: &[Product] = &[Product::UnionpayLink, Product::UnionpayQr];
/// Every product that a mixed QR can continue with.
pub(crate) const WALLET_PRODUCTS: [Product; 8] = [
    Product::AlipayWap,
    Product::AlipayQr,
    Product::WechatQr,
    Product::WechatH5,
    Product::WechatJsapi,
    Product::WechatHkJsapi,
    Product::UnionpayLink,
    Product::UnionpayQr,
];

impl Gateway {
    /// The account that serves `product` for a merchant: its own first, then the platform's. For
    /// the mixed QR, whose currency this decides, the first that a wallet can continue with without
    /// asking who the payer is; UnionPay's come last.
    ///
    /// # Errors
    /// 492003 if there is none; 4006 if the store does not answer.
    pub(crate) async fn route(
        &self,
        mch_id: MchId,
        product: Product,
    ) -> Result<Arc<AccountRow>, Fault> {
        let usable = self.usable_accounts(mch_id).await?;
        let any_of = |wanted: &[Product]| {
            let serves = |row: &&Arc<AccountRow>| {
                wanted.iter().any(|product| row.products.contains(product))
            };
            usable.iter().find(serves).cloned()
        };
        let found = match product {
            Product::MixedQr => any_of(CODE_PRODUCTS).or_else(|| any_of(UNIONPAY_PRODUCTS)),
            product => any_of(&[product]),
        };
        found.ok_or(Fault::ProductUnavailable)
    }

    /// The account that serves `product` to who pays an order on its page: of the order's currency
    /// and, where the payer has to be known, one that learns who it is.
    ///
    /// # Errors
    /// As [`Gateway::route`].
    pub(crate) async fn route_on_page(
        &self,
        order: &Order,
        product: Product,
    ) -> Result<Arc<AccountRow>, Fault> {
        for row in self.usable_accounts(order.mch_id).await?.iter() {
            let serves = row.products.contains(&product) && row.currency == order.currency;
            if serves && (!product.needs_openid() || self.learns_openids(row).await) {
                return Ok(row.clone());
            }
        }
        Err(Fault::ProductUnavailable)
    }

    async fn learns_openids(&self, row: &AccountRow) -> bool {
        match self.account(row.id, row.version).await {
            Ok(account) => {
                channel_of(&account).is_some_and(|channel| channel.login(&account).is_some())
            }
            Err(_) => false,
        }
    }

    /// An account that a merchant can use now.
    pub(crate) async fn usable_account(
        &self,
        mch_id: MchId,
        id: Id,
    ) -> Result<Arc<AccountRow>, Fault> {
        let usable = self.usable_accounts(mch_id).await?;
        usable.iter().find(|row| row.id == id).cloned().ok_or(Fault::ProductUnavailable)
    }

    /// The account that serves `product` in a wallet: its channel has products of that wallet.
    ///
    /// # Errors
    /// As [`Gateway::route`].
    pub(crate) async fn route_of(
        &self,
        mch_id: MchId,
        product: Product,
        provider: Provider,
    ) -> Result<Arc<AccountRow>, Fault> {
        let usable = self.usable_accounts(mch_id).await?;
        let is_of_wallet = |row: &AccountRow| {
            let products =
                channels::by_name(&row.channel).map_or(&[][..], |one| one.info().products);
            products.iter().any(|product| product.info().provider == Some(provider))
        };
        let serves = |row: &&Arc<AccountRow>| row.products.contains(&product) && is_of_wallet(row);
        usable.iter().find(serves).cloned().ok_or(Fault::ProductUnavailable)
    }

    /// Every account that a merchant can use: its own first, then the platform's.
    pub(crate) async fn usable_accounts(
        &self,
        mch_id: MchId,
    ) -> Result<Arc<Vec<Arc<AccountRow>>>, Fault> {
        let now = self.now();
        if let Some(rows) = self.0.accounts.usable.find(&mch_id, now) {
            return Ok(rows);
        }
        let rows = accounts::usable_by(&self.0.store, mch_id).await;
        let rows = rows.map_err(|error| self.busy("load accounts", &error))?;
        let rows = Arc::new(rows.into_iter().map(Arc::new).collect::<Vec<_>>());
        self.0.accounts.usable.keep(mch_id, rows.clone(), now);
        Ok(rows)
    }

    /// An account with its credentials opened, in the version that is asked for. While its row
    /// stays the same, it is not opened again.
    pub(crate) async fn account(&self, id: Id, version: i64) -> Result<Arc<Account>, AccountFault> {
        let (key, now) = ((id, version), self.now());
        let accounts = &self.0.accounts.opened;
        if let Some(opened) = accounts.find(&key, now) {
            return Ok(opened.account);
        }
        let found = accounts::by_version(&self.0.store, id, version).await;
        let row = found.map_err(AccountFault::Store)?.ok_or(AccountFault::Absent)?;
        let opened = match accounts.last(&key).filter(|opened| *opened.row == row) {
            Some(opened) => opened,
            None => Opened { account: Arc::new(self.open_account(&row)?), row: Arc::new(row) },
        };
        accounts.keep(key, opened.clone(), now);
        Ok(opened.account)
    }

    /// Forgets an account's keys after new ones were stored.
    pub(crate) fn forget_accounts(&self) {
        self.0.accounts.clear();
    }

    fn open_account(&self, row: &AccountRow) -> Result<Account, AccountFault> {
        let opened = self.0.vault.open(&settings_row(row.id), &row.settings_sealed);
        let text = opened.map_err(|_| AccountFault::Unsealable)?;
        let given: HashMap<String, String> =
            serde_json::from_str(text.expose()).map_err(|_| AccountFault::Unsealable)?;
        let channel = channels::by_name(&row.channel).ok_or(AccountFault::Absent)?;
        let settings = channel.info().settings.iter().map(|setting| {
            let value = given.get(setting.key).map_or(setting.default, String::as_str);
            (setting.key.to_owned(), Secret::new(value))
        });
        Ok(Account {
            id: row.id,
            version: row.version,
            mch_id: row.mch_id,
            channel: row.channel.clone(),
            currency: row.currency,
            settings: settings.collect(),
            upstream_keys: read_keys(&row.upstream_keys),
            private_key: PrivateKey::default(),
        })
    }
}

/// Why an account cannot be used.
#[derive(Debug)]
pub(crate) enum AccountFault {
    /// There is no such account or version, or its channel is gone.
    Absent,
    /// Its credentials do not open under this master key.
    Unsealable,
    /// The store does not answer.
    Store(StoreError),
}

impl std::fmt::Display for AccountFault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => out.write_str("no such account or version"),
            Self::Unsealable => out.write_str("its credentials do not open under this master key"),
            Self::Store(error) => error.fmt(out),
        }
    }
}

/// What an account's sealed settings are bound to.
pub(crate) fn settings_row(id: Id) -> String {
    format!("account/{id}")
}

/// The keys that an upstream told us, as the store keeps them.
pub(crate) fn write_keys(keys: &[UpstreamKey]) -> String {
    let rows = keys.iter().map(|key| {
        serde_json::json!({
            "serial": key.serial, "pem": key.pem, "expires_at": key.expires_at.millis(),
        })
    });
    Value::Array(rows.collect()).to_string()
}

fn read_keys(text: &str) -> Vec<UpstreamKey> {
    let Ok(Value::Array(rows)) = serde_json::from_str(text) else { return Vec::new() };
    let read = |row: &Value| {
        Some(UpstreamKey {
            serial: row.get("serial")?.as_str()?.to_owned(),
            pem: row.get("pem")?.as_str()?.to_owned(),
            expires_at: Timestamp::from_millis(row.get("expires_at")?.as_i64()?),
        })
    };
    rows.iter().filter_map(read).collect()
}

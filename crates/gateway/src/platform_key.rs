//! The platform's own RSA key: answers to merchants who sign with RSA2 are signed with it, and so are
//! their notifications. It is made when the first application is set so, and kept sealed.

use kernel::fault::Fault;
use kernel::rsa::{KeyRefused, PrivateKey, PublicKey};
use store::meta;

use crate::Gateway;
use crate::manage::ManageFault;

/// Its name among the facts of the store, and what it is sealed for.
const NAME: &str = "platform_rsa_key";

impl Gateway {
    /// The platform's key, if there is one yet. Once read it is kept; that there is none is believed for
    /// a moment only.
    pub(crate) async fn platform_key(&self) -> Result<Option<PrivateKey>, Fault> {
        let now = self.now();
        let cache = &self.0.platform_key;
        if let Some(known) = cache.find(&(), now) {
            return Ok(known);
        }
        if let Some(known @ Some(_)) = cache.last(&()) {
            return Ok(known);
        }
        let sealed = meta::value(&self.0.store, NAME).await;
        let sealed = sealed.map_err(|error| self.busy("read the platform's key", &error))?;
        let key = match &sealed {
            Some(sealed) => Some(self.open_platform_key(sealed)?),
            None => None,
        };
        cache.keep((), key.clone(), now);
        Ok(key)
    }

    /// The public half of the platform's key, for merchants; `None` while nobody wants RSA2.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn platform_public_key(&self) -> Result<Option<PublicKey>, Fault> {
        let key = self.platform_key().await?;
        key.map(|key| key.public_key().map_err(|_| Fault::Defect)).transpose()
    }

    /// Makes the platform's key, unless there is one.
    ///
    /// # Errors
    /// The store failed, or the library makes no key.
    pub(crate) async fn make_platform_key(&self, actor: &str) -> Result<(), ManageFault> {
        if meta::value(&self.0.store, NAME).await?.is_some() {
            return Ok(());
        }
        let failed = |error: KeyRefused| ManageFault::Refused(error.to_string());
        let text = PrivateKey::generate().and_then(|key| key.sealable()).map_err(failed)?;
        let audit = self.audit(actor, "platform key made", "platform");
        let batch = meta::add(NAME, &self.0.vault.seal(NAME, &text)).audited(audit);
        // Missed: another process has made one at this moment, and that one counts.
        self.0.store.write(batch).await?;
        self.0.platform_key.clear();
        Ok(())
    }

    fn open_platform_key(&self, sealed: &str) -> Result<PrivateKey, Fault> {
        let opened = self.0.vault.open(NAME, sealed).ok();
        opened.and_then(|text| PrivateKey::parse(&text).ok()).ok_or_else(|| {
            tracing::error!("the platform's RSA key does not open: wrong master key?");
            Fault::Defect
        })
    }
}

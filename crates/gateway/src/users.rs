//! Users of a merchant: created, listed, removed and given passwords by the merchant's application, or
//! by an operator. A user of another merchant is one that does not exist.

use std::collections::HashMap;

use kernel::call::{Credentials, NewUserCall, UsersCall};
use kernel::dialect::records::UserRecord;
use kernel::fault::{Fault, Wording};
use kernel::id::MchId;
use kernel::user::{Email, USERS_MAX, User};
use store::audit::AuditEntry;
use store::users::UserRow;
use store::{StoreError, Written, login_addresses, logins, stores, users};

use crate::Gateway;

const IN_USE: Wording = ["已被使用", "is in use"];
const NO_SUCH_STORE: Wording = ["不是该商户的门店", "is no store of this merchant"];
const TOO_MANY: Wording = ["该商户的用户数已达上限 1000", "this merchant has 1000 users already"];

/// Whose users are managed, and who does it, for the audit log.
#[derive(Copy, Clone, Debug)]
pub struct Manager<'a> {
    /// The merchant.
    pub mch_id: MchId,
    /// Who does it.
    pub actor: &'a str,
}

impl Gateway {
    /// Creates a user.
    ///
    /// # Errors
    /// 492001 naming `email` if it is in use, be it by another merchant's user, or `store_id` if there is no
    /// such store; 40100 if there are too many users.
    pub async fn create_user(
        &self,
        manager: Manager<'_>,
        call: &NewUserCall,
    ) -> Result<UserRecord, Fault> {
        self.may_make().await?;
        let email = &call.credentials.email;
        if call.store_id != 0 && !self.has_store(manager.mch_id, call.store_id).await? {
            return Err(Fault::bad_format("store_id", NO_SUCH_STORE));
        }
        if self.user_of(email).await?.is_some() {
            return Err(Fault::bad_format("email", IN_USE));
        }
        let turn = self.0.passwords.turn().await?;
        let password_hash = turn.hash(&call.credentials.password).await?;
        let user = User {
            id: self.next_id(),
            mch_id: manager.mch_id,
            email: email.clone(),
            name: call.name.clone(),
            user_type: call.user_type,
            store_id: call.store_id,
            created_at: self.now(),
        };
        let row = UserRow { user, password_hash };
        let audit = self.audit_user(manager.actor, "user created", &row.user);
        match self.0.store.write(users::add(&row).audited(audit)).await {
            Ok(Written::Done(_)) => self.recorded(row.user).await,
            Ok(Written::Missed) => Err(self.why_not_added(manager.mch_id).await?),
            Err(error) => Err(self.busy("create a user", &error)),
        }
    }

    /// A page of a merchant's users, the newest first, and how many there are.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn list_users(
        &self,
        mch_id: MchId,
        asked: UsersCall,
    ) -> Result<(i64, Vec<UserRecord>), Fault> {
        let UsersCall { page, limit } = asked;
        let offset = (page - 1).saturating_mul(limit);
        let store = &self.0.store;
        let failed = |error: StoreError| self.busy("list users", &error);
        let total = users::count(store, mch_id).await.map_err(failed)?;
        let found = users::page(store, mch_id, (limit, offset)).await.map_err(failed)?;
        let names = self.store_names(mch_id).await?;
        Ok((total, found.into_iter().map(|user| record(user, &names)).collect()))
    }

    /// Removes a user: from now on they do not log in, and the e-mail is free. Who has the key keeps it.
    ///
    /// # Errors
    /// 492002 if the merchant has no such user.
    pub async fn remove_user(
        &self,
        manager: Manager<'_>,
        email: &Email,
    ) -> Result<UserRecord, Fault> {
        let row = self.user_of_merchant(manager.mch_id, email).await?;
        let audit = self.audit_user(manager.actor, "user removed", &row.user);
        let tag = self.login_tag(email);
        let batch = users::remove(&row.user, self.now())
            .and(login_addresses::forgive(&tag))
            .and(login_addresses::forget(&tag))
            .audited(audit);
        self.write_about_user(batch, row.user).await
    }

    /// Gives a user another password, without asking for the one before, and lifts what its failures
    /// have locked: whoever signs for the merchant could as well remove and create the user.
    ///
    /// # Errors
    /// 492002 if the merchant has no such user.
    pub async fn change_password(
        &self,
        manager: Manager<'_>,
        asked: &Credentials,
    ) -> Result<UserRecord, Fault> {
        let row = self.user_of_merchant(manager.mch_id, &asked.email).await?;
        let turn = self.0.passwords.turn().await?;
        let hash = turn.hash(&asked.password).await?;
        let audit = self.audit_user(manager.actor, "user password changed", &row.user);
        let tag = self.login_tag(&asked.email);
        let batch = users::set_password(row.user.mch_id, row.user.id, &hash)
            .and(logins::forget(&tag))
            .and(login_addresses::forgive(&tag))
            .audited(audit);
        self.write_about_user(batch, row.user).await
    }

    /// The user who has an e-mail, whichever merchant's.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub(crate) async fn user_of(&self, email: &Email) -> Result<Option<UserRow>, Fault> {
        let found = users::by_email(&self.0.store, email).await;
        found.map_err(|error| self.busy("look for a user", &error))
    }

    /// A user with the name of their store.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub(crate) async fn recorded(&self, user: User) -> Result<UserRecord, Fault> {
        let names = self.store_names(user.mch_id).await?;
        Ok(record(user, &names))
    }

    /// An entry of the audit log about a user, who is named by number.
    pub(crate) fn audit_user(&self, actor: &str, action: &str, user: &User) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: format!("merchant/{}/user/{}", user.mch_id, user.id),
            detail: "{}".to_owned(),
        }
    }

    async fn user_of_merchant(&self, mch_id: MchId, email: &Email) -> Result<UserRow, Fault> {
        let found = self.user_of(email).await?;
        found.filter(|row| row.user.mch_id == mch_id).ok_or(Fault::NotFound)
    }

    async fn write_about_user(&self, batch: store::Batch, user: User) -> Result<UserRecord, Fault> {
        match self.0.store.write(batch).await {
            Ok(Written::Done(_)) => self.recorded(user).await,
            Ok(Written::Missed) => Err(Fault::NotFound),
            Err(error) => Err(self.busy("change a user", &error)),
        }
    }

    async fn why_not_added(&self, mch_id: MchId) -> Result<Fault, Fault> {
        let count = users::count(&self.0.store, mch_id).await;
        let count = count.map_err(|error| self.busy("count users", &error))?;
        Ok(if count >= USERS_MAX {
            Fault::NotAllowed(TOO_MANY)
        } else {
            Fault::bad_format("email", IN_USE)
        })
    }

    async fn store_names(&self, mch_id: MchId) -> Result<HashMap<i64, String>, Fault> {
        let found = stores::of_merchant(&self.0.store, mch_id).await;
        let found = found.map_err(|error| self.busy("look for stores", &error))?;
        Ok(found.into_iter().map(|shop| (shop.store_id, shop.name)).collect())
    }
}

fn record(user: User, names: &HashMap<i64, String>) -> UserRecord {
    let store_name = names.get(&user.store_id).cloned().unwrap_or_default();
    UserRecord { user, store_name }
}

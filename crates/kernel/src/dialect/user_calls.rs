//! From checked fields to calls about users and rates (contract section 6): what they require, and how
//! values depend on each other. A password is never repeated in a fault.

use crate::address::Operation;
use crate::call::{Call, Credentials, NewUserCall, UsersCall};
use crate::dialect::typed::require_one;
use crate::exchange_rate::RateSource;
use crate::fault::{Fault, Wording};
use crate::fields::Fields;
use crate::password;
use crate::secret::Secret;
use crate::user::{Email, UserType};
use crate::value_form::integer;

/// Users of an answer that does not say how many.
const LIMIT_DEFAULT: i64 = 10;

const NO_STORE: Wording =
    ["只用于 store 与 cashier 类型的用户", "is only for users of type store and cashier"];

const OF_ANOTHER: Wording =
    ["属于另一操作的请求", "belongs to a request of another operation: leave it out"];

/// Checks that everything required is there.
///
/// # Errors
/// 4003 for what is absent, 491003 for what is empty.
pub(super) fn check_required(operation: Operation, fields: &Fields<'_>) -> Result<(), Fault> {
    let names: &[&'static str] = match operation {
        Operation::LogIn | Operation::ChangePassword => &["email", "password"],
        Operation::CreateUser => &["email", "name", "password", "type"],
        Operation::RemoveUser => &["email"],
        Operation::FetchRates => &["adapter"],
        Operation::ListUsers
        | Operation::Place
        | Operation::Query
        | Operation::Close
        | Operation::Reverse
        | Operation::Refund
        | Operation::QueryRefund
        | Operation::ListOrders
        | Operation::ListRefunds
        | Operation::ListEvents => &[],
    };
    names.iter().try_for_each(|name| require_one(fields, &[*name]))?;
    let user_type = fields.given("type").and_then(UserType::from_word);
    if operation == Operation::CreateUser && user_type.is_some_and(UserType::has_store) {
        return require_one(fields, &["store_id"]);
    }
    Ok(())
}

/// Names of a user's other operations, which a request of this one does not carry. No signature says which
/// operation it was made for: what was signed to create a user must not give them their first password
/// again, nor remove them.
fn foreign_names(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::RemoveUser => &["name", "password", "type"],
        Operation::ChangePassword => &["name", "type"],
        Operation::LogIn
        | Operation::CreateUser
        | Operation::ListUsers
        | Operation::FetchRates
        | Operation::Place
        | Operation::Query
        | Operation::Close
        | Operation::Reverse
        | Operation::Refund
        | Operation::QueryRefund
        | Operation::ListOrders
        | Operation::ListRefunds
        | Operation::ListEvents => &[],
    }
}

/// Checks that a new password may be chosen, that only who works in a store names one, and that the
/// request is of no other operation.
///
/// # Errors
/// 492001.
pub(super) fn check_relations(operation: Operation, fields: &Fields<'_>) -> Result<(), Fault> {
    let foreign = foreign_names(operation).iter().find(|name| fields.text(name).is_some());
    if let Some(name) = foreign {
        return Err(Fault::bad_format(*name, OF_ANOTHER));
    }
    if !matches!(operation, Operation::CreateUser | Operation::ChangePassword) {
        return Ok(());
    }
    let credentials = credentials(fields)?;
    password::judge(&credentials.password, &credentials.email)
        .map_err(|cure| Fault::bad_format("password", cure))?;
    let user_type = fields.given("type").and_then(UserType::from_word);
    if user_type == Some(UserType::Merchant) && store_id(fields) != 0 {
        return Err(Fault::bad_format("store_id", NO_STORE));
    }
    Ok(())
}

/// Who logs in, or gets a password.
///
/// # Errors
/// 4003; everything required was there before.
pub(super) fn credentials(fields: &Fields<'_>) -> Result<Credentials, Fault> {
    let password = fields.given("password").ok_or(Fault::Missing { field: "password" })?;
    Ok(Credentials { email: email(fields)?, password: Secret::new(password) })
}

/// The user that is meant.
///
/// # Errors
/// As [`credentials`].
pub(super) fn email(fields: &Fields<'_>) -> Result<Email, Fault> {
    let email = fields.given("email").and_then(Email::parse);
    email.ok_or(Fault::Missing { field: "email" })
}

/// The user to be created.
///
/// # Errors
/// As [`credentials`].
pub(super) fn new_user(fields: &Fields<'_>) -> Result<NewUserCall, Fault> {
    let user_type = fields.given("type").and_then(UserType::from_word);
    Ok(NewUserCall {
        credentials: credentials(fields)?,
        name: fields.given("name").unwrap_or_default().to_owned(),
        user_type: user_type.ok_or(Fault::Missing { field: "type" })?,
        store_id: store_id(fields),
    })
}

/// The page that is asked for.
pub(super) fn users(fields: &Fields<'_>) -> Call {
    let number = |name, default| fields.given(name).and_then(integer).unwrap_or(default);
    Call::ListUsers(UsersCall { page: number("page", 1), limit: number("limit", LIMIT_DEFAULT) })
}

/// Whose rates are asked for.
///
/// # Errors
/// As [`credentials`].
pub(super) fn rates(fields: &Fields<'_>) -> Result<Call, Fault> {
    let source = fields.given("adapter").and_then(RateSource::from_word);
    source.map(Call::FetchRates).ok_or(Fault::Missing { field: "adapter" })
}

fn store_id(fields: &Fields<'_>) -> i64 {
    fields.given("store_id").and_then(integer).unwrap_or(0)
}

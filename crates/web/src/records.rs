//! Users, log-ins and exchange rates, as the merchants' API answers them: nested, and not signed.

use std::net::IpAddr;

use gateway::{Caller, Gateway, Manager};
use kernel::call::{Call, Credentials, NewUserCall, UsersCall};
use kernel::dialect::records;
use kernel::exchange_rate::RateSource;
use kernel::fault::Fault;
use kernel::user::Email;

/// A call about a merchant's users or rates.
pub(crate) enum About {
    /// Create a user.
    Create(NewUserCall),
    /// List users.
    List(UsersCall),
    /// Remove a user.
    Remove(Email),
    /// Give a user another password.
    ChangePassword(Credentials),
    /// Tell rates.
    Rates(RateSource),
}

/// Does what is asked; the `data` of the answer as JSON.
pub(crate) async fn carry_out(
    gateway: &Gateway,
    caller: &Caller,
    about: About,
) -> Result<String, Fault> {
    let actor = format!("application/{}", caller.app.app_id);
    let mch_id = caller.app.mch_id;
    let manager = Manager { mch_id, actor: &actor };
    match about {
        About::Create(call) => {
            gateway.create_user(manager, &call).await.map(|record| records::user(&record))
        }
        About::List(asked) => {
            let (total, found) = gateway.list_users(mch_id, asked).await?;
            Ok(records::users(asked, total, &found))
        }
        About::Remove(email) => {
            gateway.remove_user(manager, &email).await.map(|record| records::user(&record))
        }
        About::ChangePassword(asked) => {
            gateway.change_password(manager, &asked).await.map(|record| records::user(&record))
        }
        About::Rates(source) => {
            gateway.exchange_rates(mch_id, source).await.map(|rates| records::rates(&rates))
        }
    }
}

/// What a request that nobody signs asks for, from an address; a defect if it is none of those.
pub(crate) async fn carry_out_unsigned(
    gateway: &Gateway,
    call: Call,
    from: IpAddr,
) -> Result<String, Fault> {
    match call {
        Call::LogIn(asked) => log_in(gateway, &asked, from).await,
        Call::Place(_)
        | Call::Query(_)
        | Call::Close(_)
        | Call::Reverse(_)
        | Call::Refund(_)
        | Call::QueryRefund(_)
        | Call::ListOrders(_)
        | Call::ListRefunds(_)
        | Call::ListEvents(_)
        | Call::CreateUser(_)
        | Call::ListUsers(_)
        | Call::RemoveUser(_)
        | Call::ChangePassword(_)
        | Call::FetchRates(_) => Err(Fault::Defect),
    }
}

async fn log_in(gateway: &Gateway, asked: &Credentials, from: IpAddr) -> Result<String, Fault> {
    let who = gateway.log_in_user(asked, from).await?;
    Ok(records::logged_in(&who.record, &who.app))
}

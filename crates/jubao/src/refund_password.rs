//! `jubao merchant refund-password`: the password that an application's refunds must carry. It is made here
//! and shown once, or comes by standard input, never by an argument.

use clap::Args;
use kernel::password;
use serde_json::json;

use crate::cli::{Failure, StoreArguments};
use crate::data_dir::open_gateway;
use crate::operate::{ACTOR, manage, say};
use crate::operate_users::{given_password, made_password};
use crate::settings;

/// Arguments of `merchant refund-password`.
#[derive(Debug, Args)]
#[command(after_help = "`jubao merchant set NUMBER refund_password=off` asks for none again.")]
pub struct Arguments {
    /// The application's number (appid) or the merchant's (mch_id).
    pub number: String,
    /// Read the password from standard input, its first line; else one is made, and shown this once.
    #[arg(long)]
    pub password_stdin: bool,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Runs it.
pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let given = given_password(arguments.password_stdin, password::judge_alone)?;
    let password = given.clone().unwrap_or_else(made_password);
    let gateway = open_gateway(&arguments.place).await?;
    let row = settings::find(&gateway, &arguments.number).await?;
    gateway.set_refund_password(ACTOR, row.app_id, &password).await.map_err(manage)?;
    let app_id = row.app_id.to_string();
    let mut value = json!({ "appid": app_id });
    let mut text = format!("appid     {app_id}\n");
    match given {
        Some(_) => text += "Refunds must carry the password that was given.",
        None => {
            let made = password.expose();
            value["password"] = made.into();
            text += &format!("password  {made}\nRefunds must carry it; it is not shown again.");
        }
    }
    say(&arguments.place, &value, &text);
    Ok(())
}

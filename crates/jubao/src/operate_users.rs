//! `jubao user …`: who may log in for a merchant. A password comes by standard input or is made here,
//! never by an argument, which every user of the machine could read.

use std::io::{BufRead, stdin};

use gateway::ids::random_hex;
use gateway::{Gateway, Manager};
use kernel::call::{Credentials, NewUserCall, UsersCall};
use kernel::dialect::records::UserRecord;
use kernel::fault::{Fault, Language, Wording};
use kernel::id::MchId;
use kernel::password;
use kernel::secret::Secret;
use kernel::user::{Email, NAME_CHARS_MAX, USERS_MAX, UserType};
use serde_json::{Value, json};

use crate::cli::{
    Failure, StoreArguments, UserAdd, UserArguments, UserCommand, UserList, UserPassword,
};
use crate::data_dir::open_gateway;
use crate::operate::{ACTOR, machine, say};

/// `jubao user …`
pub async fn user(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add(arguments) => add(arguments).await,
        UserCommand::List(arguments) => list(&arguments).await,
        UserCommand::Remove(arguments) => remove(&arguments).await,
        UserCommand::Password(arguments) => change_password(&arguments).await,
    }
}

async fn add(arguments: UserAdd) -> Result<(), Failure> {
    let user_type = UserType::from_word(&arguments.user_type)
        .ok_or_else(|| Failure::Input("--type: merchant, store or cashier".into()))?;
    if user_type.has_store() != (arguments.store_id > 0) {
        return Err(Failure::Input("--store-id: for store and cashier, and for no other".into()));
    }
    let letters = arguments.name.trim().chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&letters) || arguments.name.contains(char::is_control) {
        return Err(Failure::Input(format!("--name: 1 to {NAME_CHARS_MAX} characters")));
    }
    let email = email(&arguments.email)?;
    let given = given_password(arguments.password_stdin, |given| password::judge(given, &email))?;
    let credentials = Credentials { email, password: given.clone().unwrap_or_else(made_password) };
    let password = credentials.password.clone();
    let mch_id = MchId(arguments.mch_id);
    let gateway = open_gateway(&arguments.place).await?;
    let is_known = store::merchants::list(gateway.store()).await.map_err(machine)?;
    if !is_known.iter().any(|merchant| merchant.mch_id == mch_id) {
        return Err(Failure::Input(format!("{mch_id}: no such merchant")));
    }
    let (name, store_id) = (arguments.name.trim().to_owned(), arguments.store_id);
    let call = NewUserCall { credentials, name, user_type, store_id };
    let record = gateway.create_user(Manager { mch_id, actor: ACTOR }, &call).await;
    let record = record.map_err(refused)?;
    tell_password(&arguments.place, &record, given.is_none().then_some(&password));
    Ok(())
}

async fn list(arguments: &UserList) -> Result<(), Failure> {
    let gateway = open_gateway(&arguments.place).await?;
    let all = UsersCall { page: 1, limit: USERS_MAX };
    let found = gateway.list_users(MchId(arguments.mch_id), all).await;
    let (_, records) = found.map_err(refused)?;
    let json: Vec<Value> = records.iter().map(shown).collect();
    let mut text = json.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if records.is_empty() {
        text = "no users yet: `jubao user add --mch-id …`".into();
    }
    say(&arguments.place, &json!(json), &text);
    Ok(())
}

async fn remove(arguments: &UserArguments) -> Result<(), Failure> {
    let email = email(&arguments.email)?;
    let gateway = open_gateway(&arguments.place).await?;
    let mch_id = merchant_of(&gateway, &email).await?;
    let removed = gateway.remove_user(Manager { mch_id, actor: ACTOR }, &email).await;
    let record = removed.map_err(refused)?;
    let text = format!("{}: removed; whoever has the key still has it", email.as_str());
    say(&arguments.place, &json!({ "removed": shown(&record) }), &text);
    Ok(())
}

async fn change_password(arguments: &UserPassword) -> Result<(), Failure> {
    let email = email(&arguments.who.email)?;
    let given = given_password(arguments.password_stdin, |given| password::judge(given, &email))?;
    let password = given.clone().unwrap_or_else(made_password);
    let gateway = open_gateway(&arguments.who.place).await?;
    let mch_id = merchant_of(&gateway, &email).await?;
    let asked = Credentials { email, password: password.clone() };
    let changed = gateway.change_password(Manager { mch_id, actor: ACTOR }, &asked).await;
    let record = changed.map_err(refused)?;
    tell_password(&arguments.who.place, &record, given.is_none().then_some(&password));
    Ok(())
}

/// The merchant whose user has an e-mail.
async fn merchant_of(gateway: &Gateway, email: &Email) -> Result<MchId, Failure> {
    let found = store::users::by_email(gateway.store(), email).await.map_err(machine)?;
    let row = found.ok_or_else(|| Failure::Input(format!("{}: no such user", email.as_str())))?;
    Ok(row.user.mch_id)
}

fn tell_password(place: &StoreArguments, record: &UserRecord, made: Option<&Secret>) {
    let mut json = shown(record);
    let email = record.user.email.as_str();
    let text = match made {
        Some(made) => {
            json["password"] = made.expose().into();
            let made = made.expose();
            format!("email     {email}\npassword  {made}\nThe password is not shown again.")
        }
        None => format!("email     {email}\nThe password is the one that was given."),
    };
    say(place, &json, &text);
}

fn shown(record: &UserRecord) -> Value {
    let user = &record.user;
    json!({
        "mch_id": user.mch_id.to_string(), "id": user.id.0, "email": user.email.as_str(),
        "name": user.name, "type": user.user_type.word(), "store_id": user.store_id,
        "store_name": record.store_name, "created_at": user.created_at.beijing(),
    })
}

fn email(text: &str) -> Result<Email, Failure> {
    Email::parse(text).ok_or_else(|| Failure::Input(format!("{text}: no e-mail address")))
}

/// The first line of standard input, if the password comes from there.
pub(crate) fn given_password(
    is_given: bool,
    judge: impl Fn(&Secret) -> Result<(), Wording>,
) -> Result<Option<Secret>, Failure> {
    if !is_given {
        return Ok(None);
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(machine)?;
    let given = Secret::new(line.trim_end_matches(['\r', '\n']));
    let is_short_enough = given.expose().chars().count() <= password::CHARS_MAX;
    if !is_short_enough || given.expose().contains(char::is_control) {
        let max = password::CHARS_MAX;
        return Err(Failure::Input(format!("the password: at most {max} characters, on one line")));
    }
    match judge(&given) {
        Ok(()) => Ok(Some(given)),
        Err([_, why]) => Err(Failure::Input(format!("the password {why}"))),
    }
}

pub(crate) fn made_password() -> Secret {
    Secret::new(random_hex::<10>())
}

fn refused(fault: Fault) -> Failure {
    match fault {
        Fault::Busy | Fault::Defect => Failure::Machine(fault.message(Language::En)),
        fault => Failure::Input(fault.message(Language::En)),
    }
}

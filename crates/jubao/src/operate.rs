//! The operator's commands: they work on the store beside a running server, which sees what they
//! change within seconds.

use std::collections::BTreeMap;
use std::fs;

use gateway::manage::{AccountWish, ManageFault, MerchantWish};
use kernel::application::Settings;
use kernel::id::{AppId, Sn};
use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};
use store::applications::{self, ApplicationRow};
use store::stores::Shop;

use crate::cli::{
    AccountAdd, AccountCommand, Failure, MerchantAdd, MerchantCommand, NoticeCommand,
    OrderArguments, OrderCommand, RotateArguments, StoreArguments, print_line,
};
use crate::data_dir::{open_gateway, open_or_make_gateway};
use crate::{check, import, refund_password, settings};

/// Who did it, in the audit log.
pub(crate) const ACTOR: &str = "command line";
/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;

/// `jubao merchant …`
pub async fn merchant(command: MerchantCommand) -> Result<(), Failure> {
    match command {
        MerchantCommand::Add(arguments) => add_merchant(arguments).await,
        MerchantCommand::List(place) => list_merchants(&place).await,
        MerchantCommand::Check(arguments) => check::run(arguments).await,
        MerchantCommand::Import(arguments) => import::run(arguments).await,
        MerchantCommand::Show(arguments) => settings::show(&arguments).await,
        MerchantCommand::Set(arguments) => settings::set(&arguments).await,
        MerchantCommand::Enable(arguments) => settings::enable(&arguments, "on").await,
        MerchantCommand::Disable(arguments) => settings::enable(&arguments, "off").await,
        MerchantCommand::RotateKey(arguments) => rotate_key(&arguments).await,
        MerchantCommand::RefundPassword(arguments) => refund_password::run(&arguments).await,
    }
}

/// `jubao account …`
pub async fn account(command: AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Add(arguments) => add_account(arguments).await,
        AccountCommand::List(place) => list_accounts(&place).await,
    }
}

/// `jubao order …`
pub async fn order(command: OrderCommand) -> Result<(), Failure> {
    let OrderCommand::Show(arguments) = command;
    let sn = parse_sn(&arguments)?;
    let gateway = open_gateway(&arguments.place).await?;
    let story = gateway::story(gateway.store(), &sn).await.map_err(machine)?;
    let story = story.ok_or_else(|| Failure::Input(format!("{sn}: no such order here")))?;
    if arguments.place.json {
        print_line(story.json());
    } else {
        print_line(story.text().trim_end());
    }
    Ok(())
}

/// `jubao notice …`
pub async fn notice(command: NoticeCommand) -> Result<(), Failure> {
    let NoticeCommand::Resend(arguments) = command;
    let sn = parse_sn(&arguments)?;
    let gateway = open_gateway(&arguments.place).await?;
    gateway.resend_notice(ACTOR, &sn).await.map_err(manage)?;
    say(&arguments.place, &json!({ "resent": sn.as_str() }), &format!("{sn}: will be sent now"));
    Ok(())
}

async fn add_merchant(arguments: MerchantAdd) -> Result<(), Failure> {
    let shops = arguments.stores.iter().map(|text| parse_store(text)).collect::<Result<_, _>>()?;
    let wish = MerchantWish {
        name: arguments.name,
        mch_id: arguments.mch_id,
        app_id: arguments.appid,
        key: None,
        fee_rate_ppm: arguments.fee_ppm,
        shops,
        settings: Settings { notify_url: arguments.notify_url, ..Settings::default() },
    };
    let gateway = open_or_make_gateway(&arguments.place).await?;
    let made = gateway.add_merchant(ACTOR, wish).await.map_err(manage)?;
    let (mch_id, app_id) = (made.mch_id.to_string(), made.app_id.to_string());
    let key = made.key.expose();
    say(
        &arguments.place,
        &json!({ "mch_id": mch_id, "appid": app_id, "key": key }),
        &format!("mch_id  {mch_id}\nappid   {app_id}\nkey     {key}\nThe key is not shown again."),
    );
    Ok(())
}

async fn list_merchants(place: &StoreArguments) -> Result<(), Failure> {
    let gateway = open_gateway(place).await?;
    let rows = applications::list(gateway.store()).await.map_err(machine)?;
    let json: Vec<Value> = rows.iter().map(application_json).collect();
    let mut text = String::from("mch_id          appid       enabled  name");
    for row in &rows {
        let enabled = if row.is_enabled && row.settings.enabled { "yes" } else { "no" };
        text += &format!(
            "\n{}  {:<10}  {enabled:<7}  {}",
            row.mch_id,
            row.app_id.to_string(),
            row.mch_name
        );
    }
    if rows.is_empty() {
        text = "no merchants yet: `jubao merchant add --name …`".into();
    }
    say(place, &json!(json), &text);
    Ok(())
}

async fn rotate_key(arguments: &RotateArguments) -> Result<(), Failure> {
    let gateway = open_gateway(&arguments.place).await?;
    let app_id = AppId(arguments.appid);
    let overlap_ms = i64::from(arguments.overlap_hours) * HOUR_MS;
    let key = gateway.rotate_key(ACTOR, app_id, overlap_ms).await.map_err(manage)?;
    let (key, hours) = (key.expose(), arguments.overlap_hours);
    say(
        &arguments.place,
        &json!({ "appid": app_id.to_string(), "key": key, "overlap_hours": hours }),
        &format!("appid   {app_id}\nkey     {key}\nThe old key stays valid for {hours} hours."),
    );
    Ok(())
}

async fn add_account(arguments: AccountAdd) -> Result<(), Failure> {
    let currency = Currency::from_code(&arguments.currency)
        .ok_or_else(|| Failure::Input("--currency: CNY, HKD or AUD".into()))?;
    let products = arguments.products.iter().map(|id| {
        Product::from_channel_id(*id)
            .ok_or_else(|| Failure::Input(format!("--product: there is no product {id}")))
    });
    let settings = arguments.settings.iter().map(|text| parse_setting(text));
    let wish = AccountWish {
        channel: arguments.channel,
        name: arguments.name,
        mch_id: arguments.mch_id,
        currency,
        products: products.collect::<Result<_, _>>()?,
        settings: settings.collect::<Result<BTreeMap<_, _>, _>>()?,
    };
    let gateway = open_or_make_gateway(&arguments.place).await?;
    let id = gateway.add_account(ACTOR, &wish).await.map_err(manage)?;
    say(&arguments.place, &json!({ "account": id.0 }), &format!("account {id}"));
    Ok(())
}

async fn list_accounts(place: &StoreArguments) -> Result<(), Failure> {
    let gateway = open_gateway(place).await?;
    let rows = store::accounts::list(gateway.store()).await.map_err(machine)?;
    let json: Vec<Value> = rows
        .iter()
        .map(|row| {
            let products: Vec<_> = row.products.iter().map(|one| one.info().channel_id).collect();
            json!({
                "account": row.id.0, "channel": row.channel, "name": row.name,
                "mch_id": row.mch_id.0, "currency": row.currency.code(), "products": products,
                "version": row.version, "enabled": row.is_enabled,
            })
        })
        .collect();
    let mut text = json.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if rows.is_empty() {
        text = "no accounts yet: `jubao account add --channel …`".into();
    }
    say(place, &json!(json), &text);
    Ok(())
}

pub(crate) fn application_json(row: &ApplicationRow) -> Value {
    json!({
        "mch_id": row.mch_id.to_string(), "appid": row.app_id.to_string(), "name": row.mch_name,
        "enabled": row.is_enabled && row.settings.enabled, "fee_ppm": row.fee_rate_ppm,
        "previous_key_until": row.previous.as_ref().map(|(_, until)| until.beijing()),
        "settings": row.settings,
    })
}

fn parse_sn(arguments: &OrderArguments) -> Result<Sn, Failure> {
    Sn::parse(&arguments.sn).ok_or_else(|| {
        Failure::Input(format!("{}: an sn has 26 digits and begins with 11", arguments.sn))
    })
}

fn parse_store(text: &str) -> Result<Shop, Failure> {
    let wrong = || Failure::Input(format!("--store {text}: write NUMBER=NAME"));
    let (number, name) = text.split_once('=').ok_or_else(wrong)?;
    let store_id = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok(Shop { store_id, name: name.to_owned() })
}

pub(crate) fn parse_setting(text: &str) -> Result<(String, String), Failure> {
    let wrong = || Failure::Input("write KEY=VALUE, or KEY=@FILE".to_owned());
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = match value.strip_prefix('@') {
        None => value.to_owned(),
        Some(file) => fs::read_to_string(file)
            .map_err(|error| Failure::Input(format!("{key}: {file}: {error}")))?,
    };
    Ok((key.to_owned(), value))
}

/// Prints what was done, as JSON if that is wanted.
pub(crate) fn say(place: &StoreArguments, json: &Value, text: &str) {
    if place.json {
        print_line(json);
    } else {
        print_line(text);
    }
}

pub(crate) fn manage(fault: ManageFault) -> Failure {
    match fault {
        ManageFault::Refused(why) => Failure::Input(why),
        ManageFault::Store(error) => Failure::Machine(error.to_string()),
    }
}

/// A failure of ours or of the machine.
pub(crate) fn machine(error: impl std::fmt::Display) -> Failure {
    Failure::Machine(error.to_string())
}

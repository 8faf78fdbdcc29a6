//! `jubao merchant set`, `show`, `enable` and `disable`: an application's settings, as the kernel's one
//! table has them.

use gateway::Gateway;
use kernel::application::Settings;
use kernel::id::{AppId, MchId};
use kernel::setting::{self, SETTINGS};
use serde_json::{Map, Value, json};
use store::applications::{self, ApplicationRow};

use crate::cli::{ApplicationArguments, Failure, SetArguments};
use crate::data_dir::open_gateway;
use crate::operate::{ACTOR, application_json, machine, manage, parse_setting, say};

/// Digits of a merchant's number.
const MCH_ID_DIGITS: usize = 14;

/// `jubao merchant show`.
pub async fn show(arguments: &ApplicationArguments) -> Result<(), Failure> {
    let gateway = open_gateway(&arguments.place).await?;
    let row = find(&gateway, &arguments.number).await?;
    let key = gateway.platform_public_key().await.map_err(|fault| machine(format!("{fault:?}")))?;
    let key = key.map(|key| key.text().to_owned());
    let mut value = application_json(&row);
    value["settings"] = json(&row.settings);
    value["platform_rsa_key"] = json!(key);
    let mut text = format!("{:<18}  {}\n", "mch_id", row.mch_id);
    for (name, shown) in [
        ("appid", row.app_id.to_string()),
        ("name", row.mch_name.clone()),
        ("fee", format!("{} millionths", row.fee_rate_ppm)),
        ("previous key until", text_of(&value["previous_key_until"])),
        ("platform_rsa_key", key.unwrap_or_else(|| "none yet: made with schemes=rsa2".to_owned())),
    ] {
        text += &format!("{name:<18}  {shown}\n");
    }
    if !row.is_enabled {
        text += "The merchant itself is not served.\n";
    }
    text += &table(&row.settings);
    say(&arguments.place, &value, &text);
    Ok(())
}

/// `jubao merchant set`.
pub async fn set(arguments: &SetArguments) -> Result<(), Failure> {
    let pairs = arguments.pairs.iter().map(|text| parse_setting(text));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    let gateway = open_gateway(&arguments.place).await?;
    let row = find(&gateway, &arguments.number).await?;
    let settings = gateway.set_settings(ACTOR, row.app_id, &pairs).await.map_err(manage)?;
    let changed = setting::differences(&row.settings, &settings);
    let lines = changed
        .iter()
        .map(|(name, old, new)| format!("{name}: {} → {}", or_none(old), or_none(new)));
    let text = match changed.is_empty() {
        true => table(&settings),
        false => lines.collect::<Vec<_>>().join("\n"),
    };
    let value = json!({ "appid": row.app_id.to_string(), "settings": json(&settings) });
    say(&arguments.place, &value, &text);
    Ok(())
}

/// `jubao merchant enable` and `disable`.
pub async fn enable(arguments: &ApplicationArguments, value: &str) -> Result<(), Failure> {
    let gateway = open_gateway(&arguments.place).await?;
    let row = find(&gateway, &arguments.number).await?;
    let pairs = [("enabled".to_owned(), value.to_owned())];
    gateway.set_settings(ACTOR, row.app_id, &pairs).await.map_err(manage)?;
    let text = format!("application {}: enabled {value}", row.app_id);
    say(&arguments.place, &json!({ "appid": row.app_id.to_string(), "enabled": value }), &text);
    Ok(())
}

/// The settings that there are, for the help of `merchant set`.
pub fn help() -> String {
    let rows = SETTINGS.iter().map(|row| {
        format!(
            "  {:<18} {}: {} (default: {})",
            row.name,
            row.values,
            row.help,
            or_none(&row.default())
        )
    });
    format!("Settings:\n{}", rows.collect::<Vec<_>>().join("\n"))
}

/// The application of an appid, or the default one of a mch_id.
pub(crate) async fn find(gateway: &Gateway, number: &str) -> Result<ApplicationRow, Failure> {
    let id = number
        .parse::<i64>()
        .map_err(|_| Failure::Input(format!("{number}: an appid or a mch_id is a number")))?;
    let store = gateway.store();
    let row = match number.len() {
        MCH_ID_DIGITS => applications::default_of(store, MchId(id)).await,
        _ => applications::by_app_id(store, AppId(id)).await,
    };
    let row = row.map_err(machine)?;
    row.ok_or_else(|| Failure::Input(format!("{number}: no such merchant: `jubao merchant list`")))
}

fn json(settings: &Settings) -> Value {
    let members = SETTINGS.iter().map(|row| (row.name.to_owned(), row.value(settings).into()));
    Value::Object(members.collect::<Map<_, _>>())
}

fn table(settings: &Settings) -> String {
    let lines = SETTINGS.iter().map(|row| {
        let (value, default) = (row.value(settings), row.default());
        let mark = if value == default { " (default)" } else { "" };
        format!("{:<18}  {}{mark}", row.name, or_none(&value))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or("none").to_owned()
}

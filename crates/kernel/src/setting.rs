//! What an operator can set for an application: one table, from which `jubao merchant set` and `show`,
//! their help and the reference are derived. A value is judged before anything is changed, and what is
//! refused names its cure.

use crate::application::{LatePayment, NoticeFormat, Settings, Switch};
use crate::egress_policy;
use crate::fields::is_name;
use crate::password;
use crate::rsa::PublicKey;
use crate::scheme::Scheme;

/// The word that puts a setting back to its default.
pub const DEFAULT: &str = "default";

/// Entries of a setting that is a list.
pub const ENTRIES_MAX: usize = 64;
/// Public keys of one application: one, and those that take its place.
const PUBLIC_KEYS_MAX: usize = 4;
/// Characters of an address.
const URL_MAX: usize = 512;

/// One setting.
#[derive(Debug)]
pub struct SettingInfo {
    /// Its name.
    pub name: &'static str,
    /// What may be written.
    pub values: &'static str,
    /// What it is for.
    pub help: &'static str,
    print: fn(&Settings) -> String,
    put: fn(&mut Settings, &str) -> Option<()>,
}

impl SettingInfo {
    /// The value, as [`SettingInfo::set`] reads it.
    pub fn value(&self, settings: &Settings) -> String {
        (self.print)(settings)
    }

    /// The value that it has if nobody sets it.
    pub fn default(&self) -> String {
        self.value(&Settings::default())
    }

    /// Sets it; nothing is changed if the value is refused.
    ///
    /// # Errors
    /// What may be written.
    pub fn set(&self, settings: &mut Settings, value: &str) -> Result<(), String> {
        let default = self.default();
        let value = if value == DEFAULT { default.as_str() } else { value };
        (self.put)(settings, value).ok_or_else(|| format!("{}: {}", self.name, self.values))
    }
}

/// Every setting, in the order in which it is shown.
pub static SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        name: "enabled",
        values: ON_OFF,
        help: "whether its requests are served; off answers 4002, while notices of orders still go out",
        print: |settings| on_off(settings.enabled),
        put: |settings, value| switch(&mut settings.enabled, value),
    },
    SettingInfo {
        name: "schemes",
        values: "one or more of md5, suffix, hmac-sha256, rsa2, separated by commas",
        help: "how its requests may be signed; without md5, MD5 is refused. rsa2 needs rsa_public_keys",
        print: |settings| joined(settings.schemes.iter().map(|scheme| scheme.word())),
        put: |settings, value| {
            let schemes = list(value, Scheme::from_word)?;
            (!schemes.is_empty()).then(|| settings.schemes = schemes)
        },
    },
    SettingInfo {
        name: "rsa_public_keys",
        values: "RSA public keys of 2048 bits or more, PEM or Base64, separated by commas; at most 4",
        help: "what its RSA2 signatures are verified with; two while one takes the other's place",
        print: |settings| joined(settings.rsa_public_keys.iter().map(PublicKey::text)),
        put: |settings, value| {
            let keys = list(value, PublicKey::parse)?;
            (keys.len() <= PUBLIC_KEYS_MAX).then(|| settings.rsa_public_keys = keys)
        },
    },
    SettingInfo {
        name: "allowed_ips",
        values: "IPv4 and IPv6 addresses and ranges such as 203.0.113.0/24, separated by commas",
        help: "where its requests may come from; empty: anywhere. Others are answered 40100",
        print: |settings| joined(settings.allowed_ips.iter().map(ToString::to_string)),
        put: |settings, value| {
            settings.allowed_ips = list(value, |one| one.parse().ok())?;
            Some(())
        },
    },
    SettingInfo {
        name: "strict_names",
        values: ON_OFF_DEFAULT,
        help: "refuse every parameter that no operation knows; by default on for what is signed with \
               hmac-sha256 or rsa2",
        print: |settings| switch_word(settings.strict_names),
        put: |settings, value| choice(&mut settings.strict_names, value),
    },
    SettingInfo {
        name: "pinned_names",
        values: "names of parameters without sign, separated by commas",
        help: "accept exactly these parameters in every request; empty: any",
        print: |settings| joined(settings.pinned_names.iter()),
        put: |settings, value| {
            let is_pin = |name: &str| (is_name(name) && name != "sign").then(|| name.to_owned());
            settings.pinned_names = list(value, is_pin)?;
            Some(())
        },
    },
    SettingInfo {
        name: "replay_guard",
        values: ON_OFF_DEFAULT,
        help: "demand timestamp (within 300 s) and a new nonce_str in every request; by default on for \
               what is signed with hmac-sha256 or rsa2",
        print: |settings| switch_word(settings.replay_guard),
        put: |settings, value| choice(&mut settings.replay_guard, value),
    },
    SettingInfo {
        name: "may_discount",
        values: ON_OFF,
        help: "permission to send discount above 0",
        print: |settings| on_off(settings.may_discount),
        put: |settings, value| switch(&mut settings.may_discount, value),
    },
    SettingInfo {
        name: "notice_format",
        values: "auto, form or json",
        help: "how notifications are encoded; auto tries both and keeps what is acknowledged",
        print: |settings| format_word(settings.notice_format).to_owned(),
        put: |settings, value| {
            let formats = [NoticeFormat::Auto, NoticeFormat::Form, NoticeFormat::Json];
            settings.notice_format = formats.into_iter().find(|one| format_word(*one) == value)?;
            Some(())
        },
    },
    SettingInfo {
        name: "notify_url",
        values: "an absolute http or https address of at most 512 characters, or nothing",
        help: "where notifications go when an order names no notify_url",
        print: |settings| settings.notify_url.clone(),
        put: |settings, value| {
            let is_good = value.chars().count() <= URL_MAX
                && (value.is_empty() || egress_policy::judge_page(value).is_ok());
            is_good.then(|| value.clone_into(&mut settings.notify_url))
        },
    },
    SettingInfo {
        name: "notify_closed",
        values: ON_OFF,
        help: "also notify when an order is closed, has failed, was reversed or was refunded in full",
        print: |settings| on_off(settings.notify_closed),
        put: |settings, value| switch(&mut settings.notify_closed, value),
    },
    SettingInfo {
        name: "late_payment",
        values: "refund or honour",
        help: "what becomes of money for an order that is over: it goes back, or the order is paid",
        print: |settings| late_word(settings.late_payment).to_owned(),
        put: |settings, value| {
            let policies = [LatePayment::Refund, LatePayment::Honour];
            settings.late_payment = policies.into_iter().find(|one| late_word(*one) == value)?;
            Some(())
        },
    },
    SettingInfo {
        name: "repeat_is_success",
        values: ON_OFF,
        help: "answer 200 with the standing order when an equal order is placed again",
        print: |settings| on_off(settings.repeat_is_success),
        put: |settings, value| switch(&mut settings.repeat_is_success, value),
    },
    SettingInfo {
        name: "sandbox",
        values: ON_OFF,
        help: "explain wrong signatures in the answer (data.doctor): only where no real money moves",
        print: |settings| on_off(settings.sandbox),
        put: |settings, value| switch(&mut settings.sandbox, value),
    },
    SettingInfo {
        name: "refund_password",
        values: "off, or the hash of a password, which `jubao merchant refund-password` makes and sets",
        help: "every refund must carry this password as password, else it is answered 4003 or 40100",
        print: |settings| match settings.refund_password.as_str() {
            "" => NO_PASSWORD.to_owned(),
            hash => hash.to_owned(),
        },
        put: |settings, value| {
            let is_off = value == NO_PASSWORD;
            let hash = if is_off { "" } else { value };
            (is_off || password::is_hash(hash))
                .then(|| hash.clone_into(&mut settings.refund_password))
        },
    },
    SettingInfo {
        name: "moved_in",
        values: ON_OFF,
        help: "the platform before may hold orders of its merchant, which are asked for there as long as \
               that is configured",
        print: |settings| on_off(settings.moved_in),
        put: |settings, value| switch(&mut settings.moved_in, value),
    },
];

/// What a setting is that has no password.
const NO_PASSWORD: &str = "off";
const ON_OFF: &str = "on or off";
const ON_OFF_DEFAULT: &str = "on, off or default";

/// Applies `pairs` of names and values, all or none.
///
/// # Errors
/// A name is unknown, a value is refused, or the settings would not go together.
pub fn apply(settings: &Settings, pairs: &[(String, String)]) -> Result<Settings, String> {
    let mut changed = settings.clone();
    for (name, value) in pairs {
        let row = SETTINGS.iter().find(|row| row.name == name).ok_or_else(|| {
            let names = joined(SETTINGS.iter().map(|row| row.name)).replace(',', ", ");
            format!("no setting {name}: there are {names}")
        })?;
        row.set(&mut changed, value)?;
    }
    if changed.schemes.contains(&Scheme::Rsa2) && changed.rsa_public_keys.is_empty() {
        return Err(
            "schemes: rsa2 needs rsa_public_keys=@FILE with the merchant's public key".into()
        );
    }
    Ok(changed)
}

/// What differs: name, value before, value after.
pub fn differences(before: &Settings, after: &Settings) -> Vec<(&'static str, String, String)> {
    let values = SETTINGS.iter().map(|row| (row.name, row.value(before), row.value(after)));
    values.filter(|(_, before, after)| before != after).collect()
}

fn on_off(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

fn switch(setting: &mut bool, value: &str) -> Option<()> {
    *setting = match value {
        "on" | "true" | "yes" => true,
        "off" | "false" | "no" => false,
        _ => return None,
    };
    Some(())
}

fn switch_word(switch: Switch) -> String {
    match switch {
        Switch::Default => DEFAULT,
        Switch::On => "on",
        Switch::Off => "off",
    }
    .to_owned()
}

fn choice(setting: &mut Switch, value: &str) -> Option<()> {
    if value == DEFAULT {
        *setting = Switch::Default;
        return Some(());
    }
    let mut is_on = false;
    switch(&mut is_on, value)?;
    *setting = if is_on { Switch::On } else { Switch::Off };
    Some(())
}

fn format_word(format: NoticeFormat) -> &'static str {
    match format {
        NoticeFormat::Auto => "auto",
        NoticeFormat::Form => "form",
        NoticeFormat::Json => "json",
    }
}

fn late_word(policy: LatePayment) -> &'static str {
    match policy {
        LatePayment::Refund => "refund",
        LatePayment::Honour => "honour",
    }
}

fn joined(entries: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for entry in entries {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(entry.as_ref());
    }
    text
}

/// The entries of a list, each once; `None` if one is refused, or there are too many.
fn list<T: PartialEq>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut entries = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let entry = read(entry)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    (entries.len() <= ENTRIES_MAX).then_some(entries)
}

#[cfg(test)]
#[path = "setting_tests.rs"]
mod tests;

//! The keys of the configuration about the platform that this one replaces.

use kernel::old_platform::{CallbackAddress, OldPlatform, OldUrl};
use kernel::time::Timestamp;

use super::File;

/// The platform before, if one is named.
pub(super) fn old_platform(file: &File) -> Result<Option<OldPlatform>, String> {
    if file.old_platform.is_empty() {
        return nothing_beside(file).map(|()| None);
    }
    let wrong = "old_platform: an address like https://old.example, without a path";
    let url = OldUrl::parse(&file.old_platform).ok_or(wrong)?;
    if url.is_at(&file.public_url) {
        return Err(
            "old_platform: the address under which it is reached now, not public_url".into()
        );
    }
    let until = instant("old_platform_until", &file.old_platform_until)?;
    let guard_until = match file.old_platform_guard_until.as_str() {
        "" => until,
        text => instant("old_platform_guard_until", text)?,
    };
    let callback = |text: &String| {
        let wrong =
            || format!("old_platform_callbacks: {text}: /PATH, /FOLDER/ or /PATH?NAME=VALUE");
        CallbackAddress::parse(text).ok_or_else(wrong)
    };
    let callbacks = file.old_platform_callbacks.iter().map(callback).collect::<Result<_, _>>()?;
    Ok(Some(OldPlatform { url, until, guard_until, callbacks }))
}

/// A key that would do nothing is a mistake.
fn nothing_beside(file: &File) -> Result<(), String> {
    let is_given = [
        ("old_platform_until", !file.old_platform_until.is_empty()),
        ("old_platform_guard_until", !file.old_platform_guard_until.is_empty()),
        ("old_platform_callbacks", !file.old_platform_callbacks.is_empty()),
    ];
    match is_given.iter().find(|(_, is_given)| *is_given) {
        Some((key, _)) => Err(format!("{key}: old_platform is missing; set it as well")),
        None => Ok(()),
    }
}

fn instant(key: &str, text: &str) -> Result<Timestamp, String> {
    let at = Timestamp::from_beijing(text).filter(|_| text.len() == 19);
    at.ok_or_else(|| format!("{key}: yyyy-MM-dd HH:mm:ss in UTC+8"))
}

//! `data.doctor` of a 4004 answer to a sandbox application: the text that we built and the mistake that
//! explains its signature. Nobody else is told anything, and no key or right signature is among it.

use gateway::{Caller, Gateway};
use kernel::dialect::jubao::{Opened, RawCall};
use kernel::sign_diagnosis::{Keys, diagnose};
use serde_json::json;

/// Bytes of a body that is explained: trying every mistake takes a hundred digests of it.
const EXPLAINED_MAX: usize = 16 * 1024;

/// The `data` of the answer to a request whose signature is wrong; `None` for an application that is no
/// sandbox.
pub(crate) async fn data(
    gateway: &Gateway,
    caller: &Caller,
    (opened, raw): (&Opened<'_>, &RawCall<'_>),
) -> Option<String> {
    let settings = &caller.app.settings;
    if !settings.sandbox || raw.body.len() > EXPLAINED_MAX {
        return None;
    }
    let now = gateway.now();
    let others = gateway.sibling_keys(caller).await;
    let expired = caller.app.previous_keys.iter().filter(|(_, until)| *until <= now);
    let keys = Keys {
        current: &caller.app.key,
        expired: expired.map(|(key, _)| key).collect(),
        others: others.iter().collect(),
        public: &settings.rsa_public_keys,
    };
    let diagnosis = diagnose(&opened.fields().as_sent(raw.body), &keys);
    let mut doctor = json!({ "text": diagnosis.text, "form": diagnosis.form });
    if let Some((name, [chinese, english])) = diagnosis.mistake {
        doctor["mistake"] = name.into();
        doctor["cure"] = json!({ "zh-Hans": chinese, "en": english });
    }
    Some(json!({ "doctor": doctor }).to_string())
}

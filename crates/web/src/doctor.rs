//! `data.doctor` of a 4004 answer to a sandbox application: the text that we built and the mistake that
//! explains its signature. Nobody else is told anything, and no key or right signature is among it.

use gateway::Caller;
use kernel::dialect::jubao::{Opened, RawCall};
use kernel::sign_diagnosis::{Keys, diagnose};
use serde_json::json;

use crate::Site;

/// Bytes of a body that is explained: trying every mistake takes a hundred digests of it.
const EXPLAINED_MAX: usize = 16 * 1024;

/// The `data` of the answer to a request whose signature is wrong; `None` for an application that is no
/// sandbox, and for one that has so many explained that it cannot be a person who tries.
pub(crate) async fn data(
    Site { gateway, edge }: &Site,
    caller: &Caller,
    (opened, raw): (&Opened<'_>, &RawCall<'_>),
) -> Option<String> {
    let settings = &caller.app.settings;
    if !settings.sandbox || raw.body.len() > EXPLAINED_MAX || !edge.may_explain(caller.app.app_id) {
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

//! The document's dialect under test: how a test signs, sends and reads a code.

mod checks;
mod fields;
mod hostile;
mod lists;
mod schemes;
mod spellings;
mod users;

use std::time::Duration;

use super::*;
use crate::application::Switch;
use crate::call::{OrderRef, PlaceCall, QueryCall};
use crate::json;
use crate::secret::Secret;
use crate::sign::tests::an_application;

pub(in crate::dialect) const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);
const MCH: (&str, &str) = ("mch_id", "10502105689001");

/// A JSON body of `fields` with its signature.
pub(in crate::dialect) fn signed(fields: &[(&str, &str)]) -> String {
    signed_with(fields, &an_application().key)
}

fn signed_with(fields: &[(&str, &str)], key: &Secret) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let is_version2 = sorted.contains(&("version", "2"));
    let form = if is_version2 { SignForm::Version2 } else { SignForm::Widened };
    let sign = sign::sign(key, sorted.iter().copied(), form);
    let mut body = String::from("{");
    for (name, text) in fields.iter().chain([&("sign", sign.as_str())]) {
        json::push_string(&mut body, name);
        body.push(':');
        json::push_string(&mut body, text);
        body.push(',');
    }
    body.pop();
    body + "}"
}

fn raw(body: &str, operation: Operation) -> RawCall<'_> {
    let content_type = Some("application/json,");
    RawCall { operation, content_type, query: "_m=a&_a=b", body: body.as_bytes() }
}

pub(in crate::dialect) fn admit_json(
    body: &str,
    app: &Application,
    operation: Operation,
) -> Result<Admitted, Fault> {
    admit_raw(&raw(body, operation), app)
}

fn admit_raw(raw: &RawCall<'_>, app: &Application) -> Result<Admitted, Fault> {
    admit(&open(raw)?, app, &Context { now: NOW, allow: &[], from: None })
}

/// A good order with some fields changed; an empty name takes nothing away.
fn order_with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![MCH, ("pay_channel_id", "304"), ("total_fee", "10000")];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, text)| *text != "(absent)"));
    fields
}

fn placed(fields: &[(&str, &str)], app: &Application) -> Result<PlaceCall, Fault> {
    match admit_json(&signed(fields), app, Operation::Place)?.call {
        Call::Place(call) => Ok(*call),
        other => panic!("{other:?}"),
    }
}

fn code_of(changes: &[(&'static str, &'static str)], expect: i64) {
    let result = placed(&order_with(changes), &an_application());
    let code = result.as_ref().map_or_else(Fault::code, |_| 200);
    assert_eq!(code, expect, "{changes:?} {result:?}");
}

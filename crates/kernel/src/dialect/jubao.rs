//! The document's dialect: opens a request without knowing who sent it, then admits it for the
//! application that it names. Checks run in the order of contract section 8, and the first that
//! fails decides; a field is never complained about before the signature was verified.

use std::net::IpAddr;

use crate::address::{self, Operation};
use crate::application::Application;
use crate::call::Call;
use crate::defect::{self, Defect};
use crate::dialect::body::{self, Readings};
use crate::dialect::typed;
use crate::egress_policy::Cidr;
use crate::fault::{Fault, Wording};
use crate::fields::Fields;
use crate::id::{AppId, MchId};
use crate::name::{self, NameInfo, NameTable};
use crate::order::SignForm;
use crate::scheme::{Scheme, Signing};
use crate::sign;
use crate::suffix_parse;
use crate::time::Timestamp;
use crate::unique_parse::Scan;
use crate::value_form::{Sender, Wrong, integer};

/// Bytes of a body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How far a `timestamp` may be from our clock, either way.
pub const REPLAY_SECONDS_MAX: i64 = 300;

const UNDERSCORED: Wording = ["不能带入 _sign", "_sign must not be sent"];
const UNSIGNED: Wording = ["网址中不能带其他参数", "parameters must not stand in the query string"];
const TWO_MERCHANTS: Wording =
    ["mch_id 与 appid 不属于同一商户", "mch_id and appid are not of one merchant"];
const NO_DISCOUNT: Wording =
    ["该应用无权使用 discount", "the application has no permission for discount"];
const REPLAY: Wording = [
    "须带 timestamp（300 秒内）与 nonce_str",
    "timestamp (within 300 s) and nonce_str must be sent",
];
const SCHEME: Wording = [
    "该应用不接受此签名方式，请用约定的 sign_type",
    "the application does not accept signatures of this kind: use the sign_type agreed upon",
];
const UNKNOWN_NAME: Wording = ["是未知参数", "is an unknown parameter"];
const UNPINNED: Wording =
    ["与应用约定的参数名不符", "does not match the application's pinned names"];
const HIDES_NAME: Wording = [
    "会与相邻参数混淆，请改名或删去",
    "cannot be told from other parameters; rename it or leave it out",
];
const AMBIGUOUS: Wording =
    ["的内容会与其他参数混淆，请修改", "can be read as other parameters; change its text"];

/// A request as it arrived, its address already resolved.
#[derive(Copy, Clone, Debug)]
pub struct RawCall<'a> {
    /// The operation that its address names.
    pub operation: Operation,
    /// Its `Content-Type`.
    pub content_type: Option<&'a str>,
    /// Its query string, without `?`.
    pub query: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// Whom a request says it comes from.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum CallerId {
    /// A merchant: its default application.
    Mch(MchId),
    /// An application.
    App(AppId),
    /// Both; [`admit`] checks that they belong together.
    Both(MchId, AppId),
}

/// A request that was read, and not yet believed.
#[derive(Debug)]
pub struct Opened<'a> {
    operation: Operation,
    query: &'a str,
    readings: Readings<'a>,
    caller: CallerId,
}

impl Opened<'_> {
    /// Whom it says it comes from.
    pub fn caller(&self) -> CallerId {
        self.caller
    }

    /// Every parameter with its text, as read first.
    pub fn fields(&self) -> &Fields<'_> {
        &self.readings.first
    }

    /// What its address asks for.
    pub fn operation(&self) -> Operation {
        self.operation
    }
}

/// When a request is judged, and what the operator allows.
#[derive(Copy, Clone, Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// Private targets that notifications may go to.
    pub allow: &'a [Cidr],
    /// The client's address, where it is known.
    pub from: Option<IpAddr>,
}

/// A request that is authentic, allowed and well-formed.
#[derive(Debug)]
pub struct Admitted {
    /// What it asks for.
    pub call: Call,
    /// How it was signed, and its answer will be.
    pub sign_form: Signing,
    /// False if its text is ASCII and without version 2: then both forms spell it alike.
    pub is_form_certain: bool,
    /// The nonce that must not have been used before; `None` if the application has no replay guard.
    pub nonce: Option<String>,
}

/// Reads a request up to whom it comes from: size, UTF-8, syntax, types, names, presence.
///
/// # Errors
/// The first check of contract section 8 that fails. A number that cannot be anybody's is 4002.
pub fn open<'a>(raw: &RawCall<'a>) -> Result<Opened<'a>, Fault> {
    if raw.body.len() > BODY_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut readings = body::read(raw.content_type, raw.body)?;
    let caller = caller(&readings.first)?;
    // A second reading that names somebody else is none: the application is looked up once.
    readings.verbatim = readings.verbatim.filter(|fields| self::caller(fields) == Ok(caller));
    Ok(Opened { operation: raw.operation, query: raw.query, readings, caller })
}

/// Reads and checks a request that nobody signs ([`Operation::is_signed`]), in the same order. What it
/// may send beside its own parameters is not read.
///
/// # Errors
/// The first check of contract section 8 that fails.
pub fn open_unsigned(raw: &RawCall<'_>, now: Timestamp) -> Result<Call, Fault> {
    if raw.body.len() > BODY_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let fields = body::read(raw.content_type, raw.body)?.first;
    if fields.has("_sign") {
        return Err(Fault::NotAllowed(UNDERSCORED));
    }
    if address::has_extra_parameters(raw.query) {
        return Err(Fault::NotAllowed(UNSIGNED));
    }
    let table = NameTable::of(raw.operation);
    typed::check_required(raw.operation, &fields)?;
    check_lengths(&fields, table)?;
    check_forms(&fields, table, &Sender::stranger(now))?;
    typed::call(raw.operation, &fields, now)
}

fn caller(fields: &Fields<'_>) -> Result<CallerId, Fault> {
    let (mch, app) = (fields.given("mch_id"), fields.given("appid"));
    if mch.is_none() && app.is_none() {
        return Err(match (fields.has("mch_id"), fields.has("appid")) {
            (true, _) => Fault::Empty { field: "mch_id" },
            (false, true) => Fault::Empty { field: "appid" },
            (false, false) => Fault::Missing { field: "mch_id" },
        });
    }
    if !fields.has("sign") {
        return Err(Fault::Missing { field: "sign" });
    }
    let mch = mch.map(|text| MchId::parse(text).ok_or(Fault::UnknownApplication)).transpose()?;
    let app = app.map(|text| AppId::parse(text).ok_or(Fault::UnknownApplication)).transpose()?;
    match (mch, app) {
        (Some(mch), Some(app)) => Ok(CallerId::Both(mch, app)),
        (Some(mch), None) => Ok(CallerId::Mch(mch)),
        (None, Some(app)) => Ok(CallerId::App(app)),
        (None, None) => Err(Fault::UnknownApplication),
    }
}

/// Admits a request for `app`, the enabled application behind [`Opened::caller`]: signature,
/// permission, names, required parameters, lengths, forms, unique parse.
///
/// # Errors
/// The first check of contract section 8 that fails.
pub fn admit(
    opened: &Opened<'_>,
    app: &Application,
    context: &Context<'_>,
) -> Result<Admitted, Fault> {
    let (fields, text, sign_form) = verified(opened, app, context.now)?;
    let scheme = sign_form.scheme;
    permit(opened, app, context, (fields, scheme))?;
    let table = NameTable::of(opened.operation);
    let scan = Scan::new(&text, fields.signed(), &table.lexicon);
    check_names(fields, (app, scheme), table, &scan)?;
    typed::check_required(opened.operation, fields)?;
    check_lengths(fields, table)?;
    let sender = Sender::new(app, context.now, context.allow).signing_by(scheme);
    check_forms(fields, table, &sender)?;
    typed::check_relations(opened.operation, fields)?;
    check_unique(fields, table, &scan, &sender)?;
    let nonce = fields.given("nonce_str").filter(|_| app.settings.is_guarded(scheme));
    let call = typed::call(opened.operation, fields, context.now)?;
    let is_form_certain =
        sign_form.form == SignForm::Version2 || !text.is_ascii() || scheme == Scheme::Suffix;
    Ok(Admitted { call, sign_form, is_form_certain, nonce: nonce.map(str::to_owned) })
}

/// The reading whose signature is right, with its signed text and form.
fn verified<'o, 'a>(
    opened: &'o Opened<'a>,
    app: &Application,
    now: Timestamp,
) -> Result<(&'o Fields<'a>, String, Signing), Fault> {
    let Readings { first, verbatim } = &opened.readings;
    if first.has("_sign") || verbatim.as_ref().is_some_and(|fields| fields.has("_sign")) {
        return Err(Fault::NotAllowed(UNDERSCORED));
    }
    let check = |fields: &'o Fields<'a>| {
        let text = sign::canonical(fields.signed());
        let signing = sign::verify_fields(app, now, fields, &text)?;
        Some((fields, text, signing))
    };
    let second = || verbatim.as_ref().and_then(check);
    check(first).or_else(second).ok_or(Fault::WrongSignature)
}

/// What an authentic request may still not do.
fn permit(
    opened: &Opened<'_>,
    app: &Application,
    context: &Context<'_>,
    (fields, scheme): (&Fields<'_>, Scheme),
) -> Result<(), Fault> {
    let settings = &app.settings;
    if !settings.schemes.contains(&scheme) {
        return Err(Fault::NotAllowed(SCHEME));
    }
    let is_allowed = match context.from {
        Some(ip) => settings.allows(ip),
        None => settings.allowed_ips.is_empty(),
    };
    if !is_allowed {
        return Err(Fault::AddressRefused(context.from));
    }
    let is_of_app = match opened.caller {
        CallerId::Mch(mch) => mch == app.mch_id,
        CallerId::App(id) => id == app.app_id,
        CallerId::Both(mch, id) => mch == app.mch_id && id == app.app_id,
    };
    if !is_of_app {
        return Err(Fault::NotAllowed(TWO_MERCHANTS));
    }
    if address::has_extra_parameters(opened.query) {
        return Err(Fault::NotAllowed(UNSIGNED));
    }
    let discount = fields.given("discount").and_then(integer).unwrap_or(0);
    if opened.operation == Operation::Place && discount > 0 && !settings.may_discount {
        return Err(Fault::NotAllowed(NO_DISCOUNT));
    }
    if settings.is_guarded(scheme) && !typed::is_fresh(fields, context.now) {
        return Err(Fault::NotAllowed(REPLAY));
    }
    Ok(())
}

/// Unknown names, as strictly as the application is set.
fn check_names(
    fields: &Fields<'_>,
    (app, scheme): (&Application, Scheme),
    table: &NameTable,
    scan: &Scan<'_>,
) -> Result<(), Fault> {
    let pinned = &app.settings.pinned_names;
    if !pinned.is_empty() {
        let sent = fields.signed().find(|(name, _)| !pinned.iter().any(|pin| pin == name));
        let missing = pinned.iter().find(|pin| !fields.has(pin)).map(String::as_str);
        if let Some(name) = sent.map(|(name, _)| name).or(missing) {
            return Err(Fault::bad_format(name, UNPINNED));
        }
    }
    let is_unknown = |name: &str| table.row(name).is_none() && !name::is_known(name);
    if app.settings.is_strict(scheme)
        && let Some((name, _)) = fields.signed().find(|(name, _)| is_unknown(name))
    {
        return Err(Fault::bad_format(name, UNKNOWN_NAME));
    }
    match scan.refused_unknown() {
        Some(at) => Err(Fault::bad_format(name_at(fields, at), HIDES_NAME)),
        None => Ok(()),
    }
}

/// That the signed text cannot be cut into another request: as its scheme joins it.
fn check_unique(
    fields: &Fields<'_>,
    table: &NameTable,
    scan: &Scan<'_>,
    sender: &Sender<'_>,
) -> Result<(), Fault> {
    let accepts = |rule: usize, value: &str| table.rows[rule].form.accepts(value, sender);
    let ambiguous = match sender.scheme {
        Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2 => scan.ambiguous_field(&accepts),
        Scheme::Suffix => suffix_parse::ambiguous_field(fields, table),
    };
    match ambiguous {
        Some(at) if !defect::is_seeded(Defect::UniqueParseOff) => {
            Err(Fault::bad_format(name_at(fields, at), AMBIGUOUS))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_lengths(fields: &Fields<'_>, table: &NameTable) -> Result<(), Fault> {
    for (row, text) in known(fields, table) {
        if let Some(max) = row.form.length_max().filter(|_| row.form.is_too_long(text)) {
            return Err(Fault::TooLong { field: row.name, max });
        }
    }
    Ok(())
}

fn check_forms(fields: &Fields<'_>, table: &NameTable, sender: &Sender<'_>) -> Result<(), Fault> {
    for (row, text) in known(fields, table) {
        row.form.judge(text, sender).map_err(|wrong| match wrong {
            Wrong::Format(cure) => Fault::bad_format(row.name, cure),
            Wrong::Time(cure) => Fault::BadTime { field: row.name, cure },
            Wrong::Json => Fault::BadJson { field: row.name },
        })?;
    }
    Ok(())
}

/// Each parameter that is given and that the operation acts on, with its row. Both lists ascend, so
/// they are walked together.
fn known<'f>(
    fields: &'f Fields<'_>,
    table: &'f NameTable,
) -> impl Iterator<Item = (&'static NameInfo, &'f str)> {
    let mut rows = table.rows.iter().peekable();
    fields.signed().filter_map(move |(name, text)| {
        while rows.next_if(|row| row.name < name).is_some() {}
        let row = rows.next_if(|row| row.name == name)?;
        (!text.is_empty()).then_some((*row, text))
    })
}

fn name_at(fields: &Fields<'_>, at: usize) -> String {
    fields.signed().nth(at).map_or_else(String::new, |(name, _)| name.to_owned())
}

#[cfg(test)]
#[path = "jubao_tests/mod.rs"]
mod tests;

#[cfg(test)]
#[path = "realistic_tests.rs"]
mod realistic_tests;

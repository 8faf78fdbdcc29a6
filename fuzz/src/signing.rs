//! Signatures, and whole requests.

use arbitrary::Arbitrary;
use kernel::address::Operation;
use kernel::application::{Application, Settings};
use kernel::dialect::jubao::{self, Context, RawCall};
use kernel::fault::Language;
use kernel::fields::Fields;
use kernel::id::{AppId, MchId};
use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign::{self, Signature};
use kernel::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);
const MCH: i64 = 10_502_105_689_001;
const FORMS: [SignForm; 3] = [SignForm::Widened, SignForm::Plain, SignForm::Version2];

fn app(key: &str) -> Application {
    Application {
        mch_id: MchId(MCH),
        app_id: AppId(1_000_258),
        mch_name: "聚宝".into(),
        is_enabled: true,
        key: Secret::new(key),
        previous_key: None,
        settings: Settings::default(),
    }
}

/// Members to be signed.
#[derive(Arbitrary, Debug)]
pub struct Request<'a> {
    key: &'a str,
    members: Vec<(&'a str, &'a str)>,
    form: u8,
    flipped: u16,
}

/// The order of members does not count, what is signed verifies, and what is changed does not.
pub fn canonical(request: &Request<'_>) {
    let pairs = |members: &[(&str, &str)]| {
        let owned =
            |(name, value): &(&str, &str)| (name.to_string().into(), value.to_string().into());
        Fields::from_form(members.iter().map(owned).collect())
    };
    let Ok(fields) = pairs(&request.members) else { return };
    let reversed = request.members.iter().rev().copied().collect::<Vec<_>>();
    let reversed = pairs(&reversed).expect("the same members");
    let text = sign::canonical(fields.signed());
    assert_eq!(text, sign::canonical(reversed.signed()));
    assert!(fields.signed().is_sorted() && fields.signed().all(|(name, _)| name != "sign"));

    let (app, form) = (app(request.key), FORMS[usize::from(request.form) % FORMS.len()]);
    let version = (form == SignForm::Version2).then_some("2");
    let made = sign::sign(&app.key, fields.signed(), form);
    let signature = Signature::parse(&made, version).expect("32 digits");
    let verified = sign::verify(&app, NOW, &text, &signature).expect("what is signed verifies");
    assert!(verified == form || text.is_ascii());
    let mut bytes = text.into_bytes();
    let at = usize::from(request.flipped);
    if let Some(byte) = bytes.get_mut(at).filter(|byte| byte.is_ascii() && **byte > 0x20) {
        *byte ^= 1;
        let changed = String::from_utf8(bytes).expect("ASCII stays ASCII");
        assert!(sign::verify(&app, NOW, &changed, &signature).is_none(), "a changed text verifies");
    }
}

/// A request as bytes, or as members that are then signed.
#[derive(Arbitrary, Debug)]
pub struct Sent<'a> {
    operation: u8,
    content_type: Option<&'a str>,
    query: &'a str,
    body: &'a [u8],
    members: Vec<(&'a str, &'a str)>,
    is_signed: bool,
}

/// A request is a call or has a documented code, and a message in each language; it never panics.
pub fn call(sent: &Sent<'_>) {
    let operations = [Operation::Place, Operation::Query, Operation::Close];
    let operation = operations[usize::from(sent.operation) % operations.len()];
    let app = app("685c6e3eca5c964b2b8240aa151cb75d");
    let body = if sent.is_signed { signed(&app, &sent.members) } else { sent.body.to_vec() };
    let content_type = sent.content_type.filter(|_| !sent.is_signed);
    let raw = RawCall { operation, content_type, query: sent.query, body: &body };
    let context = Context { now: NOW, allow: &[] };
    let admitted = jubao::open(&raw).and_then(|opened| jubao::admit(&opened, &app, &context));
    match admitted {
        Ok(_) => assert!(sent.is_signed || holds_signature(&body), "admitted unsigned"),
        Err(fault) => {
            assert!(kernel::code::CODES.iter().any(|row| row.code == fault.code()));
            for language in [Language::Zh, Language::En] {
                assert!(!fault.message(language).is_empty());
            }
        }
    }
}

/// A body of `members` over those that every order has, signed for `app`.
fn signed(app: &Application, members: &[(&str, &str)]) -> Vec<u8> {
    let mut object = serde_json::Map::new();
    let known = [("mch_id", "10502105689001"), ("total_fee", "1"), ("pay_channel_id", "304")];
    for (name, value) in known.iter().chain(members) {
        object.insert((*name).to_owned(), (*value).into());
    }
    object.insert("version".to_owned(), "2".into());
    object.remove("sign");
    let mut texts =
        object.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")));
    let mut sorted = texts.by_ref().collect::<Vec<_>>();
    sorted.sort_unstable();
    let sign = sign::sign(&app.key, sorted.into_iter(), SignForm::Version2);
    object.insert("sign".to_owned(), sign.into());
    serde_json::to_vec(&object).expect("texts have a JSON form")
}

fn holds_signature(body: &[u8]) -> bool {
    body.windows(4).any(|window| window == b"sign")
}

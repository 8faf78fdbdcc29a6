//! The platform that this one replaces, as far as requests are passed on to it: where it is, which
//! addresses are its callbacks', and what its answers say. Pure; it never calls anybody.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::Url;

use crate::address::{Operation, single_slashes};
use crate::code;
use crate::egress_policy::judge_page;
use crate::fault::Fault;
use crate::order::SignForm;
use crate::secret::Secret;
use crate::sign;
use crate::state::TradeState;
use crate::time::Timestamp;

/// Marks a request that was passed on: whoever is passed one passes it no further.
pub const PASSED_ON: &str = "x-jubao-passed-on";
/// Bytes of an answer that are read.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The platform before, and for how long it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldPlatform {
    /// Scheme and host under which it is reached now.
    pub url: OldUrl,
    /// Until when requests about what only it knows are passed on.
    pub until: Timestamp,
    /// Until when it is asked before an order is placed.
    pub guard_until: Timestamp,
    /// The addresses at which upstreams call it back.
    pub callbacks: Vec<CallbackAddress>,
}

impl OldPlatform {
    /// Whether a request to `path` and `query` is a callback of it.
    pub fn is_callback(&self, path: &str, query: &str) -> bool {
        self.callbacks.iter().any(|address| address.is_at(path, query))
    }
}

/// Whether an operation on what we do not know is passed on: what only names an order or a refund.
/// Placing never is, and a list is of what we know.
pub fn is_passed_on(operation: Operation) -> bool {
    match operation {
        Operation::Query
        | Operation::Close
        | Operation::Reverse
        | Operation::Refund
        | Operation::QueryRefund => true,
        Operation::Place
        | Operation::ListOrders
        | Operation::ListRefunds
        | Operation::ListEvents
        | Operation::LogIn
        | Operation::CreateUser
        | Operation::ListUsers
        | Operation::RemoveUser
        | Operation::ChangePassword
        | Operation::FetchRates => false,
    }
}

/// Scheme, host and port of the platform before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldUrl {
    text: String,
    host: String,
}

impl OldUrl {
    /// Reads `https://old.example`; a path is none of it.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = judge_page(text).ok()?;
        let is_bare =
            parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
        let host = authority(&parsed)?;
        is_bare.then(|| Self { text: format!("{}://{host}", parsed.scheme()), host })
    }

    /// Without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `url` leads to the same host and port.
    pub fn is_at(&self, url: &str) -> bool {
        Url::parse(url).ok().and_then(|other| authority(&other)).is_some_and(|at| at == self.host)
    }
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let default = || host.to_owned();
    Some(url.port().map_or_else(default, |port| format!("{host}:{port}")))
}

/// An address at which upstreams call the platform before: a path, everything below one that ends
/// with a slash, or a path with query parameters that must be among the request's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackAddress {
    path: String,
    query: Vec<(String, String)>,
}

impl CallbackAddress {
    /// Reads `/notify.php`, `/notify/` or `/index.php?_m=notify`. The root alone would be everything.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let query: Vec<_> = pairs(query).collect();
        let is_whole = path == "/" && query.is_empty();
        let is_path = path.starts_with('/') && !path.contains([' ', '#', '*']) && !is_whole;
        is_path.then(|| Self { path: path.to_owned(), query })
    }

    fn is_at(&self, path: &str, query: &str) -> bool {
        let path = single_slashes(path);
        let is_below = self.path.len() > 1 && self.path.ends_with('/');
        let is_there = *path == *self.path || (is_below && path.starts_with(&self.path));
        is_there && stays_below(&path) && self.query.iter().all(|wanted| is_only(query, wanted))
    }
}

/// Whether nobody who reads a path goes up in it: with dots, however they are spelled, a stranger would
/// reach whatever else the platform before has, and come from us.
fn stays_below(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let is_up = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    !decoded.contains('\\') && !decoded.split('/').any(is_up)
}

/// Whether a parameter is there with that value, and nothing else that PHP would take for it: it believes
/// the last of equal names, reads dots and spaces in them as underscores, and `name[]` as `name`.
fn is_only(query: &str, (wanted, value): &(String, String)) -> bool {
    let in_php = |name: &str| {
        let bare = name.trim_start_matches(' ').split(['[', '\0']).next().unwrap_or_default();
        bare.replace(['.', ' '], "_")
    };
    let mut alike = pairs(query).filter(|(name, _)| in_php(name) == in_php(wanted));
    alike.next().is_some_and(|(name, text)| name == *wanted && text == *value)
        && alike.next().is_none()
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// What an answer of the platform before says, in either of its envelopes.
#[derive(Clone, PartialEq, Debug)]
pub struct OldAnswer {
    /// `code`, else `ret`; a success is 200.
    pub code: i64,
    data: Map<String, Value>,
}

impl OldAnswer {
    /// Reads a body; `None` if it is no envelope, such as a page that says "maintenance".
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        let Value::Object(mut members) = serde_json::from_str(text).ok()? else { return None };
        let number = |name: &str| match members.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let ret = || number("ret").map(|ret| if ret == 0 { code::SUCCESS } else { ret });
        let code =
            number("code").filter(|code| *code != 0).or_else(ret).or_else(|| number("code"))?;
        let data = match members.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Some(Self { code, data })
    }

    /// Whether what was asked for was done, or is under way.
    pub fn is_success(&self) -> bool {
        self.code == code::SUCCESS
    }

    /// Whether its data is of this number, and signed with the key.
    pub fn is_of(&self, out_trade_no: &str, key: &Secret) -> bool {
        let is_named = self.text("out_trade_no").as_deref() == Some(out_trade_no);
        is_named && self.is_signed(key) == Some(true)
    }

    /// Whether its data is signed with the key; `None` if it has no signature, or cannot have one.
    pub fn is_signed(&self, key: &Secret) -> Option<bool> {
        let given = self.text("sign")?;
        let mut rest: Vec<_> = self.data.keys().filter(|name| *name != "sign").collect();
        rest.sort_unstable();
        let signed: Option<String> =
            rest.into_iter().map(|name| Some(format!("{name}{}", self.text(name)?))).collect();
        let signed = signed?;
        let made = |form: &SignForm| sign::md5_sign(key, &signed, *form);
        let forms = [SignForm::Widened, SignForm::Plain];
        Some(forms.iter().any(|form| made(form).eq_ignore_ascii_case(&given)))
    }

    /// Why a number that stands there is not placed again.
    pub fn standing_fault(&self) -> Fault {
        match self.text("trade_state").as_deref().and_then(TradeState::from_word) {
            Some(TradeState::Success) => Fault::AlreadyPaid,
            Some(TradeState::Closed | TradeState::PayError) => Fault::AlreadyClosed,
            Some(TradeState::Revoked) => Fault::AlreadyReversed,
            Some(TradeState::Refund) => Fault::AlreadyRefunded,
            Some(TradeState::NotPay | TradeState::UserPaying) | None => Fault::DuplicateOrder,
        }
    }

    /// A member as it signs.
    fn text(&self, name: &str) -> Option<String> {
        match self.data.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null => Some(String::new()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_scheme_and_host() {
        let url = OldUrl::parse("https://old.example:8443/").unwrap();
        assert_eq!(url.as_str(), "https://old.example:8443");
        assert!(url.is_at("http://old.example:8443/x") && !url.is_at("https://old.example"));
        assert!(OldUrl::parse("https://old.example").unwrap().is_at("https://OLD.example:443/pay"));
        for wrong in ["", "old.example", "ftp://a", "https://a/b", "https://u@a", "https://a?b"] {
            assert_eq!(OldUrl::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn callback_addresses_are_paths_folders_and_queries() {
        let is_at = |address: &str, path: &str, query: &str| {
            CallbackAddress::parse(address).unwrap().is_at(path, query)
        };
        assert!(is_at("/notify.php", "//notify.php", "a=1"));
        assert!(!is_at("/notify.php", "/notify.php/x", ""));
        assert!(is_at("/notify/", "/notify/alipay", "") && is_at("/notify/", "/notify/", ""));
        assert!(!is_at("/notify/", "/notify", "") && !is_at("/notify/", "/notifyx", ""));
        assert!(is_at("/index.php?_m=notify", "/index.php", "x=1&_m=notify"));
        assert!(!is_at("/index.php?_m=notify", "/index.php", "_m=payment"));
        assert!(is_at("/?_m=notify", "/", "_m=notify") && !is_at("/?_m=notify", "/x", "_m=notify"));
        for wrong in ["", "/", "notify", "https://a/b", "/a b", "/a*"] {
            assert_eq!(CallbackAddress::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn both_envelopes_are_read_and_nothing_else() {
        for (body, expect) in [
            (r#"{"code":200,"data":{}}"#, Some(200)),
            (r#"{"ret":0,"msg":"ok"}"#, Some(200)),
            (r#"{"code":0,"ret":0}"#, Some(200)),
            (r#"{"code":"40102","ret":40102}"#, Some(40102)),
            ("\u{feff} {\"ret\":40102}\n", Some(40102)),
            (r#"{"code":0,"message":"no"}"#, Some(0)),
            ("<html>maintenance</html>", None),
            (r#"{"code":200,"data":{"#, None),
            (r#"{"data":{}}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(OldAnswer::parse(body.as_bytes()).map(|one| one.code), expect, "{body}");
        }
    }

    #[test]
    fn a_number_stands_there_only_if_its_answer_is_signed() {
        let key = Secret::new("685c6e3eca5c964b2b8240aa151cb75d");
        let text = "body聚宝out_trade_noA1total_fee12trade_stateSUCCESS";
        let sign = sign::md5_sign(&key, text, SignForm::Widened);
        let body = format!(
            r#"{{"code":200,"data":{{"total_fee":12,"trade_state":"SUCCESS","out_trade_no":"A1",
            "body":"聚宝","sign":"{sign}"}}}}"#
        );
        let answer = OldAnswer::parse(body.as_bytes()).unwrap();
        assert!(answer.is_of("A1", &key));
        assert!(!answer.is_of("A2", &key) && !answer.is_of("A1", &Secret::new("another")));
        assert_eq!(answer.standing_fault(), Fault::AlreadyPaid);
        let forged = OldAnswer::parse(body.replace("12", "13").as_bytes()).unwrap();
        assert!(!forged.is_of("A1", &key));
    }

    #[test]
    fn nobody_comes_through_a_callbacks_address_to_another() {
        let below = CallbackAddress::parse("/notify/").unwrap();
        for path in ["/notify/wechat", "/notify/a.b/..c", "/notify/%E8%81%9A", "//notify//x"] {
            assert!(below.is_at(path, ""), "{path}");
        }
        for path in [
            "/notify/../user/login",
            "/notify/x/../../user",
            "/notify/.",
            "/notify/%2e%2e/user",
            "/notify/.%2E/user",
            "/notify/..%2fuser",
            "/notify/..;/user",
            "/notify/..\\user",
            "/notify/%5c..%5cuser",
        ] {
            assert!(!below.is_at(path, ""), "{path}");
        }
        let by_name = CallbackAddress::parse("/index.php?_m=notify").unwrap();
        for query in ["_m=notify", "_m=notify&a=1", "x=1&_m=notify&m=2"] {
            assert!(by_name.is_at("/index.php", query), "{query}");
        }
        for query in [
            "_m=notify&_m=user",
            "_m=user&_m=notify",
            "_m=notify&_m[]=user",
            "_m=notify&_m%5Bx%5D=user",
            "_m=notify&.m=user",
            "_m=notify&%20_m=user",
            "_m=notify&+_m=user",
            "_m=notify&_m%00=user",
            ".m=notify",
        ] {
            assert!(!by_name.is_at("/index.php", query), "{query}");
        }
    }
}

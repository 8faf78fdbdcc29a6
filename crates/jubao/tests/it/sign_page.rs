//! The signature page's script and the program agree: on every vector made with PHP, and on every
//! mistake, over fields that clients really send. The script runs in Node, as it is served.

use std::process::Command;

use jubao::demo::FreshFolder;
use kernel::fields::Fields;
use kernel::order::SignForm;
use kernel::rsa::PublicKey;
use kernel::scheme::{Scheme, Signing};
use kernel::secret::Secret;
use kernel::sign_diagnosis::{KeyMistake, Keys, diagnose};
use kernel::sign_doctor::{Finding, Mistake, explain};
use kernel::{json, sign};
use serde_json::{Value, json};

use crate::foreign::{Running, root};
use crate::schemes::{PAIR, verified_with};

/// Makes for every vector each mistake's signatures, and says what the script finds. One line a
/// case.
const SCRIPT: &str = r"
const { md5, explain, read, mistakes, texts } = require(process.argv[1]);
const vectors = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify({ mistakes }));
const utf8 = new TextEncoder();
for (const { params, key, sign } of vectors) {
  const { sign: _, ...members } = params;
  const fields = Object.entries(members).map(([name, value]) => [name, String(value ?? '')]);
  const backwards = [...fields].reverse();
  for (const [name, sent] of mistakes.flatMap((name) => [[name, fields], [name, backwards]])) {
    for (const text of texts(name, sent, key)) {
      const given = md5(utf8.encode(text));
      const { plain, widened, finding } = explain(sent, key, given);
      console.log(JSON.stringify({ fields: sent, key, given, plain, widened, finding }));
    }
  }
  const made = explain(read(JSON.stringify(members)), key, sign);
  console.log(JSON.stringify({ fields, key, given: sign, ...made }));
}
";

fn word(finding: Option<Finding>) -> Value {
    match finding {
        None => Value::Null,
        Some(Finding::Right(SignForm::Version2)) => "right-version2".into(),
        Some(Finding::Right(SignForm::Widened)) => "right-widened".into(),
        Some(Finding::Right(SignForm::Plain)) => "right-plain".into(),
        Some(Finding::Mistake(mistake)) => format!("{mistake:?}").into(),
    }
}

fn texts(case: &Value) -> Vec<(String, String)> {
    let pairs = case["fields"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// Whether the program says of a case what the script says.
fn agrees(case: &Value) {
    let key = Secret::new(case["key"].as_str().unwrap());
    let mut fields = texts(case);
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    let pairs = sorted.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let text = sign::canonical(pairs);
    assert_eq!(case["plain"], sign::md5_sign(&key, &text, SignForm::Plain), "{case}");
    assert_eq!(case["widened"], sign::md5_sign(&key, &text, SignForm::Widened), "{case}");
    fields.push(("sign".into(), case["given"].as_str().unwrap().to_owned()));
    assert_eq!(case["finding"], word(explain(&fields, &key).finding), "{case}");
}

#[tokio::test]
async fn the_signature_page_finds_what_the_program_finds() {
    let mut node = Command::new("node");
    node.args(["-e", SCRIPT]).arg(root().join("crates/web/src/assets/sign.js"));
    node.arg(root().join("crates/kernel/vectors/sign.json"));
    let outcome = Running::start(&mut node).outcome(b"").await;
    assert_eq!(outcome.code, 0, "{}", outcome.complained);
    let mut lines = outcome.said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let tried = lines.next().unwrap();
    let expect = Mistake::ALL.map(|mistake| format!("{mistake:?}"));
    assert_eq!(tried["mistakes"], Value::from(expect.to_vec()), "in the order of the program");
    let cases = lines.collect::<Vec<_>>();
    assert!(cases.len() > 1_000, "{}", cases.len());
    cases.iter().for_each(agrees);
    for mistake in expect {
        assert!(cases.iter().any(|case| case["finding"] == mistake), "{mistake} is never found");
    }
    let right = cases.iter().filter(|case| case["finding"].to_string().contains("right"));
    assert!(right.count() > 50, "PHP's own signatures are right");
}

/// Says of each case what the script finds, and what it makes. One line a case.
const JUDGE: &str = r"
const { judge, make } = require(process.argv[1]);
for (const { scheme, fields, key, publicText, given } of JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'))) {
  const made = make(scheme, fields, key, '<key>');
  console.log(JSON.stringify({ finding: judge(scheme, fields, { key, publicText }, given), ...made }));
}
";

const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

/// Requests with each `sign_type`, of ASCII and not, with an empty value, of both versions.
fn requests() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut all = Vec::new();
    for sign_type in [None, Some("MD5"), Some("HMAC-SHA256"), Some("RSA2")] {
        for (body, version) in [("tea", None), ("明前龙井", None), ("明前龙井", Some("2"))]
        {
            let mut fields = vec![("total_fee", "100"), ("body", body), ("attach", "")];
            fields.extend(sign_type.map(|word| ("sign_type", word)));
            fields.extend(version.map(|word| ("version", word)));
            all.push(fields);
        }
    }
    all
}

/// What is signed over a request by whoever does it rightly, and wrongly.
fn signatures(fields: &[(&str, &str)]) -> Vec<String> {
    let key = Secret::new(KEY);
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let of = |keep: &dyn Fn(&(&str, &str)) -> bool| {
        sign::canonical(sorted.iter().copied().filter(|field| keep(field)))
    };
    let pairs = sorted.iter().filter(|(_, value)| !value.is_empty());
    let pairs = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let right = of(&|_| true);
    let around = format!("{KEY}{right}{KEY}");
    let mut all = vec![
        sign::suffix_sign(&key, sorted.iter().copied()),
        sign::sha256_hex(&around),
        sign::hmac_sign(&key, &around, SignForm::Plain),
        sign::hmac_sign(&Secret::new("another"), &right, SignForm::Plain),
        "nothing".into(),
        "00".repeat(16),
        "00".repeat(32),
        "AAAA".repeat(86),
    ];
    let texts = [right.clone(), of(&|(name, _)| *name != "sign_type"), of(&|(_, v)| !v.is_empty())];
    for text in texts.into_iter().chain([pairs]) {
        for form in [SignForm::Plain, SignForm::Widened] {
            all.push(sign::md5_sign(&key, &text, form));
            all.push(sign::hmac_sign(&key, &text, form).to_lowercase());
            let by_rsa = Signing { scheme: Scheme::Rsa2, form };
            all.push(sign::Signer::of(&merchant()).sign_text(&text, by_rsa).unwrap());
        }
    }
    all
}

/// The merchant whose RSA key the page verifies with.
fn merchant() -> kernel::application::Application {
    crate::schemes::holder(Secret::new(KEY), vec![PAIR.public_key().unwrap()])
}

/// What the program says of a case.
fn program(fields: &[(&str, &str)], given: &str, scheme: Scheme) -> Value {
    let mut sent: Vec<_> =
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    sent.push(("sign".into(), given.to_owned()));
    let object: serde_json::Map<_, _> =
        sent.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    let text = Value::from(object).to_string();
    let read = Fields::from_json(json::object(&text).unwrap()).unwrap();
    let is_strong = ["HMAC-SHA256", "RSA2"].contains(&read.text("sign_type").unwrap_or_default());
    let form = |form: SignForm| match form {
        SignForm::Version2 => "right-version2",
        SignForm::Widened => "right-widened",
        SignForm::Plain => "right-plain",
    };
    match verified_with(&merchant(), &read).map(|signing| (signing.scheme, signing.form)) {
        Some((Scheme::Suffix, _)) if scheme == Scheme::Suffix => return "right-suffix".into(),
        Some((Scheme::Md5, _)) if scheme == Scheme::Suffix => return "md5-not-suffix".into(),
        Some((Scheme::Md5, _)) if is_strong => {
            return format!("{:?}", KeyMistake::Md5DespiteSignType).into();
        }
        Some((Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2, made)) => return form(made).into(),
        Some((Scheme::Suffix, _)) | None => {}
    }
    let (key, public) = (Secret::new(KEY), [PAIR.public_key().unwrap()]);
    let keys = Keys { current: &key, expired: Vec::new(), others: Vec::new(), public: &public };
    let found = diagnose(&sent, &keys).mistake;
    let is_of_md5 = given.len() == 32 && scheme == Scheme::Suffix;
    found.filter(|_| !is_of_md5).map_or(Value::Null, |(name, _)| name.into())
}

#[tokio::test]
async fn the_signature_page_says_of_every_scheme_what_the_program_says() {
    let public = PAIR.public_key().unwrap();
    let (mut cases, mut expect) = (Vec::new(), Vec::new());
    for fields in requests() {
        for given in signatures(&fields) {
            for scheme in Scheme::ALL {
                cases.push(json!({
                    "scheme": scheme.word(), "fields": fields, "key": KEY,
                    "publicText": public.pem(), "given": given,
                }));
                expect.push((program(&fields, &given, scheme), fields.clone(), scheme));
            }
        }
    }
    let folder = FreshFolder::make().unwrap();
    let file = folder.path().join("cases.json");
    std::fs::write(&file, Value::from(cases.clone()).to_string()).unwrap();
    let mut node = Command::new("node");
    node.args(["-e", JUDGE]).arg(root().join("crates/web/src/assets/sign_strong.js")).arg(&file);
    let outcome = Running::start(&mut node).outcome(b"").await;
    assert_eq!(outcome.code, 0, "{}", outcome.complained);
    let said = outcome.said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let said: Vec<_> = said.collect();
    assert_eq!(said.len(), cases.len());
    for ((case, said), (expect, fields, scheme)) in cases.iter().zip(&said).zip(&expect) {
        assert_eq!(said["finding"], *expect, "{case}");
        makes_the_same(said, fields, *scheme);
    }
    let found = |word: &str| expect.iter().any(|(finding, _, _)| finding == word);
    for mistake in KeyMistake::ALL {
        // The page holds one key, and is not asked for RSA2 without it here.
        let of_other_keys = matches!(
            mistake,
            KeyMistake::ExpiredKey | KeyMistake::AnotherApplicationsKey | KeyMistake::NoPublicKey
        );
        assert!(of_other_keys || found(&format!("{mistake:?}")), "{mistake:?} is never found");
    }
    assert!(found("right-suffix") && found("right-version2") && found("md5-not-suffix"));
}

/// Whether the page makes what the program makes, and never the key.
fn makes_the_same(said: &Value, fields: &[(&str, &str)], scheme: Scheme) {
    let key = Secret::new(KEY);
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let text = sign::canonical(sorted.iter().copied());
    let expect = match scheme {
        Scheme::Md5 => [SignForm::Plain, SignForm::Widened]
            .map(|form| Value::from(sign::md5_sign(&key, &text, form))),
        Scheme::HmacSha256 => [SignForm::Plain, SignForm::Widened]
            .map(|form| Value::from(sign::hmac_sign(&key, &text, form))),
        Scheme::Suffix => [sign::suffix_sign(&key, sorted.iter().copied()).into(), Value::Null],
        Scheme::Rsa2 => [Value::Null, Value::Null],
    };
    assert_eq!([&said["plain"], &said["widened"]], [&expect[0], &expect[1]], "{said}");
    assert!(!said.to_string().contains(KEY), "{said}");
}

#[tokio::test]
async fn the_signature_page_reads_public_keys_and_no_private_one() {
    const READ: &str = r"
const { publicKey, isPrivate } = require(process.argv[1]);
for (const text of JSON.parse(process.argv[2])) console.log(JSON.stringify([publicKey(text) !== null, isPrivate(text)]));
";
    let private = PAIR.sealable().unwrap();
    crate::leaks::secret(crate::leaks::Kind::Key, "an RSA key", private.expose().as_bytes());
    let public = PAIR.public_key().unwrap();
    let texts =
        json!([public.pem(), public.text(), "", "x", "MAA=", "-----BEGIN PRIVATE KEY-----"]);
    let mut node = Command::new("node");
    node.args(["-e", READ]).arg(root().join("crates/web/src/assets/sign_strong.js"));
    node.arg(texts.to_string());
    let outcome = Running::start(&mut node).outcome(b"").await;
    let said: Vec<_> = outcome.said.lines().collect();
    let none = "[false,false]";
    let expect = ["[true,false]", "[true,false]", none, none, none, "[false,true]"];
    assert_eq!(said, expect, "{outcome:?}");
    assert!(PublicKey::parse(private.expose()).is_none());
}

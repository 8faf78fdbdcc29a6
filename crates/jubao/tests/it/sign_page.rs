//! The signature page's script and the program agree: on every vector made with PHP, and on every
//! mistake, over fields that clients really send. The script runs in Node, as it is served.

use std::process::Command;

use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign;
use kernel::sign_doctor::{Finding, Mistake, explain};
use serde_json::Value;

use crate::foreign::{Running, root};

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

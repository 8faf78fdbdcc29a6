//! Secrets stay where they belong: every log line at the finest level, every answer and page that
//! tests were given, and every file that they made is searched for every secret that they used.
//!
//! Tests write down both as they go, in `target/test-records`. `cargo x test` searches once more when
//! all have ended.

mod folder;
mod records;
mod spellings;

use std::fs;
use std::path::Path;

use self::spellings::Searcher;

pub use self::folder::{TestFolder, remember_identity};
pub use self::records::{Kind, client_builder, complaints_file, heard, is_given, secret};

/// What a search found.
#[derive(Debug, Default)]
struct Found {
    bytes: u64,
    hits: Vec<String>,
}

/// Searches every record; lines of logs hold no secret at all, answers none but those that their
/// reader needs.
fn search(records: &Path) -> (usize, Found) {
    let secrets = records::secrets(records);
    let of = |kinds: &[Kind]| {
        let wanted = secrets.iter().filter(|(kind, _, _)| kinds.contains(kind));
        Searcher::new(wanted.map(|(_, name, bytes)| (name.as_str(), bytes.as_slice())))
    };
    let in_logs = of(&[Kind::Key, Kind::Page, Kind::Code, Kind::Password]);
    let (in_answers, in_said) = (of(&[Kind::Key]), of(&[Kind::Password]));
    let mut found = Found::default();
    for entry in fs::read_dir(records).into_iter().flatten().flatten() {
        let path = entry.path();
        let bytes = fs::read(&path).unwrap_or_default();
        let hits = match path.extension().and_then(|ending| ending.to_str()) {
            Some("log") => in_logs.hits(&bytes),
            Some("answers") => {
                [in_answers.hits(&bytes), in_said.hits(&records::said(&bytes))].concat()
            }
            _ => continue,
        };
        found.bytes += bytes.len() as u64;
        let name = |(line, name): (usize, &str)| format!("{}:{line}: {name}", path.display());
        found.hits.extend(hits.into_iter().map(name));
    }
    (secrets.len(), found)
}

#[test]
fn nothing_that_was_recorded_holds_a_secret() {
    let records = records::folder();
    let (secrets, found) = search(records);
    println!("{secrets} secrets, {} MB of records: {} hits", found.bytes >> 20, found.hits.len());
    assert!(found.hits.is_empty(), "{:#?}", found.hits);
    // At the end of `cargo x test` there is something to search, and to search for.
    assert!(!records::is_last_search() || (secrets > 100 && found.bytes > 1 << 20));
}

#[test]
fn a_password_is_found_in_logs_and_in_what_was_answered_but_not_in_what_its_owner_sent() {
    let folder = jubao::demo::FreshFolder::make().unwrap();
    let password = "茶 3b7e5d1f9c24a806 house";
    let line = records::line_of((Kind::Password, "a password", password.as_bytes()));
    fs::write(folder.path().join("secrets"), line).unwrap();
    let said = |verb: &str| format!("0a1b2c3d {verb}: {:?}\n", format!("x {password}"));
    let lines = |verbs: &[&str]| verbs.iter().map(|verb| said(verb)).collect::<String>();
    fs::write(folder.path().join("1.log"), lines(&["write", "read"])).unwrap();
    let (sent, answered) = (["write", "write (vectored)"], ["write", "read", "write"]);
    for (verbs, hits) in [(&sent[..], 2), (&answered[..], 3)] {
        fs::write(folder.path().join("1.answers"), lines(verbs)).unwrap();
        assert_eq!(search(folder.path()).1.hits.len(), hits, "{verbs:?}");
    }
}

#[test]
fn a_planted_secret_is_found_in_every_record_and_in_every_spelling() {
    let folder = jubao::demo::FreshFolder::make().unwrap();
    let (key, token) = ("3b7e5d1f9c24a8064a5d8f10e6b2c973", "q7SgkYy2mXc0Jp1B");
    let line = records::line_of((Kind::Key, "a key", key.as_bytes()));
    let lines = line + &records::line_of((Kind::Page, "a page", token.as_bytes()));
    fs::write(folder.path().join("secrets"), lines).unwrap();
    let base64 = |text: String| channels::seal::base64(text.as_bytes());
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let planted = [
        key.to_owned(),
        key.to_uppercase(),
        hex(key),
        hex(key).to_uppercase(),
        base64(key.to_owned()),
        base64(format!("x{key}")),
        base64(format!("{{\"{key}\"}}")),
        format!("{:?}", key.as_bytes()),
    ];
    let (log, answers) = (folder.path().join("1.log"), folder.path().join("1.answers"));
    for text in &planted {
        let text = format!("a line\nanother with {text} in it\n{token}\n");
        fs::write(&log, &text).unwrap();
        fs::write(&answers, &text).unwrap();
        let (secrets, found) = search(folder.path());
        let mut hits: Vec<_> =
            found.hits.iter().map(|hit| hit.rsplit('/').next().unwrap()).collect();
        hits.sort_unstable();
        let expect = ["1.answers:2: a key", "1.log:2: a key", "1.log:3: a page"];
        assert_eq!((secrets, hits), (2, expect.to_vec()), "{text}");
    }
}

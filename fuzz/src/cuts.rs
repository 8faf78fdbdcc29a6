//! The unique parse, over a small language in which collisions are common, against an enumerator
//! that knows nothing of scanning: it tries every way to cut a text.

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use kernel::fields::is_name;
use kernel::unique_parse::{Lexicon, Rule, Scan};

/// Longest text that is cut in every way.
const LENGTH_MAX: usize = 13;
/// What texts are made of.
const PIECES: [&str; 16] =
    ["at", "bu", "cn", "dk", "ek", "!", "1", "2", "c", "d", "z", "dz", "_", "a", "0", "e"];

const fn rule(name: &'static str, is_free: bool, is_url: bool, role: u8) -> Rule {
    Rule { name, is_free, is_ignored: false, is_url, role }
}

const RULES: [Rule; 5] = [
    rule("at", true, false, 0),
    rule("bu", false, true, 0),
    rule("cn", false, false, 0),
    rule("dk", false, false, 0),
    rule("ek", false, false, 1),
];

/// Numbers of [`PIECES`].
#[derive(Arbitrary, Debug)]
pub struct Pieces(Vec<u8>);

type Cut<'a> = Vec<(&'a str, &'a str)>;

fn accepts(rule: usize, value: &str) -> bool {
    let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match rule {
        0 => value.len() <= 8 && !value.contains("bu!"),
        1 => value.starts_with('!') && value.len() <= 12,
        2 => value.len() <= 2 && is_digits,
        3 => value.len() <= 4 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        _ => value.len() == 1 && is_digits,
    }
}

fn rule_of(name: &str) -> Option<usize> {
    RULES.iter().position(|rule| rule.name == name)
}

/// Every way to read `text` as ascending names with values of their languages.
fn cuts<'a>(text: &'a str, after: &str) -> Vec<Cut<'a>> {
    if text.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for name_end in 1..=text.len() {
        let name = &text[..name_end];
        if name <= after || !is_name(name) {
            continue;
        }
        let rule = rule_of(name);
        for end in name_end..=text.len() {
            let value = &text[name_end..end];
            if rule.is_some_and(|rule| !value.is_empty() && !accepts(rule, value)) {
                continue;
            }
            for mut rest in cuts(&text[end..], name) {
                rest.insert(0, (name, value));
                all.push(rest);
            }
        }
    }
    all
}

/// Of all ways to read one signed text that are accepted, no two mean different things.
pub fn unique_parse(pieces: &Pieces) {
    let mut text = String::new();
    for piece in &pieces.0 {
        let piece = PIECES[usize::from(*piece) % PIECES.len()];
        if text.len() + piece.len() + "ek1".len() > LENGTH_MAX {
            break;
        }
        text.push_str(piece);
    }
    text.push_str("ek1");
    let lexicon = Lexicon::new(RULES.to_vec());
    let mut meanings = BTreeSet::new();
    for cut in cuts(&text, "") {
        let scan = Scan::new(&text, cut.iter().copied(), &lexicon);
        let is_whole = cut.iter().any(|(name, value)| *name == "ek" && !value.is_empty());
        if is_whole && scan.refused_unknown().is_none() && scan.ambiguous_field(&accepts).is_none()
        {
            let matters = |(name, value): &(&str, &str)| {
                !value.is_empty() && rule_of(name).is_some_and(|rule| !RULES[rule].is_free)
            };
            meanings.insert(cut.into_iter().filter(matters).collect::<Vec<_>>());
        }
    }
    assert!(meanings.len() <= 1, "{text} can mean {meanings:?}");
}

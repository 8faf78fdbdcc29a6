//! The parse against a brute-force enumerator of cuts, over a small language in which collisions are
//! common: one free text, one URL, digits, a token, and a required digit.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const fn rule(name: &'static str, [is_free, is_url]: [bool; 2], role: u8) -> Rule {
    Rule { name, is_free, is_ignored: false, is_url, role }
}

const RULES: [Rule; 5] = [
    rule("at", [true, false], 0),
    rule("bu", [false, true], 0),
    rule("cn", [false, false], 0),
    rule("dk", [false, false], 0),
    rule("ek", [false, false], 1),
];

/// What texts are made of: names, beginnings of values, and what else could be a name.
const PIECES: &[&str] = &["at", "bu", "cn", "dk", "ek", "!", "1", "2", "c", "d", "z", "dz", "_"];

type Cut<'a> = Vec<(&'a str, &'a str)>;

/// The language of each rule, beside the empty value.
fn accepts(rule: usize, value: &str) -> bool {
    let length = value.len();
    match rule {
        0 => length <= 8 && !value.contains("bu!"),
        1 => value.starts_with('!') && length <= 12,
        2 => length <= 2 && value.bytes().all(|byte| byte.is_ascii_digit()),
        3 => length <= 4 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        _ => length == 1 && value.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn rule_of(name: &str) -> Option<usize> {
    RULES.iter().position(|rule| rule.name == name)
}

/// Every way to read `text` as ascending names with values of their languages.
fn cuts<'a>(text: &'a str, after: &str, with_unknown: bool) -> Vec<Cut<'a>> {
    if text.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for name_end in 1..=text.len() {
        let name = &text[..name_end];
        let rule = rule_of(name);
        if name <= after || !is_name(name) || (rule.is_none() && !with_unknown) {
            continue;
        }
        for end in name_end..=text.len() {
            let value = &text[name_end..end];
            if rule.is_some_and(|rule| !value.is_empty() && !accepts(rule, value)) {
                continue;
            }
            for mut rest in cuts(&text[end..], name, with_unknown) {
                rest.insert(0, (name, value));
                all.push(rest);
            }
        }
    }
    all
}

fn meets_requirements(cut: &Cut<'_>) -> bool {
    cut.iter().any(|(name, value)| *name == "ek" && !value.is_empty())
}

fn is_accepted(text: &str, cut: &Cut<'_>, lexicon: &Lexicon) -> bool {
    let scan = Scan::new(text, cut.iter().copied(), lexicon);
    meets_requirements(cut)
        && scan.refused_unknown().is_none()
        && scan.ambiguous_field(&accepts).is_none()
}

/// What a request means, apart from its free text: an empty value is as good as none.
fn meaning<'a>(cut: &Cut<'a>) -> Cut<'a> {
    let matters = |(name, value): &&(&str, &str)| {
        !value.is_empty() && rule_of(name).is_some_and(|rule| !RULES[rule].is_free)
    };
    cut.iter().filter(matters).copied().collect()
}

/// The contract's own words: a cut into known names that begins one inside a value of `submitted`.
fn has_other_known_cut(text: &str, submitted: &Cut<'_>) -> bool {
    let mut values = Vec::new();
    let mut at = 0;
    for (name, value) in submitted {
        values.push((at + name.len(), at + name.len() + value.len()));
        at += name.len() + value.len();
    }
    cuts(text, "", false).iter().filter(|cut| meets_requirements(cut)).any(|cut| {
        let mut at = 0;
        cut.iter().any(|(name, value)| {
            let is_inside = values.iter().any(|(from, to)| (*from..*to).contains(&at));
            at += name.len() + value.len();
            is_inside && *name != "at"
        })
    })
}

fn a_text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 1..7)
        .prop_map(|pieces| format!("{}ek1", pieces.concat()))
        .prop_filter("short", |text| text.len() <= 14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_two_accepted_cuts_of_a_text_differ_outside_the_free_text(text in a_text()) {
        let lexicon = Lexicon::new(RULES.to_vec());
        let all = cuts(&text, "", true);
        let accepted = all.iter().filter(|cut| is_accepted(&text, cut, &lexicon));
        let meanings = accepted.map(meaning).collect::<BTreeSet<_>>();
        prop_assert!(meanings.len() <= 1, "{text}: {meanings:?}");
    }

    #[test]
    fn every_cut_that_the_contract_refuses_is_refused(text in a_text()) {
        let lexicon = Lexicon::new(RULES.to_vec());
        for cut in cuts(&text, "", false) {
            if has_other_known_cut(&text, &cut) {
                prop_assert!(!is_accepted(&text, &cut, &lexicon), "{text}: {cut:?}");
            }
        }
    }
}

fn check(fields: &[(&str, &str)], expect: bool) {
    let lexicon = Lexicon::new(RULES.to_vec());
    let text = fields.iter().map(|(name, value)| format!("{name}{value}")).collect::<String>();
    let cut = fields.to_vec();
    assert_eq!(is_accepted(&text, &cut, &lexicon), expect, "{fields:?}");
}

#[test]
fn values_that_look_like_names_pass_while_no_cut_can_use_them() {
    check(&[("bu", "!x"), ("ek", "1")], true);
    check(&[("bu", "!/cn=5"), ("ek", "1")], true);
    check(&[("bu", "!cn5"), ("ek", "1")], false);
    check(&[("bu", "!"), ("cn", "5"), ("ek", "1")], true);
    check(&[("at", "dk"), ("bu", "!"), ("ek", "1")], true);
    check(&[("at", "x"), ("ek", "1"), ("zz", "ek")], false);
    check(&[("bu", "!x"), ("cz", ""), ("ek", "1")], false);
    check(&[("dk", "a"), ("dz", "1"), ("ek", "1")], false);
    check(&[("cn", "1"), ("cz", "1"), ("ek", "1")], true);
}

/// Two accepted cuts of one text once differed behind such a pair: what each holds alone is no name.
#[test]
fn a_name_may_not_hide_between_two_unknown_fields() {
    check(&[("ek", "1"), ("f", "e"), ("k", "1")], false);
    check(&[("ek", "1"), ("f", "e"), ("g", ""), ("k", "1")], true);
    check(&[("ek", "1"), ("f", "b"), ("u", "!"), ("z", "")], false);
    check(&[("ek", "1"), ("f", "x"), ("k", "1")], true);
}

#[test]
fn too_many_occurrences_are_refused() {
    let value = |count: usize| format!("!{}", "/at".repeat(count));
    let lexicon = Lexicon::new(RULES.to_vec());
    for (count, expect) in [(250, None), (257, Some(0))] {
        let fields = [("bu", value(count)), ("ek", "1".into())];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let text = fields.clone().map(|(name, value)| format!("{name}{value}")).collect::<String>();
        let scan = Scan::new(&text, fields, &lexicon);
        assert_eq!(scan.ambiguous_field(&|_, _| true), expect, "{count}");
    }
}

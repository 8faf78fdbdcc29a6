//! The doctor under test: each mistake is found by its signature.

use super::*;

const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

fn finding(fields: &[(&str, &str)], made_over: &str) -> Option<Finding> {
    let sign = sign::md5_sign(&Secret::new(""), made_over, SignForm::Plain).to_lowercase();
    let signature = ("sign", sign.as_str());
    let fields = fields.iter().chain([&signature]);
    let owned = fields.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let explanation = explain(&owned.collect::<Vec<_>>(), &Secret::new(KEY));
    assert!(!explanation.text.contains(KEY));
    explanation.finding
}

#[test]
fn each_mistake_is_found_by_its_signature() {
    let k = KEY;
    let fields = [("total_fee", "1"), ("body", "聚 宝"), ("attach", "")];
    for (text, mistake) in [
        (format!("{k}body聚 宝total_fee1{k}"), Mistake::EmptiesLeftOut),
        (
            format!("{k}{}{k}", widened(&widened("attachbody聚 宝total_fee1"))),
            Mistake::WidenedTwice,
        ),
        (format!("{k}body=聚 宝&total_fee=1{k}"), Mistake::JoinedWithSeparators),
        (format!("{k}attach=&body=聚 宝&total_fee=1{k}"), Mistake::JoinedWithSeparators),
        (format!("body=聚 宝&total_fee=1&key={k}"), Mistake::KeySuffix),
        (format!("{k}attachbody聚 宝total_fee1"), Mistake::KeyOnlyInFront),
        (format!("attachbody聚 宝total_fee1{k}"), Mistake::KeyOnlyBehind),
        (format!("{k}total_fee1body聚 宝attach{k}"), Mistake::Unsorted),
        (format!("{k}attachbody聚 宝signtotal_fee1{k}"), Mistake::SignIncluded),
        (format!("{k}attachbody%E8%81%9A%20%E5%AE%9Dtotal_fee1{k}"), Mistake::ValuesUrlEncoded),
        (format!("{k}attachbody%E8%81%9A+%E5%AE%9Dtotal_fee1{k}"), Mistake::ValuesUrlEncoded),
        (format!("{k}聚 宝1{k}"), Mistake::NamesLeftOut),
        (format!("{k}attachbody聚 宝totalFee1{k}"), Mistake::NamesRespelled),
        (format!("{k}ATTACHBODY聚 宝TOTAL_FEE1{k}"), Mistake::NamesRespelled),
        (format!("{k}attachbody聚 宝total_fee1.00{k}"), Mistake::NumbersReformatted),
        (format!("{k}attachbody聚 宝total_fee0.01{k}"), Mistake::NumbersReformatted),
        (format!("{k}\nattachbody聚 宝total_fee1{k}\n"), Mistake::KeyPadded),
        (format!("{0}attachbody聚 宝total_fee1{0}", k.to_uppercase()), Mistake::KeyRespelled),
    ] {
        assert_eq!(finding(&fields, &text), Some(Finding::Mistake(mistake)), "{text}");
    }
}

#[test]
fn widening_is_a_mistake_only_with_version_two() {
    let fields = [("body", "聚"), ("version", "2")];
    let text = format!("{KEY}{}{KEY}", widened("body聚version2"));
    let mistake = Finding::Mistake(Mistake::WidenedDespiteVersion2);
    assert_eq!(finding(&fields, &text), Some(mistake));
    let text = format!("{KEY}{}{KEY}", widened("body聚"));
    let right = Finding::Right(SignForm::Widened);
    assert_eq!(finding(&[("body", "聚")], &text), Some(right));
}

#[test]
fn case_and_underscores_in_the_order_are_told_apart() {
    let fields = [("a_b", "1"), ("ab", "Q"), ("sub_a", "")];
    let text = format!("{KEY}abQa_b1sub_a{KEY}");
    assert_eq!(finding(&fields, &text), Some(Finding::Mistake(Mistake::SortedWithoutCase)));
    let text = format!("{KEY}a_b1abqsub_a{KEY}");
    assert_eq!(finding(&fields, &text), Some(Finding::Mistake(Mistake::LowerCased)));
}

#[test]
fn a_wrong_key_is_no_known_mistake() {
    assert_eq!(finding(&[("body", "x")], "otherbodyxother"), None);
}

//! Bytes and texts that nobody sends by accident: they are refused, and nothing panics.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..200), content_type in ".{0,40}"
    ) {
        let raw = RawCall { content_type: Some(&content_type), body: &body, ..raw("", Operation::Place) };
        let _ = admit_raw(&raw, &an_application());
    }

    #[test]
    fn no_signed_texts_make_it_panic(
        texts in prop::collection::vec(("[a-z_]{1,8}|body|detail|notify_url|total_fee|sn|page|end_time|after|wait", any::<String>()), 0..8),
        at in 0..Operation::ALL.len(),
    ) {
        let mut fields = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>();
        fields.push(MCH);
        fields.sort_unstable();
        fields.dedup_by(|left, right| left.0 == right.0);
        let operation = Operation::ALL[at];
        let _ = admit_json(&signed(&fields), &an_application(), operation);
    }

    #[test]
    fn a_changed_byte_is_never_authentic(at in 0..1000_usize, letter in "[a-z0-9]") {
        let fields = order_with(&[("body", "abc"), ("out_trade_no", "T1")]);
        let body = signed(&fields);
        let at = at % body.len();
        let mut changed = body.clone().into_bytes();
        changed[at] = letter.as_bytes()[0];
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(!changed.eq_ignore_ascii_case(&body));
        prop_assert!(admit_json(&changed, &an_application(), Operation::Place).is_err());
    }
}

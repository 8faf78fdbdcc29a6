//! Notices in the document's dialect (contract section 7): the facts of an event, written once, and
//! each attempt's body, signed anew. An attempt never changes a fact.

use url::form_urlencoded;

use crate::dialect::answer;
use crate::dialect::members::{self, Member, Members};
use crate::json::{self, JsonValue};
use crate::order::Order;
use crate::refund::Refund;
use crate::scheme::Signing;
use crate::sign::Signer;

/// How a notice is encoded.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// What a notice tells of `order` as it is at its event, without `nonce_str`, `version` and `sign`.
pub fn facts(order: &Order) -> Members<'_> {
    let info = order.product.info();
    let paid_at = order.payment.as_ref().map(|payment| payment.paid_at);
    let sn = order.sn();
    let mut members: Members<'_> = Vec::with_capacity(28);
    let mut add = |name: &'static str, member| members.push((name.into(), member));
    add("mch_id", order.mch_id.to_string().into());
    add("appid", order.app_id.to_string().into());
    add("sn", sn.as_str().to_owned().into());
    add("order_sn", sn.into_string().into());
    add("out_trade_no", order.out_trade_no.as_str().into());
    add("pay_channel_id", info.channel_id.into());
    add("provider", answer::provider_word(order).into());
    add("trade_type", info.trade_type.into());
    add("trade_state", order.state.word().into());
    add("status", order.state.status().into());
    for (name, member) in answer::money_members(order) {
        add(name, member);
    }
    for (name, member) in answer::payment_members(order, "") {
        add(name, member);
    }
    add("time_end", paid_at.map_or_else(String::new, |at| at.compact()).into());
    add("finish_time", paid_at.map_or_else(String::new, |at| at.beijing()).into());
    add("body", order.body.as_str().into());
    add("attach", order.attach.as_str().into());
    members
}

/// What the feed tells of a refund's event: its order as it is then, and the refund. The merchant's own
/// text for the payer is not among it: what is signed so may hold no free text that looks like members.
pub fn refund_facts<'a>(order: &'a Order, refund: &'a Refund) -> Members<'a> {
    let mut members = facts(order);
    let mut add = |name: &'static str, member| members.push((name.into(), member));
    add("out_refund_no", refund.out_refund_no.as_str().into());
    add("refund_id", refund.refund_no().into_string().into());
    add("refund_fee", refund.amount.minor.into());
    add("refund_fee_type", refund.amount.currency.code().into());
    add("refund_status", refund.state.status().into());
    let at = refund.done.as_ref().map_or_else(String::new, |done| done.at.beijing());
    add("refund_time", at.into());
    members
}

/// One attempt's content type and body: `facts` (the JSON object that was stored) with
/// `nonce_str`, `version` and `sign`. `None` if the stored text is no such object, or the signer lacks
/// the key: a defect either way.
pub fn encode(
    facts: &str,
    (signing, signer): (Signing, Signer<'_>),
    nonce: &str,
    encoding: Encoding,
) -> Option<(&'static str, String)> {
    let mut members = read(facts)?;
    members::sign_members(&mut members, signer, signing, nonce)?;
    Some(match encoding {
        Encoding::Json => ("application/json; charset=utf-8", members::object(&members)),
        Encoding::Form => {
            let mut body = form_urlencoded::Serializer::new(String::new());
            for (name, member) in &members {
                body.append_pair(name, &member.text());
            }
            ("application/x-www-form-urlencoded", body.finish())
        }
    })
}

fn read(facts: &str) -> Option<Members<'_>> {
    let members = json::object(facts).ok()?;
    let members = members.into_iter().map(|(name, value)| {
        let member = match value {
            JsonValue::Text(text) => Member::Text(text),
            JsonValue::Number(number) => Member::Int(number.parse().ok()?),
            JsonValue::Null | JsonValue::Other => return None,
        };
        Some((name, member))
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fields::Fields;
    use crate::form::{self, Escapes};
    use crate::order::{SignForm, tests::an_order};
    use crate::sign::{self, Signature, tests::an_application};
    use crate::time::Timestamp;

    #[test]
    fn facts_are_the_members_of_the_contract() {
        let order = an_order();
        let names = facts(&order).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let expect = "mch_id appid sn order_sn out_trade_no pay_channel_id provider trade_type \
                      trade_state status total_fee discount pay_amount cash_fee cash_fee_type \
                      fee_type bank_type transaction_id time_end finish_time body attach";
        assert_eq!(names.join(" "), expect);
    }

    #[test]
    fn what_is_no_object_of_strings_and_integers_is_not_sent() {
        let app = an_application();
        for text in ["", "[]", "{\"a\":null}", "{\"a\":1.5}", "{\"a\":{}}"] {
            let sent =
                encode(text, (SignForm::Plain.into(), Signer::of(&app)), "n", Encoding::Json);
            assert_eq!(sent, None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_notice_is_verified_by_the_routine_that_verifies_requests(
            body in any::<String>(), at in 0..3_usize, is_form in any::<bool>()
        ) {
            let (app, form) = (an_application(), SignForm::ALL[at]);
            let mut order = an_order();
            order.body = body.clone();
            let encoding = if is_form { Encoding::Form } else { Encoding::Json };
            let facts = members::object(&facts(&order));
            let (_, sent) = encode(&facts, (form.into(), Signer::of(&app)), "n1", encoding).unwrap();
            let fields = match encoding {
                Encoding::Json => Fields::from_json(json::object(&sent).unwrap()),
                Encoding::Form => {
                    Fields::from_form(form::urlencoded(&sent, Escapes::Decoded).unwrap())
                }
            };
            let fields = fields.unwrap();
            prop_assert_eq!(fields.text("body"), Some(body.as_str()));
            let signature = Signature::parse(fields.text("sign").unwrap(), fields.text("version"));
            let text = sign::canonical(fields.signed());
            let now = Timestamp::from_seconds(0);
            let verified = sign::verify(&app, now, &text, &signature.unwrap()).unwrap();
            prop_assert!(verified == form || text.is_ascii());
        }
    }
}

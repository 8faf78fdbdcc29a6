//! What WeChat Pay says of refunds (manual: 申请退款, 查询退款). That one is accepted does not mean that it
//! is done.

use kernel::money::Money;
use kernel::time::Timestamp;

use super::facts;
use super::xml::Members;
use crate::{Doubt, Outcome, Refund, Refunded, Refusal, RefusalKind, Stamp};

/// What a successful answer to a refund's request says.
///
/// # Errors
/// It is about another refund, or another amount.
pub(super) fn accepted(refund: &Refund, members: &Members) -> Result<Outcome, Doubt> {
    if members.of("out_refund_no") != refund.refund_no {
        return Err(wrong("out_refund_no"));
    }
    check_order(refund, members)?;
    check_fee(members, "refund_fee", refund.amount)?;
    Ok(Outcome::RefundPending { refund_id: members.of("refund_id").to_owned() })
}

/// What a successful answer to a refund's query says.
///
/// # Errors
/// It does not name the refund, names another amount, or a status that is not in the manual.
pub(super) fn standing(
    refund: &Refund,
    members: &Members,
    stamp: &Stamp,
) -> Result<Outcome, Doubt> {
    check_order(refund, members)?;
    let named = |(name, value): (&str, &str)| {
        let at = name.strip_prefix("out_refund_no_")?.to_owned();
        (value == refund.refund_no).then_some(at)
    };
    let mut found = members.iter().filter_map(named);
    let (Some(at), None) = (found.next(), found.next()) else {
        return Err(wrong("out_refund_no"));
    };
    let of = |name: &str| members.of(&format!("{name}_{at}"));
    check_fee(members, &format!("refund_fee_{at}"), refund.amount)?;
    let refund_id = of("refund_id").to_owned();
    match of("refund_status") {
        "SUCCESS" => refunded(refund, members, &at, stamp).map(Outcome::Refunded),
        "PROCESSING" => Ok(Outcome::RefundPending { refund_id }),
        "REFUNDCLOSE" => Ok(Outcome::RefundClosed(Refusal {
            kind: RefusalKind::Business,
            code: "REFUNDCLOSE".to_owned(),
            message: "退款关闭".to_owned(),
        })),
        // The payer's card cannot take it: a person must act at the merchant's console.
        "CHANGE" => Ok(Outcome::RefundStuck),
        _ => Err(wrong("refund_status")),
    }
}

/// The facts of the refund that the answer has at `at`.
fn refunded(
    refund: &Refund,
    members: &Members,
    at: &str,
    stamp: &Stamp,
) -> Result<Refunded, Doubt> {
    let of = |name: &str| members.of(&format!("{name}_{at}"));
    let mut own = Members::from([
        ("cash_refund_fee", of("cash_refund_fee")),
        ("cash_refund_fee_type", members.of("cash_fee_type")),
    ]);
    own.put("cash_refund_fee_type", of("cash_refund_fee_type"));
    let names = ["cash_refund_fee", "cash_refund_fee_type"];
    let told = of("refund_success_time");
    // The manual does not promise the time: then it is the time at which we heard of it.
    let refunded_at = if told.is_empty() { Some(stamp.now) } else { Timestamp::from_beijing(told) };
    Ok(Refunded {
        refund_id: of("refund_id").to_owned(),
        amount: refund.amount,
        cash: facts::cash(&own, names, refund.amount).map_err(wrong)?,
        rate: members.of("rate").to_owned(),
        refunded_at: refunded_at.ok_or_else(|| wrong("refund_success_time"))?,
    })
}

/// What an answer says of the order must be true of ours.
fn check_order(refund: &Refund, members: &Members) -> Result<(), Doubt> {
    let trade = &refund.trade;
    if members.of("out_trade_no") != trade.trade_no {
        return Err(wrong("out_trade_no"));
    }
    for name in ["fee_type", "refund_fee_type"] {
        if members.has(name) && members.of(name) != trade.amount.currency.code() {
            return Err(wrong(name));
        }
    }
    check_fee(members, "total_fee", trade.amount)
}

fn check_fee(members: &Members, name: &str, expect: Money) -> Result<(), Doubt> {
    if facts::fee(members, name) == Some(expect.minor) { Ok(()) } else { Err(wrong(name)) }
}

fn wrong(member: &str) -> Doubt {
    Doubt::Unreadable(format!("{member} is missing or another's"))
}

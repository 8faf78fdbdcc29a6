//! The simulated UnionPay's back notifications: when they are sent, what they say, and what goes wrong
//! with them.

use serde::{Deserialize, Serialize};

use crate::http::HttpRequest;
use crate::sim::outbox::{Notice, Outbox};
use crate::sim::{CallbackFaultKind, OutgoingCallback};
use crate::unionpay::request::NO_BACK_URL;
use crate::unionpay::sim::books::{Return, Trade};
use crate::unionpay::sim::{Platform, facts};
use crate::unionpay::wire::Fields;
use crate::{SetupError, Stamp};

const MINUTE_MS: i64 = 60_000;
/// How long UnionPay waits after each send that was not acknowledged: five in all.
pub(super) const RETRY_AFTER_MS: [i64; 4] =
    [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 8 * MINUTE_MS];
/// What a notification tells, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct News {
    url: String,
    sign_method: String,
    /// The facts as they were.
    facts: Fields,
}

/// Tells how an order ended.
pub(super) fn tell_trade(
    outbox: &mut Outbox<News>,
    trade: &Trade,
    fault: Option<CallbackFaultKind>,
    stamp: &Stamp,
) {
    let order = &trade.order;
    let mut told = facts::of_trade(trade);
    name(&mut told, &order.key.0, &order.key.1, facts::kind(order.way));
    let code = trade.code(stamp.now);
    told.set_all([("respCode", code), ("respMsg", facts::words(code))]);
    tell(outbox, News::new(&order.back_url, &order.sign_method, told), fault, stamp);
}

/// Tells that a refund or an undoing is done.
pub(super) fn tell_return(outbox: &mut Outbox<News>, given: &Return, trade: &Trade, stamp: &Stamp) {
    let mut told = facts::of_return(given, trade);
    let txn_type = if given.is_undo { "31" } else { "04" };
    name(&mut told, &given.key.0, &given.key.1, [txn_type, "00", "000000"]);
    told.set_all([("respCode", "00"), ("respMsg", facts::words("00"))]);
    tell(outbox, News::new(&given.back_url, &given.sign_method, told), None, stamp);
}

fn tell(outbox: &mut Outbox<News>, news: News, fault: Option<CallbackFaultKind>, stamp: &Stamp) {
    if news.url != NO_BACK_URL {
        outbox.add(&news, fault, stamp.now);
    }
}

impl News {
    fn new(url: &str, sign_method: &str, facts: Fields) -> Self {
        Self { url: url.to_owned(), sign_method: sign_method.to_owned(), facts }
    }
}

/// The request that tells it.
pub(super) fn request(
    notice: &Notice<News>,
    platform: &Platform,
) -> Result<OutgoingCallback, SetupError> {
    let News { url, sign_method, facts } = &notice.about;
    let fault = notice.first_fault();
    let mut fields = facts.clone();
    fields.set("merId", platform.config.mer_id.as_str());
    if let Some(fault) = fault {
        spoil(&mut fields, fault);
    }
    platform.sign(&mut fields, sign_method)?;
    if fault == Some(CallbackFaultKind::BadSignature) {
        fields.set("respMsg", "成功");
    }
    let form = "application/x-www-form-urlencoded;charset=UTF-8";
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: url.clone(),
        headers: vec![("Content-Type".to_owned(), form.to_owned())],
        body: fields.to_form().into_bytes(),
    };
    Ok(OutgoingCallback { id: notice.id, request })
}

/// What every notification echoes.
pub(super) fn name(
    fields: &mut Fields,
    order_id: &str,
    txn_time: &str,
    [txn_type, sub_type, biz_type]: [&str; 3],
) {
    fields.set_all([
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("accessType", "0"),
        ("orderId", order_id),
        ("txnTime", txn_time),
        ("txnType", txn_type),
        ("txnSubType", sub_type),
        ("bizType", biz_type),
    ]);
}

/// Puts a wrong member in. UnionPay knows no apps: another merchant stands for one.
fn spoil(fields: &mut Fields, fault: CallbackFaultKind) {
    match fault {
        CallbackFaultKind::WrongAmount => {
            let total = fields.of("txnAmt").parse::<i64>().unwrap_or(0);
            fields.set("txnAmt", total.saturating_sub(1).to_string());
        }
        CallbackFaultKind::WrongCurrency => {
            let other = if fields.of("currencyCode") == "036" { "344" } else { "036" };
            fields.set("currencyCode", other);
        }
        CallbackFaultKind::WrongApp | CallbackFaultKind::WrongMerchant => {
            fields.set("merId", "777290058100000");
        }
        CallbackFaultKind::Lost
        | CallbackFaultKind::Twice
        | CallbackFaultKind::Late
        | CallbackFaultKind::BadSignature => {}
    }
}

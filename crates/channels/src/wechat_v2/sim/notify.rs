//! Callbacks (manual: 支付结果通知, 退款结果通知): repeated until they are acknowledged.

use serde::{Deserialize, Serialize};

use super::super::callback::seal_key;
use super::super::sign::SignType;
use super::super::xml::Members;
use super::book::{Book, Trade, TradeState};
use super::{WechatV2SimConfig, answer, refunds};
use crate::http::HttpRequest;
use crate::legacy::seal_aes_ecb;
use crate::sim::outbox::Notice;
use crate::sim::{CallbackFaultKind, OutgoingCallback};
use crate::{Stamp, seal};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How long after each attempt the next one follows; after the last there is none.
const REPEAT_AFTER_MS: [i64; 15] = [
    15 * SECOND_MS,
    15 * SECOND_MS,
    30 * SECOND_MS,
    3 * MINUTE_MS,
    10 * MINUTE_MS,
    20 * MINUTE_MS,
    30 * MINUTE_MS,
    30 * MINUTE_MS,
    30 * MINUTE_MS,
    60 * MINUTE_MS,
    3 * HOUR_MS,
    3 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    6 * HOUR_MS,
];
/// What a callback is about, by the merchant's number.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum About {
    Payment(String),
    Refund(String),
}

/// The callbacks that are due.
pub(super) fn due(
    book: &mut Book,
    config: &WechatV2SimConfig,
    stamp: &Stamp,
) -> Vec<OutgoingCallback> {
    let due = book.outbox.take_due(&REPEAT_AFTER_MS, stamp.now);
    let outgoing = |notice: Notice<About>| {
        let request = request(&notice, book, config, stamp)?;
        Some(OutgoingCallback { id: notice.id, request })
    };
    due.into_iter().filter_map(outgoing).collect()
}

fn request(
    notice: &Notice<About>,
    book: &Book,
    config: &WechatV2SimConfig,
    stamp: &Stamp,
) -> Option<HttpRequest> {
    let (url, members) = match &notice.about {
        About::Payment(number) => {
            let trade = book.trades.get(number)?;
            (trade.notify_url.clone(), payment(trade, notice.fault(), config, stamp)?)
        }
        About::Refund(number) => {
            let trade = book.trades.get(book.refunds.get(number)?)?;
            let mut refunds = trade.refunds.iter();
            let refund = refunds.find(|refund| refund.out_refund_no == *number)?;
            let root = refunds::notified(trade, refund, config).to_xml("root");
            (refund.notify_url.clone(), sealed(&root, trade, config, stamp)?)
        }
    };
    let headers = [("Content-Type", "text/xml"), ("User-Agent", "Mozilla/4.0")];
    Some(HttpRequest {
        method: "POST".to_owned(),
        url,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: members.to_xml("xml").into_bytes(),
    })
}

fn payment(
    trade: &Trade,
    fault: Option<CallbackFaultKind>,
    config: &WechatV2SimConfig,
    stamp: &Stamp,
) -> Option<Members> {
    if !matches!(trade.state, TradeState::Paid { .. }) {
        return None;
    }
    let mut members = answer::payment(trade, config);
    for (name, value) in &trade.sub_names {
        members.put(name, value.as_str());
    }
    members.put("result_code", "SUCCESS");
    spoil(&mut members, fault, config);
    let sign_type = SignType::from_word(&trade.sign_type).unwrap_or(SignType::Md5);
    if sign_type != SignType::Md5 {
        members.put("sign_type", sign_type.word());
    }
    let mut members = answer::sign(members, sign_type, config, stamp);
    if fault == Some(CallbackFaultKind::BadSignature) {
        let forged: String = members.of("sign").chars().rev().collect();
        members.put("sign", forged);
    }
    Some(members)
}

/// Makes a callback say what is not so.
fn spoil(members: &mut Members, fault: Option<CallbackFaultKind>, config: &WechatV2SimConfig) {
    match fault {
        Some(CallbackFaultKind::WrongAmount) => {
            let total = members.of("total_fee").parse().unwrap_or(1_i64);
            members.put("total_fee", (total - 1).to_string());
        }
        Some(CallbackFaultKind::WrongCurrency) => {
            let is_cny = config.rate().is_none();
            members.put("fee_type", if is_cny { "HKD" } else { "CNY" });
        }
        Some(CallbackFaultKind::WrongApp) => members.put("appid", format!("{}0", config.appid)),
        Some(CallbackFaultKind::WrongMerchant) => {
            members.put("mch_id", format!("{}0", config.mch_id));
        }
        None
        | Some(
            CallbackFaultKind::Lost
            | CallbackFaultKind::Twice
            | CallbackFaultKind::Late
            | CallbackFaultKind::BadSignature,
        ) => {}
    }
}

/// The notification of a refund's end: sealed, and not signed.
fn sealed(root: &str, trade: &Trade, config: &WechatV2SimConfig, stamp: &Stamp) -> Option<Members> {
    let sealed = seal_aes_ecb(&seal_key(config.api_key.expose()), root.as_bytes())?;
    let mut members = Members::from([
        ("return_code", "SUCCESS"),
        ("appid", &config.appid),
        ("mch_id", &config.mch_id),
        ("nonce_str", &stamp.nonce),
        ("req_info", &seal::base64(&sealed)),
    ]);
    for (name, value) in &trade.sub_names {
        members.put(name, value.as_str());
    }
    Some(members)
}

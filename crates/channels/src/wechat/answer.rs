//! What WeChat Pay's answers mean. Only a verified answer is definite; a gateway's error page, a
//! truncated body or a word that is new to us is a doubt, never a refusal.

use kernel::product::Product;
use serde_json::Value;

use super::sign::{Distrust, Signature};
use super::{keys, order, pay_text, refund, refusal, setting, wire};
use crate::http::HttpResponse;
use crate::{Account, Doubt, Op, Outcome, Place, Refusal, RefusalKind, Stamp, Trade};

/// What `answer` to `op` means.
///
/// # Errors
/// Why nothing is known.
pub(super) fn outcome(
    op: &Op,
    account: &Account,
    answer: &HttpResponse,
    stamp: &Stamp,
) -> Result<Outcome, Doubt> {
    // 202: accepted, repeat; the others may come from machines that cannot sign (manual: 错误码).
    if matches!(answer.status, 202 | 429) || answer.status >= 500 {
        return Err(Doubt::Busy(format!("HTTP {}", answer.status)));
    }
    if answer.body.is_empty() && answer.status != 204 {
        return Err(Doubt::Empty);
    }
    if *op == Op::Keys {
        return keys::read(account, answer).map(Outcome::Keys);
    }
    verify(account, answer)?;
    match answer.status {
        200 => success(op, account, &body(answer)?, stamp),
        204 if matches!(op, Op::Close(_)) && answer.body.is_empty() => Ok(Outcome::Closed),
        400..=499 => refusal::read(op, answer.status, &body(answer)?),
        status => Err(Doubt::Unreadable(format!("HTTP {status} is no answer to this"))),
    }
}

fn verify(account: &Account, answer: &HttpResponse) -> Result<(), Doubt> {
    Signature::read(|name| answer.header(name))
        .and_then(|signature| signature.verify(account, &answer.body))
        .map_err(|distrust| match distrust {
            Distrust::UnknownKey(serial) => Doubt::UnknownKey { serial },
            Distrust::Unsigned => {
                Doubt::Unreadable(format!("HTTP {} without a signature", answer.status))
            }
            Distrust::Forged => {
                Doubt::Unreadable(format!("HTTP {} with a bad signature", answer.status))
            }
        })
}

fn body(answer: &HttpResponse) -> Result<Value, Doubt> {
    wire::parse(&answer.body).ok_or_else(|| Doubt::Unreadable("not JSON".to_owned()))
}

fn success(op: &Op, account: &Account, body: &Value, stamp: &Stamp) -> Result<Outcome, Doubt> {
    match op {
        Op::Place(place) if place.product == Product::Micropay => {
            standing(&Asked::placed(place, account), account, body)
        }
        Op::Place(place) => {
            let pay_text = pay_text::read(place, account, body, stamp)?;
            Ok(Outcome::Opened { pay_text })
        }
        Op::Query(trade) => standing(&Asked::about(trade, account), account, body),
        Op::Reverse(trade) => reversed(&Asked::about(trade, account), account, body),
        Op::Refund(asked) | Op::QueryRefund(asked) => refund::standing(asked, body),
        Op::Close(_) | Op::Rates | Op::Keys => {
            Err(Doubt::Unreadable("HTTP 200 is no answer to this".to_owned()))
        }
    }
}

/// What an answer about an order must name.
struct Asked<'a> {
    trade_no: &'a str,
    product: Product,
    /// `None`: whichever it names.
    app: Option<String>,
}

impl<'a> Asked<'a> {
    fn placed(place: &'a Place, account: &Account) -> Self {
        let app = order::app(place, account).to_owned();
        Self { trade_no: &place.trade_no, product: place.product, app: Some(app) }
    }

    /// Which app an order was placed with, its pay text remembers. If placing was never answered we
    /// cannot tell; the merchant's number and the order's are still compared.
    fn about(trade: &'a Trade, account: &Account) -> Self {
        let own = || Some(account.setting(setting::APPID).to_owned());
        let app = match (order::has_own_app(trade.product), trade.pay_text.as_str()) {
            (false, _) => own(),
            (true, "") => None,
            (true, pay_text) => pay_text::app_of(pay_text).or_else(own),
        };
        Self { trade_no: &trade.trade_no, product: trade.product, app }
    }

    /// Whether `object` is about this order, of this merchant and this app.
    fn check(&self, account: &Account, object: &Value) -> Result<(), Doubt> {
        let is_app = |named| self.app.as_deref().is_none_or(|app| app == named);
        let another = if wire::text(object, "/out_trade_no") != Some(self.trade_no) {
            "out_trade_no"
        } else if wire::text(object, "/mchid") != Some(account.setting(setting::MCHID)) {
            "mchid"
        } else if !wire::text(object, "/appid").is_some_and(is_app) {
            "appid"
        } else {
            return Ok(());
        };
        Err(Doubt::Unreadable(format!("{another} is another's")))
    }
}

/// Where an order stands, from its transaction object (manual: 商户订单号查询订单, 付款码支付).
fn standing(asked: &Asked, account: &Account, transaction: &Value) -> Result<Outcome, Doubt> {
    asked.check(account, transaction)?;
    let is_barcode = asked.product == Product::Micropay;
    match wire::text(transaction, "/trade_state").ok_or_else(|| wire::unreadable("trade_state"))? {
        // REFUND: it was paid, and some of it has gone back.
        "SUCCESS" | "REFUND" => {
            wire::payment(transaction).map(Outcome::Paid).map_err(wire::unreadable)
        }
        word @ "PAYERROR" if is_barcode => Ok(Outcome::Failed(Refusal {
            kind: RefusalKind::Business,
            code: word.to_owned(),
            message: wire::text(transaction, "/trade_state_desc").unwrap_or_default().to_owned(),
        })),
        // A refusal of the wallet is not the end: the payer may try again until the order expires.
        "NOTPAY" | "PAYERROR" => Ok(Outcome::Unpaid { is_acting: false }),
        "USERPAYING" => Ok(Outcome::Unpaid { is_acting: true }),
        "CLOSED" => Ok(Outcome::Closed),
        "REVOKED" => Ok(Outcome::Reversed),
        _ => Err(wire::unreadable("trade_state")),
    }
}

/// What became of a reversal (manual: 撤销订单). Its elder sister of v2 may ask to be called again.
fn reversed(asked: &Asked, account: &Account, body: &Value) -> Result<Outcome, Doubt> {
    asked.check(account, body)?;
    match body.pointer("/recall") {
        None => Ok(Outcome::Reversed),
        Some(recall) if recall == "N" || recall == false => Ok(Outcome::Reversed),
        Some(_) => Err(Doubt::Busy("call the reversal again".to_owned())),
    }
}

//! An order's whole story, for people who have to explain it: states, attempts, refunds, ledger, notices and
//! every message exchanged with upstreams.

use kernel::id::Sn;
use serde_json::{Value, json};
use store::{Store, StoreError, attempts, ledger, messages, notices, order_events, orders};

/// The story of one order.
#[derive(Clone, Debug)]
pub struct Story(Value);

/// Reads an order's story; `None` if there is no such order.
///
/// # Errors
/// The store does not answer.
pub async fn story(store: &Store, sn: &Sn) -> Result<Option<Story>, StoreError> {
    let Some(order) = orders::by_sn(store, sn).await? else { return Ok(None) };
    let (mch_id, id) = (order.mch_id, order.id);
    let attempts = attempts::of_order(store, mch_id, id).await?;
    let events = order_events::of_order(store, mch_id, id).await?;
    let refunds = store::refunds::of_order(store, mch_id, id).await?;
    let entries = ledger::of_order(store, mch_id, id).await?;
    let notices = notices::of_order(store, mch_id, id).await?;
    let messages = messages::of_order(store, mch_id, id).await?;
    let tries = notices.iter().flat_map(|one| one.attempts.iter());
    let amount = order.pay_amount();
    Ok(Some(Story(json!({
        "sn": sn.as_str(),
        "mch_id": mch_id.to_string(),
        "appid": order.app_id.to_string(),
        "out_trade_no": order.out_trade_no,
        "product": order.product.info().payment,
        "trade_state": order.state.word(),
        "pay_amount": amount.minor,
        "currency": amount.currency.code(),
        "body": order.body,
        "notify_url": order.notify_url,
        "created_at": order.created_at.beijing(),
        "expires_at": order.expires_at.beijing(),
        "transaction_id": order.payment.as_ref().map(|payment| payment.transaction_id.clone()),
        "paid_at": order.payment.as_ref().map(|payment| payment.paid_at.beijing()),
        "next_sweep": order.sweep_at.map(kernel::time::Timestamp::beijing),
        "events": events.iter().map(|event| json!({
            "at": event.at.beijing(), "event": event.event, "rev": event.rev,
            "from": event.from.map(kernel::state::TradeState::word), "to": event.to.word(),
        })).collect::<Vec<_>>(),
        "attempts": attempts.iter().map(|attempt| json!({
            "out_trade_no": attempt.trade_no(), "product": attempt.product.info().payment,
            "account": attempt.account_id.0, "version": attempt.account_version,
            "state": attempt.state.word(),
        })).collect::<Vec<_>>(),
        "refunds": refunds.iter().map(|refund| json!({
            "refund_id": refund.refund_no().as_str(), "out_refund_no": refund.out_refund_no,
            "amount": refund.amount.minor, "state": refund.state.word(),
            "cause": refund.cause.word(), "attempt": refund.attempt_no,
            "at": refund.created_at.beijing(),
            "done_at": refund.done.as_ref().map(|done| done.at.beijing()),
        })).collect::<Vec<_>>(),
        "ledger": entries.iter().map(|entry| json!({
            "book": entry.entry.book.word(), "amount": entry.entry.amount.minor,
            "currency": entry.entry.amount.currency.code(), "date": entry.business_date,
        })).collect::<Vec<_>>(),
        "notices": notices.iter().map(|one| json!({
            "event": one.notice.event.word(), "state": one.notice.state.word(),
            "url": one.notice.url, "tries": one.notice.tries,
            "due_at": one.notice.due_at.beijing(),
        })).collect::<Vec<_>>(),
        "notice_attempts": tries.map(|one| json!({
            "no": one.no, "at": one.log.at.beijing(), "outcome": one.log.outcome,
            "http_status": one.log.http_status, "duration_ms": one.log.duration_ms,
            "encoding": one.log.encoding, "answer": one.log.answer,
        })).collect::<Vec<_>>(),
        "messages": messages.iter().map(|message| json!({
            "at": message.at.beijing(), "direction": message.direction.word(),
            "kind": message.kind, "status": message.status, "head": message.head,
            "body": String::from_utf8_lossy(&message.body),
        })).collect::<Vec<_>>(),
    }))))
}

impl Story {
    /// As JSON.
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// For a terminal: the facts, then each list with one line an item.
    pub fn text(&self) -> String {
        let Value::Object(members) = &self.0 else { return String::new() };
        let mut text = String::new();
        for (name, value) in members {
            match value {
                Value::Array(rows) => {
                    text += &format!("\n{name}\n");
                    text += &rows.iter().map(row).collect::<String>();
                }
                Value::Null => {}
                other => text += &format!("{name:<16}{}\n", plain(other)),
            }
        }
        text
    }
}

fn row(value: &Value) -> String {
    let Value::Object(members) = value else { return String::new() };
    let cells = members.iter().filter(|(_, value)| !value.is_null());
    let cells = cells.map(|(name, value)| format!("{name}={}", plain(value).replace('\n', " ⏎ ")));
    format!("  {}\n", cells.collect::<Vec<_>>().join("  "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

//! `data` of lists and of the feed (contract section 6), a JSON object whose values are nested: it is not
//! signed, but each event's facts are, as a notification's.

use std::fmt::Write;

use gateway::{Caller, Gateway, Page, Topic};
use kernel::call::{EventsCall, ListCall};
use kernel::dialect::{answer, members, notice};
use kernel::fault::Fault;
use kernel::feed::FeedEvent;
use kernel::refund::RefundState;
use kernel::sign::Signer;
use kernel::state::TradeState;

/// A page of orders.
pub(crate) async fn orders(
    gateway: &Gateway,
    caller: &Caller,
    call: &ListCall<TradeState>,
) -> Result<String, Fault> {
    let page = gateway.list_orders(caller, call).await?;
    let items = page.items.iter().map(|answered| {
        members::object(&answer::order_members(&answered.order, &caller.app, &answered.urls()))
    });
    Ok(data((call.page, call.limit), &page, items))
}

/// A page of refunds, each with its order.
pub(crate) async fn refunds(
    gateway: &Gateway,
    caller: &Caller,
    call: &ListCall<RefundState>,
) -> Result<String, Fault> {
    let page = gateway.list_refunds(caller, call).await?;
    let items = page.items.iter().map(|row| {
        let (order, urls) = (&row.answered.order, row.answered.urls());
        members::object(&answer::refund_members((&row.refund, order), &caller.app, &urls))
    });
    Ok(data((call.page, call.limit), &page, items))
}

fn data<T>(
    (page, limit): (i64, i64),
    found: &Page<T>,
    items: impl Iterator<Item = String>,
) -> String {
    let total = found.total;
    let mut out = format!("{{\"page\":{page},\"limit\":{limit},\"total\":{total},\"items\":");
    push_array(&mut out, items);
    out.push('}');
    out
}

/// A page of the feed; while nothing has happened, what to watch for something.
pub(crate) async fn events(
    gateway: &Gateway,
    caller: &Caller,
    call: &EventsCall,
) -> (Result<String, Fault>, Option<Topic>) {
    let page = match gateway.list_events(caller, call).await {
        Ok(page) => page,
        Err(fault) => return (Err(fault), None),
    };
    let items: Option<Vec<_>> =
        page.items.iter().map(|event| item(event, caller, &gateway.nonce())).collect();
    let Some(items) = items else {
        tracing::error!(mch.id = %caller.app.mch_id, "an event cannot be read, or not signed");
        return (Err(Fault::Defect), None);
    };
    let is_empty = items.is_empty() && !page.has_more;
    let mut out = String::from("{\"items\":");
    push_array(&mut out, items.into_iter());
    let (next, has_more, newest) = (page.next, page.has_more, page.newest);
    let sandbox = caller.app.settings.sandbox;
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        ",\"next\":\"{next}\",\"has_more\":{has_more},\"newest\":\"{newest}\",\"sandbox\":{sandbox}}}"
    );
    (Ok(out), is_empty.then_some(Topic::Events(caller.app.mch_id)))
}

/// An event: its cursor, what and when, and `data` as the body of a notification in JSON, signed with the
/// caller's key in the form of the order. `None` if its facts are no members, or a
/// key is missing: a defect.
fn item(event: &FeedEvent, caller: &Caller, nonce: &str) -> Option<String> {
    let signed = (event.sign_form, Signer::of(&caller.app));
    let (_, facts) = notice::encode(&event.facts, signed, nonce, notice::Encoding::Json)?;
    let (seq, word, time) = (event.seq, event.event_type.word(), event.at.seconds());
    Some(format!("{{\"id\":\"{seq}\",\"type\":\"{word}\",\"time\":{time},\"data\":{facts}}}"))
}

fn push_array(out: &mut String, items: impl Iterator<Item = String>) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
}

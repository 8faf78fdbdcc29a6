//! The feed: what has happened at a merchant, for whoever asks instead of being told.

use kernel::call::EventsCall;
use kernel::fault::{Fault, Wording};
use kernel::feed::FeedEvent;
use store::feed;

use crate::Gateway;
use crate::callers::Caller;

/// Events that one answer looks at when it is asked for some types only: where those are rare, it says
/// how far it has looked, and the next answer goes on from there.
const LOOKED_AT_MAX: i64 = 1_000;

const BEYOND: Wording = [
    "超出最新事件，可能来自其他环境；请留空重新开始",
    "lies beyond the newest event, so it is another gateway's: begin with an empty one",
];

/// A page of the feed.
#[derive(Clone, Debug)]
pub struct EventsPage {
    /// What has happened, the oldest first.
    pub items: Vec<FeedEvent>,
    /// Behind which number to go on.
    pub next: i64,
    /// Whether there is more behind it already.
    pub has_more: bool,
    /// The newest event's number: where to begin for who wants only what is new.
    pub newest: i64,
}

impl Gateway {
    /// What has happened behind a number.
    ///
    /// # Errors
    /// 492001 for a number that no event has yet; 4006 if the store does not answer.
    pub async fn list_events(
        &self,
        caller: &Caller,
        call: &EventsCall,
    ) -> Result<EventsPage, Fault> {
        let (store, mch_id) = (&self.0.store, caller.app.mch_id);
        let looked_at = if call.types.is_empty() { call.limit } else { LOOKED_AT_MAX };
        let head = feed::head(store, mch_id).await;
        let head = head.map_err(|error| self.busy("read events", &error))?;
        if call.after > head {
            return Err(Fault::bad_format("after", BEYOND));
        }
        // One more than is answered says whether there is more.
        let found = feed::after(store, mch_id, call.after, looked_at + 1).await;
        let mut found = found.map_err(|error| self.busy("read events", &error))?;
        let has_unseen = found.len() > usize::try_from(looked_at).unwrap_or(usize::MAX);
        if has_unseen {
            found.pop();
        }
        // What was committed between the two looks counts.
        let newest = found.last().map_or(head, |event| event.seq.max(head));
        Ok(EventsPage { newest, ..page(found, call, has_unseen) })
    }
}

/// What of `found` is answered; `has_unseen` says that there is more than was looked at.
fn page(found: Vec<FeedEvent>, call: &EventsCall, has_unseen: bool) -> EventsPage {
    let limit = usize::try_from(call.limit).unwrap_or(0);
    let seen = found.last().map_or(call.after, |event| event.seq);
    let is_wanted =
        |event: &FeedEvent| call.types.is_empty() || call.types.contains(&event.event_type);
    let mut wanted = found.into_iter().filter(is_wanted);
    let items: Vec<_> = wanted.by_ref().take(limit).collect();
    let has_more = wanted.next().is_some();
    match items.last() {
        // What was looked at behind the last of them is looked at again.
        Some(last) if has_more => {
            EventsPage { next: last.seq, has_more: true, items, newest: seen }
        }
        Some(_) | None => EventsPage { next: seen, has_more: has_unseen, items, newest: seen },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::feed::EventType;
    use kernel::id::{Id, MchId};
    use kernel::order::SignForm;
    use kernel::time::Timestamp;

    use super::*;

    /// Events 1, 2, …, every third of them a refund's.
    fn events(count: i64) -> Vec<FeedEvent> {
        let event = |seq| FeedEvent {
            mch_id: MchId(1),
            seq,
            event_type: if seq % 3 == 0 {
                EventType::RefundSuccess
            } else {
                EventType::OrderSuccess
            },
            order_id: Id(seq),
            sign_form: SignForm::Plain.into(),
            facts: String::new(),
            at: Timestamp::from_seconds(0),
        };
        (1..=count).map(event).collect()
    }

    fn call(limit: i64, types: &[EventType]) -> EventsCall {
        EventsCall { after: 0, limit, types: types.to_vec(), wait: Duration::ZERO }
    }

    fn seen(page: &EventsPage) -> (Vec<i64>, i64, bool) {
        (page.items.iter().map(|event| event.seq).collect(), page.next, page.has_more)
    }

    #[test]
    fn a_page_ends_with_what_it_shows_or_with_what_it_has_looked_at() {
        let refunds = [EventType::RefundSuccess];
        assert_eq!(seen(&page(events(3), &call(3, &[]), true)), (vec![1, 2, 3], 3, true));
        assert_eq!(seen(&page(events(3), &call(3, &[]), false)), (vec![1, 2, 3], 3, false));
        assert_eq!(seen(&page(events(10), &call(2, &refunds), false)), (vec![3, 6], 6, true));
        assert_eq!(seen(&page(events(10), &call(3, &refunds), false)), (vec![3, 6, 9], 10, false));
        assert_eq!(seen(&page(events(2), &call(3, &refunds), true)), (vec![], 2, true));
        assert_eq!(seen(&page(events(0), &call(3, &refunds), false)), (vec![], 0, false));
    }
}

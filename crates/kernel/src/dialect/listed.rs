//! From checked fields to what lists and the feed ask for (contract section 6), and how their values
//! depend on each other.

use std::time::Duration;

use crate::call::{EventsCall, ListCall, ListFilter};
use crate::fault::{Fault, Wording};
use crate::feed::EventType;
use crate::fields::Fields;
use crate::id::Id;
use crate::product::Provider;
use crate::refund::RefundState;
use crate::state::TradeState;
use crate::time::Timestamp;
use crate::value_form::integer;

/// Rows of an answer that does not say how many.
const LIMIT_DEFAULT: i64 = 10;
/// Seconds of a day.
const DAY_S: i64 = 86_400;

const BEFORE_ITS_START: Wording = ["早于开始时间", "lies before the start"];

/// Checks each end against its start.
///
/// # Errors
/// 490001 for an end before its start.
pub(super) fn check(fields: &Fields<'_>) -> Result<(), Fault> {
    let dates = (day(fields, "start_time"), day(fields, "end_time"));
    let times = (unix(fields, "unixtimestamp_start"), unix(fields, "unixtimestamp_end"));
    for (field, (start, end)) in [("end_time", dates), ("unixtimestamp_end", times)] {
        if start.zip(end).is_some_and(|(start, end)| end < start) {
            return Err(Fault::BadTime { field, cure: BEFORE_ITS_START });
        }
    }
    Ok(())
}

/// What a list of orders asks for.
pub(super) fn orders(fields: &Fields<'_>) -> ListCall<TradeState> {
    list(fields, fields.given("trade_state").and_then(TradeState::from_word).into_iter().collect())
}

/// What a list of refunds asks for.
pub(super) fn refunds(fields: &Fields<'_>) -> ListCall<RefundState> {
    let states = fields.given("refund_status").map(RefundState::of_status);
    list(fields, states.unwrap_or_default())
}

fn list<S>(fields: &Fields<'_>, states: Vec<S>) -> ListCall<S> {
    ListCall {
        page: number_or(fields, "page", 1),
        limit: number_or(fields, "limit", LIMIT_DEFAULT),
        filter: ListFilter {
            states,
            provider: fields.given("provider").and_then(Provider::from_word),
            store_id: fields.given("store_id").and_then(integer).filter(|store| *store != 0),
            out_trade_no: fields.given("out_trade_no").map(str::to_owned),
            ids: ids(fields),
        },
    }
}

/// The ids within all the times that are given. A date is a whole day in UTC+8, and an end belongs to
/// its list.
fn ids(fields: &Fields<'_>) -> (Id, Id) {
    let last_of_day = day(fields, "end_time").map(|first| first + DAY_S - 1);
    let from = [day(fields, "start_time"), unix(fields, "unixtimestamp_start")];
    let to = [last_of_day, unix(fields, "unixtimestamp_end")];
    let first = from.into_iter().flatten().max().unwrap_or(0);
    let last = to.into_iter().flatten().min().unwrap_or(i64::MAX);
    Id::range(first, last)
}

/// What the feed is asked for.
pub(super) fn events(fields: &Fields<'_>) -> EventsCall {
    EventsCall {
        after: number_or(fields, "after", 0),
        limit: number_or(fields, "limit", LIMIT_DEFAULT),
        types: fields.given("types").and_then(EventType::list).unwrap_or_default(),
        wait: wait(fields),
    }
}

/// How long the answer may wait.
pub(super) fn wait(fields: &Fields<'_>) -> Duration {
    Duration::from_secs(u64::try_from(number_or(fields, "wait", 0)).unwrap_or(0))
}

fn number_or(fields: &Fields<'_>, name: &str, default: i64) -> i64 {
    fields.given(name).and_then(integer).unwrap_or(default)
}

fn day(fields: &Fields<'_>, name: &str) -> Option<i64> {
    fields.given(name).and_then(Timestamp::from_date).map(|at| at.seconds())
}

fn unix(fields: &Fields<'_>, name: &str) -> Option<i64> {
    fields.given(name).and_then(integer)
}

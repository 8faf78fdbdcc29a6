//! A statement for many rows out of a statement for one: its parameters become columns of a list that
//! is read beside the table. That is what makes one round of the network, one plan and one entry into
//! the server do for a whole group of batches.
//!
//! The texts are made from the very consts that write one row, so that the two cannot drift apart; where
//! that does not do, the statement is written out here.

use tokio_postgres::types::Type;

use crate::{attempts, feed, ledger, messages, notices, order_events, orders, pay_codes};
use crate::{refunds, request_keys};

/// What may stand first in a batch of a set.
pub(super) const GUARDS: [&str; 3] = [orders::INSERT, orders::UPDATE, notices::END_ATTEMPT];

/// What may follow, in the order in which it is run: the merchants' numbers of events last, so that
/// others wait for them as short as can be.
pub(super) const FOLLOWERS: [&str; 14] = [
    order_events::BEGIN,
    order_events::CONTINUE,
    ledger::INSERT,
    notices::INSERT,
    notices::INSERT_ATTEMPT,
    attempts::UPDATE,
    attempts::INSERT,
    refunds::UPDATE,
    refunds::INSERT,
    messages::INSERT,
    pay_codes::INSERT,
    request_keys::LINK,
    feed::COUNT,
    feed::INSERT,
];

/// What an insert does with a row that is there.
const CONFLICT: &str = ")\non conflict";
/// Where the list of rows stands in a text that is written out.
const LIST: &str = "{list}";

/// Counts each merchant's events at once, in the order of the merchants' numbers, so that two groups
/// never wait for each other, and numbers the events as they stand in the list.
const INSERT_EVENTS: &str = "with list as (select * from {list}),
counted as (select c1 as mch_id, count(*) as events from list group by c1),
heads as (insert into feed_heads (mch_id, seq) select mch_id, events from counted order by mch_id
on conflict (mch_id) do update set seq = feed_heads.seq + excluded.seq returning mch_id, seq)
insert into feed (mch_id, seq, event_type, order_id, sign_form, facts, at)
select v.c1, heads.seq - counted.events + row_number() over (partition by v.c1 order by v.nth),
v.c2, v.c3, v.c4, v.c5, v.c6
from list as v join heads on heads.mch_id = v.c1 join counted on counted.mch_id = v.c1";

/// The statement for many rows of `sql`, whose parameters have these types; `None` if there is none.
///
/// A guard returns what tells the rows that it has written: an insert their ids, which are each list's
/// first column, an update their places in the list, from 1.
pub(super) fn of(sql: &str, types: &[Type]) -> Option<String> {
    let list = list(types)?;
    let is_guard = GUARDS.contains(&sql);
    if sql == feed::INSERT {
        return Some(INSERT_EVENTS.replace(LIST, &list));
    }
    let text = columns(sql);
    if let Some((into, rest)) = text.split_once("values (") {
        let into = into.trim_end();
        let (values, tail) = match rest.find(CONFLICT) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest.strip_suffix(')')?, ""),
        };
        let returning = if is_guard { " returning id" } else { "" };
        return Some(format!("{into}\nselect {values} from {list}{tail}{returning}"));
    }
    let (before, filter) = text.rsplit_once("where ")?;
    let word = if sql.starts_with("update ") { "from" } else { "," };
    let before = before.trim_end();
    let returning = if sql.starts_with("update ") && is_guard { " returning v.nth" } else { "" };
    Some(format!("{before} {word} {list}\nwhere {filter}{returning}"))
}

/// `unnest($1::bigint[], …) with ordinality as v(c1, …, nth)`.
fn list(types: &[Type]) -> Option<String> {
    let (mut arrays, mut names) = (String::new(), String::new());
    for (number, kind) in (1..).zip(types) {
        let word = match *kind {
            Type::INT8 => "bigint",
            Type::TEXT => "text",
            _ => return None,
        };
        arrays.push_str(&format!("${number}::{word}[], "));
        names.push_str(&format!("c{number}, "));
    }
    let arrays = arrays.trim_end_matches(", ");
    Some(format!("unnest({arrays}) with ordinality as v({names}nth)"))
}

/// A text whose parameters are the list's columns.
fn columns(sql: &str) -> String {
    sql.replace('$', "v.c")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER_AND_TEXT: [Type; 2] = [Type::INT8, Type::TEXT];

    #[test]
    fn parameters_become_columns_of_a_list() {
        let made = of("insert into a\n(no, b, c)\nvalues ($1, 'x', $2)", &NUMBER_AND_TEXT).unwrap();
        assert_eq!(
            made,
            "insert into a\n(no, b, c)\nselect v.c1, 'x', v.c2 from unnest($1::bigint[], \
             $2::text[]) with ordinality as v(c1, c2, nth)"
        );
        let made = of("update a set b = $2\nwhere no = $1", &NUMBER_AND_TEXT).unwrap();
        assert_eq!(
            made,
            "update a set b = v.c2 from unnest($1::bigint[], $2::text[]) with ordinality as \
             v(c1, c2, nth)\nwhere no = v.c1"
        );
    }

    #[test]
    fn a_guard_tells_what_it_has_written() {
        let types = |count| vec![Type::INT8; count];
        let insert = of(orders::INSERT, &types(39)).unwrap();
        assert!(insert.ends_with("\non conflict (mch_id, out_trade_no) do nothing returning id"));
        let update = of(orders::UPDATE, &types(21)).unwrap();
        assert!(update.ends_with("and rev = v.c3 returning v.nth"), "{update}");
    }

    #[test]
    fn another_type_has_no_list() {
        assert_eq!(of("update a set b = $1\nwhere c = 1", &[Type::BOOL]), None);
    }
}

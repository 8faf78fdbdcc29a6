//! Statements in PostgreSQL's words, where those for both engines do not do.

use std::borrow::Cow;

use crate::{nodes, notices, sweeps};

/// What is claimed by several processes at once: each passes over the rows that another is taking. The
/// rows are chosen once, in a list of their own, because a plan may ask a subquery more than once.
/// And the clock that all processes on a server share.
const OWN: [(&str, &str); 4] = [
    (
        sweeps::CLAIM,
        "with due as materialized (select mch_id, id from orders where sweep_at <= $1
order by sweep_at limit $3 for update skip locked)
update orders set sweep_at = $2 from due where orders.mch_id = due.mch_id and orders.id = due.id
returning orders.mch_id, orders.id",
    ),
    (
        notices::CLAIM,
        "with due as materialized (select mch_id, id from notices
where state = 'waiting' and app_id = $1 and target = $2 and due_at <= $3
order by due_at limit $5 for update skip locked)
update notices as n set due_at = $4 from due where n.mch_id = due.mch_id and n.id = due.id
returning n.id, n.mch_id, n.app_id, n.sign_form, n.order_id, n.event, n.url, n.target, n.facts,
n.state, n.tries, n.due_at",
    ),
    (
        nodes::TAKE_FREE,
        "with free as materialized (select no from nodes where lease_until <= $2
order by used_until, no limit 1 for update skip locked)
update nodes as n set holder = $1, epoch = epoch + 1, used_before = used_until,
used_until = case when used_until < $3 then $3 else used_until end + $4, lease_until = $5
from free where n.no = free.no returning n.no, n.epoch, n.used_before, n.used_until",
    ),
    (nodes::CLOCK, "select (extract(epoch from clock_timestamp()) * 1000)::bigint"),
];

/// Keeps SQLite from preparing a limit anew; here it would make the parameter a smaller number.
const ADDED: &str = " + 0";

/// The statement as PostgreSQL must see it.
pub(crate) fn of(sql: &'static str) -> Cow<'static, str> {
    match OWN.iter().find(|(one, _)| *one == sql) {
        Some((_, own)) => Cow::Borrowed(own),
        None if sql.contains(ADDED) => Cow::Owned(sql.replace(ADDED, "")),
        None => Cow::Borrowed(sql),
    }
}

/// A statement of a migration: texts are compared byte for byte, as SQLite does, whatever the
/// database's language.
pub(super) fn table(statement: &str) -> String {
    const TEXT: &str = " text collate \"C\"";
    statement
        .replace(" text not null", &format!("{TEXT} not null"))
        .replace(" text,\n", &format!("{TEXT},\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_text_is_compared_by_bytes() {
        for migration in crate::db::MIGRATIONS {
            let text = table(migration);
            let lines = text.lines().filter(|line| !line.starts_with("--"));
            for line in lines.filter(|line| line.contains(" text")) {
                assert!(line.contains(" text collate \"C\""), "{line}");
            }
        }
    }

    #[test]
    fn a_limit_is_a_parameter() {
        assert_eq!(of("a limit $1 + 0 offset $2 + 0"), "a limit $1 offset $2");
        assert!(of(sweeps::CLAIM).contains("skip locked"));
    }
}

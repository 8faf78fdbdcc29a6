//! The store's seeded defects (see [`kernel::defect`]): statements without the words that guard them.

use std::borrow::Cow;

use kernel::defect::{self, Defect};

/// A statement as it is, or as a careless hand would have left it.
pub(crate) fn spoilt(sql: &str) -> Cow<'_, str> {
    if defect::is_seeded(Defect::NoUniqueIndex) {
        let sql = sql.replace("on conflict (mch_id, out_trade_no) do nothing", "");
        return sql.replace("unique index orders_number", "index orders_number").into();
    }
    if defect::is_seeded(Defect::StateWithoutExpectation) {
        return without_revisions(sql).into();
    }
    sql.into()
}

/// Writes whatever revision was read, and continues the history wherever it stands.
fn without_revisions(sql: &str) -> String {
    if sql.starts_with("insert into order_events") {
        const NEXT: &str =
            "(select max(rev) + 1 from order_events where mch_id = $1 and order_id = $2)";
        let sql = sql.replace("cast($3 as bigint) + 1", NEXT);
        return sql.replace("and rev = $3", "order by rev desc limit 1");
    }
    sql.replace(" and rev = $3", "").replace(" and rev = $4", "")
}

/// Takes the defect that this process is to have from its environment.
#[cfg(feature = "seeded-defects")]
pub(crate) fn seed() {
    #[expect(clippy::disallowed_methods, reason = "only in builds of `cargo x mutants`")]
    let name = std::env::var("JUBAO_DEFECT").unwrap_or_default();
    if let Some(row) = defect::ALL.iter().find(|row| row.name == name) {
        defect::seed(row.defect);
    }
}

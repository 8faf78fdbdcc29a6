//! The statements of lists of orders: pages and counts, of everything, within a store, of some kinds, and
//! both. Each walks indexes that begin with the merchant, and reads no row.
//!
//! A kind is a state and a wallet: a filter by one of them names all kinds that have it, and its eight
//! places are filled up with the kind that nothing has.

use super::walk::Statements;

/// Ids of a page of everything.
const PAGE: &str = "select id from orders where mch_id = $1 and id between $2 and $3
order by id desc limit $4 + 0 offset $5 + 0";

/// How many of everything, as far as is counted.
const COUNT: &str = "select count(*) from (
select id from orders where mch_id = $1 and id between $2 and $3 limit $4 + 0) as found";

/// Ids of a page within a store.
const PAGE_OF_STORE: &str = "select id from orders
where mch_id = $1 and store_id = $6 and store_id <> 0 and id between $2 and $3
order by id desc limit $4 + 0 offset $5 + 0";

/// How many within a store.
const COUNT_OF_STORE: &str = "select count(*) from (
select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 limit $4 + 0) as found";

/// Ids of a page of some kinds: each is one stretch of the index, and the stretches are merged.
const PAGE_OF_KINDS: &str = "select id from (
select id from orders where mch_id = $1 and id between $2 and $3 and state = $6
and coalesce(paid_provider, provider, '') = $7
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $8
and coalesce(paid_provider, provider, '') = $9
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $10
and coalesce(paid_provider, provider, '') = $11
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $12
and coalesce(paid_provider, provider, '') = $13
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $14
and coalesce(paid_provider, provider, '') = $15
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $16
and coalesce(paid_provider, provider, '') = $17
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $18
and coalesce(paid_provider, provider, '') = $19
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $20
and coalesce(paid_provider, provider, '') = $21
) as found order by id desc limit $4 + 0 offset $5 + 0";

/// How many of some kinds.
const COUNT_OF_KINDS: &str = "select count(*) from (
select id from orders where mch_id = $1 and id between $2 and $3 and state = $5
and coalesce(paid_provider, provider, '') = $6
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $7
and coalesce(paid_provider, provider, '') = $8
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $9
and coalesce(paid_provider, provider, '') = $10
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $11
and coalesce(paid_provider, provider, '') = $12
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $13
and coalesce(paid_provider, provider, '') = $14
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $15
and coalesce(paid_provider, provider, '') = $16
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $17
and coalesce(paid_provider, provider, '') = $18
union all select id from orders where mch_id = $1 and id between $2 and $3 and state = $19
and coalesce(paid_provider, provider, '') = $20
limit $4 + 0) as found";

/// Ids of a page of some kinds within a store.
const PAGE_OF_KINDS_IN_STORE: &str = "select id from (
select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $7 and coalesce(paid_provider, provider, '') = $8
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $9 and coalesce(paid_provider, provider, '') = $10
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $11 and coalesce(paid_provider, provider, '') = $12
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $13 and coalesce(paid_provider, provider, '') = $14
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $15 and coalesce(paid_provider, provider, '') = $16
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $17 and coalesce(paid_provider, provider, '') = $18
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $19 and coalesce(paid_provider, provider, '') = $20
union all select id from orders where mch_id = $1 and store_id = $6 and store_id <> 0
and id between $2 and $3 and state = $21 and coalesce(paid_provider, provider, '') = $22
) as found order by id desc limit $4 + 0 offset $5 + 0";

/// How many of some kinds within a store.
const COUNT_OF_KINDS_IN_STORE: &str = "select count(*) from (
select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $6 and coalesce(paid_provider, provider, '') = $7
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $8 and coalesce(paid_provider, provider, '') = $9
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $10 and coalesce(paid_provider, provider, '') = $11
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $12 and coalesce(paid_provider, provider, '') = $13
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $14 and coalesce(paid_provider, provider, '') = $15
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $16 and coalesce(paid_provider, provider, '') = $17
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $18 and coalesce(paid_provider, provider, '') = $19
union all select id from orders where mch_id = $1 and store_id = $5 and store_id <> 0
and id between $2 and $3 and state = $20 and coalesce(paid_provider, provider, '') = $21
limit $4 + 0) as found";

/// All of them.
pub(super) const STATEMENTS: Statements = Statements {
    all: (PAGE, COUNT),
    of_store: (PAGE_OF_STORE, COUNT_OF_STORE),
    of_kinds: (PAGE_OF_KINDS, COUNT_OF_KINDS),
    of_kinds_in_store: (PAGE_OF_KINDS_IN_STORE, COUNT_OF_KINDS_IN_STORE),
};

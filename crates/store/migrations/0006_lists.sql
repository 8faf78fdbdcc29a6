-- Lists walk indexes only, newest first: one for everything, one for what can be filtered by, and the
-- same within a store. The wallet of an order is that which paid, else that which is to.

create index orders_list on orders (mch_id, id);
create index orders_list_kind on orders (mch_id, state, coalesce(paid_provider, provider, ''), id);
create index orders_list_store on orders (mch_id, store_id, id) where store_id <> 0;
create index orders_list_store_kind on orders
(mch_id, store_id, state, coalesce(paid_provider, provider, ''), id) where store_id <> 0;

-- A refund is listed by its order's store and wallet, which are known before there is a refund. Only
-- what the merchant asked for is listed.
alter table refunds add column store_id bigint not null default 0;
alter table refunds add column provider text not null default '';
update refunds set
store_id = coalesce((
    select store_id from orders
    where orders.mch_id = refunds.mch_id and orders.id = refunds.order_id
), 0),
provider = coalesce((
    select coalesce(paid_provider, provider) from orders
    where orders.mch_id = refunds.mch_id and orders.id = refunds.order_id
), '');
create index refunds_list on refunds (mch_id, id) where cause = 'merchant';
create index refunds_list_kind on refunds (mch_id, state, provider, id) where cause = 'merchant';
create index refunds_list_store on refunds (mch_id, store_id, id)
where cause = 'merchant' and store_id <> 0;
create index refunds_list_store_kind on refunds (mch_id, store_id, state, provider, id)
where cause = 'merchant' and store_id <> 0;

-- The feed. An event's number is allotted in the transaction that writes it, under the lock of the
-- merchant's row of feed_heads, which is held until that transaction is committed: so numbers become
-- visible in their order, and a reader that goes on behind the last one it saw misses none.
create table feed_heads (
    mch_id bigint not null,
    seq bigint not null,
    primary key (mch_id)
);
create table feed (
    mch_id bigint not null,
    seq bigint not null,
    event_type text not null,
    order_id bigint not null,
    sign_form text not null,
    facts text not null,
    at bigint not null,
    primary key (mch_id, seq)
);

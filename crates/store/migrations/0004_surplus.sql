-- What an upstream calls the payment of an attempt: money that an order does not want is given back by it.

alter table attempts add column transaction_id text not null default '';
update attempts set transaction_id = coalesce((
    select transaction_id from orders
    where orders.mch_id = attempts.mch_id and orders.id = attempts.order_id
), '') where state = 'paid';

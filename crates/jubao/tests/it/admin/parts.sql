-- How many tables hold orders.
select count(*) from pg_inherits where inhparent = 'orders'::regclass

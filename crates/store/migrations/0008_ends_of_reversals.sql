-- What an upstream gave back by itself, when it reversed an order that was paid, was written without its
-- end, although it is over: it went back in full, at the moment at which it was written.

update refunds set upstream_no = '', cash_fee = amount, cash_currency = currency, rate = '',
refunded_at = created_at
where state = 'done' and upstream_no is null;

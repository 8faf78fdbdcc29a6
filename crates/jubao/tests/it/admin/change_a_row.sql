-- One letter of one order.
update orders set body = body || '!' where id = (select min(id) from orders);

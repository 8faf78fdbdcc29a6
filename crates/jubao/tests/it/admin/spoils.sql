-- Ways to spoil a database by hand. Of each: what it is; the invariants that are then found broken, of
-- what (nothing: of several things), and words of what is found; how it is done.

-- a missing line of the ledger
-- I3 I4 | :paid | does not balance
delete from ledger_entries where order_id = :paid and line = 3;

-- a hole in a posting
-- I4 | :paid | has the lines [1, 2, 7]
update ledger_entries set line = 7 where order_id = :paid and line = 3;

-- an unbalanced posting
-- I3 I4 | :paid | channel_receivable holds 1235; its payments and refunds make 1234
update ledger_entries set amount = amount + 1 where order_id = :paid and line = 1;

-- a posting in two currencies
-- I4 | :paid | is not in CNY alone
update ledger_entries set currency = 'HKD' where order_id = :paid and line = 1;

-- a posting made twice
-- I3 I4 | :paid | written without a change
insert into ledger_entries select mch_id, order_id, posting_id + 1, line, kind, book, currency,
amount, business_date, at from ledger_entries where order_id = :paid;

-- a posting never made
-- I3 | :paid | merchant_payable holds 0; its payments and refunds make -1227
delete from ledger_entries where order_id = :paid;

-- a posting turned round
-- I3 I6 | :paid | channel_receivable is below nothing after revision
update ledger_entries set amount = -amount where order_id = :paid;

-- a posting on another day
-- I4 | :paid | on another day
update ledger_entries set business_date = '2020-01-01' where order_id = :paid;

-- a gap in a history
-- I8 | :paid | revision 2 follows revision 0
delete from order_events where order_id = :paid and rev = 1;

-- a history without its beginning
-- I8 | :waiting | no history
delete from order_events where order_id = :waiting;

-- a move that the table does not have
-- I8 | :paid | no move of the table
update order_events set to_state = 'REFUND' where order_id = :paid and rev = 1;
update order_events set from_state = 'REFUND' where order_id = :paid and rev = 2;

-- a state that nothing came to
-- I8 | :paid | its history ends with SUCCESS
update orders set state = 'REFUND' where id = :paid;

-- a state that cannot be
-- I1 | :paid | cannot be read
update orders set state = 'PAID' where id = :paid;

-- a payment forgotten
-- I3 I9 I10 | :paid | it is SUCCESS, and has no payment
update orders set paid_provider = null, transaction_id = null, paid_fee = null,
paid_currency = null, cash_fee = null, cash_currency = null, bank_type = null,
openid = null, paid_at = null where id = :paid;

-- a payment of another amount
-- I3 | :paid | which it asks for
update orders set paid_fee = 1 where id = :paid;

-- a payment under another number
-- I3 | :paid | another number than the attempt
update attempts set transaction_id = 'x' where order_id = :paid;

-- two paid attempts
-- I3 | :paid | 2 of its attempts are paid
insert into attempts (mch_id, order_id, no, product, account_id, account_version, state, rev,
pay_text, created_at, transaction_id) select mch_id, order_id, 2, product, account_id,
account_version, state, rev, pay_text, created_at, transaction_id from attempts
where order_id = :paid;

-- an attempt through an account that nobody knows
-- I1 | :paid | no version of an account
update attempts set account_version = 99 where order_id = :paid;

-- a refund above its payment
-- I3 I7 | :refunded | 5034 go back, and 1234 were paid
update refunds set amount = 5000 where order_id = :refunded and out_refund_no = 'A-1';

-- a refund that nothing is reserved for
-- I3 I7 | :refunded | its refunds that have not failed are 534, and it says 500
update orders set total_refund_fee = 500 where id = :refunded;

-- a refund of another attempt
-- I7 | :refunded | is of attempt 9, which is not paid
update refunds set attempt_no = 9 where order_id = :refunded and out_refund_no = 'A-1';

-- a refund that is not over and that nobody asks about
-- I3 I15 | :refunded | is stuck, and nobody will ask about it
update refunds set state = 'stuck', upstream_no = null, cash_fee = null,
cash_currency = null, rate = null, refunded_at = null where out_refund_no = 'A-1';
update orders set sweep_at = null where id = :refunded;

-- a refund done without an end
-- I7 | :refunded | is done, and has no end
update refunds set upstream_no = null, cash_fee = null, cash_currency = null, rate = null,
refunded_at = null where out_refund_no = 'A-1';

-- surplus that is kept
-- I3 | :surplus | brought surplus, which has 0 refunds
delete from refunds where order_id = :surplus;

-- a paid order without a notice
-- I10 | :paid | there are 0 notices of its payment, not 1
delete from notice_attempts where notice_id in
(select id from notices where order_id = :paid);
delete from notices where order_id = :paid;

-- two notices of one payment
-- I10 | several | there are 2 notices of its payment, not 1
drop index notices_event;
insert into notices (id, mch_id, app_id, sign_form, order_id, event,
url, target, facts, state, tries, due_at) select id + 1, mch_id, app_id, sign_form, order_id,
event, url, target, facts, 'waiting', 0, due_at from notices where order_id = :paid;

-- a notice called delivered
-- I10 | :paid | is delivered, and no attempt says so
update notice_attempts set outcome = 'timeout' where notice_id in
(select id from notices where order_id = :paid);

-- a forgotten attempt to tell
-- I11 | :paid | has the attempts [2]
update notice_attempts set no = 2 where notice_id in
(select id from notices where order_id = :paid);

-- an attempt that was counted and is not known
-- I11 | :paid | counts 5 attempts, and 1 are known
update notices set tries = 5 where order_id = :paid;

-- a notice of another amount
-- I9 | :paid | another total_fee
update notices set facts = replace(facts, '"total_fee":1234', '"total_fee":1')
where order_id = :paid;

-- a notice of a state that never was
-- I9 I10 | :paid | to which the order never came
update notices set event = 'CLOSED' where order_id = :paid;

-- a notice of another payment
-- I9 | :paid | tells of another payment
update orders set transaction_id = 'x' where id = :paid;
update attempts set transaction_id = 'x' where order_id = :paid;

-- attempts to tell a notice that is gone
-- I11 | merchant | notice 7 has attempts
insert into notice_attempts (mch_id, notice_id, no, at, duration_ms, encoding, outcome, answer)
values (10502105689001, 7, 1, 1, 1, 'form', 'timeout', '');

-- a gap in the feed
-- I9 | merchant | event 2 of the feed comes after 0
delete from feed where seq = 1;

-- an event of the feed cut off
-- I9 | merchant | events are counted to
update feed_heads set seq = seq + 1;

-- an event of another order
-- I9 | merchant | tells another sn than its order
update feed set order_id = :waiting where seq = 1;

-- an event of no order
-- I9 | merchant | an order that there is not
update feed set order_id = 7 where seq = 1;

-- a line of the ledger without an order
-- I3 | seven | its ledger_entries have no order
insert into ledger_entries select mch_id, 7, posting_id, line, kind, book, currency, amount,
business_date, at from ledger_entries where order_id = :paid;

-- a history without an order
-- I8 | last | its order_events have no order
update order_events set order_id = 9007199254740991 where order_id = :waiting;
insert into order_events select mch_id, :waiting, rev, from_state, to_state, event, batch_id, at
from order_events where order_id = 9007199254740991;

-- attempts, refunds, notices and messages without an order
-- I1 I7 I10 | seven | its messages have no order
insert into attempts (mch_id, order_id, no, product, account_id, account_version, state, rev,
pay_text, created_at, transaction_id) select mch_id, 7, no, product, account_id,
account_version, state, rev, pay_text, created_at, transaction_id from attempts
where order_id = :paid;
insert into refunds (id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev,
amount, currency, reason, sign_form, created_at) select 7, mch_id, app_id, 7, attempt_no, 'x',
cause, 'closed', rev, amount, currency, reason, sign_form, created_at from refunds
where out_refund_no = 'A-1';
insert into notices (id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state,
tries, due_at) select 7, mch_id, app_id, sign_form, 7, event, url, target, facts, 'waiting', 0,
due_at from notices where order_id = :paid;
update messages set order_id = 7 where order_id = :paid;

-- an order that is gone
-- I8 | :waiting | its order_events have no order
delete from orders where id = :waiting;

-- an order of nobody's application
-- I1 | :waiting | it has no application
update orders set app_id = 5 where id = :waiting;

-- a merchant that is gone
-- I1 | merchant | has no merchant
delete from merchants;

-- an account without its settings
-- I1 | several | has no current version
update accounts set version = 99 where channel = 'alipay';

-- a barcode of no order
-- I1 | seven | a barcode was used by it
update pay_codes set order_id = 7;

-- two orders of one number
-- I2 | several | it has the number of
drop index orders_number;
update orders set out_trade_no =
(select out_trade_no from orders where id = :paid) where id = :waiting;

-- refunds whose numbers nothing keeps apart
-- I14 | schema | refunds_number is missing
drop index refunds_number;
create index refunds_number on refunds (mch_id, out_refund_no);

-- a key of a request whose order is gone
-- I14 | merchant | request_keys 7 has no order
insert into request_keys (mch_id, app_id, key_tag, request_tag, claim, lease_until, order_id,
created_at) values (10502105689001, 1000258, 'a', 'b', 'c', 1, 7, 1);

-- books that can be changed
-- I5 | schema | ledger_entries_no_update is missing
drop trigger ledger_entries_no_update;

-- a changed entry of the audit log
-- I12 | audit | the chain breaks at entry 2
update audit set actor = 'nobody' where seq = 2;

-- a removed entry of the audit log
-- I12 | audit | the chain breaks at entry 2
delete from audit where seq = 2;

-- an order that nobody asks about
-- I15 | :waiting | it is NOTPAY, and nobody will ask about it
update orders set sweep_at = null where id = :waiting;

-- an attempt that nobody asks about
-- I3 I7 I15 | :surplus | is open, and nobody will ask about it
update attempts set state = 'open' where order_id = :surplus;
update orders set sweep_at = null where id = :surplus;

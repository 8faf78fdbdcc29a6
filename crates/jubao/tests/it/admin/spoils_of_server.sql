-- Ways to spoil a database by hand that are said in other words to PostgreSQL: see spoils.sql.

-- books that can be changed
-- I5 | schema | ledger_entries_no_change is missing
drop trigger ledger_entries_no_change on ledger_entries;

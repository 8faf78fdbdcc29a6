select distinct t.tgrelid::regclass::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
where not t.tgisinternal and c.relkind in ('r', 'p') and not c.relispartition

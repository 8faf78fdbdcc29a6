-- Queues ?2 notices for ?4 (of target ?5) as of application ?3, with ids from ?1 on; the facts name each.
with recursive numbers(n) as (select ?1 union all select n + 1 from numbers where n + 1 < ?1 + ?2)
insert into notices (id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state, tries, due_at)
select n, 1, ?3, 'version2', n, 'SUCCESS', ?4, ?5, '{"sn":"' || n || '"}', 'waiting', 0, 0 from numbers

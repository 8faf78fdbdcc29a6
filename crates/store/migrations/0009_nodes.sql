-- Numbers that processes make ids under. One of a few at a time is held by a process, on a lease; whoever
-- holds it may make the ids of the seconds from used_before (not among them) to used_until, and the next
-- holder those behind. So no id is made twice, whatever clocks and processes do. A table of the house, not
-- of a merchant: it is never partitioned.

create table nodes (
    no bigint not null,
    holder text not null,
    epoch bigint not null,
    used_before bigint not null,
    used_until bigint not null,
    lease_until bigint not null,
    primary key (no)
);
insert into nodes (no, holder, epoch, used_before, used_until, lease_until)
with recursive numbers (no) as (select 0 union all select no + 1 from numbers where no < 63)
select no, '', 0, 0, 0, 0 from numbers;

-- What was made before there were leases, under whatever number.
update nodes set used_until = (select coalesce(max(id), 0) >> 22 from (
select max(id) as id from orders union all select max(id) from refunds
union all select max(id) from notices union all select max(id) from messages
union all select max(id) from users union all select max(id) from accounts) as newest);

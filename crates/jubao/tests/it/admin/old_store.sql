-- Where a store keeps the number of its schema, which is the first.
create table meta (
    name text not null,
    value text not null,
    primary key (name)
) strict, without rowid;
insert into meta (name, value) values ('schema', '1');

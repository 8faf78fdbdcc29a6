-- Where a user has logged in from, so that strangers who lock an e-mail do not lock out whoever has it: a
-- log-in from such an address is judged by its own failures. E-mail and address are keyed tags; the tag of
-- an address is one of the e-mail as well, and its failures are counted under it in login_failures.
create table login_addresses (
    address_tag text not null,
    email_tag text not null,
    seen_at bigint not null,
    primary key (address_tag)
);
create index login_addresses_email on login_addresses (email_tag, seen_at, address_tag);
create index login_addresses_old on login_addresses (seen_at);

-- Users of merchants, log-ins that fail, and exchange rates.

create table users (
    mch_id bigint not null,
    id bigint not null,
    email text not null,
    name text not null,
    user_type text not null,
    store_id bigint not null,
    password_hash text not null,
    created_at bigint not null,
    removed_at bigint,
    primary key (mch_id, id)
);
create index users_of_merchant on users (mch_id, id) where removed_at is null;

-- Whoever logs in names no merchant, so an e-mail is unique across all. A small table of its own, whose
-- key may begin with something else than the merchant: it is never partitioned.
create table user_emails (
    email text not null,
    mch_id bigint not null,
    user_id bigint not null,
    primary key (email)
);

-- By a keyed tag of the e-mail that was tried, be it anybody's or not: the two must not differ.
create table login_failures (
    email_tag text not null,
    failures bigint not null,
    locked_until bigint not null,
    failed_at bigint not null,
    primary key (email_tag)
);
create index login_failures_old on login_failures (failed_at);

-- What an account told of its rates, or why it did not; nobody asks it again before ask_at.
create table exchange_rates (
    mch_id bigint not null,
    account_id bigint not null,
    account_version bigint not null,
    rev bigint not null,
    rates text not null,
    fault text not null,
    failures bigint not null,
    ask_at bigint not null,
    primary key (mch_id, account_id)
);

-- What must not be done twice, by whichever process: requests that carry an Idempotency-Key, and those of
-- applications with a replay guard. And keys before the one before, which stay valid as long as was said.

-- The key is kept as a digest, the answer sealed. A row without an answer is claimed until its lease ends;
-- order_id says what it has placed, and is written together with that order.
create table request_keys (
    mch_id bigint not null,
    app_id bigint not null,
    key_tag text not null,
    request_tag text not null,
    claim text not null,
    lease_until bigint not null,
    order_id bigint,
    answer text,
    created_at bigint not null,
    primary key (mch_id, app_id, key_tag)
);
create index request_keys_age on request_keys (created_at);

create table nonces (
    mch_id bigint not null,
    app_id bigint not null,
    nonce text not null,
    expires_at bigint not null,
    primary key (mch_id, app_id, nonce)
);
create index nonces_age on nonces (expires_at);

create table retired_keys (
    mch_id bigint not null,
    app_id bigint not null,
    rev bigint not null,
    key_sealed text not null,
    valid_until bigint not null,
    primary key (mch_id, app_id, rev)
);

-- A merchant's other applications: whose key it was, a wrong signature asks.
create index applications_merchant on applications (mch_id);

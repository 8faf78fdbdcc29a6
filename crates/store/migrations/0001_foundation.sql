-- What everything stands on: merchants, upstream accounts, orders, money, notices, audit.
--
-- Written once for both engines, which db/sqlite explains: columns are bigint and text only; keys
-- begin with mch_id, so that tables can be partitioned by merchant; the primary key is the last line
-- of its table; every other unique key is an index; statements end at the end of a line.

create table merchants (
    mch_id bigint not null,
    name text not null,
    is_enabled bigint not null,
    fee_rate_ppm bigint not null,
    created_at bigint not null,
    primary key (mch_id)
);

-- An application's number alone names it in requests, so it is unique across merchants.
create table applications (
    app_id bigint not null,
    mch_id bigint not null,
    is_default bigint not null,
    key_sealed text not null,
    previous_key_sealed text,
    previous_until bigint,
    settings text not null,
    notice_learned text not null,
    rev bigint not null,
    created_at bigint not null,
    primary key (app_id)
);
create unique index applications_default on applications (mch_id) where is_default = 1;

create table stores (
    mch_id bigint not null,
    store_id bigint not null,
    name text not null,
    primary key (mch_id, store_id)
);

-- mch_id 0: the platform's own account.
create table accounts (
    id bigint not null,
    mch_id bigint not null,
    channel text not null,
    name text not null,
    currency text not null,
    is_enabled bigint not null,
    products text not null,
    version bigint not null,
    created_at bigint not null,
    primary key (mch_id, id)
);
create index accounts_usable on accounts (mch_id) where is_enabled = 1;

-- Settings are never overwritten: an order in flight is finished with those that began it.
create table account_versions (
    mch_id bigint not null,
    account_id bigint not null,
    version bigint not null,
    settings_sealed text not null,
    upstream_keys text not null,
    created_at bigint not null,
    primary key (mch_id, account_id, version)
);

create table orders (
    id bigint not null,
    mch_id bigint not null,
    app_id bigint not null,
    store_id bigint not null,
    out_trade_no text not null,
    product bigint not null,
    state text not null,
    rev bigint not null,
    currency text not null,
    total_fee bigint not null,
    discount bigint not null,
    fee_rate_ppm bigint not null,
    total_refund_fee bigint not null,
    body text not null,
    attach text not null,
    detail text not null,
    notify_url text not null,
    return_url text not null,
    wallet text not null,
    payer_ip text not null,
    sign_form text not null,
    page_secret text not null,
    provider text,
    adapter text not null,
    pay_text text not null,
    paid_provider text,
    transaction_id text,
    paid_fee bigint,
    paid_currency text,
    cash_fee bigint,
    cash_currency text,
    bank_type text,
    openid text,
    paid_at bigint,
    created_at bigint not null,
    expires_at bigint not null,
    sweep_at bigint,
    sweeps bigint not null,
    check (discount >= 0 and discount < total_fee),
    check (total_refund_fee >= 0 and total_refund_fee <= total_fee - discount),
    primary key (mch_id, id)
);
create unique index orders_number on orders (mch_id, out_trade_no);
create index orders_transaction on orders (mch_id, transaction_id) where transaction_id is not null;
create index orders_sweep on orders (sweep_at) where sweep_at is not null;

-- The key makes an order's history gapless: one row for each revision.
create table order_events (
    mch_id bigint not null,
    order_id bigint not null,
    rev bigint not null,
    from_state text not null,
    to_state text not null,
    event text not null,
    batch_id bigint not null,
    at bigint not null,
    primary key (mch_id, order_id, rev)
);

create table attempts (
    mch_id bigint not null,
    order_id bigint not null,
    no bigint not null,
    product bigint not null,
    account_id bigint not null,
    account_version bigint not null,
    state text not null,
    rev bigint not null,
    pay_text text not null,
    created_at bigint not null,
    primary key (mch_id, order_id, no)
);

-- A posting is the lines that one batch wrote: its debits equal its credits.
create table ledger_entries (
    mch_id bigint not null,
    order_id bigint not null,
    posting_id bigint not null,
    line bigint not null,
    kind text not null,
    book text not null,
    currency text not null,
    amount bigint not null,
    business_date text not null,
    at bigint not null,
    check (amount <> 0),
    primary key (mch_id, order_id, posting_id, line)
);

create table notices (
    id bigint not null,
    mch_id bigint not null,
    app_id bigint not null,
    sign_form text not null,
    order_id bigint not null,
    event text not null,
    url text not null,
    facts text not null,
    state text not null,
    tries bigint not null,
    due_at bigint not null,
    primary key (mch_id, id)
);
create unique index notices_event on notices (mch_id, order_id, event);
create index notices_due on notices (due_at) where state = 'waiting';

create table notice_attempts (
    mch_id bigint not null,
    notice_id bigint not null,
    no bigint not null,
    at bigint not null,
    duration_ms bigint not null,
    encoding text not null,
    outcome text not null,
    http_status bigint,
    answer text not null,
    primary key (mch_id, notice_id, no)
);

-- What was said to and heard from upstreams, word for word.
create table messages (
    id bigint not null,
    mch_id bigint not null,
    order_id bigint not null,
    attempt_no bigint not null,
    account_id bigint not null,
    direction text not null,
    kind text not null,
    at bigint not null,
    status bigint,
    head text not null,
    body text not null,
    is_base64 bigint not null,
    primary key (mch_id, id)
);
create index messages_order on messages (mch_id, order_id);

create table audit (
    seq bigint not null,
    at bigint not null,
    actor text not null,
    action text not null,
    subject text not null,
    detail text not null,
    prev_hash text not null,
    hash text not null,
    primary key (seq)
);

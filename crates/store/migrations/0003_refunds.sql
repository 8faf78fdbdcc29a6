-- Money that goes back, the payer as the merchant knows him, and barcodes that were used.

alter table orders add column payer_openid text not null default '';

-- Our own number is the id's; the merchant's own is unique, so a repeated request finds its refund.
create table refunds (
    id bigint not null,
    mch_id bigint not null,
    app_id bigint not null,
    order_id bigint not null,
    attempt_no bigint not null,
    out_refund_no text not null,
    cause text not null,
    state text not null,
    rev bigint not null,
    amount bigint not null,
    currency text not null,
    reason text not null,
    sign_form text not null,
    upstream_no text,
    cash_fee bigint,
    cash_currency text,
    rate text,
    refunded_at bigint,
    created_at bigint not null,
    check (amount > 0),
    primary key (mch_id, id)
);
create unique index refunds_number on refunds (mch_id, out_refund_no);
create index refunds_order on refunds (mch_id, order_id);

-- A digest of the code, never the code.
create table pay_codes (
    mch_id bigint not null,
    digest text not null,
    order_id bigint not null,
    primary key (mch_id, digest)
);

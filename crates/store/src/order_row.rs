//! An order as a row and back. The order of columns here is that of the statements in `orders`.

use kernel::ledger::FeeRule;
use kernel::money::{Currency, Money};
use kernel::order::{Order, Payment};
use kernel::product::{Product, Provider};
use kernel::scheme::Signing;
use kernel::state::TradeState;

use crate::StoreError;
use crate::batch::{Row, Value};

/// Every column.
pub(crate) fn values(order: &Order) -> Vec<Value> {
    let mut values = Vec::with_capacity(39);
    values.extend([
        order.id.into(),
        order.mch_id.into(),
        order.app_id.into(),
        order.store_id.into(),
        (&order.out_trade_no).into(),
        order.product.info().channel_id.into(),
        order.state.word().into(),
        order.rev.into(),
        order.currency.code().into(),
        order.total_fee.into(),
        order.discount.into(),
        order.fee_rule.rate_ppm.into(),
        order.total_refund_fee.into(),
        (&order.body).into(),
        (&order.attach).into(),
        (&order.detail).into(),
        (&order.notify_url).into(),
        (&order.return_url).into(),
        (&order.wallet).into(),
        (&order.payer_ip).into(),
        order.sign_form.word().into(),
        (&order.page_secret).into(),
        order.created_at.into(),
        order.expires_at.into(),
    ]);
    values.extend(changeable(order));
    values.push((&order.payer_openid).into());
    values
}

/// The keys of the row at revision `expected_rev`, then every column that a change writes.
pub(crate) fn changes(order: &Order, expected_rev: i64) -> Vec<Value> {
    let mut values = Vec::with_capacity(21);
    values.extend([
        order.mch_id.into(),
        order.id.into(),
        expected_rev.into(),
        order.state.word().into(),
        order.total_refund_fee.into(),
    ]);
    values.extend(changeable(order));
    values.push((&order.payer_ip).into());
    values.push((&order.payer_openid).into());
    values
}

/// The columns that both end with.
fn changeable(order: &Order) -> [Value; 14] {
    let payment = order.payment.as_ref();
    [
        order.provider.map(Provider::word).into(),
        (&order.adapter).into(),
        (&order.pay_text).into(),
        payment.map(|paid| paid.provider.word()).into(),
        payment.map(|paid| &paid.transaction_id).into(),
        payment.map(|paid| paid.amount.minor).into(),
        payment.map(|paid| paid.amount.currency.code()).into(),
        payment.map(|paid| paid.cash.minor).into(),
        payment.map(|paid| paid.cash.currency.code()).into(),
        payment.map(|paid| &paid.bank_type).into(),
        payment.map(|paid| &paid.openid).into(),
        payment.map(|paid| paid.paid_at).into(),
        order.sweep_at.into(),
        order.sweeps.into(),
    ]
}

/// Reads every column.
pub(crate) fn read(row: &mut Row) -> Result<Order, StoreError> {
    Ok(Order {
        id: row.id()?,
        mch_id: row.mch_id()?,
        app_id: row.app_id()?,
        store_id: row.int()?,
        out_trade_no: row.text()?,
        product: row.number(Product::from_channel_id)?,
        state: row.word(TradeState::from_word)?,
        rev: row.int()?,
        currency: row.word(Currency::from_code)?,
        total_fee: row.int()?,
        discount: row.int()?,
        fee_rule: FeeRule { rate_ppm: row.int()? },
        total_refund_fee: row.int()?,
        body: row.text()?,
        attach: row.text()?,
        detail: row.text()?,
        notify_url: row.text()?,
        return_url: row.text()?,
        wallet: row.text()?,
        payer_ip: row.text()?,
        sign_form: row.word(Signing::from_word)?,
        page_secret: row.text()?,
        created_at: row.time()?,
        expires_at: row.time()?,
        provider: row.maybe_word(Provider::from_word)?,
        adapter: row.text()?,
        pay_text: row.text()?,
        payment: read_payment(row)?,
        sweep_at: row.maybe_time()?,
        sweeps: row.int()?,
        payer_openid: row.text()?,
    })
}

/// All nine columns of a payment have a value, or none has.
fn read_payment(row: &mut Row) -> Result<Option<Payment>, StoreError> {
    let Some(provider) = row.maybe_word(Provider::from_word)? else {
        row.skip_nulls(8)?;
        return Ok(None);
    };
    Ok(Some(Payment {
        provider,
        transaction_id: row.text()?,
        amount: read_money(row)?,
        cash: read_money(row)?,
        bank_type: row.text()?,
        openid: row.text()?,
        paid_at: row.time()?,
    }))
}

fn read_money(row: &mut Row) -> Result<Money, StoreError> {
    let minor = row.int()?;
    Ok(Money::new(minor, row.word(Currency::from_code)?))
}

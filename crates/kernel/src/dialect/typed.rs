//! From checked fields to a typed call: which parameters an operation requires, how values depend on
//! each other, and the call itself. Single values are judged before, by their own forms.

use crate::address::Operation;
use crate::call::{
    Call, OrderRef, PlaceCall, QueryCall, RefundCall, RefundNumber, RefundRef, ReverseCall,
};
use crate::dialect::jubao::REPLAY_SECONDS_MAX;
use crate::dialect::listed;
use crate::dialect::user_calls;
use crate::fault::{Fault, Wording};
use crate::fields::Fields;
use crate::id::Sn;
use crate::product::{Product, Provider};
use crate::secret::Secret;
use crate::sign;
use crate::time::Timestamp;
use crate::value_form::{self, integer};

/// How an order is named, in order of precedence (contract section 6).
const ORDER_NAMES: [&str; 4] = ["sn", "order_sn", "out_trade_no", "transaction_id"];
/// How a refund is named, in order of precedence.
const REFUND_NAMES: [&str; 3] = ["customer_refund_no", "out_refund_no", "refund_id"];
/// Digits of a signature by MD5: what a refund that names no number is numbered by.
const MD5_DIGITS: usize = 32;
/// How a product is named.
const PRODUCT_NAMES: [&str; 2] = ["pay_channel_id", "payment"];

const DISAGREE: Wording =
    ["与 pay_channel_id 不是同一产品", "names another product than pay_channel_id"];
const ANOTHER_WALLET: Wording =
    ["不是 provider 所指钱包的付款码", "is no code of the wallet that provider names"];
const OVER_LIMIT: Wording = ["超过支付产品限额", "is over the product's limit"];
const NOT_BELOW: Wording = ["应小于 total_fee", "must be below total_fee"];

/// Checks that everything required is there.
///
/// # Errors
/// 4003 for what is absent, 491003 for what is empty, 40109 for what the product requires.
pub fn check_required(operation: Operation, fields: &Fields<'_>) -> Result<(), Fault> {
    match operation {
        Operation::Place => {
            require_one(fields, &["total_fee"])?;
            require_one(fields, &PRODUCT_NAMES)?;
            let requires = product(fields).map_or(&[][..], |product| product.info().requires);
            let is_given = |names: &&[&str]| names.iter().any(|name| fields.given(name).is_some());
            match requires.iter().find(|names| !is_given(names)) {
                Some(names) => Err(Fault::MissingForProduct { field: names[0] }),
                None => Ok(()),
            }
        }
        Operation::Query | Operation::Close | Operation::Reverse => {
            require_one(fields, &ORDER_NAMES)
        }
        Operation::Refund => {
            require_one(fields, &ORDER_NAMES)?;
            // A signed query would otherwise be a refund in full.
            let is_meant =
                ["out_refund_no", "refund_fee"].iter().any(|name| fields.given(name).is_some());
            is_meant.then_some(()).ok_or(Fault::MissingForProduct { field: "out_refund_no" })
        }
        Operation::QueryRefund => require_one(fields, &REFUND_NAMES),
        Operation::ListOrders | Operation::ListRefunds | Operation::ListEvents => Ok(()),
        Operation::LogIn
        | Operation::CreateUser
        | Operation::ListUsers
        | Operation::RemoveUser
        | Operation::ChangePassword
        | Operation::FetchRates => user_calls::check_required(operation, fields),
    }
}

/// Checks that one of `names` is given.
///
/// # Errors
/// 4003 if all are absent, 491003 if one is empty.
pub(super) fn require_one(fields: &Fields<'_>, names: &[&'static str]) -> Result<(), Fault> {
    if names.iter().any(|name| fields.given(name).is_some()) {
        return Ok(());
    }
    match names.iter().find(|name| fields.has(name)) {
        Some(field) => Err(Fault::Empty { field }),
        None => Err(Fault::Missing { field: names[0] }),
    }
}

/// Checks values against each other: both names of the product, its limit, the discount; a page and
/// the times of a list; a password and its user.
///
/// # Errors
/// 492001; 490001 for times.
pub fn check_relations(operation: Operation, fields: &Fields<'_>) -> Result<(), Fault> {
    match operation {
        Operation::Place => check_order(fields),
        Operation::ListOrders | Operation::ListRefunds => listed::check(fields),
        Operation::Query
        | Operation::Close
        | Operation::Reverse
        | Operation::Refund
        | Operation::QueryRefund
        | Operation::ListEvents => Ok(()),
        Operation::LogIn
        | Operation::CreateUser
        | Operation::ListUsers
        | Operation::RemoveUser
        | Operation::ChangePassword
        | Operation::FetchRates => user_calls::check_relations(operation, fields),
    }
}

fn check_order(fields: &Fields<'_>) -> Result<(), Fault> {
    let (by_number, by_word) = (by_number(fields), by_word(fields));
    if by_number.is_some() && by_word.is_some() && by_number != by_word {
        return Err(Fault::bad_format("payment", DISAGREE));
    }
    let total_fee = number(fields, "total_fee");
    if product(fields).is_some_and(|product| total_fee > product.info().amount_max) {
        return Err(Fault::bad_format("total_fee", OVER_LIMIT));
    }
    let code = fields.given("code").filter(|_| product(fields) == Some(Product::Micropay));
    let wallet = fields.given("provider").and_then(Provider::from_word);
    if code.is_some() && wallet.is_some() && code.and_then(Provider::of_code) != wallet {
        return Err(Fault::bad_format("code", ANOTHER_WALLET));
    }
    if number(fields, "discount") >= total_fee {
        return Err(Fault::bad_format("discount", NOT_BELOW));
    }
    Ok(())
}

/// The call that checked fields make.
///
/// # Errors
/// 492003 for a product that we do not offer, 40102 for an `sn` that we never made.
pub fn call(operation: Operation, fields: &Fields<'_>, now: Timestamp) -> Result<Call, Fault> {
    match operation {
        Operation::Place => place(fields, now).map(|call| Call::Place(Box::new(call))),
        Operation::Query => {
            let (order, wait) = (order_ref(fields)?, listed::wait(fields));
            Ok(Call::Query(QueryCall { order, wait }))
        }
        Operation::Close => order_ref(fields).map(Call::Close),
        Operation::Reverse => {
            let order = order_ref(fields)?;
            Ok(Call::Reverse(ReverseCall { order, is_fresh: is_fresh(fields, now) }))
        }
        Operation::Refund => refund(fields).map(Call::Refund),
        Operation::QueryRefund => refund_ref(fields).map(Call::QueryRefund),
        Operation::ListOrders => Ok(Call::ListOrders(listed::orders(fields))),
        Operation::ListRefunds => Ok(Call::ListRefunds(listed::refunds(fields))),
        Operation::ListEvents => Ok(Call::ListEvents(listed::events(fields))),
        Operation::LogIn => user_calls::credentials(fields).map(Call::LogIn),
        Operation::CreateUser => user_calls::new_user(fields).map(Call::CreateUser),
        Operation::ListUsers => Ok(user_calls::users(fields)),
        Operation::RemoveUser => user_calls::email(fields).map(Call::RemoveUser),
        Operation::ChangePassword => user_calls::credentials(fields).map(Call::ChangePassword),
        Operation::FetchRates => user_calls::rates(fields),
    }
}

fn place(fields: &Fields<'_>, now: Timestamp) -> Result<PlaceCall, Fault> {
    let text = |name| fields.given(name).unwrap_or("").to_owned();
    let optional = |name| fields.given(name).map(str::to_owned);
    Ok(PlaceCall {
        product: product(fields).ok_or(Fault::ProductUnavailable)?,
        total_fee: number(fields, "total_fee"),
        discount: number(fields, "discount"),
        out_trade_no: optional("out_trade_no"),
        notify_url: optional("notify_url"),
        return_url: optional("return_url").or_else(|| optional("h5_redirect_url")),
        body: text("body"),
        attach: text("attach"),
        detail: text("detail"),
        wallet: text("wallet"),
        store_id: number(fields, "store_id"),
        payer_ip: fields.given("spbill_create_ip").and_then(|ip| ip.parse().ok()),
        expires_at: fields.given("time_expire").and_then(|at| value_form::expiry(at, now)),
        openid: optional("sub_openid").unwrap_or_else(|| text("openid")),
        sub_appid: text("sub_appid"),
        code: fields.given("code").map(Secret::new),
    })
}

/// Whether a request was made just now, and once: it carries a time near ours, and a nonce.
pub fn is_fresh(fields: &Fields<'_>, now: Timestamp) -> bool {
    let at = fields.given("timestamp").and_then(integer);
    let is_near = at.is_some_and(|at| (now.seconds() - at).abs() <= REPLAY_SECONDS_MAX);
    is_near && fields.given("nonce_str").is_some()
}

fn refund(fields: &Fields<'_>) -> Result<RefundCall, Fault> {
    let own = fields.given("out_refund_no").map(|text| RefundNumber::Own(text.to_owned()));
    let of_request =
        || RefundNumber::OfRequest(number_of(fields.given("sign").unwrap_or_default()));
    Ok(RefundCall {
        order: order_ref(fields)?,
        number: own.unwrap_or_else(of_request),
        refund_fee: fields.given("refund_fee").and_then(integer),
        reason: fields.given("refund_desc").unwrap_or_default().to_owned(),
        password: fields.given("password").map(Secret::new),
    })
}

/// The number that a signature makes: of whatever scheme, it is one that a refund query may name.
fn number_of(signature: &str) -> String {
    let mut digits = signature.to_ascii_uppercase();
    if digits.len() != MD5_DIGITS {
        digits = sign::sha256_hex(signature);
        digits.truncate(MD5_DIGITS);
    }
    format!("R{digits}")
}

fn refund_ref(fields: &Fields<'_>) -> Result<RefundRef, Fault> {
    let by_own = REFUND_NAMES[..2].iter().find_map(|name| fields.given(name));
    match (by_own, fields.given("refund_id").and_then(Sn::parse)) {
        (Some(number), _) => Ok(RefundRef::OutRefundNo(number.to_owned())),
        (None, Some(sn)) => Ok(RefundRef::RefundId(sn)),
        (None, None) => Err(Fault::NotFound),
    }
}

fn order_ref(fields: &Fields<'_>) -> Result<OrderRef, Fault> {
    if let Some(sn) = fields.given("sn").or_else(|| fields.given("order_sn")) {
        return Sn::parse(sn).map(OrderRef::Sn).ok_or(Fault::OrderNotFound);
    }
    let by_own = fields.given("out_trade_no").map(|text| OrderRef::OutTradeNo(text.to_owned()));
    let by_upstream = || fields.given("transaction_id").map(str::to_owned);
    let named = by_own.or_else(|| by_upstream().map(OrderRef::TransactionId));
    named.ok_or(Fault::Missing { field: ORDER_NAMES[0] })
}

/// An integer that was judged before; absent is 0.
fn number(fields: &Fields<'_>, name: &str) -> i64 {
    fields.given(name).and_then(integer).unwrap_or(0)
}

fn product(fields: &Fields<'_>) -> Option<Product> {
    by_number(fields).or_else(|| by_word(fields))
}

fn by_number(fields: &Fields<'_>) -> Option<Product> {
    fields.given("pay_channel_id").and_then(integer).and_then(Product::from_channel_id)
}

fn by_word(fields: &Fields<'_>) -> Option<Product> {
    let word = fields.given("payment")?;
    Product::from_payment(word, fields.given("wallet"))
}

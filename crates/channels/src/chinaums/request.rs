//! What is sent: forms with an `accessKey`. Amounts are in major units, numbers are ours except
//! `paymentId`, which is read out of the payer's page.

use kernel::money::Money;

use crate::chinaums::not_supported;
use crate::chinaums::settings::{self as setting, list};
use crate::chinaums::sign::{ACCESS_KEY, access_key};
use crate::chinaums::wire::{self, Fields};
use crate::http::HttpRequest;
use crate::{Account, Doubt, Outcome, Place, Refund, SetupError, Stamp, Step, Trade};

/// The path that takes an order.
pub(super) const PAY: &str = "/Payment/Pay";
/// The path of the page that the payer opens.
pub(super) const PAGE: &str = "/Payment/CreateChannelData";
/// Our number in the query of the callback's address.
pub(super) const ORDER: &str = "order";
/// What `accessKey` covers of a request to [`PAY`].
pub(super) const PAY_SIGNED: [&str; 9] = [
    "pin",
    "secPin",
    "amount",
    "orderCreateTime",
    "orderId",
    "callbackUrl",
    "frontendUrl",
    "channel",
    "customerIp",
];

/// Takes an order.
pub(super) fn place(place: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    check_currency(place.amount, account)?;
    let mut fields = who(account);
    fields.push("amount", wire::major(place.amount));
    fields.push("orderCreateTime", stamp.now.beijing());
    fields.push("orderId", place.trade_no.as_str());
    fields.push("callbackUrl", callback_url(place));
    fields.push("frontendUrl", place.return_url.as_str());
    fields.push("channel", account.setting(setting::CHANNEL).trim());
    fields.push("customerIp", place.payer_ip.as_str());
    sign(&mut fields, account);
    fields.push("merReserved", place.trade_no.as_str());
    fields.push("expireTime", place.expires_at.beijing());
    add_extra(&mut fields, account)?;
    // What the answer will need must be sound before anything is sent.
    link("0", place.amount, account)?;
    post(PAY, &fields, account)
}

/// The page that the payer opens to pay `payment_id`.
///
/// # Errors
/// The setting of its formula names a member that there is not.
pub(super) fn link(
    payment_id: &str,
    amount: Money,
    account: &Account,
) -> Result<String, SetupError> {
    let (major, currency) = (wire::major(amount), wire::number_of(amount.currency));
    let mut known = who(account);
    known.push("channel", account.setting(setting::CHANNEL).trim());
    known.push("amount", major.as_str());
    known.push("currency", currency);
    known.push("paymentInfoId", payment_id);
    let names: Vec<&str> = list(account.setting(setting::LINK_SIGNED)).collect();
    let signed = known.only(&names);
    if signed.0.len() != names.len() || !signed.is_sound() {
        return Err(SetupError(format!("{}: not a list of members", setting::LINK_SIGNED)));
    }
    let access_key = access_key(&signed, account.setting(setting::SECRET_KEY));
    let base = base_url(account)?;
    Ok(format!(
        "{base}{PAGE}?amount={major}&currency={currency}&accessKey={access_key}\
         &paymentInfoId={payment_id}"
    ))
}

/// Asks where an order stands.
pub(super) fn query(trade: &Trade, account: &Account) -> Result<Step, SetupError> {
    ask(setting::QUERY_PATH, trade, &[], account)
}

/// Begins to give money back. Nobody says that the same number again is the same refund: so first
/// we ask whether there is one.
pub(super) fn begin_refund(refund: &Refund, account: &Account) -> Result<Step, SetupError> {
    check_currency(refund.amount, account)?;
    if account.setting(setting::REFUND_PATH).trim().is_empty() {
        return Ok(Step::Done(not_supported()));
    }
    query_refund(refund, account)
}

/// Gives money back.
pub(super) fn refund(refund: &Refund, account: &Account) -> Result<Step, SetupError> {
    let amount = wire::major(refund.amount);
    let more = [("refundOrderId", refund.refund_no.as_str()), ("amount", &amount)];
    ask(setting::REFUND_PATH, &refund.trade, &more, account)
}

/// Asks where a refund stands.
pub(super) fn query_refund(refund: &Refund, account: &Account) -> Result<Step, SetupError> {
    let more = [("refundOrderId", refund.refund_no.as_str())];
    ask(setting::REFUND_QUERY_PATH, &refund.trade, &more, account)
}

/// Asks something of an order that is named by EasyLink's number, or by ours. If the setting `key`
/// holds no path, there is no such operation.
fn ask(
    key: &str,
    trade: &Trade,
    more: &[(&str, &str)],
    account: &Account,
) -> Result<Step, SetupError> {
    let path = account.setting(key).trim();
    if path.is_empty() {
        return Ok(Step::Done(not_supported()));
    }
    if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
        return Err(SetupError(format!("{key}: begins with /, and has no query")));
    }
    let mut fields = who(account);
    match payment_id(trade) {
        Some(id) => fields.push("paymentId", id),
        None if setting::is_on(account, setting::QUERY_BY_ORDER_ID) => {
            fields.push("orderId", trade.trade_no.as_str());
        }
        None => {
            let why = "the upstream's number is not known".to_owned();
            return Ok(Step::Done(Outcome::Unknown(Doubt::NotSent(why))));
        }
    }
    for (name, value) in more {
        fields.push(name, *value);
    }
    sign(&mut fields, account);
    post(path, &fields, account)
}

/// EasyLink's number of an order, as far as it is known: that of its payment, or that which the payer's
/// page carries. An answer that gave us a page is not signed, and may have been another order's.
pub(super) fn payment_id(trade: &Trade) -> Option<String> {
    let told = Some(&trade.transaction_id).filter(|id| wire::is_payment_id(id));
    told.cloned().or_else(|| payment_id_of_page(&trade.pay_text))
}

/// The number that the payer's page carries.
pub(super) fn payment_id_of_page(pay_text: &str) -> Option<String> {
    let (_, query) = pay_text.split_once('?')?;
    let id = Fields::from_form(query)?.of("paymentInfoId").to_owned();
    wire::is_payment_id(&id).then_some(id)
}

fn who(account: &Account) -> Fields {
    let mut fields = Fields::default();
    fields.push("pin", account.setting(setting::PIN).trim());
    fields.push("secPin", account.setting(setting::SEC_PIN).trim());
    fields
}

fn sign(fields: &mut Fields, account: &Account) {
    let access_key = access_key(fields, account.setting(setting::SECRET_KEY));
    fields.push(ACCESS_KEY, access_key);
}

/// The address for notifications, which say nothing else of our number that is certain to be there.
fn callback_url(place: &Place) -> String {
    let joint = if place.notify_url.contains('?') { '&' } else { '?' };
    format!("{}{joint}{ORDER}={}", place.notify_url, place.trade_no)
}

/// An order is taken in the contract's currency, whatever we mean: ours must be that one.
fn check_currency(amount: Money, account: &Account) -> Result<(), SetupError> {
    let is_taken = list(account.setting(setting::CURRENCIES)).any(|c| c == amount.currency.code());
    if amount.currency == account.currency && is_taken {
        return Ok(());
    }
    Err(SetupError(format!("{}: {} is not taken", setting::CURRENCIES, amount.currency.code())))
}

/// The members that a contract wants besides; none may take the place of another.
fn add_extra(fields: &mut Fields, account: &Account) -> Result<(), SetupError> {
    let fault = || SetupError(format!("{}: not a form of other members", setting::EXTRA_FIELDS));
    let extra = Fields::from_form(account.setting(setting::EXTRA_FIELDS).trim());
    fields.0.extend(extra.ok_or_else(fault)?.0);
    if fields.is_sound() { Ok(()) } else { Err(fault()) }
}

fn post(path: &str, fields: &Fields, account: &Account) -> Result<Step, SetupError> {
    setting::check(account)?;
    let form = "application/x-www-form-urlencoded;charset=utf-8";
    Ok(Step::Send(HttpRequest {
        method: "POST".to_owned(),
        url: format!("{}{path}", base_url(account)?),
        headers: vec![("Content-Type".to_owned(), form.to_owned())],
        body: fields.to_form().into_bytes(),
    }))
}

fn base_url(account: &Account) -> Result<&str, SetupError> {
    let address = account.setting(setting::BASE_URL).trim().trim_end_matches('/');
    let is_sound = url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let fault = || SetupError(format!("{}: not an http(s) address", setting::BASE_URL));
    is_sound.then_some(address).ok_or_else(fault)
}

//! What an admitted request asks for, in types that cannot be wrong: the gateway never looks at
//! names and texts again.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange_rate::RateSource;
use crate::feed::EventType;
use crate::id::{Id, Sn};
use crate::product::{Product, Provider};
use crate::refund::RefundState;
use crate::secret::Secret;
use crate::state::TradeState;
use crate::time::Timestamp;
use crate::user::{Email, UserType};

/// A request, whichever dialect it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Place an order.
    Place(Box<PlaceCall>),
    /// Say where an order stands.
    Query(QueryCall),
    /// Close an unpaid order.
    Close(OrderRef),
    /// Undo a barcode order, paid or not.
    Reverse(ReverseCall),
    /// Give money back.
    Refund(RefundCall),
    /// Say where a refund stands.
    QueryRefund(RefundRef),
    /// List orders.
    ListOrders(ListCall<TradeState>),
    /// List refunds.
    ListRefunds(ListCall<RefundState>),
    /// List what has happened.
    ListEvents(EventsCall),
    /// Log a user in.
    LogIn(Credentials),
    /// Create a user.
    CreateUser(NewUserCall),
    /// List users.
    ListUsers(UsersCall),
    /// Remove the user of this e-mail.
    RemoveUser(Email),
    /// Give a user another password.
    ChangePassword(Credentials),
    /// Tell exchange rates.
    FetchRates(RateSource),
}

/// An order to be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryCall {
    /// Which.
    pub order: OrderRef,
    /// How long the answer may wait for the end of an open order; zero is not at all.
    pub wait: Duration,
}

/// A page of a list, the newest first (contract section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListCall<S> {
    /// Which page, from 1.
    pub page: i64,
    /// Rows of a page.
    pub limit: i64,
    /// What the rows must be.
    pub filter: ListFilter<S>,
}

impl<S> ListCall<S> {
    /// Rows before the page.
    pub fn offset(&self) -> i64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// Rows that a walk to the page passes; none if a number names the only row there can be.
    pub fn walked(&self) -> i64 {
        if self.filter.out_trade_no.is_some() { 0 } else { self.offset() }
    }
}

/// What the rows of a list must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListFilter<S> {
    /// One of these states; none is any.
    pub states: Vec<S>,
    /// Who took the money, or will.
    pub provider: Option<Provider>,
    /// The merchant's store.
    pub store_id: Option<i64>,
    /// The merchant's number of the order.
    pub out_trade_no: Option<String>,
    /// The first and the last id: the times of a list are those that the numbers spell, so that they and
    /// the order of a list cannot contradict each other.
    pub ids: (Id, Id),
}

/// A page of what has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventsCall {
    /// The event after which to begin; 0 is the first that is kept.
    pub after: i64,
    /// Events of an answer.
    pub limit: i64,
    /// One of these; none is any.
    pub types: Vec<EventType>,
    /// How long the answer may wait for an event; zero is not at all.
    pub wait: Duration,
}

/// A user's e-mail with a password, which may be wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Who.
    pub email: Email,
    /// The password.
    pub password: Secret,
}

/// A user to be created (contract section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUserCall {
    /// Under what they log in, and with what.
    pub credentials: Credentials,
    /// Their name.
    pub name: String,
    /// What they are.
    pub user_type: UserType,
    /// Where they work, not looked up yet; 0 for users of the whole merchant.
    pub store_id: i64,
}

/// A page of a merchant's users.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct UsersCall {
    /// Which page, from 1.
    pub page: i64,
    /// Users of a page.
    pub limit: i64,
}

/// An order to be reversed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReverseCall {
    /// Which.
    pub order: OrderRef,
    /// Whether the request carries a `timestamp` of now and a nonce: a signed query is byte for byte a
    /// reversal, and must not undo a payment of long ago (contract section 6).
    pub is_fresh: bool,
}

/// Money to be given back (contract section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundCall {
    /// Of which order.
    pub order: OrderRef,
    /// The merchant's number for it, or one made from the signed bytes.
    pub number: RefundNumber,
    /// How much in minor units; `None` is all that is left.
    pub refund_fee: Option<i64>,
    /// Why, for the payer.
    pub reason: String,
    /// The password of refunds, if one was sent.
    pub password: Option<Secret>,
}

/// The number of a refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundNumber {
    /// The merchant's own.
    Own(String),
    /// Made from the request's signature: the same signed bytes name the same refund.
    OfRequest(String),
}

/// How a request names a refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundRef {
    /// By the merchant's number.
    OutRefundNo(String),
    /// By our number.
    RefundId(Sn),
}

/// How a request names an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderRef {
    /// By our number.
    Sn(Sn),
    /// By the merchant's number.
    OutTradeNo(String),
    /// By the upstream's number.
    TransactionId(String),
}

/// An order to be placed (contract section 4). Texts that were not sent are empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceCall {
    /// The product.
    pub product: Product,
    /// The amount in minor units, from 1 to the product's limit.
    pub total_fee: i64,
    /// What the merchant takes off: from 0, below `total_fee`.
    pub discount: i64,
    /// The merchant's own number.
    pub out_trade_no: Option<String>,
    /// Where notifications go.
    pub notify_url: Option<String>,
    /// Where the payer goes back to.
    pub return_url: Option<String>,
    /// What is bought.
    pub body: String,
    /// The merchant's own text.
    pub attach: String,
    /// JSON text of the goods.
    pub detail: String,
    /// `CN`, `HK` or empty.
    pub wallet: String,
    /// A store's number, not looked up yet; 0 is none.
    pub store_id: i64,
    /// The payer's address.
    pub payer_ip: Option<IpAddr>,
    /// When the order stops waiting.
    pub expires_at: Option<Timestamp>,
    /// The payer at the merchant's account, for pages inside WeChat.
    pub openid: String,
    /// The merchant's account or app at the wallet.
    pub sub_appid: String,
    /// The code that the payer shows, for a barcode payment.
    pub code: Option<Secret>,
}

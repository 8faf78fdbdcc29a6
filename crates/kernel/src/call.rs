//! What an admitted request asks for, in types that cannot be wrong: the gateway never looks at
//! names and texts again.

use std::net::IpAddr;

use crate::id::Sn;
use crate::product::Product;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A request, whichever dialect it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Place an order.
    Place(Box<PlaceCall>),
    /// Say where an order stands.
    Query(OrderRef),
    /// Close an unpaid order.
    Close(OrderRef),
    /// Undo a barcode order, paid or not.
    Reverse(ReverseCall),
    /// Give money back.
    Refund(RefundCall),
    /// Say where a refund stands.
    QueryRefund(RefundRef),
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

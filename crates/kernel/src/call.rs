//! What an admitted request asks for, in types that cannot be wrong: the gateway never looks at
//! names and texts again.

use std::net::IpAddr;

use crate::id::Sn;
use crate::product::Product;
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
}

//! What we want of an upstream.

use kernel::money::Money;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

/// What we want of an upstream. Numbers are ours (`trade_no`, `refund_no`), never the upstream's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Take an order, so that the payer can pay it; a barcode is charged at once.
    Place(Place),
    /// Say where an order stands.
    Query(Trade),
    /// Close an unpaid order.
    Close(Trade),
    /// Undo an order, whatever became of it: unpaid it is closed, paid everything goes back (撤销).
    Reverse(Trade),
    /// Give money back. The same number with the same amount again is the same refund.
    Refund(Refund),
    /// Say where a refund stands.
    QueryRefund(Refund),
    /// Tell the newest exchange rates: what one unit of a currency is in renminbi.
    Rates,
    /// Tell the keys that the upstream signs with.
    Keys,
}

/// An order that an upstream was asked to take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trade {
    /// Our number for it.
    pub trade_no: String,
    /// The product it was placed for.
    pub product: Product,
    /// What the payer pays, or has paid.
    pub amount: Money,
    /// When the upstream was first asked.
    pub placed_at: Timestamp,
    /// What it answered, if it has: [`Outcome::Opened`].
    pub pay_text: String,
    /// The upstream's own number, or empty until it was paid.
    pub transaction_id: String,
}

/// Money to be given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The order that was paid.
    pub trade: Trade,
    /// Our number for this refund (26 digits).
    pub refund_no: String,
    /// How much; at most `trade.amount`, in its currency.
    pub amount: Money,
    /// Why, for the payer; may be empty.
    pub reason: String,
    /// Where the upstream tells us how it ended.
    pub notify_url: String,
    /// When the upstream was first asked for it.
    pub asked_at: Timestamp,
}

/// An order for an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Our number for this attempt (28 digits).
    pub trade_no: String,
    /// One of the channel's products.
    pub product: Product,
    /// What the payer pays.
    pub amount: Money,
    /// What is bought; never empty.
    pub subject: String,
    /// Where the upstream tells us that it was paid.
    pub notify_url: String,
    /// Where the payer comes back to: our page.
    pub return_url: String,
    /// When the order stops waiting.
    pub expires_at: Timestamp,
    /// The payer's IP address, or empty.
    pub payer_ip: String,
    /// The payer at the merchant's account (`sub_openid`), or empty.
    pub openid: String,
    /// The merchant's account or app at the wallet (`sub_appid`), or empty.
    pub sub_appid: String,
    /// `CN`, `HK` or empty.
    pub wallet: String,
    /// The code that the payer shows, for [`Product::Micropay`].
    pub code: Option<Secret>,
}

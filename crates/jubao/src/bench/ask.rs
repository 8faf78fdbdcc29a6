//! What a bench asks: requests as merchants send them, written and signed ahead, so that asking costs
//! next to nothing while answers are measured.

use std::sync::Arc;

use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign;
use serde::{Deserialize, Serialize};

use crate::demo::identity::MERCHANT;

/// Bytes of a body that is longer than any that is read.
const TOO_LARGE_BYTES: usize = (64 << 10) + 1;
/// What a refund gives back of an order's 100.00.
const REFUNDED: &str = "100";

/// What is asked.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A page that does nothing.
    Hello,
    /// A new order of product 304, which asks no upstream.
    Order,
    /// A new order of product 101, for which a page of Alipay is signed.
    Page,
    /// A barcode of Alipay, charged; the merchants' numbers are digits.
    Charge,
    /// The order of a number.
    Query,
    /// The ten newest orders.
    List,
    /// A hundred orders, the last of those that a list counts.
    ListDeep,
    /// A part of the order of a number goes back.
    Refund,
    /// As [`Ask::Order`], with a signature that is wrong.
    Forged,
    /// As [`Ask::Order`], at an address that there is not.
    Nowhere,
    /// A body that is longer than any that is read.
    TooLarge,
}

/// A request as it is sent.
pub type Wire = Arc<[u8]>;

/// Members in ascending order of their names, as they are signed.
type Members<'a> = Vec<(&'a str, &'a str)>;

impl Ask {
    /// Requests for so many of the merchants' numbers that begin with `name`, ready to be sent.
    pub fn requests(self, name: &str, count: usize) -> Vec<Wire> {
        (0..count).map(|at| self.request(&number(name, at))).collect()
    }

    /// The request for one of the merchants' numbers.
    fn request(self, number: &str) -> Wire {
        let own = Secret::new(MERCHANT.key);
        let (barcode, refund) = (barcode(number), format!("r{number}"));
        match self {
            Self::Hello => Wire::from(&b"GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n"[..]),
            Self::Order => post("/payment/pay", &signed(&own, order(number, "304"))),
            Self::Page => post("/payment/pay", &signed(&own, order(number, "101"))),
            Self::Charge => {
                let mut members = order(number, "401");
                members.insert(1, ("code", &barcode));
                post("/payment/pay", &signed(&own, members))
            }
            Self::Query => post("/order/query", &signed(&own, vec![("out_trade_no", number)])),
            Self::List => post("/order/list", &signed(&own, Members::new())),
            Self::ListDeep => {
                post("/order/list", &signed(&own, vec![("limit", "100"), ("page", "100")]))
            }
            Self::Refund => {
                let members = [
                    ("out_refund_no", &*refund),
                    ("out_trade_no", number),
                    ("refund_fee", REFUNDED),
                ];
                post("/payment/refund", &signed(&own, members.to_vec()))
            }
            Self::Forged => {
                let other = Secret::new("another key");
                post("/payment/pay", &signed(&other, order(number, "304")))
            }
            Self::Nowhere => post("/payment/nothing", &signed(&own, order(number, "304"))),
            Self::TooLarge => post("/payment/pay", &" ".repeat(TOO_LARGE_BYTES)),
        }
    }
}

/// The merchants' number at a place behind `name`.
pub fn number(name: &str, at: usize) -> String {
    format!("{name}{at:07}")
}

/// A payer's code at Alipay, whose payer pays at once.
fn barcode(number: &str) -> String {
    format!("28{number:0>14}00")
}

fn order<'a>(number: &'a str, product: &'a str) -> Members<'a> {
    vec![
        ("body", "bench"),
        ("notify_url", "https://shop.example/notify"),
        ("out_trade_no", number),
        ("pay_channel_id", product),
        ("total_fee", "10000"),
    ]
}

/// A body of the demo's merchant, signed as version 2.
fn signed(key: &Secret, members: Members<'_>) -> String {
    let mch_id = MERCHANT.mch_id.to_string();
    let mut members = members;
    members.extend([("mch_id", mch_id.as_str()), ("version", "2")]);
    members.sort_unstable();
    let signature = sign::sign(key, members.iter().copied(), SignForm::Version2);
    let mut body = String::from("{");
    for (name, value) in members {
        body.push_str(&format!("\"{name}\":\"{value}\","));
    }
    body.push_str(&format!("\"sign\":\"{signature}\"}}"));
    body
}

fn post(path: &str, body: &str) -> Wire {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    Wire::from(request.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::{content_length, split};

    #[test]
    fn what_is_asked_is_signed_as_the_gateway_wants_it() {
        let key = Secret::new(MERCHANT.key);
        for ask in [Ask::Order, Ask::Page, Ask::Charge, Ask::Query, Ask::Refund, Ask::Nowhere] {
            let request = &ask.requests("7", 2)[1];
            let (head, body) = split(request).unwrap();
            assert_eq!(content_length(head), body.len());
            let members = crate::signing::read(body).unwrap();
            assert!(crate::signing::is_signed(&members, &key), "{ask:?}");
            let number = members.iter().find(|(name, _)| name == "out_trade_no");
            assert_eq!(number.unwrap().1, "70000001", "{ask:?}");
        }
        let forged = Ask::Forged.request("1");
        let members = crate::signing::read(split(&forged).unwrap().1).unwrap();
        assert!(!crate::signing::is_signed(&members, &key));
    }

    #[test]
    fn a_barcode_is_one_of_alipay_that_no_other_number_has() {
        let (one, other) = (barcode(&number("1", 7)), barcode(&number("2", 7)));
        assert_eq!((one.as_str(), one.len()), ("280000001000000700", 18));
        assert_ne!(one, other);
    }
}

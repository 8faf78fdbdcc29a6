//! Requests as an example: each can be sent as it is, in this order, to a fresh demo. The tests do so.

use crate::address::Operation;
use crate::fault::Wording;
use crate::order::SignForm;
use crate::secret::Secret;
use crate::sign;

/// The key of the merchants' document (1.2): it was published with it, and signs for the demo alone.
pub const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

/// One request.
#[derive(Debug)]
pub struct Example {
    /// What it asks for.
    pub operation: Operation,
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    /// What it shows.
    pub words: Wording,
    /// Its members without `sign`, in signing order.
    pub members: &'static [(&'static str, Sample)],
    /// The code that it is answered.
    pub code: i64,
    /// Whether the order that it is about is paid before.
    pub after_payment: bool,
}

/// A value of an example.
#[derive(Copy, Clone, Debug)]
pub enum Sample {
    /// A JSON string.
    Text(&'static str),
    /// A JSON integer.
    Int(i64),
}

impl Sample {
    /// The text that it signs as.
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::Int(number) => number.to_string(),
        }
    }
}

impl Example {
    /// The signature of its members with [`KEY`].
    pub fn sign(&self) -> String {
        let texts = self.members.iter().map(|(name, value)| (*name, value.text()));
        let texts = texts.collect::<Vec<_>>();
        let fields = texts.iter().map(|(name, text)| (*name, text.as_str()));
        let is_version2 = texts.iter().any(|(name, text)| *name == "version" && text == "2");
        let form = if is_version2 { SignForm::Version2 } else { SignForm::Widened };
        sign::sign(&Secret::new(KEY), fields, form)
    }
}

const MCH: (&str, Sample) = ("mch_id", Sample::Text("10502105689001"));
const APP: (&str, Sample) = ("appid", Sample::Text("1000258"));
const VERSION: (&str, Sample) = ("version", Sample::Int(2));

/// Every example.
pub static EXAMPLES: &[Example] = &[
    Example {
        operation: Operation::Place,
        name: "mixedQr",
        words: ["混合码：一个码，任何钱包", "A mixed QR: one code for every wallet"],
        members: &[
            ("attach", Sample::Text("table 7")),
            ("body", Sample::Text("明前龙井")),
            MCH,
            ("out_trade_no", Sample::Text("EXAMPLE-1")),
            ("pay_channel_id", Sample::Int(304)),
            ("total_fee", Sample::Int(1314)),
            VERSION,
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::Place,
        name: "byWord",
        words: ["用 appid 与 payment 下单", "By appid and payment"],
        members: &[
            APP,
            ("body", Sample::Text("coffee")),
            ("out_trade_no", Sample::Text("EXAMPLE-2")),
            ("payment", Sample::Text("alipay.qrcode")),
            ("total_fee", Sample::Text("10")),
            ("wallet", Sample::Text("CN")),
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::Place,
        name: "barcode",
        words: ["付款码：扫付款人的码", "A barcode that the payer shows"],
        members: &[
            ("code", Sample::Text("287632480123456789")),
            MCH,
            ("out_trade_no", Sample::Text("EXAMPLE-3")),
            ("pay_channel_id", Sample::Int(401)),
            ("total_fee", Sample::Int(5)),
            VERSION,
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::Place,
        name: "again",
        words: ["重复：订单已在，未产生新订单", "Once more: the order stands, nothing new is made"],
        members: &[
            ("attach", Sample::Text("table 7")),
            ("body", Sample::Text("明前龙井")),
            MCH,
            ("out_trade_no", Sample::Text("EXAMPLE-1")),
            ("pay_channel_id", Sample::Int(304)),
            ("total_fee", Sample::Int(1314)),
            VERSION,
        ],
        code: 40106,
        after_payment: false,
    },
    Example {
        operation: Operation::Query,
        name: "byYourNumber",
        words: ["按商户订单号", "By your number"],
        members: &[MCH, ("out_trade_no", Sample::Text("EXAMPLE-1")), VERSION],
        code: 200,
        after_payment: true,
    },
    Example {
        operation: Operation::Close,
        name: "unpaid",
        words: ["关闭未付款的订单", "An unpaid order"],
        members: &[MCH, ("out_trade_no", Sample::Text("EXAMPLE-2")), VERSION],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::Close,
        name: "paid",
        words: ["已付款：关不了", "A paid one cannot be closed"],
        members: &[MCH, ("out_trade_no", Sample::Text("EXAMPLE-1")), VERSION],
        code: 40101,
        after_payment: false,
    },
    Example {
        operation: Operation::Reverse,
        name: "barcode",
        words: ["撤销付款码订单", "A barcode order"],
        members: &[MCH, ("out_trade_no", Sample::Text("EXAMPLE-3")), VERSION],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::Refund,
        name: "partly",
        words: ["部分退款", "A part of it"],
        members: &[
            MCH,
            ("out_refund_no", Sample::Text("EXAMPLE-R1")),
            ("out_trade_no", Sample::Text("EXAMPLE-1")),
            ("refund_fee", Sample::Int(314)),
            VERSION,
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::QueryRefund,
        name: "byYourNumber",
        words: ["按商户退款单号", "By your number"],
        members: &[MCH, ("out_refund_no", Sample::Text("EXAMPLE-R1")), VERSION],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::ListOrders,
        name: "paid",
        words: ["已付款的订单，第一页", "The first page of what is paid"],
        members: &[
            ("limit", Sample::Int(20)),
            MCH,
            ("page", Sample::Int(1)),
            ("trade_state", Sample::Text("SUCCESS")),
            VERSION,
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::ListRefunds,
        name: "ofOrder",
        words: ["一笔订单的退款", "The refunds of an order"],
        members: &[MCH, ("out_trade_no", Sample::Text("EXAMPLE-1")), VERSION],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::ListEvents,
        name: "fromTheBeginning",
        words: ["从头开始", "From the beginning"],
        members: &[("after", Sample::Text("")), ("limit", Sample::Int(100)), MCH],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::CreateUser,
        name: "cashier",
        words: ["创建收银员", "A cashier"],
        members: &[
            ("email", Sample::Text("li@shop.example")),
            MCH,
            ("name", Sample::Text("李雷")),
            ("password", Sample::Text("long tea house")),
            ("store_id", Sample::Int(1_000_342)),
            ("type", Sample::Text("cashier")),
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::LogIn,
        name: "byPassword",
        words: ["邮箱与密码", "E-mail and password"],
        members: &[
            ("email", Sample::Text("li@shop.example")),
            ("password", Sample::Text("long tea house")),
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::ListUsers,
        name: "firstPage",
        words: ["第一页", "The first page"],
        members: &[MCH],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::ChangePassword,
        name: "another",
        words: ["新密码", "Another password"],
        members: &[
            ("email", Sample::Text("li@shop.example")),
            MCH,
            ("password", Sample::Text("longer tea house")),
        ],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::RemoveUser,
        name: "byEmail",
        words: ["按邮箱", "By e-mail"],
        members: &[("email", Sample::Text("li@shop.example")), MCH],
        code: 200,
        after_payment: false,
    },
    Example {
        operation: Operation::FetchRates,
        name: "alipay",
        words: ["支付宝汇率", "Alipay's rates"],
        members: &[("adapter", Sample::Text("alipay")), MCH],
        code: 200,
        after_payment: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_an_example_with_names_in_signing_order() {
        for operation in Operation::ALL {
            assert!(EXAMPLES.iter().any(|row| row.operation == operation), "{operation:?}");
        }
        for row in EXAMPLES {
            for pair in row.members.windows(2) {
                assert!(pair[0].0 < pair[1].0, "{} {}", row.name, pair[1].0);
            }
        }
    }
}

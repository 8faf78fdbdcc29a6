//! The members of answers and notices, with their types and words (contract sections 3, 4, 6 and 7).
//! `dialect/answer.rs` and `dialect/notice.rs` write them; a test compares.

use crate::fault::Wording;

/// The type of a member.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A JSON string.
    Text,
    /// A JSON integer.
    Int,
}

/// One member of `data` or of a notice.
#[derive(Debug)]
pub struct MemberInfo {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Which answers carry it.
    pub part: Part,
    /// What it says.
    pub words: Wording,
}

/// Which answers carry a member.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Every order and refund.
    Order,
    /// Orders of some products only.
    Product,
    /// Refunds, beside their order's.
    Refund,
    /// The signature of either.
    Signature,
    /// The signature, where the request had version 2.
    Version2,
    /// Users, log-ins and exchange rates, which are not signed.
    Record,
}

impl Part {
    /// Whether an answer of that part always has it.
    pub fn is_always(self) -> bool {
        match self {
            Self::Order | Self::Refund | Self::Signature | Self::Record => true,
            Self::Product | Self::Version2 => false,
        }
    }
}

pub(super) const fn text(name: &'static str, part: Part, words: Wording) -> MemberInfo {
    MemberInfo { name, kind: Kind::Text, part, words }
}

pub(super) const fn int(name: &'static str, part: Part, words: Wording) -> MemberInfo {
    MemberInfo { name, kind: Kind::Int, part, words }
}

/// Members of `data` of orders and refunds, in the order in which they are written.
pub static MEMBERS: &[MemberInfo] = &[
    int("id", Part::Order, ["订单 id", "The order's id"]),
    text("sn", Part::Order, ["聚宝订单号，26 位", "Our number of the order, 26 digits"]),
    text("order_sn", Part::Order, ["同 sn", "The same as sn"]),
    text("mch_id", Part::Order, ["商户号", "Your merchant number"]),
    text("appid", Part::Order, ["应用号", "Your application"]),
    text("mch_name", Part::Order, ["商户名称", "Your merchant's name"]),
    text("out_trade_no", Part::Order, ["商户订单号", "Your number of the order"]),
    int("pay_channel_id", Part::Order, ["支付产品编号", "The product's number"]),
    text(
        "provider",
        Part::Order,
        ["钱包；混合码付款前为 聚宝", "The wallet; 聚宝 until a mixed QR is paid"],
    ),
    text("adapter", Part::Order, ["所走的通道", "The channel that it goes through"]),
    text("trade_type", Part::Order, ["交易类型", "How it is paid"]),
    text("trade_state", Part::Order, ["订单状态", "State of the order"]),
    int(
        "status",
        Part::Order,
        ["1 未支付，2 已支付，3 已退款，4 已关闭", "1 unpaid, 2 paid, 3 refunded, 4 closed"],
    ),
    int("total_fee", Part::Order, ["订单金额（分）", "The amount, in minor units"]),
    int("discount", Part::Order, ["优惠金额（分）", "What was taken off"]),
    int(
        "pay_amount",
        Part::Order,
        ["应付金额：total_fee − discount", "What is charged: total_fee − discount"],
    ),
    int(
        "cash_fee",
        Part::Order,
        ["付款人实付（分）；付款前为 0", "What the payer paid; 0 until then"],
    ),
    text("cash_fee_type", Part::Order, ["实付币种", "Currency of cash_fee"]),
    text("fee_type", Part::Order, ["订单币种", "Currency of the order"]),
    int("refundable", Part::Order, ["可退金额（分）", "What can still be refunded"]),
    int("total_refund_fee", Part::Order, ["已退金额（分）", "What was refunded"]),
    text("body", Part::Order, ["商品名称", "What is bought"]),
    text("attach", Part::Order, ["附加数据", "Your attach"]),
    text("detail", Part::Order, ["商品明细", "Your detail"]),
    text("bank_type", Part::Order, ["付款银行", "The payer's bank"]),
    text("transaction_id", Part::Order, ["支付方交易号", "The wallet's number of the payment"]),
    text("wallet", Part::Order, ["CN、HK 或空", "CN, HK or empty"]),
    text(
        "is_subscribe",
        Part::Order,
        ["是否关注公众号：Y 或 N", "Whether the payer follows you: Y or N"],
    ),
    text("is_print", Part::Order, ["保留，恒为 0", "Kept for old clients: 0"]),
    text(
        "openid",
        Part::Order,
        ["付款人标识，未知时为空", "The payer at the wallet, empty until known"],
    ),
    text("store_id", Part::Order, ["门店号", "Your store"]),
    int("create_time", Part::Order, ["下单时间（Unix 秒）", "When it was placed (Unix seconds)"]),
    int(
        "time_end",
        Part::Order,
        ["付款时间（Unix 秒），付款前为 0", "When it was paid (Unix seconds), 0 until then"],
    ),
    text("created_at", Part::Order, ["下单时间（UTC+8）", "When it was placed (UTC+8)"]),
    text(
        "finish_time",
        Part::Order,
        ["付款时间（UTC+8），付款前为空", "When it was paid (UTC+8), empty until then"],
    ),
    text(
        "qrcode",
        Part::Order,
        ["要绘制的二维码文本，或要打开的页面", "The text to draw, or the page to open"],
    ),
    text(
        "code_url",
        Part::Order,
        [
            "我们的收银台：任何浏览器都能完成付款",
            "Our page, which finishes the payment in any browser",
        ],
    ),
    text("mweb_url", Part::Product, ["201：要打开的页面", "201: the page to open"]),
    text(
        "app",
        Part::Product,
        ["103、204：给钱包 SDK 的 JSON 文本", "103, 204: JSON text for the wallet's SDK"],
    ),
    text("app_format", Part::Product, ["103：签名的订单字符串", "103: the signed order string"]),
    text(
        "jsapi",
        Part::Product,
        ["203、205：给微信 JS 的 JSON 文本", "203, 205: JSON text for WeChat's script"],
    ),
    text("out_refund_no", Part::Refund, ["商户退款单号", "Your number of the refund"]),
    text("refund_id", Part::Refund, ["聚宝退款单号", "Our number of the refund"]),
    int("refund_fee", Part::Refund, ["本次退款金额（分）", "What goes back, in minor units"]),
    text("refund_fee_type", Part::Refund, ["退款币种", "Currency of refund_fee"]),
    int("cash_refund_fee", Part::Refund, ["付款人实收（分）", "What the payer gets"]),
    text("cash_refund_fee_type", Part::Refund, ["实收币种", "Currency of cash_refund_fee"]),
    text("rate", Part::Refund, ["汇率，没有时为空", "Exchange rate, empty if there is none"]),
    text(
        "refund_status",
        Part::Refund,
        [
            "PROCESSING、SUCCESS、REFUNDCLOSE 或 CHANGE",
            "PROCESSING, SUCCESS, REFUNDCLOSE or CHANGE",
        ],
    ),
    text("refund_time", Part::Refund, ["退款完成时间（UTC+8）", "When it was done (UTC+8)"]),
    text("refund_desc", Part::Refund, ["退款原因", "Why"]),
    text("nonce_str", Part::Signature, ["随机字符串", "A random text"]),
    int("version", Part::Version2, ["2，请求带了 version 2 时", "2, if the request had it"]),
    text("sign", Part::Signature, ["签名，算法与请求相同", "The signature, made as yours is"]),
];

/// Names of a notice's members, in the order in which they are written; their words are those of
/// [`MEMBERS`]. `time_end` is a text here: yyyyMMddHHmmss.
pub static NOTICE: &[&str] = &[
    "mch_id",
    "appid",
    "sn",
    "order_sn",
    "out_trade_no",
    "pay_channel_id",
    "provider",
    "trade_type",
    "trade_state",
    "status",
    "total_fee",
    "discount",
    "pay_amount",
    "cash_fee",
    "cash_fee_type",
    "fee_type",
    "bank_type",
    "transaction_id",
    "time_end",
    "finish_time",
    "body",
    "attach",
    "nonce_str",
    "version",
    "sign",
];

/// What a notice's `time_end` is.
pub const NOTICE_TIME: Wording =
    ["付款时间：yyyyMMddHHmmss（UTC+8）", "When it was paid: yyyyMMddHHmmss (UTC+8)"];

/// The row of a member.
pub fn member(name: &str) -> Option<&'static MemberInfo> {
    MEMBERS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::answer::{self, OrderUrls};
    use crate::dialect::members::{Member, Members, sign_members};
    use crate::dialect::notice;
    use crate::order::{SignForm, tests::an_order};
    use crate::product::PRODUCTS;
    use crate::refund::tests::a_refund;
    use crate::sign::Signer;
    use crate::sign::tests::an_application;

    const URLS: OrderUrls<'static> = OrderUrls { code_url: "c", qrcode: "q", transaction_id: "" };

    fn listed(written: &Members<'_>) -> Vec<(String, Kind)> {
        let kind = |member: &Member<'_>| match member {
            Member::Text(_) => Kind::Text,
            Member::Int(_) => Kind::Int,
        };
        written.iter().map(|(name, member)| (name.to_string(), kind(member))).collect()
    }

    fn table(keep: impl Fn(&MemberInfo) -> bool) -> Vec<(String, Kind)> {
        let rows = MEMBERS.iter().filter(|row| keep(row));
        rows.map(|row| (row.name.to_owned(), row.kind)).collect()
    }

    #[test]
    fn the_table_lists_what_answers_carry_in_their_order() {
        let (app, mut order) = (an_application(), an_order());
        let mut of_products = Vec::new();
        for row in PRODUCTS {
            order.product = row.product;
            let mut written = answer::order_members(&order, &app, &URLS);
            sign_members(&mut written, Signer::of(&app), SignForm::Version2.into(), "n").unwrap();
            let names = written.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
            let expect = table(|row| match row.part {
                Part::Order | Part::Signature | Part::Version2 => true,
                Part::Product => names.iter().any(|name| name == row.name),
                Part::Refund | Part::Record => false,
            });
            assert_eq!(listed(&written), expect, "{}", row.payment);
            of_products.extend(names);
        }
        for row in MEMBERS.iter().filter(|row| row.part == Part::Product) {
            assert!(
                of_products.iter().any(|name| name == row.name),
                "{} is never written",
                row.name
            );
        }
    }

    #[test]
    fn the_table_lists_what_refunds_carry_beside_their_order() {
        let (app, order, refund) = (an_application(), an_order(), a_refund());
        let written = answer::refund_members((&refund, &order), &app, &URLS);
        let expect = table(|row| matches!(row.part, Part::Order | Part::Refund));
        assert_eq!(listed(&written), expect);
    }

    #[test]
    fn the_table_lists_what_notices_carry() {
        let order = an_order();
        let mut written = notice::facts(&order);
        let app = an_application();
        sign_members(&mut written, Signer::of(&app), SignForm::Version2.into(), "n").unwrap();
        let names = written.iter().map(|(name, _)| name.as_ref()).collect::<Vec<_>>();
        assert_eq!(names, NOTICE);
        for (name, kind) in listed(&written).iter().filter(|(name, _)| name != "time_end") {
            assert_eq!(member(name).map(|row| row.kind), Some(*kind), "{name}");
        }
    }
}

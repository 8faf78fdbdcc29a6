//! What each parameter is, in words: one list beside [`crate::name::NAMES`], by name, since a name means
//! the same in every operation.

use crate::fault::Wording;

/// Name and words of every parameter, in signing order.
pub static WORDS: &[(&str, Wording)] = &[
    ("adapter", ["汇率来源：alipay 或 wechat", "Source of the rates: alipay or wechat"]),
    (
        "after",
        ["从此事件之后开始：上次的 next，或留空", "Behind which event: next of before, or empty"],
    ),
    ("appid", ["应用号；与 mch_id 二选一", "Your application; either this or mch_id"]),
    (
        "attach",
        [
            "附加数据，查询与通知中原样返回",
            "Anything you want back, unchanged, in queries and notifications",
        ],
    ),
    ("body", ["商品名称，付款人可见", "What is bought, as the payer sees it"]),
    ("client_ip", ["客户端地址；仅记录", "The client's address; only known"]),
    ("code", ["付款码：扫码枪读到的数字", "The payer's barcode, as your scanner read it"]),
    ("customer_refund_no", ["商户退款单号（旧名）", "Your refund number, by its old name"]),
    ("detail", ["商品明细，JSON 文本", "Details of what is bought, as JSON text"]),
    ("device_info", ["设备号；仅记录", "Your device; only known"]),
    (
        "discount",
        [
            "优惠金额（分）；大于 0 需要权限",
            "Taken off total_fee, in minor units; above 0 it needs a permission",
        ],
    ),
    ("email", ["登录名", "Log-in name"]),
    ("end_time", ["止于此日（yyyy-MM-dd，UTC+8）", "Last day (yyyy-MM-dd, UTC+8)"]),
    ("h5_redirect_url", ["return_url 的别名", "Another name of return_url"]),
    ("limit", ["每页条数，最多 100", "Items on a page, at most 100"]),
    ("mch_id", ["商户号；与 appid 二选一", "Your merchant number; either this or appid"]),
    ("name", ["姓名，最多 64 个字符", "What the user is called, up to 64 characters"]),
    (
        "nonce_str",
        [
            "随机字符串；开启防重放的应用必填",
            "A random text; required where the replay guard is on",
        ],
    ),
    ("notify_url", ["异步通知地址", "Where your server is told of the payment"]),
    ("openid", ["sub_openid 的别名", "Another name of sub_openid"]),
    ("order_sn", ["sn 的别名", "Another name of sn"]),
    (
        "out_refund_no",
        ["商户退款单号，同一商户内唯一", "Your number of the refund, unique at your merchant"],
    ),
    (
        "out_trade_no",
        [
            "商户订单号，同一商户内唯一；使重复请求变得安全",
            "Your number of the order, unique at your merchant; it makes repeating safe",
        ],
    ),
    ("page", ["页码，从 1 起", "Page, from 1"]),
    (
        "password",
        [
            "密码；退款时为商户所设退款密码，已设时必填",
            "Password; of a refund, the merchant's refund password, required where one is set",
        ],
    ),
    (
        "pay_channel_id",
        ["支付产品编号；与 payment 二选一", "The product's number; either this or payment"],
    ),
    (
        "payment",
        [
            "支付产品代码；与 pay_channel_id 二选一",
            "The product's word; either this or pay_channel_id",
        ],
    ),
    (
        "provider",
        [
            "钱包：wechat、alipay 或 unionpay；付款码须属于它",
            "The wallet: wechat, alipay or unionpay; a barcode must be of it",
        ],
    ),
    ("refund_desc", ["退款原因", "Why the money goes back"]),
    (
        "refund_fee",
        [
            "退款金额（分）；不填则退余下全部",
            "What goes back, in minor units; all that is left if it is absent",
        ],
    ),
    ("refund_id", ["聚宝退款单号", "Our number of the refund"]),
    ("refund_status", ["退款状态", "State of the refund"]),
    ("return_url", ["付款后浏览器返回的页面", "Where the payer's browser comes back to"]),
    ("sign", ["签名", "The signature"]),
    ("sign_type", ["签名算法，默认 MD5", "How the request is signed; MD5 by default"]),
    ("sn", ["聚宝订单号", "Our number of the order"]),
    ("spbill_create_ip", ["付款人的地址；201 需要它", "The payer's address; 201 wants it"]),
    ("start_time", ["起于此日（yyyy-MM-dd，UTC+8）", "First day (yyyy-MM-dd, UTC+8)"]),
    ("store_id", ["门店号", "A store of yours"]),
    ("sub_appid", ["公众号或小程序的 appid", "Your official account or mini program"]),
    ("sub_openid", ["付款人在该公众号的 openid", "The payer at that account"]),
    ("subject", ["标题；仅记录", "A title; only known"]),
    (
        "time_expire",
        [
            "订单失效时间，1 分钟至 7 天内，默认 30 分钟",
            "When the order ends: 1 minute to 7 days ahead, 30 minutes by default",
        ],
    ),
    (
        "timestamp",
        [
            "请求时间（Unix 秒）；开启防重放的应用必填",
            "When you ask (Unix seconds); required where the replay guard is on",
        ],
    ),
    ("total_fee", ["订单金额，单位为分", "The amount in minor units (fen)"]),
    ("trade_state", ["订单状态", "State of the order"]),
    ("transaction_id", ["支付方交易号", "The wallet's number of the payment"]),
    (
        "type",
        ["用户类型：merchant、store 或 cashier", "What the user is: merchant, store or cashier"],
    ),
    ("types", ["只要这些类型，以逗号分隔", "These types of events only, with commas between"]),
    ("unixtimestamp_end", ["止于此时（Unix 秒）", "Until then (Unix seconds)"]),
    ("unixtimestamp_start", ["起于此时（Unix 秒）", "From then (Unix seconds)"]),
    (
        "version",
        [
            "2：签名前不做 utf8_encode（推荐）",
            "2: sign plain UTF-8, without utf8_encode (recommended)",
        ],
    ),
    (
        "wait",
        [
            "最多等待的秒数（0–25），有结果即返回",
            "Seconds that the answer may wait (0 to 25) for something to tell",
        ],
    ),
    ("wallet", ["CN 或 HK", "CN or HK"]),
];

/// What a parameter is; `None` if nobody has said.
pub fn words(name: &str) -> Option<Wording> {
    WORDS.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{self, NAMES};

    #[test]
    fn every_parameter_is_described_once_and_nothing_else_is() {
        for row in NAMES {
            assert!(words(row.name).is_some(), "{} lacks words in reference/names.rs", row.name);
        }
        for pair in WORDS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        for (known, _) in WORDS {
            assert!(name::is_known(known), "{known} is described, and is no name");
        }
    }
}

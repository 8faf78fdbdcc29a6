//! The 39 codes of the merchants' document: the one table of them. No other number ever answers.

use crate::fault::Wording;

/// An error that no other row fits; a log-in that failed.
pub const GENERAL: i64 = 0;
/// A barcode payment whose outcome is not known yet.
pub const AWAITED: i64 = 201;

/// One row of [`CODES`].
#[derive(Debug)]
pub struct CodeInfo {
    /// `code` of an answer.
    pub code: i64,
    /// The document's words.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// Why it is answered.
    pub cause: Wording,
    /// What the merchant can do about it.
    pub cure: Wording,
}

const fn row(code: i64, [zh, en]: Wording, cause: Wording, cure: Wording) -> CodeInfo {
    CodeInfo { code, zh, en, cause, cure }
}

/// Every code, in the order of the document's table 1.6.
pub static CODES: &[CodeInfo] = &[
    row(
        0,
        ["通用错误", "General error"],
        [
            "登录失败等未归类的错误。此时 ret 为 499999，不会是 0。",
            "An error without a class of its own, such as a failed log-in. ret is 499999 then, never 0.",
        ],
        [
            "按 message 处理；登录失败请核对 email 与 password。",
            "Do as the message says; after a failed log-in, check email and password.",
        ],
    ),
    row(
        200,
        ["成功", "Success"],
        ["请求已完成。", "The request was carried out."],
        ["按 data 处理；先验证 data.sign。", "Go on with data; verify data.sign first."],
    ),
    row(
        201,
        ["刷卡交易未知状态", "Barcode payment in an unknown state"],
        [
            "付款人还在输入密码，或上游尚未答复。",
            "The payer is still acting, or the upstream has not answered.",
        ],
        [
            "每隔几秒用 /order/query 查询；不再等待时用 /order/reverse 撤销。",
            "Ask with /order/query every few seconds; give up with /order/reverse.",
        ],
    ),
    row(
        404,
        ["接口地址错误", "Unknown API address"],
        [
            "路径，或 _m 与 _a，不是任何接口的地址。",
            "Neither the path nor _m and _a name an operation.",
        ],
        ["核对本文档中的地址。", "Compare the address with this reference."],
    ),
    row(
        4001,
        ["请求数据格式错误", "Malformed request data"],
        [
            "请求体既不是一个 JSON 对象，也不是表单；或同一参数出现两次。",
            "The body is neither one JSON object nor a form, or names a parameter twice.",
        ],
        [
            "发送一个 JSON 对象，每个参数只出现一次。",
            "Send one JSON object that names each parameter once.",
        ],
    ),
    row(
        4002,
        ["无效AppId", "Invalid AppId"],
        [
            "mch_id 或 appid 不存在，或应用已停用。",
            "No enabled application is behind mch_id or appid.",
        ],
        [
            "核对 mch_id 与 appid；是否把测试环境的号码用在了正式环境？",
            "Check mch_id and appid: is it the number of another environment?",
        ],
    ),
    row(
        4003,
        ["缺少参数", "Missing parameter"],
        [
            "没有发送必填参数；message 指出是哪一个。",
            "A required parameter was not sent; the message names it.",
        ],
        ["补上该参数并重新签名。", "Add it, and sign again."],
    ),
    row(
        4004,
        ["签名错误", "Wrong signature"],
        [
            "sign 与按您的密钥算出的不同，或不是 32 位十六进制数。",
            "sign is not what your key makes of the request, or is not 32 hexadecimal digits.",
        ],
        [
            "用 /docs/sign 找出差别：它只在浏览器里计算，不发送密钥。",
            "Find the difference with /docs/sign, which computes in the browser and sends the key nowhere.",
        ],
    ),
    row(
        4005,
        ["通讯出错", "Communication error"],
        [
            "连不上上游，请求肯定没有执行。",
            "The upstream could not be reached; certainly nothing was done.",
        ],
        ["可原样重试。", "Repeat the request as it is."],
    ),
    row(
        4006,
        ["服务器繁忙", "Server busy"],
        [
            "请求过多或正在停机；尚未产生任何影响。",
            "Too many requests, or shutting down; nothing was done.",
        ],
        ["稍后原样重试，并降低频率。", "Repeat it as it is after a moment, and ask less often."],
    ),
    row(
        4007,
        ["请求方式错误", "Wrong request method"],
        ["接口只接受 POST。", "The API answers POST only."],
        ["改用 POST，参数放在请求体里。", "Use POST, with the parameters in the body."],
    ),
    row(
        40100,
        ["无效请求", "Request not allowed"],
        [
            "签名正确，但不允许这样做：无权限、地址不在允许列表、重放、对订单状态不合适等。",
            "Authentic, but not allowed: no permission, an address that is not on the list, a replay, or not for an order in this state.",
        ],
        [
            "message 说明原因；需要权限时联系平台。",
            "The message says why; ask the operator for a permission.",
        ],
    ),
    row(
        40101,
        ["订单已支付", "Order already paid"],
        [
            "订单已付款，不能再付或关闭。",
            "The order is paid: it can be neither paid again nor closed.",
        ],
        [
            "按已支付处理；要退钱请用 /payment/refund。",
            "Treat it as paid; to give the money back use /payment/refund.",
        ],
    ),
    row(
        40102,
        ["订单不存在", "Order does not exist"],
        ["这个商户没有该订单。", "This merchant has no such order."],
        [
            "核对 sn 或 out_trade_no；查询用的是下单的商户号吗？",
            "Check sn or out_trade_no, and that the merchant is the one that placed it.",
        ],
    ),
    row(
        40103,
        ["订单已关闭", "Order already closed"],
        ["订单已被关闭或已过期。", "The order was closed, or has expired."],
        ["换一个 out_trade_no 重新下单。", "Place a new order with another out_trade_no."],
    ),
    row(
        40104,
        ["订单已撤销", "Order already reversed"],
        [
            "付款码订单已撤销，钱已退回付款人。",
            "The barcode order was reversed; what was paid went back.",
        ],
        [
            "换一个 out_trade_no，并请付款人重新出示付款码。",
            "Take another out_trade_no and a fresh barcode of the payer.",
        ],
    ),
    row(
        40105,
        ["订单已退款", "Order already refunded"],
        ["已全额退款，没有可退的金额。", "Everything was refunded; nothing is left."],
        [
            "无需再退。用 /order/refundquery 查看退款。",
            "Nothing is left to do; /order/refundquery shows the refund.",
        ],
    ),
    row(
        40106,
        ["订单号重复", "Duplicate order number"],
        [
            "这个 out_trade_no 的订单正在等待付款。",
            "An order with this out_trade_no waits for payment.",
        ],
        [
            "若是重复请求：使用 data 里的原订单。若是新订单：换一个号。",
            "After a repeated request, use the standing order in data; for a new order take another number.",
        ],
    ),
    row(
        40107,
        ["余额不足", "Insufficient balance"],
        [
            "上游账户的余额不够退款。",
            "The account at the upstream holds too little for the refund.",
        ],
        [
            "充值后用同一 out_refund_no 重试。",
            "Top it up, then repeat with the same out_refund_no.",
        ],
    ),
    row(
        40108,
        ["订单超过退款期限", "Order is past its refund period"],
        [
            "付款已超过可退款的期限（默认 365 天）。",
            "The payment is older than the refund period, 365 days by default.",
        ],
        ["以其他方式退给付款人。", "Give the money back in another way."],
    ),
    row(
        40109,
        ["缺少参数", "Missing parameter for this product"],
        [
            "所选产品或操作还需要一个参数。",
            "The chosen product or operation needs one more parameter.",
        ],
        [
            "message 指出是哪一个：如付款码需 code，公众号需 sub_openid。",
            "The message names it: code for barcodes, sub_openid for JSAPI.",
        ],
    ),
    row(
        40110,
        ["编码格式错误", "Wrong character encoding"],
        [
            "请求体不是 UTF-8，或声明了其他字符集。",
            "The body is not UTF-8, or claims another charset.",
        ],
        ["以 UTF-8 编码发送。", "Encode it as UTF-8."],
    ),
    row(
        40111,
        ["每个二维码只可以用一次", "A barcode can be used only once"],
        ["付款码用过了，或已过期。", "The payer's code was used before, or has expired."],
        ["请付款人刷新付款码后重扫。", "Have the payer refresh the code, and scan it again."],
    ),
    row(
        40400,
        ["系统繁忙", "System busy"],
        [
            "请求可能已执行，结果未知。",
            "The request may have been carried out; the outcome is unknown.",
        ],
        [
            "先用 /order/query 查询，不要换号重下。",
            "Ask with /order/query first; do not place it anew under another number.",
        ],
    ),
    row(
        40500,
        ["支付错误", "Payment error"],
        [
            "上游明确拒绝了；原因在 message 里。",
            "The upstream refused explicitly; its reason is in the message.",
        ],
        [
            "按 message 提示付款人；订单已关闭，需换号重下。",
            "Tell the payer what the message says; the order is closed, so use a new number.",
        ],
    ),
    row(
        40600,
        ["未知错误", "Unknown error"],
        [
            "上游报告了一个我们不认识的错误。",
            "The upstream reported an error that we have no mapping for.",
        ],
        [
            "先查询订单；仍不清楚时把 _trace_no 发给平台。",
            "Query the order first; if that does not help, send us _trace_no.",
        ],
    ),
    row(
        490001,
        ["时间参数格式非法(非法时间戳)", "Invalid time parameter"],
        ["时间参数不是时间，或超出允许范围。", "A time parameter is no time, or out of range."],
        [
            "按 message 的格式修改；time_expire 应在 1 分钟至 7 天内。",
            "Spell it as the message says; time_expire lies 1 minute to 7 days ahead.",
        ],
    ),
    row(
        491001,
        ["不是合法的json参数", "Parameter is not valid JSON"],
        [
            "detail 等参数应为 JSON 文本。",
            "A parameter that must be JSON text, such as detail, is not.",
        ],
        ["发送一段合法的 JSON 文本。", "Send valid JSON text."],
    ),
    row(
        491002,
        ["参数长度不能超过限定长度", "Parameter exceeds its length limit"],
        ["参数太长，或请求体超过 64 KiB。", "A parameter is too long, or the body is over 64 KiB."],
        ["缩短它；长度按字符计。", "Shorten it; characters are counted, not bytes."],
    ),
    row(
        491003,
        ["参数不能为空", "Parameter must not be empty"],
        ["必填参数是空字符串。", "A required parameter is the empty string."],
        ["填写该参数并重新签名。", "Fill it in, and sign again."],
    ),
    row(
        499999,
        ["未知错误", "Unknown error"],
        ["我们的程序出错，已记录。", "A defect of ours; it was logged."],
        ["先查询订单；把 _trace_no 发给平台。", "Query the order first, and send us _trace_no."],
    ),
    row(
        492001,
        ["参数格式不符合指定要求", "Parameter does not have the required form"],
        [
            "值的格式或范围不对，或参数名未知、易混淆。",
            "A value has the wrong form or range, or a name is unknown or can be taken for another.",
        ],
        ["message 指出参数与要求。", "The message names the parameter and what is accepted."],
    ),
    row(
        492002,
        ["数据不存在", "Data does not exist"],
        [
            "这个商户没有该退款、门店或其他记录。",
            "This merchant has no such refund, store or other record.",
        ],
        ["核对号码。", "Check the number."],
    ),
    row(
        492003,
        ["上游厂商不支持此功能", "Not supported by the upstream"],
        [
            "商户未开通此产品，或其上游不支持此操作。",
            "The merchant has no channel for the product, or its upstream cannot do this.",
        ],
        ["换一个产品，或请平台开通。", "Choose another product, or ask the operator to open it."],
    ),
    row(
        492004,
        ["请求接口出现超时", "The upstream request timed out"],
        [
            "已发给上游，但没有及时答复；结果未知。",
            "It was sent to the upstream, which did not answer in time; the outcome is unknown.",
        ],
        [
            "先用 /order/query 查询；原样重复也是安全的。",
            "Ask with /order/query; repeating the same request is safe too.",
        ],
    ),
    row(
        492005,
        ["上游接口响应为空", "The upstream's answer was empty"],
        ["上游返回了空响应；结果未知。", "The upstream answered nothing; the outcome is unknown."],
        ["同 492004：先查询。", "As with 492004: query first."],
    ),
    row(
        492006,
        ["支付宝汇率接口报错", "The exchange-rate interface reported an error"],
        ["汇率来源拒绝了请求。", "The source of exchange rates refused."],
        ["稍后再试。", "Try again later."],
    ),
    row(
        492007,
        ["解析支付宝汇率接口响应的报文失败", "The exchange-rate answer could not be read"],
        ["汇率来源的响应无法解析。", "The source's answer could not be read."],
        ["稍后再试；持续出现时告知平台。", "Try again later; tell the operator if it goes on."],
    ),
    row(
        493001,
        ["退款单号重复", "Duplicate refund number"],
        [
            "这个 out_refund_no 已用于另一金额或另一订单的退款；或无号的退款重复提交。",
            "This out_refund_no stands for another amount or order; or a refund without a number was asked for twice.",
        ],
        [
            "新的退款换一个 out_refund_no；原退款用 /order/refundquery 查询。",
            "Take another out_refund_no for a new refund; ask for the standing one with /order/refundquery.",
        ],
    ),
];

/// `code` of a success.
pub const SUCCESS: i64 = 200;
/// `ret` where `code` is 0, since `ret` 0 would mean success.
pub const DEFECT: i64 = 499_999;

/// The row of `code`; a number outside the table reads as an unknown error.
pub fn info(code: i64) -> &'static CodeInfo {
    CODES.iter().find(|row| row.code == code).unwrap_or(&CODES[30])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirty_nine_codes_each_once() {
        let mut codes = CODES.iter().map(|row| row.code).collect::<Vec<_>>();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 39);
    }

    #[test]
    fn each_code_has_a_cause_and_a_cure_in_both_languages() {
        for row in CODES {
            for text in row.cause.iter().chain(&row.cure) {
                assert!(text.ends_with(['。', '.', '？', '?']), "{}: {text}", row.code);
            }
        }
    }

    #[test]
    fn a_number_outside_the_table_reads_as_a_defect() {
        assert_eq!(info(40102).zh, "订单不存在");
        assert_eq!(info(12345).code, DEFECT);
    }
}

//! The 39 codes of the merchants' document: the one table of them. No other number ever answers.

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
}

const fn row(code: i64, zh: &'static str, en: &'static str) -> CodeInfo {
    CodeInfo { code, zh, en }
}

/// Every code, in the order of the document's table 1.6.
pub static CODES: &[CodeInfo] = &[
    row(0, "通用错误", "General error"),
    row(200, "成功", "Success"),
    row(201, "刷卡交易未知状态", "Barcode payment in an unknown state"),
    row(404, "接口地址错误", "Unknown API address"),
    row(4001, "请求数据格式错误", "Malformed request data"),
    row(4002, "无效AppId", "Invalid AppId"),
    row(4003, "缺少参数", "Missing parameter"),
    row(4004, "签名错误", "Wrong signature"),
    row(4005, "通讯出错", "Communication error"),
    row(4006, "服务器繁忙", "Server busy"),
    row(4007, "请求方式错误", "Wrong request method"),
    row(40100, "无效请求", "Request not allowed"),
    row(40101, "订单已支付", "Order already paid"),
    row(40102, "订单不存在", "Order does not exist"),
    row(40103, "订单已关闭", "Order already closed"),
    row(40104, "订单已撤销", "Order already reversed"),
    row(40105, "订单已退款", "Order already refunded"),
    row(40106, "订单号重复", "Duplicate order number"),
    row(40107, "余额不足", "Insufficient balance"),
    row(40108, "订单超过退款期限", "Order is past its refund period"),
    row(40109, "缺少参数", "Missing parameter for this product"),
    row(40110, "编码格式错误", "Wrong character encoding"),
    row(40111, "每个二维码只可以用一次", "A barcode can be used only once"),
    row(40400, "系统繁忙", "System busy"),
    row(40500, "支付错误", "Payment error"),
    row(40600, "未知错误", "Unknown error"),
    row(490001, "时间参数格式非法(非法时间戳)", "Invalid time parameter"),
    row(491001, "不是合法的json参数", "Parameter is not valid JSON"),
    row(491002, "参数长度不能超过限定长度", "Parameter exceeds its length limit"),
    row(491003, "参数不能为空", "Parameter must not be empty"),
    row(499999, "未知错误", "Unknown error"),
    row(492001, "参数格式不符合指定要求", "Parameter does not have the required form"),
    row(492002, "数据不存在", "Data does not exist"),
    row(492003, "上游厂商不支持此功能", "Not supported by the upstream"),
    row(492004, "请求接口出现超时", "The upstream request timed out"),
    row(492005, "上游接口响应为空", "The upstream's answer was empty"),
    row(492006, "支付宝汇率接口报错", "The exchange-rate interface reported an error"),
    row(492007, "解析支付宝汇率接口响应的报文失败", "The exchange-rate answer could not be read"),
    row(493001, "退款单号重复", "Duplicate refund number"),
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
    fn a_number_outside_the_table_reads_as_a_defect() {
        assert_eq!(info(40102).zh, "订单不存在");
        assert_eq!(info(12345).code, DEFECT);
    }
}

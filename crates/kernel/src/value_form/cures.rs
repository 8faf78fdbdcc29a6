//! What is said of a value that misses its form: what would do, in the words of [`Wording`]. It never
//! repeats a value.

use crate::fault::Wording;

pub(super) const SIGN_TYPE: Wording = [
    "应为 MD5、HMAC-SHA256 或 RSA2，与签名一致",
    "must be MD5, HMAC-SHA256 or RSA2, as it is signed",
];
pub(super) const OWN: Wording = ["不属于该商户", "is not the caller's own"];
pub(super) const AMOUNT: Wording = [
    "应为正整数（单位：分），且不超过渠道限额",
    "must be an integer from 1 to the product's limit",
];
pub(super) const DISCOUNT: Wording =
    ["应为不小于 0 且小于 total_fee 的整数", "must be an integer from 0, below total_fee"];
pub(super) const PRODUCT: Wording = ["不是已知的支付产品", "names no product"];
pub(super) const TRADE_NO: Wording =
    ["应由 1–64 位 A-Za-z0-9_|*@.- 组成", "must be 1–64 characters of A-Za-z0-9_|*@.-"];
pub(super) const TOKEN: Wording = ["含有不允许的字符", "holds a character that is not allowed"];
pub(super) const WALLET: Wording = ["应为 CN 或 HK", "must be CN or HK"];
pub(super) const PROVIDER: Wording =
    ["应为 wechat、alipay 或 unionpay", "must be wechat, alipay or unionpay"];
pub(super) const INTEGER: Wording = ["应为整数", "must be an integer"];
pub(super) const IP: Wording = ["应为 IP 地址", "must be an IP address"];
pub(super) const EXPIRY: Wording = [
    "应为 1 分钟至 7 天内的 Unix 时间或 yyyyMMddHHmmss",
    "must be Unix time or yyyyMMddHHmmss, 1 minute to 7 days ahead",
];
pub(super) const UNIX_TIME: Wording = ["应为 Unix 时间（秒）", "must be Unix time in seconds"];
pub(super) const PAGE: Wording =
    ["应为 1 至 1000000000 的整数", "must be an integer from 1 to 1000000000"];
pub(super) const LIMIT: Wording = ["应为 1 至 100 的整数", "must be an integer from 1 to 100"];
pub(super) const DATE: Wording =
    ["应为 yyyy-MM-dd（北京时间）", "must be a date yyyy-MM-dd (UTC+8)"];
pub(super) const TRADE_STATE: Wording = [
    "应为 NOTPAY、USERPAYING、PAYERROR、SUCCESS、REFUND、CLOSED 或 REVOKED",
    "must be NOTPAY, USERPAYING, PAYERROR, SUCCESS, REFUND, CLOSED or REVOKED",
];
pub(super) const REFUND_STATUS: Wording = [
    "应为 PROCESSING、SUCCESS、REFUNDCLOSE 或 CHANGE",
    "must be PROCESSING, SUCCESS, REFUNDCLOSE or CHANGE",
];
pub(super) const CURSOR: Wording =
    ["应为上次应答的 next，或留空", "must be `next` of the answer before, or empty"];
pub(super) const EVENT_TYPES: Wording = [
    "应为以逗号分隔的事件类型，如 order.success,refund.success",
    "must be types of events with commas between, such as order.success,refund.success",
];
pub(super) const WAIT: Wording =
    ["应为 0 至 25 的整数（秒）", "must be an integer from 0 to 25 (seconds)"];
pub(super) const EMAIL: Wording = ["应为邮箱地址", "must be an e-mail address"];
pub(super) const USER_TYPE: Wording =
    ["应为 merchant、store 或 cashier", "must be merchant, store or cashier"];
pub(super) const RATE_SOURCE: Wording = ["应为 alipay 或 wechat", "must be alipay or wechat"];

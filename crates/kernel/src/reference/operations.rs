//! What each operation is for, what it answers and which codes it can answer (contract sections 1, 6
//! and 8).

use crate::address::Operation;
use crate::code;
use crate::fault::Wording;

/// What the reference says of an operation.
#[derive(Debug)]
pub struct OperationInfo {
    /// Its title.
    pub title: Wording,
    /// What it does, in a sentence or two.
    pub about: Wording,
    /// What `data` is.
    pub answer: Answer,
    /// Whether its requests are signed.
    pub is_signed: bool,
    /// Codes that it answers beside [`COMMON`] ones.
    pub codes: &'static [i64],
}

/// What `data` of an answer is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// An order, signed.
    Order,
    /// A refund with its order, signed.
    Refund,
    /// A page of orders.
    Orders,
    /// A page of refunds, each with its order.
    Refunds,
    /// A page of events, whose facts are signed.
    Events,
    /// What who has logged in is given.
    LogIn,
    /// A user.
    User,
    /// A page of users.
    Users,
    /// Exchange rates by currency.
    Rates,
}

/// Codes that every operation can answer.
pub const COMMON: &[i64] = &[
    200, 4001, 4002, 4003, 4004, 4006, 40100, 40110, 40400, 490_001, 491_002, 491_003, 492_001,
    499_999,
];

/// Codes of operations that ask an upstream about an order.
const FIND: &[i64] = &[40102, 4005, 40500, 40600, 492_003, 492_004, 492_005];

/// What the reference says of `operation`.
pub fn info(operation: Operation) -> &'static OperationInfo {
    match operation {
        Operation::Place => &PLACE,
        Operation::Query => &QUERY,
        Operation::Close => &CLOSE,
        Operation::Reverse => &REVERSE,
        Operation::Refund => &REFUND,
        Operation::QueryRefund => &QUERY_REFUND,
        Operation::ListOrders => &LIST_ORDERS,
        Operation::ListRefunds => &LIST_REFUNDS,
        Operation::ListEvents => &LIST_EVENTS,
        Operation::LogIn => &LOG_IN,
        Operation::CreateUser => &CREATE_USER,
        Operation::ListUsers => &LIST_USERS,
        Operation::RemoveUser => &REMOVE_USER,
        Operation::ChangePassword => &CHANGE_PASSWORD,
        Operation::FetchRates => &FETCH_RATES,
    }
}

static PLACE: OperationInfo = OperationInfo {
    title: ["下单", "Place an order"],
    about: [
        "下一笔订单，返回付款要用的二维码、页面或参数。重复同一请求是安全的：同一 out_trade_no 只会有一笔订单。",
        "Places an order and answers with the code, page or parameters to pay it with. Repeating a request is \
         safe: one out_trade_no is one order.",
    ],
    answer: Answer::Order,
    is_signed: true,
    codes: &[
        201, 4005, 40101, 40103, 40104, 40105, 40106, 40109, 40111, 40500, 40600, 491_001, 492_002,
        492_003, 492_004, 492_005,
    ],
};
static QUERY: OperationInfo = OperationInfo {
    title: ["查询订单", "Query an order"],
    about: [
        "trade_state 就是事实。未付款时我们会同时询问上游（每单每秒至多一次）。带 wait 则等到订单有结果，或等待时间用完。",
        "trade_state is the truth. While an order is unpaid the upstream is asked too, at most once a second. With \
         wait the answer comes when the order has ended, or the time is over.",
    ],
    answer: Answer::Order,
    is_signed: true,
    codes: FIND,
};
static CLOSE: OperationInfo = OperationInfo {
    title: ["关闭订单", "Close an order"],
    about: [
        "关闭一笔未付款的订单；先关上游。若发现已经付款，则答 40101。",
        "Ends an unpaid order, at its upstream first. 40101 says that it was paid meanwhile.",
    ],
    answer: Answer::Order,
    is_signed: true,
    codes: &[40102, 4005, 40101, 40103, 40104, 40105, 40500, 40600, 492_003, 492_004, 492_005],
};
static REVERSE: OperationInfo = OperationInfo {
    title: ["撤销付款码订单", "Reverse a barcode order"],
    about: [
        "仅用于付款码（401）：未付则取消，已付则全额退回。付款 15 分钟以后撤销需带 timestamp 与 nonce_str。",
        "For barcodes (401) only: cancels, or gives everything back. More than 15 minutes after the payment it \
         needs timestamp and nonce_str.",
    ],
    answer: Answer::Order,
    is_signed: true,
    codes: &[
        40102, 4005, 40101, 40103, 40104, 40105, 40107, 40108, 40500, 40600, 492_003, 492_004,
        492_005,
    ],
};
static REFUND: OperationInfo = OperationInfo {
    title: ["退款", "Refund an order"],
    about: [
        "退回全部或部分金额，可多次，直到退完。同一 out_refund_no 就是同一笔退款，重复是安全的。",
        "Gives back all or a part, as often as you like until nothing is left. One out_refund_no is one refund, \
         so repeating is safe.",
    ],
    answer: Answer::Refund,
    is_signed: true,
    codes: &[
        40102, 4005, 40103, 40104, 40105, 40107, 40108, 40109, 40500, 40600, 492_003, 492_004,
        492_005, 493_001,
    ],
};
static QUERY_REFUND: OperationInfo = OperationInfo {
    title: ["查询退款", "Query a refund"],
    about: [
        "按 out_refund_no 或 refund_id 查询一笔退款；未完成时会询问上游。",
        "Finds a refund by out_refund_no or refund_id, and asks the upstream while it is not done.",
    ],
    answer: Answer::Refund,
    is_signed: true,
    codes: &[4005, 40500, 40600, 492_002, 492_003, 492_004, 492_005],
};
static LOG_IN: OperationInfo = OperationInfo {
    title: ["登录", "Log in"],
    about: [
        "用邮箱与密码换取 mch_id、appid 与签名密钥，无需签名。邮箱不存在与密码错误的应答相同（code 0）；连续错 5 次后锁定，时间逐次加长。",
        "E-mail and password for mch_id, appid and the key; it is not signed. An unknown e-mail and a wrong password \
         are answered alike (code 0); five wrong ones lock the e-mail, each time for longer.",
    ],
    answer: Answer::LogIn,
    is_signed: false,
    codes: &[code::GENERAL],
};
static CREATE_USER: OperationInfo = OperationInfo {
    title: ["创建用户", "Create a user"],
    about: [
        "创建可登录的用户：type 为 merchant、store 或 cashier，后两者须带 store_id。邮箱全平台唯一，已被使用时答 492001。密码 8–128 个字符。",
        "Creates a user who may log in: merchant, store or cashier; the last two name a store_id. An e-mail is one user of the \
         whole platform: 492001 if it is in use. A password has 8 to 128 characters.",
    ],
    answer: Answer::User,
    is_signed: true,
    codes: &[],
};
static LIST_USERS: OperationInfo = OperationInfo {
    title: ["用户列表", "List users"],
    about: ["该商户的用户，新的在前。", "Your users, the newest first."],
    answer: Answer::Users,
    is_signed: true,
    codes: &[],
};
static REMOVE_USER: OperationInfo = OperationInfo {
    title: ["删除用户", "Remove a user"],
    about: [
        "此后该用户不能再登录；已取得的密钥仍然有效，需要时请更换密钥。",
        "From now on they do not log in. Who has the key still has it: rotate it if need be.",
    ],
    answer: Answer::User,
    is_signed: true,
    codes: &[492_002],
};
static CHANGE_PASSWORD: OperationInfo = OperationInfo {
    title: ["修改密码", "Change a password"],
    about: [
        "为用户设置新密码并解除锁定。商户签名即可，不需要旧密码。",
        "Gives a user another password and lifts the lock. Your signature is enough; the old one is not asked for.",
    ],
    answer: Answer::User,
    is_signed: true,
    codes: &[492_002],
};
static FETCH_RATES: OperationInfo = OperationInfo {
    title: ["查询汇率", "Exchange rates"],
    about: [
        "按币种返回当日汇率，每个来源每天只问上游一次。取不到当日汇率时答错误码，不以旧汇率代替。",
        "The rates of the day by currency; an upstream is asked once a day. If there are none, a code says why: older ones \
         are never answered instead.",
    ],
    answer: Answer::Rates,
    is_signed: true,
    codes: &[4005, 492_003, 492_004, 492_005, 492_006, 492_007],
};

static LIST_ORDERS: OperationInfo = OperationInfo {
    title: ["订单列表", "List orders"],
    about: [
        "新的在前。时间按 sn 所示，含首尾。total 精确到 10000，更多仍为 10000；10000 行以后的页接在上一页最后一行之后，翻页时新订单不会使行重复。",
        "The newest first. Times are those that the sn spells, both ends included. total is exact up to 10000, and \
         10000 beyond; a page below 10000 rows goes on behind the last row of the page before, so new orders repeat none.",
    ],
    answer: Answer::Orders,
    is_signed: true,
    codes: &[],
};
static LIST_REFUNDS: OperationInfo = OperationInfo {
    title: ["退款列表", "List refunds"],
    about: [
        "商户发起的退款，新的在前；门店与钱包按其订单，时间按 refund_id 所示。分页同订单列表。",
        "The refunds that you asked for, the newest first; store and wallet are those of the order, times those that \
         the refund_id spells. Pages are as with orders.",
    ],
    answer: Answer::Refunds,
    is_signed: true,
    codes: &[],
};
static LIST_EVENTS: OperationInfo = OperationInfo {
    title: ["事件", "List events"],
    about: [
        "after 之后发生的事，旧的在前；每件事的 data 与通知相同，同样签名。用 next 继续；带 wait 则等到有新事件。",
        "What has happened behind after, the oldest first; data of each is as a notification is, and signed alike. Go \
         on with next; with wait the answer comes when something happens.",
    ],
    answer: Answer::Events,
    is_signed: true,
    codes: &[],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::CODES;

    #[test]
    fn operations_name_only_codes_of_the_table() {
        for operation in Operation::ALL {
            assert_eq!(info(operation).is_signed, operation.is_signed());
            for code in info(operation).codes.iter().chain(COMMON) {
                assert!(CODES.iter().any(|row| row.code == *code), "{operation:?} {code}");
            }
        }
    }
}

//! Barcodes that a merchant scans (manual: 付款码支付). The last two digits choose what happens: `01` the
//! payer enters a password and has paid 8 s later, `02` gives up instead, `03` is short of money,
//! `04` expired; `05` ends in a system error but is paid, `06` in one and is not, `07` is paid but not
//! answered. Any other is paid. A code is good for one attempt.

use super::WechatSim;
use super::answer::Reply;
use super::auth;
use super::book::{self, Book};
use super::check::Order;
use super::trade::{TradeKind, TradeState};
use crate::Stamp;
use crate::http::HttpRequest;

/// How long a payer takes who is asked for a password.
const ACTS_MS: i64 = 8_000;
/// Digits of a barcode.
const CODE_DIGITS: usize = 18;

/// What becomes of a barcode's payment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Fate {
    Pays,
    ActsAndPays,
    ActsAndCancels,
    LacksBalance,
    Expired,
    ErrorButPaid,
    ErrorUnpaid,
    Unanswered,
}

impl Fate {
    fn of(code: &str) -> Self {
        match code.get(CODE_DIGITS - 2..) {
            Some("01") => Self::ActsAndPays,
            Some("02") => Self::ActsAndCancels,
            Some("03") => Self::LacksBalance,
            Some("04") => Self::Expired,
            Some("05") => Self::ErrorButPaid,
            Some("06") => Self::ErrorUnpaid,
            Some("07") => Self::Unanswered,
            Some(_) | None => Self::Pays,
        }
    }
}

/// Charges a barcode; `None`: the connection ends without an answer.
pub(super) fn charge(
    sim: &mut WechatSim,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Option<Reply>, Reply> {
    let config = &sim.platform.config;
    let order = Order::read(TradeKind::Barcode, &request.body, config, stamp.now)?;
    let number = order.out_trade_no.clone();
    let code = order.asked["payer"]["auth_code"].as_str().unwrap_or_default().to_owned();
    if !is_code(&code) {
        let text = "请扫描微信支付被扫条码/二维码";
        return Err(Reply::error(400, "AUTH_CODE_INVALID", text));
    }
    let is_again = sim.book.trades.contains_key(&number);
    if !is_again && sim.book.tried_codes.contains(&code) {
        return Err(expired());
    }
    let fate = Fate::of(&code);
    if fate == Fate::Expired {
        sim.book.tried_codes.insert(code);
        return Err(expired());
    }
    let signs_as = auth::answers_as(config, request);
    let trade = sim.book.place(order, signs_as, stamp)?;
    if is_again {
        let is_acting = trade.state_at(stamp.now) == TradeState::UserPaying;
        let transaction = trade.transaction(config, stamp.now);
        return if is_acting { Ok(Some(Reply::ok(transaction))) } else { Err(expired()) };
    }
    sim.book.tried_codes.insert(code);
    settle(&mut sim.book, &number, fate, stamp);
    match fate {
        Fate::Pays | Fate::ActsAndPays | Fate::ActsAndCancels => {
            let trade = sim.book.trades.get(&number);
            Ok(trade.map(|trade| Reply::ok(trade.transaction(config, stamp.now))))
        }
        Fate::ErrorButPaid | Fate::ErrorUnpaid => Err(Reply::system_error()),
        Fate::LacksBalance => Err(Reply::error(403, "NOT_ENOUGH", "用户账号余额不足")),
        Fate::Expired => Err(expired()),
        Fate::Unanswered => Ok(None),
    }
}

fn settle(book: &mut Book, out_trade_no: &str, fate: Fate, stamp: &Stamp) {
    let transaction_id = book::transaction_id(book.next(), stamp);
    let until_ms = stamp.now.plus_millis(ACTS_MS).millis();
    let state = match fate {
        Fate::Pays | Fate::ErrorButPaid | Fate::Unanswered => {
            TradeState::Paid { transaction_id, paid_ms: stamp.now.millis() }
        }
        Fate::ActsAndPays => TradeState::Acting { until_ms, transaction_id: Some(transaction_id) },
        Fate::ActsAndCancels => TradeState::Acting { until_ms, transaction_id: None },
        Fate::LacksBalance => TradeState::PayError,
        Fate::ErrorUnpaid | Fate::Expired => TradeState::NotPay,
    };
    book.set_state(out_trade_no, state);
}

fn is_code(code: &str) -> bool {
    let mut bytes = code.bytes();
    code.len() == CODE_DIGITS
        && bytes.next() == Some(b'1')
        && bytes.next().is_some_and(|byte| (b'0'..=b'5').contains(&byte))
        && bytes.all(|byte| byte.is_ascii_digit())
}

fn expired() -> Reply {
    Reply::error(403, "AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试")
}

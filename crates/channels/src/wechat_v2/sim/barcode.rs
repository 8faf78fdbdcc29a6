//! Payers' codes (manual: 付款码支付). The last two digits of a code choose what happens, as in every
//! simulator; a code is good for one attempt.

use super::WechatV2Sim;
use super::answer::{self, Asked, Reply};
use super::book::TradeState;
use super::check::{self, Order};
use crate::Stamp;

/// How long a payer who must act takes.
const ACTS_FOR_MS: i64 = 8_000;
/// Digits of a code.
const CODE_DIGITS: usize = 18;

/// Charges a code at once.
pub(super) fn charge(sim: &mut WechatV2Sim, asked: &Asked, stamp: &Stamp) -> Result<Reply, Reply> {
    check::require(&asked.members, &["auth_code"])?;
    let order = Order::read(asked, &sim.config, stamp.now)?;
    let number = order.out_trade_no.clone();
    let is_known = sim.book.trades.contains_key(&number);
    let code = asked.members.of("auth_code");
    if !is_known {
        check_code(code)?;
    }
    let ending = code.get(CODE_DIGITS - 2..).unwrap_or_default();
    if !is_known && (!sim.book.codes.insert(code.to_owned()) || ending == "04") {
        return Err(Reply::fail("AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试"));
    }
    let trade = sim.book.place(order, stamp)?;
    if trade.state == TradeState::UserPaying {
        return Err(paying());
    }
    let pays_at = stamp.now.plus_millis(ACTS_FOR_MS);
    match ending {
        "01" | "02" => {
            sim.book.plan(&number, pays_at, ending == "01");
            Err(paying())
        }
        "03" => {
            trade.state = TradeState::PayError;
            Err(Reply::fail("NOTENOUGH", "余额不足"))
        }
        "06" => Err(Reply::system_error()),
        _ => {
            // It is new, so it can be paid.
            let _ = sim.book.pay(&number, None, stamp);
            match ending {
                "05" => Err(Reply::system_error()),
                "07" => Err(Reply::Silence),
                _ => Ok(paid(sim, &number)),
            }
        }
    }
}

fn paying() -> Reply {
    Reply::fail("USERPAYING", "需要用户输入支付密码")
}

fn paid(sim: &WechatV2Sim, number: &str) -> Reply {
    let payment = |trade| answer::payment(trade, &sim.config);
    Reply::Done(sim.book.trades.get(number).map(payment).unwrap_or_default())
}

fn check_code(code: &str) -> Result<(), Reply> {
    let is_shaped = code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_shaped && ("10".."16").contains(&&code[..2]) {
        return Ok(());
    }
    let text = "请扫描微信支付被扫条码/二维码，以10/11/12/13/14/15为前缀的18位数字";
    Err(Reply::fail("AUTH_CODE_INVALID", text))
}

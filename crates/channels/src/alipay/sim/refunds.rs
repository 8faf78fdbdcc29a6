//! Money that goes back at the simulated Alipay: refunds and cancellations (manual:
//! alipay.trade.refund, alipay.trade.cancel). Never more goes back than was paid, and never twice
//! under one number.

use crate::Stamp;
use crate::alipay::sim::books::{Books, SubCode};
use crate::alipay::sim::notify;
use crate::alipay::sim::trade::{GivenBack, Key, Status};

/// A paid trade can be cancelled so long; then only refunded.
const CANCEL_MS: i64 = 24 * 60 * 60 * 1000;

impl Books {
    /// Gives `amount` back under the merchant's `number`. The answer is `fund_change`: `N` if that
    /// was done before.
    pub(super) fn refund(
        &mut self,
        key: &Key,
        (number, amount): (&str, i64),
        stamp: &Stamp,
    ) -> Result<&'static str, SubCode> {
        let trade = self.trade(key).filter(|trade| trade.status != Status::Coded);
        let trade = trade.ok_or("ACQ.TRADE_NOT_EXIST")?;
        if let Some(before) = trade.refunds.iter().find(|before| before.number == number) {
            let is_same = before.amount == amount;
            return if is_same { Ok("N") } else { Err("ACQ.DISCORDANT_REPEAT_REQUEST") };
        }
        if trade.paid_at == 0 {
            return Err("ACQ.TRADE_STATUS_ERROR");
        }
        if trade.is_finished(stamp.now) {
            return Err("ACQ.TRADE_HAS_FINISHED");
        }
        if amount > trade.refundable() {
            return Err("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL");
        }
        self.give_back(key, number, amount, stamp);
        Ok("Y")
    }

    /// Undoes a trade, whatever became of it. The answer is `action`: none if there is no trade.
    pub(super) fn cancel(
        &mut self,
        key: &Key,
        stamp: &Stamp,
    ) -> Result<Option<&'static str>, SubCode> {
        let Some(trade) = self.trade(key) else { return Ok(None) };
        let rest = trade.refundable();
        match trade.status {
            Status::Coded => Ok(None),
            Status::WaitBuyerPay => self.close(key, stamp).map(|()| Some("close")),
            Status::Closed if trade.paid_at == 0 => Ok(Some("close")),
            Status::Closed => Ok(Some("refund")),
            Status::Success if stamp.now.millis() - trade.paid_at > CANCEL_MS => {
                Err("ACQ.TRADE_CANCEL_TIME_OUT")
            }
            Status::Success => {
                self.give_back(key, "", rest, stamp);
                Ok(Some("refund"))
            }
        }
    }

    fn give_back(&mut self, key: &Key, number: &str, amount: i64, stamp: &Stamp) {
        let Some(trade) = self.trades.get_mut(key) else { return };
        let at = stamp.now.millis();
        trade.refunds.push(GivenBack { number: number.to_owned(), amount, at });
        if trade.refundable() == 0 {
            trade.status = Status::Closed;
            trade.closed_at = at;
        }
        notify::tell_refund(&mut self.outbox, trade, stamp);
    }
}

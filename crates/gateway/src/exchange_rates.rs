//! Exchange rates: what the merchant's accounts tell, asked once a day and kept for every process. What
//! failed is told as what it is; rates of another day than the newest that could be had are never
//! answered in its place.

use std::time::Duration;

use channels::{Doubt, Op, Outcome, Step};
use kernel::exchange_rate::{self, Rate, RateSource, RatesFault};
use kernel::fault::Fault;
use kernel::id::MchId;
use kernel::time::Timestamp;
use serde_json::{Value, json};
use store::accounts::AccountRow;
use store::exchange_rates::{self as kept, RatesRow};

use crate::Gateway;
use crate::ask_upstream::channel_of;
use crate::egress::EgressFault;

/// How long a request waits for another that is asking the same account: longer than an upstream takes.
const WAIT: Duration = Duration::from_secs(15);
/// What was kept is believed for this long at most, in milliseconds, whatever the clock did meanwhile.
const BELIEVED_MS_MAX: i64 = 86_400_000;

impl Gateway {
    /// The newest rates of a source, by currency: of each account of the merchant that tells some that
    /// no other has told.
    ///
    /// # Errors
    /// 492003 if no account tells any, 4005 and 492004 to 492007 if an upstream failed.
    pub async fn exchange_rates(
        &self,
        mch_id: MchId,
        source: RateSource,
    ) -> Result<Vec<Rate>, Fault> {
        let mut rates: Vec<Rate> = Vec::new();
        for account in self.usable_accounts(mch_id).await?.iter() {
            let channel = channels::by_name(&account.channel);
            let tells = channel.and_then(|one| one.rate_source(account.currency));
            let is_told = rates.iter().any(|rate| rate.currency == account.currency.code());
            if tells == Some(source) && !is_told {
                rates.extend(self.rates_of(account).await?);
            }
        }
        if rates.is_empty() {
            return Err(Fault::Rates(RatesFault::NoAccount));
        }
        rates.sort_by(|one, other| one.currency.cmp(&other.currency));
        rates.dedup_by(|one, other| one.currency == other.currency);
        Ok(rates)
    }

    /// What an account tells, or told a while ago.
    async fn rates_of(&self, account: &AccountRow) -> Result<Vec<Rate>, Fault> {
        let turn = self.0.rates_asked.turn(account.id, WAIT).await;
        let _turn = turn.ok_or(Fault::Busy)?;
        let found = kept::find(&self.0.store, account.mch_id, account.id).await;
        let before = found.map_err(|error| self.busy("read exchange rates", &error))?;
        let is_fresh = |row: &&RatesRow| {
            let left = row.ask_at.millis_since(self.now());
            row.account_version == account.version && (1..=BELIEVED_MS_MAX).contains(&left)
        };
        if let Some(told) = before.as_ref().filter(is_fresh).and_then(told) {
            return told.map_err(Fault::Rates);
        }
        let told = self.ask_rates(account).await;
        let row = row_of(account, before.as_ref(), &told, self.now());
        // Another process may have been faster: what it keeps is as good.
        let written = self.0.store.write(kept::keep(&row)).await;
        written.map_err(|error| self.busy("keep exchange rates", &error))?;
        told.map_err(Fault::Rates)
    }

    async fn ask_rates(&self, account: &AccountRow) -> Result<Vec<Rate>, RatesFault> {
        let opened = self.account(account.id, account.version).await.map_err(|fault| {
            tracing::error!(account.id = %account.id, "account: {fault}");
            RatesFault::NotSent
        })?;
        let channel = channel_of(&opened).ok_or(RatesFault::NoAccount)?;
        let step = channel.request(&Op::Rates, &opened, &self.stamp()).map_err(|fault| {
            tracing::error!(account.id = %account.id, "account settings: {}", fault.0);
            RatesFault::NotSent
        })?;
        let step = match step {
            Step::Done(outcome) => Step::Done(outcome),
            Step::Send(request) => {
                let sent = self.0.upstreams.send(&request).await;
                let answer = sent.map_err(|fault| self.not_answered(account, &fault))?;
                channel.response(&Op::Rates, &opened, &answer, &self.stamp())
            }
        };
        rates_in(step).inspect_err(|fault| {
            tracing::warn!(account.id = %account.id, fault = ?fault, "no exchange rates");
        })
    }

    fn not_answered(&self, account: &AccountRow, fault: &EgressFault) -> RatesFault {
        tracing::warn!(account.id = %account.id, "exchange rates: {}", fault.class());
        match fault {
            EgressFault::Blocked(_) | EgressFault::NotSent(_) | EgressFault::NoCertificate => {
                RatesFault::NotSent
            }
            EgressFault::Timeout => RatesFault::TimedOut,
            EgressFault::Broken(_) => RatesFault::Empty,
            EgressFault::TooLong => RatesFault::Unreadable,
        }
    }
}

fn rates_in(step: Step) -> Result<Vec<Rate>, RatesFault> {
    let Step::Done(outcome) = step else { return Err(RatesFault::Unreadable) };
    match outcome {
        Outcome::Rates(rates) if !rates.is_empty() => Ok(rates),
        Outcome::Refused(refusal) => Err(RatesFault::Refused(refusal.message)),
        Outcome::Unknown(doubt) => Err(match doubt {
            Doubt::NotSent(_) => RatesFault::NotSent,
            Doubt::Timeout => RatesFault::TimedOut,
            Doubt::Empty => RatesFault::Empty,
            Doubt::Busy(word) => RatesFault::Refused(word),
            Doubt::UnknownKey { .. } | Doubt::Unreadable(_) => RatesFault::Unreadable,
        }),
        Outcome::Rates(_)
        | Outcome::Opened { .. }
        | Outcome::Paid(_)
        | Outcome::PaidElsewhere
        | Outcome::Unpaid { .. }
        | Outcome::Closed
        | Outcome::Failed(_)
        | Outcome::Reversed
        | Outcome::NotFound
        | Outcome::Refunded(_)
        | Outcome::RefundPending { .. }
        | Outcome::RefundClosed(_)
        | Outcome::RefundStuck
        | Outcome::Keys(_) => Err(RatesFault::Unreadable),
    }
}

/// What is kept of an answer.
fn row_of(
    account: &AccountRow,
    before: Option<&RatesRow>,
    told: &Result<Vec<Rate>, RatesFault>,
    now: Timestamp,
) -> RatesRow {
    let failures = match told {
        Ok(_) => 0,
        Err(_) => before.map_or(0, |row| row.failures).saturating_add(1),
    };
    let (rates, fault, ask_at) = match told {
        Ok(rates) => (written(rates), String::new(), exchange_rate::ask_again_at(rates, now)),
        Err(fault) => {
            let count = u32::try_from(failures).unwrap_or(u32::MAX);
            let fault = serde_json::to_string(fault).unwrap_or_default();
            (String::new(), fault, exchange_rate::retry_at(count, now))
        }
    };
    RatesRow {
        mch_id: account.mch_id,
        account_id: account.id,
        account_version: account.version,
        rev: before.map_or(0, |row| row.rev).saturating_add(1),
        rates,
        fault,
        failures,
        ask_at,
    }
}

/// What a row says; `None` if it cannot be read: then it is asked anew.
fn told(row: &RatesRow) -> Option<Result<Vec<Rate>, RatesFault>> {
    if !row.fault.is_empty() {
        return serde_json::from_str(&row.fault).ok().map(Err);
    }
    let Ok(Value::Array(rates)) = serde_json::from_str(&row.rates) else { return None };
    let read = |rate: &Value| {
        Some(Rate {
            currency: rate.get("currency")?.as_str()?.to_owned(),
            rate: rate.get("rate")?.as_str()?.to_owned(),
            released_at: Timestamp::from_millis(rate.get("released_at")?.as_i64()?),
        })
    };
    let rates: Option<Vec<_>> = rates.iter().map(read).collect();
    rates.filter(|rates| !rates.is_empty()).map(Ok)
}

fn written(rates: &[Rate]) -> String {
    let rows = rates.iter().map(|rate| {
        let released_at = rate.released_at.millis();
        json!({ "currency": rate.currency, "rate": rate.rate, "released_at": released_at })
    });
    Value::Array(rows.collect()).to_string()
}

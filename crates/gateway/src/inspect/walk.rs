//! Every rule over a whole store, in bounded memory: merchant after merchant, page after page. The store
//! may be at work; each order is judged as it stood at one of its revisions.

use kernel::id::{Id, MchId};
use store::audit::{self, Head};
use store::inspect::{self, Page, Strays};
use store::{Store, StoreError};

use super::{Invariant, Wrong, feed_wrongs, wrongs};

/// Something that does not hold, and of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What should hold.
    pub invariant: Invariant,
    /// An order's sn, or what else it is about.
    pub subject: String,
    /// What is instead.
    pub what: String,
}

/// What a walk tells as it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Something does not hold.
    Found(Finding),
    /// So many orders were judged.
    Judged(u64),
}

/// What a walk has seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Walked {
    /// Merchants with anything.
    pub merchants: u64,
    /// Orders that were judged.
    pub orders: u64,
    /// Orders that moved each time that they were read: they were not judged.
    pub restless: Vec<Id>,
    /// Findings.
    pub findings: u64,
    /// Where the audit log ends, if its chain verifies: to be kept elsewhere, and compared later.
    pub audit_head: Option<Head>,
}

/// Walks through `store` and tells `tell` of everything that does not hold. `known` is a head of the audit
/// log that was kept elsewhere.
///
/// # Errors
/// The store cannot be read.
pub async fn walk(
    store: &Store,
    known: Option<Head>,
    tell: impl FnMut(News) + Send,
) -> Result<Walked, StoreError> {
    let walked =
        Walked { merchants: 0, orders: 0, restless: Vec::new(), findings: 0, audit_head: None };
    let mut walk = Walk { store, tell, walked };
    let is_numbered = walk.guards().await?;
    walk.audit(known).await?;
    let mut merchant = inspect::merchant_after(store, None).await?;
    while let Some(mch_id) = merchant {
        // The platform's own accounts are nobody's.
        walk.walked.merchants += u64::from(mch_id != MchId(0));
        walk.merchant(mch_id).await?;
        if !is_numbered {
            walk.numbers(mch_id).await?;
        }
        merchant = inspect::merchant_after(store, Some(mch_id)).await?;
    }
    Ok(walk.walked)
}

struct Walk<'a, T> {
    store: &'a Store,
    tell: T,
    walked: Walked,
}

impl<T: FnMut(News) + Send> Walk<'_, T> {
    fn found(&mut self, subject: &str, wrong: Wrong) {
        self.walked.findings += 1;
        let Wrong { invariant, what } = wrong;
        let subject = subject.to_owned();
        (self.tell)(News::Found(Finding { invariant, subject, what }));
    }

    /// What the schema is to guard by itself; says whether orders' numbers are.
    async fn guards(&mut self) -> Result<bool, StoreError> {
        let missing = inspect::missing_guards(self.store).await?;
        for name in &missing {
            let invariant = guarded_by(name);
            self.found("schema", Wrong { invariant, what: format!("{name} is missing") });
        }
        Ok(!missing.iter().any(|name| guarded_by(name) == Invariant::I2))
    }

    async fn audit(&mut self, known: Option<Head>) -> Result<(), StoreError> {
        match audit::verify(self.store, known).await? {
            Ok(head) => self.walked.audit_head = Some(head),
            Err(broken) => {
                let what = format!("the chain breaks at entry {}", broken.seq);
                self.found("audit", Wrong { invariant: Invariant::I12, what });
            }
        }
        Ok(())
    }

    async fn merchant(&mut self, mch_id: MchId) -> Result<(), StoreError> {
        let mut first = Id(i64::MIN);
        loop {
            let page = inspect::page(self.store, mch_id, first).await?;
            let (next, is_last) = (page.stretch.last.0.saturating_add(1), page.is_last);
            self.page(page).await?;
            if is_last {
                break;
            }
            first = Id(next);
        }
        self.feed(mch_id).await?;
        for strays in inspect::of_merchants(self.store, mch_id).await? {
            self.strays(&format!("merchant {mch_id}"), strays);
        }
        for stray in inspect::of_notice_attempts(self.store, mch_id).await? {
            let what = format!("notice {} has attempts, and there is no such notice", stray.key);
            self.found(&format!("merchant {mch_id}"), Wrong { invariant: Invariant::I11, what });
        }
        for stray in inspect::of_pay_codes(self.store, mch_id).await? {
            let what = "a barcode was used by it, and there is no such order".to_owned();
            let sn = Id(stray.key).sn();
            self.found(sn.as_str(), Wrong { invariant: Invariant::I1, what });
        }
        Ok(())
    }

    async fn page(&mut self, page: Page) -> Result<(), StoreError> {
        for dossier in &page.dossiers {
            let sn = dossier.order.sn();
            for wrong in wrongs(dossier) {
                self.found(sn.as_str(), wrong);
            }
        }
        for (id, why) in page.unreadable {
            // What cannot have been written by us is no word of ours: the answer is not durable as it was.
            let what = format!("it cannot be read: {why}");
            self.found(id.sn().as_str(), Wrong { invariant: Invariant::I1, what });
        }
        self.walked.orders += u64::try_from(page.dossiers.len()).unwrap_or(u64::MAX);
        self.walked.restless.extend(page.restless);
        for strays in inspect::of_orders(self.store, page.stretch).await? {
            for key in &strays.keys {
                let wrong = stray_of_order(&strays);
                self.found(Id(*key).sn().as_str(), wrong);
            }
        }
        (self.tell)(News::Judged(self.walked.orders));
        Ok(())
    }

    fn strays(&mut self, subject: &str, strays: Strays) {
        let is_answered = strays.of.table == "request_keys";
        for key in strays.keys {
            let of = strays.of;
            let what = format!("{} {key} has no {}", of.table, of.owner);
            // An Idempotency-Key's order was answered, or would be.
            let invariant = if is_answered { Invariant::I14 } else { Invariant::I1 };
            self.found(subject, Wrong { invariant, what });
        }
    }

    /// The merchant's feed: its numbers are 1, 2, … up to the one that was counted last.
    async fn feed(&mut self, mch_id: MchId) -> Result<(), StoreError> {
        let subject = format!("merchant {mch_id}");
        let ends = inspect::feed_ends(self.store, mch_id).await?;
        if ends.counted != ends.newest {
            let what =
                format!("events are counted to {}, and end at {}", ends.counted, ends.newest);
            self.found(&subject, Wrong { invariant: Invariant::I9, what });
        }
        let mut before = 0;
        loop {
            let links = inspect::feed_after(self.store, mch_id, before).await?;
            if links.is_empty() {
                return Ok(());
            }
            for link in links {
                for wrong in feed_wrongs(before, &link) {
                    self.found(&subject, wrong);
                }
                before = link.event.seq;
            }
        }
    }

    /// Two orders of one number, where no index forbids them.
    async fn numbers(&mut self, mch_id: MchId) -> Result<(), StoreError> {
        for (one, other) in inspect::number_twins(self.store, mch_id).await? {
            let what = format!("it has the number of {}", Id(one).sn());
            let sn = Id(other).sn();
            self.found(sn.as_str(), Wrong { invariant: Invariant::I2, what });
        }
        Ok(())
    }
}

/// What a guard of the schema guards.
fn guarded_by(name: &str) -> Invariant {
    match name {
        "orders_number" => Invariant::I2,
        "refunds_number" => Invariant::I14,
        "notices_event" => Invariant::I10,
        "applications_default" => Invariant::I1,
        // The triggers: whatever else guards the books is one.
        _ => Invariant::I5,
    }
}

fn stray_of_order(strays: &Strays) -> Wrong {
    let of = strays.of;
    let invariant = match of.table {
        "ledger_entries" => Invariant::I3,
        "refunds" => Invariant::I7,
        "order_events" => Invariant::I8,
        "notices" => Invariant::I10,
        _ => Invariant::I1,
    };
    let what = match of.table {
        "orders" => format!("it has no {}", of.owner),
        table => format!("its {table} have no {}", of.owner),
    };
    Wrong { invariant, what }
}

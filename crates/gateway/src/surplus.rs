//! Money that an order does not want, because it came late or a second time: owed to the payer from the
//! moment it is known, and given back by the sweeper under a number of ours.

use kernel::order::{Attempt, Order};
use kernel::refund::{Refund, RefundCause, RefundState};
use store::orders::{self, Change};
use store::{StoreError, Written};

use crate::Gateway;
use crate::learn::Standing;
use crate::sweeper::next_sweep;

/// For the payer, whose wallet shows it with the money.
const REASON: &str = "订单已关闭或已支付，退回多付款项";

impl Gateway {
    /// The refund that `attempt`'s payment is owed, to be committed with the news of the payment. Its
    /// number holds a space, which no merchant's number can.
    pub(crate) fn owed(&self, order: &Order, attempt: &Attempt) -> Refund {
        Refund {
            id: self.next_id(),
            mch_id: order.mch_id,
            app_id: order.app_id,
            order_id: order.id,
            attempt_no: attempt.no,
            out_refund_no: format!("surplus {}", attempt.trade_no()),
            cause: RefundCause::Surplus,
            state: RefundState::Due,
            rev: 0,
            amount: order.pay_amount(),
            reason: REASON.to_owned(),
            sign_form: order.sign_form,
            done: None,
            created_at: self.now(),
        }
    }

    /// Asks the upstream for a refund that is due. That it is asked is committed first: whoever finds it so
    /// after a crash asks where it stands before asking for it again.
    pub(crate) async fn begin_due(
        &self,
        standing: Standing,
        refund: &Refund,
    ) -> Result<Standing, StoreError> {
        let now = self.now();
        let asking = Refund { state: RefundState::Asking, created_at: now, ..refund.clone() };
        let mut order = standing.order.clone();
        let refunds = standing.refunds.iter().filter(|row| row.id != refund.id).cloned();
        let refunds: Vec<_> = refunds.chain([asking.clone()]).collect();
        order.sweep_at = next_sweep(&order, &standing.attempts, &refunds, now);
        let change = Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            from: standing.order.state,
            event: "refund".into(),
            postings: Vec::new(),
            notice: None,
            attempts: Vec::new(),
            new_attempts: Vec::new(),
            refunds: vec![(asking.clone(), refund.rev)],
            new_refunds: Vec::new(),
            messages: Vec::new(),
            audit: Vec::new(),
            at: now,
            order,
        };
        match self.0.store.write(orders::settle(&change)).await? {
            Written::Done(_) => {
                let standing = self.committed(standing, change);
                self.begin_refund(standing, &asking).await.map(|(standing, _)| standing)
            }
            // Another change came first: the order is due for a look at once again.
            Written::Missed => {
                let (mch_id, id) = (standing.order.mch_id, standing.order.id);
                let reread = self.standing(mch_id, id).await?;
                reread.ok_or_else(|| StoreError::Defect("an order is gone".into()))
            }
        }
    }
}

//! Switching wallets: who goes on another way has what was begun before closed at its upstream first.
//!
//! Only the upstream's word ends the earlier way: until it says that nobody can pay there any more, no
//! second one is begun. One exception cannot be helped: what an upstream does not know yet (a page or
//! a code that nobody has opened) cannot be closed there, and stays payable in the hands of whoever
//! has it until it expires. A payment through it counts, and a second one is given back.

use store::StoreError;

use crate::Gateway;
use crate::learn::{Source, Standing};
use crate::page::{Unbegun, Wish, is_same_way};

impl Gateway {
    /// Closes every live attempt that is not the way that is wished for.
    ///
    /// # Errors
    /// The order turned out to be paid or closed, or an upstream has not said that it is closed there.
    pub(crate) async fn close_other_ways(
        &self,
        mut standing: Standing,
        wish: &Wish,
    ) -> Result<Standing, Unbegun> {
        let failed = |error: StoreError| Unbegun::from(self.uncertain("switch wallets", &error));
        let is_other = |standing: &Standing| {
            let order = &standing.order;
            let others = standing.live().filter(|row| !is_same_way(order, row, wish));
            others.cloned().collect::<Vec<_>>()
        };
        for attempt in is_other(&standing) {
            let closed = self.close_attempt(standing, &attempt, Source::Switching).await;
            standing = closed.map_err(failed)?;
        }
        self.check_payable(&standing.order)?;
        if is_other(&standing).is_empty() { Ok(standing) } else { Err(Unbegun::Elsewhere) }
    }
}

//! Whether an order could be placed, as far as that can be said without any effect: nothing is written
//! and no upstream is asked.

use kernel::call::PlaceCall;
use kernel::fault::Fault;
use kernel::product::{Product, Provider};

use crate::Gateway;
use crate::callers::Caller;
use crate::place_order::NO_SUCH_STORE;

impl Gateway {
    /// Whether the caller has the store and an account for the product.
    ///
    /// # Errors
    /// As placing would refuse it: 492001, 492003; 4006 if the store does not answer.
    pub async fn would_place(&self, caller: &Caller, call: &PlaceCall) -> Result<(), Fault> {
        let mch_id = caller.app.mch_id;
        if call.store_id != 0 && !self.has_store(mch_id, call.store_id).await? {
            return Err(Fault::bad_format("store_id", NO_SUCH_STORE));
        }
        let code = call.code.as_ref().filter(|_| call.product == Product::Micropay);
        let routed = match code.and_then(|code| Provider::of_code(code.expose())) {
            Some(provider) => self.route_of(mch_id, call.product, provider).await,
            None => self.route(mch_id, call.product).await,
        };
        routed.map(|_| ())
    }
}

//! Requests that wait: for an order that is still open, or for an event that has not happened. While one
//! waits it holds a place of its kind and no turn, and it ends when its client hangs up or the server
//! stops: then it answers what it knows.

use std::pin::pin;
use std::time::Duration;

use kernel::call::Call;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use crate::Site;
use crate::merchant_api::{self, Asking};
use crate::outlive::Outlive;
use crate::reply::Reply;

/// How often it looks although nothing was heard: at changes by other processes, and, of an order, at what
/// its upstream says.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whether a request asks to wait.
pub(crate) fn may_wait(call: &Call) -> bool {
    !wait(call).is_zero()
}

fn wait(call: &Call) -> Duration {
    match call {
        Call::Query(call) => call.wait,
        Call::ListEvents(call) => call.wait,
        Call::Place(_)
        | Call::Close(_)
        | Call::Reverse(_)
        | Call::Refund(_)
        | Call::QueryRefund(_)
        | Call::ListOrders(_)
        | Call::ListRefunds(_)
        | Call::LogIn(_)
        | Call::CreateUser(_)
        | Call::ListUsers(_)
        | Call::RemoveUser(_)
        | Call::ChangePassword(_)
        | Call::FetchRates(_) => Duration::ZERO,
    }
}

/// The first answer that nothing can change any more, else the last before the time is over.
pub(crate) async fn until(site: &Site, asking: Asking, mut reply: Reply, trace_no: &str) -> Reply {
    let until = Instant::now() + wait(&asking.call);
    let Some(topic) = reply.topic else { return reply };
    // Without a place to wait from, what is known is answered at once.
    let Some(mut place) = site.edge.long_poll(asking.caller.app.app_id) else { return reply };
    let watcher = site.gateway.watch(topic);
    loop {
        let mut changed = pin!(watcher.changed());
        // What is committed from here on is heard of, and what was before is seen.
        changed.as_mut().enable();
        if let Some(better) = look(site, &asking, trace_no).await {
            reply = better;
        }
        let now = Instant::now();
        if reply.topic.is_none() || now >= until {
            return reply;
        }
        tokio::select! {
            () = changed => {}
            () = sleep_until(until.min(now + LOOK_EVERY)) => {}
            () = place.closing() => return reply,
        }
    }
}

/// The answer as it is now, begun with a turn and finished even if the client hangs up. `None` if there
/// is no turn, or the store does not answer: the next look may be luckier.
async fn look(site: &Site, asking: &Asking, trace_no: &str) -> Option<Reply> {
    let turn = site.edge.merchant_turn().await?;
    let (gateway, asking) = (site.gateway.clone(), asking.clone());
    let work = async move {
        let reply = merchant_api::ask_again(&gateway, asking).await;
        drop(turn);
        reply
    };
    let work = Outlive::new(work.instrument(tracing::info_span!("call", trace_no)));
    work.await.ok().filter(|reply| reply.fault.is_none())
}

//! A process that stands still over its lease: what it held another has done, and it ends nothing of it.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use gateway::clock::Clock;
use kernel::id::{Id, Sn};
use kernel::notice::NoticeState;
use store::notices;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::PATIENCE;
use super::fleet::{Fleet, named, order};
use crate::edge_process::wait;

/// Longer than a notice is held.
const OVER_A_LEASE_MS: i64 = 16_000;

/// A merchant's server that refuses the first notice, when it is let, and takes every later one.
struct Slow {
    url: String,
    told: mpsc::UnboundedReceiver<()>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl Slow {
    async fn spawn() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let (tell, told) = mpsc::unbounded_channel();
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let (waiting, count) = (gate.clone(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let answer = move || {
            let (tell, waiting, count) = (tell.clone(), waiting.clone(), count.clone());
            async move {
                let before = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                tell.send(()).unwrap();
                if before > 0 {
                    return (StatusCode::OK, "success");
                }
                let _let = waiting.acquire().await.unwrap();
                (StatusCode::INTERNAL_SERVER_ERROR, "failed")
            }
        };
        let router = Router::new().route("/notify", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, gate }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stood_still_over_its_lease_ends_no_attempt_of_another() {
    let fleet = Fleet::make().await;
    let mut merchant = Slow::spawn().await;
    let (process, api) = fleet.process().await;
    let placed = fleet.call(&api, "/payment/pay", &order(204, "S1", &merchant.url)).await.unwrap();
    let sn = placed["data"]["sn"].as_str().unwrap().to_owned();
    let paid = fleet.client.post(format!("{}/pay/{sn}", fleet.sim)).body("{}").send().await;
    assert_eq!(paid.unwrap().status(), 200);
    fleet.call(&api, "/order/query", &named(&sn)).await.unwrap();
    merchant.told.recv().await.unwrap();
    process.signal("-STOP");
    // Another machine, where the lease is over.
    let clock = Clock::default();
    clock.shift(OVER_A_LEASE_MS);
    let gateway = fleet.gateway(clock).await;
    let (stop, stopped) = watch::channel(false);
    let notifying = gateway.clone();
    let notifies = tokio::spawn(async move { notifying.run_notifier(stopped).await });
    tokio::time::timeout(PATIENCE, merchant.told.recv()).await.unwrap().unwrap();
    let id = Sn::parse(&sn).unwrap().id();
    let state = async || history(&gateway, id).await;
    wait("the notice to be delivered", async || {
        (state().await.0 == NoticeState::Delivered).then_some(())
    })
    .await;
    // The first hears now that it is to try again, and may not say so.
    process.signal("-CONT");
    merchant.gate.add_permits(1);
    assert_eq!(process.finish().await.0, 0);
    assert_eq!(state().await, (NoticeState::Delivered, vec!["acknowledged".to_owned()]));
    stop.send(true).unwrap();
    notifies.await.unwrap();
}

/// The state of an order's only notice, and how its attempts went.
async fn history(gateway: &gateway::Gateway, id: Id) -> (NoticeState, Vec<String>) {
    let mch_id = jubao::demo::identity::MERCHANT.mch_id;
    let found = notices::of_order(gateway.store(), mch_id, id).await.unwrap();
    let one = found.first().unwrap();
    (one.notice.state, one.attempts.iter().map(|attempt| attempt.log.outcome.clone()).collect())
}

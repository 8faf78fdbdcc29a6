//! Several processes on one database: what one does the others see, what one holds nobody else ends, and
//! each may be replaced while the others serve.

mod balancer;
pub mod fleet;
mod rolling;
mod still;

use std::pin::pin;
use std::time::Duration;

use gateway::Topic;
use gateway::clock::Clock;
use kernel::id::Sn;
use tokio::sync::watch;

use self::fleet::{Fleet, named, order};
use crate::edge_process::wait;

/// How long is waited for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_at_one_process_is_woken_by_what_another_commits() {
    let fleet = Fleet::make().await;
    let (process, api) = fleet.process().await;
    let gateway = fleet.gateway(Clock::default()).await;
    let (stop, stopped) = watch::channel(false);
    let hearing = gateway.clone();
    let hears = tokio::spawn(async move { hearing.run_bell(stopped).await });
    // A gateway without workers looks for nothing by itself: only what it hears wakes who waits. It hears
    // from when it is connected, so the orders go on until one is heard of.
    for number in 0.. {
        assert!(number < 50, "nothing was heard of fifty orders");
        let placed = fleet.call(&api, "/payment/pay", &order(304, &format!("W{number}"), "")).await;
        let sn = placed.unwrap()["data"]["sn"].as_str().unwrap().to_owned();
        let id = Sn::parse(&sn).unwrap().id();
        let watcher = gateway.watch(Topic::Order(id));
        let (mut changed, mut changes) = (pin!(watcher.changed()), gateway.changes());
        changed.as_mut().enable();
        fleet.call(&api, "/order/close", &named(&sn)).await.unwrap();
        let is_heard = tokio::time::timeout(Duration::from_millis(500), changed).await.is_ok();
        if is_heard {
            assert_eq!(changes.try_recv().unwrap(), (id, None), "its page looks for itself");
            break;
        }
    }
    stop.send(true).unwrap();
    hears.await.unwrap();
    assert_eq!(process.finish().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_changes_all_processes_see() {
    let fleet = Fleet::make().await;
    let (first, one) = fleet.process().await;
    let (second, other) = fleet.process().await;
    for (api, number) in [(&one, "B1"), (&other, "B2")] {
        let placed = fleet.call(api, "/payment/pay", &order(304, number, "")).await.unwrap();
        assert_eq!(placed["code"], 200, "{placed}");
    }
    let app_id = jubao::demo::identity::MERCHANT.app_id.to_string();
    fleet.operate(&["merchant", "disable", &app_id]).await;
    for api in [&one, &other] {
        wait("the merchant to be disabled", async || {
            let answer = fleet.call(api, "/payment/pay", &order(304, "B3", "")).await.unwrap();
            (answer["code"] == 4002).then_some(())
        })
        .await;
    }
    assert_eq!((first.finish().await.0, second.finish().await.0), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_has_a_number_of_its_own_and_gives_it_back() {
    let fleet = Fleet::make().await;
    assert_eq!(fleet.held().await, 0, "who installed the merchant has given its number back");
    let (first, one) = fleet.process().await;
    let (second, other) = fleet.process().await;
    assert_eq!(fleet.held().await, 2);
    let node = async |api: &str, number: &str| {
        let placed = fleet.call(api, "/payment/pay", &order(304, number, "")).await.unwrap();
        let sn = Sn::parse(placed["data"]["sn"].as_str().unwrap()).unwrap();
        (sn.id().0 >> 16) & 63
    };
    assert_ne!(node(&one, "N1").await, node(&other, "N2").await);
    assert_eq!((first.finish().await.0, second.finish().await.0), (0, 0));
    assert_eq!(fleet.held().await, 0);
}

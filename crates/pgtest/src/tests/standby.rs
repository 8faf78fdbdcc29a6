//! A standby takes its server's place.

use std::time::Duration;

use super::{TABLE, count, insert};
use crate::{Proxy, Server, Standby, connect};

#[tokio::test]
async fn a_promoted_standby_has_all_that_was_acknowledged() {
    let mut primary = Server::make().await;
    let url = primary.create_database("followed").await;
    let client = connect(&url).await;
    client.batch_execute(TABLE).await.unwrap();
    let standby = Standby::of(&primary).await;
    let follows = connect(&standby.server().url("followed")).await;
    assert!(insert(&follows, 0).await.is_err(), "a standby only reads");
    for id in 0..100 {
        insert(&client, id).await.unwrap();
    }
    primary.kill_9().await;
    let promoted = standby.promote().await;
    let client = connect(&promoted.url("followed")).await;
    assert_eq!(count(&client).await, 100);
    insert(&client, 100).await.unwrap();
}

#[tokio::test]
async fn nothing_is_acknowledged_that_the_standby_has_not() {
    let mut primary = Server::make().await;
    let url = primary.create_database("waits").await;
    let client = connect(&url).await;
    client.batch_execute(TABLE).await.unwrap();
    let proxy = Proxy::before(primary.port()).await;
    let standby = Standby::by_way_of(proxy.port(), &primary).await;
    insert(&client, 1).await.unwrap();
    proxy.freeze();
    let alone = tokio::time::timeout(Duration::from_millis(500), insert(&client, 2));
    assert!(alone.await.is_err(), "acknowledged, and the standby has not heard of it");
    primary.kill_9().await;
    let promoted = standby.promote().await;
    assert_eq!(count(&connect(&promoted.url("waits")).await).await, 1);
}

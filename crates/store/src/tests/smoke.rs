use super::*;
use crate::{attempts, audit, feed, ledger, notices, orders, sweeps};
#[test]
fn smoke() {
    let Ok(url) = std::env::var("PGURL") else { return };
    let database = Database::parse(&url).unwrap();
    let store = Store::open(&database).unwrap();
    run(async {
        let futures = (0..300).map(|n| { let store = store.clone(); async move {
            let order = an_order(n % 250);
            store.write(orders::place(&order, &[an_attempt(&order, 1)], &[a_message(&order, 1000 + n)])).await.unwrap().is_done()
        }});
        let done = futures_util::future::join_all(futures).await;
        assert_eq!(done.iter().filter(|d| **d).count(), 250);
        let again = orders::by_id(&store, MCH, id(3)).await.unwrap().unwrap();
        assert_eq!(again, an_order(3));
        let futures = (0..250).map(|n| { let store = store.clone(); async move {
            let order = an_order(n);
            let mut change = a_paying_change(&order, 10_000 + 2 * n);
            if n % 10 != 0 { change.audit.clear(); }
            let a = store.write(orders::settle(&change)).await.unwrap().is_done();
            a
        }});
        let done = futures_util::future::join_all(futures).await;
        assert_eq!(done.iter().filter(|d| **d).count(), 250);
        println!("{:?}", store.counters());
        println!("{:?}", ledger::totals(&store).await.unwrap());
        audit::verify(&store, None).await.unwrap().unwrap();
        let events = feed::after(&store, MCH, 0, 1000).await.unwrap();
        assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=250).collect::<Vec<_>>());
        let lanes = notices::due_lanes(&store, at(1000), 100).await.unwrap();
        let mut n = 0;
        loop {
            let due = notices::claim_due(&store, &lanes.lanes[0].0, sweeps::Claim { now: at(1000), lease_until: at(2000), limit: 64 }).await.unwrap();
            if due.is_empty() { break; }
            n += due.len();
            let log = notices::AttemptLog { at: at(1), duration_ms: 1, encoding: "form".into(), outcome: "acknowledged".into(), http_status: Some(200), answer: "SUCCESS".into() };
            let w = futures_util::future::join_all(due.iter().map(|d| store.write(notices::delivered(d, &log)))).await;
            assert!(w.into_iter().all(|w| w.unwrap().is_done()));
        }
        assert_eq!(n, 250);
        println!("{:?}", attempts::of_order(&store, MCH, id(1)).await.unwrap());
        println!("{:?}", crate::ids::newest(&store).await);
        println!("{:?}", sweeps::claim(&store, sweeps::Claim { now: at(1000), lease_until: at(2000), limit: 64 }).await.unwrap().len());
    });
}

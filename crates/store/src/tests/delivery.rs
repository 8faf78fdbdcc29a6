//! Telling merchants: leases, retries, and asking for it once more.

use super::{APP, MCH, TARGET, TestStore, a_paying_change, an_audit_entry, an_order, at, id, run};
use crate::notices::{self, ANSWER_MAX, AttemptLog, DueLanes, Lane};
use crate::sweeps::Claim;
use crate::{Store, StoreError, orders};
use kernel::id::AppId;
use kernel::notice::{Notice, NoticeState};
use kernel::order::Order;

fn a_log(seconds: i64, outcome: &str) -> AttemptLog {
    AttemptLog {
        at: at(seconds),
        duration_ms: 12,
        encoding: "form".into(),
        outcome: outcome.into(),
        http_status: Some(500),
        answer: "no".into(),
    }
}

/// A store with one paid order, whose notice is due at second 10.
async fn with_a_notice() -> (TestStore, Order) {
    let test = TestStore::new();
    let order = an_order(1);
    test.done(orders::place(&order, &[], &[])).await;
    test.done(orders::settle(&a_paying_change(&order, 100))).await;
    (test, order)
}

async fn claim(store: &Store, now: i64, lease_until: i64) -> Vec<Notice> {
    let claim = Claim { now: at(now), lease_until: at(lease_until), limit: 8 };
    let lane = Lane { app_id: APP, target: TARGET.into() };
    notices::claim_due(store, &lane, claim).await.unwrap()
}

#[test]
fn a_notice_is_taken_by_one_worker_until_its_lease_ends() {
    run(async || {
        let (test, order) = with_a_notice().await;
        let store = &test.store;
        assert_eq!(notices::next_due_at(store).await.unwrap(), Some(at(10)));
        assert_eq!(claim(store, 9, 40).await, []);
        let taken = claim(store, 10, 40).await;
        assert_eq!((taken.len(), taken[0].order_id, taken[0].due_at), (1, order.id, at(40)));
        assert_eq!(claim(store, 39, 80).await, []);
        assert_eq!(claim(store, 40, 80).await.len(), 1);
    });
}

#[test]
fn a_retry_counts_and_waits_and_a_delivery_ends_it() {
    run(async || {
        let (test, order) = with_a_notice().await;
        let store = &test.store;
        let first = claim(store, 10, 40).await.remove(0);
        test.done(notices::retry(&first, at(25), &a_log(10, "status"))).await;
        assert_eq!(notices::next_due_at(store).await.unwrap(), Some(at(25)));
        let second = claim(store, 25, 60).await.remove(0);
        assert_eq!(second.tries, 1);
        let log =
            AttemptLog { http_status: None, answer: "长\0".repeat(300), ..a_log(26, "late") };
        test.done(notices::delivered(&second, &log)).await;
        assert_eq!(notices::next_due_at(store).await.unwrap(), None);
        let history = notices::of_order(store, MCH, order.id).await.unwrap().remove(0);
        assert_eq!((history.notice.state, history.notice.tries), (NoticeState::Delivered, 2));
        assert_eq!(history.attempts.iter().map(|one| one.no).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(history.attempts[0].log, a_log(10, "status"));
        assert_eq!(history.attempts[1].log.answer, "长".repeat(ANSWER_MAX));
        assert_eq!(history.attempts[1].log.http_status, None);
    });
}

#[test]
fn a_worker_whose_lease_ended_cannot_undo_what_the_next_one_did() {
    run(async || {
        let (test, order) = with_a_notice().await;
        let store = &test.store;
        let late = claim(store, 10, 40).await.remove(0);
        let next = claim(store, 40, 80).await.remove(0);
        test.missed(notices::park(&late, &a_log(41, "timeout"))).await;
        test.done(notices::delivered(&next, &a_log(42, "acknowledged"))).await;
        test.missed(notices::retry(&late, at(50), &a_log(43, "timeout"))).await;
        test.missed(notices::delivered(&next, &a_log(44, "acknowledged"))).await;
        let history = notices::of_order(store, MCH, order.id).await.unwrap().remove(0);
        assert_eq!(history.notice.state, NoticeState::Delivered);
        assert_eq!(history.attempts.len(), 1);
    });
}

#[test]
fn a_lane_s_backlog_is_passed_over() {
    run(async || {
        let test = TestStore::new();
        let store = &test.store;
        let lane = |app: i64, target: &str| Lane { app_id: AppId(app), target: target.into() };
        for (sequence, lane, due) in [
            (1, lane(1, "a"), 1),
            (2, lane(1, "a"), 2),
            (3, lane(1, "a"), 3),
            (4, lane(1, "b"), 9),
            (5, lane(2, "a"), 4),
            (6, lane(3, "a"), 5),
        ] {
            let mut change = a_paying_change(&an_order(sequence), 100 + sequence);
            test.done(orders::place(&change.order, &[], &[])).await;
            let notice = change.notice.as_mut().unwrap();
            (notice.id, notice.due_at) = (id(200 + sequence), at(due));
            (notice.app_id, notice.target) = (lane.app_id, lane.target);
            test.done(orders::settle(&change)).await;
        }
        let oldest = notices::due_lanes(store, at(6), 4).await.unwrap();
        let lanes = vec![(lane(1, "a"), 3), (lane(2, "a"), 1)];
        assert_eq!(oldest, DueLanes { lanes, has_more: true });
        let all = notices::due_lanes(store, at(6), 6).await.unwrap();
        assert_eq!((all.lanes.len(), all.has_more), (3, false));

        let (due, last) = notices::due_lanes_after(store, at(6), (None, 3)).await.unwrap();
        assert_eq!(due, [lane(1, "a"), lane(2, "a")], "not due: 1 b");
        assert_eq!(last, Some(lane(2, "a")));
        let (due, last) = notices::due_lanes_after(store, at(6), (last, 3)).await.unwrap();
        assert_eq!((due, last), (vec![lane(3, "a")], None));

        let claim = |limit| Claim { now: at(6), lease_until: at(40), limit };
        let taken = notices::claim_due(store, &lane(1, "a"), claim(2)).await.unwrap();
        assert_eq!(taken.iter().map(|one| one.id).collect::<Vec<_>>(), [id(201), id(202)]);
        assert_eq!(notices::claim_due(store, &lane(1, "b"), claim(2)).await.unwrap(), []);
    });
}

#[test]
fn no_notice_of_a_backlog_is_read_to_find_the_next_lane() {
    let test = TestStore::new();
    for (sql, index) in [
        (notices::NEXT_LANE, "notices_lane ((app_id,target)>(?,?))"),
        (notices::OLDEST, "notices_due (due_at<?)"),
        (notices::CLAIM, "notices_lane (app_id=? AND target=? AND due_at<?)"),
    ] {
        let raw = test.raw();
        let mut plan =
            raw.prepare(&format!("explain query plan {}", sql.replace('$', "?"))).unwrap();
        let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
        let steps = steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ");
        assert!(steps.contains(index), "{steps}");
    }
}

#[test]
fn what_is_parked_or_delivered_is_sent_again_when_asked_for() {
    run(async || {
        let (test, order) = with_a_notice().await;
        let store = &test.store;
        let resend = || notices::resend(MCH, order.id, an_audit_entry("resend"));
        test.missed(resend()).await;
        assert_eq!(test.count("audit"), 1, "a request that did nothing is not audited");
        let first = claim(store, 10, 40).await.remove(0);
        test.done(notices::park(&first, &a_log(11, "timeout"))).await;
        assert_eq!(claim(store, 1_000, 2_000).await, []);
        test.done(resend()).await;
        let again = claim(store, 5, 50).await.remove(0);
        assert_eq!((again.tries, again.facts.as_str()), (0, first.facts.as_str()));
        test.done(notices::delivered(&again, &a_log(12, "acknowledged"))).await;
        test.done(resend()).await;
        let history = notices::of_order(store, MCH, order.id).await.unwrap().remove(0);
        assert_eq!(history.notice.state, NoticeState::Waiting);
        assert_eq!(history.attempts.iter().map(|one| one.no).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(test.count("audit"), 3);
    });
}

#[test]
fn an_event_is_told_by_one_notice_only() {
    run(async || {
        let (test, order) = with_a_notice().await;
        let mut again = a_paying_change(&order, 200);
        again.expected_rev = 1;
        let answer = test.store.write(orders::settle(&again)).await;
        assert!(matches!(answer, Err(StoreError::Defect(_))), "{answer:?}");
        assert_eq!((test.count("notices"), test.count("ledger_entries")), (1, 3));
        let found = orders::by_id(&test.store, MCH, id(1)).await.unwrap().unwrap();
        assert_eq!(found.rev, 1);
    });
}

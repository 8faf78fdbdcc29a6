//! Keys of requests, nonces and earlier keys: each is used once, and forgotten in time.

use super::{APP, MCH, TestStore, an_attempt, an_order, at, id, run};
use crate::nonces::{self, Nonce};
use crate::request_keys::{self, Claim, RequestKey};
use crate::{StoreError, orders, retired_keys};

fn a_claim(word: &str, lease_until: i64) -> Claim {
    let (key_tag, request_tag) = ("key".into(), "request".into());
    let key = RequestKey { mch_id: MCH, app_id: APP, key_tag, request_tag };
    Claim { key, word: word.into(), lease_until: at(lease_until) }
}

#[test]
fn a_nonce_comes_once_until_its_time_is_over_or_it_is_forgiven() {
    run(async || {
        let test = TestStore::new();
        let nonce = Nonce { mch_id: MCH, app_id: APP, text: "n".into() };
        test.done(nonces::spend(&nonce, at(0), at(600))).await;
        test.missed(nonces::spend(&nonce, at(1), at(601))).await;
        let test = test.reopened();
        test.missed(nonces::spend(&nonce, at(599), at(1_199))).await;
        test.done(nonces::spend(&nonce, at(600), at(1_200))).await;
        test.done(nonces::forgive(&nonce)).await;
        test.done(nonces::spend(&nonce, at(601), at(1_201))).await;
        assert_eq!(nonces::forget(&test.store, at(1_200), 10).await, Ok(0));
        assert_eq!(nonces::forget(&test.store, at(1_201), 10).await, Ok(1));
    });
}

#[test]
fn a_key_is_claimed_once_and_taken_over_only_when_its_lease_is_over() {
    run(async || {
        let test = TestStore::new();
        let (first, second) = (a_claim("one", 60), a_claim("two", 120));
        test.done(request_keys::claim(&first, at(0), at(-86_400))).await;
        test.missed(request_keys::claim(&second, at(1), at(-86_399))).await;
        test.missed(request_keys::take_over(&second, at(59))).await;
        test.done(request_keys::take_over(&second, at(60))).await;
        test.missed(request_keys::keep(&first, "late")).await;
        test.done(request_keys::keep(&second, "answer")).await;
        test.missed(request_keys::keep(&second, "another")).await;
        let row = request_keys::find(&test.store, &first.key).await.unwrap().unwrap();
        assert_eq!(row.answer.as_deref(), Some("answer"));
        test.missed(request_keys::take_over(&first, at(1_000))).await;
        assert_eq!(request_keys::forget(&test.store, at(-1), 10).await, Ok(0));
        assert_eq!(request_keys::forget(&test.store, at(0), 10).await, Ok(1));
        test.done(request_keys::claim(&first, at(86_400), at(0))).await;
    });
}

#[test]
fn what_a_claim_has_placed_is_written_with_the_order_or_neither_is() {
    run(async || {
        let test = TestStore::new();
        let (claim, order) = (a_claim("one", 60), an_order(1));
        let lost = a_claim("lost", 60);
        test.done(request_keys::claim(&claim, at(0), at(-86_400))).await;
        let place = |claim: &Claim| {
            let batch = orders::place(&order, &[an_attempt(&order, 1)], &[]);
            batch.and(request_keys::link(claim, order.id))
        };
        let refused = test.store.write(place(&lost)).await;
        assert!(matches!(refused, Err(StoreError::Defect(_))), "{refused:?}");
        assert_eq!(test.count("orders"), 0, "whoever lost its claim places nothing");
        test.done(place(&claim)).await;
        test.done(request_keys::let_go(&claim)).await;
        let row = request_keys::find(&test.store, &claim.key).await.unwrap().unwrap();
        assert_eq!((row.order_id, row.answer), (Some(id(1)), None));
        test.done(request_keys::take_over(&a_claim("next", 100), at(1))).await;
    });
}

#[test]
fn a_claim_without_effect_leaves_the_key_free() {
    run(async || {
        let test = TestStore::new();
        let claim = a_claim("one", 60);
        for batch in [request_keys::let_go(&claim), request_keys::keep_if_placed(&claim, "no")] {
            test.done(request_keys::claim(&claim, at(0), at(-86_400))).await;
            test.done(batch).await;
            assert_eq!(test.count("request_keys"), 0);
        }
    });
}

#[test]
fn earlier_keys_count_until_their_own_end() {
    run(async || {
        let (test, ids) = (TestStore::new(), (MCH, APP));
        let batch = |sealed: &str, rev, until| {
            let mut batch = nonces::forgive(&Nonce { mch_id: MCH, app_id: APP, text: "x".into() });
            batch.guard = None;
            batch.and(retired_keys::insert(ids, rev, &(sealed.to_owned(), at(until))))
        };
        test.done(batch("a", 1, 10)).await;
        test.done(batch("b", 2, 20)).await;
        let valid = async |seconds| {
            let found = retired_keys::valid(&test.store, ids, at(seconds)).await.unwrap();
            found.into_iter().map(|(sealed, _)| sealed).collect::<Vec<_>>()
        };
        assert_eq!(valid(9).await, ["b", "a"]);
        assert_eq!(valid(10).await, ["b"]);
        assert_eq!(valid(20).await, [""; 0]);
    });
}

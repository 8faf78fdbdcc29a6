//! Users and their e-mails, failures of log-ins, and exchange rates.

use kernel::id::MchId;
use kernel::user::{Email, FAILURES_KEPT_MS, Failures, User, UserType};

use super::{MCH, TestStore, at, id, run};
use crate::exchange_rates::{self, RatesRow};
use crate::login_addresses::{ADDRESS_KEPT_MS, ADDRESSES_MAX};
use crate::users::{self, UserRow};
use crate::{Batch, login_addresses, logins};

fn a_user(sequence: u32, email: &str) -> UserRow {
    let user = User {
        id: id(sequence),
        mch_id: MCH,
        email: Email::parse(email).unwrap(),
        name: "李雷".into(),
        user_type: UserType::Cashier,
        store_id: 7,
        created_at: at(1),
    };
    UserRow { user, password_hash: format!("hash {sequence}") }
}

async fn found(test: &TestStore, email: &str) -> Option<UserRow> {
    users::by_email(&test.store, &Email::parse(email).unwrap()).await.unwrap()
}

#[test]
fn an_e_mail_is_one_users_of_all_merchants_and_free_once_they_are_removed() {
    run(async || {
        let test = TestStore::new();
        let first = a_user(1, "li@shop.example");
        test.done(users::add(&first)).await;
        assert_eq!(found(&test, "LI@shop.example").await.as_ref(), Some(&first));
        let mut second = a_user(2, "li@shop.example");
        second.user.mch_id = MchId(10_502_105_689_002);
        test.missed(users::add(&second)).await;
        assert_eq!(test.count("users"), 1, "nothing of a missed batch is written");
        test.done(users::remove(&first.user, at(2))).await;
        test.missed(users::remove(&first.user, at(3))).await;
        test.missed(users::set_password(MCH, first.user.id, "another")).await;
        assert_eq!(found(&test, "li@shop.example").await, None);
        test.done(users::add(&second)).await;
        assert_eq!(found(&test, "li@shop.example").await, Some(second));
        assert_eq!((test.count("users"), test.count("user_emails")), (2, 1));
    });
}

#[test]
fn users_are_listed_newest_first_by_their_merchant_alone() {
    run(async || {
        let test = TestStore::new();
        for sequence in 1..=3 {
            let user = a_user(sequence, &format!("u{sequence}@shop.example"));
            test.done(users::add(&user)).await;
        }
        let mut other = a_user(4, "u4@shop.example");
        other.user.mch_id = MchId(10_502_105_689_002);
        test.done(users::add(&other)).await;
        let page = |limit, offset| users::page(&test.store, MCH, (limit, offset));
        let names = |page: Vec<User>| page.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(names(page(2, 0).await.unwrap()), [id(3), id(2)]);
        assert_eq!(names(page(2, 2).await.unwrap()), [id(1)]);
        assert_eq!(users::count(&test.store, MCH).await, Ok(3));
        test.done(users::set_password(MCH, id(3), "another")).await;
        assert_eq!(found(&test, "u3@shop.example").await.unwrap().password_hash, "another");
    });
}

#[test]
fn a_merchant_has_a_thousand_users_at_most() {
    run(async || {
        let test = TestStore::new();
        test.execute(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 999)
             insert into users select 10502105689001, i, 'x', 'x', 'merchant', 0, 'x', 1, null from n",
        )
        .unwrap();
        test.done(users::add(&a_user(1, "a@shop.example"))).await;
        test.missed(users::add(&a_user(2, "b@shop.example"))).await;
        assert_eq!(found(&test, "b@shop.example").await, None);
    });
}

#[test]
fn failures_are_counted_one_after_the_other_and_survive_a_restart() {
    run(async || {
        let test = TestStore::new();
        let first = Failures::after(None, at(1));
        test.done(logins::count("tag", None, first)).await;
        test.missed(logins::count("tag", None, first)).await;
        let second = Failures::after(Some(first), at(2));
        test.done(logins::count("tag", Some(first), second)).await;
        test.missed(logins::count("tag", Some(first), second)).await;
        let test = test.reopened();
        assert_eq!(logins::find(&test.store, "tag").await, Ok(Some(second)));
        assert_eq!(logins::find(&test.store, "another").await, Ok(None));
        test.done(logins::forgotten("tag")).await;
        assert_eq!(logins::find(&test.store, "tag").await, Ok(None));
        test.done(Batch::default().and(logins::forget("tag"))).await;
    });
}

#[test]
fn addresses_of_an_e_mail_are_remembered_for_a_while_and_not_too_many() {
    run(async || {
        let test = TestStore::new();
        let remember = async |email: &str, address: &str, now| {
            let mut batch = Batch::default();
            batch.then.extend(login_addresses::remember(email, address, now));
            test.done(batch).await;
        };
        let is_known = async |address: &str, now| {
            login_addresses::is_known(&test.store, address, now).await.unwrap()
        };
        for one in 0..=ADDRESSES_MAX {
            remember("e-mail", &format!("address {one}"), at(one)).await;
            remember("e-mail", "the shop", at(one)).await;
        }
        assert!(is_known("the shop", at(99)).await && is_known("address 2", at(99)).await);
        assert!(!is_known("address 0", at(99)).await, "the oldest went");
        assert!(!is_known("nowhere", at(99)).await);
        test.done(logins::count("the shop", None, Failures::after(None, at(99)))).await;
        test.done(logins::count("stranger", None, Failures::after(None, at(99)))).await;
        test.done(Batch::default().and(login_addresses::forgive("e-mail"))).await;
        assert_eq!(logins::find(&test.store, "the shop").await, Ok(None));
        assert!(logins::find(&test.store, "stranger").await.unwrap().is_some());
        let late = at(ADDRESSES_MAX).plus_millis(ADDRESS_KEPT_MS);
        assert!(!is_known("the shop", late).await, "after ninety days");
        remember("another e-mail", "another shop", late).await;
        assert_eq!(test.count("login_addresses"), 1, "and its row went");
        test.done(Batch::default().and(login_addresses::forget("another e-mail"))).await;
        assert_eq!(test.count("login_addresses"), 0);
    });
}

#[test]
fn failures_that_are_too_old_to_count_are_forgotten_by_whoever_fails_next() {
    run(async || {
        let test = TestStore::new();
        let first = Failures::after(None, at(1));
        test.done(logins::count("old", None, first)).await;
        let later = at(1).plus_millis(FAILURES_KEPT_MS);
        test.done(logins::count("new", None, Failures::after(None, later))).await;
        assert_eq!(test.count("login_failures"), 2);
        let after = later.plus_millis(1);
        test.done(logins::count("newer", None, Failures::after(None, after))).await;
        assert_eq!(logins::find(&test.store, "old").await, Ok(None));
        assert_eq!(test.count("login_failures"), 2);
    });
}

#[test]
fn of_two_who_asked_for_rates_at_once_one_is_kept() {
    run(async || {
        let test = TestStore::new();
        let row = RatesRow {
            mch_id: MCH,
            account_id: id(1),
            account_version: 1,
            rev: 1,
            rates: "[]".into(),
            fault: String::new(),
            failures: 0,
            ask_at: at(9),
        };
        test.done(exchange_rates::keep(&row)).await;
        test.missed(exchange_rates::keep(&RatesRow { failures: 1, ..row.clone() })).await;
        let next = RatesRow { rev: 2, fault: "\"timed_out\"".into(), ..row };
        test.done(exchange_rates::keep(&next)).await;
        assert_eq!(exchange_rates::find(&test.store, MCH, id(1)).await, Ok(Some(next)));
        assert_eq!(exchange_rates::find(&test.store, MCH, id(2)).await, Ok(None));
    });
}

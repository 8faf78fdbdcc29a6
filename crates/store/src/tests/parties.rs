//! Merchants, applications, shops, accounts and the store's own facts.

use super::{APP, MCH, TestStore, a_merchant, an_audit_entry, at, id, run};
use crate::accounts::{self, AccountKey, NewAccount, PLATFORM};
use crate::applications::{self, KeyRotation};
use crate::moves::{self, ApplicationState, Move, Profile};
use crate::stores::{self, Shop};
use crate::{StoreError, merchants, meta};
use kernel::application::{NoticeFormat, Settings, Switch};
use kernel::id::{AppId, MchId};
use kernel::money::Currency;
use kernel::product::Product;

#[test]
fn a_merchant_comes_with_its_application_and_its_shops() {
    run(async || {
        let test = TestStore::new();
        let new = a_merchant();
        test.done(merchants::add(&new).audited(an_audit_entry("merchant"))).await;
        let store = &test.store;
        let found = applications::by_app_id(store, APP).await.unwrap().unwrap();
        assert_eq!((found.mch_id, found.is_default, found.rev), (MCH, true, 0));
        assert_eq!((found.mch_name.as_str(), found.is_enabled), ("聚宝 Pay", true));
        assert_eq!((found.fee_rate_ppm, found.key_sealed.as_str()), (6_000, "sealed-1"));
        assert_eq!((&found.settings, &found.previous), (&new.application.settings, &None));
        assert_eq!(found.notice_learned, NoticeFormat::Auto);
        let default = applications::default_of(store, MCH).await.unwrap();
        assert_eq!(default.as_ref(), Some(&found));
        assert_eq!(applications::default_of(store, MchId(1)).await.unwrap(), None);
        assert_eq!(applications::list(store).await.unwrap(), [found]);
        assert_eq!(merchants::list(store).await.unwrap()[0].created_at, at(0));
        assert_eq!(stores::of_merchant(store, MCH).await.unwrap(), new.shops);
        assert_eq!(test.count("audit"), 1);
    });
}

#[test]
fn a_taken_number_leaves_nothing_of_a_merchant() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        let mut same_merchant = a_merchant();
        same_merchant.application.app_id = AppId(APP.0 + 1);
        let mut same_application = a_merchant();
        same_application.mch_id = MchId(MCH.0 + 1);
        for new in [same_merchant, same_application] {
            test.missed(merchants::add(&new).audited(an_audit_entry("no"))).await;
        }
        for (table, expect) in [("merchants", 1), ("applications", 1), ("stores", 1), ("audit", 0)]
        {
            assert_eq!(test.count(table), expect, "{table}");
        }
    });
}

/// A move of the merchant that stands, with an application more.
fn a_move(was: Option<Profile>, app_id: AppId) -> Move {
    let profile = Profile { name: "moved".into(), is_enabled: true, fee_rate_ppm: 1 };
    let application = ApplicationState {
        app_id,
        key_sealed: "sealed-2".into(),
        previous: None,
        settings: Settings::default(),
    };
    Move {
        mch_id: MCH,
        was,
        profile,
        added: vec![(application, false)],
        changed: Vec::new(),
        shops: vec![Shop { store_id: 7, name: "new".into() }],
        at: at(0),
    }
}

#[test]
fn a_move_writes_only_what_still_is_as_it_was_read() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        let standing = moves::standing(&test.store, MCH, vec![APP]).await.unwrap();
        assert_eq!((standing.default_app, standing.applications.len()), (Some(APP), 1));
        let another = AppId(APP.0 + 1);
        test.missed(moves::write(&a_move(None, another)).audited(an_audit_entry("no"))).await;
        let was = standing.profile.clone();
        // Somebody took the application's number meanwhile: the batch is undone whole.
        let taken = test.store.write(moves::write(&a_move(was.clone(), APP))).await;
        assert!(matches!(taken, Err(StoreError::Defect(_))), "{taken:?}");
        assert_eq!(moves::standing(&test.store, MCH, vec![APP]).await.unwrap(), standing);
        test.done(moves::write(&a_move(was.clone(), another))).await;
        test.missed(moves::write(&a_move(was, AppId(APP.0 + 2)))).await;
        let after = moves::standing(&test.store, MCH, vec![APP, another]).await.unwrap();
        assert_eq!(after.profile.unwrap().name, "moved");
        assert_eq!((after.default_app, after.applications.len()), (Some(APP), 2));
        assert_eq!(after.shops.last().unwrap().store_id, 7);
    });
}

#[test]
fn the_highest_numbers_are_known() {
    run(async || {
        let test = TestStore::new();
        let store = &test.store;
        assert_eq!(merchants::highest(store).await.unwrap(), None);
        assert_eq!(applications::highest(store).await.unwrap(), None);
        test.done(merchants::add(&a_merchant())).await;
        assert_eq!(merchants::highest(store).await.unwrap(), Some(MCH));
        assert_eq!(applications::highest(store).await.unwrap(), Some(APP));
    });
}

#[test]
fn a_merchant_is_switched_off_and_its_fee_is_changed() {
    run(async || {
        let test = TestStore::new();
        test.missed(merchants::set_enabled(MCH, false)).await;
        test.done(merchants::add(&a_merchant())).await;
        test.done(merchants::set_enabled(MCH, false)).await;
        test.done(merchants::set_fee_rate(MCH, 3_800)).await;
        let found = applications::by_app_id(&test.store, APP).await.unwrap().unwrap();
        assert_eq!((found.is_enabled, found.fee_rate_ppm), (false, 3_800));
    });
}

#[test]
fn a_key_is_changed_once_for_each_revision_that_was_read() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        let rotation = KeyRotation {
            app_id: APP,
            expected_rev: 0,
            key_sealed: "sealed-2".into(),
            previous: Some(("sealed-1".into(), at(900))),
        };
        test.done(applications::rotate_key(&rotation)).await;
        test.missed(applications::rotate_key(&rotation)).await;
        let found = applications::by_app_id(&test.store, APP).await.unwrap().unwrap();
        assert_eq!((found.key_sealed.as_str(), found.rev), ("sealed-2", 1));
        assert_eq!(found.previous, rotation.previous);
        let settings = Settings { strict_names: Switch::On, ..Settings::default() };
        test.missed(applications::set_settings(APP, 0, &settings)).await;
        test.done(applications::set_settings(APP, 1, &settings)).await;
        let found = applications::by_app_id(&test.store, APP).await.unwrap().unwrap();
        assert_eq!((found.settings, found.rev), (settings, 2));
    });
}

#[test]
fn the_encoding_that_was_acknowledged_is_remembered_once() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        let learn = |format| applications::learn_notice_format(APP, MCH, format);
        test.done(learn(NoticeFormat::Json)).await;
        test.missed(learn(NoticeFormat::Json)).await;
        test.missed(applications::learn_notice_format(APP, MchId(1), NoticeFormat::Form)).await;
        test.done(learn(NoticeFormat::Form)).await;
        let found = applications::by_app_id(&test.store, APP).await.unwrap().unwrap();
        assert_eq!((found.notice_learned, found.rev), (NoticeFormat::Form, 0));
    });
}

#[test]
fn a_shop_belongs_to_one_merchant() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        let exists =
            async |mch_id, number| stores::exists(&test.store, mch_id, number).await.unwrap();
        assert!(exists(MCH, 7).await);
        assert!(!exists(MCH, 8).await);
        assert!(!exists(MchId(1), 7).await);
        let shop = Shop { store_id: 8, name: "分店".into() };
        test.done(stores::add(MCH, &shop)).await;
        test.missed(stores::add(MCH, &shop)).await;
        assert!(exists(MCH, 8).await);
    });
}

fn an_account(sequence: u32, mch_id: MchId) -> NewAccount {
    NewAccount {
        id: id(sequence),
        mch_id,
        channel: "alipay".into(),
        name: "支付宝".into(),
        currency: Currency::Cny,
        products: vec![Product::AlipayWap, Product::AlipayQr],
        settings_sealed: "sealed-v1".into(),
        created_at: at(1),
    }
}

#[test]
fn an_account_keeps_every_version_of_its_credentials() {
    run(async || {
        let test = TestStore::new();
        let new = an_account(1, PLATFORM);
        test.done(accounts::add(&new)).await;
        test.missed(accounts::add(&new)).await;
        let second = AccountKey { mch_id: PLATFORM, account_id: new.id, version: 2 };
        let third = AccountKey { version: 3, ..second };
        test.missed(accounts::add_version(third, "sealed-v3", at(2))).await;
        test.done(accounts::add_version(second, "sealed-v2", at(2))).await;
        test.missed(accounts::add_version(second, "again", at(2))).await;
        let keys = r#"[{"serial":"5E"}]"#;
        test.done(accounts::set_upstream_keys(second, keys)).await;
        test.missed(accounts::set_upstream_keys(third, keys)).await;
        let store = &test.store;
        let of = async |version| accounts::by_version(store, new.id, version).await.unwrap();
        let (old, current) = (of(1).await.unwrap(), of(2).await.unwrap());
        assert_eq!((old.settings_sealed.as_str(), old.upstream_keys.as_str()), ("sealed-v1", "[]"));
        assert_eq!(current.settings_sealed, "sealed-v2");
        assert_eq!((current.upstream_keys.as_str(), current.version), (keys, 2));
        assert_eq!((&current.products, current.currency), (&new.products, Currency::Cny));
        assert_eq!(of(3).await, None);
        assert_eq!(accounts::list(store).await.unwrap(), [current]);
    });
}

#[test]
fn a_merchants_own_accounts_come_before_the_platforms() {
    run(async || {
        let test = TestStore::new();
        let of_others = MchId(MCH.0 + 1);
        for (sequence, owner) in [(1, PLATFORM), (2, MCH), (3, of_others), (4, MCH)] {
            test.done(accounts::add(&an_account(sequence, owner))).await;
        }
        test.done(accounts::set_enabled(MCH, id(4), false)).await;
        test.missed(accounts::set_enabled(PLATFORM, id(4), false)).await;
        let usable = accounts::usable_by(&test.store, MCH).await.unwrap();
        assert_eq!(usable.iter().map(|row| row.id).collect::<Vec<_>>(), [id(2), id(1)]);
        let disabled = accounts::by_version(&test.store, id(4), 1).await.unwrap().unwrap();
        assert!(!disabled.is_enabled, "an attempt in flight still finds its account");
    });
}

#[test]
fn facts_are_set_and_added() {
    run(async || {
        let test = TestStore::new();
        let store = &test.store;
        assert_eq!(meta::value(store, "node").await.unwrap(), None);
        test.done(meta::add("node", "1")).await;
        test.missed(meta::add("node", "2")).await;
        assert_eq!(meta::value(store, "node").await.unwrap().as_deref(), Some("1"));
        test.done(meta::set("node", "3")).await;
        assert_eq!(meta::value(store, "node").await.unwrap().as_deref(), Some("3"));
    });
}

#[test]
fn settings_that_cannot_be_read_are_no_settings() {
    run(async || {
        let test = TestStore::new();
        test.done(merchants::add(&a_merchant())).await;
        test.execute("update applications set settings = '{'").unwrap();
        let answer = applications::by_app_id(&test.store, APP).await;
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    });
}

//! Keys that change while requests come: who signs with a key that it was given is never refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use jubao::cli::StoreArguments;
use jubao::data_dir::open_gateway;
use jubao::demo::identity::MERCHANT;
use kernel::secret::Secret;
use serde_json::json;

use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// How often the key changes.
const ROTATIONS: usize = 50;
/// Who asks meanwhile.
const SHOPS: usize = 6;
/// How long an old key stays valid, in milliseconds.
const OVERLAP_MS: i64 = 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rotations_under_load_refuse_no_signature_made_with_a_key_that_counts() {
    let app = Arc::new(TestApp::spawn().await);
    // Another process, as the operator's command line is.
    let config = Some(app.config().into());
    let beside = open_gateway(&StoreArguments { data: None, config, json: false }).await.unwrap();
    let newest = Arc::new(RwLock::new(app.key()));
    let (has_ended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let shop = |at: usize| {
        let (app, newest) = (app.clone(), newest.clone());
        let (has_ended, asked) = (has_ended.clone(), asked.clone());
        tokio::spawn(async move {
            let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": "none" });
            while !has_ended.load(Ordering::SeqCst) {
                // One shop keeps the key of the beginning, as its overlap allows.
                let key = if at == 0 { app.key() } else { newest.read().unwrap().clone() };
                let answer = app.call_with(&key, "/order/query", &members).await;
                assert_eq!(answer["code"], 40102, "{answer}");
                asked.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let shops: Vec<_> = (0..SHOPS).map(shop).collect();
    for _ in 0..ROTATIONS {
        let key: Secret = beside.rotate_key("test", MERCHANT.app_id, OVERLAP_MS).await.unwrap();
        leaks::secret(Kind::Key, "a merchant's key", key.expose().as_bytes());
        *newest.write().unwrap() = key;
        let before = asked.load(Ordering::SeqCst);
        app.wait("requests between two rotations", async || {
            (asked.load(Ordering::SeqCst) >= before + SHOPS).then_some(())
        })
        .await;
    }
    has_ended.store(true, Ordering::SeqCst);
    for shop in shops {
        shop.await.unwrap();
    }
    beside.rotate_key("test", MERCHANT.app_id, 0).await.unwrap();
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": "none" });
    app.advance(3);
    let last = newest.read().unwrap().clone();
    for key in [last, app.key()] {
        assert_eq!(app.call_with(&key, "/order/query", &members).await["code"], 4004);
    }
    Arc::into_inner(app).unwrap().finish().await;
}

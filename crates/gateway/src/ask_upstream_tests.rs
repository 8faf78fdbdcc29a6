//! What is asked with which certificate, and what is kept of it.

use std::path::Path;
use std::sync::Arc;

use channels::Place;
use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::AttemptState;
use kernel::product::Product;
use kernel::time::Timestamp;
use store::{Database, Store};

use super::*;
use crate::clock::Clock;
use crate::egress::Wires;
use crate::egress::tests::{Made, egress_to, made, made_rsa, upstream};
use crate::manage::AccountWish;
use crate::vault::Vault;
use crate::{Settings, Statuses};

fn charging(code: Option<&str>) -> Op {
    Op::Place(Place {
        trade_no: String::new(),
        product: Product::Micropay,
        amount: Money { minor: 1, currency: Currency::Cny },
        subject: String::new(),
        notify_url: String::new(),
        return_url: String::new(),
        expires_at: Timestamp::from_seconds(0),
        payer_ip: String::new(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: code.map(Secret::new),
    })
}

fn message(head: &str, body: &str) -> Message {
    Message {
        id: Id(1),
        mch_id: MchId(1),
        order_id: Id(1),
        attempt_no: 1,
        account_id: Id(1),
        direction: Direction::Out,
        kind: "place".into(),
        at: Timestamp::from_seconds(0),
        status: None,
        head: head.into(),
        body: body.into(),
    }
}

#[test]
fn a_payers_code_is_hidden_wherever_it_stands() {
    let said = message("POST /pay?code=280600100&x", "a=280600100&b=280600100");
    let kept = without_code(&charging(Some("280600100")), said);
    assert_eq!(kept.head, "POST /pay?code=*********&x");
    assert_eq!(kept.body, b"a=*********&b=*********");
}

#[test]
fn where_there_is_no_code_a_message_stays_verbatim() {
    for op in [charging(None), charging(Some("")), charging(Some("2806001009")), Op::Rates] {
        let kept = without_code(&op, message("280600100", "280600100"));
        assert_eq!((kept.head.as_str(), kept.body.as_slice()), ("280600100", &b"280600100"[..]));
    }
}

/// A gateway whose upstream asks for certificates, and that upstream's address. It says how many it was
/// shown.
async fn gateway_with(merchant: &Made, folder: &Path) -> (Gateway, String) {
    let own = made("127.0.0.1");
    let url = upstream(&own, merchant).await;
    let egress = Arc::new(egress_to(&own));
    let store = Store::open(&Database::Sqlite(folder.join("jubao.db"))).unwrap();
    let settings = Settings {
        public_url: String::new(),
        node: None,
        private_targets: Vec::new(),
        statuses: Statuses::default(),
        old_platform: None,
    };
    let wires = Wires { upstreams: egress.clone(), merchants: egress };
    let secrets = (Vault::new([7; 32]), Clock::default());
    (Gateway::with_wires(store, secrets, settings, wires).await.unwrap(), url)
}

/// An attempt through an account at WeChat Pay v2 whose certificate is `merchant`'s.
async fn attempt_at(gateway: &Gateway, url: &str, merchant: &Made) -> Attempt {
    let settings = [
        ("appid", "wx0000000000000001".to_owned()),
        ("mch_id", "1900000109".to_owned()),
        ("api_key", "0".repeat(32)),
        ("certificate", merchant.cert.pem()),
        ("certificate_key", merchant.signing_key.serialize_pem()),
        ("api_base", url.to_owned()),
    ];
    let wish = AccountWish {
        channel: "wechat_v2".into(),
        name: String::new(),
        mch_id: 0,
        currency: Currency::Cny,
        products: Vec::new(),
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    };
    let account_id = gateway.add_account("test", &wish).await.unwrap();
    Attempt {
        order_id: Id(1),
        mch_id: MchId(1),
        no: 1,
        product: Product::WechatQr,
        account_id,
        account_version: 1,
        state: AttemptState::Paid,
        rev: 0,
        pay_text: String::new(),
        transaction_id: String::new(),
        created_at: Timestamp::from_seconds(0),
    }
}

#[tokio::test]
async fn what_moves_money_back_shows_the_accounts_certificate_and_a_query_does_not() {
    let merchant = made_rsa("merchant");
    let folder = tempfile::tempdir().unwrap();
    let (gateway, url) = gateway_with(&merchant, folder.path()).await;
    let attempt = attempt_at(&gateway, &url, &merchant).await;
    let trade = Trade {
        trade_no: attempt.trade_no(),
        product: attempt.product,
        amount: Money { minor: 1, currency: Currency::Cny },
        placed_at: attempt.created_at,
        pay_text: String::new(),
        transaction_id: String::new(),
    };
    for (op, shown) in [(Op::Query(trade.clone()), b"0"), (Op::Reverse(trade), b"1")] {
        let asked = gateway.ask(&op, &attempt).await;
        assert_eq!(asked.messages.last().map(|said| said.body.as_slice()), Some(&shown[..]));
        assert!(matches!(asked.outcome, Outcome::Unknown(_)), "{asked:?}");
    }
}

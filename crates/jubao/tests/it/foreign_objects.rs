//! Another merchant's objects do not exist: at every address, every number of one of them is answered
//! as a number that nobody has, and nothing of them changes.

use std::collections::BTreeMap;

use gateway::manage::MerchantMade;
use jubao::demo::identity::MERCHANT;
use kernel::address::{ADDRESSES, Operation};
use kernel::application::Settings;
use kernel::name::NAMES;
use kernel::user::Email;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// Names whose value is the number of an object.
const OBJECTS: [&str; 10] = [
    "after",
    "customer_refund_no",
    "email",
    "order_sn",
    "out_refund_no",
    "out_trade_no",
    "refund_id",
    "sn",
    "store_id",
    "transaction_id",
];
/// Names whose value is none.
const PLAIN: [&str; 43] = [
    "adapter",
    "appid",
    "attach",
    "body",
    "client_ip",
    "code",
    "detail",
    "device_info",
    "discount",
    "end_time",
    "h5_redirect_url",
    "limit",
    "mch_id",
    "name",
    "nonce_str",
    "notify_url",
    "openid",
    "page",
    "password",
    "pay_channel_id",
    "payment",
    "provider",
    "refund_desc",
    "refund_fee",
    "refund_status",
    "return_url",
    "sign_type",
    "spbill_create_ip",
    "start_time",
    "sub_appid",
    "sub_openid",
    "subject",
    "time_expire",
    "timestamp",
    "total_fee",
    "trade_state",
    "type",
    "types",
    "unixtimestamp_end",
    "unixtimestamp_start",
    "version",
    "wait",
    "wallet",
];

#[test]
fn every_name_is_known_to_be_the_number_of_an_object_or_not() {
    for row in NAMES {
        let is_known = OBJECTS.contains(&row.name) != PLAIN.contains(&row.name);
        assert!(is_known, "is {} the number of an object? Then the matrix has to try it", row.name);
    }
}

/// The merchant's user; only digits at the end make it another's.
const USER: &str = "owner@shop.n0001";

/// The number of one of the merchant's objects, and one like it that nobody has.
struct Number {
    name: &'static str,
    theirs: String,
    nobodys: String,
}

impl Number {
    fn new(name: &'static str, theirs: &Value) -> Self {
        let theirs = theirs.as_str().map_or_else(|| theirs.to_string(), str::to_owned);
        assert!(theirs.len() > 4, "{name} {theirs}");
        // The same form: only digits within the last places differ.
        let (head, tail) = theirs.split_at(theirs.len() - 4);
        let other =
            |digit: char| digit.to_digit(10).map_or('0', |_| if digit == '7' { '8' } else { '7' });
        let nobodys = format!("{head}{}", tail.chars().map(other).collect::<String>());
        assert_ne!(theirs, nobodys);
        Self { name, theirs, nobodys }
    }
}

/// What the merchant has whose objects are named: open, paid and refunded in part, charged.
struct Owner {
    orders: Vec<String>,
    numbers: Vec<Number>,
}

impl Owner {
    async fn make(app: &TestApp) -> Self {
        let open = app.place(102).await;
        let paid = app.place(102).await;
        let paid_sn = paid["sn"].as_str().unwrap().to_owned();
        app.pay(&paid_sn, &json!({})).await;
        app.wait_state(&paid_sn, "SUCCESS").await;
        app.wait_notices(1).await;
        let refund = json!({
            "mch_id": app.mch_id().to_string(),
            "sn": paid_sn,
            "out_refund_no": "owner-refund-0001",
            "refund_fee": 100,
        });
        let refund = app.call("/payment/refund", &refund).await["data"].clone();
        assert_eq!(refund["refund_status"], "SUCCESS", "{refund}");
        let mut charge = app.order(401);
        charge["code"] = "287654321012399900".into();
        charge["out_trade_no"] = "owner-charge-0001".into();
        leaks::secret(Kind::Code, "a payer's code", b"287654321012399900");
        let charged = app.call("/payment/pay", &charge).await["data"].clone();
        app.wait_notices(2).await;
        let user = json!({
            "mch_id": app.mch_id().to_string(), "email": USER, "name": "李雷", "type": "merchant",
            "password": "long tea house",
        });
        assert_eq!(app.call("/user/create", &user).await["code"], 200);
        let mut numbers = vec![
            Number::new("refund_id", &refund["refund_id"]),
            Number::new("out_refund_no", &refund["out_refund_no"]),
            Number::new("customer_refund_no", &refund["out_refund_no"]),
            Number::new("store_id", &MERCHANT.store.0.into()),
            // Its own feed is further than the first event; nobody's is so far.
            Number { name: "after", theirs: "1".into(), nobodys: "9".into() },
            Number::new("email", &USER.into()),
        ];
        let mut orders = Vec::new();
        for order in [open, refund, charged] {
            numbers.extend(numbers_of(&order));
            orders.push(order["sn"].as_str().unwrap().to_owned());
        }
        for name in OBJECTS {
            assert!(numbers.iter().any(|number| number.name == name), "{name} has no object");
        }
        Self { orders, numbers }
    }

    /// Everything that is stored of it, but for when our own sweeper looks at it, and what it asks then.
    async fn stored(&self, app: &TestApp) -> Vec<String> {
        let store = app.demo.gateway.store();
        let mut found = vec![format!("{} orders", app.orders().await)];
        let email = Email::parse(USER).unwrap();
        found.push(format!("{:?}", store::users::by_email(store, &email).await.unwrap()));
        for sn in &self.orders {
            let order = app.stored(sn).await;
            let (mch, id) = (order.mch_id, order.id);
            found
                .push(format!("{:?}", kernel::order::Order { sweep_at: None, sweeps: 0, ..order }));
            found.push(format!("{:?}", app.attempts(sn).await));
            found.push(format!("{:?}", store::refunds::of_order(store, mch, id).await.unwrap()));
            found.push(format!("{:?}", store::ledger::of_order(store, mch, id).await.unwrap()));
            found.push(format!("{:?}", app.notice_states(sn).await));
            let is_of_others = |said: &String| !said.ends_with(" query");
            let said = app.said(sn).await.into_iter().filter(is_of_others);
            found.push(format!("{:?}", said.collect::<Vec<_>>()));
        }
        found
    }
}

fn numbers_of(order: &Value) -> Vec<Number> {
    let names = ["sn", "order_sn", "out_trade_no", "transaction_id"];
    let has = |name: &&str| !order[*name].as_str().unwrap().is_empty();
    names.into_iter().filter(has).map(|name| Number::new(name, &order[name])).collect()
}

/// A good request of an operation, to which a number is added. An operation that is new needs one here, and
/// its names a place in the lists above.
fn request(app: &TestApp, operation: Operation) -> Value {
    match operation {
        Operation::Place => app.order(304),
        Operation::Query
        | Operation::Close
        | Operation::QueryRefund
        | Operation::ListOrders
        | Operation::ListRefunds
        | Operation::ListEvents => json!({}),
        // Each log-in that fails would change what the next is told.
        Operation::LogIn | Operation::ListUsers | Operation::RemoveUser => json!({}),
        // Without a store none is created, whoever has the e-mail.
        Operation::CreateUser => json!({
            "email": "stranger@shop.example", "name": "韩", "type": "cashier",
            "password": "long tea house",
        }),
        Operation::ChangePassword => json!({ "password": "longer tea house" }),
        Operation::FetchRates => json!({ "adapter": "alipay" }),
        Operation::Reverse => {
            json!({ "nonce_str": "n", "timestamp": app.demo.gateway.now().seconds() })
        }
        Operation::Refund => json!({ "refund_fee": 1, "out_refund_no": "strangers-0001" }),
    }
}

/// What an answer tells: its code and message, and which members its data has.
fn told(answer: &Value, number: &str) -> (Value, String, Value) {
    let message = answer["message"].as_str().unwrap();
    // A cursor of one digit is not said again.
    let message = if number.len() > 1 { message.replace(number, "*") } else { message.to_owned() };
    (answer["code"].clone(), message, shape(&answer["data"]))
}

fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shapes = members.iter().map(|(name, value)| (name.clone(), shape(value)));
            serde_json::to_value(shapes.collect::<BTreeMap<_, _>>()).unwrap()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// A number that is no longer may stand in an answer by chance.
const SHORT: usize = 8;

async fn ask(
    (app, owner): (&TestApp, &Owner),
    stranger: &MerchantMade,
    (operation, path): (Operation, &str),
    (name, number): (&str, &str),
) -> (Value, String, Value) {
    let mut members = request(app, operation);
    members["mch_id"] = stranger.mch_id.to_string().into();
    members[name] = number.into();
    let answer = app.call_with(&stranger.key, path, &members).await;
    // Whatever was asked for, nothing of the owner's is told.
    let said = answer.to_string().replace(number, "*");
    let named =
        owner.numbers.iter().find(|own| own.theirs.len() > SHORT && said.contains(&own.theirs));
    assert!(named.is_none(), "{path} {name} {number} is told of the owner's objects: {answer}");
    told(&answer, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_address_another_merchants_numbers_are_numbers_that_nobody_has() {
    let app = TestApp::spawn().await;
    let owner = Owner::make(&app).await;
    let before = owner.stored(&app).await;
    for address in ADDRESSES {
        // A stranger of its own: an order that one of them places is nobody's find at the next.
        let stranger = app.another_merchant(Settings::default()).await;
        let (module, action) = address.query_style;
        let query_style = format!("/index.php?_m={module}&_a={action}");
        for number in &owner.numbers {
            for path in [address.path, &query_style] {
                let at = (address.operation, path);
                let theirs =
                    ask((&app, &owner), &stranger, at, (number.name, &number.theirs)).await;
                let nobodys =
                    ask((&app, &owner), &stranger, at, (number.name, &number.nobodys)).await;
                assert_eq!(theirs, nobodys, "{path} {} {}", number.name, number.theirs);
            }
        }
        assert_eq!(owner.stored(&app).await, before, "{}", address.path);
    }
    app.finish().await;
}

//! The merchant's clients, who ask again what was not answered.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use jubao::demo::identity::{MERCHANT, WECHAT_HK_APPID};
use jubao::signing;
use kernel::secret::Secret;
use kernel::state::TradeState;
use serde_json::{Value, json};

use super::payers::pays;
use super::sea::Sea;
use super::shop::{NOTIFY_URL, ToldState, Wish};

/// Orders of a voyage.
const ORDERS: [u64; 4] = [1, 1, 2, 3];
/// How late an order may be placed, in milliseconds.
const PLACED_WITHIN_MS: u64 = 20_000;
/// The shortest and the longest time that an order waits, in seconds.
const WAITS_S: (u64, u64) = (65, 120);
/// Tries to place one order.
const TRIES_MAX: usize = 30;
/// Between two tries, in milliseconds.
const AGAIN_MS: u64 = 5_000;
/// What is ordered, each as often.
const PRODUCTS: [i64; 16] =
    [101, 102, 102, 201, 202, 202, 304, 304, 304, 401, 401, 401, 103, 203, 204, 205];
/// What is ordered through UnionPay.
const OF_UNIONPAY: [i64; 2] = [301, 302];
/// When it was asked, in an answer that is remembered.
const ASKED_AT: &str = "asked_at";
/// How codes of the wallets begin, and how many digits they have.
const CODES: [(&str, usize); 3] = [("28", 18), ("13", 18), ("62", 19)];

/// Sends the merchant's clients out; each ends with its order.
pub fn send_out(sea: &Arc<Sea>) -> tokio::task::JoinSet<()> {
    let mut clients = tokio::task::JoinSet::new();
    let count = sea.pick(&ORDERS);
    for no in 0..count {
        clients.spawn(one_order(sea.clone(), format!("V{no}")));
    }
    clients
}

async fn one_order(sea: Arc<Sea>, number: String) {
    sea.pass(PLACED_WITHIN_MS).await;
    let (shortest, longest) = WAITS_S;
    let waits_s = i64::try_from(shortest + sea.draw(longest - shortest)).unwrap();
    let expires_at = sea.clock.now().plus_millis(waits_s * 1_000);
    let product = if sea.chance(10) { sea.pick(&OF_UNIONPAY) } else { sea.pick(&PRODUCTS) };
    let total_fee = 1 + i64::try_from(sea.draw(99_999)).unwrap();
    let wish = Wish { product, total_fee, expires_at, sn: None, told: Vec::new() };
    sea.shop.wishes().insert(number.clone(), wish);
    let members = order(&sea, &number, &sea.shop.wishes()[&number]);
    let twin = sea.chance(15);
    let (first, second) = tokio::join!(placed(&sea, &number, &members), async {
        if twin {
            sea.pass(200).await;
            placed(&sea, &number, &members).await;
        }
    });
    let () = second;
    if let Some(data) = first {
        let payer = tokio::spawn(pays(sea.clone(), data, waits_s));
        goes_on(&sea, &number, waits_s).await;
        payer.await.unwrap();
    }
}

/// What a client sends to place an order.
pub fn order(sea: &Sea, number: &str, wish: &Wish) -> Value {
    let mut members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": wish.product,
        "total_fee": wish.total_fee, "out_trade_no": number, "notify_url": NOTIFY_URL,
        "body": "明前龙井", "spbill_create_ip": "192.0.2.1",
        "time_expire": wish.expires_at.seconds(),
    });
    if [203, 205].contains(&wish.product) {
        members["sub_appid"] = WECHAT_HK_APPID.into();
        members["sub_openid"] = "oxoPW5SUhI5lMvZgkQb2yTt1".into();
    }
    if wish.product == 401 {
        members["code"] = code(sea, number).into();
    }
    members
}

/// A code that no other order has; its last two digits say what its payer does.
fn code(sea: &Sea, number: &str) -> String {
    let (start, digits) = sea.pick(&CODES);
    let serial: String = number.chars().filter(char::is_ascii_digit).collect();
    let fate = sea.draw(9);
    format!("{start}{serial:0>width$}{fate:02}", width = digits - start.len() - 2)
}

/// Asks until an answer says that the order stands, or that it never will.
pub async fn placed(sea: &Sea, number: &str, members: &Value) -> Option<Value> {
    for _ in 0..TRIES_MAX {
        let answer = ask(sea, "/payment/pay", members).await;
        hear(sea, number, answer.as_ref());
        if let Some(answer) = answer {
            if answer["data"]["sn"].is_string() {
                return Some(answer["data"].clone());
            }
            match answer["code"].as_i64().unwrap_or_default() {
                // It was refused upstream, or its time is over.
                40500 | 490_001 => return None,
                // The code is used up: perhaps by this very order, whose answer was lost.
                40111 => return stands(sea, number).await,
                _ => {}
            }
        }
        sea.pass(AGAIN_MS).await;
    }
    None
}

/// The order of that number, if there is one.
async fn stands(sea: &Sea, number: &str) -> Option<Value> {
    let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
    for _ in 0..TRIES_MAX {
        let answer = ask(sea, "/order/query", &order).await;
        hear(sea, number, answer.as_ref());
        match answer {
            Some(answer) if answer["data"]["sn"].is_string() => {
                return Some(answer["data"].clone());
            }
            Some(answer) if answer["code"] == 40102 => return None,
            Some(_) | None => sea.pass(AGAIN_MS).await,
        }
    }
    None
}

/// What a merchant does with an order that stands.
async fn goes_on(sea: &Sea, number: &str, waits_s: i64) {
    let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
    let step_ms = u64::try_from(waits_s).unwrap() * 400;
    for _ in 0..sea.draw(3) {
        sea.pass(step_ms).await;
        let address = sea.pick(&["/order/close", "/order/query", "/order/query", "/order/reverse"]);
        let answer = ask(sea, address, &order).await;
        hear(sea, number, answer.as_ref());
    }
}

/// One request to any process; `None` if no answer is seen. It holds when it was asked.
pub async fn ask(sea: &Sea, address: &str, members: &Value) -> Option<Value> {
    let asked_at = sea.clock.now().millis();
    let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
    let request = Request::post(address).body(Body::from(signed.to_string())).unwrap();
    let at = sea.draw(u64::try_from(sea.berths.len() - 1).unwrap());
    let answer = sea.berths[usize::try_from(at).unwrap()].ask(request).await;
    if sea.goes_wrong(sea.weather.clients) {
        return None;
    }
    let mut answer = serde_json::from_slice::<Value>(&answer?.body).unwrap();
    let state = answer["data"]["trade_state"].as_str().unwrap_or_default();
    sea.note(format_args!("{address} {} {state}", answer["code"]));
    if answer["code"] == 499_999 {
        sea.wrong("an answer tells of a defect");
    }
    answer[ASKED_AT] = asked_at.into();
    Some(answer)
}

/// Remembers what an answer says of an order.
pub fn hear(sea: &Sea, number: &str, answer: Option<&Value>) {
    let Some(answer) = answer else { return };
    let Value::Object(data) = &answer["data"] else { return };
    let members = signing::read(Value::Object(data.clone()).to_string().as_bytes()).unwrap();
    if !signing::is_signed(&members, &Secret::new(MERCHANT.key)) {
        sea.wrong("an answer is not signed with the merchant's key");
    }
    let sn = data["sn"].as_str().unwrap().to_owned();
    let mut wishes = sea.shop.wishes();
    let wish = wishes.get_mut(number).unwrap();
    let is_same = wish.total_fee == data["total_fee"].as_i64().unwrap()
        && data["pay_channel_id"] == wish.product
        && data["out_trade_no"] == number;
    if !is_same {
        sea.wrong(format_args!("{number}: another order is answered"));
    }
    if wish.sn.replace(sn.clone()).is_some_and(|before| before != sn) {
        sea.wrong(format_args!("{number}: one number, two orders"));
    }
    let state = TradeState::from_word(data["trade_state"].as_str().unwrap());
    wish.told.push(ToldState {
        asked_at: answer[ASKED_AT].as_i64().unwrap(),
        answered_at: sea.clock.now().millis(),
        state: state.unwrap(),
    });
}

//! The merchant's clients, who ask again what was not answered, and payers, who pay too late, twice,
//! in both wallets or not at all.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use channels::http::HttpRequest;
use channels::sim::{CallbackFaultKind, Served};
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::secret::Secret;
use kernel::state::TradeState;
use serde_json::{Value, json};

use super::sea::{PUBLIC_URL, Sea, UPSTREAM_URL};
use super::shop::{NOTIFY_URL, Wish};

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
/// Pages that a payer is led through.
const HOPS_MAX: usize = 4;
/// How Alipay's app introduces itself, and how WeChat.
const AGENTS: [(&str, &str); 2] =
    [("alipay", "AliApp(AP/10.5.90) AlipayClient/10.5.90"), ("wechat", "MicroMessenger/8.0.49")];

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
    let product = sea.pick(&[101, 102, 201, 202, 304, 304]);
    let total_fee = 1 + i64::try_from(sea.draw(99_999)).unwrap();
    let wish = Wish { product, total_fee, expires_at, sn: None, states: Vec::new() };
    sea.shop.wishes().insert(number.clone(), wish);
    let members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": product, "total_fee": total_fee,
        "out_trade_no": number, "notify_url": NOTIFY_URL, "body": "明前龙井",
        "spbill_create_ip": "192.0.2.1", "time_expire": expires_at.seconds(),
    });
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

/// Asks until an answer says that the order stands, or that it never will.
async fn placed(sea: &Sea, number: &str, members: &Value) -> Option<Value> {
    for _ in 0..TRIES_MAX {
        let answer = ask(sea, "/payment/pay", members).await;
        hear(sea, number, answer.as_ref());
        if let Some(answer) = answer {
            if answer["data"]["sn"].is_string() {
                return Some(answer["data"].clone());
            }
            // It was refused upstream, or its time is over.
            if [40500, 490_001].contains(&answer["code"].as_i64().unwrap_or_default()) {
                return None;
            }
        }
        sea.pass(AGAIN_MS).await;
    }
    None
}

/// What a merchant does with an order that stands.
async fn goes_on(sea: &Sea, number: &str, waits_s: i64) {
    let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
    let step_ms = u64::try_from(waits_s).unwrap() * 400;
    for _ in 0..sea.draw(3) {
        sea.pass(step_ms).await;
        let address = if sea.chance(30) { "/order/close" } else { "/order/query" };
        let answer = ask(sea, address, &order).await;
        hear(sea, number, answer.as_ref());
    }
}

/// One request to any process; `None` if no answer is seen.
async fn ask(sea: &Sea, address: &str, members: &Value) -> Option<Value> {
    let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
    let request = Request::post(address).body(Body::from(signed.to_string())).unwrap();
    let at = sea.draw(u64::try_from(sea.berths.len() - 1).unwrap());
    let answer = sea.berths[usize::try_from(at).unwrap()].ask(request).await;
    if sea.goes_wrong(sea.weather.clients) {
        return None;
    }
    let answer = serde_json::from_slice::<Value>(&answer?.body).unwrap();
    let state = answer["data"]["trade_state"].as_str().unwrap_or_default();
    sea.note(format_args!("{address} {} {state}", answer["code"]));
    if answer["code"] == 499_999 {
        sea.wrong("an answer tells of a defect");
    }
    Some(answer)
}

/// Remembers what an answer says of an order.
fn hear(sea: &Sea, number: &str, answer: Option<&Value>) {
    let Some(Value::Object(data)) = answer.map(|answer| &answer["data"]) else { return };
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
    wish.states.push(state.unwrap());
}

/// A payer with the answer's `data` before them.
async fn pays(sea: Arc<Sea>, data: Value, waits_s: i64) {
    let sn = data["sn"].as_str().unwrap();
    let waits_ms = u64::try_from(waits_s).unwrap() * 1_000;
    let times = sea.pick(&[0, 1, 1, 1, 1, 2, 3]);
    for _ in 0..times {
        // Mostly in time, now and then too late.
        let wait_ms = sea.pick(&[2_000, 10_000, waits_ms / 2, waits_ms, waits_ms + 60_000]);
        sea.pass(wait_ms).await;
        let (wallet, agent) = sea.pick(&AGENTS);
        let start = match data["pay_channel_id"].as_i64() {
            Some(304) => format!("{}/go?wallet={wallet}", data["code_url"].as_str().unwrap()),
            Some(101 | 201) => data["qrcode"].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        // A page opened twice at once: two tabs, or a wallet that looks first.
        let again = if sea.chance(20) { start.clone() } else { String::new() };
        tokio::join!(open(&sea, start, agent), open(&sea, again, agent));
        sea.pass(20_000).await;
        let is_spoilt = sea.goes_wrong(sea.weather.callbacks);
        let fault = is_spoilt.then(|| sea.pick(&CallbackFaultKind::ALL).0);
        let paid = sea.upstreams.pay(&sea, sn, fault);
        let taken = paid.map_or_else(String::new, |paid| paid.trade_no);
        sea.note(format_args!("a payer of {sn} by {wallet}: {taken} {fault:?}"));
        if sea.chance(40) {
            // Back in the shop, which asks at once, while the callback is on its way.
            let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
            tokio::join!(async { drop(ask(&sea, "/order/query", &order).await) }, async {
                drop(ask(&sea, "/order/query", &order).await);
            });
        }
    }
}

/// Follows a page to where it leads.
async fn open(sea: &Sea, mut url: String, agent: &str) {
    for _ in 0..HOPS_MAX {
        let location = if let Some(path) = url.strip_prefix(PUBLIC_URL) {
            let request = Request::get(path).header("user-agent", agent).body(Body::empty());
            let at = sea.draw(u64::try_from(sea.berths.len() - 1).unwrap());
            let answer = sea.berths[usize::try_from(at).unwrap()].ask(request.unwrap()).await;
            answer.and_then(|answer| answer.header("location").map(str::to_owned))
        } else if url.starts_with(UPSTREAM_URL) {
            let (method, headers) = ("GET".to_owned(), Vec::new());
            let request = HttpRequest { method, url: url.clone(), headers, body: Vec::new() };
            match sea.upstreams.serve(sea, &request) {
                Served::Answer(answer) | Served::Late(answer, _) => {
                    answer.header("location").map(str::to_owned)
                }
                Served::Dropped => None,
            }
        } else {
            None
        };
        match location {
            Some(next) => url = next,
            None => return,
        }
    }
}

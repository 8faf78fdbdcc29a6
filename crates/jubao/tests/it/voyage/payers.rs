//! Payers, who pay too late, twice, in several wallets or not at all.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use channels::http::HttpRequest;
use channels::sim::{CallbackFaultKind, Served};
use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};

use super::clients::ask;
use super::returns;
use super::sea::{PUBLIC_URL, Sea, UPSTREAM_URL};

/// Pages that a payer is led through.
const HOPS_MAX: usize = 4;
/// How Alipay's app introduces itself, and how WeChat.
const AGENTS: [(&str, &str); 2] =
    [("alipay", "AliApp(AP/10.5.90) AlipayClient/10.5.90"), ("wechat", "MicroMessenger/8.0.49")];

/// A payer with the answer's `data` before them.
pub async fn pays(sea: Arc<Sea>, data: Value, waits_s: i64) {
    let sn = data["sn"].as_str().unwrap();
    let waits_ms = u64::try_from(waits_s).unwrap() * 1_000;
    let times = sea.pick(&[0, 1, 1, 1, 1, 2, 3]);
    for _ in 0..times {
        // Mostly in time, now and then too late.
        let wait_ms = sea.pick(&[2_000, 10_000, waits_ms / 2, waits_ms, waits_ms + 60_000]);
        sea.pass(wait_ms).await;
        come(&sea, &data).await;
        sea.pass(20_000).await;
        press(&sea, sn);
        if sea.chance(40) {
            // Back in the shop, which asks at once, while the callback is on its way.
            let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn });
            tokio::join!(async { drop(ask(&sea, "/order/query", &order).await) }, async {
                drop(ask(&sea, "/order/query", &order).await);
            });
        }
    }
    returns::wanted(&sea, &data).await;
}

/// A payer opens what an order gave them, in any wallet.
pub async fn come(sea: &Sea, data: &Value) {
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let (wallet, agent) = sea.pick(&AGENTS);
    let start = match data["pay_channel_id"].as_i64() {
        Some(304) => format!("{}/go?wallet={wallet}", text("code_url")),
        Some(101 | 201 | 301 | 302) => text("qrcode"),
        Some(103) => return give_to_app(sea, text("app_format")),
        _ => String::new(),
    };
    // A page opened twice at once: two tabs, or a wallet that looks first.
    let again = if sea.chance(20) { start.clone() } else { String::new() };
    tokio::join!(open(sea, start, agent), open(sea, again, agent));
}

/// A payer presses the wallet's button, if there is one to press.
pub fn press(sea: &Sea, sn: &str) {
    let is_spoilt = sea.goes_wrong(sea.weather.callbacks);
    let fault = is_spoilt.then(|| sea.pick(&CallbackFaultKind::ALL).0);
    let paid = sea.upstreams.pay(sea, sn, fault);
    let taken = paid.map_or_else(String::new, |paid| paid.trade_no);
    sea.note(format_args!("a payer of {sn}: {taken} {fault:?}"));
}

/// The merchant's app hands an order to the wallet's.
fn give_to_app(sea: &Sea, order: String) {
    let (method, url) = ("POST".to_owned(), format!("{UPSTREAM_URL}/alipay_mapi/app"));
    let request = HttpRequest { method, url, headers: Vec::new(), body: order.into_bytes() };
    drop(sea.upstreams.serve(sea, &request));
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

//! One slow or dead merchant never delays another (contract section 7).

use kernel::application::Settings;
use kernel::notice::NoticeState;
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::TestApp;

/// More notices for the dead merchant than there are deliveries at the same time.
const WAITING: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_whose_server_hangs_delays_nobody_else() {
    let app = TestApp::spawn().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", dead.local_addr().unwrap());
    let told_of_closing = Settings { notify_closed: true, ..Settings::default() };
    let other = app.another_merchant(told_of_closing).await;
    app.set(|settings| settings.notify_closed = true).await;

    let mut its_orders = Vec::new();
    for at in 0..WAITING {
        let mut order = app.order(304);
        order["mch_id"] = other.mch_id.to_string().into();
        order["out_trade_no"] = format!("DEAD{at}").into();
        order["notify_url"] = url.as_str().into();
        let placed = app.call_with(&other.key, "/payment/pay", &order).await;
        let sn = placed["data"]["sn"].as_str().unwrap().to_owned();
        let members = json!({ "mch_id": other.mch_id.to_string(), "sn": sn });
        let closed = app.call_with(&other.key, "/order/close", &members).await;
        assert_eq!(closed["code"], 200, "{closed}");
        its_orders.push(sn);
    }

    let data = app.place(304).await;
    let sn = data["sn"].as_str().unwrap();
    app.close(sn).await;
    app.wait_notice_state(sn, NoticeState::Delivered).await;
    let mut tried = 0;
    for sn in &its_orders {
        tried += app.notices(sn).await.iter().map(|one| one.attempts.len()).sum::<usize>();
    }
    assert_eq!(tried, 0, "the live merchant waited until a dead one's delivery ended");
    drop(dead);
    app.finish().await;
}

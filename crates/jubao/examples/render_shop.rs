//! Writes the demo shop's pages to a folder, to be looked at:
//! `cargo run -p jubao --example render_shop -- target/shop`.

use std::path::Path;
use std::{env, fs, io};

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::state::TradeState;
use kernel::time::Timestamp;

#[expect(dead_code, reason = "what only the shop's handlers need is not rendered")]
#[path = "../src/demo/shop_pages.rs"]
mod shop_pages;

use shop_pages::{HomeView, Notice, OrderView};

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/shop".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    fs::write(folder.join(&shop_pages::STYLE_PATH[1..]), shop_pages::STYLE)?;
    fs::write(folder.join(&shop_pages::SCRIPT_PATH[1..]), shop_pages::SCRIPT)?;
    let write = |name: &str, page: maud::Markup| fs::write(folder.join(name), page.into_string());
    let notices = [notice(true), notice(false)];
    write("home.html", shop_pages::home(&HomeView { notices: &notices, problem: None }))?;
    let problem = Some("下单没有成功：40500 交易失败");
    write("problem.html", shop_pages::home(&HomeView { notices: &[], problem }))?;
    write("waiting.html", shop_pages::order(&view(None, &[])))?;
    write("paid.html", shop_pages::order(&view(Some(TradeState::Success), &notices)))
}

fn notice(is_verified: bool) -> Notice {
    let members = [
        ("mch_id", "10000000000001"),
        ("sn", "11202611221200050000065538"),
        ("out_trade_no", "S20261122120005001"),
        ("pay_channel_id", "304"),
        ("provider", "wechat"),
        ("trade_state", "SUCCESS"),
        ("total_fee", "8888"),
        ("transaction_id", "4200002026112212000500000001"),
        ("sign", "0CC175B9C0F1B6A831C399E269772661"),
    ];
    Notice {
        at: Timestamp::from_seconds(1_795_320_005),
        out_trade_no: "S20261122120005001".to_owned(),
        is_verified,
        members: members.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
    }
}

fn view(state: Option<TradeState>, notices: &[Notice]) -> OrderView<'_> {
    OrderView {
        out_trade_no: "S20261122120005001",
        sn: Some("11202611221200050000065538"),
        goods: "明前龙井",
        amount: Money::new(8888, Currency::Cny),
        product: Product::MixedQr,
        state,
        code_url: Some("https://pay.example/pay/3q2-7wAAAAAAAAAAAAAAAA"),
        notices,
    }
}

//! Writes every page of the crate in every state, way and language to a folder, to be looked at:
//! `cargo run -p web --example render -- target/pages`, then serve that folder on loopback.

use std::path::Path;
use std::{env, fs, io};

use kernel::money::{Currency, Money};
use kernel::product::Provider;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use web::cashier::{self, Trouble, View, Way};
use web::language::Language;
use web::{assets, landing};

const NOON: Timestamp = Timestamp::from_seconds(1_795_320_005);
const PAGE: &str = "https://pay.example/order/qrcode/3q2-7wAAAAAAAAAAAAAAAA";
const ALIPAY: &str = "https://qr.alipay.com/bax03431ljhokirwl38f00a7";
const WECHAT: &str = "weixin://wxpay/bizpayurl?pr=7VqtMOKzz";

const WAYS: &[(&str, TradeState, Way<'static>)] = &[
    (
        "scan-wechat",
        TradeState::NotPay,
        Way::Scan { qr_text: WECHAT, wallets: &[Provider::Wechat] },
    ),
    (
        "scan-alipay",
        TradeState::NotPay,
        Way::Scan { qr_text: ALIPAY, wallets: &[Provider::Alipay] },
    ),
    (
        "scan-mixed",
        TradeState::NotPay,
        Way::Scan { qr_text: PAGE, wallets: &[Provider::Wechat, Provider::Alipay] },
    ),
    (
        "open-alipay",
        TradeState::UserPaying,
        Way::Open { href: PAGE, wallet: Provider::Alipay, before: None },
    ),
    (
        "open-wechat",
        TradeState::UserPaying,
        Way::Open { href: PAGE, wallet: Provider::Wechat, before: Some(Provider::Alipay) },
    ),
    (
        "choose",
        TradeState::NotPay,
        Way::Choose {
            alipay_href: Some(PAGE),
            wechat_href: Some(PAGE),
            unionpay_href: Some(PAGE),
            qr_text: PAGE,
            wallets: &[Provider::Alipay, Provider::Wechat],
        },
    ),
    ("long-press", TradeState::NotPay, Way::LongPress { qr_text: WECHAT, href: Some(PAGE) }),
    (
        "call",
        TradeState::NotPay,
        Way::Call {
            call: "{}",
            config: "",
            script: "",
            begins: false,
            again_href: Some(PAGE),
            code_href: Some(PAGE),
        },
    ),
    ("outside", TradeState::NotPay, Way::Outside { url: PAGE }),
    ("elsewhere", TradeState::NotPay, Way::Trouble { why: Trouble::Elsewhere }),
    ("wait", TradeState::UserPaying, Way::Wait),
    ("trouble", TradeState::NotPay, Way::Trouble { why: Trouble::NoAnswer }),
    ("paid", TradeState::Success, Way::Wait),
    ("closed", TradeState::Closed, Way::Wait),
    ("failed", TradeState::PayError, Way::Wait),
    ("refunded", TradeState::Refund, Way::Wait),
    ("revoked", TradeState::Revoked, Way::Wait),
];

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "target/pages".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("assets"))?;
    for name in ["cashier.css", "cashier.js", "wallet.js", "landing.css", "icon.svg"] {
        let bytes = assets::find(name).map(|asset| asset.bytes).unwrap_or_default();
        fs::write(folder.join("assets").join(name), bytes)?;
    }
    for language in Language::ALL {
        pages(folder, language)?;
    }
    Ok(())
}

fn pages(folder: &Path, language: Language) -> io::Result<()> {
    let write = |name: &str, page: maud::Markup| {
        fs::write(folder.join(format!("{name}.{}.html", language.tag())), page.into_string())
    };
    for (name, state, way) in WAYS {
        write(name, cashier::page(&view(language, *state, *way)))?;
    }
    let late =
        |state| View { now: NOON.plus_millis(1_799_000), ..view(language, state, Way::Wait) };
    write("checking", cashier::page(&late(TradeState::UserPaying)))?;
    write("expired", cashier::page(&late(TradeState::Closed)))?;
    let (body, merchant) = ("<script>alert(1)</script>".repeat(4), "聚宝小店 & 分店".repeat(4));
    let scan = view(language, TradeState::NotPay, WAYS[0].2);
    let amount = Money::new(2_147_483_647, Currency::Hkd);
    write("long", cashier::page(&View { body: &body, merchant: &merchant, amount, ..scan }))?;
    write("not-found", cashier::not_found(language))?;
    write("error", cashier::error(language, Trouble::NoAnswer, PAGE))?;
    let base_url = "https://pay.example";
    write("landing", landing::page(&landing::View { language, base_url, version: "0.1.0" }))
}

fn view(language: Language, state: TradeState, way: Way<'static>) -> View<'static> {
    View {
        language,
        merchant: "聚宝小店",
        body: "明前龙井 50 克",
        amount: Money::new(8888, Currency::Cny),
        sn: "11202611221200050000065538",
        state,
        expires_at: NOON.plus_millis(1_799_000),
        now: NOON,
        token: "3q2-7wAAAAAAAAAAAAAAAA",
        return_url: Some("https://shop.example/orders/1"),
        way,
    }
}

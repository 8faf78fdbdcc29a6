//! Which way to pay a browser is offered, by the order's product, the wallet around the page, and what
//! has been begun already.
//!
//! To look at a page closes nothing: where another way has been begun, the payer is offered a button.

use gateway::Gateway;
use gateway::page::{Begun, PageOrder, Unbegun, Wish, continues_with};
use kernel::fault::Fault;
use kernel::order::{Attempt, AttemptState};
use kernel::product::{Product, Provider};

use crate::browser::Browser;
use crate::cashier::{self, Trouble, Way};
use crate::visit::Visit;

/// What a browser is offered, owned: [`Way`] borrows from it.
pub(crate) enum Offer {
    /// A code for another device.
    Scan(String, Vec<Provider>),
    /// A button into a wallet, and the wallet in which the payer began before.
    Open(String, Provider, Option<Provider>),
    /// Buttons, and a code for every wallet.
    Choose(Choice),
    /// A code to press, and a link beside it.
    LongPress(String, String),
    /// WeChat's own payment, called by the page.
    Call(Call),
    /// The page's address, for a browser outside this app.
    Outside(String),
    /// Nothing, and why.
    Trouble(Trouble),
    /// Nothing to do here.
    Nothing,
}

/// The mixed QR in an ordinary browser.
pub(crate) struct Choice {
    alipay: Option<String>,
    wechat: Option<String>,
    unionpay: Option<String>,
    qr_text: String,
    by: Vec<Provider>,
}

/// A call of WeChat's script.
pub(crate) struct Call {
    text: String,
    config: String,
    script: String,
    begins: bool,
    again: Option<String>,
    code: Option<String>,
}

impl Offer {
    /// As the page takes it.
    pub(crate) fn way(&self) -> Way<'_> {
        match self {
            Self::Scan(qr_text, wallets) => Way::Scan { qr_text, wallets },
            Self::Open(href, wallet, before) => {
                Way::Open { href, wallet: *wallet, before: *before }
            }
            Self::Choose(choice) => Way::Choose {
                alipay_href: choice.alipay.as_deref(),
                wechat_href: choice.wechat.as_deref(),
                unionpay_href: choice.unionpay.as_deref(),
                qr_text: &choice.qr_text,
                wallets: &choice.by,
            },
            Self::LongPress(qr_text, href) => Way::LongPress { qr_text, href: Some(href) },
            Self::Call(call) => Way::Call {
                call: &call.text,
                config: &call.config,
                script: &call.script,
                begins: call.begins,
                again_href: call.again.as_deref(),
                code_href: call.code.as_deref(),
            },
            Self::Outside(url) => Way::Outside { url },
            Self::Trouble(why) => Way::Trouble { why: *why },
            Self::Nothing => Way::Wait,
        }
    }
}

/// What the page offers to this visitor.
pub(crate) async fn offer(gateway: &Gateway, found: &PageOrder, visit: &Visit) -> Offer {
    let product = found.order.product;
    match (product, visit.browser) {
        (Product::MixedQr, _) => mixed(gateway, found, visit).await,
        // WeChat blocks Alipay's pages, and refuses its own H5 payment inside itself and inside Alipay.
        (Product::AlipayWap, Browser::Wechat)
        | (Product::WechatH5, Browser::Wechat | Browser::Alipay) => {
            Offer::Outside(page_url(gateway, visit))
        }
        (Product::AlipayWap, _) => open(visit, Provider::Alipay),
        (Product::WechatH5, _) => open(visit, Provider::Wechat),
        (Product::AlipayQr, Browser::Alipay | Browser::Phone) => open(visit, Provider::Alipay),
        (Product::UnionpayLink, _) | (Product::UnionpayQr, Browser::Unionpay) => {
            open(visit, Provider::Unionpay)
        }
        (Product::AlipayQr | Product::WechatQr | Product::UnionpayQr, _) => {
            drawn(gateway, visit, product).await
        }
        (Product::WechatJsapi | Product::WechatHkJsapi, Browser::Wechat) => {
            match found.live.iter().rfind(|attempt| !attempt.pay_text.is_empty()) {
                Some(attempt) => call(gateway, attempt, visit, (None, None)).await,
                None => Offer::Nothing,
            }
        }
        (Product::WechatJsapi | Product::WechatHkJsapi, _) => {
            Offer::Scan(page_url(gateway, visit), vec![Provider::Wechat])
        }
        // They are paid in the merchant's own app, or at its counter.
        (Product::AlipayApp | Product::WechatApp | Product::Micropay, _) => Offer::Nothing,
    }
}

/// The wallet's own product that a mixed QR continues with, if this merchant has it.
pub(crate) fn continuation(
    found: &PageOrder,
    wallet: Provider,
    browser: Browser,
) -> Option<Product> {
    let is_inside = browser.wallet() == Some(wallet);
    let products = continues_with(&found.order, wallet, is_inside);
    products.iter().copied().find(|product| found.wallet_products.contains(product))
}

/// The same for this visitor, who may rather have a code inside WeChat.
pub(crate) fn wanted(found: &PageOrder, wallet: Provider, visit: &Visit) -> Option<Product> {
    let is_inside = wallet == Provider::Wechat && visit.browser == Browser::Wechat;
    let has_code = found.wallet_products.contains(&Product::WechatQr);
    if visit.wants_code && is_inside && has_code {
        return Some(Product::WechatQr);
    }
    continuation(found, wallet, visit.browser)
}

async fn mixed(gateway: &Gateway, found: &PageOrder, visit: &Visit) -> Offer {
    let Some(wallet) = visit.browser.wallet() else { return every_wallet(gateway, found, visit) };
    match wanted(found, wallet, visit) {
        Some(product) if product.needs_openid() => {
            match found.live.iter().find(|row| is_prepared(row, product, visit)) {
                Some(attempt) => call(gateway, attempt, visit, links(found, visit)).await,
                None => open_instead(found, visit, (wallet, product)),
            }
        }
        Some(Product::WechatQr) if began_before(found, Product::WechatQr).is_none() => {
            drawn(gateway, visit, Product::WechatQr).await
        }
        Some(product) => open_instead(found, visit, (wallet, product)),
        // A bank's app may understand the code of another wallet.
        None if wallet == Provider::Unionpay => every_wallet(gateway, found, visit),
        None => Offer::Trouble(Trouble::NotOffered),
    }
}

/// Whether this visitor comes from having begun that attempt. Nobody else could pay it.
fn is_prepared(attempt: &Attempt, product: Product, visit: &Visit) -> bool {
    let is_open = attempt.state == AttemptState::Open && !attempt.pay_text.is_empty();
    is_open && attempt.product == product && visit.attempt == Some(attempt.no)
}

/// The wallet of an attempt that would have to be closed first.
fn began_before(found: &PageOrder, product: Product) -> Option<Provider> {
    let other = found.live.iter().find(|attempt| attempt.product != product)?;
    other.product.info().provider
}

fn open_instead(found: &PageOrder, visit: &Visit, (wallet, product): (Provider, Product)) -> Offer {
    let href = go_address(visit, wallet);
    Offer::Open(href, wallet, began_before(found, product))
}

fn open(visit: &Visit, wallet: Provider) -> Offer {
    Offer::Open(cashier::go_address(&visit.token, visit.language, wallet), wallet, None)
}

fn go_address(visit: &Visit, wallet: Provider) -> String {
    let address = cashier::go_address(&visit.token, visit.language, wallet);
    if visit.wants_code { cashier::with_code(&address) } else { address }
}

fn page_url(gateway: &Gateway, visit: &Visit) -> String {
    format!("{}{}", gateway.settings().public_url, cashier::path(&visit.token))
}

/// The code that serves every wallet, and buttons for those that this browser can open.
fn every_wallet(gateway: &Gateway, found: &PageOrder, visit: &Visit) -> Offer {
    // A desktop has no wallet to open: WeChat's H5 payment does not even begin there.
    let has_wallets = visit.browser != Browser::Desktop;
    let opened = |wallet: Provider| {
        let is_offered = has_wallets && continuation(found, wallet, visit.browser).is_some();
        is_offered.then(|| cashier::go_address(&visit.token, visit.language, wallet))
    };
    let inside = |wallet: &Provider| {
        let browser = Browser::of_wallet(*wallet);
        continuation(found, *wallet, browser).is_some()
    };
    let choice = Choice {
        alipay: opened(Provider::Alipay),
        wechat: opened(Provider::Wechat),
        unionpay: opened(Provider::Unionpay),
        qr_text: format!("{}/order/qrcode/{}", gateway.settings().public_url, visit.token),
        by: Provider::ALL.into_iter().filter(inside).collect(),
    };
    let has_button = [&choice.alipay, &choice.wechat, &choice.unionpay];
    let has_button = has_button.iter().any(|href| href.is_some());
    match (has_button, choice.by.is_empty()) {
        (true, _) => Offer::Choose(choice),
        (false, false) => Offer::Scan(choice.qr_text, choice.by),
        (false, true) => Offer::Trouble(Trouble::NotOffered),
    }
}

/// A wallet's code: asked for upstream if it is not there yet.
async fn drawn(gateway: &Gateway, visit: &Visit, product: Product) -> Offer {
    match begin(gateway, visit, product).await {
        Ok(begun) if product == Product::WechatQr && visit.browser == Browser::Wechat => {
            let href = go_address(visit, Provider::Wechat);
            Offer::LongPress(begun.pay_text, href)
        }
        Ok(begun) => Offer::Scan(begun.pay_text, product.info().provider.into_iter().collect()),
        // Closed or paid since it was read: the page hears of it at once.
        Err(Unbegun::Over) => Offer::Nothing,
        Err(unbegun) => Offer::Trouble(why(&unbegun)),
    }
}

/// Begins a payment that asks for nobody's openid. Two tabs that begin it at once meet in the store;
/// the second asks again and finds what the first has begun.
pub(crate) async fn begin(
    gateway: &Gateway,
    visit: &Visit,
    product: Product,
) -> Result<Begun, Unbegun> {
    begin_as(gateway, visit, (product, String::new())).await
}

/// The same for a payer who is known.
pub(crate) async fn begin_as(
    gateway: &Gateway,
    visit: &Visit,
    (product, openid): (Product, String),
) -> Result<Begun, Unbegun> {
    let wish = Wish { product, ip: visit.ip, openid };
    match gateway.begin_payment(&visit.token, &wish).await {
        Err(Unbegun::Fault(Fault::Busy)) => gateway.begin_payment(&visit.token, &wish).await,
        begun => begun,
    }
}

/// Where a payer of a mixed QR can go when WeChat's own payment fails: through it once more, and to a
/// code, if the merchant has it.
type Links = (Option<String>, Option<String>);

fn links(found: &PageOrder, visit: &Visit) -> Links {
    let again = cashier::go_address(&visit.token, visit.language, Provider::Wechat);
    let has_code = found.wallet_products.contains(&Product::WechatQr);
    let code = has_code.then(|| cashier::with_code(&again));
    (Some(again), code)
}

/// WeChat's own payment. The Hong Kong wallet is called through WeChat's script, which wants to be
/// told who asks.
async fn call(gateway: &Gateway, attempt: &Attempt, visit: &Visit, (again, code): Links) -> Offer {
    let mut call = Call {
        text: attempt.pay_text.clone(),
        config: String::new(),
        script: String::new(),
        begins: visit.attempt == Some(attempt.no),
        again,
        code,
    };
    if attempt.product == Product::WechatHkJsapi {
        match gateway.sdk_config(attempt, &visit.address).await {
            Ok(config) => {
                call.config = config.text;
                call.script = config.script;
            }
            Err(fault) => return Offer::Trouble(why(&fault.into())),
        }
    }
    Offer::Call(call)
}

/// What a payer may know of a fault: its own words are for merchants.
pub(crate) fn why(unbegun: &Unbegun) -> Trouble {
    match unbegun {
        Unbegun::Elsewhere => Trouble::Elsewhere,
        Unbegun::Fault(Fault::ProductUnavailable) => Trouble::NotOffered,
        Unbegun::Fault(_) | Unbegun::Over => Trouble::NoAnswer,
    }
}

//! A simulated payer's phone: opens an order's page as a wallet does, so that `POST /pay/SN` works
//! for orders that no upstream holds before somebody opens their page.

use gateway::Gateway;
use kernel::id::Sn;
use kernel::product::Product;
use reqwest::header::{LOCATION, USER_AGENT};

/// How an Alipay app introduces itself.
const ALIPAY: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 \
                      AliApp(AP/10.5.90) AlipayClient/10.5.90";
/// How WeChat introduces itself.
const WECHAT: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 \
                      MicroMessenger/8.0.49";
/// How UnionPay's app introduces itself.
const UNIONPAY: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 \
                        UnionPay/1.0 CloudPay";
/// Redirects that a payer follows from our page to the wallet's.
const HOPS_MAX: usize = 4;

/// The phone.
#[derive(Clone)]
pub struct Payer {
    gateway: Gateway,
    client: reqwest::Client,
}

/// An order as the merchant's app hands it to the wallet's.
pub struct AppOrder {
    /// The channel that it was made for.
    pub channel: String,
    /// The signed order string.
    pub text: String,
}

impl Payer {
    /// A phone that knows the orders of `gateway`.
    ///
    /// # Errors
    /// The HTTP client does not start.
    pub fn new(gateway: Gateway) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { gateway, client })
    }

    /// What the merchant's app gives to Alipay's for this order; `None` if it is not paid in an app.
    pub async fn app_order(&self, number: &str) -> Option<AppOrder> {
        let order =
            store::orders::by_sn(self.gateway.store(), &Sn::parse(number)?).await.ok()??;
        let is_of_app = order.product == Product::AlipayApp && !order.pay_text.is_empty();
        is_of_app.then_some(AppOrder { channel: order.adapter, text: order.pay_text })
    }

    /// Opens the page of the order and follows it into the wallet.
    ///
    /// # Errors
    /// There is no such order, or its page leads nowhere; in words for a person.
    pub async fn open_page(&self, number: &str, wallet: &str) -> Result<(), String> {
        let sn = Sn::parse(number).ok_or("not an order number of ours")?;
        let page = self.gateway.page_url(&sn).await.ok_or("no such order")?;
        let agent = match wallet {
            "wechat" => WECHAT,
            "unionpay" => UNIONPAY,
            _ => ALIPAY,
        };
        let mut url = format!("{page}/go?wallet={wallet}");
        for _ in 0..HOPS_MAX {
            let answer = self.client.get(&url).header(USER_AGENT, agent).send().await;
            let answer = answer.map_err(|error| error.without_url().to_string())?;
            let next = answer.headers().get(LOCATION).and_then(|text| text.to_str().ok());
            match next {
                Some(next) if next.starts_with("http") => url = next.to_owned(),
                // Back from telling who the payer is: WeChat has the order, and calls nobody.
                Some(next) if next.contains("&by=") => return Ok(()),
                Some(_) => return Err("the order's page does not lead into a wallet".into()),
                None if answer.status().is_success() => return Ok(()),
                None => return Err(format!("the page answers {}", answer.status())),
            }
        }
        Ok(())
    }
}

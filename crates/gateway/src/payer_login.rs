//! Who the payer is to WeChat (微信网页授权): the payer is sent to WeChat and comes back with a code, which
//! we exchange for the payer's openid.
//!
//! What comes back is believed only with the `state` that we made for this page, not long ago, and
//! once. Neither the code nor the secret that it is exchanged with is logged or kept.

use channels::login::{self, Login, LoginFault};
use kernel::fault::Fault;
use kernel::id::Id;
use kernel::product::Product;
use kernel::time::Timestamp;
use subtle::ConstantTimeEq;

use crate::Gateway;
use crate::ask_upstream::channel_of;
use crate::ids::random_hex;
use crate::page::Unbegun;

/// How long a payer may take to come back, in milliseconds.
const STATE_LIVES_MS: i64 = 10 * 60 * 1000;
/// Payers who have come back and are remembered until their state is too old.
const SPENT_MAX: usize = 100_000;
/// What tags of a state are for.
const PURPOSE: &str = "payer login";
/// Hexadecimal digits of a tag that are used: 128 bits.
const TAG_DIGITS: usize = 32;

/// A payer who came back from WeChat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// What the payer is going to pay with.
    pub product: Product,
    /// Who it is.
    pub openid: String,
}

/// Why a payer who came back stays unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoginFailed {
    /// Not sent by us for this page, too late, or for the second time: the page offers to go again.
    NotOurs,
    /// WeChat or the store gave no usable answer.
    Fault(Fault),
}

impl Gateway {
    /// Where WeChat asks who the payer is, and sends it back to `back`, a path of ours.
    ///
    /// # Errors
    /// The order cannot be paid any more, or no account of the merchant can ask.
    pub async fn login_address(
        &self,
        token: &str,
        product: Product,
        back: &str,
    ) -> Result<String, Unbegun> {
        let standing = self.standing_of_page(token).await?.ok_or(Fault::OrderNotFound)?;
        self.check_payable(&standing.order)?;
        let row = self.route_on_page(&standing.order, product).await?;
        let account = self.account(row.id, row.version).await;
        let account = account.map_err(|_| Fault::ProductUnavailable)?;
        let channel = channel_of(&account).ok_or(Fault::ProductUnavailable)?;
        let login = channel.login(&account).ok_or(Fault::ProductUnavailable)?;
        let expires_at = self.now().plus_millis(STATE_LIVES_MS);
        let state = State { product, account_id: row.id, expires_at, nonce: random_hex::<8>() };
        let base = self.page_base(&login);
        Ok(login.authorize(&format!("{base}{back}"), &self.write_state(token, &state)))
    }

    /// Who came back with `code` and `state`.
    ///
    /// # Errors
    /// The state is not ours, or WeChat does not say.
    pub async fn log_in(
        &self,
        token: &str,
        code: &str,
        state: &str,
    ) -> Result<Arrival, LoginFailed> {
        let state = self.read_state(token, state).ok_or(LoginFailed::NotOurs)?;
        let found = self.standing_of_page(token).await.map_err(LoginFailed::Fault)?;
        let order = found.ok_or(LoginFailed::NotOurs)?.order;
        if code.is_empty() || !self.is_first(&state)? {
            return Err(LoginFailed::NotOurs);
        }
        let unavailable = || LoginFailed::Fault(Fault::ProductUnavailable);
        let row = self.usable_account(order.mch_id, state.account_id).await;
        let row = row.map_err(LoginFailed::Fault)?;
        let account = self.account(row.id, row.version).await.map_err(|_| unavailable())?;
        let channel = channel_of(&account).ok_or_else(unavailable)?;
        let login = channel.login(&account).ok_or_else(unavailable)?;
        let answer = self.0.upstreams.send(&login.exchange(code)).await;
        let answer = answer.map_err(|fault| {
            tracing::warn!(account.id = %row.id, "payer login: {}", fault.class());
            LoginFailed::Fault(Fault::EmptyAnswer)
        })?;
        let openid = login::openid(&answer).map_err(|fault| failed(row.id, &fault))?;
        Ok(Arrival { product: state.product, openid })
    }

    /// Where payers inside WeChat reach our pages.
    pub(crate) fn page_base<'a>(&'a self, login: &Login<'a>) -> &'a str {
        if login.page_base().is_empty() { &self.0.settings.public_url } else { login.page_base() }
    }

    /// Remembers that a state came back; false if it did before.
    fn is_first(&self, state: &State) -> Result<bool, LoginFailed> {
        let now = self.now();
        let mut spent = self.0.spent_logins.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if spent.len() >= SPENT_MAX {
            spent.retain(|_, expires_at| *expires_at > now);
        }
        // A guard that forgets would be none.
        if spent.len() >= SPENT_MAX {
            return Err(LoginFailed::Fault(Fault::Busy));
        }
        Ok(spent.insert(state.nonce.clone(), state.expires_at).is_none())
    }

    /// A state bound to the page of `token`: letters and digits only, as WeChat wants it.
    fn write_state(&self, token: &str, state: &State) -> String {
        let text = state.text();
        let tag = self.state_tag(token, &text);
        format!("{text}{tag}")
    }

    /// A state that we made for this page, unless it is too old.
    fn read_state(&self, token: &str, text: &str) -> Option<State> {
        let (text, tag) = text.split_at_checked(text.len().checked_sub(TAG_DIGITS)?)?;
        let is_ours: bool = self.state_tag(token, text).as_bytes().ct_eq(tag.as_bytes()).into();
        let state = State::read(text).filter(|_| is_ours)?;
        (self.now() < state.expires_at).then_some(state)
    }

    fn state_tag(&self, token: &str, text: &str) -> String {
        let mut tag = self.0.vault.tag(PURPOSE, &format!("{token}/{text}"));
        tag.truncate(TAG_DIGITS);
        tag
    }
}

/// What comes back with the payer.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    product: Product,
    account_id: Id,
    expires_at: Timestamp,
    nonce: String,
}

impl State {
    /// Product, account, time and nonce, of fixed widths.
    fn text(&self) -> String {
        let Self { product, account_id, expires_at, nonce } = self;
        let product = product.info().channel_id;
        format!("{product:03}{:016x}{:016x}{nonce}", account_id.0, expires_at.millis())
    }

    fn read(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| i64::from_str_radix(text.get(from..to)?, 16).ok();
        Some(Self {
            product: Product::from_channel_id(text.get(..3)?.parse().ok()?)?,
            account_id: Id(number(3, 19)?),
            expires_at: Timestamp::from_millis(number(19, 35)?),
            nonce: text.get(35..)?.to_owned(),
        })
    }
}

fn failed(account_id: Id, fault: &LoginFault) -> LoginFailed {
    match fault {
        LoginFault::CodeSpent => return LoginFailed::NotOurs,
        LoginFault::Refused(code) => {
            tracing::error!(account.id = %account_id, wechat.errcode = code, "payer login: refused");
        }
        LoginFault::Unreadable => {
            tracing::error!(account.id = %account_id, "payer login: no readable answer");
        }
    }
    LoginFailed::Fault(Fault::UnmappedUpstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let state = State {
            product: Product::WechatHkJsapi,
            account_id: Id(1 << 50),
            expires_at: Timestamp::from_millis(1_795_320_005_123),
            nonce: "0123456789abcdef".into(),
        };
        let text = state.text();
        assert!(text.len() + TAG_DIGITS <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(State::read(&text), Some(state));
        for broken in ["", "205", "999", "聚宝", &text[..30]] {
            assert_eq!(State::read(broken), None, "{broken}");
        }
    }
}

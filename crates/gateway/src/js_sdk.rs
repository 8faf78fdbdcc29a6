//! What a page of ours needs to call WeChat's script (JS-SDK), for the Hong Kong wallet: a signature
//! over the page's address, made with a ticket that WeChat gives us for two hours.
//!
//! Tokens and tickets stay in memory, and are never logged.

use channels::login::{self, Login, LoginFault};
use channels::{Account, http::HttpRequest};
use kernel::fault::Fault;
use kernel::order::Attempt;
use serde_json::json;

use crate::Gateway;
use crate::ask_upstream::channel_of;

/// A ticket is asked for anew after this time, in milliseconds: it lives two hours.
const TICKET_KEPT_MS: i64 = 110 * 60 * 1000;

/// How a page sets up WeChat's script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SdkConfig {
    /// The script's address.
    pub script: String,
    /// What `wx.config` is called with, as JSON (the merchants' document, 香港钱包公众号支付, 2).
    pub text: String,
}

impl Gateway {
    /// What lets the page at `path` call WeChat's script for `attempt`.
    ///
    /// # Errors
    /// The account has no secret, or WeChat does not answer.
    pub async fn sdk_config(&self, attempt: &Attempt, path: &str) -> Result<SdkConfig, Fault> {
        let account = self.account(attempt.account_id, attempt.account_version).await;
        let account = account.map_err(|_| Fault::ProductUnavailable)?;
        let channel = channel_of(&account).ok_or(Fault::ProductUnavailable)?;
        let login = channel.login(&account).ok_or(Fault::ProductUnavailable)?;
        let ticket = self.ticket(&account, &login).await?;
        let page = format!("{}{path}", self.page_base(&login));
        let (timestamp, nonce) = (self.now().seconds(), self.nonce());
        let config = json!({
            "beta": true,
            "debug": false,
            "appId": login.appid(),
            "timestamp": timestamp,
            "nonceStr": nonce,
            "signature": login::sdk_signature(&ticket, &nonce, timestamp, &page),
            "jsApiList": ["getH5PrepayRequest"],
        });
        Ok(SdkConfig { script: login.js_sdk().to_owned(), text: config.to_string() })
    }

    async fn ticket(&self, account: &Account, login: &Login<'_>) -> Result<String, Fault> {
        let (key, now) = ((account.id, account.version), self.now());
        {
            let tickets = self.0.tickets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some((ticket, _)) = tickets.get(&key).filter(|(_, until)| now < *until) {
                return Ok(ticket.clone());
            }
        }
        let token = self.ask_script(account, &login.ask_token(), "access_token").await?;
        let ticket = self.ask_script(account, &login.ask_ticket(&token), "ticket").await?;
        let mut tickets = self.0.tickets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        tickets.insert(key, (ticket.clone(), now.plus_millis(TICKET_KEPT_MS)));
        Ok(ticket)
    }

    async fn ask_script(
        &self,
        account: &Account,
        request: &HttpRequest,
        member: &str,
    ) -> Result<String, Fault> {
        let answer = self.0.upstreams.send(request).await.map_err(|fault| {
            tracing::warn!(account.id = %account.id, "{member}: {}", fault.class());
            Fault::EmptyAnswer
        })?;
        login::member(&answer, member).map_err(|fault| {
            let code = if let LoginFault::Refused(code) = fault { code } else { 0 };
            tracing::error!(account.id = %account.id, wechat.errcode = code, "{member}: refused");
            Fault::UnmappedUpstream
        })
    }
}

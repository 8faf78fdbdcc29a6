//! How a page of ours inside WeChat learns its payer's openid (微信网页授权) and may call WeChat's
//! scripts (JS-SDK): for accounts that hold their official account's secret.
//!
//! The secret leaves the process only towards WeChat; what holds it must not be logged or kept.

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::http::{HttpRequest, HttpResponse};
use crate::legacy::sha1_hex;
use crate::{Account, SettingInfo, json};

const OPTIONAL: SettingInfo =
    SettingInfo { key: "", help: "", is_secret: false, is_required: false, default: "" };

/// The secret of the official account that `appid` names.
pub(crate) const APP_SECRET: SettingInfo = SettingInfo {
    key: "app_secret",
    help: "the official account's AppSecret (公众平台 > 基本配置): with it our page inside WeChat learns \
           the payer's openid and pays without a code; empty: the payer presses a code",
    is_secret: true,
    ..OPTIONAL
};
/// Where payers inside WeChat reach our pages.
pub(crate) const PAGE_BASE: SettingInfo = SettingInfo {
    key: "page_base",
    help: "where payers inside WeChat reach our pages: the domain that is registered as 网页授权域名 and \
           支付授权目录, as https://…; empty: public_url",
    ..OPTIONAL
};
/// Where payers are asked who they are.
pub(crate) const OPEN_BASE: SettingInfo = SettingInfo {
    key: "open_base",
    help: "address of the web authorization",
    default: "https://open.weixin.qq.com",
    ..OPTIONAL
};
/// Where codes are exchanged.
pub(crate) const MP_BASE: SettingInfo = SettingInfo {
    key: "mp_base",
    help: "address of the official accounts' API",
    default: "https://api.weixin.qq.com",
    ..OPTIONAL
};
/// WeChat's script, for the page of the Hong Kong wallet.
pub(crate) const JS_SDK: SettingInfo = SettingInfo {
    key: "js_sdk",
    help: "address of WeChat's script, which our page of the Hong Kong wallet loads",
    default: "https://res.wx.qq.com/open/js/jweixin-1.2.0.js",
    ..OPTIONAL
};

/// Longest openid that is believed.
const OPENID_MAX: usize = 128;
/// `errcode` of a code that is wrong, used or too old.
const CODE_SPENT: [i64; 2] = [40029, 40163];

/// An official account that can tell who its visitors are.
#[derive(Copy, Clone)]
pub struct Login<'a> {
    account: &'a Account,
}

/// Why a payer stays unknown. It holds nothing that must not be logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoginFault {
    /// The code was used before, or is too old: the payer can ask for another one.
    CodeSpent,
    /// WeChat refuses; its `errcode` says why.
    Refused(i64),
    /// The answer is none.
    Unreadable,
}

impl<'a> Login<'a> {
    /// The official account of `account`; `None` without its secret.
    pub(crate) fn of(account: &'a Account) -> Option<Self> {
        (!account.setting(APP_SECRET.key).is_empty()).then_some(Self { account })
    }

    /// The official account's number.
    pub fn appid(&self) -> &'a str {
        self.account.setting("appid")
    }

    /// Where payers inside WeChat reach our pages, without a slash at the end; empty: as others do.
    pub fn page_base(&self) -> &'a str {
        self.account.setting(PAGE_BASE.key).trim_end_matches('/')
    }

    /// WeChat's script.
    pub fn js_sdk(&self) -> &'a str {
        self.account.setting(JS_SDK.key)
    }

    /// Where the payer is sent, to come back to `back` with a code and `state`.
    pub fn authorize(&self, back: &str, state: &str) -> String {
        let open = self.base(&OPEN_BASE);
        let (appid, back) = (escape(self.appid()), escape(back));
        format!(
            "{open}/connect/oauth2/authorize?appid={appid}&redirect_uri={back}&response_type=code\
             &scope=snsapi_base&state={state}#wechat_redirect"
        )
    }

    /// Asks whose code that is.
    pub fn exchange(&self, code: &str) -> HttpRequest {
        let (appid, secret, code) = (escape(self.appid()), escape(self.secret()), escape(code));
        get(format!(
            "{}/sns/oauth2/access_token?appid={appid}&secret={secret}&code={code}\
             &grant_type=authorization_code",
            self.base(&MP_BASE)
        ))
    }

    /// Asks for a token. Unlike `/cgi-bin/token`, this leaves the merchant's own one valid.
    pub fn ask_token(&self) -> HttpRequest {
        let body = serde_json::json!({
            "grant_type": "client_credential", "appid": self.appid(), "secret": self.secret(),
        });
        HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}/cgi-bin/stable_token", self.base(&MP_BASE)),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    /// Asks for the ticket that calls of WeChat's script are signed with.
    pub fn ask_ticket(&self, token: &str) -> HttpRequest {
        let (base, token) = (self.base(&MP_BASE), escape(token));
        get(format!("{base}/cgi-bin/ticket/getticket?access_token={token}&type=jsapi"))
    }

    fn secret(&self) -> &'a str {
        self.account.setting(APP_SECRET.key)
    }

    fn base(&self, setting: &SettingInfo) -> &'a str {
        self.account.setting(setting.key).trim_end_matches('/')
    }
}

/// The payer's openid, from the answer to [`Login::exchange`].
///
/// # Errors
/// WeChat does not name the payer.
pub fn openid(answer: &HttpResponse) -> Result<String, LoginFault> {
    let openid = member(answer, "openid")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_openid = (1..=OPENID_MAX).contains(&openid.len()) && openid.bytes().all(is_plain);
    is_openid.then_some(openid).ok_or(LoginFault::Unreadable)
}

/// The text `name` of an answer: `access_token`, `ticket`.
///
/// # Errors
/// The answer has no such member.
pub fn member(answer: &HttpResponse, name: &str) -> Result<String, LoginFault> {
    let said = json::parse(&answer.body).filter(|_| answer.status == 200);
    let said = said.ok_or(LoginFault::Unreadable)?;
    match said.get("errcode").and_then(Value::as_i64) {
        None | Some(0) => {}
        Some(code) if CODE_SPENT.contains(&code) => return Err(LoginFault::CodeSpent),
        Some(code) => return Err(LoginFault::Refused(code)),
    }
    let text = said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or(LoginFault::Unreadable)
}

/// `signature` of `wx.config` (JS-SDK使用权限签名算法): the page's address without its fragment.
pub fn sdk_signature(ticket: &str, nonce: &str, timestamp: i64, page: &str) -> String {
    let page = page.split('#').next().unwrap_or_default();
    let text = format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}");
    sha1_hex(text.as_bytes())
}

fn get(url: String) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), url, headers: Vec::new(), body: Vec::new() }
}

fn escape(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Result<String, LoginFault> {
        openid(&HttpResponse::new(200, "text/plain", body))
    }

    #[test]
    fn only_an_openid_of_a_plain_answer_is_believed() {
        assert_eq!(said(r#"{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}"#).unwrap().len(), 28);
        for spent in [40029, 40163] {
            let text = format!(r#"{{"errcode":{spent},"errmsg":"invalid code","openid":"o1"}}"#);
            assert_eq!(said(&text), Err(LoginFault::CodeSpent));
        }
        assert_eq!(said(r#"{"errcode":40125}"#), Err(LoginFault::Refused(40125)));
        let long = format!(r#"{{"openid":"{}"}}"#, "o".repeat(129));
        for broken in
            ["", "{}", r#"{"openid":""}"#, r#"{"openid":"o 1"}"#, r#"{"openid":1}"#, &long]
        {
            assert_eq!(said(broken), Err(LoginFault::Unreadable), "{broken}");
        }
        let refused = HttpResponse::new(502, "text/plain", r#"{"openid":"o1"}"#);
        assert_eq!(openid(&refused), Err(LoginFault::Unreadable));
    }

    #[test]
    fn a_call_of_the_script_is_signed_as_the_manual_shows_it() {
        let ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-\
                      Sl-HhTdfl2fzFy1AOcHKP7qg";
        let signature = sdk_signature(
            ticket,
            "Wm3WZYTPz0wzccnW",
            1_414_587_457,
            "http://mp.weixin.qq.com?params=value#part",
        );
        assert_eq!(signature, "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
    }
}

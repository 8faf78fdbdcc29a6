//! A merchant's side of the API, for our own commands: it signs, asks and verifies as a shop does, over
//! HTTP alone. It never shows its key.

use std::time::Duration;

use gateway::clock::Clock;
use gateway::ids::random_hex;
use kernel::rsa::PublicKey;
use kernel::scheme::Scheme;
use serde_json::{Map, Value, json};

use crate::cli::{Failure, MerchantArguments, public_key};
use crate::merchant_keys::{Held, MerchantKeys, Verdict};

/// Longer than any answer waits, in all.
const TOTAL: Duration = Duration::from_secs(40);
/// To connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Where the gateway tells the key that it signs by rsa2 with.
const PLATFORM_KEY: &str = "/platform_key.pem";
/// Codes that say that the request can never do: it is not repeated.
const HOPELESS: [i64; 8] = [404, 4001, 4002, 4003, 4004, 4007, 40100, 492_001];

/// A merchant's application, and where its gateway is.
pub struct MerchantClient {
    api: String,
    app_id: String,
    keys: MerchantKeys,
    http: reqwest::Client,
    clock: Clock,
}

/// What the gateway answered.
#[derive(Debug)]
pub struct Answer {
    /// 200 for a success.
    pub code: i64,
    /// What happened, in words.
    pub message: String,
    /// An object, or null.
    pub data: Value,
}

impl Answer {
    /// Whether asking again, as it was, is in vain.
    pub fn is_hopeless(&self) -> bool {
        HOPELESS.contains(&self.code)
    }

    /// `data` of a success.
    ///
    /// # Errors
    /// The gateway refused, in its own words.
    pub fn success(self) -> Result<Value, Failure> {
        if matches!(self.code, 200 | 201) {
            return Ok(self.data);
        }
        let why = format!("the gateway answers {}: {}", self.code, self.message);
        Err(if self.is_hopeless() { Failure::Input(why) } else { Failure::Machine(why) })
    }
}

impl MerchantClient {
    /// The application that the arguments name.
    ///
    /// # Errors
    /// There is no key for its scheme, a file cannot be read, or the gateway does not tell its own key.
    pub async fn new(arguments: &MerchantArguments) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .build()
            .map_err(|error| Failure::Machine(error.to_string()))?;
        let api = arguments.api.trim_end_matches('/').to_owned();
        let scheme = arguments.signing.scheme;
        let named = public_key(arguments.platform_key.as_deref())?;
        let platform = match (named, scheme) {
            (None, Scheme::Rsa2) => Some(ask_platform_key(&http, &api).await?),
            (named, Scheme::Md5 | Scheme::Suffix | Scheme::HmacSha256 | Scheme::Rsa2) => named,
        };
        let (shared, private) = (arguments.signing.shared.find()?, arguments.signing.private()?);
        let keys = MerchantKeys::new(scheme, Held { shared, private, platform });
        Ok(Self {
            api,
            app_id: arguments.appid.to_string(),
            keys: keys.map_err(Failure::Input)?,
            http,
            clock: Clock::default(),
        })
    }

    /// The HTTP client, for what is no merchant's request.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Signs `members`, a JSON object, and asks.
    ///
    /// # Errors
    /// There was no answer that can be read, in words for a person.
    pub async fn call(&self, path: &str, members: Value) -> Result<Answer, String> {
        let mut all = Map::new();
        all.insert("appid".into(), json!(self.app_id));
        // For applications that demand both; the others only sign them.
        all.insert("nonce_str".into(), json!(random_hex::<16>()));
        all.insert("timestamp".into(), json!(self.clock.now().seconds()));
        let scheme = self.keys.scheme();
        if scheme.is_strong() {
            all.insert("sign_type".into(), json!(scheme.sign_type()));
        }
        if let Value::Object(members) = members {
            all.extend(members);
        }
        let signed = self.keys.signed(&Value::Object(all))?;
        let request = self.http.post(format!("{}{path}", self.api)).body(signed.to_string());
        let request = request.header("Content-Type", "application/json");
        let answer = request.send().await.map_err(|error| reason(&error).to_owned())?;
        let text = answer.text().await.map_err(|error| reason(&error).to_owned())?;
        let read: Value = serde_json::from_str(&text)
            .map_err(|_| format!("{} is no gateway of ours: it answers no JSON", self.api))?;
        Ok(Answer {
            code: read["code"].as_i64().unwrap_or(-1),
            message: read["message"].as_str().unwrap_or_default().to_owned(),
            data: read["data"].clone(),
        })
    }

    /// Whether the members of a JSON object are signed with a key at hand.
    pub fn judge(&self, members: &Value) -> Verdict {
        self.keys.judge(members)
    }
}

/// Asks the gateway for the key that it signs by rsa2 with. Who does not trust the way to it names a file.
async fn ask_platform_key(http: &reqwest::Client, api: &str) -> Result<PublicKey, Failure> {
    let failed = |why: &str| {
        Failure::Machine(format!("the gateway's key: {why}; or name its file with --platform-key"))
    };
    let answer = http.get(format!("{api}{PLATFORM_KEY}")).send().await;
    let answer = answer.map_err(|error| failed(reason(&error)))?;
    let text = answer.text().await.map_err(|error| failed(reason(&error)))?;
    PublicKey::parse(&text).ok_or_else(|| failed("it has none"))
}

/// Why there is no answer, without the address.
pub fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "nothing listens there"
    } else {
        "the connection broke"
    }
}

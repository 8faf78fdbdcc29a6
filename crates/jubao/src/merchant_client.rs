//! A merchant's side of the API, for our own commands: it signs, asks and verifies as a shop does, over
//! HTTP alone. It never shows its key.

use std::fs;
use std::time::Duration;

use gateway::clock::Clock;
use gateway::ids::random_hex;
use kernel::secret::Secret;
use serde_json::{Map, Value, json};

use crate::cli::{Failure, MerchantArguments};
use crate::signing;

/// Longer than any answer waits, in all.
const TOTAL: Duration = Duration::from_secs(40);
/// To connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Codes that say that the request can never do: it is not repeated.
const HOPELESS: [i64; 8] = [404, 4001, 4002, 4003, 4004, 4007, 40100, 492_001];

/// A merchant's application, and where its gateway is.
pub struct MerchantClient {
    api: String,
    app_id: String,
    key: Secret,
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
    /// There is no key, or its file cannot be read.
    pub fn new(arguments: &MerchantArguments) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .build()
            .map_err(|error| Failure::Machine(error.to_string()))?;
        Ok(Self {
            api: arguments.api.trim_end_matches('/').to_owned(),
            app_id: arguments.appid.to_string(),
            key: key(arguments)?,
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
        if let Value::Object(members) = members {
            all.extend(members);
        }
        let signed = signing::signed(&Value::Object(all), &self.key)?;
        let request = self.http.post(format!("{}{path}", self.api)).body(signed.to_string());
        let request = request.header("Content-Type", "application/json");
        let answer = request.send().await.map_err(|error| reason(&error))?;
        let text = answer.text().await.map_err(|error| reason(&error))?;
        let read: Value = serde_json::from_str(&text)
            .map_err(|_| format!("{} is no gateway of ours: it answers no JSON", self.api))?;
        Ok(Answer {
            code: read["code"].as_i64().unwrap_or(-1),
            message: read["message"].as_str().unwrap_or_default().to_owned(),
            data: read["data"].clone(),
        })
    }

    /// Whether the members of a JSON object are signed with the key.
    pub fn is_signed(&self, members: &Value) -> bool {
        let read = signing::read(members.to_string().as_bytes());
        read.is_ok_and(|members| signing::is_signed(&members, &self.key))
    }
}

/// The key, from the file that is named, else as it was given or as the environment has it.
fn key(arguments: &MerchantArguments) -> Result<Secret, Failure> {
    let text = match (&arguments.key_from, &arguments.key) {
        (Some(file), _) => fs::read_to_string(file)
            .map_err(|error| Failure::Input(format!("{}: {error}", file.display())))?,
        (None, Some(key)) => key.clone(),
        (None, None) => {
            let why = "the key is missing: name its file with --key-from, or set JUBAO_KEY";
            return Err(Failure::Input(why.into()));
        }
    };
    match text.trim() {
        "" => Err(Failure::Input("the key is empty".into())),
        key => Ok(Secret::new(key)),
    }
}

/// Why there is no answer, without the address.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "it does not answer in time".into()
    } else if error.is_connect() {
        "nothing listens there".into()
    } else {
        "the connection broke".into()
    }
}

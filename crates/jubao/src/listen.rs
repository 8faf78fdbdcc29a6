//! `jubao listen`: relays a merchant's events to a local address while a shop is built, as the
//! notifications that a server behind NAT cannot be sent. What it relays is the gateway's own text and
//! signature.
//!
//! An event counts as told once the local server has acknowledged it: only then is the cursor moved, so a
//! restart of either side loses nothing, and may tell the last one twice, as notifications do.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gateway::clock::Clock;
use kernel::feed::TYPES;
use kernel::notice::is_acknowledged;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::cli::{Failure, ListenArguments, RelayFormat, print_line};
use crate::merchant_client::{MerchantClient, reason};
use crate::merchant_keys::Verdict;
use crate::serve;

/// Events of one answer.
const EVENTS_MAX: i64 = 100;
/// Seconds that the gateway may wait for an event.
const WAIT_S: i64 = 25;
/// Waits before it is tried again, in seconds; the last of them again and again.
const RETRY_SECONDS: [u64; 5] = [1, 2, 4, 8, 15];
/// How often an event is told to a server that answers, and does not acknowledge it.
const REFUSALS_MAX: usize = 3;

/// Runs until it is stopped.
pub async fn run(arguments: ListenArguments) -> Result<(), Failure> {
    let listener = Listener::new(&arguments).await?;
    tokio::select! {
        ended = listener.listen() => ended,
        () = serve::stop_signal() => Ok(()),
    }
}

struct Listener<'a> {
    client: MerchantClient,
    arguments: &'a ListenArguments,
    types: String,
    clock: Clock,
}

/// A page of the feed.
struct Events {
    items: Vec<Value>,
    next: String,
}

impl<'a> Listener<'a> {
    async fn new(arguments: &'a ListenArguments) -> Result<Self, Failure> {
        let of_orders = TYPES.iter().filter(|row| row.event_type.is_of_order());
        let default: Vec<_> = of_orders.map(|row| row.word).collect();
        Ok(Self {
            client: MerchantClient::new(&arguments.merchant).await?,
            types: arguments.types.clone().unwrap_or_else(|| default.join(",")),
            clock: Clock::default(),
            arguments,
        })
    }

    async fn listen(&self) -> Result<(), Failure> {
        let mut cursor = self.begin().await?;
        print_line(format!(
            "listening for {} behind event {cursor}, telling {}",
            self.types, self.arguments.forward_to
        ));
        loop {
            let events = self.events(&cursor, WAIT_S).await?;
            for event in &events.items {
                self.tell(event).await?;
                word(event, "id").clone_into(&mut cursor);
                self.keep(&cursor)?;
            }
            // Behind what was looked at and not wanted, too.
            if events.next != cursor {
                cursor = events.next;
                self.keep(&cursor)?;
            }
        }
    }

    /// Where to begin: where it ended before, at the beginning if that is wanted, else with what is new.
    async fn begin(&self) -> Result<String, Failure> {
        if let Some(kept) = self.arguments.cursor.as_deref().and_then(kept) {
            return Ok(kept);
        }
        if self.arguments.from_start {
            return Ok("0".into());
        }
        let data = self.ask(&json!({ "limit": 1 })).await?;
        Ok(word(&data, "newest").to_owned())
    }

    async fn events(&self, cursor: &str, wait_s: i64) -> Result<Events, Failure> {
        let members =
            json!({ "after": cursor, "limit": EVENTS_MAX, "types": self.types, "wait": wait_s });
        let data = self.ask(&members).await?;
        let items = data["items"].as_array().cloned().unwrap_or_default();
        // What is signed by another scheme of the application's is the local server's to verify.
        if items.iter().any(|item| self.client.judge(&item["data"]) == Verdict::Wrong) {
            return Err(Failure::Machine("an event is not signed with this key".into()));
        }
        Ok(Events { items, next: word(&data, "next").to_owned() })
    }

    /// Asks the feed until there is an answer; what can never do ends it.
    async fn ask(&self, members: &Value) -> Result<Value, Failure> {
        for attempt in 0.. {
            let why = match self.client.call("/event/list", members.clone()).await {
                Ok(answer) if answer.code == 200 || answer.is_hopeless() => {
                    return answer.success();
                }
                Ok(answer) => format!("{} {}", answer.code, answer.message),
                Err(why) => why,
            };
            if attempt == 0 {
                print_line(format!("the gateway: {why}; asking again"));
            }
            wait(attempt).await;
        }
        Err(Failure::Machine("the gateway does not answer".into()))
    }

    /// Tells the local server of an event until it has acknowledged it, or has refused it often enough.
    async fn tell(&self, event: &Value) -> Result<(), Failure> {
        let mut refusals = 0;
        for attempt in 0.. {
            let said = self.relay(&event["data"]).await;
            let is_last = match &said {
                Ok((status, body)) if is_acknowledged(*status, body) => true,
                Ok(_) => {
                    refusals += 1;
                    refusals == REFUSALS_MAX
                }
                Err(_) => false,
            };
            // While nothing listens it is said once.
            if is_last || said.is_ok() || attempt == 0 {
                print_line(self.line(event, &said));
            }
            if is_last {
                return Ok(());
            }
            wait(attempt).await;
        }
        Ok(())
    }

    /// Sends an event's facts as a notification; the status and body of the answer.
    async fn relay(&self, facts: &Value) -> Result<(u16, Vec<u8>), String> {
        let (content_type, body) = encode(facts, self.arguments.format);
        let request = self.client.http().post(&self.arguments.forward_to).body(body);
        let answer = request.header("Content-Type", content_type).send().await;
        let answer = answer.map_err(|error| reason(&error).to_owned())?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|error| reason(&error).to_owned())?;
        Ok((status, body.to_vec()))
    }

    /// What is said of one attempt: when, what, of which order, and how the server took it.
    fn line(&self, event: &Value, said: &Result<(u16, Vec<u8>), String>) -> String {
        let outcome = match said {
            Ok((status, body)) if is_acknowledged(*status, body) => {
                format!("{status} acknowledged")
            }
            Ok((status, _)) => format!("{status} not acknowledged"),
            Err(why) => why.clone(),
        };
        let (now, facts) = (self.clock.now().beijing(), &event["data"]);
        let unverified = match self.client.judge(facts) {
            Verdict::Right | Verdict::Wrong => "",
            Verdict::NoKey => " (its signature is of another scheme: not verified here)",
        };
        format!(
            "{now}  #{} {}  {} {}  {outcome}{unverified}",
            word(event, "id"),
            word(event, "type"),
            word(facts, "sn"),
            word(facts, "out_trade_no"),
        )
    }

    fn keep(&self, cursor: &str) -> Result<(), Failure> {
        let Some(file) = &self.arguments.cursor else { return Ok(()) };
        let beside = file.with_extension("tmp");
        let written = fs::write(&beside, cursor).and_then(|()| fs::rename(&beside, file));
        written.map_err(|error| Failure::Machine(format!("{}: {error}", file.display())))
    }
}

/// The cursor that a file holds; none if there is no such file, or nothing like a cursor in it.
fn kept(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?.trim().to_owned();
    let is_cursor = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_cursor.then_some(text)
}

/// A notification's content type and body, as the gateway would send it.
fn encode(facts: &Value, format: RelayFormat) -> (&'static str, String) {
    match format {
        RelayFormat::Json => ("application/json; charset=utf-8", facts.to_string()),
        RelayFormat::Form => {
            let mut body = form_urlencoded::Serializer::new(String::new());
            for (name, value) in facts.as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                body.append_pair(name, &text);
            }
            ("application/x-www-form-urlencoded", body.finish())
        }
    }
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

async fn wait(attempt: usize) {
    let last = RETRY_SECONDS.len() - 1;
    tokio::time::sleep(Duration::from_secs(RETRY_SECONDS[attempt.min(last)])).await;
}

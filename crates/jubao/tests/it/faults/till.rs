//! A merchant who places orders whatever happens, and remembers what it was told of each.

use std::time::Duration;

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::secret::Secret;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::crash::world::World;
use crate::holds::all_holds;
use crate::socket::Socket;

/// Products: a code of an upstream's, a page of ours, a code of another's.
const PRODUCTS: [i64; 3] = [202, ALONE, 102];
/// The product for which nobody is asked.
const ALONE: i64 = 304;
/// How soon orders are placed again once what was missing is there.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(20);

/// The till.
#[derive(Default)]
pub struct Till {
    count: usize,
    /// Orders that stand, with our numbers.
    placed: Vec<(String, String)>,
    /// Orders that were refused with 4006.
    refused: Vec<String>,
    /// Orders of which it was said that they may stand.
    unknown: Vec<String>,
    /// Orders that upstreams have taken money for.
    paid: Vec<String>,
    /// The only connection that it has, if it may not make another.
    line: Option<Socket>,
}

impl Till {
    /// Keeps to one connection from here on, which is made now.
    pub async fn keep_to_one_line(&mut self, world: &World) {
        self.line = Some(Socket::connect(&world.api).await);
    }

    /// Places an order under a number that was never used: the code of the answer, which must be one of
    /// three.
    pub async fn place(&mut self, world: &World) -> i64 {
        let number = format!("F{}", self.count);
        let answer = self.ask(world, "/payment/pay", &order(self.count)).await;
        self.count += 1;
        let code = answer["code"].as_i64().unwrap();
        match code {
            200 => self.placed.push((number, sn(&answer))),
            4006 => self.refused.push(number),
            40400 => self.unknown.push(number),
            _ => panic!("{number}: {answer}"),
        }
        code
    }

    /// Whether the first order can be asked about now.
    pub async fn can_query(&mut self, world: &World) -> bool {
        self.ask(world, "/order/query", &named(&self.placed[0].0.clone())).await["code"] == 200
    }

    /// Our number of the order that was placed last.
    pub fn last(&self) -> &str {
        &self.placed.last().unwrap().1
    }

    async fn ask(&mut self, world: &World, path: &str, members: &Value) -> Value {
        let Some(line) = &mut self.line else {
            return ask_at(&world.client, &world.api, path, members).await;
        };
        let body = signed(members);
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}", body.len());
        line.send(&format!("{head}\r\n\r\n{body}")).await;
        let answer = line.try_answer().await.unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Places orders that must all stand, and has every second paid that can be.
    pub async fn place_all(&mut self, world: &World, count: usize) {
        for _ in 0..count {
            assert_eq!(self.place(world).await, 200);
        }
        for (number, sn) in self.placed.iter().rev().take(count).step_by(2) {
            let paid = world.client.post(format!("{}/pay/{sn}", world.sim)).body("{}").send();
            if paid.await.unwrap().status() == 200 {
                self.paid.push(number.clone());
            }
        }
    }

    /// Places orders that must all be refused, and no more is known of any.
    pub async fn refused_all(&mut self, world: &World, count: usize) {
        for _ in 0..count {
            assert_eq!(self.place(world).await, 4006);
        }
    }

    /// Asks where every order stands that does.
    pub async fn query_all(&mut self, world: &World) {
        for (number, sn) in self.placed.clone() {
            let answer = self.ask(world, "/order/query", &named(&number)).await;
            assert_eq!((answer["code"].as_i64(), self::sn(&answer)), (Some(200), sn));
        }
    }

    /// Places orders and asks until both are done: how long that takes, which must not be long. What writes
    /// and what reads have connections of their own.
    pub async fn is_served_again(&mut self, world: &World) -> Duration {
        let began = Instant::now();
        while self.place(world).await != 200 || !self.can_query(world).await {
            assert!(began.elapsed() <= BACK_WITHIN, "not back after {BACK_WITHIN:?}");
            sleep(LOOK).await;
        }
        began.elapsed()
    }

    /// What was refused is not there, and can be placed as it was; what was unknown is there as a whole or
    /// not at all; what was paid is paid; and the books hold.
    pub async fn settle(&mut self, world: &World) {
        for number in std::mem::take(&mut self.refused) {
            let answer = query(world, &number).await;
            assert_eq!(answer["code"], 40102, "{number} was refused: {answer}");
            let answer = ask(world, "/payment/pay", &order(at(&number))).await;
            assert_eq!(answer["code"], 200, "{number}: {answer}");
            self.placed.push((number, sn(&answer)));
        }
        for number in std::mem::take(&mut self.unknown) {
            let found = query(world, &number).await;
            let again = ask(world, "/payment/pay", &order(at(&number))).await;
            match found["code"].as_i64() {
                Some(200) => assert_eq!((&again["code"], sn(&again)), (&json!(40106), sn(&found))),
                _ => assert_eq!((&found["code"], &again["code"]), (&json!(40102), &json!(200))),
            }
            self.placed.push((number, sn(&again)));
        }
        self.query_all(world).await;
        for number in &self.paid {
            self.is_paid(world, number).await;
        }
        let store = store::Store::open(&world.place.database).unwrap();
        all_holds(&store).await;
    }

    /// How many were not placed.
    pub fn not_placed(&self) -> usize {
        self.refused.len() + self.unknown.len()
    }

    /// Of what nobody is asked about, nothing may be unknown; an order with an upstream may, but only if it
    /// stands: what was never written is refused.
    pub async fn only_begun_is_unknown(&self, world: &World) {
        for number in &self.unknown {
            assert_ne!(product(at(number)), ALONE, "{number}");
            let found = query(world, number).await;
            assert_eq!(found["code"], 200, "{number} was never begun: {found}");
        }
    }

    async fn is_paid(&self, world: &World, number: &str) {
        crate::edge_process::wait(&format!("{number} to be paid"), async || {
            let answer = query(world, number).await;
            (answer["data"]["trade_state"] == "SUCCESS").then_some(())
        })
        .await;
    }
}

/// Signs `members` and posts them: the answer, which must be a whole one.
pub async fn ask_at(client: &reqwest::Client, api: &str, path: &str, members: &Value) -> Value {
    let sent = client.post(format!("{api}{path}")).body(signed(members));
    let text = sent.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The same at a world's process.
pub async fn ask(world: &World, path: &str, members: &Value) -> Value {
    ask_at(&world.client, &world.api, path, members).await
}

/// Asks where the order of that number stands.
pub async fn query(world: &World, number: &str) -> Value {
    ask(world, "/order/query", &named(number)).await
}

fn signed(members: &Value) -> String {
    signing::signed(members, &Secret::new(MERCHANT.key)).unwrap().to_string()
}

fn named(number: &str) -> Value {
    json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number })
}

/// Members of the order of that count.
fn order(count: usize) -> Value {
    json!({
        "mch_id": MERCHANT.mch_id.to_string(), "total_fee": 1234, "body": "明前龙井",
        "pay_channel_id": product(count), "out_trade_no": format!("F{count}"),
    })
}

fn product(count: usize) -> i64 {
    PRODUCTS[count % PRODUCTS.len()]
}

fn at(number: &str) -> usize {
    number[1..].parse().unwrap()
}

fn sn(answer: &Value) -> String {
    let sn = answer["data"]["sn"].as_str();
    sn.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

//! Notices: the notifier against a server that acknowledges at once, beside a bare HTTP client that
//! posts the same bytes to the same server and remembers nothing.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, HOST};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use kernel::dialect::notice::{Encoding, encode};
use kernel::order::Order;
use kernel::secret::Secret;
use kernel::sign::Signer;
use store::{notices, orders};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::peer::{Done, Job, Peer};
use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::sample::Sampler;
use super::site::Site;
use super::{Plan, Trials, cpu, now, store_fault, writers};
use crate::cli::Failure;
use crate::demo::identity::MERCHANT;

/// Notices in a repeat, unless told.
const NOTICES: usize = 20_000;
/// The notifier is to deliver this share of what a bare client posts.
const GOAL: Goal = Goal::AtLeast(Amount(75_000));
/// The same where the store is on a server beside it.
const GOAL_ON_SERVER: Goal = Goal::AtLeast(Amount(50_000));
/// Writers that queue them.
const WRITERS: usize = 512;
/// How often the store is asked whether any notice still waits.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Bytes that are read of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let site = Site::open(&plan).await?;
    let mut peer = Peer::start()?;
    let Done::Listening(address) = peer.ask(&Job::Acknowledge).await? else {
        return Err(Failure::Machine("nobody acknowledges".into()));
    };
    let count = plan.orders.unwrap_or(NOTICES);
    let mut repeats = Vec::new();
    once(&site, (&plan, address), "W", count).await?;
    for at in 0..plan.repeats {
        repeats.push(once(&site, (&plan, address), &format!("R{at}"), count).await?);
    }
    site.stop().await;
    let settings = format!("{count} notices a repeat, {} in flight", plan.connections);
    Ok(Trials { settings, columns: vec!["per second".into(), "CPU µs each".into()], repeats })
}

async fn once(
    site: &Site,
    (plan, address): (&Plan, SocketAddr),
    name: &str,
    count: usize,
) -> Result<Repeat, Failure> {
    let sampler = Sampler::new(site.gateway.now());
    let order = |at| Order {
        notify_url: format!("http://{address}/notify"),
        ..sampler.order(format!("{name}{at:09}"))
    };
    let orders: Vec<Order> = (0..count).map(order).collect();
    let bodies = orders.iter().filter_map(body).collect();
    let place = orders.iter().map(|order| orders::place(order, &[], &[])).collect();
    writers::write_all(site.store(), place, WRITERS).await?;
    let settle = orders.iter().filter_map(|order| Some(orders::settle(&sampler.paid(order)?)));
    writers::write_all(site.store(), settle.collect(), WRITERS).await?;
    let (used, began) = (cpu::used(), now());
    deliver(site).await?;
    let (delivered, notifier) = (Amount::per_second(count, began.elapsed()), cpu::used() - used);
    let (used, began) = (cpu::used(), now());
    post(address, bodies, plan.connections).await?;
    let (posted, client) = (Amount::per_second(count, began.elapsed()), cpu::used() - used);
    let row = |name: &str, speed, used: Duration| {
        let each = Amount::ratio(used.as_micros(), u128::try_from(count).unwrap_or(1));
        Row::new(name, [Some(speed), Some(each)])
    };
    let goal = if plan.server.is_some() { GOAL_ON_SERVER } else { GOAL };
    let share = delivered.percent_of(posted);
    Ok(Repeat {
        rows: vec![
            row("a bare client (hyper)", posted, client),
            row("the notifier", delivered, notifier),
        ],
        figures: vec![Figure::new("notices against a bare client", "%", goal, share)],
    })
}

/// Runs the notifier until no notice waits.
async fn deliver(site: &Site) -> Result<(), Failure> {
    let (stop, stopped) = watch::channel(false);
    let gateway = site.gateway.clone();
    let notifier = tokio::spawn(async move { gateway.run_notifier(stopped).await });
    while notices::next_due_at(site.store()).await.map_err(store_fault)?.is_some() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // It may have ended already.
    let _ = stop.send(true);
    site.gateway.wake();
    notifier.await.map_err(|error| Failure::Machine(error.to_string()))
}

/// What the notifier posts for an order, and its type.
fn body(order: &Order) -> Option<(&'static str, Bytes)> {
    let paid = Sampler::new(order.created_at).paid(order)?;
    let (key, nonce) = (Secret::new(MERCHANT.key), gateway::ids::random_hex::<16>());
    let (kind, text) = encode(
        &paid.notice?.facts,
        (order.sign_form, Signer::of_key(&key)),
        &nonce,
        Encoding::Form,
    )?;
    Some((kind, Bytes::from(text)))
}

/// Posts every body, `connections` at the same time.
async fn post(
    address: SocketAddr,
    bodies: Vec<(&'static str, Bytes)>,
    connections: usize,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Machine(error.to_string());
    let mut tasks = JoinSet::new();
    for at in 0..connections {
        let share: Vec<_> = bodies.iter().skip(at).step_by(connections).cloned().collect();
        let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let connected = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = connected.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        tasks.spawn(post_each(address, sender, share));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| failed(&error))?.map_err(Failure::Machine)?;
    }
    Ok(())
}

async fn post_each(
    address: SocketAddr,
    mut sender: SendRequest<Body>,
    share: Vec<(&'static str, Bytes)>,
) -> Result<(), String> {
    for (kind, body) in share {
        let request = Request::post("/notify").header(HOST, address.to_string());
        let request = request.header(CONTENT_TYPE, kind).body(Body::from(body));
        let request = request.map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let text = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
        text.map_err(|error| error.to_string())?;
        sender.ready().await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

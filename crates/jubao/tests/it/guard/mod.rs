//! The egress guard, on a network where every address inside has somebody who listens: at order
//! time, at send time, behind a name, behind a redirect, nothing is ever connected to.

mod forms;
mod network;
mod world;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use gateway::resolver::{Looking, Lookup};
use store::notices::AttemptLog;

use self::network::{MERCHANT, NOBODY};
use self::world::World;

/// Forms that there have to be.
const FORMS_MIN: usize = 120;
/// Statuses that name another place.
const REDIRECTS: [i64; 5] = [301, 302, 303, 307, 308];
/// Longer than the first wait of the notification schedule, in seconds.
const UNTIL_SECOND_TRY_S: i64 = 17;

/// The URLs whose attempt did not come out as it has to.
fn otherwise<'a>(urls: &'a [String], logs: &[AttemptLog], outcome: &str) -> Vec<(&'a str, String)> {
    let told = urls.iter().zip(logs).filter(|(_, log)| log.outcome != outcome);
    told.map(|(url, log)| (url.as_str(), log.outcome.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_an_inside_address_is_ordered_or_connected_to() {
    if !network::is_inside("guard::no_form_of_an_inside_address_is_ordered_or_connected_to").await {
        return;
    }
    let world = World::start(Lookup::of_the_system()).await;
    let urls = forms::all();
    assert!(forms::refused().len() >= FORMS_MIN);
    let logs = world.tell(&urls).await;
    let intruders = world.watch.intruders().await;
    assert_eq!(intruders, [], "{} connections", intruders.len());
    assert_eq!(otherwise(&urls, &logs, "blocked"), []);
    let mut wrong = Vec::new();
    for (urls, expect) in [(forms::refused(), 492_001), (forms::judged_later(), 200)] {
        for url in urls {
            let code = world.order(&url).await;
            if code != expect {
                wrong.push((url, code));
            }
        }
    }
    assert_eq!(wrong, []);
    assert_eq!(world.watch.intruders().await, []);
    assert_eq!(world.watch.served(), 0);
    for ip in world.watch.out_of_reach().await {
        let is_nobodys = match ip {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            // Without a zone, a link-local address is nobody's.
            IpAddr::V6(ip) => ip.is_multicast() || ip.is_unicast_link_local(),
        };
        assert!(is_nobodys, "{ip}: a connection to it would not have been seen");
    }
    println!("{} forms at order time and at send time: 0 connections", urls.len());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_any_form_is_not_followed() {
    if !network::is_inside("guard::a_redirect_to_any_form_is_not_followed").await {
        return;
    }
    let world = World::start(Lookup::of_the_system()).await;
    let count = forms::all().len();
    let urls: Vec<String> = REDIRECTS
        .into_iter()
        .flat_map(|status| (0..count).map(move |at| format!("http://{MERCHANT}/{status}/{at}")))
        .collect();
    let logs = world.tell(&urls).await;
    let intruders = world.watch.intruders().await;
    assert_eq!(intruders, [], "{} connections", intruders.len());
    assert_eq!(otherwise(&urls, &logs, "not acknowledged"), []);
    let statuses: Vec<_> = logs.iter().filter_map(|log| log.http_status).collect();
    let expect: Vec<_> = REDIRECTS.into_iter().flat_map(|status| vec![status; count]).collect();
    assert_eq!(statuses, expect);
    assert_eq!(world.watch.served(), urls.len());
    println!("{} redirects to {count} forms: 0 connections", urls.len());
    world.finish().await;
}

/// Names that a stranger's name server answers as he likes, by their first letter, for the address
/// whose number follows: `r3` is the merchant's at the first look and that address ever after, `m3` is
/// both, `u3` is that address and one that cannot be reached. How often each was asked for is counted.
fn hostile(asked: Arc<Mutex<HashMap<String, usize>>>) -> Lookup {
    let addresses = forms::addresses();
    let answer = move |name: &str| {
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(name.to_owned()).or_default();
        *times += 1;
        let at: usize = name[1..].split('.').next().unwrap().parse().unwrap();
        let (inside, merchant, nobody) = (addresses[at], MERCHANT.into(), NOBODY.into());
        match (&name[..1], at % 2) {
            ("r", _) if *times == 1 => vec![merchant],
            ("r", _) => vec![inside],
            ("m", 0) => vec![inside, merchant],
            ("m", _) => vec![merchant, inside],
            (_, 0) => vec![nobody, inside],
            (_, _) => vec![inside, nobody],
        }
    };
    Lookup::new(move |name| {
        let found: Vec<IpAddr> = answer(name);
        Box::pin(async move { Ok(found) }) as Looking
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_judged_by_where_it_leads_when_we_connect() {
    if !network::is_inside("guard::a_name_is_judged_by_where_it_leads_when_we_connect").await {
        return;
    }
    let asked = Arc::<Mutex<HashMap<String, usize>>>::default();
    let world = World::start(hostile(asked.clone())).await;
    let count = forms::addresses().len();
    let named = |letter: char, path: &str| -> Vec<String> {
        (0..count).map(|at| format!("http://{letter}{at}.shop.example/{path}")).collect()
    };
    let (rebound, mixed, unreachable) = (named('r', "down"), named('m', "well"), named('u', ""));
    for url in &rebound {
        assert_eq!(world.order(url).await, 200, "{url}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0, "a name is not looked up at order time");

    let urls = [rebound.clone(), mixed, unreachable].concat();
    let logs = world.tell(&urls).await;
    let again = world.tell_again(UNTIL_SECOND_TRY_S, (count, 2)).await;
    let intruders = world.watch.intruders().await;
    assert_eq!(intruders, [], "{} connections", intruders.len());
    assert_eq!(otherwise(&rebound, &logs, "not acknowledged"), [], "it is the merchant's");
    assert_eq!(otherwise(&rebound, &again, "blocked"), [], "it is looked up again and refused");
    assert_eq!(otherwise(&urls[count..], &logs[count..2 * count], "acknowledged"), []);
    assert_eq!(otherwise(&urls[2 * count..], &logs[2 * count..], "unreachable"), []);
    assert_eq!(world.watch.served(), 2 * count);
    let times = |name: &str| asked.lock().unwrap().get(name).copied();
    for at in 0..count {
        assert_eq!(times(&format!("r{at}.shop.example")), Some(2), "once for each connection");
    }
    println!("{count} addresses behind {} names: 0 connections", 3 * count);
    world.finish().await;
}

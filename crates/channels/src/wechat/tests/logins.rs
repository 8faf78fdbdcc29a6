//! How a page inside WeChat learns its payer's openid.

use serde_json::Value;

use super::{APPID, Mode, World};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::Simulator;

const AUTHORIZE: &str = "/connect/oauth2/authorize?appid=wxd930ea5d5a258f4f\
     &redirect_uri=http%3A%2F%2Fshop.test%2Fback%3Fsn%3D1%23part&response_type=code\
     &scope=snsapi_base&state=s1";

fn open(world: &mut World, url: &str) -> HttpResponse {
    let (method, url) = ("GET".into(), url.to_owned());
    world.serve(&HttpRequest { method, url, headers: vec![], body: vec![] }).unwrap()
}

fn exchange(world: &mut World, code: &str, appid: &str) -> Value {
    let url = format!(
        "/sns/oauth2/access_token?appid={appid}&secret=s&code={code}&grant_type=authorization_code"
    );
    serde_json::from_slice(&open(world, &url).body).unwrap()
}

/// The code that the payer comes back with.
fn code(world: &mut World) -> String {
    let answer = open(world, AUTHORIZE);
    assert_eq!(answer.status, 302);
    let back = answer.header("location").unwrap().to_owned();
    assert!(back.starts_with("http://shop.test/back?sn=1&code="), "{back}");
    assert!(back.ends_with("&state=s1#part"), "{back}");
    back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

#[test]
fn a_payer_comes_back_with_a_code_for_the_openid() {
    let mut world = World::new(Mode::Certificate);
    assert!(
        world.sim.owns("/connect/oauth2/authorize") && world.sim.owns("/sns/oauth2/access_token")
    );
    let code = code(&mut world);
    let told = exchange(&mut world, &code, APPID);
    assert_eq!(told["openid"].as_str().unwrap().len(), 28);
    assert_eq!((&told["scope"], &told["expires_in"]), (&"snsapi_base".into(), &7200.into()));
    assert_eq!(exchange(&mut world, &code, APPID)["errcode"], 40029);
}

#[test]
fn a_code_is_for_one_app_and_for_five_minutes() {
    let mut world = World::new(Mode::Certificate);
    let first = code(&mut world);
    assert_eq!(exchange(&mut world, &first, "wx0")["errcode"], 40013);
    let second = code(&mut world);
    world.wait(5 * 60 * 1000);
    assert_eq!(exchange(&mut world, &second, APPID)["errcode"], 40029);
    let url = "/sns/oauth2/access_token?appid=x&code=y&grant_type=authorization_code";
    let told: Value = serde_json::from_slice(&open(&mut world, url).body).unwrap();
    assert_eq!(told["errcode"], 41004);
    let told: Value =
        serde_json::from_slice(&open(&mut world, "/sns/oauth2/access_token").body).unwrap();
    assert_eq!(told["errcode"], 40002);
}

#[test]
fn a_payer_is_not_sent_just_anywhere() {
    let mut world = World::new(Mode::Certificate);
    for (right, wrong) in [
        ("http%3A%2F%2Fshop.test", "javascript%3A"),
        ("redirect_uri=", "x="),
        ("response_type=code", "response_type=token"),
        ("snsapi_base", "all"),
        ("state=s1", "state=%20"),
        ("appid=wx", "appid="),
    ] {
        let answer = open(&mut world, &AUTHORIZE.replace(right, wrong));
        assert_eq!((answer.status, answer.header("location")), (200, None), "{wrong}");
    }
}

#[test]
fn a_pages_server_gets_a_token_and_with_it_a_ticket() {
    let mut world = World::new(Mode::Certificate);
    let mut told = |method: &str, url: &str, body: &str| -> Value {
        assert!(world.sim.owns(url.split('?').next().unwrap()), "{url}");
        let (method, url, body) = (method.to_owned(), url.to_owned(), body.as_bytes().to_vec());
        let answer = world.serve(&HttpRequest { method, url, headers: vec![], body }).unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    };
    let token = "/cgi-bin/stable_token";
    let asked = r#"{"grant_type":"client_credential","appid":"wx1","secret":"s"}"#;
    let access = told("POST", token, asked)["access_token"].as_str().unwrap().to_owned();
    for (right, wrong, code) in
        [("client_", "", 40002), ("wx1", "", 41002), (r#":"s""#, r#":"""#, 41004), ("{", "", 47001)]
    {
        assert_eq!(told("POST", token, &asked.replace(right, wrong))["errcode"], code, "{right}");
    }
    let ticket = |access: &str, kind: &str| {
        format!("/cgi-bin/ticket/getticket?access_token={access}&type={kind}")
    };
    assert_eq!(told("GET", &ticket(&access, "jsapi"), "")["expires_in"], 7200);
    assert_eq!(told("GET", &ticket("other", "jsapi"), "")["errcode"], 40001);
    assert_eq!(told("GET", &ticket(&access, "card"), "")["errcode"], 40097);
}

//! Users of a merchant over the API (contract section 6): who is created, listed, removed and logs in, what
//! strangers are told.

mod locks;

use gateway::manage::MerchantMade;
use jubao::demo::identity::MERCHANT;
use kernel::application::Settings;
use kernel::secret::Secret;
use serde_json::{Value, json};
use web::edge::{Limits, Rates};

use crate::app::TestApp;
use crate::foreign::run;
use crate::leaks::{self, Kind};

pub const EMAIL: &str = "Boss@shop.example";
const WRONG: &str = "通用错误：邮箱或密码不正确";

/// A password that no other test has, and that must be found nowhere.
pub fn password() -> String {
    let made = format!("茶 {} house", gateway::ids::random_hex::<8>());
    leaks::secret(Kind::Password, "a user's password", made.as_bytes());
    made
}

/// Members of a good user, to be changed by the test.
pub fn a_user(password: &str) -> Value {
    json!({
        "mch_id": MERCHANT.mch_id.to_string(), "email": EMAIL, "name": "李雷", "type": "merchant",
        "password": password,
    })
}

/// Logs in by a client whose answers are not written down: they hold the key, as they must.
pub async fn log_in(app: &TestApp, email: &str, password: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "email": email, "password": password }).to_string();
    let url = format!("{}/user/login", app.demo.addresses.api);
    let answer = client.post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn create(app: &TestApp, members: &Value) -> Value {
    app.call("/user/create", members).await
}

/// A merchant's user, with their password.
async fn created(app: &TestApp) -> String {
    let password = password();
    let answer = create(app, &a_user(&password)).await;
    assert_eq!(answer["code"], 200, "{answer}");
    password
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_and_is_given_what_their_program_signs_with() {
    let app = TestApp::spawn().await;
    let password = password();
    let mut members = a_user(&password);
    members["type"] = "cashier".into();
    members["store_id"] = MERCHANT.store.0.into();
    let made = create(&app, &members).await;
    assert_eq!((&made["code"], &made["data"]["email"]), (&json!(200), &json!("boss@shop.example")));
    assert!(made["data"]["id"].is_i64() && made["data"].get("sign").is_none(), "{made}");
    let answer = log_in(&app, "boss@SHOP.example", &password).await;
    let data = json!({
        "appid": MERCHANT.app_id.to_string(), "mch_id": MERCHANT.mch_id.to_string(),
        "app_key": MERCHANT.key, "name": "李雷", "type": "cashier",
        "store_id": MERCHANT.store.0.to_string(), "store_name": MERCHANT.store.1,
    });
    assert_eq!((&answer["code"], &answer["data"]), (&json!(200), &data));
    let listed = json!({ "appid": answer["data"]["appid"], "limit": 5 });
    let key = Secret::new(answer["data"]["app_key"].as_str().unwrap());
    let listed = app.call_with(&key, "/user/list", &listed).await;
    let page = json!({ "page": 1, "limit": 5, "total": 1, "items": [made["data"]] });
    assert_eq!((&listed["code"], &listed["data"]), (&json!(200), &page));
    for action in ["user created", "user logged in"] {
        assert_eq!(app.audited(action).await, 1, "{action}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_address_styles_and_a_form_log_in() {
    let app = TestApp::spawn().await;
    let password = created(&app).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form.append_pair("email", EMAIL).append_pair("password", &password).finish();
    for address in ["/index.php?_m=user&_a=login", "/?_a=login&_m=user", "//user/login"] {
        let url = format!("{}{address}", app.demo.addresses.api);
        let answer = client.post(url).body(form.clone()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["code"], 200, "{address}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_hashed_for_each_log_in_be_the_e_mail_anybodys_or_not() {
    let app = TestApp::spawn().await;
    let password = created(&app).await;
    let gone = json!({ "mch_id": MERCHANT.mch_id.to_string(), "email": "gone@shop.example" });
    let mut members = a_user(&password);
    members["email"] = gone["email"].clone();
    assert_eq!(create(&app, &members).await["code"], 200);
    assert_eq!(app.call("/user/remove", &gone).await["code"], 200);
    for (email, tried) in [
        (EMAIL, password.as_str()),
        (EMAIL, "not the password"),
        ("nobody@shop.example", "not the password"),
        ("gone@shop.example", password.as_str()),
    ] {
        let before = app.demo.gateway.passwords_hashed();
        log_in(&app, email, tried).await;
        assert_eq!(app.demo.gateway.passwords_hashed(), before + 1, "{email}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_log_ins_from_one_address_are_refused_before_anything_is_looked_at() {
    let limits = Limits::of_this_machine();
    let rates = Rates { log_ins: 1, ..limits.rates };
    let app = TestApp::spawn_within(Limits { rates, ..limits }).await;
    let password = created(&app).await;
    for code in [200, 200, 4006, 4006] {
        assert_eq!(log_in(&app, EMAIL, &password).await["code"], code);
    }
    let listed = json!({ "mch_id": MERCHANT.mch_id.to_string() });
    assert_eq!(app.call("/user/list", &listed).await["code"], 200, "others are not counted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_user_does_not_log_in_and_leaves_the_e_mail() {
    let app = TestApp::spawn().await;
    let old = created(&app).await;
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "email": EMAIL });
    let removed = app.call("/user/remove", &members).await;
    assert_eq!((&removed["code"], &removed["data"]["name"]), (&json!(200), &json!("李雷")));
    assert_eq!(log_in(&app, EMAIL, &old).await["message"], WRONG);
    let again = app.call("/user/remove", &members).await;
    assert_eq!((&again["code"], again.get("data")), (&json!(492_002), None));
    let new = created(&app).await;
    assert_eq!(log_in(&app, EMAIL, &new).await["code"], 200);
    app.finish().await;
}

/// Each member that is changed, and the code and the name that the answer must have.
const REFUSED: [(&str, &str, i64, &str); 18] = [
    ("email", "(absent)", 4003, "email"),
    ("email", "", 491_003, "email"),
    ("email", "boss", 492_001, "email"),
    ("email", "老板@shop.example", 492_001, "email"),
    ("name", "(absent)", 4003, "name"),
    ("name", "", 491_003, "name"),
    ("name", "李\u{7}雷", 492_001, "name"),
    ("password", "(absent)", 4003, "password"),
    ("password", "", 491_003, "password"),
    ("password", "seven77", 492_001, "password"),
    ("password", "Password123", 492_001, "password"),
    ("password", "boss@SHOP.example", 492_001, "password"),
    ("type", "(absent)", 4003, "type"),
    ("type", "owner", 492_001, "type"),
    ("type", "cashier", 4003, "store_id"),
    ("store_id", "seven", 492_001, "store_id"),
    ("store_id", "1000342", 492_001, "store_id"),
    ("_sign", "x", 40100, "_sign"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_cannot_be_is_refused_by_the_name_of_what_is_wrong() {
    let app = TestApp::spawn().await;
    let password = password();
    for (name, value, code, named) in REFUSED {
        let mut members = a_user(&password);
        members[name] = value.into();
        members.as_object_mut().unwrap().retain(|_, value| value != "(absent)");
        let answer = create(&app, &members).await;
        let says = answer["message"].as_str().unwrap();
        let is_named = says.contains(&format!("：{named}")) || named == "_sign";
        assert!(answer["code"] == code && is_named, "{name} {value}: {answer}");
    }
    for (name, letters) in [("email", 255), ("name", 65), ("password", 129)] {
        let mut members = a_user(&password);
        members[name] = "长".repeat(letters).into();
        let answer = create(&app, &members).await;
        assert_eq!(answer["code"], 491_002, "{name}: {answer}");
    }
    let mut members = a_user(&password);
    members["type"] = "cashier".into();
    members["store_id"] = 999.into();
    let answer = create(&app, &members).await;
    assert_eq!(answer["code"], 492_001, "no store of this merchant: {answer}");
    let signed = app.call_with(&Secret::new("no key"), "/user/create", &members).await;
    assert_eq!(signed["code"], 4004);
    let listed = app.call("/user/list", &json!({ "mch_id": members["mch_id"] })).await;
    assert_eq!(listed["data"]["total"], 0, "nobody was created on the way");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_none_is_refused_by_the_name_of_what_is_wrong() {
    let app = TestApp::spawn().await;
    for (body, code) in [
        ("{", 4001),
        (r#"{"email":[]}"#, 492_001),
        ("{}", 4003),
        (r#"{"email":"a@b.cn"}"#, 4003),
        (r#"{"email":"","password":"x"}"#, 491_003),
        (r#"{"email":"a@b.cn","password":""}"#, 491_003),
        (r#"{"email":"a","password":"x"}"#, 492_001),
        (r#"{"email":"a@b.cn","password":"x","_sign":""}"#, 40100),
    ] {
        let answer = app.post("/user/login", body.to_owned()).await;
        assert_eq!(answer["code"], code, "{body} {answer}");
    }
    let answer = app.post("/user/login?email=a@b.cn", "{}".to_owned()).await;
    assert_eq!(answer["code"], 40100, "{answer}");
    app.finish().await;
}

/// Calls as another merchant.
async fn call_as(app: &TestApp, made: &MerchantMade, path: &str, more: Value) -> Value {
    let mut members = json!({ "mch_id": made.mch_id.to_string() });
    for (name, value) in more.as_object().unwrap() {
        members[name] = value.clone();
    }
    app.call_with(&made.key, path, &members).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_merchants_user_is_one_that_does_not_exist() {
    let app = TestApp::spawn().await;
    let mine = created(&app).await;
    let other = app.merchant_without_accounts(Settings::default()).await;
    let theirs = password();
    let user = |email: &str| json!({ "email": email, "name": "韩", "type": "merchant", "password": theirs });
    let taken = call_as(&app, &other, "/user/create", user("BOSS@shop.example")).await;
    assert_eq!(taken["code"], 492_001, "an e-mail logs in to one merchant: {taken}");
    assert!(taken["message"].as_str().unwrap().contains("email"));
    let mine_alone = json!({ "email": EMAIL });
    let password = json!({ "email": EMAIL, "password": theirs });
    for (path, members) in [("/user/remove", mine_alone), ("/user/password", password)] {
        let answer = call_as(&app, &other, path, members).await;
        assert_eq!((&answer["code"], answer.get("data")), (&json!(492_002), None), "{path}");
    }
    let listed = call_as(&app, &other, "/user/list", json!({})).await;
    assert_eq!(listed["data"]["total"], 0);
    let made = call_as(&app, &other, "/user/create", user("han@shop.example")).await;
    assert_eq!(made["code"], 200);
    assert_eq!(log_in(&app, EMAIL, &mine).await["data"]["app_key"], MERCHANT.key);
    let logged_in = log_in(&app, "han@shop.example", &theirs).await;
    assert_eq!(logged_in["data"]["mch_id"], other.mch_id.to_string());
    assert!(logged_in["data"]["app_key"] == other.key.expose());
    let batch = store::merchants::set_enabled(other.mch_id, false);
    assert!(app.demo.gateway.store().write(batch).await.unwrap().is_done());
    assert_eq!(log_in(&app, "han@shop.example", &theirs).await["code"], 4002);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_equal_users_created_at_once_one_is() {
    let app = TestApp::spawn().await;
    let password = password();
    let user = a_user(&password);
    let creations = (0..8).map(|_| create(&app, &user));
    let answers = futures_util::future::join_all(creations).await;
    let made = answers.iter().filter(|answer| answer["code"] == 200).count();
    let refused = answers.iter().filter(|answer| answer["code"] == 492_001).count();
    assert_eq!((made, refused), (1, 7), "{answers:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_adds_lists_and_removes_users_beside_the_server() {
    let app = TestApp::spawn().await;
    let (mch_id, config) = (MERCHANT.mch_id.to_string(), app.config());
    let command = async |arguments: &[&str], input: &str| {
        let all = [&["user"], arguments, &["--json", "--config", &config]].concat();
        run(&all, input).await
    };
    let add = ["add", "--mch-id", &mch_id, "--email", EMAIL, "--name", "李雷"];
    let added = command(&add, "").await;
    assert_eq!(added.code, 0, "{}", added.complained);
    let made = added.json()["password"].as_str().unwrap().to_owned();
    leaks::secret(Kind::Password, "a password that was made", made.as_bytes());
    assert_eq!(log_in(&app, EMAIL, &made).await["code"], 200);
    let given = password();
    let changed = command(&["password", "--password-stdin", EMAIL], &format!("{given}\n")).await;
    assert_eq!((changed.code, changed.json().get("password")), (0, None));
    assert_eq!(log_in(&app, EMAIL, &given).await["code"], 200);
    let listed = command(&["list", &mch_id], "").await.json();
    assert_eq!(listed[0]["email"], EMAIL.to_lowercase());
    for (arguments, input, says) in [
        (&add[..], "", "email is in use"),
        (&["password", "--password-stdin", EMAIL], "12345678\n", "too common"),
        (&["password", "nobody@shop.example"], "", "no such user"),
        (&["add", "--mch-id", "1", "--email", "a@b.cn", "--name", "x"], "", "no such merchant"),
        (&["add", "--mch-id", "1", "--email", "a", "--name", "x"], "", "no e-mail address"),
    ] {
        let refused = command(arguments, input).await;
        let is_said = refused.code == 2 && refused.complained.contains(says);
        assert!(is_said, "{arguments:?} {refused:?}");
    }
    assert_eq!(command(&["remove", EMAIL], "").await.code, 0);
    assert_eq!(log_in(&app, EMAIL, &given).await["message"], WRONG);
    app.finish().await;
}

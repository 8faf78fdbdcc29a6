//! Log-in, which nobody signs, users and rates: required parameters, forms, and what a password may be.

use super::*;
use crate::call::{Credentials, NewUserCall, UsersCall};
use crate::exchange_rate::RateSource;
use crate::user::{Email, UserType};

const EMAIL: (&str, &str) = ("email", "Li@Shop.Example");
const PASSWORD: (&str, &str) = ("password", "long tea house");

fn log_in(body: &str, query: &str) -> Result<Call, Fault> {
    open_unsigned(&RawCall { query, ..raw(body, Operation::LogIn) }, NOW)
}

fn credentials(password: &str) -> Credentials {
    let email = Email::parse("li@shop.example").unwrap();
    Credentials { email, password: Secret::new(password) }
}

fn asked(operation: Operation, fields: &[(&str, &str)]) -> Result<Call, Fault> {
    let all = [&[MCH], fields].concat();
    admit_json(&signed(&all), &an_application(), operation).map(|admitted| admitted.call)
}

/// The code, and the field that the message names.
fn code_of(result: Result<Call, Fault>) -> (i64, String) {
    match result {
        Ok(_) => (200, String::new()),
        Err(fault) => {
            let message = fault.message(crate::fault::Language::En);
            let words = message.split(": ").nth(1).unwrap_or_default();
            (fault.code(), words.split([' ', ',']).next().unwrap_or_default().to_owned())
        }
    }
}

#[test]
fn a_log_in_is_checked_in_the_order_of_section_eight_without_a_signature() {
    let long = format!(r#"{{"email":"x","password":"{}"}}"#, "x".repeat(129));
    for (body, query, code, field) in [
        ("{", "", 4001, "the"),
        (r#"{"email":true}"#, "", 492_001, "email"),
        (r#"{"_sign":""}"#, "x=1", 40100, "_sign"),
        (r#"{"email":""}"#, "x=1", 40100, "parameters"),
        (r#"{"email":""}"#, "", 491_003, "email"),
        (r#"{"password":""}"#, "", 4003, "email"),
        (r#"{"email":"x"}"#, "", 4003, "password"),
        (r#"{"email":"x","password":""}"#, "", 491_003, "password"),
        (&long, "", 491_002, "password"),
        (r#"{"email":"x","password":"\u0001"}"#, "", 492_001, "email"),
        (r#"{"email":"a@b.cn","password":"\u0001"}"#, "", 492_001, "password"),
    ] {
        let (got, named) = code_of(log_in(body, query));
        assert_eq!((got, named.as_str()), (code, field), "{body}");
    }
    let over = " ".repeat(BODY_BYTES_MAX + 1);
    assert_eq!(log_in(&over, ""), Err(Fault::TooLarge));
}

#[test]
fn whatever_else_a_log_in_sends_is_not_read() {
    let body = r#"{"email":"Li@Shop.Example","password":"x","mch_id":"1","appid":"x","sign":"y","foo":"z"}"#;
    assert_eq!(log_in(body, "_m=user&_a=login"), Ok(Call::LogIn(credentials("x"))));
    let form = RawCall {
        content_type: None,
        ..raw("email=Li%40Shop.Example&password=%E8%81%9A%2B", Operation::LogIn)
    };
    assert_eq!(open_unsigned(&form, NOW), Ok(Call::LogIn(credentials("聚+"))));
}

#[test]
fn what_is_signed_is_still_signed() {
    for operation in Operation::ALL {
        assert_eq!(operation.is_signed(), operation != Operation::LogIn);
        let unsigned =
            r#"{"mch_id":"10502105689001","email":"a@b.cn","password":"long tea house"}"#;
        let result = admit_json(unsigned, &an_application(), operation);
        assert_eq!(result.unwrap_err(), Fault::Missing { field: "sign" });
    }
}

#[test]
fn a_user_to_be_created_is_named_whole() {
    let cashier = [EMAIL, PASSWORD, ("name", "李雷"), ("type", "cashier"), ("store_id", "7")];
    let call = NewUserCall {
        credentials: credentials(PASSWORD.1),
        name: "李雷".into(),
        user_type: UserType::Cashier,
        store_id: 7,
    };
    assert_eq!(asked(Operation::CreateUser, &cashier), Ok(Call::CreateUser(call)));
    for (name, value, code, field) in [
        ("email", None, 4003, "email"),
        ("email", Some(""), 491_003, "email"),
        ("email", Some("li"), 492_001, "email"),
        ("name", None, 4003, "name"),
        ("name", Some("\u{1}"), 492_001, "name"),
        ("password", None, 4003, "password"),
        ("password", Some("seven77"), 492_001, "password"),
        ("password", Some("Li@shop.example"), 492_001, "password"),
        ("password", Some("Password123"), 492_001, "password"),
        ("type", None, 4003, "type"),
        ("type", Some("owner"), 492_001, "type"),
        ("type", Some("merchant"), 492_001, "store_id"),
        ("type", Some("store"), 200, ""),
        ("store_id", None, 4003, "store_id"),
        ("store_id", Some(""), 491_003, "store_id"),
        ("store_id", Some("seven"), 492_001, "store_id"),
    ] {
        let mut fields = cashier.to_vec();
        fields.retain(|(one, _)| *one != name);
        fields.extend(value.map(|value| (name, value)));
        let (got, named) = code_of(asked(Operation::CreateUser, &fields));
        assert_eq!((got, named.as_str()), (code, field), "{name} {value:?}");
    }
    let long = "x".repeat(255);
    for (name, max) in [("email", 254), ("name", 64), ("password", 128)] {
        let mut fields = cashier.to_vec();
        fields.retain(|(one, _)| *one != name);
        fields.push((name, &long[..=max]));
        let result = asked(Operation::CreateUser, &fields);
        assert_eq!(result, Err(Fault::TooLong { field: name, max }), "{name}");
    }
}

#[test]
fn the_other_operations_on_users_and_rates_are_read() {
    let remove = Call::RemoveUser(Email::parse(EMAIL.1).unwrap());
    assert_eq!(asked(Operation::RemoveUser, &[EMAIL]), Ok(remove));
    let change = Call::ChangePassword(credentials(PASSWORD.1));
    assert_eq!(asked(Operation::ChangePassword, &[EMAIL, PASSWORD]), Ok(change));
    let weak = asked(Operation::ChangePassword, &[EMAIL, ("password", "12345678")]);
    assert_eq!(code_of(weak), (492_001, "password".to_owned()));
    let list = |fields: &[(&str, &str)]| asked(Operation::ListUsers, fields);
    assert_eq!(list(&[]), Ok(Call::ListUsers(UsersCall { page: 1, limit: 10 })));
    let last = Call::ListUsers(UsersCall { page: 3, limit: 100 });
    assert_eq!(list(&[("page", "3"), ("limit", "100")]), Ok(last));
    for wrong in [("page", "0"), ("limit", "101"), ("limit", "0"), ("page", "x")] {
        assert_eq!(code_of(list(&[wrong])), (492_001, wrong.0.to_owned()));
    }
    let rates = |fields: &[(&str, &str)]| asked(Operation::FetchRates, fields);
    assert_eq!(rates(&[("adapter", "wechat")]), Ok(Call::FetchRates(RateSource::Wechat)));
    assert_eq!(code_of(rates(&[])), (4003, "adapter".to_owned()));
    assert_eq!(code_of(rates(&[("adapter", "unionpay")])), (492_001, "adapter".to_owned()));
}

#[test]
fn no_message_about_a_password_repeats_it() {
    let secret = "hunter2hunter2\u{1}";
    let fields = [EMAIL, ("password", secret), ("name", "x"), ("type", "merchant")];
    let fault = asked(Operation::CreateUser, &fields).unwrap_err();
    assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    let call = asked(Operation::ChangePassword, &[EMAIL, PASSWORD]).unwrap();
    assert!(!format!("{call:?}").contains(PASSWORD.1));
}

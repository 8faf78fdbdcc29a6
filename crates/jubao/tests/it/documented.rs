//! The reference is true: what `/openapi.json` shows as an example can be sent as it is, and is
//! answered as its schema says.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::exchange::Exchange;

/// An example of the document, and where it is sent.
struct Shown {
    path: String,
    style: String,
    schema: Value,
    body: Value,
    code: i64,
}

/// The served document.
async fn document(app: &TestApp) -> Value {
    let url = format!("{}/openapi.json", app.demo.addresses.api);
    let answer = app.exchange(app.client.get(url)).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json; charset=utf-8")
    );
    answer.json()
}

/// The document's examples, in the order in which the table has them.
fn shown(document: &Value) -> Vec<(bool, Shown)> {
    let rows = kernel::reference::examples::EXAMPLES.iter();
    rows.map(|row| {
        let address = kernel::address::ADDRESSES.iter();
        let address = address.clone().find(|address| address.operation == row.operation).unwrap();
        let operation = &document["paths"][address.path]["post"];
        let content = &operation["requestBody"]["content"]["application/json"];
        let example = &content["examples"][row.name];
        let answer = &operation["responses"]["200"]["content"]["application/json"];
        let shown = Shown {
            path: address.path.to_owned(),
            style: operation["x-query-style"].as_str().unwrap().to_owned(),
            schema: answer["schema"].clone(),
            body: example["value"].clone(),
            code: example["x-code"].as_i64().unwrap(),
        };
        (row.after_payment, shown)
    })
    .collect()
}

/// Why `value` is not what `schema` says; the few words of JSON Schema that the document uses.
fn objection(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return objection(document, document.pointer(&reference[1..]).unwrap(), value);
    }
    let choices = ["oneOf", "anyOf"].into_iter().find_map(|word| schema[word].as_array());
    if let Some(choices) = choices {
        let found = choices.iter().map(|choice| objection(document, choice, value));
        let found = found.collect::<Option<Vec<_>>>();
        return found.map(|objections| objections.join(" | "));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Some(format!("{value} is none of {values:?}"));
    }
    match schema["type"].as_str() {
        Some("string") if !value.is_string() => Some(format!("{value} is no string")),
        Some("integer") if !value.is_i64() => Some(format!("{value} is no integer")),
        Some("boolean") if !value.is_boolean() => Some(format!("{value} is no boolean")),
        Some("array") => {
            let Some(items) = value.as_array() else { return Some(format!("{value} is no list")) };
            items.iter().find_map(|item| objection(document, &schema["items"], item))
        }
        Some("object") => objection_to_members(document, schema, value.as_object()?),
        _ => None,
    }
}

fn objection_to_members(
    document: &Value,
    schema: &Value,
    members: &serde_json::Map<String, Value>,
) -> Option<String> {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Some(format!("{name} is missing"));
        }
    }
    members.iter().find_map(|(name, value)| match schema["properties"].get(name) {
        Some(known) => objection(document, known, value).map(|why| format!("{name}: {why}")),
        None => {
            (schema["additionalProperties"] == false).then(|| format!("{name} is undocumented"))
        }
    })
}

/// An answer has the code that the example promises, and the shape that its schema does.
fn check(document: &Value, shown: &Shown, answer: &Exchange) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.code(), shown.code, "{} {}: {answer:?}", shown.path, shown.body);
    let why = objection(document, &shown.schema, &answer.json());
    assert_eq!(why, None, "{} {}", shown.path, answer.text);
}

async fn pay_for(app: &TestApp, shown: &Shown) {
    let number = shown.body["out_trade_no"].as_str().unwrap();
    let members = json!({ "mch_id": shown.body["mch_id"], "out_trade_no": number });
    let sn = app.call("/order/query", &members).await["data"]["sn"].as_str().unwrap().to_owned();
    app.open_page(&sn, "wechat").await;
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_openapi_document_is_answered_as_it_says() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let examples = shown(&document);
    assert!(examples.len() >= kernel::address::Operation::ALL.len());
    for (after_payment, shown) in &examples {
        if *after_payment {
            pay_for(&app, shown).await;
        }
        // A log-in is answered with the key: what is written down must not hold it.
        let unheard = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = match shown.path.as_str() {
            "/user/login" => unheard.post(format!("{}{}", app.demo.addresses.api, shown.path)),
            _ => app.request(&shown.path, String::new()),
        };
        let request = request.body(shown.body.to_string());
        let answer = app.exchange(request.header("content-type", "application/json")).await;
        check(&document, shown, &answer);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_is_read_alike_in_every_encoding_and_address_style() {
    let app = TestApp::spawn().await;
    let document = document(&app).await;
    let (_, shown) = shown(&document).remove(0);
    let fields = shown.body.as_object().unwrap().iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    let fields = fields.collect::<Vec<_>>();
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let part = |(name, text): &(String, String)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let multipart = fields.iter().map(part).collect::<String>() + "--x--\r\n";
    let mut first = true;
    for (encoding, body) in [
        ("application/json", shown.body.to_string()),
        ("application/x-www-form-urlencoded", form),
        ("multipart/form-data; boundary=x", multipart),
    ] {
        for address in [&shown.path, &shown.style] {
            let request = app.request(address, body.clone()).header("content-type", encoding);
            let answer = app.exchange(request).await;
            let code = if std::mem::take(&mut first) { 200 } else { 40106 };
            assert_eq!(answer.code(), code, "{encoding} {address}: {answer:?}");
            assert_eq!(answer.json()["data"]["out_trade_no"], "EXAMPLE-1");
            assert_eq!(objection(&document, &shown.schema, &answer.json()), None);
        }
    }
    app.finish().await;
}

#[test]
fn what_a_schema_does_not_say_is_objected_to() {
    let document =
        json!({ "components": { "schemas": { "A": { "type": "integer", "enum": [1] } } } });
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": { "a": { "$ref": "#/components/schemas/A" } },
    });
    let objects = |value: Value| objection(&document, &schema, &value).is_some();
    assert!(!objects(json!({ "a": 1 })));
    for wrong in [json!({}), json!({ "a": 2 }), json!({ "a": "1" }), json!({ "a": 1, "b": 1 })] {
        assert!(objects(wrong.clone()), "{wrong}");
    }
}

//! Recorded requests, from JSON lines or an HTTP archive. What is said of a bad record never repeats it.

use channels::seal::from_base64;
use kernel::address;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::import::text;

/// A request as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recorded {
    /// Its line, or its place in the archive, from 1.
    pub(crate) line: u64,
    /// The method.
    pub(crate) method: String,
    /// The path.
    pub(crate) path: String,
    /// The query, without `?`.
    pub(crate) query: String,
    /// `Content-Type`.
    pub(crate) content_type: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// When it was sent.
    pub(crate) at: Option<Timestamp>,
    /// The body of the answer that came back.
    pub(crate) answer: Option<Vec<u8>>,
}

/// A record that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BadRecord {
    /// Its line, or its place in the archive, from 1.
    pub(crate) line: u64,
    /// What is wrong and what would do.
    pub(crate) text: String,
}

/// Records, and how many requests of the file were none of the merchants' API.
type Records = (Vec<Result<Recorded, BadRecord>>, usize);

/// Reads one record a line.
///
/// # Errors
/// The file is not UTF-8.
pub(crate) fn json_lines(bytes: &[u8]) -> Result<Records, String> {
    let lines = (1..).zip(text(bytes)?.lines()).filter(|(_, line)| !line.trim().is_empty());
    let record = |(line, text): (u64, &str)| {
        let read: Result<Value, _> = serde_json::from_str(text);
        let found = read.map_err(|_| "no JSON object; each line is one".to_owned());
        found.and_then(|value| of_line(line, &value)).map_err(|text| BadRecord { line, text })
    };
    Ok((lines.map(record).collect(), 0))
}

fn of_line(line: u64, value: &Value) -> Result<Recorded, String> {
    let address = value["path"].as_str().ok_or("path is missing: the address with its query")?;
    let (path, query) = split(address);
    let body = match (&value["body"], &value["body_base64"]) {
        (Value::String(text), Value::Null) => text.clone().into_bytes(),
        (Value::Null, Value::String(text)) => from_base64(text).ok_or("body_base64: no Base64")?,
        _ => return Err("one of body (text) and body_base64 is needed".into()),
    };
    let at = match &value["at"] {
        Value::Null => None,
        at => Some(instant(at).ok_or("at: yyyy-MM-dd HH:mm:ss in UTC+8, or Unix seconds")?),
    };
    Ok(Recorded {
        line,
        method: value["method"].as_str().unwrap_or("POST").to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: header(&value["headers"]),
        body,
        at,
        answer: answer(&value["answer"]),
    })
}

/// Reads an HTTP archive; what is no address of the merchants' API is skipped.
///
/// # Errors
/// It is no archive.
pub(crate) fn har(bytes: &[u8]) -> Result<Records, String> {
    let archive: Value = serde_json::from_str(text(bytes)?)
        .map_err(|error| format!("no JSON: line {}", error.line()))?;
    let entries =
        archive["log"]["entries"].as_array().ok_or("no archive: log.entries is missing")?;
    let (mut records, mut skipped) = (Vec::new(), 0);
    for (line, entry) in (1..).zip(entries) {
        let request = &entry["request"];
        let url = request["url"].as_str().unwrap_or_default();
        let (path, query) = split(address_of(url));
        if address::resolve(path, query).is_none() {
            skipped += 1;
            continue;
        }
        let body = request["postData"]["text"].as_str();
        let bad =
            || BadRecord { line, text: "postData.text is missing: record the bodies too".into() };
        records.push(body.ok_or_else(bad).map(|body| Recorded {
            line,
            method: request["method"].as_str().unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            content_type: header(&request["headers"]),
            body: body.as_bytes().to_vec(),
            at: entry["startedDateTime"].as_str().and_then(Timestamp::from_rfc3339),
            answer: content(&entry["response"]["content"]),
        }));
    }
    Ok((records, skipped))
}

fn content(content: &Value) -> Option<Vec<u8>> {
    let text = content["text"].as_str()?;
    match content["encoding"].as_str() {
        Some("base64") => from_base64(text),
        Some(_) | None => Some(text.as_bytes().to_vec()),
    }
}

/// The body of an answer: text, the answer itself, or an object whose `body` it is.
fn answer(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(members) => match members.get("body") {
            Some(body) => answer(body),
            None => Some(value.to_string().into_bytes()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// `Content-Type` among headers: an object, an archive's list of names and values, or pairs.
fn header(headers: &Value) -> Option<String> {
    let is_it = |name: &str| name.eq_ignore_ascii_case("content-type");
    let found = match headers {
        Value::Object(members) => {
            members.iter().find(|(name, _)| is_it(name)).map(|(_, text)| text)
        }
        Value::Array(list) => list.iter().find_map(|one| {
            let name = one["name"].as_str().or_else(|| one[0].as_str())?;
            is_it(name).then(|| if one.is_array() { &one[1] } else { &one["value"] })
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    found?.as_str().map(str::to_owned)
}

fn split(address: &str) -> (&str, &str) {
    let address = address.split('#').next().unwrap_or_default();
    address.split_once('?').unwrap_or((address, ""))
}

/// Path and query of a URL.
fn address_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn instant(at: &Value) -> Option<Timestamp> {
    match at {
        Value::Number(number) => number.as_i64().map(Timestamp::from_seconds),
        Value::String(text) => {
            let seconds = || text.parse().ok().map(Timestamp::from_seconds);
            Timestamp::from_beijing(text).or_else(|| Timestamp::from_rfc3339(text)).or_else(seconds)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_a_request_with_what_came_back() {
        let line = json!({
            "path": "//index.php?_m=payment&_a=query", "body": "a=1",
            "headers": { "Content-type": "text/plain" }, "at": "2026-11-22 12:00:05",
            "answer": { "status": 200, "body": "{\"code\":200}" },
        });
        let (records, skipped) = json_lines(format!("\n{line}\n").as_bytes()).unwrap();
        let record = records[0].as_ref().unwrap();
        assert_eq!((record.line, record.method.as_str(), skipped), (2, "POST", 0));
        assert_eq!(
            (record.path.as_str(), record.query.as_str()),
            ("//index.php", "_m=payment&_a=query")
        );
        assert_eq!(record.content_type.as_deref(), Some("text/plain"));
        assert_eq!(record.at.map(Timestamp::seconds), Some(1_795_320_005));
        assert_eq!(record.answer.as_deref(), Some(&b"{\"code\":200}"[..]));
        let bytes = json!({ "path": "/", "body_base64": "/w==", "answer": { "code": 1 } });
        let (records, _) = json_lines(bytes.to_string().as_bytes()).unwrap();
        let record = records[0].as_ref().unwrap();
        assert_eq!((record.body.as_slice(), record.answer.is_some()), (&[0xFF][..], true));
    }

    #[test]
    fn a_bad_line_is_named_and_not_repeated() {
        let lines = "nonsense\n{\"path\":\"/\"}\n{\"body\":\"secret\"}\n\
                     {\"path\":\"/\",\"body\":\"x\",\"at\":\"yesterday\"}";
        let (records, _) = json_lines(lines.as_bytes()).unwrap();
        let texts: Vec<_> =
            records.iter().map(|one| one.as_ref().unwrap_err().text.as_str()).collect();
        assert!(texts[0].contains("no JSON object") && texts[1].contains("body_base64"));
        assert!(texts[2].starts_with("path is missing") && texts[3].starts_with("at:"));
        assert!(!texts.concat().contains("secret"));
    }

    #[test]
    fn an_archive_gives_the_requests_of_the_api() {
        let entry = |url: &str| {
            json!({
                "startedDateTime": "2026-11-22T04:00:05.123Z",
                "request": { "method": "POST", "url": url, "postData": { "text": "a=1" },
                             "headers": [{ "name": "content-type", "value": "x/y" }] },
                "response": { "content": { "text": "eyJjb2RlIjoxfQ==", "encoding": "base64" } },
            })
        };
        let urls = [
            "https://pay.example/order/query",
            "https://pay.example/app.css",
            "https://pay.example?_m=payment&_a=query",
        ];
        let archive = json!({ "log": { "entries": urls.map(entry) } });
        let (records, skipped) = har(archive.to_string().as_bytes()).unwrap();
        assert_eq!((records.len(), skipped), (1, 2), "an address without a path is none of ours");
        let record = records[0].as_ref().unwrap();
        assert_eq!(
            (record.path.as_str(), record.content_type.as_deref()),
            ("/order/query", Some("x/y"))
        );
        assert_eq!(record.answer.as_deref(), Some(&b"{\"code\":1}"[..]));
        assert_eq!(har(b"{}").unwrap_err(), "no archive: log.entries is missing");
    }
}

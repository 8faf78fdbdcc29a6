//! Columns of an import under test: what a row means, and what is said of each wrong cell.

use kernel::setting::SETTINGS;

use super::*;

const KEY: &str = "0f3c5d7a9b1e2f4068ac13579bdf2468";

fn understood(cells: &[(&'static str, &str)]) -> Result<Row, Vec<String>> {
    let base = [("mch_id", "10502105689001"), ("appid", "1000258"), ("key", KEY)];
    let all = base.iter().chain(cells).filter(|(_, text)| !text.is_empty());
    let cells = all.map(|(name, text)| (*name, Cell::Text((*text).to_owned()))).collect();
    let (_, row) = understand(RawRow { line: 7, cells: Ok(cells), may_be_of: Vec::new() });
    row.map_err(|remarks| {
        remarks.iter().map(|one| format!("{}: {}", one.column, one.text)).collect()
    })
}

#[test]
fn a_row_says_an_application_and_its_merchant() {
    let row = understood(&[
        ("name", "聚宝茶行"),
        ("previous_key", "ffffffffffffffff0000000000000000"),
        ("previous_key_until", "2027-01-31 00:00:00"),
        ("fee_ppm", "6000"),
        ("stores", "1000342=一号店; 2=二号店"),
        ("settings", "late_payment=honour;pinned_names=a,b;notify_closed=yes"),
        ("notify_url", "https://tea.example/notify"),
        ("enabled", "no"),
    ])
    .unwrap();
    assert_eq!((row.line, row.fee_rate_ppm, row.is_enabled), (7, Some(6000), Some(false)));
    assert_eq!(row.shops[1], Shop { store_id: 2, name: "二号店".into() });
    let settings = changed_settings(&Settings::default(), &row.application.settings).unwrap();
    assert!(settings.notify_closed && settings.moved_in);
    assert_eq!(settings.pinned_names, ["a", "b"]);
    assert_eq!(settings.notify_url, "https://tea.example/notify");
    let (_, until) = row.application.previous.unwrap();
    assert_eq!(until.beijing(), "2027-01-31 00:00:00");
}

#[test]
fn settings_in_json_are_those_of_the_table() {
    let json = serde_json::json!({
        "strict_names": true, "pinned_names": ["a", "b"], "late_payment": "honour",
        "may_discount": false, "notice_format": null, "moved_in": "off",
    });
    let cells = |settings: &Value| {
        let base = [("mch_id", "10502105689001"), ("appid", "1000258"), ("key", KEY)];
        let mut cells: Cells =
            base.iter().map(|(name, text)| (*name, Cell::Text((*text).to_owned()))).collect();
        cells.insert("settings", Cell::Object(settings.as_object().unwrap().clone()));
        understand(RawRow { line: 1, cells: Ok(cells), may_be_of: Vec::new() }).1
    };
    let settings = cells(&json).unwrap().application.settings;
    let settings = changed_settings(&Settings::default(), &settings).unwrap();
    let value = |name: &str| SETTINGS.iter().find(|row| row.name == name).unwrap().value(&settings);
    let names = ["strict_names", "pinned_names", "late_payment", "notice_format", "moved_in"];
    assert_eq!(names.map(value), ["on", "a,b", "honour", "auto", "off"]);
    for wrong in [
        serde_json::json!({ "schemes": [1] }),
        serde_json::json!({ "schemes": {} }),
        serde_json::json!({ "enabled": 3 }),
    ] {
        assert!(cells(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn each_wrong_cell_is_named_with_its_cure_and_no_key_is_repeated() {
    for (column, text, says) in [
        ("mch_id", "1.0502E+13", "mch_id: 14 digits that do not begin with 0; the spreadsheet"),
        ("mch_id", "", "mch_id: is missing"),
        ("appid", "12", "appid: 4 to 10 digits"),
        ("key", "", "key: is missing"),
        ("key", "shortkey0123456", "key: 16 to 128 visible"),
        ("key", "a key with spaces in it", "key: 16 to 128 visible"),
        ("previous_key", "0123456789abcdef", "previous_key_until: goes together"),
        ("previous_key_until", "31.1.2027", "previous_key_until: yyyy-MM-dd"),
        ("name", "a\u{0}b", "name: 1 to 128 characters"),
        ("fee_ppm", "0.6", "fee_ppm: 0 to 1000000"),
        ("notify_url", "tea.example", "notify_url: an http(s) address"),
        ("stores", "x=y", "stores: NUMBER=NAME"),
        ("stores", "1=a;1=b", "stores: 1 is there twice"),
        ("settings", "late_payment", "settings: NAME=VALUE"),
        ("settings", "no_such=1", "settings: no setting no_such: there are"),
        ("settings", "late_payment=maybe", "settings: late_payment: refund or honour"),
        ("settings", "replay_guard=perhaps", "settings: replay_guard: on, off or default"),
        ("settings", "schemes=", "settings: schemes: one or more of"),
        ("settings", "schemes=rsa2", "settings: schemes: rsa2 needs rsa_public_keys"),
        ("settings", "pinned_names=A B", "settings: pinned_names: names of parameters"),
        ("settings", "notify_url=file:///etc/passwd", "settings: notify_url: an absolute http"),
        ("settings", "allowed_ips=anywhere", "settings: allowed_ips: IPv4 and IPv6"),
        ("enabled", "si", "enabled: yes or no"),
    ] {
        let base = [("mch_id", "10502105689001"), ("appid", "1000258"), ("key", KEY)];
        let mut cells: Cells =
            base.iter().map(|(name, text)| (*name, Cell::Text((*text).to_owned()))).collect();
        match text {
            "" => cells.remove(column),
            text => cells.insert(column, Cell::Text(text.to_owned())),
        };
        let (_, row) = understand(RawRow { line: 7, cells: Ok(cells), may_be_of: Vec::new() });
        let remarks = row.unwrap_err();
        let said = format!("{}: {}", remarks[0].column, remarks[0].text);
        assert!(said.starts_with(says), "{column} {text}: {said}");
        assert!(!format!("{remarks:?}").contains("shortkey"));
    }
}

//! Worked examples made outside of this program, by a throw-away key.

use super::super::sign::{self, Signed};
use crate::seal;

const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAufU2752fSDgK2UEe+Cv0
/WKlSkhqyG9P+KWCJRtfKYghWII6kCU8cT6urAiuMuEPkQR62heHzeUaPdOCY9pT
SPiZqlEMSV95/2eNlg73Xd9o5cQhyX2MwPqVaULkGdVhFuTUzSeb+06COtwGi9IL
x7XjI3E8V3uKjVgbNfji9+esaTp7U4drZnlv+vnN4OoLTlolbO43ZmNF+H7PYCcG
OUOtuoFTsXOPPsmeME28RH20d5UfIVXMlfAMJXHBJqZGymmmzyLIXHCySAfJXAss
cLe6PkwDETM+1dMKjyaOt9RVOm5/y5rYy4wa7ek9BbRpQLbAvzS0/PSSrUld2U/f
6QIDAQAB
-----END PUBLIC KEY-----
";

fn check(text: &[u8], expect: &str, signature: &str) {
    assert_eq!(text, expect.as_bytes());
    assert!(seal::verifies(PUBLIC_KEY, text, signature));
}

#[test]
fn a_post_is_signed_over_its_target_and_body() {
    let body = r#"{"appid":"wxd930ea5d5a258f4f","mchid":"1900000109","description":"测试","out_trade_no":"P1","notify_url":"https://gw.example/n","amount":{"total":1,"currency":"CNY"}}"#;
    let signed = Signed {
        timestamp: "1554208460",
        nonce: "593BEC0C930BF1AFEB40B4A08C8FB242",
        body: body.as_bytes(),
    };
    let expect = format!(
        "POST\n/v3/pay/transactions/native\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n{body}\n"
    );
    check(
        &signed.request_text("POST", "/v3/pay/transactions/native"),
        &expect,
        "k6nLuL+9sR0CCQYSjRcTtqPYkhz1IjgcwGVxBg7NWSvTBKwtjxClC9Ybfl+IAsGA1GPEbP+e5lYOKbk8/twsH\
         zXmIUAW7W30F+3Cp465hWMWM+Q1tloJOV6gyU6acf+8JpkRBPPpORLUHz+QUqlD2AOHRUyr+lZnpE2L6FfBgh\
         Gpwri2/3pZhCBm5xKy8FAe6Gs2WfC5bZqhKpIG4UpeD63rqp3lsJ2Xh/KI5cDr482W6GDnOEf0TC0m9PssZaW\
         eXjbLy6pOMP6xtumygDrwlMY+XdUTFRARxWW6wcL0dcpRu81gh62vn+aT4EJj1/lq3PbaFbRFtJqFyyr6gPDC\
         WA==",
    );
}

#[test]
fn a_get_is_signed_with_its_query_and_an_empty_line() {
    let target = "/v3/pay/transactions/out-trade-no/P1?mchid=1900000109";
    let signed =
        Signed { timestamp: "1554208460", nonce: "593BEC0C930BF1AFEB40B4A08C8FB242", body: b"" };
    check(
        &signed.request_text("GET", target),
        "GET\n/v3/pay/transactions/out-trade-no/P1?mchid=1900000109\n1554208460\n\
         593BEC0C930BF1AFEB40B4A08C8FB242\n\n",
        "KIlRXGK7UEn2NXgLEvGKMvaLScJgTw34Eo+5lLVGhJrCQv/uLt+do43d+qMBow0GyUpRTaXP4Avu1ZU75cD2O\
         yNUyR4I0VxZJLqhT4UqxUd6LQH8Em7gosEXew7Df2RZb16gecSsWQZcbx3mq9mxez8i81L8F2Cb7lgs8Xb4RQ\
         M55Wn7NvROxemmq1j7QQiMs9VdQ3MCWuCJVum9eJKWauYRE/yioJOjj8p4WGqKB/D2qZiwx7KYA7HvCdL/7eb\
         29CWXgB+citCD+Aczuz3BqYntpbSsF3avujzHDr2hkqaGacF/PYEv7M3lbNIvWoNBztmewF5imfPZCmtAejaG\
         6A==",
    );
}

#[test]
fn a_sealed_member_is_opened() {
    let sealed = serde_json::json!({
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "fdasflkja484",
        "associated_data": "transaction",
        "ciphertext": "DUcegK33A8MEOgdCtMPWwAdrzVDy3c3PSUd0ZmYkqr+HZBhZ2IIJKIjOKcbe3e1eNfXz6wxj1gnpkfSxBuiof\
         dM+XsZnmix7IwF0B25KWYtGsEOG9FRKKpGuQsy6FFr7LQu6NFBaYA==",
    });
    let plain = sign::open(&sealed, "0123456789abcdef0123456789abcdef").unwrap();
    assert_eq!(
        String::from_utf8(plain).unwrap(),
        r#"{"mchid":"1900000109","out_trade_no":"P1","trade_state":"SUCCESS","amount":{"total":1}}"#
    );
    assert_eq!(sign::open(&sealed, "0123456789abcdef0123456789abcdeF"), None);
}

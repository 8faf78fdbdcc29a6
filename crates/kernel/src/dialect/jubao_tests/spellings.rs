//! Requests in every spelling that clients use, the document's own among them.

use super::*;

/// The requests that the document shows, with a right signature.
#[test]
fn the_documents_own_samples_are_accepted() {
    for sample in [
        r#""appid":"1000258","payment":"alipay.qrcode","total_fee":10,"wallet":"CN""#,
        r#""appid":"1000258","payment":"alipay.wappay","total_fee":"20","wallet":"CN",
            "notify_url":"http://聚宝.com/notify","h5_redirect_url":"http://聚宝.com/notify",
            "store_id":"1000342","body":"shopping""#,
        r#""appid":"1000258","discount":0,"notify_url":"https://payment.comenix.com/index/debug",
            "payment":"聚宝.qrcode","total_fee":13"#,
        r#""mch_id":"10502105689001","pay_channel_id":"304","total_fee":1998.9999999999998,
            "attach":null"#,
    ] {
        let unsigned = format!("{{{sample}}}");
        let fields = Fields::from_json(json::object(&unsigned).unwrap()).unwrap();
        for form in [SignForm::Widened, SignForm::Plain] {
            let sign = sign::sign(&an_application().key, fields.signed(), form);
            let body = format!("{{{sample},\"sign\":\"{sign}\"}}");
            let admitted = admit_json(&body, &an_application(), Operation::Place).unwrap();
            assert!(
                admitted.sign_form == form.into() || sign::canonical(fields.signed()).is_ascii()
            );
        }
    }
    let example = r#"{"mch_id":"10502105689001","pay_channel_id":"304","total_fee":"10000",
        "out_trade_no":"2021020920221357790","notify_url":"https://www.baidu.com","body":"abc",
        "attach":"11","return_url":"https://www.baidu.com",
        "sign":"FF35FA2EBFB0DD709C33D58A26EEABDE"}"#;
    assert!(admit_json(example, &an_application(), Operation::Place).is_ok());
}

#[test]
fn forms_are_accepted_encoded_or_not_and_as_multipart() {
    let fields = [("body", "聚宝 6+ 50%25"), MCH, ("pay_channel_id", "304"), ("total_fee", "7")];
    let sign = sign::sign(&an_application().key, fields.iter().copied(), SignForm::Plain);
    let fields = fields.iter().copied().chain([("sign", sign.as_str())]);
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    let encoded = out.extend_pairs(fields.clone()).finish();
    let bare = fields.clone().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>();
    let parts = fields.map(|(name, text)| {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    });
    let parts = parts.collect::<String>() + "--X--\r\n";
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", encoded),
        ("", bare.join("&")),
        ("multipart/form-data; boundary=X", parts),
    ] {
        let raw = RawCall {
            content_type: Some(content_type),
            body: body.as_bytes(),
            ..raw("", Operation::Place)
        };
        let admitted = admit_raw(&raw, &an_application()).unwrap();
        assert_eq!(admitted.sign_form, SignForm::Plain.into());
        let Call::Place(call) = admitted.call else { panic!("{body}") };
        assert_eq!(call.body, "聚宝 6+ 50%25", "{body}");
    }
}

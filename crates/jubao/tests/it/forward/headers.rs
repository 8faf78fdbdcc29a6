//! What of a request's headers reaches the platform before, and what of its answer comes back.

use super::{about, world};
use crate::old_platform::{Mood, http};

/// Headers of one connection, and strangers' claims of where a request came from or what it is.
const NOT_PASSED_ON: [&str; 24] = [
    "accept-encoding",
    "cf-connecting-ip",
    "client-ip",
    "connection",
    "expect",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "keep-alive",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method-override",
    "x-original-url",
    "x-originating-ip",
    "x-real-ip",
    "x-rewrite-url",
];
/// What an answer of the platform before must not bring along.
const NOT_ANSWERED: &str = "Content-Type: text/plain\r\nSet-Cookie: session=1\r\nServer: old\r\n\
     Location: http://evil.example\r\nX-Accel-Redirect: /etc\r\nContent-Encoding: identity\r\n\
     Strict-Transport-Security: max-age=1\r\nAccess-Control-Allow-Origin: *\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_connection_and_no_strangers_claim_goes_on_and_only_the_answer_comes_back() {
    let (app, old) = world().await;
    for address in ["/notify/x", "/order/query"] {
        let is_callback = address == "/notify/x";
        let body = if is_callback { "a=1" } else { r#"{"code":200,"data":{}}"# };
        old.is(Mood::Sends(http("200 OK", NOT_ANSWERED, body)));
        let mut request = app.request(address, about("OLD-1")).header("x-kept", "yes");
        for name in NOT_PASSED_ON {
            let value = match name {
                "connection" => "x-once, keep-alive",
                "expect" => "100-continue",
                _ => "8.8.8.8",
            };
            request = request.header(name, value);
        }
        let answer = app.exchange(request.header("x-once", "no")).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, body), "{address}");
        for name in [
            "set-cookie",
            "location",
            "x-accel-redirect",
            "content-encoding",
            "strict-transport-security",
            "access-control-allow-origin",
        ] {
            assert_eq!(answer.header(name), "", "{address}: {name} came back");
        }
        assert_ne!(answer.header("server"), "old");
        let seen = old.seen();
        assert_eq!((seen.len(), seen[0].header("x-kept")), (1, "yes"), "{address}");
        for name in NOT_PASSED_ON.into_iter().chain(["x-once"]) {
            let passed = seen[0].header(name);
            // What our own client writes of its own connection is not the caller's.
            let is_ours = name == "connection" && !passed.contains("x-once");
            assert!(passed.is_empty() || is_ours, "{address}: {name} was passed on: {passed}");
        }
        assert_eq!(seen[0].header("x-forwarded-for"), "127.0.0.1");
    }
    app.finish().await;
}

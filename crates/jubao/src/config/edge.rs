//! The keys of the configuration that become the edge's limits.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use web::edge::{Limits, Rates, Sockets, Times, TlsFiles, Work};

use super::{File, networks};

/// Longest time that a key may say, in milliseconds: an hour.
const TIME_MS_MAX: u64 = 3_600_000;
/// Longest wait for a turn, in milliseconds.
const TURN_WAIT_MS_MAX: u64 = 10_000;
/// Turns in all: each may wait for the store's writer, whose queue holds a few more.
const TURNS_MAX: usize = 4_000;
/// Highest rate that can be set, in requests a second or log-ins a minute.
const RATE_MAX: u32 = 1_000_000;

/// The limits of the edge.
pub(super) fn limits(file: &File) -> Result<Limits, String> {
    Ok(Limits {
        times: times(file)?,
        sockets: sockets(file)?,
        work: work(file)?,
        rates: Rates {
            application: rate("rate_per_application", file.rate_per_application)?,
            address: rate("rate_per_address", file.rate_per_address)?,
            log_ins: rate("log_ins_per_address", file.log_ins_per_address)?,
        },
        trusted_proxies: networks("trusted_proxies", &file.trusted_proxies)?,
    })
}

/// The certificate, if there is one.
pub(super) fn tls(file: &File) -> Result<Option<TlsFiles>, String> {
    match (file.tls_cert.as_str(), file.tls_key.as_str()) {
        ("", "") => Ok(None),
        (_, "") => Err("tls_cert: its key is missing; set tls_key as well".into()),
        ("", _) => Err("tls_key: its certificate is missing; set tls_cert as well".into()),
        (cert, key) => Ok(Some(TlsFiles { cert: PathBuf::from(cert), key: PathBuf::from(key) })),
    }
}

fn times(file: &File) -> Result<Times, String> {
    let time = |key, value| millis(key, value, 1..=TIME_MS_MAX);
    Ok(Times {
        first_byte: time("first_byte_ms", file.first_byte_ms)?,
        head: time("head_ms", file.head_ms)?,
        body: time("body_ms", file.body_ms)?,
        write: time("write_ms", file.write_ms)?,
        idle: time("idle_ms", file.idle_ms)?,
        stop: time("stop_ms", file.stop_ms)?,
        notice: millis("stop_notice_ms", file.stop_notice_ms, 0..=TIME_MS_MAX)?,
    })
}

fn sockets(file: &File) -> Result<Sockets, String> {
    Ok(Sockets {
        connections: some("connections_max", file.connections_max)?,
        connections_per_address: some(
            "connections_per_address_max",
            file.connections_per_address_max,
        )?,
        streams: some("event_streams_max", file.event_streams_max)?,
        streams_per_address: some(
            "event_streams_per_address_max",
            file.event_streams_per_address_max,
        )?,
        long_polls: some("long_polls_max", file.long_polls_max)?,
        long_polls_per_application: some(
            "long_polls_per_application_max",
            file.long_polls_per_application_max,
        )?,
    })
}

fn work(file: &File) -> Result<Work, String> {
    let work = Work {
        merchants: some("requests_max", file.requests_max)?,
        callbacks: some("callbacks_max", file.callbacks_max)?,
        pages: some("pages_max", file.pages_max)?,
        wait: millis("turn_wait_ms", file.turn_wait_ms, 0..=TURN_WAIT_MS_MAX)?,
    };
    let all = work.merchants.saturating_add(work.callbacks).saturating_add(work.pages);
    if all > TURNS_MAX {
        let most = "requests_max, callbacks_max and pages_max";
        return Err(format!("{most}: at most {TURNS_MAX} together, not {all}"));
    }
    Ok(work)
}

fn millis(key: &str, value: u64, range: RangeInclusive<u64>) -> Result<Duration, String> {
    if range.contains(&value) {
        return Ok(Duration::from_millis(value));
    }
    Err(format!("{key}: {} to {} milliseconds", range.start(), range.end()))
}

fn some(key: &str, value: usize) -> Result<usize, String> {
    if value > 0 { Ok(value) } else { Err(format!("{key}: at least 1")) }
}

fn rate(key: &str, value: u32) -> Result<u32, String> {
    if value <= RATE_MAX { Ok(value) } else { Err(format!("{key}: 0 to {RATE_MAX}")) }
}

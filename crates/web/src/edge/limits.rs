//! Every limit of the edge, with its unit. The operator's configuration makes these values; the
//! defaults here are those of `config.default.toml`.

use std::time::Duration;

use kernel::egress_policy::Cidr;

/// Everything that the operator decides about the edge.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How long things may take.
    pub times: Times,
    /// How many sockets and streams may be open.
    pub sockets: Sockets,
    /// How much may be in work.
    pub work: Work,
    /// How often one caller may ask.
    pub rates: Rates,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
}

/// How long a connection may take over each part of an exchange.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Times {
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its head; also a whole TLS handshake.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// From the first byte of an answer that does not fit into the socket to its last.
    pub write: Duration,
    /// Between an answer and the next request.
    pub idle: Duration,
    /// For what is in flight once the server is told to stop.
    pub stop: Duration,
    /// Between `/readyz` saying 503 and the end of accepting.
    pub notice: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            write: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            stop: Duration::from_secs(25),
            notice: Duration::ZERO,
        }
    }
}

/// How many sockets and event streams may be open.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sockets {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address, an IPv6 /64 being one; trusted proxies are not counted.
    pub connections_per_address: usize,
    /// Pages that watch an order, in all.
    pub streams: usize,
    /// Pages that watch an order from one address.
    pub streams_per_address: usize,
    /// Merchants' requests that wait for an end or an event, in all.
    pub long_polls: usize,
    /// Those of one application.
    pub long_polls_per_application: usize,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            streams: 5_000,
            streams_per_address: 64,
            long_polls: 2_000,
            long_polls_per_application: 100,
        }
    }
}

/// How much may be in work at the same time, for each of those who must not starve another.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Work {
    /// Merchants' requests.
    pub merchants: usize,
    /// Upstreams' callbacks.
    pub callbacks: usize,
    /// Payers' pages.
    pub pages: usize,
    /// How long a request may wait for its turn before it is refused.
    pub wait: Duration,
}

impl Default for Work {
    fn default() -> Self {
        Self { merchants: 2_048, callbacks: 512, pages: 512, wait: Duration::from_millis(50) }
    }
}

/// Requests in a second (log-ins in a minute); twice as many may come at once. 0 is no limit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Of one application, counted once its signature is known to be right.
    pub application: u32,
    /// From one address, an IPv6 /64 being one; callbacks and trusted proxies are not counted.
    pub address: u32,
    /// Log-ins from one address in a minute, counted so too.
    pub log_ins: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { application: 2_000, address: 500, log_ins: 30 }
    }
}

impl Limits {
    /// For servers that only this machine's programs and tests use: nothing is counted by caller, and
    /// a machine that does much else refuses nobody for being slow.
    pub fn of_this_machine() -> Self {
        let sockets = Sockets::default();
        let wait = Duration::from_secs(10);
        Self {
            work: Work { wait, ..Work::default() },
            sockets: Sockets {
                connections_per_address: sockets.connections,
                streams_per_address: sockets.streams,
                ..sockets
            },
            rates: Rates { application: 0, address: 0, log_ins: 0 },
            ..Self::default()
        }
    }
}

//! A network of a test's own, in which every address there is is this machine's, and nothing leads
//! out: whatever is connected to, somebody listens there and writes it down.
//!
//! The test runs itself again inside it. Linux does the rest: a namespace, and routes that call every
//! address local.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::forms;
use crate::foreign::Running;
use crate::leaks;

/// A global address: the merchant's server has it.
pub const MERCHANT: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);
/// A global address that cannot be reached.
pub const NOBODY: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 15);
/// Ports that are listened on, on every address: all that the forms name, and a proxy's.
const PORTS: [u16; 8] = [80, 443, 8080, 8443, 22, 3306, 6379, 3128];
/// Where the environment says that a proxy is.
const PROXY: &str = "http://127.0.0.1:3128";
/// How the test knows that it is inside.
const INSIDE: &str = "JUBAO_TEST_NETWORK";
/// How long a connection that must succeed may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the network and runs the rest of its arguments there. A user who is not root becomes root of
/// a namespace of users as well.
const ENTER: &str = r#"
if unshare --net --mount true 2>/dev/null; then as=; else as=--map-root-user; fi
exec unshare $as --net --mount sh -ec "$MAKE" sh "$@"
"#;
const MAKE: &str = r#"
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
ip route add prohibit "$NOBODY/32"
hosts=$(mktemp)
printf '%s' "$HOSTS" >"$hosts"
mount --bind "$hosts" /etc/hosts
rm "$hosts"
exec "$@"
"#;

/// Whether this is the process inside. If not, the test `name` has been run there, and has passed.
pub async fn is_inside(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "how a process learns that it is inside")]
    let inside = std::env::var_os(INSIDE);
    if inside.is_some() {
        return true;
    }
    let hosts = forms::NAMES.iter().map(|(name, ip)| format!("{ip} {name}\n"));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", ENTER, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]);
    command.env(INSIDE, "1").env("MAKE", MAKE).env("NOBODY", NOBODY.to_string());
    command.env("HOSTS", hosts.collect::<String>());
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(proxy, PROXY).env(proxy.to_uppercase(), PROXY);
    }
    let outcome = Running::start(leaks::is_given(&mut command)).outcome(b"").await;
    let is_passed = outcome.code == 0 && outcome.said.contains("1 passed");
    assert!(is_passed, "inside: {}\n{}", outcome.said, outcome.complained);
    println!("{}", outcome.said);
    false
}

/// A connection that was made to us.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Seen {
    to: SocketAddr,
    from: SocketAddr,
}

/// What listens everywhere.
pub struct Watch {
    /// Connections to whatever is not the merchant's address.
    intruded: Arc<Mutex<Vec<Seen>>>,
    /// Paths that the merchant's server was asked for.
    served: Arc<Mutex<Vec<String>>>,
    _listeners: JoinSet<()>,
}

impl Watch {
    /// Listens on every address.
    pub async fn begin() -> Self {
        let (intruded, served) = (Arc::default(), Arc::default());
        let mut listeners = JoinSet::new();
        for port in PORTS {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await.unwrap();
            listeners.spawn(listen(listener, Arc::clone(&intruded), Arc::clone(&served)));
        }
        Self { intruded, served, _listeners: listeners }
    }

    /// How often the merchant's server was asked.
    pub fn served(&self) -> usize {
        self.served.lock().unwrap().len()
    }

    /// Where connections were made to inside, up to now.
    pub async fn intruders(&self) -> Vec<SocketAddr> {
        for port in PORTS {
            // Connections are accepted in their order: once ours is seen, all before it were.
            assert!(self.sees((Ipv4Addr::LOCALHOST, port).into()).await);
        }
        self.intruded.lock().unwrap().iter().map(|seen| seen.to).collect()
    }

    /// Connects to an address and waits until that is seen; false if nobody can connect to it.
    async fn sees(&self, to: SocketAddr) -> bool {
        let connected = timeout(PATIENCE, TcpStream::connect(to)).await.unwrap();
        let Ok(stream) = connected else { return false };
        let from = canonical(stream.local_addr().unwrap());
        let seen = timeout(PATIENCE, async {
            while !self.forget(from) {
                tokio::task::yield_now().await;
            }
        });
        seen.await.unwrap();
        true
    }

    /// Strikes out a connection of our own; false if it has not been seen yet.
    fn forget(&self, from: SocketAddr) -> bool {
        let mut intruded = self.intruded.lock().unwrap();
        let at = intruded.iter().position(|seen| seen.from == from);
        at.map(|at| intruded.swap_remove(at)).is_some()
    }

    /// Shows that a connection to any address of the forms would have been seen; gives back those
    /// that no machine can connect to.
    pub async fn out_of_reach(&self) -> Vec<IpAddr> {
        let mut missing = Vec::new();
        for ip in forms::addresses() {
            if !self.sees((ip, 80).into()).await {
                missing.push(ip);
            }
        }
        missing
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

async fn listen(
    listener: TcpListener,
    intruded: Arc<Mutex<Vec<Seen>>>,
    served: Arc<Mutex<Vec<String>>>,
) {
    loop {
        let (socket, from) = listener.accept().await.unwrap();
        let seen = Seen { to: canonical(socket.local_addr().unwrap()), from: canonical(from) };
        if seen.to.ip() == IpAddr::V4(MERCHANT) {
            tokio::spawn(answer(socket, served.clone()));
        } else {
            intruded.lock().unwrap().push(seen);
        }
    }
}

/// The merchant's server: `/301/7` redirects to form 7, `/down` is out of order, all else is well. It
/// ends the connection, so that the next request needs another.
async fn answer(mut socket: TcpStream, served: Arc<Mutex<Vec<String>>>) {
    let Some(path) = request(&mut socket).await else { return };
    let mut parts = path.trim_start_matches('/').split('/');
    let status = match parts.next().unwrap_or_default() {
        "down" => "500 Internal Server Error".to_owned(),
        status if status.starts_with('3') => format!("{status} Moved"),
        _ => "200 OK".to_owned(),
    };
    let at = parts.next().and_then(|at| at.parse::<usize>().ok());
    let location = at.and_then(|at| forms::all().get(at).cloned());
    let location = location.map_or(String::new(), |to| format!("location: {to}\r\n"));
    let head = format!("HTTP/1.1 {status}\r\n{location}connection: close\r\ncontent-length: 7");
    served.lock().unwrap().push(path);
    // Whoever asked may have gone.
    let _ = socket.write_all(format!("{head}\r\n\r\nSUCCESS").as_bytes()).await;
}

/// Reads a request to its end; its path.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let read = socket.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_none_or(|length| body.len() >= length.parse().unwrap()) {
            return text.split(' ').nth(1).map(str::to_owned);
        }
    }
}

//! How long honest hosts wait while thousands of slow connections stand beside them.

use crate::ingest::sender::{self, Connection, Sent, request};
use crate::reconnect::raise_descriptors;
use crate::table::{Table, ms, ratio};
use anyhow::{Context, Result, anyhow};
use hostmeter_tests::fleet::Host;
use hostmeter_tests::stack::{Settings, Stack};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustls::ClientConfig;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Honest hosts, and batches that each sends in either part.
const HOSTS: u32 = 20;
const BATCHES: usize = 100;
const ACCOUNTS: u32 = 20;
/// Between two batches of a host.
const PAUSE: Duration = Duration::from_millis(100);

/// Between two looks at all slow connections.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// How many are slow.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Slow connections
    #[arg(long, default_value_t = 10_000)]
    slow: usize,
}

/// A slow connection: a third each says nothing, half a greeting, or half a request over TLS.
enum Slow {
    Plain(TcpStream),
    Tls(Box<Connection>),
}

impl Slow {
    fn open(to: SocketAddr, config: &Arc<ClientConfig>, n: usize) -> Result<Self> {
        if n.is_multiple_of(3) {
            let mut connection = Connection::open(to, config)?;
            connection.say(b"POST /v1/batches HTTP/1.1\r\nHo")?;
            return Ok(Self::Tls(Box::new(connection)));
        }
        let mut stream = TcpStream::connect(to)?;
        if n % 3 == 1 {
            // The start of a TLS record that says a longer one comes.
            stream.write_all(&[0x16, 3, 1, 2, 0])?;
        }
        Ok(Self::Plain(stream))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(connection) => connection.tcp(),
        }
    }
}

/// Slow connections, of which those that the collector ended are opened again.
struct Crowd {
    to: SocketAddr,
    config: Arc<ClientConfig>,
    slow: Vec<Slow>,
}

impl Crowd {
    fn open(to: SocketAddr, count: usize) -> Result<Self> {
        let config = sender::client_config()?;
        let slow = (0..count).map(|n| Slow::open(to, &config, n)).collect::<Result<_>>()?;
        Ok(Self { to, config, slow })
    }

    /// Opens those again that the collector ended; how many.
    fn renew(&mut self) -> Result<usize> {
        let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut all: Vec<_> = self.slow.iter().map(|s| PollFd::new(s.tcp(), PollFlags::RDHUP)).collect();
        rustix::event::poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        let ended: Vec<usize> =
            (0..).zip(&all).filter(|(_, fd)| fd.revents().intersects(ended)).map(|(n, _)| n).collect();
        for n in &ended {
            if let Some(slow) = self.slow.get_mut(*n) {
                *slow = Slow::open(self.to, &self.config, *n)?;
            }
        }
        Ok(ended.len())
    }

    /// Renews until it is told to stop; how many it opened again.
    fn keep(&mut self, stop: &AtomicBool) -> Result<usize> {
        let mut renewed = 0;
        while !stop.load(Ordering::Relaxed) {
            renewed += self.renew()?;
            std::thread::park_timeout(LOOK_PAUSE);
        }
        Ok(renewed)
    }
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    raise_descriptors()?;
    let stack = Stack::new(&Settings { tls: true, ..Settings::default() })?;
    let address: SocketAddr = stack.url.trim_start_matches("https://").parse()?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let from_ms = (now_ms / 1_000 - 2 * i64::try_from(BATCHES)?) * 1_000;
    let (mut idle_work, mut crowd_work) = (Vec::new(), Vec::new());
    for number in 0..HOSTS {
        let mut host = Host::enroll(&stack, number, from_ms)?;
        for work in [&mut idle_work, &mut crowd_work] {
            let batch =
                |_| Ok(request("/v1/batches", "application/octet-stream", &host.next_batch(ACCOUNTS)?));
            work.push((0..BATCHES).map(batch).collect::<Result<Vec<_>>>()?);
        }
    }
    let idle = sender::send(address, &idle_work, PAUSE)?;
    let mut crowd = Crowd::open(address, args.slow).context("slow connections")?;
    // Some of the first were ended while the last were opened.
    crowd.renew()?;
    let stop = AtomicBool::new(false);
    let (beside, renewed) = std::thread::scope(|scope| {
        let keeper = scope.spawn(|| crowd.keep(&stop));
        let beside = sender::send(address, &crowd_work, PAUSE);
        stop.store(true, Ordering::Relaxed);
        let renewed = keeper.join().map_err(|_| anyhow!("keeping them open panicked"))?;
        Ok::<_, anyhow::Error>((beside?, renewed?))
    })?;
    let pid = stack.collector.as_ref().context("collector")?.pid();
    let memory = crate::ingest::usage::peak_kib(pid)? / 1_024;
    let p99 = |sent: &Sent| u64::try_from(sent.permille(990).as_micros()).unwrap_or(u64::MAX);
    table.row(
        &format!("p99 wait of {HOSTS} honest hosts: idle / beside {} slow connections", args.slow),
        format!("{} / {} (peak memory {memory} MiB)", ms(p99(&idle)), ms(p99(&beside))),
        "–",
        &ratio(p99(&beside), p99(&idle)),
    );
    table.row("— slow connections that were ended and opened again meanwhile", renewed.to_string(), "–", "–");
    Ok(())
}

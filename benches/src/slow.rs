//! How long honest hosts wait while thousands of slow connections stand beside them.

use crate::ingest::sender::{self, Connection, Sent, request};
use crate::table::Table;
use anyhow::{Context, Result, ensure};
use hostmeter_tests::fleet::Host;
use hostmeter_tests::stack::{Settings, Stack};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Honest hosts, and batches that each sends in either part.
const HOSTS: u8 = 20;
const BATCHES: usize = 100;
const ACCOUNTS: u32 = 20;
/// Between two batches of a host.
const PAUSE: Duration = Duration::from_millis(100);

/// How many are slow.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Slow connections
    #[arg(long, default_value_t = 10_000)]
    slow: usize,
}

/// A slow connection: a third each says nothing, half a greeting, or half a request over TLS.
enum Slow {
    Plain { _stream: TcpStream },
    Tls { _connection: Box<Connection> },
}

fn dawdle(to: SocketAddr, count: usize) -> Result<Vec<Slow>> {
    let config = sender::client_config()?;
    (0..count)
        .map(|n| {
            if n % 3 == 0 {
                let mut connection = Connection::open(to, &config)?;
                connection.say(b"POST /v1/batches HTTP/1.1\r\nHo")?;
                return Ok(Slow::Tls { _connection: Box::new(connection) });
            }
            let mut stream = TcpStream::connect(to)?;
            if n % 3 == 1 {
                // The start of a TLS record that says a longer one comes.
                stream.write_all(&[0x16, 3, 1, 2, 0])?;
            }
            Ok(Slow::Plain { _stream: stream })
        })
        .collect()
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
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
    let slow = dawdle(address, args.slow).context("slow connections")?;
    ensure!(slow.len() == args.slow, "{} slow connections", slow.len());
    let beside = sender::send(address, &crowd_work, PAUSE)?;
    let pid = stack.collector.as_ref().context("collector")?.pid();
    let memory = crate::ingest::usage::peak_kib(pid)? / 1_024;
    let p99 = |sent: &Sent| sent.permille(990).as_micros();
    let ms = |usec: u128| format!("{}.{:02} ms", usec / 1_000, usec % 1_000 / 10);
    table.row(
        &format!("p99 wait of {HOSTS} honest hosts: idle / beside {} slow connections", args.slow),
        format!("{} / {} (peak memory {memory} MiB)", ms(p99(&idle)), ms(p99(&beside))),
        "–",
        "–",
    );
    Ok(())
}

//! Bytes on the network, by the uid whose socket they belong to, held against the counters of the interface.

use anyhow::{Context, Result, ensure};
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::credit::{now_ms, used, wait_until_shipped};
use hostmeter_tests::netns::{Cable, Counters, End};
use hostmeter_tests::run::Running;
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run_ok};
use hostmeter_tests::users::Homes;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// None is in passwd.
const SENDER: u32 = 41_300;
const SERVER: u32 = 41_301;
const LOCAL: u32 = 41_302;
/// Headers of a TCP segment: Ethernet, IP, and TCP with time stamps.
const HEADERS_V4: u64 = 14 + 20 + 32;
const HEADERS_V6: u64 = 14 + 40 + 32;
/// Address resolution and the like belong to no socket, bytes.
const OF_NOBODY: u64 = 3_000;

/// Bytes received and sent.
type Bytes = (u64, u64);

struct Bench {
    stack: Stack,
    traffic: PathBuf,
    from_ms: i64,
    _homes: Homes,
}

impl Bench {
    fn start() -> Result<Self> {
        let agent = "[meters]\nkernel = \"ebpf\"\nbpffs = \"none\"".to_owned();
        let mut stack = Stack::new(&Settings { interval: "300ms", agent, ..Settings::default() })?;
        let from_ms = now_ms()? - 60_000;
        stack.enroll_and_start()?;
        stack.wait_for_first_batch()?;
        let homes = Homes::new()?;
        let traffic = PathBuf::from(homes.command_as_uid(SENDER, "traffic")?.get_program());
        Ok(Self { stack, traffic, from_ms, _homes: homes })
    }

    /// One end of a load, as this uid.
    fn end_of(&self, end: &End, uid: u32, args: &[&str]) -> Command {
        let mut command = end.command(Path::new("/usr/bin/setpriv"));
        command.args(["--reuid", &uid.to_string(), "--regid", "65534", "--clear-groups"]);
        command.arg(&self.traffic).args(args);
        command
    }

    fn quiet(&self) -> Result<[Bytes; 3]> {
        wait_until_shipped(&self.stack.api, HOST, now_ms()? + 300)?;
        let of = |meter| used(&self.stack.api, HOST, self.from_ms, meter);
        let (received, sent) = (of("net_rx_bytes")?, of("net_tx_bytes")?);
        let at = |bytes: &BTreeMap<u32, u64>, uid| bytes.get(&uid).copied().unwrap_or(0);
        Ok([SENDER, SERVER, LOCAL].map(|uid| (at(&received, uid), at(&sent, uid))))
    }

    /// A load from one end to the other, to its end.
    fn run(&self, (near, sender): (&End, u32), (far, server): (&End, u32), what: &[&str]) -> Result<()> {
        let mut serve = self.end_of(far, server, &["serve"]);
        let dir = self.stack.dir.path();
        let mut serve = Running::start(
            "serve",
            serve.args(what).args(["--bytes", "3000000"]).stdout(Stdio::piped()),
            dir,
        )?;
        let mut line = String::new();
        BufReader::new(serve.stdout().context("piped")?).read_line(&mut line)?;
        ensure!(line == "ready\n", "{}", serve.log_text());
        run_ok(self.end_of(near, sender, &["send"]).args(what).args(["--bytes", "12000000"]))?;
        ensure!(serve.wait(Duration::from_secs(20))?.success(), "{}", serve.log_text());
        Ok(())
    }
}

fn assert_close(what: &str, got: u64, want: u64) {
    assert!(
        got.abs_diff(want) <= want / 200 + OF_NOBODY,
        "{what}: {got} bytes, and the interface says {want}"
    );
}

/// Bytes on the wire where the kernel hands over several segments as one packet: each has its headers.
fn wire(counters: Counters, headers: u64) -> u64 {
    counters.tx_bytes + counters.segments.saturating_sub(counters.tx_packets) * headers
}

/// One load over the cable; what each uid is credited, against what either interface counted.
fn check(bench: &Bench, cable: &Cable, protocol: &str, address: &str, headers: u64) -> Result<()> {
    let what = format!("{protocol} {address}");
    let (before, near, far) = (bench.quiet()?, cable.near.counters()?, cable.far.counters()?);
    bench.run((&cable.near, SENDER), (&cable.far, SERVER), &[protocol, address])?;
    let (near, far) = (cable.near.counters()?.since(near), cable.far.counters()?.since(far));
    assert!(
        near.tx_bytes > 12_000_000 && far.tx_bytes > 3_000_000,
        "{what}: the load itself: {near:?} {far:?}"
    );
    let after = bench.quiet()?;
    let got = |n: usize| (after[n].0 - before[n].0, after[n].1 - before[n].1);
    let (sent, answered) = (wire(near, headers), wire(far, headers));
    let ((sender_rx, sender_tx), (server_rx, server_tx)) = (got(0), got(1));
    assert_close(&format!("{what}, sent"), sender_tx, sent);
    assert_close(&format!("{what}, received by the server"), server_rx, sent);
    assert_close(&format!("{what}, answered"), server_tx, answered);
    assert_close(&format!("{what}, received by the sender"), sender_rx, answered);
    assert_eq!(got(2), (0, 0), "{what}: another uid");
    Ok(())
}

#[test]
fn bytes_go_to_the_owner_of_the_socket() -> Result<()> {
    const NAME: &str = "bytes_go_to_the_owner_of_the_socket";
    if let Some(why) = missing() {
        skip(NAME, why);
        return Ok(());
    }
    if let Err(why) = Cable::possible() {
        skip(NAME, &format!("{why:#}"));
        return Ok(());
    }
    let bench = Bench::start()?;
    for (tag, split) in [("s", true), ("g", false)] {
        let cable = Cable::new(tag, split)?;
        check(&bench, &cable, "tcp", "10.77.0.2:7001", HEADERS_V4)?;
        check(&bench, &cable, "tcp", "[fd77::2]:7002", HEADERS_V6)?;
        check(&bench, &cable, "udp", "10.77.0.2:7003", HEADERS_V4)?;
        check(&bench, &cable, "udp", "[fd77::2]:7004", HEADERS_V6)?;
        let local = (&cable.near, LOCAL);
        bench.run(local, local, &["tcp", "127.0.0.1:7005"])?;
        bench.run(local, local, &["tcp", "10.77.0.1:7006"])?;
        bench.run(local, local, &["udp", "[::1]:7007"])?;
        assert_eq!(bench.quiet()?[2], (0, 0), "loopback is left out");
        let known = used(&bench.stack.api, HOST, bench.from_ms, "net_rx_bytes")?;
        assert_eq!(known.get(&LOCAL), Some(&0), "it was measured");
    }
    Ok(())
}

//! Two network namespaces with a cable between them, removed again whatever happens.

use crate::stack::{run, run_ok};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Name of either end's interface.
const INTERFACE: &str = "hmveth";
/// Where iproute2 keeps named namespaces (ip-netns(8)).
const NAMED: &str = "/run/netns";

/// Counters of an interface, and segments that TCP sent in its namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent; the kernel may hand several segments over as one.
    pub tx_packets: u64,
    /// TCP segments sent.
    pub segments: u64,
}

impl Counters {
    /// What was added since.
    pub fn since(self, before: Self) -> Self {
        Self {
            rx_bytes: self.rx_bytes - before.rx_bytes,
            tx_bytes: self.tx_bytes - before.tx_bytes,
            tx_packets: self.tx_packets - before.tx_packets,
            segments: self.segments - before.segments,
        }
    }
}

/// One end of the cable.
#[derive(Debug)]
pub struct End {
    name: String,
}

impl End {
    /// A command that runs in this namespace; `program` is found by its path.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={NAMED}/{}", self.name)).arg("--").arg(program);
        command
    }

    fn ip(&self, args: &str) -> Result<()> {
        run_ok(Command::new("ip").args(["-n", &self.name]).args(args.split(' '))).map(drop)
    }

    /// The counters now.
    pub fn counters(&self) -> Result<Counters> {
        let read = |file: &str| run_ok(self.command(Path::new("/bin/cat")).arg(file));
        let lines = read("/proc/net/dev")?;
        let prefix = format!("{INTERFACE}:");
        let line = lines.lines().find_map(|l| l.trim().strip_prefix(&prefix)).context("the interface")?;
        let fields: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        // Bytes, packets and six more received, then the same sent (proc_pid_net(5)).
        let at = |n: usize| fields.get(n).copied().context("fields of /proc/net/dev");
        let snmp = read("/proc/net/snmp")?;
        let tcp = snmp.lines().filter_map(|l| l.strip_prefix("Tcp: ")).nth(1).context("Tcp")?;
        let segments = tcp.split(' ').nth(10).context("OutSegs")?.parse()?;
        Ok(Counters { rx_bytes: at(0)?, tx_bytes: at(8)?, tx_packets: at(9)?, segments })
    }
}

/// A cable with its two ends.
#[derive(Debug)]
pub struct Cable {
    /// 10.77.0.1 and `fd77::1`.
    pub near: End,
    /// 10.77.0.2 and `fd77::2`.
    pub far: End,
}

impl Cable {
    /// Makes it. With `split`, the kernel hands every segment to the interface by itself, as a card without offloads
    /// would get it. `tag` tells cables of a test apart.
    pub fn new(tag: &str, split: bool) -> Result<Self> {
        let name = |end: &str| format!("hm{}{tag}{end}", std::process::id());
        let cable = Self { near: End { name: name("n") }, far: End { name: name("f") } };
        for end in [&cable.near, &cable.far] {
            run_ok(Command::new("ip").args(["netns", "add", &end.name]))?;
        }
        cable
            .near
            .ip(&format!("link add {INTERFACE} type veth peer name {INTERFACE} netns {}", cable.far.name))?;
        for (n, end) in [(1, &cable.near), (2, &cable.far)] {
            end.ip("link set lo up")?;
            if split {
                end.ip(&format!("link set {INTERFACE} gso_max_segs 1"))?;
            }
            end.ip(&format!("addr add 10.77.0.{n}/24 dev {INTERFACE}"))?;
            end.ip(&format!("addr add fd77::{n}/64 dev {INTERFACE} nodad"))?;
            end.ip(&format!("link set {INTERFACE} up"))?;
        }
        Ok(cable)
    }

    /// Whether this machine can make one.
    pub fn possible() -> Result<()> {
        let out = run(Command::new("ip").args(["netns", "list"]))?;
        ensure!(out.status.success(), "ip netns: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in [&self.near, &self.far] {
            let _gone_already = run(Command::new("ip").args(["netns", "del", &end.name]));
        }
    }
}

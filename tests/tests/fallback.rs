//! Where the eBPF tier cannot be used, the agent meters by /proc and says why; where it can be, few rights are enough.

use anyhow::{Context, Result, ensure};
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run};
use hostmeter_tests::storm::{Ending, Fleet, Shape};
use hostmeter_tests::users::{Homes, is_root};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Who runs the agent; not in passwd.
const AGENT_UID: u32 = 41_700;
const LIMIT: Duration = Duration::from_secs(20);

/// How the agent is started: what stands before its own command.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As an ordinary user without any right.
    Plain,
    /// The same, as root of a user namespace of its own: it looks like root and is not.
    UserNamespace,
    /// As root, where the kernel's types cannot be found.
    NoBtf,
    /// As an ordinary user with the capabilities that the unit gives.
    Capable,
}

impl Way {
    fn words(self) -> Vec<String> {
        let ids = format!("setpriv --reuid={AGENT_UID} --regid=65534 --clear-groups --no-new-privs");
        let caps = unit_capabilities();
        let words = match self {
            Self::Plain => format!("{ids} --inh-caps=-all"),
            Self::UserNamespace => format!("{ids} --inh-caps=-all unshare --user --map-root-user"),
            Self::NoBtf => "unshare --mount --propagation=private sh -c".to_owned(),
            Self::Capable => format!("{ids} --inh-caps={caps} --ambient-caps={caps}"),
        };
        let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        if let Self::NoBtf = self {
            words.push("mount -t tmpfs none /sys/kernel/btf && exec \"$@\"".to_owned());
            words.push("sh".to_owned());
        }
        words
    }

    fn command(self, program: &Path, args: &[&str], config: &Path) -> Command {
        let words = self.words();
        let mut words = words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words).arg(program).args(args).arg("--config").arg(config);
        command
    }
}

/// Those of the unit, as setpriv(1) wants them.
fn unit_capabilities() -> String {
    let unit = include_str!("../../systemd/hostmeter-agent.service");
    let line =
        unit.lines().find_map(|line| line.strip_prefix("AmbientCapabilities=CAP_")).unwrap_or_default();
    format!("+{}", line.to_lowercase().replace(" cap_", ",+"))
}

/// A stack whose agent's files belong to who runs it, and a copy of the agent that everybody may run.
struct Place {
    stack: Stack,
    homes: Homes,
    way: Way,
}

impl Place {
    fn new(way: Way, kernel: &str) -> Result<Self> {
        let agent = format!("[meters]\nkernel = \"{kernel}\"\nbpffs = \"none\"\n[meters.disk]\non = false");
        let stack = Stack::new(&Settings { interval: "300ms", agent, ..Settings::default() })?;
        stack.enroll()?;
        std::fs::set_permissions(stack.dir.path(), PermissionsExt::from_mode(0o755))?;
        let homes = Homes::new()?;
        homes.command_as_uid(0, "hostmeter-agent")?;
        let uid = if let Way::NoBtf = way { 0 } else { AGENT_UID };
        let owned = Command::new("chown").arg("-R").arg(uid.to_string()).arg(stack.path("agent")).status()?;
        ensure!(owned.success(), "chown: {owned}");
        Ok(Self { stack, homes, way })
    }

    fn command(&self, args: &[&str]) -> Command {
        let (program, config) = (self.homes.path().join("hostmeter-agent"), self.stack.path("agent.toml"));
        self.way.command(&program, args, &config)
    }

    /// Starts the agent and waits until it has shipped.
    fn start(&mut self) -> Result<Value> {
        let mut command = self.command(&["run"]);
        let dir = self.stack.dir.path().to_owned();
        self.stack.agent = Some(Running::start("agent", command.stdout(Stdio::null()), &dir)?);
        self.stack
            .wait_for_first_batch()
            .with_context(|| self.stack.agent.as_ref().map(Running::log_text).unwrap_or_default())?;
        wait_for("coverage", LIMIT, || {
            let host = self.stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()?;
            Ok(host["coverage"]["cpu"].is_number().then_some(host))
        })
    }
}

/// Why a way cannot be gone here; `None` if it can.
fn barred(way: Way) -> Option<String> {
    if !is_root() {
        return Some("needs root to take rights away".to_owned());
    }
    let words = way.words();
    let mut words = words.iter();
    let tried = Command::new(words.next()?).args(words).arg("true").output();
    match tried {
        Ok(out) if out.status.success() => None,
        Ok(out) => Some(format!("{way:?}: {}", String::from_utf8_lossy(&out.stderr).trim())),
        Err(e) => Some(format!("{way:?}: {e}")),
    }
}

/// The agent starts, meters by /proc, and says so and why everywhere.
fn falls_back(test: &str, way: Way, why: &str) -> Result<()> {
    if let Some(barred) = barred(way) {
        skip(test, &barred);
        return Ok(());
    }
    let mut place = Place::new(way, "auto")?;
    let host = place.start()?;
    assert_eq!(host["agent"]["tier"], "proc", "{host}");
    let limited = host["agent"]["limited"].as_str().context("limited")?.to_owned();
    assert!(limited.contains("eBPF is not used: ") && limited.contains(why), "{limited}");
    for of in ["cpu", "io", "memory"] {
        let share = host["coverage"][of].as_f64().with_context(|| format!("coverage of {of}: {host}"))?;
        assert!((0.0..=1.0).contains(&share), "{of}: {share}");
    }
    let status: Value = serde_json::from_slice(&std::fs::read(place.stack.path("agent/status.json"))?)?;
    assert_eq!(status["sample"]["tier"], "proc", "{status}");
    assert_eq!(status["sample"]["limited"].as_str(), Some(limited.as_str()), "{status}");
    assert!(status["sample"]["coverage"]["cpu_ppm"].is_number(), "{status}");
    let said = run(&mut place.command(&["status"]))?;
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(
        text.contains("tier proc") && text.contains(&limited) && text.contains("coverage   cpu "),
        "{text}"
    );
    let page = place.stack.panel(&format!("/admin/hosts/{HOST}"))?;
    let shown: String = limited.split(['<', '>', '"', '\'', '&']).next().unwrap_or_default().to_owned();
    assert!(page.contains(&shown) && page.contains("proc"), "{shown:?} is not on the page");
    let ended = place.stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    assert!(ended.success(), "the agent ended with {ended}");
    refuses(way, why)
}

/// With `kernel = "ebpf"` the agent does not run, and says why.
fn refuses(way: Way, why: &str) -> Result<()> {
    let place = Place::new(way, "ebpf")?;
    let Output { status, stderr, .. } = run(&mut place.command(&["run"]))?;
    let text = String::from_utf8_lossy(&stderr);
    assert!(!status.success(), "it ran: {text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("the kernel does not take the programs") && last.contains(why), "{text}");
    Ok(())
}

#[test]
fn an_agent_without_rights_meters_by_proc_and_says_why() -> Result<()> {
    falls_back("an_agent_without_rights_meters_by_proc_and_says_why", Way::Plain, "CAP_BPF and CAP_PERFMON")
}

#[test]
fn an_agent_in_a_user_namespace_meters_by_proc_and_says_why() -> Result<()> {
    let name = "an_agent_in_a_user_namespace_meters_by_proc_and_says_why";
    falls_back(name, Way::UserNamespace, "CAP_BPF and CAP_PERFMON")
}

#[test]
fn an_agent_without_the_kernels_types_meters_by_proc_and_says_why() -> Result<()> {
    falls_back("an_agent_without_the_kernels_types_meters_by_proc_and_says_why", Way::NoBtf, "BTF")
}

#[test]
fn the_units_capabilities_are_enough_for_ebpf() -> Result<()> {
    const NAME: &str = "the_units_capabilities_are_enough_for_ebpf";
    if let Some(why) = missing().map(str::to_owned).or_else(|| barred(Way::Capable)) {
        skip(NAME, &why);
        return Ok(());
    }
    let mut place = Place::new(Way::Capable, "ebpf")?;
    let host = place.start()?;
    assert_eq!(
        (host["agent"]["tier"].as_str(), host["agent"]["limited"].as_str()),
        (Some("ebpf"), Some("")),
        "{host}"
    );
    let from_ms = hostmeter_tests::credit::now_ms()? - 60_000;
    let uid = AGENT_UID + 1;
    let mut fleet = Fleet::start(&[uid])?;
    fleet.run(&Shape { processes: 50, burst_usec: 1_000, threads: 1, ending: Ending::Reaped }, 1)?;
    hostmeter_tests::credit::wait_until_shipped(
        &place.stack.api,
        HOST,
        hostmeter_tests::credit::now_ms()? + 600,
    )?;
    let truth_usec = fleet.truth_ns()?.first().context("truth")? / 1_000;
    let credited = hostmeter_tests::credit::cpu_usec(&place.stack.api, HOST, from_ms)?;
    let got = credited.get(&uid).copied().unwrap_or(0);
    assert!(truth_usec > 40_000, "there was no load: {truth_usec} µs");
    // The starter's own start is not in its cgroup.
    assert!(got >= truth_usec && got < truth_usec + 50_000, "{got} of {truth_usec} µs");
    Ok(())
}

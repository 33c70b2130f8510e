//! Directories, configuration files and first steps of the demo.

use super::DemoArgs;
use anyhow::{Context, Result, bail};
use hostmeter_core::ids::HostName;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// First uid of ordinary users where login.defs says nothing else.
const UID_MIN: u32 = 1_000;

/// Where everything lies.
pub(super) struct Setup {
    /// Data, configuration and logs.
    pub(super) dir: PathBuf,
    /// Address of page and API.
    pub(super) url: String,
    /// This machine's name as a host.
    pub(super) host: HostName,
    listen: SocketAddr,
    programs: PathBuf,
    keep: bool,
}

/// What `hostmeter-collector init` said.
pub(super) struct Init {
    /// The first admin's bearer token.
    pub(super) token: String,
    /// The first admin's login.
    pub(super) login: String,
}

impl Setup {
    /// Finds the sibling programs, makes the directory, writes the configuration files.
    pub(super) fn prepare(args: &DemoArgs) -> Result<Self> {
        let exe = std::env::current_exe().context("where this program lies")?;
        let programs = exe.parent().context("the folder of this program")?.to_owned();
        let listen = free_address(args.listen)?;
        let dir = match &args.data {
            Some(dir) => dir.clone(),
            None => std::env::temp_dir().join(format!("hostmeter-demo-{}", std::process::id())),
        };
        make_private_dir(&dir)?;
        if dir.join("collector.toml").exists() {
            bail!("{} holds an earlier demo; remove it or name another directory with --data", dir.display());
        }
        let dir = std::fs::canonicalize(&dir).with_context(|| format!("{}", dir.display()))?;
        let setup = Self {
            url: format!("http://{listen}"),
            host: host_name()?,
            keep: args.data.is_some(),
            dir,
            listen,
            programs,
        };
        setup.write_configuration()?;
        Ok(setup)
    }

    fn write_configuration(&self) -> Result<()> {
        let (data, state) = (self.dir.join("data"), self.dir.join("agent"));
        let collector = format!(
            "listen = \"{}\"\ndata_dir = {data:?}\n\n[billing]\ncurrency = \"EUR\"\ndefault_plan = \"demo\"\n",
            self.listen
        );
        // The user who runs the demo is listed even below UID_MIN (root): so there is something to see at once.
        let uid = rustix::process::getuid().as_raw();
        let include = if uid < UID_MIN { format!("[accounts]\ninclude = [{uid}]\n") } else { String::new() };
        // Nothing of the demo outlives it, so nothing is pinned in the BPF file system.
        let agent = format!(
            "state_dir = {state:?}\n\n[collector]\nurl = \"{}\"\n\n[sample]\ninterval = \"1s\"\n\n\
             [meters]\nbpffs = \"none\"\n\n{include}",
            self.url
        );
        for (name, text) in [("collector.toml", collector), ("agent.toml", agent)] {
            let path = self.dir.join(name);
            std::fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }

    /// A sibling program.
    pub(super) fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self.programs.join(name);
        if !path.exists() {
            bail!(
                "{} is missing; `make demo` builds all programs, packages hold them together",
                path.display()
            );
        }
        Ok(path)
    }

    fn config(&self, name: &str) -> [String; 2] {
        ["--config".to_owned(), self.dir.join(name).display().to_string()]
    }

    /// Arguments of the collector.
    pub(super) fn collector_args(&self) -> Vec<String> {
        [&["serve".to_owned()], self.config("collector.toml").as_slice()].concat()
    }

    /// Arguments of the agent.
    pub(super) fn agent_args(&self) -> Vec<String> {
        [&["run".to_owned()], self.config("agent.toml").as_slice()].concat()
    }

    /// Makes databases, keys and the first admin.
    pub(super) fn init_collector(&self) -> Result<Init> {
        let mut command = Command::new(self.program("hostmeter-collector")?);
        let out = output(command.args(["init", "--json"]).args(self.config("collector.toml")))?;
        let answer: Value = serde_json::from_str(&out).context("answer of hostmeter-collector init")?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(token), Some(login)) = (text("admin_token"), text("admin_login")) else {
            bail!("hostmeter-collector init answered {out:?}, without admin_token and admin_login");
        };
        Ok(Init { token, login })
    }

    /// Enrols this machine.
    pub(super) fn enroll(&self, token: &str) -> Result<()> {
        let mut command = Command::new(self.program("hostmeter-agent")?);
        command.args(["enroll", "--collector", &self.url, "--token", token]).args(self.config("agent.toml"));
        output(command.arg("--executor-trust").arg(self.dir.join("agent/trust.json")))?;
        Ok(())
    }

    /// Removes the directory, unless it was asked for.
    pub(super) fn clean_up(&self) {
        // Flat and made by this program alone: no mount and no foreign link can be in it.
        if !self.keep {
            remove_tree(&self.dir);
        }
    }
}

fn remove_tree(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        if is_dir {
            remove_tree(&entry.path());
        } else {
            let _gone = std::fs::remove_file(entry.path());
        }
    }
    let _not_empty = std::fs::remove_dir(dir);
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let out = command.output().with_context(|| format!("{name}: cannot be started"))?;
    if !out.status.success() {
        bail!("{name}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The address itself if it is free; with port 0 one that is.
fn free_address(wanted: SocketAddr) -> Result<SocketAddr> {
    let bound = TcpListener::bind(wanted).and_then(|l| l.local_addr());
    bound.with_context(|| format!("{wanted} is not free; name another address with --listen, or port 0"))
}

fn make_private_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("{}: cannot be made", dir.display()))
}

/// This machine's name, made into a host name.
fn host_name() -> Result<HostName> {
    let raw = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let text: String =
        raw.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(63).collect();
    Ok(HostName::parse(if text.is_empty() { "localhost" } else { &text })?)
}

//! What the executor's tests share: throw-away users, mounts that go away, sealed commands. Used by the unit tests and
//! by `tests/executor.rs`.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "the integration test includes this file, and uses a part of it"
)]

use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::name::escape;
use hostmeter_core::wire::command::{Action, Command, Target};
use hostmeter_core::wire::envelope::{Domain, Stamp, seal};
use hostmeter_core::wire::key::SigningKey;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Whether the test can run; if not, says so loudly.
pub fn is_root(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let line = format!("skipped: {test}: making users and mounts needs root");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("HOSTMETER_SKIPS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut f| writeln!(f, "{line}")).unwrap();
    }
    false
}

/// Runs a system program and wants success.
pub fn sh(program: &str, args: &[&str]) -> String {
    let out = Process::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Waits until something holds, at most 20 s.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        nap(20);
    }
}

/// Waits without `thread::sleep`, which the project bans.
pub fn nap(ms: u64) {
    std::thread::park_timeout(Duration::from_millis(ms));
}

/// A directory tree for one test: homes, quarantine, archive, crontabs, state. World-readable on the way to homes.
pub struct Ground {
    pub dir: tempfile::TempDir,
}

impl Ground {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("hmtest-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["home", "cron"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

static USERS: AtomicU32 = AtomicU32::new(0);

/// A user that is removed, with its processes, whatever happens to the test.
pub struct TempUser {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
}

impl TempUser {
    /// Makes a user whose home is below `ground/home`.
    pub fn new(ground: &Ground) -> Self {
        let n = USERS.fetch_add(1, Ordering::SeqCst);
        let name = format!("hmtest-{}-{n}", std::process::id());
        let home = ground.path("home").join(&name);
        let path = home.to_string_lossy().into_owned();
        // Not the next free uid: a test beside this one would get it as soon as this user is gone.
        let uid = (20_000 + (std::process::id().wrapping_mul(7) + n) % 30_000).to_string();
        sh("useradd", &["--uid", &uid, "--create-home", "--home-dir", &path, "--shell", "/bin/sh", &name]);
        let meta = std::fs::metadata(&home).unwrap();
        Self { name, uid: meta.uid(), gid: meta.gid(), home }
    }

    /// The account as a correct command names it.
    pub fn target(&self) -> Target {
        self.target_at(std::fs::metadata(&self.home).unwrap().ino())
    }

    /// The same when the home is not in its place.
    pub fn target_at(&self, home_inode: u64) -> Target {
        Target {
            uid: self.uid,
            user: escape(self.name.as_bytes()),
            home: self.home.to_string_lossy().into_owned(),
            home_inode,
        }
    }

    /// The user's line of /etc/shadow, byte for byte.
    pub fn shadow(&self) -> String {
        let text = std::fs::read_to_string("/etc/shadow").unwrap();
        let start = format!("{}:", self.name);
        text.lines().find(|l| l.starts_with(&start)).unwrap_or_default().to_owned()
    }

    /// Whether passwd has the user.
    pub fn exists(&self) -> bool {
        let start = format!("{}:", self.name);
        std::fs::read_to_string("/etc/passwd").unwrap().lines().any(|l| l.starts_with(&start))
    }

    /// Starts a shell script as the user.
    pub fn run(&self, script: &str) -> Child {
        let mut process = Process::new("/bin/sh");
        process.arg("-c").arg(script).uid(self.uid).gid(self.gid).current_dir("/").process_group(0);
        process.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        process.stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    /// Living processes of the user, by `/proc`.
    pub fn processes(&self) -> usize {
        let is_mine = |entry: std::fs::DirEntry| {
            let text = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let real = text.lines().find_map(|l| l.strip_prefix("Uid:\t")).unwrap_or_default();
            let zombie = text.contains("State:\tZ");
            real.split('\t').next() == Some(&self.uid.to_string()) && !zombie
        };
        std::fs::read_dir("/proc").unwrap().flatten().map(is_mine).filter(|mine| *mine).count()
    }
}

impl Drop for TempUser {
    fn drop(&mut self) {
        for _ in 0..20 {
            let killed = Process::new("pkill").args(["-KILL", "-U", &self.uid.to_string()]).status();
            if killed.is_ok_and(|s| s.code() == Some(1)) {
                break;
            }
            nap(20);
        }
        drop(Process::new("userdel").args(["--force", &self.name]).output());
    }
}

/// A mount that is taken away at the end.
pub struct Mount(pub PathBuf);

impl Mount {
    pub fn bind(from: &Path, to: &Path) -> Self {
        sh("mount", &["--bind", &from.to_string_lossy(), &to.to_string_lossy()]);
        Self(to.to_owned())
    }

    pub fn tmpfs(at: &Path, size: &str) -> Self {
        let options = format!("size={size},mode=0700");
        sh("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &at.to_string_lossy()]);
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Process::new("umount").arg("--lazy").arg(&self.0).output());
    }
}

/// Milliseconds since the epoch.
pub fn wall_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The collector's side: seals commands.
pub struct Signer {
    pub key: SigningKey,
    pub host: HostId,
    pub epoch: u64,
}

impl Signer {
    pub fn new() -> Self {
        Self { key: SigningKey::from_seed(&[7; 32]).unwrap(), host: HostId([9; 16]), epoch: 2 }
    }

    /// A correct command that lives for a minute.
    pub fn command(&self, number: u64, action: Action, generation: u64, account: Target) -> Command {
        Command {
            v: 1,
            number,
            epoch: self.epoch,
            issued_ms: wall_ms() - 1_000,
            expires_ms: wall_ms() + 60_000,
            action,
            generation,
            account,
            reason: "test".to_owned(),
        }
    }

    /// Its envelope.
    pub fn seal(&self, command: &Command) -> Vec<u8> {
        self.seal_in(Domain::Command, command)
    }

    /// The same in any domain.
    pub fn seal_in(&self, domain: Domain, command: &Command) -> Vec<u8> {
        let stamp = Stamp {
            domain,
            host: self.host,
            epoch: command.epoch,
            seq: command.number,
            prev: [0; 32],
            boot: BootId([0; 16]),
            wall_ns: 0,
            boottime_ns: 0,
        };
        seal(&stamp, &command.encode().unwrap(), &self.key).unwrap()
    }
}

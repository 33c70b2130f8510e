//! The real program `hostmeter-executor` behind its socket: killed at any moment it finishes at the next start, and it
//! runs as an ordinary user too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests and their helpers may stop"
)]

#[path = "../src/executor/testing.rs"]
mod testing;

use hostmeter_agent::executor::protocol::{Client, ProtocolError};
use hostmeter_agent::executor::trust::{self, Trust};
use hostmeter_core::wire::command::{Action, Outcome, Status};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testing::{Ground, Signer, TempUser, is_root, nap, sh, until};

/// A running executor with its ground; it is killed with the test.
struct Running {
    ground: Ground,
    signer: Signer,
    child: Option<Child>,
}

impl Running {
    /// Writes configuration and trust; `driver` is the rest of the configuration.
    fn new(driver: impl FnOnce(&Ground) -> String) -> Self {
        let (ground, signer) = (Ground::new(), Signer::new());
        let text = format!(
            "state_dir = {:?}\nsocket = {:?}\nmin_suspended = \"0s\"\nmax_suspensions_per_hour = 1000\n\
             max_deletions_per_day = 1000\n{}",
            ground.path("state"),
            ground.path("socket"),
            driver(&ground),
        );
        std::fs::write(ground.path("executor.toml"), text).unwrap();
        let trust = Trust { host_id: signer.host, epoch: signer.epoch, command_key: signer.key.public() };
        trust::write(&ground.path("state"), &trust).unwrap();
        Self { ground, signer, child: None }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostmeter-executor"));
        command.args(["run", "--config"]).arg(self.ground.path("executor.toml"));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn start(&mut self) {
        self.start_as(&mut self.command());
    }

    fn start_as(&mut self, command: &mut Command) {
        self.child = Some(command.spawn().unwrap());
        let socket = self.ground.path("socket");
        until("the executor answers", || {
            Client::connect(&socket, SOON).is_ok_and(|mut c| c.status().is_ok())
        });
    }

    fn client(&self) -> Client {
        Client::connect(&self.ground.path("socket"), Duration::from_secs(40)).unwrap()
    }

    /// SIGKILL, as by `kill -9`.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            child.wait().unwrap();
        }
    }

    fn deliver(&self, number: u64, action: Action, generation: u64, user: &TempUser, inode: u64) {
        let command = self.signer.command(number, action, generation, user.target_at(inode));
        self.client().deliver(&self.signer.seal(&command)).unwrap();
    }

    /// The last outcome of a number once it is more than `begun`.
    fn outcome(&self, number: u64) -> Outcome {
        let mut last = None;
        until(&format!("command {number} ends"), || {
            let all = self.client().outcomes(0, Duration::from_millis(200)).unwrap();
            let of = |o: &Outcome| o.number == number && o.status != Status::Begun;
            last = all.into_iter().map(|n| n.outcome).rfind(of);
            last.is_some()
        });
        last.unwrap()
    }

    fn forget(&self) {
        self.client().forget(u64::MAX).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

const SOON: Duration = Duration::from_secs(2);

fn linux(ground: &Ground) -> String {
    format!(
        "driver = \"linux\"\n[linux]\nquarantine_dir = {:?}\narchive_dir = {:?}\nhome_roots = [{:?}]\n\
         kill_grace = \"20ms\"\ncrontab_dir = {:?}\n",
        ground.path("home/.quarantine"),
        ground.path("archive"),
        ground.path("home"),
        ground.path("cron"),
    )
}

/// Names, kinds, modes, owners, sizes and inodes of a tree.
fn listing(dir: &Path) -> Vec<String> {
    let text = sh("find", &[&dir.to_string_lossy(), "-printf", "%P %y %m %U %s %i\\n"]);
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn killed_at_any_moment_of_a_suspension_it_finishes_at_the_next_start() {
    if !is_root("killed_at_any_moment_of_a_suspension_it_finishes_at_the_next_start") {
        return;
    }
    let mut run = Running::new(linux);
    let user = TempUser::new(&run.ground);
    sh("usermod", &["--password", "$6$salt$hash", "--expiredate", "25000", &user.name]);
    let cron = run.ground.path("cron").join(&user.name);
    std::fs::write(&cron, "* * * * * true\n").unwrap();
    let (inode, before) = (user.target().home_inode, user.shadow());
    let (mut number, mut untouched, mut open) = (0, 0, 0);
    for wait_ms in [0, 0, 2, 10, 40, 80, 160, 320] {
        let mut child = user.run("trap '' TERM; while :; do sleep 1; done");
        until("the user's process runs", || user.processes() > 0);
        run.start();
        number += 2;
        run.deliver(number - 1, Action::Suspend, number - 1, &user, inode);
        // The intent is durable now, and the driver is on its way.
        nap(wait_ms);
        run.kill();
        untouched += usize::from(user.shadow() == before && cron.exists() && user.processes() > 0);
        let record = std::fs::read_to_string(run.ground.path(&format!("state/accounts/{}.json", user.uid)));
        let record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
        open += usize::from(record["open"]["command"]["number"] == number - 1);
        run.start();
        let outcome = run.outcome(number - 1);
        assert_eq!(outcome.status, Status::Done, "{wait_ms} ms: {outcome:?}");
        let shadow = user.shadow();
        let fields: Vec<&str> = shadow.split(':').collect();
        assert!(fields[1].starts_with('!') && fields[7] == "1", "{wait_ms} ms: {shadow}");
        assert!(!cron.exists() && user.processes() == 0, "{wait_ms} ms");
        child.wait().unwrap();
        run.deliver(number, Action::Resume, number, &user, inode);
        nap(wait_ms);
        run.kill();
        run.start();
        assert_eq!(run.outcome(number).status, Status::Done, "{wait_ms} ms");
        assert_eq!(user.shadow(), before, "{wait_ms} ms");
        assert_eq!(std::fs::read_to_string(&cron).unwrap(), "* * * * * true\n", "{wait_ms} ms");
        run.forget();
        run.kill();
    }
    eprintln!("of 8 kills {open} met an open intent, {untouched} before anything was touched");
    assert!(open > 0 && untouched > 0, "{open} {untouched}: no kill fell between intent and act");
}

#[test]
fn killed_at_any_moment_of_a_deletion_it_loses_nothing() {
    if !is_root("killed_at_any_moment_of_a_deletion_it_loses_nothing") {
        return;
    }
    let mut run = Running::new(linux);
    let user = TempUser::new(&run.ground);
    for n in 0..200 {
        std::fs::write(user.home.join(format!("file {n}")), vec![b'x'; 50_000]).unwrap();
    }
    sh("chown", &["-R", &format!("{}:{}", user.uid, user.gid), &user.home.to_string_lossy()]);
    let (inode, before) = (user.target().home_inode, listing(&user.home));
    let mut number = 0;
    for wait_ms in [0, 5, 20, 50, 100, 200] {
        run.start();
        run.deliver(number + 1, Action::Suspend, number + 1, &user, inode);
        assert_eq!(run.outcome(number + 1).status, Status::Done);
        run.deliver(number + 2, Action::Delete, number + 2, &user, inode);
        // Announced only: neither time nor a restart moves anything.
        nap(100);
        run.kill();
        run.start();
        assert_eq!(listing(&user.home), before, "{wait_ms} ms: moved before the acknowledgement");
        run.client().begun_acked(&[number + 2]).unwrap();
        nap(wait_ms);
        run.kill();
        run.start();
        let outcome = run.outcome(number + 2);
        assert_eq!(outcome.status, Status::Done, "{wait_ms} ms: {outcome:?}");
        let archive = run.ground.path("archive").join(outcome.archive.unwrap());
        assert!(archive.is_file() && !user.home.exists() && user.exists(), "{wait_ms} ms");
        let names = std::fs::read_dir(run.ground.path("archive")).unwrap();
        let partial =
            names.flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".partial")).count();
        assert_eq!(partial, 0, "{wait_ms} ms: half an archive is left");
        run.deliver(number + 3, Action::Undelete, number + 3, &user, inode);
        nap(wait_ms / 10);
        run.kill();
        run.start();
        assert_eq!(run.outcome(number + 3).status, Status::Done, "{wait_ms} ms");
        assert_eq!(listing(&user.home), before, "{wait_ms} ms");
        run.forget();
        run.kill();
        number += 3;
    }
}

/// A program that says it was called, then waits for a file. Each call is one line of its log.
fn waiting_program(ground: &Ground) -> String {
    let program = ground.path("driver.sh");
    let script = "#!/bin/sh\nread -r line\necho \"$line\" >> \"$1\"\n\
                  while [ ! -e \"$1.go\" ]; do sleep 0.05; [ -d /proc/\"$PPID\" ] || exit 1; done\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("driver = \"exec\"\n[exec]\nprogram = {program:?}\nargs = [{:?}]\n", ground.path("log"))
}

fn log(path: &PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_program_that_was_cut_off_is_called_again_with_the_same_input() {
    if !is_root("a_program_that_was_cut_off_is_called_again_with_the_same_input") {
        return;
    }
    let mut run = Running::new(waiting_program);
    let user = TempUser::new(&run.ground);
    let (inode, log_path) = (user.target().home_inode, run.ground.path("log"));
    run.start();
    run.deliver(1, Action::Suspend, 4, &user, inode);
    until("the program is called", || log(&log_path).len() == 1);
    run.kill();
    // Without matching again: the account may look quite different half way.
    std::os::unix::fs::chown(&user.home, Some(0), None).unwrap();
    run.start();
    until("it is called again", || log(&log_path).len() == 2);
    assert_eq!(log(&log_path)[0], log(&log_path)[1]);
    std::fs::write(run.ground.path("log.go"), "").unwrap();
    assert_eq!(run.outcome(1).status, Status::Done);
    assert_eq!(log(&log_path).len(), 2);
}

#[test]
fn it_runs_as_an_ordinary_user_and_lets_nobody_else_in() {
    if !is_root("it_runs_as_an_ordinary_user_and_lets_nobody_else_in") {
        return;
    }
    let mut run = Running::new(waiting_program);
    let (user, stranger) = (TempUser::new(&run.ground), TempUser::new(&run.ground));
    std::fs::write(run.ground.path("log.go"), "").unwrap();
    sh("chown", &["-R", &format!("{}:{}", user.uid, user.gid), &run.ground.dir.path().to_string_lossy()]);
    run.start_as(run.command().uid(user.uid).gid(user.gid));
    run.deliver(1, Action::Suspend, 1, &user, user.target().home_inode);
    assert_eq!(run.outcome(1).status, Status::Done);
    // Whatever the file's mode is, the peer is asked for its uid.
    let socket = run.ground.path("socket");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let ask = |who: &TempUser| ask(&socket, who);
    assert!(ask(&user).contains("answered: exec"), "{}", ask(&user));
    let refused = format!("refused: the executor says: uid {} is neither root nor in group", stranger.uid);
    assert!(ask(&stranger).contains(&refused), "{}", ask(&stranger));
}

/// What the executor says to a user.
fn ask(socket: &Path, who: &TempUser) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["ask_as_somebody", "--exact", "--nocapture"]).env("HOSTMETER_TEST_SOCKET", socket);
    let out = command.uid(who.uid).gid(who.gid).current_dir("/").output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

/// Run by the function above under another uid; by itself there is nothing to ask.
#[test]
fn ask_as_somebody() {
    let Some(socket) = std::env::var_os("HOSTMETER_TEST_SOCKET") else { return };
    match Client::connect(Path::new(&socket), SOON).and_then(|mut c| c.status()) {
        Ok(status) => println!("answered: {}", status.driver),
        Err(e @ ProtocolError::Refused(_)) => println!("refused: {e}"),
        Err(e) => println!("broken: {e}"),
    }
}

#[test]
fn a_socket_on_standard_input_is_served() {
    if !is_root("a_socket_on_standard_input_is_served") {
        return;
    }
    let mut run = Running::new(waiting_program);
    let (user, socket) = (TempUser::new(&run.ground), run.ground.path("socket"));
    let listener = UnixListener::bind(&socket).unwrap();
    // As systemd makes it: the group of the file may connect, whatever the configuration says.
    std::os::unix::fs::chown(&socket, None, Some(user.gid)).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o660)).unwrap();
    let mut command = run.command();
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    run.start_as(&mut command);
    assert_eq!(run.client().status().unwrap().driver, "exec");
    assert!(ask(&socket, &user).contains("answered: exec"), "{}", ask(&socket, &user));
}

#[test]
fn it_says_why_it_does_not_start() {
    if !is_root("it_says_why_it_does_not_start") {
        return;
    }
    let run = Running::new(waiting_program);
    let check = |want: &str| {
        let out = run.command().stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success() && text.contains(want), "{text}");
    };
    let trust = run.ground.path("state/trust.json");
    let kept = std::fs::read(&trust).unwrap();
    std::fs::remove_file(&trust).unwrap();
    check("this host is not enrolled, so no command can be trusted; run `hostmeter-agent enroll` as root");
    std::fs::write(&trust, kept).unwrap();
    std::fs::set_permissions(&trust, std::fs::Permissions::from_mode(0o666)).unwrap();
    check("its mode is 666; run: chmod go-w");
    std::fs::set_permissions(&trust, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(run.ground.path("driver.sh"), "").unwrap();
    std::fs::set_permissions(run.ground.path("driver.sh"), std::fs::Permissions::from_mode(0o644)).unwrap();
    check("driver.sh is not an executable file");
    std::fs::write(run.ground.path("executor.toml"), "driver = \"cpanel\"").unwrap();
    check("driver = \"cpanel\": must be \"linux\" or \"exec\"");
    std::fs::remove_file(run.ground.path("executor.toml")).unwrap();
    check("executor.toml: No such file or directory");
}

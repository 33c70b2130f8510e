//! What the engine obeys, in which order, and what it says. The driver is `exec` with a program that keeps a log.

use super::super::config::{Config, DriverConfig, ExecConfig};
use super::super::driver;
use super::super::record::Phase;
use super::super::testing::{Ground, Signer, TempUser, is_root, wall_ms};
use super::super::trust::{self, Trust};
use super::*;
use hostmeter_core::ids::HostId;
use hostmeter_core::wire::command::Target;
use hostmeter_core::wire::envelope::Domain;
use hostmeter_core::wire::key::SigningKey;
use std::os::unix::fs::PermissionsExt;

/// An engine with one user, both thrown away at the end.
struct Bed {
    config: Config,
    engine: Option<Engine>,
    signer: Signer,
    user: TempUser,
    ground: Ground,
}

impl Bed {
    fn new(change: impl FnOnce(&mut Config, &TempUser)) -> Self {
        let ground = Ground::new();
        let user = TempUser::new(&ground);
        let signer = Signer::new();
        let program = ground.path("driver.sh");
        let script = "#!/bin/sh\nread -r line\necho \"$line\" >> \"$1\"\n[ ! -e \"$1.fail\" ]\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut config = Config {
            state_dir: ground.path("state"),
            socket: ground.path("socket"),
            socket_group: None,
            driver: DriverConfig::Exec(ExecConfig {
                program,
                args: vec![ground.path("log").to_string_lossy().into_owned()],
                timeout: Duration::from_secs(20),
            }),
            min_suspended_ms: 0,
            max_suspensions_per_hour: 10,
            max_deletions_per_day: 2,
            protected: Vec::new(),
        };
        change(&mut config, &user);
        let trust = Trust { host_id: signer.host, epoch: signer.epoch, command_key: signer.key.public() };
        trust::write(&config.state_dir, &trust).unwrap();
        let mut bed = Self { config, engine: None, signer, user, ground };
        bed.restart();
        bed
    }

    /// As after a crash: only files are left.
    fn restart(&mut self) {
        self.engine = None;
        self.engine = Some(Engine::open(self.config.clone(), driver::open(&self.config)).unwrap());
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn command(&self, number: u64, action: Action, generation: u64) -> Command {
        self.signer.command(number, action, generation, self.user.target())
    }

    /// Delivers without letting a lane act.
    fn deliver(&self, command: &Command) -> Result<(), EngineError> {
        self.engine().deliver(&self.signer.seal(command))
    }

    /// Lets both lanes act until nothing is left.
    fn work(&self) {
        for (_, jobs) in &self.engine().lanes {
            while let Ok(uid) = jobs.try_recv() {
                self.engine().carry_out(uid).unwrap();
            }
        }
    }

    /// Delivers, acts, and returns what was said meanwhile, without surfaces.
    fn obey(&self, number: u64, action: Action, generation: u64) -> Vec<String> {
        let from = self.serial();
        self.deliver(&self.command(number, action, generation)).unwrap();
        self.work();
        self.said(from)
    }

    fn serial(&self) -> u64 {
        self.engine().lock().state.serial
    }

    fn said(&self, after: u64) -> Vec<String> {
        let outcomes = self.engine().outcomes(after, Duration::ZERO);
        outcomes
            .into_iter()
            .map(|n| {
                let o = n.outcome;
                let line = format!("{} {} {} {}", o.number, o.action.as_str(), o.status.as_str(), o.detail);
                line.trim_end().to_owned()
            })
            .collect()
    }

    /// Actions that the driver was called with.
    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.ground.path("log")).unwrap_or_default();
        let value = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
        text.lines()
            .map(|l| format!("{} {}", value(l)["action"].as_str().unwrap(), value(l)["number"]))
            .collect()
    }

    fn phase(&self) -> (Phase, u64) {
        let inner = self.engine().lock();
        inner.records.get(&self.user.uid).map_or((Phase::Active, 0), |r| (r.phase, r.generation))
    }
}

/// Whether what was said is what is wanted; a wanted line may end early with `…`.
#[track_caller]
fn same(got: &[String], want: &[&str], what: &str) {
    let fits = |(got, want): (&String, &&str)| match want.strip_suffix('…') {
        Some(start) => got.starts_with(start),
        None => got == want,
    };
    assert!(got.len() == want.len() && got.iter().zip(want).all(fits), "{what}: {got:#?} is not {want:#?}");
}

#[test]
fn what_is_refused_and_why() {
    if !is_root("what_is_refused_and_why") {
        return;
    }
    let bed = Bed::new(|_, _| {});
    let mut number = 0;
    let mut check = |what: &str, change: &dyn Fn(&mut Command, &mut Signer), want: &str| {
        number += 1;
        let (mut command, mut signer) = (bed.command(number, Action::Suspend, 1), Signer::new());
        change(&mut command, &mut signer);
        let from = bed.serial();
        bed.engine().deliver(&signer.seal(&command)).unwrap();
        bed.work();
        let said = bed.said(from);
        let want = format!("{} suspend refused {want}", command.number);
        same(&said, &[&want], what);
        assert!(bed.log().is_empty(), "{what}: the driver was called");
        assert_eq!(bed.phase(), (Phase::Active, 0), "{what}");
    };
    let now = wall_ms();
    let other_key = |_: &mut Command, s: &mut Signer| s.key = SigningKey::from_seed(&[8; 32]).unwrap();
    check("another key", &other_key, "envelope is signed by key …");
    check("another host", &|_, s| s.host = HostId([8; 16]), "command is for another host");
    check("an earlier epoch", &|c, _| c.epoch = 1, "command is of epoch 1; this host is in epoch 2");
    let expired = |c: &mut Command, _: &mut Signer| (c.issued_ms, c.expires_ms) = (now - 60_000, now - 1);
    check("expired", &expired, &format!("command expired at {} ms; it is …", now - 1));
    let long = |c: &mut Command, _: &mut Signer| c.expires_ms = c.issued_ms + 25 * 3_600_000;
    check("lives too long", &long, "command would live 90000000 ms; a suspend lives at most 86400000 ms");
    check("root", &|c, _| c.account.uid = 0, "uid 0 is below 1000: system users are never commanded");
    let service = |c: &mut Command, _: &mut Signer| c.account.uid = 999;
    check("a service", &service, "uid 999 is below 1000: system users are never commanded");
    let gone = |c: &mut Command, _: &mut Signer| c.account.uid = 59_999;
    check("no such uid", &gone, "uid does not match: the command says 59999, this host says there is none");
    let renamed = |c: &mut Command, _: &mut Signer| c.account.user = "somebody".into();
    check(
        "another name",
        &renamed,
        "user name does not match: the command says somebody, this host says hmtest-…",
    );
    let moved = |c: &mut Command, _: &mut Signer| c.account.home = "/home".into();
    check("another home", &moved, "home does not match: the command says /home, this host says …");
    let inode = |c: &mut Command, _: &mut Signer| c.account.home_inode += 1;
    check("another inode", &inode, "inode of the home does not match: …");
}

#[test]
fn what_the_machine_says_against_a_correct_command() {
    if !is_root("what_the_machine_says_against_a_correct_command") {
        return;
    }
    let bed = Bed::new(|_, _| {});
    let command = bed.command(1, Action::Suspend, 1);
    let check = |number: u64, want: &str| {
        let from = bed.serial();
        bed.deliver(&Command { number, ..command.clone() }).unwrap();
        bed.work();
        same(&bed.said(from), &[&format!("{number} suspend refused {want}")], want);
        assert!(bed.log().is_empty());
    };
    let (home, aside) = (&bed.user.home, bed.ground.path("home/aside"));
    std::os::unix::fs::chown(home, Some(0), None).unwrap();
    check(1, "owner of the home does not match: …");
    std::os::unix::fs::chown(home, Some(bed.user.uid), None).unwrap();
    std::fs::rename(home, &aside).unwrap();
    check(2, "home directory does not match: …");
    std::os::unix::fs::symlink(&aside, home).unwrap();
    check(3, "home directory does not match: …");
    std::fs::remove_file(home).unwrap();
    std::fs::rename(&aside, home).unwrap();
    same(&bed.obey(4, Action::Suspend, 1), &["4 suspend done"], "everything matches again");
}

#[test]
fn what_is_no_command_is_not_reported() {
    if !is_root("what_is_no_command_is_not_reported") {
        return;
    }
    let bed = Bed::new(|_, _| {});
    let command = bed.command(1, Action::Suspend, 1);
    let good = bed.signer.seal(&command);
    let check = |what: &str, bytes: &[u8], want: &str| {
        let error = bed.engine().deliver(bytes).unwrap_err().to_string();
        assert!(error.starts_with(want), "{what}: {error}");
        bed.work();
        assert!(bed.said(0).is_empty() && bed.log().is_empty(), "{what}");
    };
    check("nothing", b"", "not a command: envelope has 0 bytes");
    check("text", &[b'x'; 400], "not a command: these bytes are not an envelope");
    check("cut", &good[..good.len() - 1], "not a command: envelope has");
    check("longer", &[&good[..], b"x"].concat(), "not a command: envelope has 1 bytes after its payload");
    let batch = bed.signer.seal_in(Domain::Batch, &command);
    check("a batch", &batch, "not a command: envelope is of kind");
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    check("another payload", &changed, "not a command: the payload's SHA-256 is not the one that was signed");
    // A header that says another number than the payload: byte 51 is the last of the sequence number.
    let mut renumbered = good;
    renumbered[51] ^= 2;
    bed.engine().deliver(&renumbered).unwrap();
    same(&bed.said(0), &["1 suspend refused the envelope's signature is wrong"], "a changed header");
}

#[test]
fn protected_users_and_later_epochs() {
    if !is_root("protected_users_and_later_epochs") {
        return;
    }
    let bed = Bed::new(|config, user| config.protected = vec![user.name.clone()]);
    let want = format!("1 suspend refused {} is protected by this host's configuration", bed.user.name);
    same(&bed.obey(1, Action::Suspend, 1), &[&want], "protected");
    assert!(bed.log().is_empty());
    let mut bed = Bed::new(|_, _| {});
    let later = Command { epoch: 3, ..bed.command(1, Action::Suspend, 1) };
    bed.deliver(&later).unwrap();
    bed.work();
    bed.restart();
    let want = "2 resume refused command is of epoch 2; this host is in epoch 3";
    same(&bed.obey(2, Action::Resume, 2), &[want], "the epoch never goes back");
    assert_eq!(bed.phase(), (Phase::Suspended, 1));
}

#[test]
fn a_generation_is_done_once() {
    if !is_root("a_generation_is_done_once") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    same(&bed.obey(1, Action::Suspend, 5), &["1 suspend done"], "first");
    same(&bed.obey(2, Action::Suspend, 5), &["2 suspend done"], "the recorded outcome under the new number");
    bed.restart();
    same(&bed.obey(3, Action::Suspend, 5), &["3 suspend done"], "also after a restart");
    same(&bed.obey(4, Action::Resume, 4), &["4 resume stale generation 5 is done (suspend)"], "lower");
    let want = "5 resume refused generation 5 is done (suspend); another action needs a higher generation";
    same(&bed.obey(5, Action::Resume, 5), &[want], "another action");
    same(&bed.obey(6, Action::Inspect, 1), &["6 inspect done"], "a look is never stale");
    std::fs::write(bed.ground.path("log.fail"), "").unwrap();
    let failed = bed.obey(7, Action::Resume, 6);
    assert!(failed[0].starts_with("7 resume failed ") && failed[0].contains("exit status: 1"), "{failed:?}");
    assert_eq!(bed.phase(), (Phase::Suspended, 5));
    std::fs::remove_file(bed.ground.path("log.fail")).unwrap();
    same(&bed.obey(8, Action::Resume, 6), &["8 resume done"], "a retry of the same generation");
    assert_eq!(bed.phase(), (Phase::Active, 6));
    assert_eq!(bed.log(), ["suspend 1", "inspect 6", "resume 7", "resume 8"]);
}

/// Killed after the command was taken and before the driver was called: the next start acts.
#[test]
fn an_intent_is_on_the_disk_before_the_act() {
    if !is_root("an_intent_is_on_the_disk_before_the_act") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    for (number, action) in [(1, Action::Suspend), (2, Action::Resume), (3, Action::Inspect)] {
        bed.deliver(&bed.command(number, action, number)).unwrap();
        bed.restart();
        bed.work();
        let want = format!("{} {number}", action.as_str());
        assert_eq!(bed.log().last(), Some(&want), "after a restart");
    }
}

#[test]
fn only_the_latest_waits_behind_an_open_command() {
    if !is_root("only_the_latest_waits_behind_an_open_command") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    for (number, action, generation) in [
        (1, Action::Suspend, 1),
        (2, Action::Suspend, 1), // handed out again: the outcome answers this number
        (3, Action::Resume, 4),
        (4, Action::Suspend, 3),
        (5, Action::Suspend, 5),
        (6, Action::Inspect, 5),
        (7, Action::Resume, 1),
    ] {
        bed.deliver(&bed.command(number, action, generation)).unwrap();
    }
    let want = [
        "4 suspend stale generation 4 waits already",
        "3 resume stale overtaken by generation 5 before its turn",
        "6 inspect deferred command 2 is being carried out",
        "7 resume stale generation 1 is being carried out",
    ];
    same(&bed.said(0), &want, "while it is open");
    let from = bed.serial();
    bed.restart();
    bed.work();
    same(&bed.said(from), &["2 suspend done", "5 suspend done"], "after a restart");
    assert_eq!(bed.log(), ["suspend 2", "suspend 5"]);
    assert_eq!(bed.phase(), (Phase::Suspended, 5));
}

#[test]
fn the_hosts_own_limits_defer() {
    if !is_root("the_hosts_own_limits_defer") {
        return;
    }
    let mut bed = Bed::new(|config, _| {
        (config.max_suspensions_per_hour, config.max_deletions_per_day) = (1, 0);
        config.min_suspended_ms = 3_600_000;
    });
    let want = "1 delete deferred the account is not suspended by this executor; min_suspended = \"1h\"";
    same(&bed.obey(1, Action::Delete, 1), &[want], "not suspended");
    same(&bed.obey(2, Action::Suspend, 2), &["2 suspend done"], "the first");
    same(&bed.obey(3, Action::Delete, 3), &["3 delete deferred suspended for 0…"], "too soon");
    bed.config.min_suspended_ms = 0;
    bed.restart();
    let want = "4 delete deferred 0 deletions in the last day; max_deletions_per_day = 0";
    same(&bed.obey(4, Action::Delete, 4), &[want], "no deletions here");
    same(&bed.obey(5, Action::Resume, 5), &["5 resume done"], "a resume is never limited");
    bed.restart();
    let want = "6 suspend deferred 1 suspensions in the last hour; max_suspensions_per_hour = 1";
    same(&bed.obey(6, Action::Suspend, 6), &[want], "the second, also after a restart");
    let other = TempUser::new(&bed.ground);
    bed.deliver(&bed.signer.command(7, Action::Suspend, 1, other.target())).unwrap();
    let want = "7 suspend deferred 1 suspensions in the last hour; max_suspensions_per_hour = 1";
    same(&bed.said(bed.serial() - 1), &[want], "of another account");
    assert_eq!(bed.log(), ["suspend 2", "resume 5"]);
}

#[test]
fn a_deletion_waits_for_the_acknowledgement_of_its_begun() {
    if !is_root("a_deletion_waits_for_the_acknowledgement_of_its_begun") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    bed.obey(1, Action::Suspend, 1);
    same(&bed.obey(2, Action::Delete, 2), &["2 delete begun"], "announced");
    let from = bed.serial();
    let nothing_yet = |bed: &Bed| {
        bed.work();
        assert_eq!((bed.log(), bed.said(from)), (vec!["suspend 1".to_owned()], vec![]));
    };
    nothing_yet(&bed);
    bed.engine().begun_acked(&[1, 3]).unwrap();
    nothing_yet(&bed);
    // Neither a restart nor a second delivery may pass for an acknowledgement.
    bed.restart();
    nothing_yet(&bed);
    bed.engine().begun_acked(&[2]).unwrap();
    bed.engine().begun_acked(&[2]).unwrap();
    bed.work();
    same(&bed.said(from), &["2 delete done"], "acknowledged");
    assert_eq!((bed.log(), bed.phase()), (vec!["suspend 1".into(), "delete 2".into()], (Phase::Deleted, 2)));
    let want = "3 suspend refused the account is deleted; undelete it first";
    same(&bed.obey(3, Action::Suspend, 3), &[want], "deleted");
    same(&bed.obey(4, Action::Undelete, 4), &["4 undelete done"], "undeleted");
    let want = "5 purge refused the account is not deleted, so there is nothing to purge";
    same(&bed.obey(5, Action::Purge, 5), &[want], "active");
}

#[test]
fn a_deletion_that_began_can_be_called_off() {
    if !is_root("a_deletion_that_began_can_be_called_off") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    bed.obey(1, Action::Suspend, 1);
    bed.obey(2, Action::Delete, 2);
    let want = ["3 delete begun"];
    same(&bed.obey(3, Action::Delete, 2), &want, "under a new number it is announced again");
    bed.engine().begun_acked(&[2]).unwrap();
    bed.work();
    assert_eq!(bed.log(), ["suspend 1"], "the old number's acknowledgement is not the new one's");
    let want = ["3 delete stale overtaken by generation 3 before anything was moved", "4 resume done"];
    same(&bed.obey(4, Action::Resume, 3), &want, "paid meanwhile");
    bed.engine().begun_acked(&[3]).unwrap();
    bed.work();
    assert_eq!((bed.log(), bed.phase()), (vec!["suspend 1".into(), "resume 4".into()], (Phase::Active, 3)));
    bed.obey(5, Action::Suspend, 4);
    let short = Command { expires_ms: wall_ms() + 300, ..bed.command(6, Action::Delete, 5) };
    bed.deliver(&short).unwrap();
    super::super::testing::nap(350);
    let from = bed.serial();
    bed.restart();
    bed.engine().begun_acked(&[6]).unwrap();
    bed.work();
    let want = "6 delete failed its `begun` was not acknowledged before it expired; nothing was moved";
    same(&bed.said(from), &[want], "acknowledged too late");
    assert_eq!(bed.log().last().unwrap(), "suspend 5");
}

#[test]
fn outcomes_wait_until_they_are_forgotten_and_no_serial_comes_twice() {
    if !is_root("outcomes_wait_until_they_are_forgotten_and_no_serial_comes_twice") {
        return;
    }
    let mut bed = Bed::new(|_, _| {});
    bed.obey(1, Action::Suspend, 1);
    bed.obey(2, Action::Resume, 2);
    bed.restart();
    let serials = |bed: &Bed| -> Vec<u64> {
        bed.engine().outcomes(0, Duration::ZERO).iter().map(|n| n.serial).collect()
    };
    assert_eq!(serials(&bed), [1, 2]);
    bed.engine().forget(1).unwrap();
    assert_eq!(serials(&bed), [2]);
    // A refusal is the last thing that happens before everything is forgotten.
    bed.obey(3, Action::Suspend, 1);
    assert_eq!(serials(&bed), [2, 3]);
    bed.engine().forget(9).unwrap();
    bed.restart();
    assert_eq!(serials(&bed), Vec::<u64>::new());
    bed.obey(4, Action::Suspend, 3);
    assert_eq!(serials(&bed), [4]);
    let begun = Instant::now();
    assert!(bed.engine().outcomes(4, Duration::from_millis(300)).is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let status = bed.engine().status().unwrap();
    let account = &status.accounts[0];
    assert_eq!((account.phase.as_str(), account.generation, account.open), ("suspended", 3, None));
    assert_eq!((status.outcomes, status.suspensions_in_hour, status.epoch), (1, 2, 2));
}

#[test]
fn a_uid_that_was_given_to_somebody_else_starts_anew() {
    if !is_root("a_uid_that_was_given_to_somebody_else_starts_anew") {
        return;
    }
    let bed = Bed::new(|_, _| {});
    bed.obey(1, Action::Suspend, 7);
    let old = bed.user.target();
    let name = format!("{}-new", bed.user.name);
    super::super::testing::sh("usermod", &["--login", &name, &bed.user.name]);
    let from = bed.serial();
    bed.deliver(&bed.signer.command(2, Action::Resume, 8, old.clone())).unwrap();
    let newcomer = Target { user: name.clone(), ..old };
    bed.deliver(&bed.signer.command(3, Action::Suspend, 1, newcomer)).unwrap();
    bed.work();
    super::super::testing::sh("usermod", &["--login", &bed.user.name, &name]);
    same(&bed.said(from), &["2 resume refused user name does not match: …", "3 suspend done"], "renamed");
}

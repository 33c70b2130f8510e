//! What every driver must do, whatever it calls: each action twice, and a look after it.

use super::exec::Exec;
use super::linux::Linux;
use super::{Driver, Job};
use crate::executor::config::{ExecConfig, LinuxConfig};
use crate::executor::record::{Account, Phase};
use crate::executor::testing::{Ground, TempUser, is_root};
use hostmeter_core::wire::command::Action;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn linux(ground: &Ground) -> Box<dyn Driver> {
    Box::new(Linux::new(LinuxConfig {
        quarantine_dir: ground.path("home/.quarantine"),
        archive_dir: ground.path("archive"),
        home_roots: vec![ground.path("home")],
        kill_grace: Duration::from_millis(50),
        crontab_dir: ground.path("cron"),
    }))
}

/// A panel in a few lines: its state is the name of the last action.
fn exec(ground: &Ground) -> Box<dyn Driver> {
    let program = ground.path("panel.sh");
    let script = r#"#!/bin/sh
read -r line
action=$(printf '%s' "$line" | sed 's/.*"action":"\([a-z]*\)".*/\1/')
state="$1"
[ "$action" = inspect ] || echo "$action" > "$state"
echo "{\"surfaces\":[{\"surface\":\"panel\",\"ok\":true,\"detail\":\"$(cat "$state")\"}],\"archive\":\"a-1\"}"
"#;
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let args = vec![ground.path("panel-state").to_string_lossy().into_owned()];
    Box::new(Exec::new(ExecConfig { program, args, timeout: Duration::from_secs(10) }))
}

type Make = fn(&Ground) -> Box<dyn Driver>;

/// Every driver has its row here.
const DRIVERS: &[(&str, Make)] = &[("linux", linux), ("exec", exec)];

#[test]
fn every_driver_keeps_the_contract() {
    if !is_root("every_driver_keeps_the_contract") {
        return;
    }
    for (name, make) in DRIVERS {
        let ground = Ground::new();
        let user = TempUser::new(&ground);
        let driver = make(&ground);
        assert_eq!(driver.name(), *name);
        assert_eq!(driver.check(), Vec::<String>::new());
        check(driver.as_ref(), &user);
    }
}

fn check(driver: &dyn Driver, user: &TempUser) {
    use Action::{Delete, Inspect, Purge, Resume, Suspend, Undelete};
    let target = user.target();
    let mut job = Job {
        account: Account {
            uid: user.uid,
            login: user.name.clone(),
            home: user.home.clone(),
            home_inode: target.home_inode,
        },
        action: Inspect,
        number: 1,
        generation: 1,
        phase: Phase::Active,
        saved: None,
        quarantine: None,
    };
    let mut act = |action: Action, after: Phase| {
        job.action = action;
        if action == Suspend {
            job.saved = Some(driver.snapshot(&job, job.saved.as_ref()).unwrap());
        }
        if action == Delete {
            job.quarantine = Some(format!("{}-g{}", user.uid, job.generation));
        }
        // Idempotent: as often as it is called, with the same end.
        for round in 1..=2 {
            let report =
                driver.act(&job).unwrap_or_else(|e| panic!("{} {action:?} {round}: {e}", driver.name()));
            let name = driver.name();
            assert!(report.ok(), "{name} {action:?} {round}: {:?}", report.surfaces);
            assert!(!report.surfaces.is_empty(), "{name} {action:?}: no surface was looked at");
            assert!(action != Delete || report.archive.is_some(), "{name}: a deletion without an archive");
        }
        job.phase = after;
        if after == Phase::Active {
            (job.saved, job.quarantine) = (None, None);
        }
        // After a purge there is nobody to look at.
        if after != Phase::Purged {
            let seen = driver.inspect(&job).unwrap();
            assert!(seen.ok(), "{} after {action:?}: {:?}", driver.name(), seen.surfaces);
        }
        job.generation += 1;
    };
    act(Inspect, Phase::Active);
    act(Resume, Phase::Active);
    act(Suspend, Phase::Suspended);
    act(Resume, Phase::Active);
    act(Suspend, Phase::Suspended);
    act(Delete, Phase::Deleted);
    act(Undelete, Phase::Active);
    act(Suspend, Phase::Suspended);
    act(Delete, Phase::Deleted);
    act(Purge, Phase::Purged);
}

#[test]
fn an_exec_program_is_judged_by_exit_code_and_answer() {
    let ground = Ground::new();
    let check = |script: &str, want: &str| {
        let settings = ExecConfig {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            timeout: Duration::from_millis(400),
        };
        let job = Job {
            account: Account { uid: 1001, login: "a b".into(), home: ground.path("home"), home_inode: 5 },
            action: Action::Suspend,
            number: 7,
            generation: 3,
            phase: Phase::Active,
            saved: None,
            quarantine: None,
        };
        let got = match Exec::new(settings).act(&job) {
            Ok(report) => {
                let texts = report
                    .surfaces
                    .iter()
                    .map(|s| format!("{}={} {}", s.surface, s.ok, s.detail).trim_end().to_owned());
                texts.chain(report.archive.clone()).collect::<Vec<_>>().join("|")
            }
            Err(e) => e.to_string(),
        };
        assert!(
            if want.ends_with('…') { got.starts_with(want.trim_end_matches('…')) } else { got == want },
            "{got}"
        );
    };
    check("exit 0", "program=true");
    check("echo well >&2", "program=true well");
    check("echo 'no such user' >&2; exit 3", "/bin/sh suspend: exit status: 3: no such user");
    check("sleep 30", "/bin/sh suspend: killed after 0.4 s, its time limit");
    check(
        r#"echo '{"surfaces":[{"surface":"web","ok":false,"detail":"still answers"}],"archive":"x"}'"#,
        "web=false still answers|x",
    );
    check("echo '{\"surfaces\":1}'", "/bin/sh ended well, but its answer is not understood: …");
    check("kill -9 $$", "/bin/sh suspend: signal: 9 (SIGKILL)");
    check(
        r#"read -r l; case "$l" in *'"user":"a%20b"'*'"generation":3'*'"number":7'*) exit 0;; *) echo "$l" >&2; exit 1;; esac"#,
        "program=true",
    );
}

//! The `linux` driver on real throw-away users.

use super::*;
use crate::executor::testing::{Ground, Mount, TempUser, is_root, nap, sh, until};
use hostmeter_core::wire::command::Action;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

fn driver(ground: &Ground, grace_ms: u64) -> Linux {
    Linux::new(LinuxConfig {
        quarantine_dir: ground.path("home/.quarantine"),
        archive_dir: ground.path("archive"),
        home_roots: vec![ground.path("home")],
        kill_grace: Duration::from_millis(grace_ms),
        crontab_dir: ground.path("cron"),
    })
}

fn job(user: &TempUser) -> Job {
    let target = user.target();
    Job {
        account: Account {
            uid: user.uid,
            login: user.name.clone(),
            home: user.home.clone(),
            home_inode: target.home_inode,
        },
        action: Action::Suspend,
        number: 1,
        generation: 1,
        phase: Phase::Active,
        saved: None,
        quarantine: Some(format!("{}-g1", user.uid)),
    }
}

/// As the engine does it: what is saved first, then the suspension.
fn suspend(driver: &Linux, job: &mut Job) -> Report {
    job.saved = Some(driver.snapshot(job, job.saved.as_ref()).unwrap());
    driver.suspend(job).unwrap()
}

fn fine(report: Report) -> Report {
    assert!(report.ok(), "{:?}", report.surfaces);
    report
}

fn error<T>(result: Result<T, DriverError>) -> String {
    result.err().map_or_else(|| panic!("it worked"), |e| e.to_string())
}

#[test]
fn the_previous_login_and_crontab_come_back_exactly() {
    if !is_root("the_previous_login_and_crontab_come_back_exactly") {
        return;
    }
    let ground = Ground::new();
    let check = |password: &str, expire: &str, crontab: bool| {
        let user = TempUser::new(&ground);
        sh("usermod", &["--password", password, "--expiredate", expire, &user.name]);
        let (driver, mut job) = (driver(&ground, 0), job(&user));
        let cron = ground.path("cron").join(&user.name);
        if crontab {
            std::fs::write(&cron, "* * * * * true\n").unwrap();
            std::fs::set_permissions(&cron, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&cron, Some(user.uid), Some(user.gid)).unwrap();
        }
        let facts =
            |path: &Path| std::fs::metadata(path).ok().map(|m| (m.ino(), m.uid(), m.mode(), m.mtime_nsec()));
        let before = (user.shadow(), facts(&cron));
        fine(suspend(&driver, &mut job));
        let shadow = user.shadow();
        let fields: Vec<&str> = shadow.split(':').collect();
        assert!(fields[1].starts_with('!') && fields[7] == "1", "{shadow}");
        assert!(!cron.exists());
        // Again, as after a crash: what is saved must not become the suspended state.
        fine(suspend(&driver, &mut job));
        fine(driver.resume(&job).unwrap());
        assert_eq!((user.shadow(), facts(&cron)), before, "{password:?} {expire:?}");
        fine(driver.resume(&job).unwrap());
        assert_eq!((user.shadow(), facts(&cron)), before, "{password:?} {expire:?}");
    };
    check("$6$salt$hash", "", true);
    check("$6$salt$hash", "25000", false);
    check("!$6$salt$hash", "", true);
    check("!", "2026-01-01", false);
    check("!", "1", false);
    check("*", "", false);
    check("", "", false);
}

#[test]
fn two_crontabs_are_named_and_neither_is_lost() {
    if !is_root("two_crontabs_are_named_and_neither_is_lost") {
        return;
    }
    let ground = Ground::new();
    let user = TempUser::new(&ground);
    let (driver, mut job) = (driver(&ground, 0), job(&user));
    let cron = ground.path("cron").join(&user.name);
    std::fs::write(&cron, "old").unwrap();
    fine(suspend(&driver, &mut job));
    std::fs::write(&cron, "new").unwrap();
    let report = driver.resume(&job).unwrap();
    let seen = report.surfaces.iter().find(|s| s.surface == "cron").unwrap();
    assert!(!seen.ok && seen.detail.contains("neither was touched"), "{seen:?}");
    assert_eq!(std::fs::read_to_string(&cron).unwrap(), "new");
    std::fs::remove_file(&cron).unwrap();
    fine(driver.resume(&job).unwrap());
    assert_eq!(std::fs::read_to_string(&cron).unwrap(), "old");
}

#[test]
fn nothing_that_runs_survives_a_suspension() {
    if !is_root("nothing_that_runs_survives_a_suspension") {
        return;
    }
    let ground = Ground::new();
    let check = |script: &str, at_least: usize, grace_ms: u64| {
        let user = TempUser::new(&ground);
        let mut child = user.run(script);
        until("the script's processes run", || user.processes() >= at_least);
        let begun = Instant::now();
        let (driver, mut job) = (driver(&ground, grace_ms), job(&user));
        let report = suspend(&driver, &mut job);
        let took = begun.elapsed();
        assert!(report.ok(), "{script}: {:?}", report.surfaces);
        assert_eq!(user.processes(), 0, "{script}");
        nap(200);
        assert_eq!(user.processes(), 0, "{script}: they came back");
        assert!(took < Duration::from_secs(30), "{script}: {took:?}");
        eprintln!("{script:?}: ended in {took:?}");
        child.wait().unwrap();
    };
    check("sleep 1000 & sleep 1000", 2, 200);
    check("nohup setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1000; done' & wait", 2, 200);
    check("sleep 1000 & kill -STOP $!; wait", 2, 200);
    // Two that start each other again.
    check("f() { while :; do sh -c 'trap \"\" TERM; sleep 1000'; done; }; f & f & f & wait", 6, 100);
    // Ten that fork as fast as they can, held at 100 processes by the kernel: without prlimit nothing is started at all.
    let workers =
        "f() { while :; do ( (:) & (:); wait ); done; }; for i in 0 1 2 3 4 5 6 7 8 9; do f & done; wait";
    check(&format!("exec prlimit --nproc=100:100 sh -c '{workers}'"), 11, 0);
}

fn listing(dir: &Path) -> String {
    // Name, kind, mode, owner, size, mtime, link target, inode.
    sh("find", &[&dir.to_string_lossy(), "-printf", "%P %y %m %U %G %s %T@ %l %i\\n"])
}

fn furnish(user: &TempUser) {
    let home = &user.home;
    std::fs::create_dir_all(home.join("a/b c/d")).unwrap();
    std::fs::write(home.join("a/b c/new\nline"), "x".repeat(10_000)).unwrap();
    std::fs::write(home.join("a/secret"), "s").unwrap();
    std::fs::set_permissions(home.join("a/secret"), std::fs::Permissions::from_mode(0o4400)).unwrap();
    std::fs::hard_link(home.join("a/secret"), home.join("a/link")).unwrap();
    symlink("/etc/passwd", home.join("passwd")).unwrap();
    symlink("..", home.join("up")).unwrap();
    sh("mkfifo", &[&home.join("fifo").to_string_lossy()]);
    sh("chown", &["-Rh", &format!("{}:{}", user.uid, user.gid), &home.to_string_lossy()]);
}

#[test]
fn a_deletion_archives_and_an_undeletion_gives_everything_back() {
    if !is_root("a_deletion_archives_and_an_undeletion_gives_everything_back") {
        return;
    }
    let ground = Ground::new();
    let user = TempUser::new(&ground);
    furnish(&user);
    let (driver, mut job) = (driver(&ground, 0), job(&user));
    let before = (listing(&user.home), user.shadow());
    fine(suspend(&driver, &mut job));
    let report = fine(driver.delete(&job).unwrap());
    assert!(!user.home.exists() && user.exists());
    let archive = ground.path("archive").join(report.archive.unwrap());
    assert_eq!(std::fs::metadata(&archive).unwrap().mode() & 0o777, 0o600);
    let unpacked = ground.path("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    sh("tar", &["-C", &unpacked.to_string_lossy(), "-xpf", &archive.to_string_lossy()]);
    let without_inodes = |text: &str| {
        let lines = text.lines().map(|l| l.rsplit_once(' ').map_or(l, |(rest, _)| rest).to_owned());
        let mut lines: Vec<String> = lines.filter(|l| !l.contains(" d ") && !l.contains(" l ")).collect();
        lines.sort();
        lines
    };
    let trimmed = |text: &str| -> Vec<String> {
        // tar keeps whole seconds.
        without_inodes(text).iter().map(|l| l.split('.').next().unwrap().to_owned()).collect()
    };
    assert_eq!(trimmed(&listing(&unpacked)), trimmed(&before.0));
    fine(driver.undelete(&job).unwrap());
    assert_eq!((listing(&user.home), user.shadow()), before);
    fine(driver.undelete(&job).unwrap());
}

#[test]
fn a_deletion_that_cannot_be_done_changes_nothing() {
    if !is_root("a_deletion_that_cannot_be_done_changes_nothing") {
        return;
    }
    let ground = Ground::new();
    let user = TempUser::new(&ground);
    furnish(&user);
    let mut job = job(&user);
    fine(suspend(&driver(&ground, 0), &mut job));
    let before = listing(&user.home);
    let check = |what: &str, driver: &Linux, want: &str| {
        let text = error(driver.delete(&job));
        assert!(text.contains(want), "{what}: {text}");
        assert_eq!(listing(&user.home), before, "{what}");
        let waiting = std::fs::read_dir(ground.path("home/.quarantine")).map_or(0, Iterator::count);
        let archives = std::fs::read_dir(ground.path("archive")).map_or(0, Iterator::count);
        assert_eq!((waiting, archives), (0, 0), "{what}");
    };
    let with = |change: &dyn Fn(&mut LinuxConfig)| {
        let mut settings = driver(&ground, 0).settings;
        change(&mut settings);
        Linux::new(settings)
    };
    let far = tempfile::Builder::new().prefix("hmtest-").tempdir_in("/dev/shm").unwrap();
    let other_fs = with(&|s| s.quarantine_dir = far.path().join("q"));
    check("another file system", &other_fs, "is on another file system than");
    let elsewhere = with(&|s| s.home_roots = vec!["/srv".into()]);
    check("not below a root", &elsewhere, "is not below /srv: see home_roots");
    let open = ground.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    check("a quarantine others may write to", &with(&|s| s.quarantine_dir = open.clone()), "its mode is 777");
    let small = ground.path("small");
    std::fs::create_dir(&small).unwrap();
    let full = Mount::tmpfs(&small, "8k");
    std::fs::write(small.join("filler"), vec![1_u8; 8192]).unwrap();
    check("no room for the archive", &with(&|s| s.archive_dir = small.clone()), "No space left on device");
    assert!(!small.join(format!("{}-g1.tar.zst.partial", user.uid)).exists());
    drop(full);
    let outside = ground.path("outside");
    std::fs::create_dir(&outside).unwrap();
    let mounted = Mount::bind(&outside, &user.home.join("a/b c/d"));
    let text = error(driver(&ground, 0).delete(&job));
    assert!(text.contains("1 mounted below") && text.contains("a/b c/d; unmount"), "{text}");
    drop(mounted);
    fine(driver(&ground, 0).delete(&job).unwrap());
}

#[test]
fn a_swapped_home_is_not_touched() {
    if !is_root("a_swapped_home_is_not_touched") {
        return;
    }
    let ground = Ground::new();
    let user = TempUser::new(&ground);
    let (driver, mut job) = (driver(&ground, 0), job(&user));
    fine(suspend(&driver, &mut job));
    let (aside, victim) = (ground.path("home/aside"), ground.path("home/victim"));
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("keep"), "x").unwrap();
    std::fs::rename(&user.home, &aside).unwrap();
    let check = |what: &str, want: &str| {
        let text = error(driver.delete(&job));
        assert!(text.contains(want), "{what}: {text}");
        assert!(victim.join("keep").exists() && aside.exists(), "{what}");
    };
    check("gone", "is missing, and it is not in the quarantine");
    symlink(&victim, &user.home).unwrap();
    check("a link", "it is no directory; nothing was touched");
    std::fs::remove_file(&user.home).unwrap();
    std::fs::create_dir(&user.home).unwrap();
    check("another directory", "its inode is");
    std::fs::remove_dir(&user.home).unwrap();
    std::fs::rename(&aside, &user.home).unwrap();
    chown(&user.home, Some(0), Some(0)).unwrap();
    let text = error(driver.delete(&job));
    assert!(text.contains(&format!("it belongs to uid 0, not {}", user.uid)), "{text}");
    chown(&user.home, Some(user.uid), Some(user.gid)).unwrap();
    fine(driver.delete(&job).unwrap());
    std::fs::create_dir(&user.home).unwrap();
    let text = error(driver.undelete(&job));
    assert!(text.contains("is there already; it was not touched"), "{text}");
    std::fs::remove_dir(&user.home).unwrap();
    fine(driver.undelete(&job).unwrap());
}

#[test]
fn a_purge_does_not_follow_a_bind_mount() {
    if !is_root("a_purge_does_not_follow_a_bind_mount") {
        return;
    }
    let ground = Ground::new();
    let user = TempUser::new(&ground);
    furnish(&user);
    let (driver, mut job) = (driver(&ground, 0), job(&user));
    fine(suspend(&driver, &mut job));
    fine(driver.delete(&job).unwrap());
    let quarantined = ground.path("home/.quarantine").join(job.quarantine.as_deref().unwrap());
    let outside = ground.path("outside");
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    std::fs::write(outside.join("deep/keep"), "x").unwrap();
    std::fs::write(outside.join("file"), "x").unwrap();
    let dir = Mount::bind(&outside, &quarantined.join("a/b c/d"));
    let file = Mount::bind(&outside.join("file"), &quarantined.join("a/secret"));
    let text = error(driver.purge(&job));
    assert!(
        text.starts_with("2 could not be removed: ") && text.contains("a/b c/d: it is a mount point"),
        "{text}"
    );
    assert!(outside.join("deep/keep").exists() && outside.join("file").exists());
    assert!(user.exists(), "the user must stay until the home is gone");
    drop(dir);
    drop(file);
    fine(driver.purge(&job).unwrap());
    assert!(!quarantined.exists() && !user.exists());
    assert_eq!(std::fs::read_to_string(outside.join("deep/keep")).unwrap(), "x");
    fine(driver.purge(&job).unwrap());
}

//! Trees that are made to hurt, counted as `du` counts them.

use super::*;
use crate::limits::{DISK_LINKS_MAX, DISK_OPEN_MAX};
use rustix::fs::{mkdirat, openat};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::process::Command;

const STEP: Budget = Budget { entries: 100, time: Duration::from_secs(60) };

fn own() -> Owner {
    Owner { uid: rustix::process::geteuid().as_raw(), ranges: Vec::new() }
}

fn walk_of(path: &Path, owner: &Owner) -> Walk {
    Walk::begin(&Home::find(path.to_str().unwrap(), owner).unwrap(), owner.clone()).unwrap()
}

fn count(path: &Path, owner: &Owner) -> Usage {
    let mut walk = walk_of(path, owner);
    while !walk.step(STEP).unwrap() {}
    walk.usage()
}

/// A folder for many files: in memory where that is possible.
fn large() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What du(1) says: KiB and inodes.
fn du(path: &Path) -> (u64, u64) {
    let run = |args: &[&str]| -> u64 {
        let out = Command::new("du").args(args).arg(path).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    (run(&["-skx"]), run(&["-sx", "--inodes"]))
}

fn check(path: &Path) -> Usage {
    let usage = count(path, &own());
    assert_eq!((usage.kib, usage.files), du(path));
    assert_eq!((usage.missed.as_str(), usage.by_share), ("", false));
    usage
}

#[test]
fn what_du_counts() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    check(dir.path());
    fs::create_dir_all(at("a/b/c")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    for (name, bytes) in [("x", 0), ("a/y", 1), ("a/b/c/z", 123_456), ("a/b/name\nwith lines", 5_000)] {
        fs::write(at(name), vec![7; bytes]).unwrap();
    }
    // A sparse file counts what is allocated.
    fs::File::create(at("sparse")).unwrap().set_len(1 << 40).unwrap();
    // Several names of one file, in several directories.
    fs::hard_link(at("a/b/c/z"), at("a/z2")).unwrap();
    fs::hard_link(at("a/b/c/z"), at("z3")).unwrap();
    // Links: out, to themselves, to nothing.
    symlink("/", at("out")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("..", at("a/up")).unwrap();
    let usage = check(dir.path());
    assert!(usage.kib < 1_000, "{usage:?}");
}

#[test]
fn only_the_accounts_own_files() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("home")).unwrap();
    let blocks = |name: &str| fs::symlink_metadata(at(name)).unwrap().blocks();
    let files = [
        ("home/own", 1_001),
        ("home/root", 0),
        ("home/other", 1_002),
        ("home/ns", 100_000),
        ("home/past", 100_010),
    ];
    for (name, uid) in files {
        fs::write(at(name), vec![1; 50_000]).unwrap();
        chown(at(name), Some(uid), None).unwrap();
    }
    let owner = Owner { uid: 1_001, ranges: vec![(100_000, 100_010)] };
    // The home of a jail is root's.
    let usage = count(&at("home"), &owner);
    assert_eq!((usage.kib, usage.files), ((blocks("home/own") + blocks("home/ns")).div_ceil(2), 2));
    chown(at("home"), Some(1_001), None).unwrap();
    assert_eq!(count(&at("home"), &owner).files, 3);
    let other = Owner { uid: 1_003, ranges: vec![] };
    let why = Home::find(at("home").to_str().unwrap(), &other).unwrap_err();
    assert_eq!(why, WalkError::NotItsOwn { home: at("home").display().to_string(), uid: 1_001 });
}

#[test]
fn homes_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    symlink("/", dir.path().join("root")).unwrap();
    let check = |path: &str, want: &str| {
        let got = Home::find(path, &own()).map_err(|e| e.to_string()).map(|h| h.path);
        assert_eq!(got, Err(want.to_owned()));
    };
    let at = |name: &str| dir.path().join(name).display().to_string();
    check("", "its home \"\" is not the path of a folder of its own");
    check("home/x", "its home \"home/x\" is not the path of a folder of its own");
    check("/", "its home \"/\" is not the path of a folder of its own");
    check(&at("root"), &format!("its home {:?} is not the path of a folder of its own", at("root")));
    check(&at("file"), &format!("its home {:?} is not the path of a folder of its own", at("file")));
    check("/nonexistent", "its home /nonexistent cannot be read (No such file or directory (os error 2))");
}

/// Makes a chain of directories deeper than any path may be long, with a file in each hundredth.
fn chain(at: &Path, depth: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut fd = open(at, flags, Mode::empty()).unwrap();
    for n in 0..depth {
        mkdirat(&fd, "d", Mode::from_raw_mode(0o755)).unwrap();
        if n % 100 == 0 {
            openat(&fd, "f", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o644)).unwrap();
        }
        fd = openat(&fd, "d", flags, Mode::empty()).unwrap();
    }
}

#[test]
fn deep_trees_cost_no_descriptors_and_no_stack() {
    check_deep(&large(), 5_000);
    check_deep(&tempfile::tempdir().unwrap(), DISK_OPEN_MAX * 3);
}

fn check_deep(dir: &tempfile::TempDir, depth: usize) {
    chain(dir.path(), depth);
    // Branches on every level that is left open, to be met on the way up.
    for up in 0..DISK_OPEN_MAX * 2 {
        let path = dir.path().join("d/".repeat(up)).join(format!("side{up}"));
        fs::create_dir(path).unwrap();
    }
    let mut walk = walk_of(dir.path(), &own());
    let mut most = 0;
    while !walk.step(Budget { entries: 1, ..STEP }).unwrap() {
        most = most.max(walk.frames.open_count());
    }
    let files = 1 + depth + depth.div_ceil(100) + DISK_OPEN_MAX * 2;
    assert_eq!(walk.usage().files, u64::try_from(files).unwrap());
    assert_eq!(most, DISK_OPEN_MAX);
}

#[test]
fn what_is_moved_away_meanwhile_is_noticed() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    chain(dir.path(), DISK_OPEN_MAX + 10);
    let mut walk = walk_of(dir.path(), &own());
    // To the bottom, where the home itself is not held open any more.
    while walk.frames.depth() < DISK_OPEN_MAX + 5 {
        assert!(!walk.step(Budget { entries: 1, ..STEP }).unwrap());
    }
    fs::rename(dir.path().join("d/d"), elsewhere.path().join("moved")).unwrap();
    let end = loop {
        match walk.step(STEP) {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(e) => break Err(e),
        }
    };
    assert_eq!(end, Err(WalkError::Moved));
    assert!(WalkError::Moved.is_passing());
}

#[test]
fn a_tree_that_changes_all_the_time_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let at = |n: usize| dir.path().join(format!("dir{n}"));
    (0..200).for_each(|n| fs::create_dir_all(at(n).join("sub")).unwrap());
    let mut walk = walk_of(dir.path(), &own());
    let mut n = 0;
    while !walk.step(Budget { entries: 7, ..STEP }).unwrap() {
        // Removed, replaced by a link, and by a file.
        for (n, kind) in [(n, 0), (n + 1, 1), (n + 2, 2)] {
            let is_gone =
                fs::remove_dir(at(n % 200).join("sub")).and_then(|()| fs::remove_dir(at(n % 200))).is_ok();
            if is_gone && kind > 0 {
                match kind {
                    1 => symlink("/", at(n % 200)).unwrap(),
                    _ => fs::write(at(n % 200), "x").unwrap(),
                }
            }
        }
        n += 3;
    }
    let usage = walk.usage();
    assert!(usage.missed.is_empty() && usage.files <= 1 + 200 * 2 && usage.files > 100, "{usage:?}");
}

#[test]
fn other_mounts_are_not_counted() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for name in ["big", "bound", "tmp"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(at("big/file"), vec![1; 1 << 20]).unwrap();
    fs::write(at("file"), "").unwrap();
    let before = count(dir.path(), &own());
    let mount = |args: &[&str]| Command::new("mount").args(args).status().is_ok_and(|s| s.success());
    let mounted: Vec<(bool, String)> = vec![
        // A part of the same file system, a file of it, and another file system.
        (mount(&["--bind", &at("big"), &at("bound")]), at("bound")),
        (mount(&["--bind", &at("big/file"), &at("file")]), at("file")),
        (mount(&["-t", "tmpfs", "none", &at("tmp")]), at("tmp")),
    ];
    let after = count(dir.path(), &own());
    for (_, path) in mounted.iter().filter(|(is_there, _)| *is_there) {
        assert!(Command::new("umount").arg(path).status().unwrap().success());
    }
    let there = mounted.iter().filter(|(is_there, _)| *is_there).count();
    // What is covered by a mount cannot be seen: two folders of a block each, and an empty file.
    assert_eq!((before.files - after.files, there), (u64::try_from(there).unwrap(), 3));
    assert!(after.kib <= before.kib, "{after:?} {before:?}");
}

#[test]
fn too_many_files_with_several_names_count_by_share() {
    let dir = large();
    let many = DISK_LINKS_MAX + 500;
    fs::create_dir(dir.path().join("again")).unwrap();
    for n in 0..many {
        let path = dir.path().join(n.to_string());
        fs::write(&path, if n % 50 == 0 { "x" } else { "" }).unwrap();
        fs::hard_link(&path, dir.path().join("again").join(n.to_string())).unwrap();
    }
    let usage = count(dir.path(), &own());
    assert_eq!(
        (usage.kib, usage.files, usage.by_share),
        (du(dir.path()).0, 2 + u64::try_from(many).unwrap(), true)
    );
}

#[test]
fn what_may_not_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut walk = walk_of(dir.path(), &own());
    walk.unread(Errno::ACCESS);
    walk.unread(Errno::IO);
    walk.too_deep = 3;
    walk.too_many = true;
    assert_eq!(
        walk.usage().missed,
        "2 entries of its home could not be read (Permission denied (os error 13)); 3 directories of its home lie too \
         deep to be counted; its home has more than 50000000 entries"
    );
}

/// Files in folders of a thousand, a tenth of them links to elsewhere.
fn forest(at: &Path, files: usize) {
    for n in 0..files {
        let folder = at.join(format!("{:04}", n / 1_000));
        if n % 1_000 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        let path = folder.join(format!("f{n}"));
        match n % 10 {
            0 => symlink("../../..", path).unwrap(),
            _ => fs::write(path, if n % 100 == 1 { "x" } else { "" }).unwrap(),
        }
    }
}

fn count_forest(dir: &tempfile::TempDir, files: usize) {
    forest(dir.path(), files);
    let budget = Budget { entries: 2_000, time: Duration::from_millis(10) };
    let (mut walk, started) = (walk_of(dir.path(), &own()), Instant::now());
    let (mut steps, mut longest) = (0, Duration::ZERO);
    loop {
        let step = Instant::now();
        let is_done = walk.step(budget).unwrap();
        longest = longest.max(step.elapsed());
        steps += 1;
        if is_done {
            break;
        }
    }
    let took = started.elapsed();
    let usage = walk.usage();
    let shown = format!("{files} files: {took:?} in {steps} steps, the longest {longest:?}, {usage:?}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("{shown}\n").as_bytes()).unwrap();
    assert_eq!((usage.kib, usage.files), du(dir.path()));
    assert_eq!(usage.files, u64::try_from(1 + files + files.div_ceil(1_000)).unwrap());
}

/// A hundred thousand files in memory. With `HOSTMETER_FILES=1000000` as many, and on the disk of `$TMPDIR` too.
#[test]
fn a_hundred_thousand_files() {
    match std::env::var("HOSTMETER_FILES") {
        Err(_) => count_forest(&large(), 100_000),
        Ok(files) => {
            count_forest(&large(), files.parse().unwrap());
            count_forest(&tempfile::tempdir().unwrap(), files.parse().unwrap());
        }
    }
}

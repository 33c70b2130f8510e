//! The units in `systemd/`: well formed, sandboxed as promised, and with no more and no fewer capabilities than
//! the work needs. Nothing here talks to a running systemd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a panic is the failure"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use hostmeter_tests::{
    skip::skip,
    tidy::tree,
    users::{Homes, TempUser, is_root},
};

/// Highest exposure that `systemd-analyze security` may give each service, in tenths.
const EXPOSURE_MAX: &[(&str, u32)] = &[
    ("hostmeter-agent.service", 24),
    ("hostmeter-executor.service", 25),
    ("hostmeter-collector.service", 15),
    ("hostmeter-charge.service", 15),
];

/// What the sandbox of each service has to say, whatever the exposure comes to.
const NEEDED: &[(&str, &[&str])] = &[
    (
        "hostmeter-agent.service",
        &[
            "Type=notify",
            "WatchdogSec=",
            "MemoryMax=",
            "TasksMax=",
            "User=hostmeter-agent",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
        ],
    ),
    (
        "hostmeter-executor.service",
        &[
            "Type=notify",
            "WatchdogSec=",
            "MemoryMax=",
            "TasksMax=",
            "RestrictAddressFamilies=AF_UNIX",
            "PrivateNetwork=yes",
        ],
    ),
    (
        "hostmeter-collector.service",
        &["Type=notify", "WatchdogSec=", "MemoryMax=", "TasksMax=", "CapabilityBoundingSet="],
    ),
    ("hostmeter-charge.service", &["Type=oneshot", "MemoryMax=", "TasksMax=", "LoadCredential=token:"]),
    (
        "hostmeter-executor.socket",
        &["ListenStream=/run/hostmeter/executor.sock", "SocketMode=0660", "SocketGroup=hostmeter"],
    ),
    ("hostmeter-charge.timer", &["Persistent=true"]),
];

fn folder() -> PathBuf {
    tree::root().join("systemd")
}

fn unit(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("systemd/{name}: {error}"))
}

fn run(program: &str, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).stdin(Stdio::null()).output().ok()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether `systemd-analyze` is here and knows `option`; says so loudly if not.
fn analyze_has(test: &str, option: &str) -> bool {
    let Some(help) = run("systemd-analyze", &["--help"]) else {
        skip(test, "systemd-analyze is not installed; run packaging/deps test");
        return false;
    };
    let has = text(&help).contains(option);
    if !has {
        skip(test, &format!("this systemd-analyze has no {option}"));
    }
    has
}

/// Units written to a folder where every program is replaced by an empty one that exists.
fn verify(units: &[(String, String)]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut args = vec!["verify".to_owned(), "--man=no".to_owned()];
    for (name, content) in units {
        let lines = content.lines().map(|line| match line.split_once('=') {
            Some(("ExecStart", command)) => {
                let rest = command.split_once(' ').map_or("", |(_, rest)| rest);
                format!("ExecStart={} {rest}\n", program.display())
            }
            _ => format!("{line}\n"),
        });
        let path = dir.path().join(name);
        fs::write(&path, lines.collect::<String>()).unwrap();
        args.push(path.to_str().unwrap().to_owned());
    }
    run("systemd-analyze", &args.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

fn all_units() -> Vec<(String, String)> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".md"))
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), unit(&name))).collect()
}

#[test]
fn units_are_well_formed() {
    if !analyze_has("units_are_well_formed", "--man") {
        return;
    }
    let units = all_units();
    assert!(units.len() >= NEEDED.len(), "{:?}", units.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let output = verify(&units);
    assert!(output.status.success() && text(&output).is_empty(), "{}", text(&output));
}

#[test]
fn a_malformed_unit_is_seen() {
    if !analyze_has("a_malformed_unit_is_seen", "--man") {
        return;
    }
    for (fault, expect) in [
        ("NoSuchKey=1", "NoSuchKey"),
        ("MemoryMax=lots", "lots"),
        ("SystemCallFilter=@none-such", "none-such"),
    ] {
        let content = format!("[Service]\n{fault}\nExecStart=/bin/true\n");
        let output = verify(&[("bad.service".to_owned(), content)]);
        assert!(text(&output).contains(expect), "{fault}: {}", text(&output));
    }
}

#[test]
fn sandboxes_are_tight() {
    if !analyze_has("sandboxes_are_tight", "--threshold") || !analyze_has("sandboxes_are_tight", "--offline")
    {
        return;
    }
    let services = all_units().into_iter().filter(|(name, _)| name.ends_with(".service")).count();
    assert_eq!(services, EXPOSURE_MAX.len(), "each service has its line in EXPOSURE_MAX");
    for (name, max) in EXPOSURE_MAX {
        let path = folder().join(name);
        let exposure = |threshold: &str| {
            let limit = format!("--threshold={threshold}");
            run("systemd-analyze", &["security", "--offline=true", &limit, path.to_str().unwrap()]).unwrap()
        };
        let output = exposure(&max.to_string());
        assert!(output.status.success(), "{name} is above {max} tenths:\n{}", text(&output));
        // The same call has to be able to fail, or it shows nothing.
        assert!(!exposure("3").status.success(), "{name}: systemd-analyze ignores the threshold");
    }
}

#[test]
fn units_hold_what_the_design_relies_on() {
    for (name, lines) in NEEDED {
        let unit = unit(name);
        for needed in *lines {
            let found = unit
                .lines()
                .any(|line| line == *needed || (needed.ends_with('=') && line.starts_with(needed)));
            let found = found || (needed.ends_with(':') && unit.lines().any(|line| line.starts_with(needed)));
            assert!(found, "systemd/{name} has no line {needed}");
        }
    }
}

/// The capabilities of a unit's line `key=…`, as `setpriv` wants them.
fn capabilities(name: &str, key: &str) -> String {
    let unit = unit(name);
    let value = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap().to_owned();
    let caps =
        value.split_whitespace().map(|cap| format!(",+{}", cap.trim_start_matches("CAP_").to_lowercase()));
    format!("-all{}", caps.collect::<String>())
}

#[test]
fn the_agents_capabilities_read_io_of_others() {
    if !is_root() || run("setpriv", &["--version"]).is_none() {
        return skip("the_agents_capabilities_read_io_of_others", "needs root and setpriv");
    }
    let caps = capabilities("hostmeter-agent.service", "AmbientCapabilities");
    let io = format!("/proc/{}/io", std::process::id());
    let read = |caps: &str| {
        let (inheritable, ambient) = (format!("--inh-caps={caps}"), format!("--ambient-caps={caps}"));
        let identity = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let args = [&identity[..], &[&inheritable, &ambient, "cat", &io]].concat();
        run("setpriv", &args).unwrap()
    };
    let output = read(&caps);
    assert!(output.status.success() && text(&output).contains("read_bytes"), "{}", text(&output));
    // The eBPF tier's own: reading files needs none of them.
    let of_ebpf = ["+bpf", "+perfmon", "+net_admin"];
    assert!(of_ebpf.iter().all(|cap| caps.contains(cap)), "{caps}");
    for cap in caps.split(',').skip(1).filter(|cap| !of_ebpf.contains(cap)) {
        let fewer = caps.replace(&format!(",{cap}"), "");
        assert!(!read(&fewer).status.success(), "{cap} is given and not needed for {}", io);
    }
}

#[test]
fn the_executors_capabilities_lock_and_unlock_an_account() {
    let name = "the_executors_capabilities_lock_and_unlock_an_account";
    if !is_root() || run("setpriv", &["--version"]).is_none() {
        return skip(name, "needs root and setpriv");
    }
    let homes = Homes::new().unwrap();
    let user = TempUser::new(homes.path()).unwrap();
    let bounding =
        format!("--bounding-set={}", capabilities("hostmeter-executor.service", "CapabilityBoundingSet"));
    for args in [
        &["usermod", "--password", "*x", &user.name][..],
        &["usermod", "--lock", "--expiredate", "1", &user.name],
        &["usermod", "--unlock", "--expiredate", "", &user.name],
    ] {
        let output = run("setpriv", &[&[bounding.as_str()], args].concat()).unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    }
}

#[test]
fn users_and_folders_are_made_as_the_units_expect() {
    let name = "users_and_folders_are_made_as_the_units_expect";
    if !is_root() || run("systemd-sysusers", &["--version"]).is_none() {
        return skip(name, "needs root and systemd-sysusers");
    }
    let dir = tempfile::tempdir().unwrap();
    let (root, config) = (dir.path(), dir.path().join("etc/hostmeter"));
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("agent.toml"), "").unwrap();
    let at = format!("--root={}", root.display());
    let file = |path: &str| tree::root().join("packaging").join(path).to_str().unwrap().to_owned();
    let users = run("systemd-sysusers", &[&at, &file("sysusers.d/hostmeter.conf")]).unwrap();
    assert!(users.status.success(), "{}", text(&users));
    let folders = run("systemd-tmpfiles", &["--create", &at, &file("tmpfiles.d/hostmeter.conf")])
        .expect("systemd-tmpfiles");
    assert!(folders.status.success(), "{}", text(&folders));
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let group = fs::read_to_string(root.join("etc/group")).unwrap();
    for (service, _) in EXPOSURE_MAX {
        let unit = unit(service);
        for (key, list) in [("User=", &passwd), ("Group=", &group)] {
            for wanted in unit.lines().filter_map(|line| line.strip_prefix(key)) {
                let known = list.lines().any(|line| line.split(':').next() == Some(wanted));
                assert!(known, "{service}: {key}{wanted} is not made by packaging/sysusers.d/hostmeter.conf");
            }
        }
    }
    assert_eq!(mode(&config.join("agent.toml")), 0o640);
    assert_eq!(mode(&root.join("run/hostmeter")), 0o755);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

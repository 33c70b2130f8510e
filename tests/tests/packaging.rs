//! What is in `packaging/`: the script that installs what is missing, the one that runs every check, and the
//! default configurations. The scripts run with a PATH of stand-ins, so nothing is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a panic is the failure"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use hostmeter_tests::{man, tidy::tree};
use tempfile::TempDir;

/// A folder of programs that stand in for the system's, and a log of what was called.
struct Stage {
    dir: TempDir,
}

/// What a script printed, the lines of the log, and the exit code.
struct Outcome {
    text: String,
    calls: Vec<String>,
    code: Option<i32>,
}

impl Stage {
    fn new(programs: &[(&str, &str)]) -> Self {
        let stage = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(stage.bin()).unwrap();
        for (name, body) in programs {
            stage.add(name, body);
        }
        stage
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    fn add(&self, name: &str, body: &str) {
        let path = self.bin().join(name);
        fs::write(&path, format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script of `packaging/`; `more` goes behind the stand-ins in PATH.
    fn run(&self, script: &str, args: &[&str], more: &str) -> Outcome {
        let log = self.dir.path().join("log");
        let output = Command::new("/bin/bash")
            .arg(tree::root().join("packaging").join(script))
            .args(args)
            .env_clear()
            .env("PATH", format!("{}{more}", self.bin().display()))
            .env("HOME", self.dir.path())
            .env("CARGO_TARGET_DIR", self.dir.path().join("target"))
            .env("BIN", self.bin())
            .env("LOG", &log)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let calls = fs::read_to_string(log).unwrap_or_default().lines().map(ToOwned::to_owned).collect();
        Outcome { text, calls, code: output.status.code() }
    }
}

const ROOT: (&str, &str) = ("id", "echo 0");
const USER: (&str, &str) = ("id", "echo 1000");
const ENV: (&str, &str) = ("env", "exec /usr/bin/env \"$@\"");
const SUDO: (&str, &str) = ("sudo", "echo sudo \"$@\" >>\"$LOG\"; exec \"$@\"");
const CARGO: (&str, &str) = ("cargo", "exit 0");
const FMT: (&str, &str) = ("cargo-fmt", "exit 0");
const CLIPPY: (&str, &str) = ("cargo-clippy", "exit 0");
const PYTHON: (&str, &str) = ("python3", "exit 0");
const CC: (&str, &str) = ("cc", "/bin/cat >/dev/null");
const CLANG: (&str, &str) = ("clang", "/bin/cat >/dev/null");
const PKG_CONFIG: (&str, &str) = ("pkg-config", "");
/// Notes its arguments, and makes the program that a package would bring.
const APT: (&str, &str) = (
    "apt-get",
    r#"echo apt-get "$@" >>"$LOG"
put() { printf '#!/bin/bash\n/bin/cat >/dev/null\n' >"$BIN/$1"; /bin/chmod 755 "$BIN/$1"; }
[ "$1" = install ] || exit 0
for package in "$@"; do
    case "$package" in
        gcc) put cc ;; systemd) put systemd-analyze ;; passwd) put usermod ;; iproute2) put ip ;; chromium-driver) put chromedriver ;; make | chromium | clang | pkg-config | hledger) put "$package" ;;
        python3-venv) put python3 ;;
    esac
done"#,
);
const APT_IDLE: (&str, &str) = ("apt-get", "exit 0");

#[track_caller]
fn check_deps(mode: &str, programs: &[(&str, &str)], code: i32, expect: &str, calls: &[&str]) {
    let outcome = Stage::new(programs).run("deps", &[mode], "");
    assert_eq!(outcome.code, Some(code), "{}", outcome.text);
    assert!(outcome.text.contains(expect), "{} has no {expect}", outcome.text);
    assert_eq!(outcome.calls, calls);
}

#[test]
fn deps_does_nothing_when_nothing_is_missing() {
    check_deps("build", &[CARGO, CC, CLANG, PKG_CONFIG, ("make", "")], 0, "", &[]);
    check_deps("bench", &[CARGO, CC, CLANG, PKG_CONFIG, ("make", ""), PYTHON], 0, "", &[]);
}

#[test]
fn deps_installs_what_is_missing_with_one_update() {
    let install = "apt-get install -y -q --no-install-recommends";
    // Headers are looked for with a compiler, so none is found without one.
    let all = "gcc libc6-dev make clang libelf-dev zlib1g-dev pkg-config";
    let calls = ["apt-get update -q".to_owned(), format!("{install} {all}")];
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    check_deps("build", &[ROOT, ENV, CARGO, APT], 0, &format!("installing {all}"), &calls);

    let test =
        Stage::new(&[ROOT, ENV, CARGO, FMT, CLIPPY, CC, CLANG, PKG_CONFIG, APT]).run("deps", &["test"], "");
    assert_eq!(test.code, Some(0), "{}", test.text);
    assert_eq!(test.calls[0], "apt-get update -q");
    assert!(test.calls[1].contains("make chromium"), "{:?}", test.calls);
    assert_eq!(test.calls.len(), 2, "{:?}", test.calls);
}

#[test]
fn deps_uses_sudo_when_it_is_not_root() {
    let outcome =
        Stage::new(&[USER, ENV, SUDO, CARGO, CC, CLANG, PKG_CONFIG, APT]).run("deps", &["build"], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.text);
    assert_eq!(outcome.calls[0], "sudo apt-get update -q");
    assert!(outcome.calls[2].starts_with("sudo env DEBIAN_FRONTEND"), "{:?}", outcome.calls);
}

#[test]
fn deps_says_what_is_missing_when_it_cannot_help() {
    check_deps(
        "build",
        &[USER, CARGO, CC, CLANG, PKG_CONFIG, APT],
        1,
        "run as root: apt-get install make",
        &[],
    );
    check_deps(
        "build",
        &[ROOT, CARGO, CC, CLANG, PKG_CONFIG],
        1,
        "missing: make (Debian package names); there is no apt-get",
        &[],
    );
    check_deps("build", &[ROOT, CC, APT], 1, "cargo is missing: install Rust", &[]);
    check_deps(
        "build",
        &[ROOT, ENV, CARGO, CC, CLANG, PKG_CONFIG, APT_IDLE],
        1,
        "still missing after the installation: make",
        &[],
    );
    check_deps("test", &[ROOT, CARGO], 1, "cargo fmt is missing", &[]);
    check_deps("everything", &[ROOT], 2, "unknown mode 'everything'", &[]);
}

/// `cargo` for run-tests: prints a summary as nextest does and as `cargo test` does, and ends as told.
fn fake_cargo(fmt: i32, tests: &str, tests_code: i32, nextest: i32) -> String {
    format!(
        r#"echo "$@" >>"$LOG"
case "$1 $2" in
    "fmt --all") exit {fmt} ;;
    "nextest --version") exit {nextest} ;;
    "nextest run") {tests}; exit {tests_code} ;;
    "test --release")
        if [ "${{*: -1}}" = --doc ]; then echo "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured"; exit 0; fi
        {tests}; exit {tests_code} ;;
esac"#
    )
}

#[track_caller]
fn check_run(cargo: &str, code: i32, last: &str, contains: &[&str]) {
    let outcome = Stage::new(&[("cargo", cargo)]).run("run-tests", &[], ":/usr/bin:/bin");
    assert_eq!(outcome.text.trim_end().lines().last(), Some(last), "{}", outcome.text);
    assert_eq!(outcome.code, Some(code), "{}", outcome.text);
    for needed in contains {
        assert!(outcome.text.contains(needed), "{} has no {needed}", outcome.text);
    }
}

const TEN: &str = "echo '     Summary [   1.5s] 10 tests run: 10 passed (2 slow), 0 skipped'";

#[test]
fn run_tests_adds_up_and_names_what_was_skipped() {
    let deny = "skipped: cargo deny";
    check_run(&fake_cargo(0, TEN, 0, 0), 0, "13 passed, 0 failed, 1 skipped", &[deny]);
    let skips = format!("echo 'skipped: browser: no chromium' >>\"$HOSTMETER_SKIPS\"; {TEN}");
    let text = ["NOT EVERYTHING WAS CHECKED, 2 skipped", "skipped: browser: no chromium", deny];
    check_run(&fake_cargo(0, &skips, 0, 0), 0, "12 passed, 0 failed, 2 skipped", &text);
}

#[test]
fn run_tests_reads_cargo_test_where_nextest_is_missing() {
    let two = "echo 'test result: ok. 4 passed; 0 failed; 0 ignored'; \
               echo 'test result: FAILED. 5 passed; 2 failed; 0 ignored'";
    check_run(&fake_cargo(0, two, 101, 1), 1, "12 passed, 2 failed, 1 skipped", &["failed steps: tests"]);
}

#[test]
fn run_tests_passes_every_failure_on() {
    let some = "echo '     Summary [   1.5s] 10 tests run: 7 passed, 2 failed, 1 timed out, 0 skipped'";
    check_run(&fake_cargo(0, some, 100, 0), 1, "10 passed, 3 failed, 1 skipped", &["failed steps: tests"]);
    // A step without tests of its own still counts, and the others run all the same.
    check_run(&fake_cargo(1, TEN, 0, 0), 1, "13 passed, 1 failed, 1 skipped", &["failed steps: fmt"]);
    // A build that broke before any test ran.
    check_run(&fake_cargo(0, "true", 101, 0), 1, "3 passed, 1 failed, 1 skipped", &["failed steps: tests"]);
}

/// Has one package to add, and cannot fetch any.
const APT_OFFLINE: (&str, &str) = (
    "apt-get",
    r#"echo apt-get "$@" >>"$LOG"
if [ "$1" = install ]; then echo "Inst qemu-system-x86 [1:7.0] (1:7.2 Debian:12 [amd64])"; else exit 100; fi"#,
);

#[test]
fn the_virtual_machine_says_what_it_lacks_and_leaves_nothing() {
    let stage = Stage::new(&[APT_OFFLINE, ("dpkg-deb", ""), ("mkfs.ext4", "")]);
    let outcome = stage.run("vm/run", &[], ":/usr/bin:/bin");
    assert_eq!(outcome.code, Some(1), "{}", outcome.text);
    assert!(outcome.text.contains("run apt-get update"), "{}", outcome.text);
    assert_eq!(outcome.calls[1], "apt-get download -q qemu-system-x86=1:7.2 busybox-static");
    let left: Vec<_> = fs::read_dir(stage.dir.path().join("target/vm")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn scripts_of_the_virtual_machine_are_well_formed() {
    for name in ["run", "init", "checks"] {
        let script = tree::root().join("packaging/vm").join(name);
        assert!(Command::new("/bin/bash").arg("-n").arg(script).status().unwrap().success(), "{name}");
    }
}

/// Lines such as `#listen = "…"` and `#[tls]` with the `#` taken off; prose is left as it is.
fn uncommented(text: &str) -> String {
    let is_option = |rest: &str| rest.starts_with('[') || rest.starts_with(|c: char| c.is_ascii_lowercase());
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if is_option(rest) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A default file means the same as `least`, the shortest that is accepted; each of its options is accepted when its `#` is removed, and
/// each is known: with a letter added to its name it is refused, and the message names it.
#[track_caller]
fn check_config<C: PartialEq + std::fmt::Debug, E: std::fmt::Display>(
    name: &str,
    least: &str,
    parse: impl Fn(&str, &str) -> Result<C, E>,
) {
    let path = tree::root().join("packaging/config").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let read = |text: &str| parse(name, text).map_err(|error| error.to_string());
    assert_eq!(read(&text).unwrap(), read(least).unwrap(), "{name} changes a default");
    let open = uncommented(&text);
    read(&open).unwrap_or_else(|error| panic!("{name} with every option set: {error}\n{open}"));
    let mut options = 0;
    for line in open.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
        let (key, _) = line.split_once('=').unwrap();
        let wrong = open.replacen(line, &line.replacen(key.trim(), &format!("{}x", key.trim()), 1), 1);
        let error = read(&wrong).expect_err(line);
        assert!(error.contains(&format!("{}x", key.trim())), "{line}: {error}");
        options += 1;
    }
    assert!(options > 3, "{name}: {options} options were found");
}

#[test]
fn default_configurations_hold() {
    check_config("collector.toml", "", hostmeter_collector::config::Config::parse);
    check_config("agent.toml", "", hostmeter_agent::config::parse);
    check_config("executor.toml", "driver = \"linux\"", hostmeter_agent::executor::config::read);
}

#[test]
fn man_pages_and_completions_are_current() {
    let packaging = tree::root().join("packaging");
    let mut wanted = Vec::new();
    for (name, text) in man::files(man::programs()).unwrap() {
        let found = fs::read(packaging.join(&name)).unwrap_or_default();
        assert!(found == text, "packaging/{name} is not what the program's definition says; run `make man`");
        wanted.push(name);
    }
    for folder in ["man", "completions"] {
        for entry in fs::read_dir(packaging.join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(wanted.contains(&name), "packaging/{name} belongs to no program; remove it");
        }
    }
}

#[test]
fn the_collector_may_open_as_many_files_as_it_takes_connections() {
    use hostmeter_collector::limits::{CONNECTIONS_MAX, DESCRIPTORS_SPARE};
    let unit = fs::read_to_string(tree::root().join("systemd/hostmeter-collector.service")).unwrap();
    let limit = unit.lines().find_map(|l| l.strip_prefix("LimitNOFILE=")).expect("LimitNOFILE");
    assert!(limit.parse::<u64>().unwrap() >= u64::try_from(CONNECTIONS_MAX).unwrap() + DESCRIPTORS_SPARE);
}

#[test]
fn units_start_programs_with_arguments_that_they_accept() {
    let units = tree::text_files(&tree::root().join("systemd")).unwrap();
    let lines: Vec<&str> = units
        .iter()
        .flat_map(|unit| unit.text.lines().filter_map(|line| line.strip_prefix("ExecStart=/usr/bin/")))
        .collect();
    for (command, _) in man::programs() {
        let name = command.get_name().to_owned();
        let started: Vec<_> = lines.iter().filter(|line| line.split(' ').next() == Some(&name)).collect();
        assert_eq!(started.len(), 1, "units that start {name}: {started:?}");
        for line in started {
            let result = command.clone().try_get_matches_from(line.split(' '));
            assert!(result.is_ok(), "{line}: {}", result.unwrap_err());
        }
    }
}

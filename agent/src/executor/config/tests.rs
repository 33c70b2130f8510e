//! The executor's configuration: every fault named, defaults as documented.

use super::*;

fn check(text: &str, want: &[&str]) {
    let got = read("executor.toml", text).err().map_or_else(String::new, |e| e.to_string());
    assert_eq!(got, want.join("\n  "), "{text}");
}

#[test]
fn faults_are_named_all_at_once() {
    check("driver = \"linux\"", &[]);
    check("driver = \"exec\"\n[exec]\nprogram = \"/usr/local/bin/x\"", &[]);
    check("", &["executor.toml: 1 fault", "driver: is missing; must be \"linux\" or \"exec\""]);
    check(
        "driver = \"cpanel\"",
        &["executor.toml: 1 fault", "driver = \"cpanel\": must be \"linux\" or \"exec\""],
    );
    check(
        "driver = \"exec\"",
        &[
            "executor.toml: 1 fault",
            "exec.program: is missing; driver = \"exec\" needs [exec] program = \"/…\"",
        ],
    );
    check(
        "driver = \"exec\"\nstate_dri = 1\nsocket = \"run.sock\"\nmin_suspended = \"14\"\nprotected = [1]\n\
         max_deletions_per_day = -1\n[exec]\nargs = \"x\"\n[linux]\nhome_roots = [\"/\"]\nkill_grace = \"2h\"\n\
         quarantine_dir = \"/home/../etc\"",
        &[
            "executor.toml: 11 faults",
            "state_dri = 1: unknown key; did you mean state_dir?",
            "linux.home_roots[0] = \"/\": must be an absolute path below /, like \"/home\"",
            "linux.home_roots = [\"/\"]: must name at least one directory, like [\"/home\"]",
            "linux.quarantine_dir = \"/home/../etc\": must be an absolute path without `..`, like \
             \"/var/lib/hostmeter-executor\"",
            "linux.kill_grace = \"2h\": must be from 0s to 1m",
            "exec.program: is missing; it is the absolute path of a program",
            "exec.args = \"x\": must be a list: [ … ]",
            "socket = \"run.sock\": must be an absolute path without `..`, like \"/var/lib/hostmeter-executor\"",
            "min_suspended = \"14\": must be a duration from 0s to 3650d: a whole number and ms, s, m, h or d in \
             quotes, like \"10s\"",
            "max_deletions_per_day = -1: must be a whole number from 0 to 10000, without quotes",
            "protected[0] = 1: must be a user's name, like \"backup\"",
        ],
    );
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = read("executor.toml", "driver = \"linux\"").unwrap();
    assert_eq!(config.state_dir, Path::new("/var/lib/hostmeter-executor"));
    assert_eq!(config.socket, Path::new("/run/hostmeter/executor.sock"));
    assert_eq!(config.min_suspended_ms, 14 * DAY_MS);
    assert_eq!((config.max_suspensions_per_hour, config.max_deletions_per_day), (10, 2));
    let DriverConfig::Linux(linux) = config.driver else { panic!("linux") };
    assert_eq!(linux.archive_dir, Path::new("/var/lib/hostmeter-executor/archive"));
    assert_eq!(linux.kill_grace, Duration::from_secs(2));
    let moved = read("executor.toml", "driver = \"linux\"\nstate_dir = \"/srv/x\"\n[linux]").unwrap();
    let DriverConfig::Linux(linux) = moved.driver else { panic!("linux") };
    assert_eq!(linux.archive_dir, Path::new("/srv/x/archive"));
}

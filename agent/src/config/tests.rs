//! One text per fault, with the message that people see.

use super::*;

fn check(text: &str, want: &[&str]) {
    let got = parse("agent.toml", text).map_or_else(|e| e.to_string(), |_| "good".to_owned());
    let lines: Vec<&str> = got.lines().map(str::trim_start).collect();
    assert_eq!(lines, want, "{text}");
}

fn check_one(text: &str, want: &str) {
    check(text, &["agent.toml: 1 fault", want]);
}

#[test]
fn an_empty_file_is_the_default() {
    let config = parse("agent.toml", "").unwrap();
    insta::assert_debug_snapshot!(config);
}

#[test]
fn every_key() {
    let text = r#"
        state_dir = "/srv/hm"
        [collector]
        url = "https://collector.example.org:8443"
        ca_file = "/etc/hostmeter/ca.pem"
        client_cert = "/etc/hostmeter/client.pem"
        client_key = "/etc/hostmeter/client.key"
        [sample]
        interval = "1s"
        [accounts]
        uid_min = 2000
        uid_max = 3000
        include = [33, "www"]
        exclude = ["backup"]
        [meters]
        kernel = "ebpf"
        bpffs = "none"
        [meters.disk]
        on = true
        every = "15m"
        [executor]
        socket = "/run/hostmeter/executor.sock"
        [spool]
        max = 1048576
        [ship]
        backoff_min = "50ms"
        backoff_max = "1s"
    "#;
    insta::assert_debug_snapshot!(parse("agent.toml", text).unwrap());
}

#[test]
fn faults() {
    check_one("statedir = \"/x\"", "statedir = \"/x\": unknown key; did you mean state_dir?");
    check_one(
        "state_dir = \"x\"",
        "state_dir = \"x\": must be an absolute path, like \"/var/lib/hostmeter-agent\"",
    );
    check_one("state_dir = 1", "state_dir = 1: must be a string in quotes");
    check_one("collector = 1", "collector = 1: must be a table: [collector]");
    check_one(
        "[collector]\nurl = \"http://example.org\"",
        "collector.url = \"http://example.org\": plain http would show usage to the network; write https://, or \
         http:// with a loopback address",
    );
    check_one(
        "[collector]\nurl = \"ftp://x\"",
        "collector.url = \"ftp://x\": must be an address like https://collector.example.org:8443",
    );
    check_one(
        "[collector]\nclient_cert = \"/c.pem\"",
        "collector.client_cert = \"/c.pem\": needs client_key, too",
    );
    check_one(
        "[collector]\nclient_key = \"/c.key\"",
        "collector.client_key = \"/c.key\": needs client_cert, too",
    );
    check_one(
        "[sample]\nintervall = \"10s\"",
        "sample.intervall = \"10s\": unknown key; did you mean interval?",
    );
    check_one("[sample]\ninterval = \"1ms\"", "sample.interval = \"1ms\": must be from 100ms to 1h");
    check_one(
        "[sample]\ninterval = 10",
        "sample.interval = 10: must be a duration from 100ms to 1h: a whole number and ms, s, m, h or d in quotes, \
         like \"10s\"",
    );
    check_one(
        "[accounts]\nuid_min = 9\nuid_max = 3",
        "accounts.uid_min = 9: must not be above uid_max, which is 3",
    );
    check_one(
        "[accounts]\nuid_min = -1",
        "accounts.uid_min = -1: must be a whole number from 0 to 4294967294, without quotes",
    );
    check_one(
        "[accounts]\ninclude = [1, true]",
        "accounts.include[1] = true: must be a user name in quotes or a uid without quotes",
    );
    check_one("[meters]\nkernel = \"x\"", "meters.kernel = \"x\": must be \"auto\", \"ebpf\" or \"proc\"");
    check_one(
        "[meters]\nbpffs = \"bpf\"",
        "meters.bpffs = \"bpf\": must be an absolute path, like \"/sys/fs/bpf\", or \"none\"",
    );
    check_one("[meters.disk]\nevery = \"8d\"", "meters.disk.every = \"8d\": must be from 1s to 7d");
    check_one("[meters.disk]\non = 1", "meters.disk.on = 1: must be true or false, without quotes");
    check_one(
        "[spool]\nmax = 1",
        "spool.max = 1: must be a whole number from 65536 to 68719476736, without quotes",
    );
    check_one(
        "[ship]\nbackoff_min = \"4s\"\nbackoff_max = \"3s\"",
        "ship.backoff_min = \"4s\": must not be above backoff_max, which is 3s",
    );
    check_one("[x", "not valid TOML: line 1: unclosed table, expected `]`");
}

#[test]
fn homes_are_counted_unless_that_is_off() {
    let every = |text: &str| parse("agent.toml", text).unwrap().disk_every_ms;
    assert_eq!(every("[meters]"), Some(DISK_EVERY_DEFAULT_MS));
    assert_eq!(every("[meters.disk]\nevery = \"5m\""), Some(300_000));
    assert_eq!(every("[meters.disk]\non = false\nevery = \"5m\""), None);
}

#[test]
fn all_faults_at_once() {
    check(
        "state = 1\n[sample]\ninterval = \"soon\"\n[meters]\nkernel = \"best\"\n[nginx]\nlog = 1",
        &[
            "agent.toml: 4 faults",
            "nginx = {…}: unknown key; known here: state_dir, collector, sample, accounts, meters, executor, spool, \
             ship",
            "state = 1: unknown key; did you mean state_dir?",
            "sample.interval = \"soon\": must be a duration from 100ms to 1h: a whole number and ms, s, m, h or d in \
             quotes, like \"10s\"",
            "meters.kernel = \"best\": must be \"auto\", \"ebpf\" or \"proc\"",
        ],
    );
}

#[test]
fn a_missing_file_names_itself() {
    let error = load(Path::new("/nonexistent/agent.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/agent.toml: cannot be read: No such file"), "{error}");
}

#[test]
fn only_the_usual_file_may_be_missing() {
    let error = load_if_there(Path::new("/nonexistent/agent.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/agent.toml: cannot be read"), "{error}");
    if !Path::new(DEFAULT_FILE).exists() {
        assert_eq!(load_if_there(Path::new(DEFAULT_FILE)).unwrap(), parse("", "").unwrap());
    }
}

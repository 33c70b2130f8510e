//! Configuration of agent, executor and collector, and plan files: every fault names its key or line.

use hostmeter_core::config::ConfigError;
use hostmeter_core::limits::{CONFIG_FAULTS_MAX, FAULT_VALUE_MAX_CHARS, PLAN_FAULTS_MAX};
use hostmeter_core::plan::{PlanError, PriceVersion};
use hostmeter_core::plan::{parse_json, parse_toml};

fn faults(error: &ConfigError, file: &str) {
    assert!(error.to_string().starts_with(&format!("{file}: ")), "{error}");
    assert!((1..=CONFIG_FAULTS_MAX).contains(&error.faults.len()), "{error}");
    for fault in &error.faults {
        assert!(
            !fault.want.is_empty() && fault.key.chars().count() <= FAULT_VALUE_MAX_CHARS + 1,
            "{fault:?}"
        );
        let texts = [&fault.key, &fault.value, &fault.want];
        assert!(!texts.iter().any(|t| t.contains('\n')), "one fault, one line: {fault:?}");
    }
}

pub(super) fn any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match hostmeter_agent::config::parse("agent.toml", text) {
        Ok(c) => {
            assert!(c.interval_ms > 0 && c.backoff_min_ms <= c.backoff_max_ms && c.state_dir.is_absolute());
        }
        Err(e) => faults(&e, "agent.toml"),
    }
    match hostmeter_agent::executor::config::read("executor.toml", text) {
        Ok(c) => assert!(c.state_dir.is_absolute() && c.socket.is_absolute() && c.min_suspended_ms >= 0),
        Err(e) => faults(&e, "executor.toml"),
    }
    match hostmeter_collector::config::Config::parse("collector.toml", text) {
        Ok(c) => assert!(c.data_dir.is_absolute()),
        Err(hostmeter_collector::config::ConfigError::Faults(e)) => faults(&e, "collector.toml"),
        Err(e) => panic!("a text is no file: {e}"),
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../../../packaging/config/agent.toml"),
        include_str!("../../../packaging/config/executor.toml"),
        include_str!("../../../packaging/config/collector.toml"),
        "state_dir = \"/a\"\n[collector]\nurl = \"https://x:1\"\n[sample]\ninterval = \"10s\"\n[accounts]\nuid_min = 5\nexclude = [\"a\", 7]\n[ship]\nbackoff_min = \"5s\"\n[spool]\nmax_bytes = 99999999\n[meters]\nbpffs = \"none\"\n",
        "driver = \"exec\"\nprotected = [\"backup\"]\nmin_suspended = \"14d\"\n[exec]\nprogram = \"/bin/x\"\nargs = [\"a\"]\ntimeout = \"60s\"\n[linux]\nhome_roots = [\"/home\"]\n",
        "listen = \"[::]:8443\"\ndata_dir = \"/d\"\n[tls]\ncert = \"/c\"\nkey = \"/k\"\n[billing]\ncurrency = \"EUR\"\n[breaker]\n",
    ];
    texts.iter().map(|t| plain(t).into_bytes()).collect()
}

/// Without comments, which only make a corpus larger.
fn plain(text: &str) -> String {
    let lines = text.lines().map(|l| l.trim_start_matches("# ").trim_start_matches('#'));
    lines.filter(|l| l.contains('=') || l.starts_with('[')).map(|l| format!("{l}\n")).collect()
}

fn plan_holds(result: Result<PriceVersion, PlanError>) {
    match result {
        Ok(version) => {
            let text = version.canonical();
            let again = parse_json(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(again, version);
            assert_eq!(again.canonical(), text);
        }
        Err(PlanError::Faults(list)) => {
            assert!((1..=PLAN_FAULTS_MAX).contains(&list.len()));
            assert!(list.iter().all(|f| !f.key.is_empty() && !f.want.is_empty()), "{list:?}");
        }
        Err(PlanError::Syntax { message, .. }) => {
            assert!(message.contains("line"), "{message:?} names no place");
        }
        Err(PlanError::TooLarge { .. }) => {}
    }
}

pub(super) fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    plan_holds(parse_toml(text));
    plan_holds(parse_json(text));
}

pub(super) fn plan_seeds() -> Vec<Vec<u8>> {
    let toml = "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = 2026-12-01T00:00:00Z\n[[price]]\nmeter = \"net_tx_bytes\"\namount = \"0.01\"\nper = \"1073741824\"\nfree = \"1000000\"\nmonthly_cap = \"25.5\"\n[[price]]\nmeter = \"cpu_usec\"\ntiers = [ { up_to = \"100\", amount = \"0.02\", per = \"10\" }, { amount = \"0.01\", per = \"10\" } ]\n";
    let json = parse_toml(toml).unwrap().canonical();
    vec![
        toml.as_bytes().to_vec(),
        json.into_bytes(),
        b"{\"id\":1,\"id\":2,\"price\":[{\"meter\":\"sessions\"}]}".to_vec(),
    ]
}

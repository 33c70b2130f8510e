//! Settings: defaults, and each fault with what would be right.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse("c.toml", text).map_err(|e| e.to_string())
}

#[test]
fn an_empty_file_means_the_defaults() {
    let c = parse("").unwrap();
    assert_eq!(c.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(c.billing.currency.as_str(), "EUR");
    assert_eq!(c.billing.grace_ms, 7 * 86_400_000);
    assert_eq!(c.billing.close_lag_ms, 48 * 3_600_000);
    assert_eq!(c.control_db(), Path::new("/var/lib/hostmeter-collector/control.db"));
    assert_eq!(
        c.breaker,
        Breaker { suspensions: 10, suspensions_percent: 5, deletions: 3, deletions_percent: 1 }
    );
    assert_eq!(c.tls, None);
    assert_eq!(c.payment_gateways, []);
}

#[test]
fn payment_gateways() {
    let gateways = |text: &str| parse(text).map(|c| c.payment_gateways.len());
    let bank = "[[payment_gateway]]\nname = \"bank\"\nsecret_files = [\"/a\", \"/b\"]\n";
    assert_eq!(gateways(bank), Ok(1));
    let check = |text: &str, want: &[&str]| {
        let got = gateways(text).unwrap_err();
        for want in want {
            assert!(got.contains(want), "{want:?} is missing in {got}");
        }
    };
    check(&format!("{bank}{bank}"), &["payment_gateway[1].name = \"bank\": is another gateway's, too"]);
    check("payment_gateway = 1", &["must be up to 32 tables: [[payment_gateway]]"]);
    check(
        "[[payment_gateway]]\nname = \"B\"\nsecret = \"x\"\nsecret_files = [\"rel\"]",
        &[
            "payment_gateway[0].secret: unknown key; did you mean secret_files?",
            "payment_gateway[0].name = \"B\": gateway \"B\" must be 1 to 32 lower-case letters",
            "payment_gateway[0].secret_files[0] = \"rel\": must be the absolute path",
        ],
    );
    check("[[payment_gateway]]", &["name: is missing", "must name 1 to 4 files"]);
}

#[test]
fn every_setting() {
    let c = parse(
        r#"
        listen = "[::1]:9000"
        data_dir = "/tmp/x"
        [tls]
        cert = "/c.pem"
        key = "/k.pem"
        client_ca = "/ca.pem"
        [store]
        kind = "sqlite"
        [billing]
        currency = "USD"
        default_plan = "gold"
        grace = "2s"
        delete_after = "3s"
        final_notice = "1s"
        overdraft = "0.5"
        close_lag = "4h"
        referral_percent = "5"
        referral_delay = "30d"
        tax_percent = "21"
        tax_name = "PVN"
        [breaker]
        suspensions = 1
        suspensions_percent = 2
        deletions = 3
        deletions_percent = 4
        "#,
    )
    .unwrap();
    assert_eq!(
        (c.billing.grace_ms, c.billing.delete_after_ms, c.billing.final_notice_ms),
        (2_000, 3_000, 1_000)
    );
    assert_eq!(c.billing.overdraft.micros(), 500_000);
    assert_eq!((c.billing.referral.ppm(), c.billing.referral_delay_ms), (50_000, 30 * 86_400_000));
    assert_eq!((c.billing.tax.ppm(), c.billing.tax_name.as_str()), (210_000, "PVN"));
    let tls = c.tls.unwrap();
    assert_eq!(
        (tls.key.as_path(), tls.client_ca.as_deref()),
        (Path::new("/k.pem"), Some(Path::new("/ca.pem")))
    );
    assert_eq!(c.breaker.deletions_percent, 4);
}

#[test]
fn faults() {
    let check = |text: &str, want: &str| assert_eq!(parse(text).unwrap_err(), want);
    check(
        "liste = 1\nlisten = \"nowhere\"\ndata_dir = \"here\"\n[tls]\ncert = 4\n[store]\nkind = \"clickhouse\"\n\
         [billing]\ncurrency = \"eur\"\ngrace = \"7\"\noverdraft = \"-1\"\ncolour = true\n[breaker]\ndeletions = -1\n",
        "c.toml: 11 faults\n  \
         liste = 1: unknown key; did you mean listen?\n  \
         listen = \"nowhere\": must be an address and a port, for example \"127.0.0.1:8080\" or \"[::]:8443\"\n  \
         data_dir = \"here\": must be an absolute path\n  \
         tls.cert = 4: must be a string in quotes\n  \
         tls.key: is missing; it names a file in PEM\n  \
         store.kind = \"clickhouse\": must be \"sqlite\", the only store of this version\n  \
         billing.colour = true: unknown key; known here: currency, default_plan, grace, delete_after, final_notice, overdraft, close_lag, low_below, trust_month, trust_max, promise_trust, promise, promise_every, retention, referral_percent, referral_delay, tax_percent, tax_name\n  \
         billing.currency = \"eur\": currency \"eur\" is not three upper-case letters; write it like \"EUR\"\n  \
         billing.overdraft = \"-1\": must be an amount that is not negative, for example \"5.00\"\n  \
         billing.grace = \"7\": \"7\" is not a duration; write a whole number and a unit: 500ms, 10s, 15m, 48h, 7d\n  \
         breaker.deletions = -1: must be a whole number from 0 to 4294967295, without quotes",
    );
    check("tls = 4", "c.toml: 1 fault\n  tls = 4: must be a table: [tls]");
    assert!(parse("a = = 1").unwrap_err().contains("not valid TOML: line 1"));
}

/// The file that packages install: every option it shows, uncommented, is a setting and its default.
#[test]
fn the_packaged_file_shows_the_defaults() {
    let packaged = include_str!("../../../packaging/config/collector.toml");
    assert_eq!(parse(packaged).unwrap(), parse("").unwrap());
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest)
            if rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(k, _)| !k.contains(' ')) =>
        {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let text: Vec<String> = packaged.lines().map(uncomment).collect();
    let mut shown = parse(&text.join("\n")).unwrap();
    assert!(shown.tls.take().is_some());
    assert!(shown.journal_dir.take().is_some());
    assert_eq!(std::mem::take(&mut shown.payment_gateways).len(), 1);
    assert!(shown.billing.low_below.take().is_some());
    assert_eq!(shown.backup.take().map(|b| (b.every_ms, b.keep)), Some((6 * 3_600_000, 7)));
    assert!(shown.notices.smtp.take().is_some_and(|s| (s.port, s.timeout.as_secs()) == (587, 10)));
    assert_eq!(shown, parse("").unwrap());
}

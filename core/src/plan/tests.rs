//! Plan files: what is read, what is refused, and what changes nothing.

use super::*;
use crate::money::Money;
use proptest::prelude::*;

const PLAN: &str = r#"
id = "basic"
currency = "EUR"
valid_from = "2026-12-01T00:00:00Z"

[[price]]
meter = "net_tx_bytes"
amount = "0.01"
per = "1073741824"
free = "1000000"
monthly_cap = "25.5"

[[price]]
meter = "cpu_usec"
tiers = [
  { up_to = "100", amount = "0.02", per = "10" },
  { amount = "0.01", per = "10" },
]
"#;

const CANONICAL: &str = concat!(
    r#"{"id":"basic","currency":"EUR","valid_from":"2026-12-01T00:00:00Z","price":["#,
    r#"{"meter":"cpu_usec","tiers":[{"up_to":"100","amount":"0.020000","per":"10"},"#,
    r#"{"amount":"0.010000","per":"10"}]},"#,
    r#"{"meter":"net_tx_bytes","amount":"0.010000","per":"1073741824","free":"1000000","monthly_cap":"25.500000"}]}"#
);

fn faults(text: &str) -> String {
    let result = if text.trim_start().starts_with('{') { parse_json(text) } else { parse_toml(text) };
    match result {
        Ok(version) => version.canonical(),
        Err(e) => e.to_string(),
    }
}

fn linear(id: &str, currency: &str, from: &str, amount: &str) -> PriceVersion {
    let text = format!(
        "id = {id:?}\ncurrency = {currency:?}\nvalid_from = {from:?}\n\
         [[price]]\nmeter = \"cpu_usec\"\namount = {amount:?}\nper = \"3600000000\"\n"
    );
    parse_toml(&text).unwrap()
}

#[test]
fn toml_and_json_have_one_canonical_form() {
    let version = parse_toml(PLAN).unwrap();
    assert_eq!(version.canonical(), CANONICAL);
    assert_eq!(parse_json(CANONICAL).unwrap(), version);
    assert_eq!(version.id().to_string(), "basic@2026-12-01T00:00:00Z");
    assert_eq!(PriceVersionId::parse("basic@2026-12-01T00:00:00Z").unwrap(), *version.id());
    // An unquoted date-time of TOML means the same; so does another way to write the same number.
    let other =
        PLAN.replace("\"2026-12-01T00:00:00Z\"", "2026-12-01T00:00:00Z").replace("\"25.5\"", "\"+25.500\"");
    assert_ne!(other, PLAN);
    assert_eq!(parse_toml(&other).unwrap(), version);
}

#[test]
fn a_single_endless_tier_is_a_plain_price() {
    let tiers = r#"{"id":"b","currency":"EUR","valid_from":"2026-12-05T07:00:00Z",
        "price":[{"meter":"cpu_usec","tiers":[{"amount":"1","per":"2"}]}]}"#;
    let version = parse_json(tiers).unwrap();
    assert!(version.is_linear());
    assert!(
        version.canonical().ends_with(r#""price":[{"meter":"cpu_usec","amount":"1.000000","per":"2"}]}"#)
    );
    assert_eq!(version.price(Meter::CpuUsec), Price::per_unit(Money::parse("1").unwrap(), 2).as_ref().ok());
    assert_eq!(version.price(Meter::IoOps), None);
}

#[test]
fn a_base_fee_is_part_of_the_content() {
    let with = |fee: &str| parse_toml(&PLAN.replacen("\n\n", &format!("\nbase_per_day = {fee:?}\n"), 1));
    let version = with("0.25").unwrap();
    assert_eq!(version.base_per_day(), Money::parse("0.25").unwrap());
    let text = CANONICAL.replacen(r#""price""#, r#""base_per_day":"0.250000","price""#, 1);
    assert_eq!(version.canonical(), text);
    assert_eq!(parse_json(&text).unwrap(), version);
    // None and 0 are the same content.
    assert_eq!(with("0").unwrap(), parse_toml(PLAN).unwrap());
    assert!(
        with("-0.1").unwrap_err().to_string().contains("base_per_day = -0.100000: a base fee is 0 or more")
    );
    assert!(with("a lot").unwrap_err().to_string().contains("base_per_day"));
    // It counts days, so that it binds no version to a month's start.
    let days = "id = \"d\"\ncurrency = \"EUR\"\nvalid_from = \"2026-12-05T07:00:00Z\"\nbase_per_day = \"1\"";
    assert!(parse_toml(days).unwrap().is_linear());
}

#[test]
fn every_fault_is_listed_at_once() {
    insta::assert_snapshot!(faults(
        r#"
id = "ba sic"
currency = "eur"
valid_from = "2026-12-01T00:30:00Z"
base_per_day = "-0.10"
discount = "5"

[[price]]
meter = "cpu_sec"
amount = "1e3"
per = "0"

[[price]]
meter = "net_tx_bytes"
amount = "-1"
per = "10"
free = "-3"
monthly_cap = "-0.5"
colour = "red"

[[price]]
meter = "sessions"
amount = 0.5
per = 10

[[price]]
meter = "net_tx_bytes"
amount = "1"
per = "9999999999999999999"

[[price]]
meter = "zzz"

[[price]]
meter = "io_ops"
amount = "1"
per = "1"
tiers = [{ up_to = "5", amount = "1", per = "1" }, { up_to = "5", amount = "1", per = "0" }, { up_to = "9", amount = "1", per = "1" }]

[[price]]
meter = "db_rows"
tiers = [{ amount = "1", per = "9223372036854775807" }, { amount = "1", per = "9223372036854775806" }]
"#
    ));
}

#[test]
fn faults_of_form() {
    let check = |text: &str, want: &str| assert_eq!(faults(text), want);
    check(
        r#"{"id":"a"}"#,
        "the plan has 2 fault(s):\n  currency: is missing; write three upper-case letters, like \"EUR\"\n  \
         valid_from: is missing; write the first hour, like \"2026-11-01T00:00:00Z\"",
    );
    let head = r#""id":"a","currency":"EUR","valid_from":"2026-12-01T00:00:00Z""#;
    check(
        &format!(r#"{{{head},"id":"b"}}"#),
        "the plan has 1 fault(s):\n  id = \"b\": stands twice; each key has one value",
    );
    check(
        &format!(r#"{{{head},"price":{{"meter":"cpu_usec"}}}}"#),
        "the plan has 1 fault(s):\n  price = {…}: must be a list: write [[price]] in TOML, \"price\": [ … ] in JSON",
    );
    check(
        &format!(r#"{{{head},"price":[7]}}"#),
        "the plan has 1 fault(s):\n  price[0] = 7: must be a table of keys and values",
    );
    check(
        &format!(
            r#"{{{head},"price":[{{"meter":"cpu_usec","amount":"1","per":"1"}},{{"meter":"cpu_usec","amount":"2","per":"1"}}]}}"#
        ),
        "the plan has 1 fault(s):\n  price[1].meter = cpu_usec: this meter has a price already; each meter has one",
    );
    check(
        &format!(r#"{{{head},"price":[{{"meter":"cpu_usec","tiers":[]}}]}}"#),
        "the plan has 1 fault(s):\n  price[0].tiers = 0: a price has 1 to 32 tiers",
    );
    check(
        &format!(r#"{{{head},"price":[{{"meter":"cpu_usec","tiers":null}}]}}"#),
        "the plan has 1 fault(s):\n  price[0].tiers = null: must be a list: tiers = [{ up_to = …, amount = …, per = … }, …]",
    );
    check(
        &format!(
            r#"{{{},"price":[{{"meter":"cpu_usec","amount":"1","per":"1","free":"5"}}]}}"#,
            head.replace("-01T", "-02T")
        ),
        "the plan has 1 fault(s):\n  valid_from = 2026-12-02T00:00:00Z: a plan with free allowance, tiers or cap \
         starts with a billing month: 00:00Z of the first, like \"2026-12-01T00:00:00Z\"",
    );
    check(
        "[]",
        "the plan is not valid TOML: TOML parse error at line 1, column 2\n  |\n1 | []\n  |  ^\nunquoted keys cannot be empty, expected letters, numbers, `-`, `_`",
    );
    check("{\"id\":}", "the plan is not valid JSON: expected value at line 1 column 7");
    check(&"#".repeat(70_000), "the plan has 70000 bytes; at most 65536 are allowed");
    check(
        &format!("{{{head},\"base_per_day\":\"0\"}}"),
        r#"{"id":"a","currency":"EUR","valid_from":"2026-12-01T00:00:00Z","price":[]}"#,
    );
}

#[test]
fn faults_are_bounded() {
    let many: String = (0..500).map(|i| format!("key{i} = 1\n")).collect();
    let error = parse_toml(&many).unwrap_err();
    assert_eq!(error.faults().len(), crate::limits::PLAN_FAULTS_MAX);
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(5_000));
    assert!(parse_json(&long).unwrap_err().faults().iter().all(|f| f.value.chars().count() < 100));
}

#[test]
fn versions_are_accepted_or_refused() {
    let now = UtcHour::parse("2026-11-21T12:00:00Z").unwrap();
    let stands = [
        linear("basic", "EUR", "2026-11-01T00:00:00Z", "0.01"),
        linear("basic", "EUR", "2026-12-01T00:00:00Z", "0.02"),
        linear("other", "USD", "2026-11-01T00:00:00Z", "0.01"),
    ];
    let check = |new: &PriceVersion, charged: Option<i64>, want: &str| {
        let charged = charged.map(|n| UtcHour(now.0 + n));
        let got = decide(&stands, new, charged, now.start_ms());
        assert_eq!(got.map_or_else(|e| e.to_string(), |c| format!("{c:?}")), want);
    };
    let with = |from: &str, amount: &str| linear("basic", "EUR", from, amount);
    check(&stands[0], Some(-1), "Unchanged");
    check(&with("2026-12-01T00:00:00Z", "0.03"), Some(-1), "Replaced");
    check(&with("2026-11-21T12:00:00Z", "0.03"), Some(-1), "Added");
    check(&with("2026-11-21T11:00:00Z", "0.03"), None, "Added");
    check(
        &with("2026-11-21T11:00:00Z", "0.03"),
        Some(-1),
        "plan basic cannot start at 2026-11-21T11:00:00Z: its usage is charged up to the hour 2026-11-21T11:00:00Z; \
         choose a `valid_from` after that",
    );
    check(
        &with("2026-11-01T00:00:00Z", "0.03"),
        None,
        "plan basic has another content from 2026-11-01T00:00:00Z on, in force since; choose a later `valid_from` \
         (now 2026-11-21T12:00:00Z)",
    );
    check(
        &linear("basic", "USD", "2026-12-01T00:00:00Z", "0.01"),
        None,
        "plan basic is in EUR, not in USD; use another plan id for another currency",
    );
    check(&linear("new", "USD", "2026-01-01T00:00:00Z", "0.01"), None, "Added");
}

#[test]
fn a_monthly_version_starts_early_in_the_east() {
    let monthly = parse_toml(PLAN).unwrap();
    let start = monthly.id().valid_from;
    let check = |charged: i64, want: bool| {
        let got = decide(&[], &monthly, Some(UtcHour(start.0 + charged)), 0);
        assert_eq!(got.is_ok(), want, "charged {charged} h from the start");
    };
    check(-14, false);
    check(-15, true);
}

proptest! {
    #[test]
    fn the_canonical_form_reads_back(
        amount in 0_i64..i64::MAX, per in 1_i64..i64::MAX, free in prop_oneof![0_i64..4, 0_i64..i64::MAX],
        cap in proptest::option::of(0_i64..i64::MAX), ends in proptest::collection::btree_set(1_i64..i64::MAX, 0..5),
    ) {
        let ends = ends.into_iter().map(Some).chain([None]);
        let tiers = ends.map(|up_to| Tier { up_to, amount: Money::from_micros(amount), per }).collect();
        let price = Price::new(free, tiers, cap.map(Money::from_micros)).unwrap();
        let version = parse_toml(PLAN).unwrap().with_price_for_test(Meter::CpuUsec, price);
        let text = version.canonical();
        prop_assert_eq!(parse_json(&text).map(|v| v.canonical()), Ok(text.clone()));
        prop_assert_eq!(parse_json(&text), Ok(version));
    }

    #[test]
    fn any_file_is_a_plan_or_a_list_of_faults(
        head in proptest::collection::vec((any_key(), any_value()), 0..6),
        prices in proptest::collection::vec(proptest::collection::vec((any_key(), any_value()), 0..5), 0..3),
        text in "\\PC{0,60}",
    ) {
        let table = |fields: &[(String, String)]| {
            let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{}:{v}", serde_json::json!(k))).collect();
            format!("{{{}}}", fields.join(","))
        };
        let list: Vec<String> = prices.iter().map(|p| table(p)).collect();
        let mut head = head;
        head.push(("price".to_owned(), format!("[{}]", list.join(","))));
        match parse_json(&table(&head)) {
            Ok(version) => prop_assert_eq!(parse_json(&version.canonical()), Ok(version)),
            Err(error) => prop_assert!(!error.faults().is_empty(), "{}", error),
        }
        prop_assert!(parse_toml(&text).is_err() && parse_json(&text).is_err());
    }
}

fn any_key() -> impl Strategy<Value = String> {
    let known = [
        "id",
        "currency",
        "valid_from",
        "base_per_day",
        "meter",
        "amount",
        "per",
        "free",
        "monthly_cap",
        "tiers",
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn any_value() -> impl Strategy<Value = String> {
    let pool = [
        "\"basic\"",
        "\"EUR\"",
        "\"2026-12-01T00:00:00Z\"",
        "\"cpu_usec\"",
        "\"sessions\"",
        "\"0.01\"",
        "\"7\"",
        "\"-1\"",
        "\"ä…\"",
        "7",
        "0.5",
        "null",
        "true",
        "[]",
        "{}",
        "[{\"amount\":\"1\",\"per\":\"3\"}]",
    ];
    proptest::sample::select(pool.to_vec()).prop_map(str::to_owned)
}

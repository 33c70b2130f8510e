//! Each fault is shown on a text that has it, and on one that has not.

use super::*;

fn faults_of(text: &str) -> Vec<String> {
    faults("x.rs", &read(text).unwrap(), false)
}

fn impurities_of(text: &str) -> Vec<String> {
    impurities("core/src/x.rs", &read(text).unwrap())
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let found = faults_of(text);
    assert_eq!(found.len(), expect.len(), "{text}: {found:?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.contains(expect), "{text}: {found} has no {expect}");
    }
}

#[test]
fn general_faults_are_found() {
    check("//! Docs.\nfn f() {}\n", &[]);
    check("fn f() {}\n", &["x.rs:1: begins without `//!`"]);
    check("//! D\nfn f() { g().unwrap(); }\n", &["x.rs:2: `unwrap()`"]);
    check("//! D\nfn f() {\n    println!(\"{}\", g(a).unwrap()) }\n", &["x.rs:3: `unwrap()`"]);
    check("//! D\nfn f() { g().unwrap_or(3); h.unwrap; }\n", &[]);
    check("//! D\n#[cfg(test)]\nmod tests { fn f() { g().unwrap(); assert!(a.unwrap()); } }\n", &[]);
    check("//! D\n#[test]\nfn f() { g().unwrap(); }\n", &[]);
    check("//! D\n#[test]\n#[ignore]\nfn slow() {}\n", &["test `slow` is ignored"]);
    check("//! D\n#[test]\n#[ignore = \"later\"]\nfn slow() {}\n", &["test `slow` is ignored"]);
    check("//! D\n#[allow(dead_code)]\nfn f() {}\n", &["x.rs:2: `dead_code` is switched off"]);
    check("//! D\n#[expect(dead_code, reason = \"why\")]\nfn f() {}\n", &[]);
}

#[test]
fn a_test_file_may_unwrap_and_allow() {
    let facts = read("//! D\n#[allow(dead_code)]\nfn f() { g().unwrap(); }\n").unwrap();
    assert!(faults("x/tests.rs", &facts, true).is_empty());
    assert_eq!(faults("x.rs", &facts, false).len(), 2);
}

#[test]
fn every_way_to_the_outside_is_found() {
    for (text, what) in [
        ("use std::fs;", "the file system"),
        ("use std::{fmt, fs::File};", "the file system"),
        ("use ::std::{net as n};", "sockets"),
        ("use std::fs::{self};", "the file system"),
        ("use std::env::*;", "the environment"),
        ("fn f() { std::env::var(\"A\"); }", "the environment"),
        ("fn f() -> bool { matches!(std::fs::read(p), Ok(_)) }", "the file system"),
        ("use std::time::SystemTime;", "the clock"),
        ("fn f(t: std::time::Instant) {}", "the clock"),
        ("fn f() { jiff::Timestamp::now(); }", "the clock"),
        ("use ring::rand::SystemRandom;", "randomness"),
        ("use std::thread;", "threads"),
    ] {
        let found = impurities_of(text);
        assert!(found.iter().any(|fault| fault.contains(what)), "{text}: {found:?}");
    }
}

#[test]
fn what_is_pure_is_not_blamed() {
    for text in [
        "use std::{fmt, time::Duration};\nfn f(fs: u8, now: Timestamp) {}",
        "// std::fs\n/// `SystemTime::now`\nfn f() -> &'static str { \"std::env\" }",
        "#[cfg(test)]\nmod tests { use std::fs; fn f() { std::env::var(\"A\"); } }",
        "#[cfg(test)]\nuse std::fs;",
        "fn f() { self::fs::read(); }",
    ] {
        assert_eq!(impurities_of(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn functions_tests_and_modules_are_read() {
    let text = "//! D\n/// Docs.\n#[inline]\nfn a(\n) {\n}\nimpl X { fn b(&self) {} }\n#[cfg(test)]\nmod tests;\n\
                mod other;\n#[tokio::test]\nasync fn c() {}\nproptest! { #[test] fn d(x in 0..3) { fn e() {} } }\n\
                #[allow(unsafe_code, reason = \"why\")]\nmod sys;\n";
    let facts = read(text).unwrap();
    assert_eq!(facts.functions[0], ("a".to_owned(), 4, 3));
    assert_eq!(facts.functions.len(), 3);
    assert_eq!(facts.tests.iter().map(String::as_str).collect::<Vec<_>>(), ["c", "d", "e"]);
    assert_eq!(facts.test_modules, ["tests"]);
    assert_eq!(facts.unsafe_allowed.len(), 1);
    assert!(read("fn {").is_err());
}

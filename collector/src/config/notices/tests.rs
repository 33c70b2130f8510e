//! Channels: defaults, everything set, each fault, and no secret in any of the texts.

use crate::config::{Config, SmtpTls};
use std::time::Duration;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn parse(text: &str) -> Result<super::Notices, String> {
    Config::parse("c.toml", text).map(|c| c.notices).map_err(|e| e.to_string())
}

#[test]
fn without_channels_there_are_none() {
    assert_eq!(parse("").unwrap(), super::Notices::default());
}

#[test]
fn ports_follow_the_protection() {
    let check = |tls: &str, port: u16, want: SmtpTls| {
        let smtp = parse(&format!("[smtp]\nhost = \"m\"\nfrom = \"a@b.example\"\ntls = \"{tls}\""))
            .unwrap()
            .smtp
            .unwrap();
        assert_eq!((smtp.port, smtp.tls, smtp.timeout), (port, want, Duration::from_secs(10)));
    };
    check("starttls", 587, SmtpTls::StartTls);
    check("implicit", 465, SmtpTls::Implicit);
    check("none", 25, SmtpTls::None);
}

#[test]
fn everything_set() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("password"), "top secret\n").unwrap();
    std::fs::write(at("hook"), SECRET).unwrap();
    let text = format!(
        "[notices]\nlanguage = \"ru\"\n\
         [smtp]\nhost = \"mail.example.com\"\nport = 2525\ntls = \"starttls\"\nuser = \"u\"\npassword_file = {:?}\n\
         from = \"Hosting <billing@example.com>\"\nreply_to = \"help@example.com\"\nalerts_to = [\"ops@example.com\"]\n\
         timeout = \"5s\"\n\
         [[webhook]]\nname = \"crm\"\nurl = \"https://crm.example.com/hook/\"\nsecrets = [\"{SECRET}\"]\n\
         secret_files = [{:?}]\nhands_over = false\n\
         [[webhook]]\nname = \"local\"\nurl = \"http://[::1]:8000/x\"\nsecrets = [\"{SECRET}\"]\nalerts = false\n\
         [telegram]\ntoken = \"12:abc\"\nalerts_chat = \"-100123\"\nbase_url = \"http://127.0.0.1:1\"\n",
        at("password"),
        at("hook")
    );
    let notices = parse(&text).unwrap();
    let smtp = notices.smtp.as_ref().unwrap();
    assert_eq!(smtp.login.as_ref().map(|(u, p)| (u.as_str(), p.reveal())), Some(("u", "top secret")));
    assert_eq!(smtp.from.to_string(), "Hosting <billing@example.com>");
    let [crm, local] = notices.webhooks.as_slice() else { panic!("two") };
    assert_eq!((crm.url.as_str(), crm.secrets.len()), ("https://crm.example.com/hook", 2));
    assert_eq!((crm.customers, crm.hands_over, crm.alerts), (true, false, true));
    assert_eq!((local.customers, local.hands_over, local.alerts), (true, true, false));
    assert_eq!(notices.telegram.as_ref().unwrap().alerts_chat.as_deref(), Some("-100123"));
    let shown = format!("{notices:?}");
    for secret in ["top secret", "MfKQ9", "12:abc"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    let got = parse(text).unwrap_err();
    let mut lines = got.lines().map(str::trim);
    let head = format!("c.toml: {} fault{}", want.len(), if want.len() == 1 { "" } else { "s" });
    assert_eq!(lines.next(), Some(head.as_str()), "{got}");
    assert_eq!(lines.collect::<Vec<_>>(), want, "{text}");
    assert!(!got.contains("hunter2") && !got.contains("c2hvcnQ="), "a secret in {got}");
}

#[test]
fn faults_of_mail() {
    check(
        "[notices]\nlanguage = \"xx\"",
        &["notices.language = \"xx\": is no language that texts are there in; use \"en\" or \"ru\""],
    );
    check(
        "[smtp]\nhost = \"a b\"\ntls = \"ssl\"\npassword = \"hunter2\"\nalerts_to = [\"x\"]\nport = 0\ncolour = 1",
        &[
            "smtp.colour = 1: unknown key; known here: host, port, tls, user, password, password_file, from, reply_to, alerts_to, ca_file, timeout",
            "smtp.from: is missing; it names the sender, like \"Hosting <billing@example.com>\"",
            "smtp.host = \"a b\": must be the name of a mail server, without blanks",
            "smtp.tls = \"ssl\": must be \"starttls\", \"implicit\" or \"none\"",
            "smtp.port = 0: must be a whole number from 1 to 65535, without quotes",
            "smtp.user: is missing beside the password",
            "smtp.alerts_to[0] = \"x\": must be an address, like \"ops@example.com\"",
        ],
    );
    check(
        "[smtp]\nhost = \"m\"\nfrom = \"a@b.example\"\ntls = \"none\"\nuser = \"u\"\npassword = \"hunter2\"\npassword_file = \"/x\"",
        &["smtp.password_file: stands beside password; keep one of the two"],
    );
    check(
        "[smtp]\nhost = \"m\"\nfrom = \"a@b.example\"\ntls = \"none\"\nuser = \"u\"\npassword = \"hunter2\"",
        &["smtp.tls = \"none\": must not be \"none\" with a password, unless the server is on this machine"],
    );
    check(
        "[smtp]\nhost = \"m\"\nfrom = \"nobody\"\nuser = \"u\"\nca_file = \"/no/such/file\"\ntimeout = \"1h\"",
        &[
            "smtp.user = \"u\": needs password or password_file",
            "smtp.from = \"nobody\": must be an address, like \"Hosting <billing@example.com>\"",
            "smtp.ca_file = \"/no/such/file\": cannot be read: No such file or directory (os error 2)",
            "smtp.timeout = \"1h\": must be from 100ms to 1m",
        ],
    );
}

#[test]
fn faults_of_webhooks_and_telegram() {
    check(
        "[webhook]\nname = \"x\"",
        &["webhook = {…}: must be written as [[webhook]], once for each receiver"],
    );
    check(
        "[[webhook]]\nurl = \"http://crm.example.com\"\nsecrets = [\"c2hvcnQ=\"]\n[[webhook]]\nname = \"A\"\nurl = \"https://u:hunter2@x.example\"",
        &[
            "webhook[0].name: is missing; it tells the receiver in lists and alerts, like \"crm\"",
            "webhook[0].url = \"http://crm.example.com\": must be an https address, like \"https://crm.example.com/hooks/hostmeter\" (http only to this machine)",
            "webhook[0].secrets[0]: holds a key of 5 bytes; 24 to 64 are allowed: openssl rand -base64 32",
            "webhook[1].name = \"A\": must have 1 to 32 lower-case letters, digits and -",
            "webhook[1].url: must not hold a user or password; receivers know the sender by the signature",
            "webhook[1].secrets: is missing; name secrets or secret_files, made by: openssl rand -base64 32",
        ],
    );
    let twice = format!("[[webhook]]\nname = \"a\"\nurl = \"https://x.example\"\nsecrets = [\"{SECRET}\"]\n")
        .repeat(2);
    check(&twice, &["webhook[1].name = \"a\": \"a\" is taken by another [[webhook]]; names are unique"]);
    check(
        "[telegram]\nalerts_chat = \"me\"\nbase_url = \"ftp://x\"",
        &[
            "telegram.token: is missing; name token or token_file, as @BotFather gave it",
            "telegram.base_url = \"ftp://x\": must be an https address, like \"https://crm.example.com/hooks/hostmeter\" (http only to this machine)",
            "telegram.alerts_chat = \"me\": must be a chat's number, like \"123456789\", or a channel's @name",
        ],
    );
    check(
        "[smtp]\nhost = \"m\"\nfrom = \"a@b.example\"\npasswrod = \"hunter2\"",
        &["smtp.passwrod: unknown key; did you mean password?"],
    );
    check(
        "[telegram]\ntoken = \"hunter2/../\"",
        &["telegram.token: holds characters that no token of a bot has"],
    );
}

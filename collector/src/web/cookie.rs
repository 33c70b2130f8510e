//! Cookies: one for the session, one for the login form.
//!
//! With TLS their names start with `__Host-`, so that a browser only takes them with `Secure`, for `/`, from this very
//! host. On plain HTTP a browser would refuse both; the names are then `hm_session` and `hm_login`, without `Secure`.

use crate::limits::SESSION_LIFE_MS;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jar {
    /// Who is logged in.
    Session,
    /// The token that the login form sends back.
    Login,
}

impl Jar {
    fn name(self, tls: bool) -> &'static str {
        match (self, tls) {
            (Self::Session, true) => "__Host-hm",
            (Self::Session, false) => "hm_session",
            (Self::Login, true) => "__Host-hm-login",
            (Self::Login, false) => "hm_login",
        }
    }

    /// The value that the browser sent; `None` too if it is not one that was given out: 64 hexadecimal digits.
    pub(super) fn read(self, headers: &HeaderMap, tls: bool) -> Option<String> {
        let sent = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        let pairs = sent.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let ours = pairs.filter(|(name, _)| *name == self.name(tls)).map(|(_, value)| value);
        let mut good = ours.filter(|v| v.len() == 64 && v.bytes().all(|b| b.is_ascii_hexdigit()));
        good.next().map(str::to_owned)
    }

    /// The header that gives a value to the browser.
    pub(super) fn give(self, value: &str, tls: bool) -> Option<HeaderValue> {
        self.header(value, SESSION_LIFE_MS.checked_div(1_000)?, tls)
    }

    /// The header that takes it away.
    pub(super) fn remove(self, tls: bool) -> Option<HeaderValue> {
        self.header("", 0, tls)
    }

    fn header(self, value: &str, age_sec: i64, tls: bool) -> Option<HeaderValue> {
        let secure = if tls { "; Secure" } else { "" };
        let name = self.name(tls);
        // Lax: a link in a mail finds its reader logged in; a form on another site does not.
        let text = format!("{name}={value}; Path=/; Max-Age={age_sec}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    let pairs = a.bytes().zip(b.bytes());
    !a.is_empty() && a.len() == b.len() && pairs.fold(0_u8, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading() {
        let value = "ab".repeat(32);
        let check = |sent: &str, tls: bool, want: bool| {
            let headers = [(COOKIE, HeaderValue::from_str(sent).unwrap())].into_iter().collect();
            assert_eq!(Jar::Session.read(&headers, tls).is_some(), want, "{sent} {tls}");
        };
        check(&format!("hm_session={value}"), false, true);
        check(&format!("a=b; hm_session={value}; c"), false, true);
        check(&format!("hm_session=x; hm_session={value}"), false, true);
        check(&format!("hm_session={value}"), true, false);
        check(&format!("__Host-hm={value}"), true, true);
        check(&format!("__Host-hm={value}"), false, false);
        check("hm_session=abc", false, false);
        check("hm_session=", false, false);
    }

    #[test]
    fn giving() {
        let of = |tls| Jar::Session.give("v", tls).unwrap();
        assert_eq!(of(true), "__Host-hm=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(of(false), "hm_session=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
        assert_eq!(Jar::Login.remove(false).unwrap(), "hm_login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn comparing() {
        for (a, b, want) in
            [("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("", "", false)]
        {
            assert_eq!(same(a, b), want, "{a} {b}");
        }
    }
}

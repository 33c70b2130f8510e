//! What webhooks and Telegram have in common: one POST within limits, never led elsewhere.

use super::sender::Outcome;
use crate::limits::DELIVERY_ANSWER_MAX_BYTES;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// A client for one receiver. Redirects are answers like others: a signed message goes where the file says.
pub(super) fn agent(timeout: Duration, ca_file: Option<&Path>) -> Result<ureq::Agent, String> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .user_agent(concat!("hostmeter/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let certs: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(cert)) => Some(cert),
                _ => None,
            })
            .collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certs)).build();
        config = config.tls_config(tls);
    }
    Ok(config.build().into())
}

/// Status, the pause that is asked for, and the beginning of the body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// A message that got no answer.
pub(super) struct Unsent {
    /// Why, without the address, which may hold a secret.
    pub(super) why: String,
    /// Nobody was reached: the message had no part in it.
    pub(super) is_unreached: bool,
}

impl Unsent {
    /// What that means for message and channel.
    pub(super) fn outcome(self) -> Outcome {
        if self.is_unreached { Outcome::Down(self.why, None) } else { Outcome::Broken(self.why, None) }
    }
}

/// Sends a body.
pub(super) fn post(
    request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    body: &[u8],
) -> Result<Answer, Unsent> {
    let mut answer = request.header("content-type", "application/json").send(body).map_err(|e| unsent(&e))?;
    let retry_after = answer
        .headers()
        .get("retry-after")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.trim().parse().ok())
        .map(Duration::from_secs);
    let status = answer.status().as_u16();
    // A body that is too large or does not come is no reason to send the message again.
    let body =
        answer.body_mut().with_config().limit(DELIVERY_ANSWER_MAX_BYTES).read_to_vec().unwrap_or_default();
    Ok(Answer { status, retry_after, body })
}

fn unsent(e: &ureq::Error) -> Unsent {
    use ureq::Timeout::{Connect, Resolve};
    let why = match e {
        ureq::Error::BadUri(_) => "the address cannot be used".to_owned(),
        ureq::Error::Http(_) => "the request cannot be made".to_owned(),
        other => other.to_string(),
    };
    let is_unreached = match e {
        ureq::Error::Io(e) => matches!(
            e.kind(),
            ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
        ),
        ureq::Error::Timeout(at) => matches!(at, Connect | Resolve),
        other => matches!(
            other,
            ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Tls(_)
                | ureq::Error::Rustls(_)
        ),
    };
    Unsent { why, is_unreached }
}

//! Mail by SMTP. The steps are told apart, so that a refused login or sender holds up the channel, and only a refused
//! recipient or message is given up.

use super::sender::{Message, Outcome, Sender};
use crate::config::{Smtp, SmtpTls};
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The server closes the connection (RFC 5321, 3.8): nothing against the message.
const CLOSING: &str = "421";

/// A mail server.
pub(super) struct Mailer {
    config: Smtp,
    hello: ClientId,
    open: Option<SmtpConnection>,
}

impl Mailer {
    /// From the configuration, which was checked.
    pub(super) fn new(config: &Smtp) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        let hello = if is_name { ClientId::Domain(name) } else { ClientId::default() };
        Self { config: config.clone(), hello, open: None }
    }

    /// The open connection, or a new one, logged in. Authorities are read anew: they change while this runs.
    fn connection(&mut self) -> Result<SmtpConnection, String> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let said = |step: &'static str| move |e: Error| format!("{step}: {e}");
        let c = &self.config;
        let tls = if c.tls == SmtpTls::None { None } else { Some(self.tls()?) };
        let at_once = tls.as_ref().filter(|_| c.tls == SmtpTls::Implicit);
        let server = (c.host.as_str(), c.port);
        let mut conn = SmtpConnection::connect(server, Some(c.timeout), &self.hello, at_once, None)
            .map_err(said("no connection"))?;
        if let Some(tls) = tls.as_ref().filter(|_| c.tls == SmtpTls::StartTls) {
            conn.starttls(tls, &self.hello).map_err(said("no STARTTLS"))?;
        }
        if let Some((user, password)) = &c.login {
            let login = Credentials::new(user.clone(), password.reveal().to_owned());
            conn.auth(&[Mechanism::Plain, Mechanism::Login], &login)
                .map_err(said("the login was refused"))?;
        }
        Ok(conn)
    }

    fn tls(&self) -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(self.config.host.clone());
        if let Some(path) = &self.config.ca_file {
            let pem = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let cert = Certificate::from_pem(&pem).map_err(|e| format!("{}: {e}", path.display()))?;
            builder = builder.add_root_certificate(cert);
        }
        builder.build().map_err(|e| format!("TLS: {e}"))
    }

    fn mail(&self, message: &Message, to: &[Address]) -> Result<Vec<u8>, lettre::error::Error> {
        let domain = self.config.from.email.domain();
        let sent =
            UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(message.now_ms).unwrap_or_default()));
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(self.config.from.clone())
            .subject(message.subject.clone())
            .date(sent.unwrap_or(SystemTime::UNIX_EPOCH))
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply_to) = &self.config.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        for address in to {
            builder = builder.to(Mailbox::new(None, address.clone()));
        }
        // RFC 3834: nobody's absence notice answers this. The other says which notice it is.
        let own = [
            (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
            (HeaderName::new_from_ascii_str("X-Hostmeter-Kind"), message.kind.as_str()),
        ];
        for (name, value) in own {
            builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        Ok(builder.body(message.text.clone())?.formatted())
    }
}

impl Sender for Mailer {
    fn send(&mut self, message: &Message) -> Outcome {
        let parsed: Result<Vec<Address>, _> = message.to.iter().map(|a| a.parse()).collect();
        let to = match parsed {
            Ok(to) if !to.is_empty() => to,
            Ok(_) => return Outcome::Failed("no address is known".to_owned()),
            Err(e) => return Outcome::Failed(format!("the address: {e}")),
        };
        let mail = match self.mail(message, &to) {
            Ok(mail) => mail,
            Err(e) => return Outcome::Failed(format!("the mail cannot be made: {e}")),
        };
        let mut conn = match self.connection() {
            Ok(conn) => conn,
            Err(why) => return Outcome::Down(why, None),
        };
        let outcome = transact(&mut conn, &self.config.from.email, &to, &mail);
        // A refused transaction is taken back; a connection that does not even do that is of no use.
        let is_clean = match &outcome {
            Outcome::Accepted(_) => true,
            Outcome::Later(_) | Outcome::Failed(_) => conn.command(Rset).is_ok(),
            Outcome::Down(..) | Outcome::Broken(..) => false,
        };
        if is_clean {
            self.open = Some(conn);
        } else {
            conn.abort();
        }
        outcome
    }

    fn rest(&mut self) {
        if let Some(mut conn) = self.open.take() {
            let _gone_already = conn.quit();
            conn.abort();
        }
    }
}

/// One mail. Some recipients may be refused as long as one is not.
fn transact(conn: &mut SmtpConnection, from: &Address, to: &[Address], mail: &[u8]) -> Outcome {
    let mut parameters = Vec::new();
    if to.iter().any(|a| !a.to_string().is_ascii()) {
        if !conn.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Outcome::Failed("the mail server takes no addresses beyond ASCII (SMTPUTF8)".to_owned());
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if let Err(e) = conn.command(Mail::new(Some(from.clone()), parameters)) {
        return Outcome::Down(format!("the sender {from} was refused: {e}"), None);
    }
    let (mut taken, mut refused) = (0_usize, None);
    for address in to {
        match conn.command(Rcpt::new(address.clone(), Vec::new())) {
            Ok(_) => taken = taken.saturating_add(1),
            Err(e) => match judge(&e, "the recipient was refused") {
                broken @ (Outcome::Down(..) | Outcome::Broken(..)) => return broken,
                other => refused = Some(other),
            },
        }
    }
    if let Some(refused) = refused.filter(|_| taken == 0) {
        return refused;
    }
    let sent = conn.command(Data).and_then(|_| conn.message(mail));
    match sent {
        Ok(answer) => Outcome::Accepted(answer.message().collect::<Vec<_>>().join(" ")),
        Err(e) => judge(&e, "the mail was refused"),
    }
}

fn judge(e: &Error, step: &str) -> Outcome {
    let why = format!("{step}: {e}");
    match e.status() {
        Some(code) if code.to_string() == CLOSING => Outcome::Down(why, None),
        Some(_) if e.is_permanent() => Outcome::Failed(why),
        Some(_) => Outcome::Later(why),
        None => Outcome::Broken(why, None),
    }
}

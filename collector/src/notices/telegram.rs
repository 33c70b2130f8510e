//! Telegram's Bot API: `sendMessage`.

use super::http::{Answer, Unsent, agent, post};
use super::sender::{Message, Outcome, Sender};
use crate::config::Telegram;
use crate::limits::TELEGRAM_TEXT_MAX_CHARS;
use serde_json::{Value, json};
use std::time::Duration;

/// A bot.
pub(super) struct Bot {
    /// Holds the token: never logged.
    url: String,
    token: String,
    agent: ureq::Agent,
}

impl Bot {
    /// From the configuration, which was checked.
    pub(super) fn new(config: &Telegram) -> Result<Self, String> {
        let token = config.token.reveal().to_owned();
        let url = format!("{}/bot{token}/sendMessage", config.base_url);
        Ok(Self { url, token, agent: agent(config.timeout, None)? })
    }
}

impl Sender for Bot {
    fn send(&mut self, message: &Message) -> Outcome {
        let Some(chat) = message.to.first() else { return Outcome::Failed("no chat is known".to_owned()) };
        let text: String = format!("{}\n\n{}", message.subject, message.text)
            .chars()
            .take(TELEGRAM_TEXT_MAX_CHARS)
            .collect();
        let body = json!({"chat_id": chat, "text": text}).to_string();
        match post(self.agent.post(&self.url), body.as_bytes()) {
            Ok(answer) => outcome(&answer),
            Err(unsent) => Unsent { why: unsent.why.replace(&self.token, "…"), ..unsent }.outcome(),
        }
    }
}

/// Errors as the Bot API describes them ("Making requests"): `ok`, `error_code`, `description`, `parameters`.
fn outcome(answer: &Answer) -> Outcome {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = json.get("description").and_then(Value::as_str).unwrap_or("no description");
    let said = format!("status {}: {said}", answer.status);
    let pause = json.pointer("/parameters/retry_after").and_then(Value::as_u64).map(Duration::from_secs);
    match answer.status {
        200 if json.get("ok") == Some(&Value::Bool(true)) => {
            Outcome::Accepted(match json.pointer("/result/message_id") {
                Some(id) => format!("message {id}"),
                None => "ok".to_owned(),
            })
        }
        // No such chat, or its owner blocked the bot.
        400 | 403 => Outcome::Failed(said),
        // The token is refused, or there are too many messages at a time.
        401 | 404 | 429 => Outcome::Down(said, pause.or(answer.retry_after)),
        _ => Outcome::Broken(said, pause.or(answer.retry_after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_api() {
        let check = |status: u16, body: &str, want: Outcome| {
            let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
            assert_eq!(outcome(&answer), want, "{status} {body}");
        };
        check(200, r#"{"ok":true,"result":{"message_id":7}}"#, Outcome::Accepted("message 7".into()));
        check(200, "<html>", Outcome::Broken("status 200: no description".into(), None));
        check(
            403,
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            Outcome::Failed("status 403: Forbidden: bot was blocked by the user".into()),
        );
        check(
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":14}}"#,
            Outcome::Down("status 429: Too Many Requests".into(), Some(Duration::from_secs(14))),
        );
        check(
            401,
            r#"{"ok":false,"description":"Unauthorized"}"#,
            Outcome::Down("status 401: Unauthorized".into(), None),
        );
        check(502, "", Outcome::Broken("status 502: no description".into(), None));
    }
}
